"""What is installed, and what to do next."""

from pathlib import Path

import typer

from player_contact.commands.options import INPUT, DataOption, RunsOption

app = typer.Typer()


@app.command()
def doctor(
    input: DataOption = INPUT,  # noqa: A002
    output: RunsOption = Path("outputs"),
) -> None:
    """Tell what is installed, which device there is, which data and runs were found, and what to type next. Changes nothing.

    Example: player_contact doctor
    """
    from player_contact.doctor import examine, findings_text

    findings = examine(input, output)
    typer.echo(findings_text(findings))
    raise typer.Exit(1 if any(one.broken for one in findings) else 0)
