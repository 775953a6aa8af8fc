"""The vision model: an image encoder over clips, fused with tabular features.

A row is a pair of players, or a player and the ground, at a step of 0.1 s; a track is all rows of a
pair in a play. The screen, a LightGBM model of tracking data, decides the easy rows and leaves the
open rows to this model, which reads crops of the video from up to two camera views.
"""
