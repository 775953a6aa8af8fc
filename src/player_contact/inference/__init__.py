"""From a bundle and a folder of plays to a submission: the only way to predict."""
