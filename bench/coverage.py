"""Do 95 % intervals hold the truth in 95 of 100 samples, and do 5 % tests reject a true null in 5?

Every figure is simulated with a known truth: answers of one seed are made alike (beta-binomial, or a shared normal
part), then the package's own functions are asked. Seeded: the same grid every time. LEAST is what the project promises
of an interval in this grid, MOST of a test. `quick` is a small grid for the test suite.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from safesight.analysis.judge_errors import Errors, correct_rate
from safesight.analysis.kappa import cohen_kappa, fleiss_kappa
from safesight.analysis.paired import paired_difference
from safesight.analysis.proportions import bounded_mean, share
from safesight.analysis.ranking import auroc
from safesight.analysis.stats import Estimate
from safesight.explain.entropy.gap import gaps, scalar

LEAST, MOST = 0.93, 0.075
Rng = np.random.Generator


class Cell(NamedTuple):
    what: str
    setting: str
    share: float
    """Of samples whose interval holds the truth, or whose test rejects."""
    width: float
    trials: int
    is_test: bool = False

    @property
    def kept(self) -> bool:
        return self.share <= MOST if self.is_test else self.share >= LEAST


def seeds(rng: Rng, count: int, size: int) -> np.ndarray:
    """The seed of each row: so many seeds of 1 to 2 size - 1 rows (of one row where `size` is 1)."""
    sizes = rng.integers(1, 2 * size, size=count) if size > 1 else np.ones(count, dtype=int)
    return np.repeat(np.arange(count), sizes)


def shares_of_seeds(rng: Rng, count: int, rate: float, icc: float) -> np.ndarray:
    """Each seed's own rate: beta with the given mean and intra-class correlation."""
    if icc == 0:
        return np.full(count, rate)
    strength = 1 / icc - 1
    return rng.beta(rate * strength, (1 - rate) * strength, size=count)


def covers(truth: float, draw: Callable[[Rng], Estimate], trials: int, seed: int = 7) -> tuple[float, float]:
    rng, hits, width = np.random.default_rng(seed), 0, 0.0
    for _ in range(trials):
        found = draw(rng)
        low, high = (-1.0, 1.0) if found.low is None else (found.low, found.high)
        hits += low - 1e-12 <= truth <= high + 1e-12
        width += high - low
    return hits / trials, width / trials


def shares(counts: Sequence[int], rates: Sequence[float], iccs: Sequence[float], trials: int) -> Iterator[Cell]:
    for size in (1, 5, 15):
        for count in counts:
            for rate in rates:
                for icc in iccs if size > 1 else (0.0,):

                    def draw(rng: Rng, count=count, size=size, rate=rate, icc=icc) -> Estimate:
                        ids = seeds(rng, count, size)
                        hits = rng.random(len(ids)) < shares_of_seeds(rng, count, rate, icc)[ids]
                        return share(hits, ids.tolist())

                    yield Cell("rate", f"{count} x {size}, rate {rate}, icc {icc}", *covers(rate, draw, trials), trials)


def macros(counts: Sequence[int], trials: int) -> Iterator[Cell]:
    for rates in ((0.5,) * 9, (0.9, 0.05, 0.5) * 3, (0.02, 0.02, 1.0) * 3):
        for count in counts:
            for icc in (0.0, 0.5):

                def draw(rng: Rng, count=count, rates=rates, icc=icc) -> Estimate:
                    groups = rng.permuted(np.tile(np.arange(9), (count, 1)), axis=1)[:, :5].ravel()
                    ids = np.repeat(np.arange(count), 5)
                    alike = rng.random(len(ids)) < np.sqrt(icc)
                    luck = np.where(alike, rng.random(count)[ids], rng.random(len(ids)))
                    columns = np.eye(9)[groups]
                    hits = columns * (luck < np.asarray(rates)[groups])[:, None]
                    return bounded_mean(hits, ids.tolist(), denominators=columns)

                setting = f"{count} x 5 in 9 groups, rates {rates[:3]}, icc {icc}"
                yield Cell("macro mean", setting, *covers(float(np.mean(rates)), draw, trials), trials)


def scores(counts: Sequence[int], trials: int) -> Iterator[Cell]:
    """MLLMGuard's ASD: the mean of scores 0-3 over 3."""
    for shares_ in ((0.6, 0.2, 0.1, 0.1), (0.95, 0.03, 0.01, 0.01)):
        truth = float(np.dot(shares_, [0, 1, 2, 3])) / 3
        for count in counts:

            def draw(rng: Rng, count=count, shares_=shares_) -> Estimate:
                ids = seeds(rng, count, 3)
                own, common = rng.choice(4, len(ids), p=shares_), rng.choice(4, count, p=shares_)[ids]
                return bounded_mean(np.where(rng.random(len(ids)) < 0.6, common, own) / 3, ids.tolist())

            yield Cell("ASD", f"{count} x 3, scores {shares_}", *covers(truth, draw, trials), trials)


def differences(counts: Sequence[int], trials: int) -> Iterator[Cell]:
    for before, after in ((0.02, 0.02), (0.3, 0.02), (0.5, 0.4), (0.9, 0.05)):
        for count in counts:
            for icc in (0.0, 0.3, 0.7):

                def draw(rng: Rng, count=count, before=before, after=after, icc=icc) -> Estimate:
                    ids = seeds(rng, count, 5)
                    alike = rng.random(len(ids)) < np.sqrt(icc)
                    luck = np.where(alike, rng.random(count)[ids], rng.random(len(ids)))
                    again = np.where(rng.random(len(ids)) < 0.8, luck, rng.random(len(ids)))
                    return paired_difference((again < after) * 1.0 - (luck < before), ids.tolist())

                setting = f"{count} x 5, {before} to {after}, icc {icc}"
                yield Cell("paired difference", setting, *covers(after - before, draw, trials), trials)


def corrected(counts: Sequence[int], trials: int) -> Iterator[Cell]:
    for rate in (0.05, 0.3, 0.9):
        for count in counts:
            for icc in (0.0, 0.5):
                for gold in (50, 300):

                    def draw(rng: Rng, count=count, rate=rate, icc=icc, gold=gold) -> Estimate:
                        ids = seeds(rng, count, 5)
                        truth = rng.random(len(ids)) < shares_of_seeds(rng, count, rate, icc)[ids]
                        said = rng.random(len(ids)) < np.where(truth, 0.85, 0.1)
                        errors = Errors(
                            sensitivity=rng.binomial(gold, 0.85) / gold,
                            specificity=rng.binomial(gold, 0.9) / gold,
                            unsafe_items=gold,
                            safe_items=gold,
                        )
                        return correct_rate(said.tolist(), errors, clusters=ids.tolist())

                    setting = f"{count} x 5, rate {rate}, icc {icc}, {gold} gold answers each"
                    yield Cell("corrected for the judge", setting, *covers(rate, draw, trials), trials)


def agreements(counts: Sequence[int], trials: int) -> Iterator[Cell]:
    """Three judges who each copy a seed's truth with probability .8; kappa in the population from a large sample."""

    def judged(rng: Rng, count: int) -> tuple[np.ndarray, np.ndarray]:
        ids = np.repeat(np.arange(count), 5)
        truth = rng.random(len(ids)) < shares_of_seeds(rng, count, 0.4, 0.5)[ids]
        hard = rng.random(count)[ids] < 0.3
        copies = rng.random((3, len(ids))) < np.where(hard, 0.6, 0.9)
        return ids, np.where(copies, truth, rng.random((3, len(ids))) < 0.4)

    def fleiss(votes: np.ndarray, ids: Sequence[int] | None, resamples: int) -> Estimate:
        yes = votes.sum(axis=0)
        return fleiss_kappa(np.column_stack([yes, 3 - yes]), clusters=ids, resamples=resamples)

    _, votes = judged(np.random.default_rng(1), 200_000)
    wide = fleiss(votes[:, :500_000], None, 2).value, cohen_kappa(votes[0].tolist(), votes[1].tolist()).value
    for count in counts:

        def three(rng: Rng, count=count) -> Estimate:
            ids, votes = judged(rng, count)
            return fleiss(votes, ids.tolist(), 500)

        def two(rng: Rng, count=count) -> Estimate:
            ids, votes = judged(rng, count)
            return cohen_kappa(votes[0].tolist(), votes[1].tolist(), clusters=ids.tolist(), resamples=500)

        for name, draw, truth in (("Fleiss' kappa", three, wide[0]), ("Cohen's kappa", two, wide[1])):
            yield Cell(name, f"{count} x 5", *covers(truth or 0.0, draw, trials), trials)


def _entropies(rng: Rng, count: int, effect: float, *, by_length: bool) -> tuple[np.ndarray, ...]:
    """Labels, values, seeds and lengths; a seed shifts labels, values and lengths, and length may go with both."""
    ids = seeds(rng, count, 5)
    noise = [np.sqrt(0.5) * (rng.normal(size=count)[ids] + rng.normal(size=len(ids))) for _ in range(3)]
    unsafe = noise[0] + by_length * noise[2] > 0
    values = noise[1] + by_length * 0.8 * noise[2] + effect * ~unsafe
    return unsafe, values, ids, np.exp(4 + 0.6 * noise[2])


def attention(counts: Sequence[int], trials: int) -> Iterator[Cell]:
    from scipy.stats import norm

    for count in counts:
        for effect in (0.0, 1.0):

            def area(rng: Rng, count=count, effect=effect) -> Estimate:
                unsafe, values, ids, _ = _entropies(rng, count, effect, by_length=False)
                return auroc(unsafe.tolist(), -values, clusters=ids.tolist())

            def gap(rng: Rng, count=count, effect=effect) -> Estimate:
                unsafe, values, ids, lengths = _entropies(rng, count, effect, by_length=False)
                return scalar("", values.tolist(), unsafe.tolist(), ids.tolist(), lengths.tolist(), permutations=1).gap

            truth = float(norm.cdf(effect / np.sqrt(2)))
            yield Cell("AUROC", f"{count} x 5, effect {effect}", *covers(truth, area, trials), trials)
            yield Cell("entropy gap", f"{count} x 5, effect {effect}", *covers(effect, gap, trials // 2), trials // 2)


def levels(counts: Sequence[int], trials: int) -> Iterator[Cell]:
    for count in counts:
        for by_length in (False, True):
            rng, hits = np.random.default_rng(3), 0
            for trial in range(trials):
                unsafe, values, ids, lengths = _entropies(rng, count, 0.0, by_length=by_length)
                found = gaps(
                    values, unsafe.tolist(), ids.tolist(), lengths=lengths.tolist(), permutations=199, seed=trial
                )
                hits += found.p[0] is not None and found.p[0] <= 0.05
            how = "length goes with label and value" if by_length else "length goes with neither"
            yield Cell("gap at like length (test)", f"{count} x 5, {how}", hits / trials, 0.0, trials, is_test=True)


def grid() -> Iterator[Cell]:
    yield from shares((5, 10, 20, 50, 100, 546), (0.02, 0.1, 0.5, 0.98), (0.0, 0.3, 0.7), 2000)
    yield from macros((10, 20, 50, 100), 1000)
    yield from scores((10, 20, 50, 100), 1000)
    yield from differences((5, 10, 20, 50, 100), 1000)
    yield from corrected((10, 20, 50, 100), 1000)
    yield from agreements((20, 50, 100), 1000)
    yield from attention((10, 20, 50, 100), 1000)
    yield from levels((20, 50, 100), 1000)


def quick() -> Iterator[Cell]:
    """The cells where older methods failed worst."""
    yield from shares((5, 100), (0.02, 0.5), (0.5,), 400)
    yield from macros((20,), 200)
    yield from scores((20,), 200)
    yield from differences((20,), 200)
    yield from corrected((100,), 200)
    yield from agreements((20,), 100)
    yield from attention((20,), 200)
    yield from levels((20,), 200)


def main() -> None:
    print("| figure | setting | coverage (level of a test) | mean width | |\n|---|---|---|---|---|")
    cells: list[Cell] = []
    for cell in grid():
        cells.append(cell)
        mark = "" if cell.kept else f"under {LEAST}" if not cell.is_test else f"over {MOST}"
        print(f"| {cell.what} | {cell.setting} | {cell.share:.3f} | {cell.width:.3f} | {mark} |")
        sys.stdout.flush()
    worst = min((cell for cell in cells if not cell.is_test), key=lambda cell: cell.share)
    kept = sum(cell.kept for cell in cells)
    print(f"\n{kept} of {len(cells)} cells kept; lowest coverage {worst.share:.3f}: {worst.what}, {worst.setting}")


if __name__ == "__main__":
    main()
