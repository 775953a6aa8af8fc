"""The vision model: an image encoder over clips, fused with tabular features.

A row is a pair of players, or a player and the ground, at a step of 0.1 s; a track is all rows of
such a pair in a play; a clip is up to 64 consecutive steps of a track. The screen, a LightGBM model
of tracking and helmet boxes, closes the rows that are hardly contacts and leaves the open rows to
this model, which reads crops of the video from up to two camera views. A row is visible in a view
if the video covers its frames and at least one of its players has a box, detected or completed.

Letters of shapes: M open rows, L samples of a data set (clips or, in image epochs, T rows in random
order), B of a batch, T steps of a clip, V views (always both), N images (of all rows and views that
are visible), C channels of an image (frames, then masks), H = W its pixels, K tabular features,
D features from the encoder, E size of an image's embedding.
"""
