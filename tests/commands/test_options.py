import ast
from collections import Counter
from pathlib import Path

from typer.testing import CliRunner

from player_contact import commands
from player_contact.__main__ import app


def test_an_option_that_several_commands_share_is_described_once():
    texts: Counter = Counter()
    for path in Path(commands.__file__).parent.glob("*.py"):
        calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call) and ast.unparse(node.func) == "typer.Option"]
        texts.update(ast.unparse(word.value) for call in calls for word in call.keywords if word.arg == "help")
    assert len(texts) > 20
    assert [text for text, times in texts.items() if times > 1] == []


def test_the_audit_s_help_says_which_data_it_asks_for():
    text = " ".join(CliRunner().invoke(app, ["audit", "--help"], env={"COLUMNS": "300"}).output.split())
    assert "the folder whose data the run was trained on" in text
    assert "a simulated season is made" not in text
