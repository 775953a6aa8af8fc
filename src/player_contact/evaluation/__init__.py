"""Folds, scores, the report and the viewer."""
