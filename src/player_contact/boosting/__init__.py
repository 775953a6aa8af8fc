"""LightGBM models: the screen before the video, the blend after it."""
