"""The command line of the solution: `python -m player_contact --help`."""

from player_contact.cli import app, kaggle_commands, plot_commands, run_commands  # noqa: F401


def main() -> None:
    """Runs the command line, to which the imported modules added their commands."""
    app.main()


if __name__ == "__main__":
    main()
