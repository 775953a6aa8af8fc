"""From a video file to the crops that are the model's input."""
