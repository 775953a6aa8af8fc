"""The competition's formats, clock and score, and nothing else."""
