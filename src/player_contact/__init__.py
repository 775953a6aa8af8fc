"""From sensors and two videos of a football play to who touches whom, ten times a second."""

__version__ = "0.1.0"
