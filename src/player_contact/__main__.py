"""The command line of the solution: `python -m player_contact --help`."""

from player_contact.cli import (  # noqa: F401
    app,
    helmet_commands,
    kaggle_commands,
    plot_commands,
    run_commands,
)


def main() -> None:
    """Runs the command line, to which the imported modules added their commands."""
    app.main()


if __name__ == "__main__":
    main()
