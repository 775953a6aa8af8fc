"""Errors that the user can mend: the command line prints them as one sentence."""


class PlayerContactError(Exception):
    """Base of every error that the user, not the code, can mend. Its message says what to do."""


class InputError(PlayerContactError, ValueError):
    """A table, a video or a folder of the input is not what the competition's format says."""


class ConfigError(PlayerContactError, ValueError):
    """A setting is unknown, of the wrong type or out of range."""


class BundleError(PlayerContactError, ValueError):
    """A bundle is incomplete, or was made for something else."""


class WorkerError(PlayerContactError):
    """A process that worked for this one was ended from outside."""
