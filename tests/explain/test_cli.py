"""The three commands on real run files, through the command line's own parser."""

import json
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import msgspec
import pytest
import typer
from typer.testing import CliRunner

import safesight
from safesight.benchmarks.pairs.rows import META, Answering
from safesight.benchmarks.verifiable import Verifiable
from safesight.cli.explain import print_modes, register
from safesight.core.errors import ConfigError, UnknownName
from safesight.core.protocols import DataOptions
from safesight.core.records import Case, Label, Sample, content_hash
from safesight.core.store import RunStore
from safesight.models.scripted import ScriptedModel
from tests.analysis.build import case
from tests.explain.build import TEXTS, asked, write_run

APP = typer.Typer()
register(APP)


def _explain(*words: object) -> str:
    result = CliRunner().invoke(APP, ["explain", *map(str, words)], catch_exceptions=False, env={"COLUMNS": "160"})
    assert result.exit_code == 0
    return " ".join(result.output.split())


def _safety(path: Path, model: str, unsafe: int, *, arm: str = "multi") -> Path:
    labels: list[Label] = ["unsafe" if i < unsafe else "safe" for i in range(10)]
    cases = [case(f"{arm}{i}", label, twin=f"item{i}") for i, label in enumerate(labels)]
    return write_run(path / f"{model}-{arm}.sqlite", cases, model=model, model_fingerprint=model, arm=arm)


def _utility(path: Path, model: str, right: int) -> Path:
    cases = [case(str(i), text=f"({'A' if i < right else 'B'})", target="A", benign=True) for i in range(10)]
    return write_run(path / f"{model}-choice.sqlite", cases, model=model, benchmark="choice")


@pytest.fixture
def modes_run(tmp_path: Path) -> Path:
    cases: Sequence[Case] = [asked(mode, "safe", text) for mode, text in TEXTS.items()]
    return write_run(tmp_path / "r.sqlite", [*cases, asked("u", "unsafe", "Here it is.")], model="mine")


def test_modes_prints_the_run_beside_the_published_models_and_keeps_labels(modes_run: Path):
    shown = _explain("modes", modes_run)
    assert "mine" in shown
    assert "33.3" in shown
    assert "GPT-5.1 │ ? │ 87.13" in shown
    assert "2601.14127" in shown
    # Rules are too weak for a headline.
    assert "what that makes of the rates" not in shown
    assert "placed 5 right" in shown
    with RunStore.open(modes_run, readonly=True) as store:
        assert sorted(m.mode for m in store.modes("rules")) == ["CR", "HM", "IR"]


def test_two_labellers_are_compared(modes_run: Path, tmp_path: Path):
    script = tmp_path / "labeller.jsonl"
    script.write_text("\n".join(json.dumps({"when": text, "text": f"MODE: {mode}"}) for mode, text in TEXTS.items()))
    shown = _explain("modes", modes_run, "--labeller", "rules", "--labeller", f"scripted:{script}")
    assert "on 3 answers (0 left out): agree 100.0 %" in shown
    assert "kappa 1.00" in shown
    # By the model: one unsafe answer beside CR and IR, the two safe ones that understood.
    assert "33.3" in shown.split("what that makes of the rates")[1]


def test_modes_published_alone_needs_no_run():
    assert "Qwen2.5-VL-32B-Instruct" in _explain("modes", "--published")
    with pytest.raises(ConfigError, match="--published"):
        _explain("modes")


def test_modes_of_a_run_that_nobody_judged_says_what_to_do(tmp_path: Path):
    path = write_run(tmp_path / "r.sqlite", [asked("1", None, "x")])
    with pytest.raises(ConfigError, match="safesight judge"):
        print_modes([path])
    with pytest.raises(UnknownName):
        _explain("modes", write_run(tmp_path / "s.sqlite", [asked("1", "safe", "x")]), "--judge", "k")


def test_control_prints_paired_differences_and_what_was_not_run(tmp_path: Path):
    shown = _explain("control", _safety(tmp_path, "m", 9), _safety(tmp_path, "m", 2, arm="single"))
    assert "multi minus arm" in shown
    assert "+70.0" in shown
    assert "arms not run: stitched, text, shuffled" in shown


def test_control_of_one_arm_and_of_the_published_table(tmp_path: Path):
    assert "one arm alone" in _explain("control", _safety(tmp_path, "m", 9))
    shown = _explain("control", "--published")
    assert "GPT-4o │ 19.4 │ 65.2 │ +45.8" in shown
    assert "5 of 5 models' rates are whole counts of 546" in shown


def test_capability_takes_a_scores_file(tmp_path: Path):
    runs = [_safety(tmp_path, f"m{i}", i) for i in range(1, 5)]
    scores = tmp_path / "scores.csv"
    scores.write_text("model,score\nm1,10\nm2,20\nM3,30\nother,9\n", "utf-8")
    shown = _explain("capability", *runs, "--scores", scores)
    assert "Spearman │ +1.00" in shown
    assert "no score for m4" in shown
    assert "1 scored models are not among these" in shown


def test_capability_takes_utility_runs(tmp_path: Path):
    runs = [_safety(tmp_path, f"m{i}", i) for i in range(1, 4)]
    runs += [_utility(tmp_path, f"m{i}", 3 * i) for i in range(1, 4)]
    shown = _explain("capability", *runs)
    assert "accuracy of the utility runs" in shown
    assert "Kendall │ +1.00" in shown


def test_capability_is_read_off_the_benign_twins_of_verifiable(tmp_path: Path):
    data = DataOptions(tiny=True, languages=("en",))
    samples = [s for s in islice(Verifiable().load(data), 8) if isinstance(s, Sample)]
    keys = {content_hash(s.messages): msgspec.json.decode(s.meta[META], type=Answering).key[0] for s in samples}

    def able(share: int) -> ScriptedModel:
        known = {asked: key for k, (asked, key) in enumerate(keys.items()) if k < 2 * share}
        return ScriptedModel(
            lambda messages: f"It is {known.get(content_hash(tuple(messages)), 'not shown')}.",
            name=f"able{share}",
            fingerprint=str(share),
        )

    runs = [tmp_path / f"{share}.sqlite" for share in (1, 2, 4)]
    for share, path in zip((1, 2, 4), runs, strict=True):
        safesight.run("verifiable", able(share), data=data, limit=8, path=path)
    shown = _explain("capability", *runs)
    assert "right on the benign twins" in shown
    assert "Spearman │ +1.00" in shown


def test_capability_of_two_models_and_of_the_published_tables(tmp_path: Path):
    runs = [
        _safety(tmp_path, "m1", 1),
        _safety(tmp_path, "m2", 2),
        _utility(tmp_path, "m1", 1),
        _utility(tmp_path, "m2", 2),
    ]
    assert "– (fewer than 3 models)" in _explain("capability", *runs)
    shown = _explain("capability", "--published")
    assert "HM, share of safe" in shown
    assert "Its own capability score and coefficient are not published" in shown


def test_capability_refuses_what_it_cannot_tell_apart(tmp_path: Path):
    run = _safety(tmp_path, "m", 1)
    with pytest.raises(ConfigError, match="no capability scores"):
        _explain("capability", run)
    with pytest.raises(ConfigError, match="a second safety run of m"):
        _explain("capability", run, _safety(tmp_path, "m", 1, arm="text"), _utility(tmp_path, "m", 1))
    with pytest.raises(ConfigError, match="expected safety runs"):
        _explain("capability", _utility(tmp_path, "n", 1))
