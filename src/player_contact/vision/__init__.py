"""A ResNet that reads a stretch of a pair's track, fused with sensor values."""
