"""From a video file to the crops that the model sees."""
