"""The command line: `python -m player_contact --help`."""

import errno
import logging
import sys

import typer

from player_contact.commands import checks, doctor, looks, networks, runs, seasons, upload
from player_contact.errors import PlayerContactError

NO_SPACE = (errno.ENOSPC, errno.EDQUOT)

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, help="Player contact from sensors and video.")
for subject in (runs, doctor, networks, seasons, looks, checks, upload):
    app.add_typer(subject.app)


def main() -> None:
    """Runs the command line; what the user can mend is said in one sentence."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    for noisy in ("lightning_fabric", "fontTools", "matplotlib", "timm"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
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


if __name__ == "__main__":
    main()
