from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safesight.core.errors import ConfigError
from safesight.core.messages import Image
from safesight.core.records import Exchange, Harm
from safesight.core.registry import open_plugin
from safesight.detectors.combined import Cascade, bent
from tests.support import png


class Fixed:
    """Scores an exchange by the number in its answer, or by a constant."""

    def __init__(self, value: float | None = None, *, threshold: float = 0.5, requests: bool = False) -> None:
        self.name = self.fingerprint = f"fixed-{value}-{threshold}"
        self.threshold = threshold
        self.judges_requests = requests
        self.value = value
        self.asked: list[Exchange] = []

    async def score(self, exchanges: Sequence[Exchange]) -> list[Harm]:
        self.asked += exchanges
        return [Harm(harm=float(e.answer) if self.value is None else self.value) for e in exchanges]

    async def aclose(self) -> None:
        return


def exchange(answer: str, *images: Image) -> Exchange:
    return Exchange(question="q", answer=answer, images=images)


async def test_the_strong_one_is_asked_where_it_pays() -> None:
    cheap, strong = Fixed(), Fixed(0.9)
    picture = Image.from_bytes(png())
    cascade = Cascade(cheap, strong, low=0.3, high=0.7)
    asked = [exchange("0.1"), exchange("0.5"), exchange("0.95"), exchange("0.1", picture), exchange("0.3")]
    assert [h.harm for h in await cascade.score(asked)] == [0.1, 0.9, 0.95, 0.9, 0.9]
    assert strong.asked == [asked[1], asked[3], asked[4]]


def test_a_parts_threshold_is_a_part_of_the_fingerprint() -> None:
    low, high = Fixed(0.4, threshold=0.3), Fixed(0.4, threshold=0.9)
    low.fingerprint = high.fingerprint = "same weights"
    strong = Fixed(0.9)
    assert Cascade(low, strong).fingerprint != Cascade(high, strong).fingerprint
    assert Cascade(strong, low).fingerprint != Cascade(strong, high).fingerprint


async def test_nothing_is_asked_for_nothing() -> None:
    cheap, strong = Fixed(), Fixed(0.9)
    assert await Cascade(cheap, strong).score([]) == []
    assert await Cascade(cheap, strong).score([exchange("0.0")]) == [Harm(harm=0.0)]
    assert strong.asked == []


async def test_requests_go_to_the_one_that_judges_them() -> None:
    cheap, strong = Fixed(0.1), Fixed(0.8, requests=True)
    cascade = Cascade(cheap, strong)
    assert cascade.judges_requests
    assert (await cascade.score([exchange("")]))[0].harm == 0.8
    assert cheap.asked == []


async def test_each_scores_by_its_own_threshold() -> None:
    cascade = Cascade(Fixed(threshold=0.9), Fixed(0.95, threshold=0.97), low=0.4, high=0.6)
    first, second = await cascade.score([exchange("0.45"), exchange("0.9")])
    assert first.harm == pytest.approx(0.25)
    assert second.harm < cascade.threshold, "0.9 lies in the cheap one's band, and 0.95 is under the strong one's 0.97"


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0.01, 1))
def test_bending_keeps_order_and_decision(one: float, other: float, threshold: float) -> None:
    first, second = bent(Harm(harm=one), threshold).harm, bent(Harm(harm=other), threshold).harm
    assert 0 <= first <= 1
    assert (first >= 0.5) == (one >= threshold)
    if one < other:
        assert first <= second


def test_opens_by_name(tmp_path: Path) -> None:
    words = tmp_path / "w.txt"
    words.write_text("x\n")
    name = f"cascade:patterns:{words},generative:http://127.0.0.1:9/v1#m?format=qwen3guard&low=0.1"
    cascade = open_plugin("detectors", name)
    assert cascade.name == f"cascade:patterns:{words},generative:http://127.0.0.1:9/v1#m"
    with pytest.raises(ConfigError, match="two detectors"):
        open_plugin("detectors", "cascade:embedded")
    with pytest.raises(ConfigError, match="low <= high"):
        open_plugin("detectors", f"cascade:patterns:{words},patterns:{words}?low=0.9&high=0.1")
