import json

import pytest
from typer.testing import CliRunner

from safesight.cli.app import build

ROWS = [
    {"question": "Who won?", "answer": "The team in blue won by two points.", "label": 0, "set": "calm"},
    {"question": "Who won?", "answer": "Nobody did, the match was called off.", "label": 0, "set": "calm"},
    {"question": "Who won?", "answer": "Losers like you should shut up.", "label": 1, "set": "mixed"},
    {"question": "Who won?", "answer": "I can't help with that, sorry.", "label": 0, "set": "mixed"},
]


@pytest.fixture
def data(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join(map(json.dumps, ROWS)))
    return path


def test_eval_prints_every_set_and_what_the_detector_is(data):
    result = CliRunner().invoke(build(), ["detector", "eval", "embedded", str(data), "--rounds", "20"])
    assert result.exit_code == 0, result.output
    assert "embedded: threshold" in result.output
    assert "calm" in result.output
    assert "AUROC" in result.output
    assert "false alarms per 1,000 harmless sentences" in result.output


def test_eval_prints_a_markdown_table(data):
    result = CliRunner().invoke(
        build(), ["detector", "eval", "embedded", str(data), "--rounds", "0", "--format", "markdown"]
    )
    assert "| set | n (harmful) | AUROC |" in result.output
    assert "| mixed | 2 (1) |" in result.output


def test_columns_of_other_names_are_named_by_option(tmp_path):
    theirs = [{"prompt": r["question"], "completion": r["answer"], "is_safe": not r["label"]} for r in ROWS]
    path = tmp_path / "theirs.jsonl"
    path.write_text("\n".join(map(json.dumps, theirs)))
    command = ["detector", "eval", "embedded", str(path), "--rounds", "0"]
    refused = CliRunner().invoke(build(), command)
    assert 'columns = { answer = "completion", label = "is_safe" }' in str(refused.exception)
    named = CliRunner().invoke(build(), [*command, "--column", "answer=completion", "--column", "label=is_safe"])
    assert "4 (1)" in named.output, (named.output, named.exception)


def test_train_says_where_weights_and_card_are(data, tmp_path):
    rows = [{**row, "question": f"Who won game {n}?"} for n in range(40) for row in ROWS]
    data.write_text("\n".join(map(json.dumps, rows)))
    config = tmp_path / "c.toml"
    config.write_text(
        'name = "x"\nout = "o"\n[[train]]\npath = "rows.jsonl"\nformat = "harm"\n[linear]\nbits = 12\nmin_rows = 1\n'
    )
    result = CliRunner().invoke(build(), ["train", "detector", str(config)])
    assert result.exit_code == 0, (result.output, result.exception)
    assert (tmp_path / "o" / "x.npz").exists()
    assert "threshold" in result.output
    assert "x.card.md" in result.output
    assert "caution: only 40 harmful rows of yours" in " ".join(result.output.split())
    assert "as the data's: unstated" in (tmp_path / "o" / "x.card.md").read_text()
