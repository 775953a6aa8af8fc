"""Checks of a machine, a season, and a finished run: leaks, damaged inputs, time budgets, kills."""
