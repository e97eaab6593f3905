"""The demo's picture and reference readers; the whole of it runs in tests/browser/test_demo.py."""

from __future__ import annotations

from itertools import islice

import msgspec

from safesight.analysis.outcomes import answered, summarise
from safesight.benchmarks.verifiable import Verifiable
from safesight.cli.demo import picture
from safesight.cli.demo_readers import decliner, reader
from safesight.core.protocols import DataOptions
from safesight.core.records import Case, Decoding, Response, Sample
from safesight.judges.exact import ExactJudge
from safesight.models.scripted import ScriptedModel

DATA = DataOptions(tiny=True, languages=("en",))


async def _cases(model: ScriptedModel, limit: int) -> list[Case]:
    found: list[Case] = []
    for sample in islice(Verifiable().load(DATA), limit):
        assert isinstance(sample, Sample)
        reply = await model.generate(sample.messages, decoding=Decoding())
        case = Case(sample=sample, response=Response(key=sample.key, sample_key=sample.key, reply=reply))
        (verdict,) = await ExactJudge().judge([case])
        found.append(msgspec.structs.replace(case, verdict=verdict))
    return found


async def test_reference_readers_mark_the_ends_of_the_picture() -> None:
    able = summarise(answered(await _cases(reader(DATA, 6), 6)))
    none = summarise(answered(await _cases(decliner(), 6)))
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
