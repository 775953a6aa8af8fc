"""A simulated season in the competition's format: plays, sensors, cameras, boxes, labels."""
