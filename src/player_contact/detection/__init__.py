"""Helmets in video: found, named by the tracking, and handed on as boxes."""
