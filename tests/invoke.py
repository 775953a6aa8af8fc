import contextlib
import io
from collections.abc import Sequence
from dataclasses import dataclass

from player_contact.cli.command_line import CommandLine
from player_contact.utils.errors import PlayerContactError


@dataclass
class Invocation:
    """What a command printed, its exit code, and the error that the user would be told."""

    output: str
    exit_code: int = 2
    exception: PlayerContactError | None = None


def invoke(app: CommandLine, words: Sequence[object]) -> Invocation:
    """Runs a command in this process."""
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        try:
            code = app.run([str(word) for word in words])
        except PlayerContactError as error:
            return Invocation(output.getvalue(), exception=error)
    return Invocation(output.getvalue(), code)
