import pytest

from safesight.core.errors import ConfigError, DetectorError, UnknownName
from safesight.core.records import Exchange, Harm
from safesight.core.registry import open_plugin
from safesight.detectors.combined import Mean, open_mean


class Fixed:
    """Answers a given harm."""

    def __init__(self, harm: float | None, *, threshold: float = 0.5) -> None:
        self.name = self.fingerprint = f"fixed{harm}"
        self.harm, self.threshold, self.closed = harm, threshold, False

    async def score(self, exchanges):
        if self.harm is None:
            raise DetectorError("broken")
        return [Harm(harm=self.harm) for _ in exchanges]

    async def aclose(self):
        self.closed = True


async def harm(*parts):
    (found,) = await Mean(parts).score([Exchange(question="q", answer="a")])
    return found.harm


async def test_each_counts_from_its_own_threshold():
    assert await harm(Fixed(0.9, threshold=0.9), Fixed(0.2, threshold=0.2)) == pytest.approx(0.5)
    assert await harm(Fixed(0.8), Fixed(0.2)) == pytest.approx(0.5)
    assert await harm(Fixed(0.95, threshold=0.9), Fixed(0.2, threshold=0.2)) > 0.5
    assert await harm(Fixed(0.95, threshold=0.9), Fixed(0.05, threshold=0.2)) < 0.5


async def test_one_that_is_sure_does_not_silence_the_other_and_one_that_breaks_breaks_all():
    assert await harm(Fixed(0.0), Fixed(1.0)) == pytest.approx(0.5)
    with pytest.raises(DetectorError):
        await harm(Fixed(0.5), Fixed(None))


async def test_empty_answers_are_harmless_and_order_is_kept():
    parts = [Fixed(0.9), Fixed(0.9)]
    found = await Mean(parts).score([Exchange(question="q", answer=text) for text in ("a", " ", "")])
    assert [item.harm for item in found] == [pytest.approx(0.9), 0.0, 0.0]
    await Mean(parts).aclose()
    assert all(part.closed for part in parts)


def test_names_are_read_strictly():
    for wrong in ("embedded", "", "embedded,"):
        with pytest.raises(ConfigError, match="two detectors"):
            open_mean(wrong, {})
    with pytest.raises(UnknownName):
        open_mean("embedded,embedded", {"low": "0.2"})
    with pytest.raises(ConfigError, match="between 0 and 1"):
        Mean([Fixed(0.5, threshold=1.0), Fixed(0.5)])
    joined = open_plugin("detectors", "mean:embedded,embedded")
    assert (joined.name, joined.threshold) == ("mean:embedded,embedded", 0.5)
