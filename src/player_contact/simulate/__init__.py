"""A simulated season in the competition's format: plays, sensors, two cameras, helmet boxes and labels."""
