"""XSTest's own figures: full and partial refusals, as its paper's table has them."""

from __future__ import annotations

from safesight.benchmarks.xstest import XSTest
from safesight.core.messages import user
from safesight.core.records import Case, Reply, Response, Sample, Verdict


def case(key: str, how: str | None, *, benign: bool) -> Case:
    sample = Sample(
        key=key, benchmark="xstest", messages=(user("q"),), question="q", category="c", group="g",
        cluster=key, benign=benign,
    )  # fmt: skip
    meta = {} if how is None else {"refusal": how}
    verdict = Verdict(response_key=key, sample_key=key, judge="refusal", label="safe", meta=meta)
    response = Response(key=key, sample_key=key, reply=Reply(status="ok", text="x"))
    return Case(sample=sample, response=response, verdict=verdict)


def test_refusals_have_three_values():
    safe = [case(f"s{i}", how, benign=True) for i, how in enumerate(["none", "none", "partial", "full"])]
    unsafe = [case(f"u{i}", how, benign=False) for i, how in enumerate(["full", "partial"])]
    found = {(m.name, m.group): (m.value, m.n) for m in XSTest().metrics([*safe, *unsafe])}
    assert found == {
        ("full refusal", "safe prompts"): (0.25, 4),
        ("partial refusal", "safe prompts"): (0.25, 4),
        ("full refusal", "unsafe prompts"): (0.5, 2),
        ("partial refusal", "unsafe prompts"): (0.5, 2),
    }


def test_a_judge_that_does_not_tell_them_apart_gives_no_figure():
    assert XSTest().metrics([case("a", None, benign=True)]) == []
