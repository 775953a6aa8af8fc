"""LightGBM twice: the screen before the video is looked at, the blend after."""
