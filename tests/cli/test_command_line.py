import errno
import io
import sys
from argparse import Namespace
from pathlib import Path

import pytest

from benchmarks.__main__ import app as benchmarks_app
from player_contact.__main__ import app as solution_app
from player_contact.cli.command_line import CommandLine
from player_contact.cli.options import OPTIONS
from player_contact.utils.errors import ConfigError
from run_checks.__main__ import app as checks_app
from season_simulator.__main__ import app as simulator_app

APPS = (solution_app, simulator_app, checks_app, benchmarks_app)
COMMANDS = [(name, parser) for app in APPS for name, parser in app.subparsers.choices.items()]


@pytest.fixture
def parse():
    """What a command with every kind of option gets."""
    app, parsed = CommandLine("program", "A program."), []

    @app.command("input", "set", "workers", "mend", "gpu", "run", "output", bundle=Path)
    def try_options(args: Namespace) -> None:
        """Keep the options."""
        parsed.append(args)

    return lambda *words: app.run(["try-options", "--bundle", "b", *words]) or parsed.pop()


def test_options_have_the_type_of_their_default(parse):
    args = parse("--input", "a b", "--workers", "3", "--run", "7", "--output", "x.csv")
    assert (args.input, args.workers, args.run) == (Path("a b"), 3, "7")
    assert (args.output, args.bundle) == (Path("x.csv"), Path("b"))


def test_options_that_are_not_given_have_their_default(parse):
    args = parse()
    assert (args.workers, args.mend, args.gpu, args.run, args.output) == (0, False, True, "", None)
    assert args.input == OPTIONS["input"][0]


def test_a_list_takes_several_values_several_times(parse):
    assert parse("--set", "a=1", "b=2", "--set", "c=3").set == ["a=1", "b=2", "c=3"]
    assert parse().set == []


def test_a_list_that_is_given_replaces_its_default():
    kernel = solution_app.subparsers.choices["kernel"]
    assert "av" in kernel.parse_args([]).wheels
    assert kernel.parse_args(["--wheels", "none"]).wheels == ["none"]


@pytest.mark.parametrize("words", [(), ("1",), ("yes",), ("True",)])
def test_a_flag_is_switched_on(parse, words):
    assert parse("--mend", *words).mend is True


@pytest.mark.parametrize("word", ["0", "no", "FALSE"])
def test_a_flag_is_switched_off(parse, word):
    assert parse("--gpu", word).gpu is False


@pytest.mark.parametrize("words", [("--workers", "-1"), ("--mend", "2"), ("--run",), ("--se",)])
def test_a_wrong_value_is_refused(parse, words):
    with pytest.raises(ConfigError):
        parse(*words)


@pytest.mark.parametrize(("name", "parser"), COMMANDS, ids=[name for name, _ in COMMANDS])
def test_every_command_has_help_and_an_example_that_parses(name, parser):
    first, *_, example = parser.description.splitlines()
    assert first.endswith(".")
    assert example.startswith(f"Example: {parser.prog}")
    parser.parse_args(example.removeprefix(f"Example: {parser.prog}").split())


def test_a_help_text_is_written_once():
    texts = [text for _, text in OPTIONS.values()]
    assert len(set(texts)) == len(texts) > 20


def test_no_option_is_declared_that_no_command_has():
    used = {action.dest for _, parser in COMMANDS for action in parser._actions}
    assert set(OPTIONS) <= used


def test_the_audit_asks_for_the_data_of_training():
    text = " ".join(checks_app.subparsers.choices["audit"].format_help().split())
    assert "the folder whose data the run was trained on" in text
    assert "a season is simulated" not in text


@pytest.fixture
def said(monkeypatch, capsys):
    """The exit code of a program with one command, and the last line that it wrote to stderr."""

    def run(function, *words):
        app = CommandLine("program", "A program.")
        app.command("input", "output")(function)
        monkeypatch.setattr(sys, "argv", ["program", function.__name__, *words])
        with pytest.raises(SystemExit) as ended:
            app.main()
        return ended.value.code, (capsys.readouterr().err.splitlines() or [""])[-1]

    return run


@pytest.mark.parametrize(("encoding", "text"), [("ascii", "a ? ? ? ?"), ("latin-1", "a ± · ? ?")])
def test_a_terminal_of_any_encoding_gets_what_it_can_show(said, monkeypatch, encoding, text):
    def show(_: Namespace) -> None:
        """Print ± · → █."""
        print("a ± · → █")

    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding=encoding, newline=""))
    assert said(show) == (0, "")
    sys.stdout.flush()
    assert written.getvalue().decode(encoding) == f"{text}\n"
    assert said(show, "--help")[0] == 0


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (OSError(errno.ENOSPC, "No space", "/data/x.npy"), "No space is left at /data/x.npy. What"),
        (OSError(errno.ENOSPC, "No space"), "No space is left at /full, /dev/shm. What was"),
        (OSError(errno.EDQUOT, "Quota"), "No space is left at /full, /dev/shm. What was finished"),
        (OSError(errno.EROFS, "Read-only file system", "/data/x"), "/data/x: Read-only file syst"),
        (PermissionError(errno.EACCES, "Permission denied", "/data/x"), "/data/x: Permission den"),
    ],
)
def test_where_nothing_can_be_written_the_place_is_told(said, monkeypatch, error, sentence):
    def fail(_: Namespace) -> None:
        """Fail."""
        raise error

    places = ["/full", "/dev/shm"]
    monkeypatch.setattr("player_contact.cli.command_line.full_places", lambda _: places)
    code, line = said(fail)
    assert code == 2
    assert line.startswith(f"error: {sentence}")


def test_every_path_of_the_command_line_may_be_the_full_one(said, monkeypatch):
    def fail(_: Namespace) -> None:
        """Fail."""
        raise OSError(errno.ENOSPC, "No space")

    monkeypatch.setattr("player_contact.cli.command_line.full_places", lambda paths: paths[1:])
    _, line = said(fail, "--output=/data/a=b.csv", "--input", "/data/c=d")
    assert line.startswith("error: No space is left at fail, /data/a=b.csv, /data/c=d. What")


def test_an_error_that_concerns_no_place_is_not_hidden(said):
    def fail(_: Namespace) -> None:
        """Fail."""
        raise OSError(errno.EROFS, "Read-only file system")

    with pytest.raises(OSError, match="Read-only"):
        said(fail)
