"""The command line of the solution: its options, commands by subject, and the runs they name."""

from player_contact.cli.command_line import CommandLine

app = CommandLine(
    "player_contact", "Player contact from tracking and video: train, predict, submit to Kaggle."
)
