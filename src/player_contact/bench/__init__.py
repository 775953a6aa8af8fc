"""What stages cost, beside the limit of the machine and beside the way in which others do it, measured in one run."""
