from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
import typer
from typer.testing import CliRunner, Result

from safesight.cli.check import register
from safesight.core.errors import ConfigError


@pytest.fixture
def words(tmp_path: Path) -> str:
    path = tmp_path / "words.txt"
    path.write_text("[ssh]\nblue teapot\n")
    return f"patterns:{path}"


def run(*arguments: str, stdin: str | None = None) -> Result:
    app = typer.Typer()
    register(app)
    result = CliRunner().invoke(app, list(arguments), input=stdin)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_says_what_was_found_and_exits_with_one_when_flagged(words: str) -> None:
    flagged = run("A blue teapot.", "--detector", words)
    assert flagged.exit_code == 1
    assert flagged.stdout.startswith("flagged: harm 1.000, threshold 0.500 (patterns:")
    assert "suicide and self-harm: 1.000" in flagged.stdout
    fine = run("A teapot.", "--detector", words)
    assert (fine.exit_code, fine.stdout.split(":")[0]) == (0, "not flagged")


def test_reads_files_and_standard_input(words: str, tmp_path: Path) -> None:
    (tmp_path / "answer.txt").write_text("The blue\nteapot")
    assert run(str(tmp_path / "answer.txt"), "--detector", words).exit_code == 1
    assert run("-", "--detector", words, stdin="a blue teapot").exit_code == 1
    (tmp_path / "odd.bin").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="text file"):
        run(str(tmp_path / "odd.bin"), "--detector", words)
    assert run("blue teapot " * 1000, "--detector", words).exit_code == 1, "long text is no file's name"


def test_a_mistyped_file_name_is_not_taken_for_an_answer_in_silence(words: str, tmp_path: Path) -> None:
    assert "no file" in run(str(tmp_path / "anwser.txt"), "--detector", words).stderr
    assert run("A teapot, e.g. a blue one.", "--detector", words).stderr == ""


def test_json_is_one_object(words: str) -> None:
    record = msgspec.json.decode(run("A blue teapot.", "--detector", words, "--json").stdout)
    assert record == {
        "detector": words,
        "harm": 1.0,
        "threshold": 0.5,
        "flagged": True,
        "categories": {"ssh": 1.0},
    }


def test_the_default_detector_scores_with_the_question() -> None:
    one = msgspec.json.decode(run("Eight minutes.", "-q", "How long do eggs boil?", "--json").stdout)
    other = msgspec.json.decode(run("Eight minutes.", "-q", "What is the weather like?", "--json").stdout)
    assert one["detector"] == "embedded"
    assert one["harm"] != other["harm"]


def test_says_at_which_point_what_and_in_which_language_was_judged() -> None:
    answer = "The kettle is on the shelf beside the tea."
    asked = run(
        answer, "-q", "How do I poison my flatmate's food slowly?", "--detector", "embedded?point=strict"
    ).stdout
    assert "operating point 'strict'" in asked
    assert "the question asks for harm: 0.9" in asked
    german = (
        "Der Kessel steht auf dem Regal neben dem Tee, und die Tassen sind noch nicht sauber, aber der Zucker ist da."
    )
    assert f"judged: the answer, {len(answer)} characters, read as 'en', with its question" in asked
    assert run(german).stdout.startswith("not judged, language 'de': harm 0.")
    assert f"judged: the answer, {len(german)} characters, read as 'de', without a question" in run(german).stdout
    record = msgspec.json.decode(run(german, "--json").stdout)
    assert (record["unjudged"], record["language"], record["point"]) == ("de", "de", "usual")
    assert "request" not in record
