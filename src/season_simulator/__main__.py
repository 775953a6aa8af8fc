"""The command line of the simulator: `python -m season_simulator --help`."""

from argparse import Namespace

from player_contact.cli.command_line import CommandLine
from player_contact.cli.options import SEASON_OPTIONS
from player_contact.cli.runs import config_of, simulated_season

app = CommandLine("season_simulator", "Simulated seasons in the competition's format.")


@app.command(*SEASON_OPTIONS)
def season(args: Namespace) -> None:
    """Simulate the season of a config in the competition's format.

    Example: python -m season_simulator season --plays 240 --video 0
    """
    print(simulated_season(args, config_of(args).season))


if __name__ == "__main__":
    app.main()
