from __future__ import annotations

import math
from pathlib import Path

import pytest

from safesight.core.errors import ConfigError, DetectorError, UnknownName
from safesight.core.records import Harm
from safesight.guard.describe import explain_policy
from safesight.guard.policy import (
    CategoryRule,
    DetectorRule,
    DetoxifyRule,
    InputRule,
    Policy,
    StreamRule,
    Threshold,
    default_policy,
    read_policy,
    validated,
)
from safesight.guard.rules import Rule


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "policy.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_shipped_policy_states_the_defaults_of_the_type() -> None:
    assert default_policy() == Policy()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("acton = 'refuse'", "acton"),
        ("[stream]\nwindow_char = 3", "window_char"),
        ("[categories.hte]\nlevel = 1", "level"),
        ("action = 'block'", "action"),
        ("[threshold]\nstrict = 1.5", "strict"),
        ("[stream]\nmin_chars = 2", "min_chars"),
        ("[stream]\nmin_chars = 80", "min_chars <= stream.window_chars"),
        ("[stream]\nmax_held_chars = 70", "max_held_chars"),
        ("action = 'rewrite'", "detoxify.model"),
        ("[input]\naction = 'rewrite'", "input.action"),
        ("detectors = []", "at least one"),
        ("[[detectors]]\nname = 'a'\nwhen = 'grey'", "grey"),
        ("[[detectors]]\nname = 'a'\ngrey_low = 0.9", "grey_low <= grey_high"),
        ("not toml", "TOML"),
    ],
)
def test_what_cannot_be_meant_is_an_error(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        read_policy(write(tmp_path, text))


def test_a_category_must_be_a_hazard_and_the_nearest_is_suggested(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="Did you mean 'ssh'"):
        read_policy(write(tmp_path, "[categories.shs]\naction = 'halt'"))


def test_a_policy_file_is_read_whole(tmp_path: Path) -> None:
    policy = read_policy(
        write(
            tmp_path,
            "mode = 'loose'\non_error = 'release'\n[categories.ssh]\naction = 'halt'\nloose = 0.3\n"
            "[[detectors]]\nname = 'patterns:words.txt'\n[[detectors]]\nname = 'generative:x'\nwhen = 'grey'\n",
        )
    )
    assert policy.mode == "loose"
    assert policy.categories["ssh"] == CategoryRule(action="halt", loose=0.3)
    assert [d.when for d in policy.detectors] == ["every", "grey"]
    assert policy.fingerprint != default_policy().fingerprint


def test_thresholds_follow_the_mode_and_fall_back_to_the_detectors_own() -> None:
    strict = Policy(threshold=Threshold(strict=0.3, loose=0.8))
    assert Rule(strict, threshold=0.6).threshold == 0.3
    assert Rule(validated(Policy(mode="loose", threshold=Threshold(strict=0.3))), threshold=0.6).threshold == 0.6
    assert Rule(strict, threshold=0.6, own=Threshold(strict=0.1)).threshold == 0.1


def test_flags_at_or_above_the_threshold() -> None:
    rule = Rule(Policy(), threshold=0.5)
    assert rule.judge(Harm(harm=0.4999)) is None
    decision = rule.judge(Harm(harm=0.5))
    assert decision is not None
    assert decision.action == "refuse"


def test_categories_decide_by_their_own_rules() -> None:
    policy = Policy(
        categories={
            "spc": CategoryRule(action="release"),
            "ssh": CategoryRule(action="halt", strict=0.2),
            "hte": CategoryRule(strict=0.95),
        }
    )
    rule = Rule(policy, threshold=0.5)

    def action(harm: float, **categories: float) -> str | None:
        decision = rule.judge(Harm(harm=harm, categories=categories))
        return decision.action if decision else None

    assert action(0.9, spc=0.9) == "release", "a tolerated category is let pass, and said so"
    assert action(0.9, spc=0.9, prv=0.6) == "refuse"
    assert action(0.1, ssh=0.25) == "halt", "a category may fire below the overall threshold"
    assert action(0.9, hte=0.9) is None, "its own threshold is not reached, and it accounts for the harm"
    assert action(0.9, prv=0.1) == "refuse", "harm that no category accounts for"
    assert action(0.4, prv=0.4) is None


@pytest.mark.parametrize("score", [math.nan, math.inf, -0.1, 1.01])
def test_a_score_that_is_no_probability_is_an_error(score: float) -> None:
    with pytest.raises(DetectorError, match="harm in"):
        Rule(Policy()).judge(Harm(harm=score))
    with pytest.raises(DetectorError, match="'hte'"):
        Rule(Policy()).judge(Harm(harm=0.1, categories={"hte": score}))


def test_explains_itself() -> None:
    policy = Policy(
        shadow=True,
        on_error="release",
        threshold=Threshold(strict=0.35),
        categories={"ssh": CategoryRule(action="halt", strict=0.2)},
        stream=StreamRule(windows="full"),
        input=InputRule(text=False, ocr=False),
        detectors=(DetectorRule(name="embedded"), DetectorRule(name="generative:x", when="grey")),
        detoxify=DetoxifyRule(model="embedded"),
    )
    text = explain_policy(policy)
    for words in (
        "SHADOW MODE",
        "FAILS OPEN",
        "Detector embedded: asked at every window; flags at 0.35.",
        "scored from 0.2 to 0.8",
        "suicide and self-harm (ssh): flags at 0.2; then: stop the answer and say nothing more.",
        "the whole answer is held",
        "Requests: not checked.",
        "Rewrites come from embedded",
    ):
        assert words in text
    assert "nothing leaves before its verdict" in explain_policy(default_policy())
    assert "AUDIT ONLY" in explain_policy(Policy(stream=StreamRule(windows="audit")))
