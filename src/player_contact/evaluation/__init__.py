"""Folds, the ladder of scores and the report."""
