"""`safesight suite`, end to end on made data: what cannot run is told and does not stop the rest; it resumes."""

from __future__ import annotations

from pathlib import Path

from typer.testing import CliRunner

from safesight.cli.app import build
from tests.benchmarks.layouts import mossbench, xstest
from tests.contract.examples import picture

TEXT = """
name = "small"
models = ["scripted:echo"]
judges = ["refusal", "detector:embedded"]

[[run]]
benchmark = "xstest"
source = "xstest"
defences = ["none", "safety_prompt"]

[[run]]
benchmark = "mossbench"
source = "moss"

[[run]]
benchmark = "figstep"
source = "nowhere"
"""


def test_a_suite_runs_what_it_can_reports_and_resumes(tmp_path: Path):
    xstest(tmp_path / "xstest", picture)
    mossbench(tmp_path / "moss", picture)
    (tmp_path / "small.toml").write_text(TEXT)
    arguments = ["suite", str(tmp_path / "small.toml"), "--out", str(tmp_path / "out")]
    first = CliRunner().invoke(build(), arguments)
    assert first.exit_code == 1, first.output
    assert "not run: figstep" in first.output
    assert "by AILuminate hazard" in first.output
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "All benchmarks together" in page
    assert "Content, task, real time" in page
    assert len(list((tmp_path / "out").glob("*.sqlite"))) == 3
    again = CliRunner().invoke(build(), arguments)
    assert again.exit_code == 1
    assert CliRunner().invoke(build(), [*arguments, "--dry-run"]).exit_code == 0
