"""Programs of several commands; errors are one sentence, and nothing heavy is imported early."""

import argparse
import errno
import inspect
import io
import logging
import signal
import sys
from argparse import Namespace
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from player_contact.cli.options import OPTIONS
from player_contact.utils.errors import ConfigError, PlayerContactError
from player_contact.utils.files import full_places

NO_SPACE = (errno.ENOSPC, errno.EDQUOT)
NOT_ALLOWED = (errno.EACCES, errno.EPERM, errno.EROFS, errno.EISDIR, errno.ENOTDIR, errno.EEXIST)
NOISY_LOGGERS = ("lightning_fabric", "fontTools", "matplotlib", "timm")

SWITCH = {"1": True, "yes": True, "true": True, "0": False, "no": False, "false": False}

Function = Callable[[Namespace], int | None]


class CommandLine:
    """A program of several commands: `python -m name command --option value`."""

    def __init__(self, name: str, description: str) -> None:
        self.parser = _Parser(f"python -m {name}", description=description)
        self.subparsers = self.parser.add_subparsers(metavar="command")

    def command(self, *names: str, **changed: Any) -> Callable[[Function], Function]:
        """Adds a function of the parsed options, whose docstring is the help, as a command.

        It has the options of OPTIONS that are named; `changed` ones have another default, or
        another default and help. It returns an exit code, or None.
        """
        options = {name: OPTIONS[name] for name in names}
        for name, value in changed.items():
            options[name] = value if isinstance(value, tuple) else (value, OPTIONS[name][1])

        def add(function: Function) -> Function:
            name, text = _dashed(function.__name__), inspect.getdoc(function) or ""
            parser = self.subparsers.add_parser(name, help=text.split("\n")[0], description=text)
            for option, (default, help_text) in sorted(options.items()):
                _add_option(parser, option, default, help_text)
            known = ", ".join(f"--{_dashed(option)}" for option in sorted(options))
            parser.set_defaults(function=function, known=f"{name} knows {known}")
            return function

        return add

    def run(self, words: Sequence[str]) -> int:
        """Runs a command and returns its exit code; without words shows the help."""
        args, unknown = self.parser.parse_known_args(words or ["--help"])
        if unknown:
            known = getattr(args, "known", "see --help")
            raise ConfigError(f"There is no option {unknown[0]}: {known}")
        return args.function(args) or 0

    def main(self) -> NoReturn:
        """Runs what the process was called with; what the user can mend is said in one sentence."""
        if isinstance(sys.stdout, io.TextIOWrapper):  # terminals and files of any encoding
            sys.stdout.reconfigure(errors="replace")
        logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
        logging.getLogger().handlers[0].setLevel(logging.INFO)  # a run keeps details for its report
        for name in NOISY_LOGGERS:
            logging.getLogger(name).setLevel(logging.WARNING)
        code = 2
        try:
            sys.exit(self.run(sys.argv[1:]))
        except KeyboardInterrupt:
            code = 128 + signal.SIGINT  # as shells expect it
            message = "Stopped. What was finished is kept: run again to go on"
        except PlayerContactError as error:
            message = str(error)
        except OSError as error:
            message = _sentence(error)
            if not message:
                raise
        print(f"error: {message}", file=sys.stderr)
        sys.exit(code)


def _sentence(error: OSError) -> str:
    """What the user can mend, or ""."""
    if error.errno in NO_SPACE:
        words = (word.partition("=")[2] if word[:1] == "-" else word for word in sys.argv[1:])
        paths = [Path("outputs"), *(Path(word) for word in words if word)]
        places = [error.filename] if error.filename else full_places(paths)
        where = f" at {', '.join(map(str, places))}" if places else ""
        return f"No space is left{where}. What was finished is kept: make room and run again"
    if error.errno in NOT_ALLOWED and error.filename:
        return f"{error.filename}: {error.strerror}"
    return ""


class _Parser(argparse.ArgumentParser):
    """Takes no shortened options, and raises ConfigError."""

    def __init__(self, prog: str, **options: Any) -> None:
        layout = argparse.RawDescriptionHelpFormatter
        super().__init__(prog, formatter_class=layout, allow_abbrev=False, **options)

    def error(self, message: str) -> NoReturn:
        example = (self.description or "").splitlines()[-1] if "required" in message else ""
        example = f". {example}" if example.startswith("Example: ") else ""
        raise ConfigError(f"{self.prog.removeprefix('python -m ')}: {message}{example}")


def _add_option(parser: argparse.ArgumentParser, name: str, default: Any, help_text: str) -> None:
    kind = default if isinstance(default, type) else type(default)
    types = {bool: _switch, int: _count, str: str, list: str}
    options: dict[str, Any] = {"type": types.get(kind, Path)}
    if kind is list:
        options |= {"nargs": "+", "action": "store" if default else "extend"}  # replaces a default
    if kind is bool:  # `--option`, `--option 1` or `--option 0`
        options |= {"nargs": "?", "const": True}
    if default is kind:
        options["required"] = True
    else:
        options["default"] = default
        help_text += f" [{default}]" if default else ""
    parser.add_argument(f"--{_dashed(name)}", help=help_text.replace("%", "%%"), **options)


def _dashed(name: str) -> str:
    return name.replace("_", "-")


def _switch(text: str) -> bool:
    """For `--option yes` and the like."""
    if text.lower() not in SWITCH:
        raise argparse.ArgumentTypeError(f"{text!r} is neither 1 nor 0 (or yes, no, true, false)")
    return SWITCH[text.lower()]


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 0")
    return int(text)
