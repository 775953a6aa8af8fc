"""The command line: `python -m player_contact --help`."""

import errno
import logging
import resource
import sys

import typer

from player_contact.commands import checks, doctor, looks, networks, runs, seasons, upload
from player_contact.errors import PlayerContactError

OPEN_FILES = 4096  # the features of every play lie in a mapped file, and some systems allow a process no more than 256
NO_SPACE = (errno.ENOSPC, errno.EDQUOT)

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, help="Player contact from sensors and video.")
for subject in (runs, doctor, networks, seasons, looks, checks, upload):
    app.add_typer(subject.app)


def main() -> None:
    """Runs the command line; what the user can mend is said in one sentence."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    for noisy in ("lightning_fabric", "fontTools", "matplotlib", "timm"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    allow_open_files(OPEN_FILES)
    try:
        app()
    except PlayerContactError as error:
        typer.echo(f"error: {error}", err=True)
        sys.exit(2)
    except OSError as error:
        if error.errno not in NO_SPACE:
            raise
        where = f" ({error.filename})" if error.filename else ""
        typer.echo(f"error: The disk is full{where}. What was finished is kept: make room and run again", err=True)
        sys.exit(2)


def allow_open_files(number: int) -> None:
    """Lets this process, and those that it starts, hold so many files open where the system permits it; never fewer than before."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = number if hard == resource.RLIM_INFINITY else min(number, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


if __name__ == "__main__":
    main()
