"""MLLM-Protector's table: scenarios by arm, before and after a defence, with utility below."""

from __future__ import annotations

from pathlib import Path

import pytest

import safesight.api
from safesight.core.protocols import DataOptions
from safesight.models.scripted import ScriptedModel
from safesight.reports.suite import protector_part, settings_of
from tests.support import SHARED


def test_scenarios_before_and_after(tmp_path: Path):
    source = SHARED / "data" / "mm_safetybench"
    if not source.is_dir():
        pytest.skip("the question files of MM-SafetyBench are not beside the checkout (../shared/data)")
    runs = [
        safesight.api.run(
            "mm_safetybench",
            ScriptedModel(lambda _messages: "I'm sorry, but I can't help with that.", fingerprint="no"),
            judges=("refusal",),
            defence=defence,
            data=DataOptions(source=source, arm="text", tiny=True),
            limit=12,
            path=tmp_path / f"{defence}.sqlite",
        )
        for defence in ("none", "safety_prompt")
    ]
    assert len(settings_of(runs)) == 2
    [part] = protector_part(runs, "refusal")
    [grid] = part.tables
    assert grid.columns == ("scenario", "text, none", "text, safety_prompt")
    assert grid.rows[0][0].startswith("01-")
    assert grid.rows[0][1:] == ("0.0", "0.0")
    assert [row[0] for row in grid.rows[-2:]] == ["mean of scenarios", "utility"]
    assert protector_part(runs[:1], "refusal") == []
