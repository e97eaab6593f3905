"""Suite files: every combination, settings of parts before the suite's, faults told where they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from safesight.core.errors import ConfigError
from safesight.runner.suite import SHIPPED, read_suite, requests

TEXT = """
name = "mine"
models = ["scripted:echo"]
judges = ["refusal"]
max_tokens = 8

[[run]]
benchmark = "starter"
arms = ["multi", "text"]
defences = ["none", "safety_prompt"]
limit = 2

[[run]]
benchmark = "xstest"
source = "data/xstest"
judges = ["detector:embedded"]
max_tokens = 16
"""


def test_every_combination_is_a_run_of_its_own(tmp_path: Path):
    (tmp_path / "mine.toml").write_text(TEXT)
    suite, folder = read_suite(str(tmp_path / "mine.toml"))
    listed = requests(suite, folder=folder, out=tmp_path / "out")
    assert [(r.benchmark, r.data.arm, r.defence) for r in listed] == [
        ("starter", "multi", "none"),
        ("starter", "multi", "safety_prompt"),
        ("starter", "text", "none"),
        ("starter", "text", "safety_prompt"),
        ("xstest", "", "none"),
    ]
    assert len({r.path for r in listed}) == 5
    assert [r.judges for r in listed[3:]] == [("refusal",), ("detector:embedded",)]
    assert [r.decoding.max_tokens for r in listed[3:]] == [8, 16]
    assert listed[4].data.source == tmp_path / "data" / "xstest"


def test_models_named_by_the_caller_replace_the_suites():
    suite, folder = read_suite("quick")
    assert {r.model for r in requests(suite, folder=folder, models=("a", "b"))} == {"a", "b"}


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_suites_are_whole(name: str):
    suite, folder = read_suite(name)
    assert requests(suite, folder=folder, models=("scripted:echo",))


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("name = 'x'", "at least one"),
        ("name = 'x'\n[[run]]\nbenchmark = 'starter'\ndefence = 'none'", "defence"),
        ("name = 'x'\n[[run]]\nbenchmark = 3", "benchmark"),
        ("name = ", "Invalid"),
    ],
)
def test_faults_are_told(text: str, fault: str, tmp_path: Path):
    (tmp_path / "bad.toml").write_text(text)
    with pytest.raises(ConfigError, match=fault):
        read_suite(str(tmp_path / "bad.toml"))


def test_a_suite_without_a_model_says_so(tmp_path: Path):
    (tmp_path / "none.toml").write_text("name = 'x'\n[[run]]\nbenchmark = 'starter'\n")
    suite, folder = read_suite(str(tmp_path / "none.toml"))
    with pytest.raises(ConfigError, match="--model"):
        requests(suite, folder=folder)
    with pytest.raises(ConfigError, match="quick, papers"):
        read_suite("nothing-of-that-name")
