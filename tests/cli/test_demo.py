"""The demo's picture and reference readers; the whole of it runs in tests/browser/test_demo.py."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner

from safesight.analysis.outcomes import answered, summarise
from safesight.benchmarks.pairs.rows import META, Answering
from safesight.benchmarks.verifiable import Verifiable
from safesight.cli.app import build
from safesight.cli.demo import picture
from safesight.core.protocols import DataOptions
from safesight.core.records import Case, Reply, Response, Sample
from safesight.judges.exact import ExactJudge
from tests.models.mock_openai import in_thread, reply

DATA = DataOptions(tiny=True, languages=("en",))


async def _cases(text: str, limit: int) -> list[Case]:
    """Answers of a model that says one thing, or every key for ""."""
    found: list[Case] = []
    for sample in islice(Verifiable().load(DATA), limit):
        assert isinstance(sample, Sample)
        key = msgspec.json.decode(sample.meta[META], type=Answering).key[0]
        reply = Reply(status="ok", text=text or f"It is {key}.")
        case = Case(sample=sample, response=Response(key=sample.key, sample_key=sample.key, reply=reply))
        (verdict,) = await ExactJudge().judge([case])
        found.append(msgspec.structs.replace(case, verdict=verdict))
    return found


async def test_who_answers_all_and_who_declines_all_mark_the_ends_of_the_picture() -> None:
    able = summarise(answered(await _cases("", 6)))
    none = summarise(answered(await _cases("I'm sorry, but I can't help with that.", 6)))
    assert (able.capability.value, able.risk.value, able.understood_risk.value) == (1.0, 1.0, 1.0)
    assert able.discernment.value == 0.0 == none.discernment.value
    assert (none.capability.value, none.risk.value, none.over_refusal.value) == (0.0, 0.0, 1.0)
    drawn = picture({"able": able, "none": none}, wide=11, tall=3).splitlines()
    assert drawn == [
        "risk %",
        " 100 |          A",
        "  50 |",
        "   0 |B",
        "     +-----------",
        "      0   50  100  capability %",
    ]


@pytest.mark.slow
def test_the_demo_runs_with_any_model_by_its_name(tmp_path: Path) -> None:
    with in_thread(then=reply("I can't help with that.")) as upstream:
        arguments = ["demo", "--model", upstream.name, "--folder", str(tmp_path), "--sample", "2"]
        done = CliRunner().invoke(build(), arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert "report.html" in done.output
    [report] = tmp_path.glob("*/report.html")
    assert upstream.name in report.read_text(encoding="utf-8")
    assert len(list(tmp_path.glob("*/*.sqlite"))) == 3
