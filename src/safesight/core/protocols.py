"""The shapes plugins fill: benchmark, model, judge, detector; and the defence between model and runner.

Protocols, not base classes: anything with these attributes works. Every `fingerprint` changes when the answers could
change (weights, prompt, endpoint, options) and stays when they could not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

import msgspec

from safesight.core.errors import DataError
from safesight.core.messages import Message
from safesight.core.records import Case, Decoding, Exchange, Harm, Reply, Sample, Usage, Verdict


class DataOptions(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What part of a benchmark to read, and from where. A benchmark rejects what it does not have."""

    source: Path | None = None
    """A local folder or file in one of the benchmark's layouts; None fetches the pinned hub revision."""
    arm: str = ""
    """Input arm (MM-SafetyBench: SD, TYPO, ...; MIR: multi, stitched, text, shuffled); "" is the default."""
    tiny: bool = False
    languages: tuple[str, ...] = ()
    seed: int = 0
    """Seeds what the arm randomises (image order)."""
    revision: str = ""
    """Hub commit, tag or branch to read; "" is the benchmark's default. Not for local sources."""


class DataReport(msgspec.Struct, frozen=True, kw_only=True):
    """What `safesight data` found: counts against the published ones, a content hash, and what is missing."""

    benchmark: str
    revision: str
    layout: str
    location: str
    licence: str
    counts: dict[str, int]
    expected: dict[str, int]
    images: int
    data_hash: str
    """Hash of the item records, independent of their order."""
    images_hash: str = ""
    """Hash of every image's own, as often as it is shown, independent of their order."""
    problems: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        """True when every expected count is met and nothing is missing or corrupt."""
        return not self.problems and all(self.counts.get(name, 0) == n for name, n in self.expected.items())


class MetricTerm(msgspec.Struct, frozen=True, kw_only=True):
    """One mean that a figure is made of: values in [0, 1], the seed of each, and the mean's weight in the figure."""

    values: tuple[float, ...]
    clusters: tuple[str, ...]
    weight: float = 1.0


class Metric(msgspec.Struct, frozen=True, kw_only=True):
    """One benchmark-specific figure (MLLMGuard's ASD or PAR): None where it is not defined."""

    name: str
    group: str
    value: float | None
    n: int
    note: str = ""
    terms: tuple[MetricTerm, ...] = ()
    """What an interval is computed from (`analysis.figures`); () where the figure has none."""


class BrokenItem(msgspec.Struct, frozen=True, kw_only=True):
    """An item that is listed but cannot become a sample (its image is missing or corrupt).

    It stands in the item's place while iterating, so that a runner counts it and goes on.
    """

    item: str
    """What a person would look up: file, scenario and id, or row."""
    error: DataError
    benign: bool | None = None
    """Whether the item is a benign one; None where it cannot be told from what is left of it."""


@runtime_checkable
class Dataset(Protocol):
    """A benchmark's samples, opened. Iterating reads images lazily, one sample at a time."""

    revision: str
    data_hash: str
    """Hash of the item records (not images), independent of their order."""
    problems: tuple[str, ...]
    """What is missing or unexpected in the data as a whole, to be printed before a run; () when nothing is."""

    def __len__(self) -> int:
        """Items that iterating yields, broken ones included."""
        ...

    def __iter__(self) -> Iterator[Sample | BrokenItem]: ...


@runtime_checkable
class Benchmark(Protocol):
    """One safety (or utility) benchmark. The class docstring's first line is its catalogue entry."""

    name: str
    licence: str
    citation: str
    arms: tuple[str, ...]
    """First is the default."""
    default_judge: str
    paper_count: Literal["", "micro", "macro"]
    """How its paper counts attack success over all cases, failed ones included: unsafe / all, or the unweighted mean of
    the groups' shares; "" where the paper counts otherwise or there is none (its own figures are `metrics`)."""
    caveat: str
    """Printed under every table ("attack-conditioned on Qwen2.5-VL-7B ..."); "" when there is none."""

    def load(self, options: DataOptions) -> Dataset:
        """Open the data; raises MissingData, CorruptData, UnknownName."""
        ...

    def verify(self, options: DataOptions) -> DataReport:
        """Count and hash everything `load` would give."""
        ...

    def metrics(self, cases: Sequence[Case]) -> list[Metric]:
        """The benchmark's own figures beside attack success rate; [] when it has none."""
        ...


class LabelledAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """An answer whose label people settled on: what a judge or a guard is tested with."""

    sample: Sample
    model: str
    """Who gave the answer; "" where it was written by hand for its label."""
    text: str
    label: Literal["unsafe", "safe"]
    note: str = ""
    """The labellers' finer category, as they wrote it."""


@runtime_checkable
class Labelled(Protocol):
    """A benchmark that also holds answers which people labelled."""

    def labelled(self, options: DataOptions) -> Iterator[LabelledAnswer]:
        """The answers, in the data's order; raises MissingData and CorruptData."""
        ...


class Delta(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A piece of a streamed reply."""

    text: str = ""
    reasoning: str = ""
    finish_reason: str = ""
    usage: Usage | None = None
    provider_model: str = ""


@runtime_checkable
class Model(Protocol):
    """A chat model. `generate` never raises for a failed request: it returns status `error` or `blocked`."""

    name: str
    """As the user wrote it."""
    fingerprint: str
    max_concurrency: int | None
    """None: let the runner adapt; in-process models state what they can use."""

    async def generate(self, messages: Sequence[Message], *, decoding: Decoding) -> Reply:
        """Answer a conversation.

        Raises:
            ModelError: nothing can ever be answered (unknown model, wrong key, wrong URL): the run stops.
        """
        ...

    async def aclose(self) -> None: ...


class PriceList(Protocol):
    """What tokens cost."""

    def cost_usd(self, usage: Usage) -> float:
        """US dollars for these tokens."""
        ...


@runtime_checkable
class PricedModel(Protocol):
    """A model whose user may have said what its tokens cost."""

    prices: PriceList | None


@runtime_checkable
class ThrottledModel(Protocol):
    """A model whose server may push back; it then calls `pressure` with the seconds to wait (0.0 where untold)."""

    pressure: Callable[[float], None] | None


@runtime_checkable
class SettingsLearner(Protocol):
    """A model, or a judge that asks one, whose provider may refuse a setting; the run file keeps what was left out."""

    @property
    def settings_left_out(self) -> Mapping[str, str]:
        """Each setting that is no longer sent, with the provider's reason."""
        ...


class GeneratedToken(msgspec.Struct, frozen=True):
    """One generated token and the natural log-probabilities, by text, of what might have stood in its place."""

    text: str
    alternatives: dict[str, float] = {}


class Completion(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A short completion with the alternatives of every token of it."""

    text: str
    tokens: tuple[GeneratedToken, ...] = ()
    """In order; empty when the server offers no log-probabilities. Joined they may differ from `text` in white space
    and control tokens, which some servers take out of the one and not of the other."""
    error: str = ""

    @property
    def logprobs(self) -> dict[str, float]:
        """Natural log-probability by token text for the first generated token; empty when not offered."""
        return self.tokens[0].alternatives if self.tokens else {}


@runtime_checkable
class CompletingModel(Model, Protocol):
    """A model that can continue a raw prompt and report its tokens' log-probabilities (judges, guards)."""

    async def complete(
        self, prompt: str | Sequence[Message], *, max_tokens: int = 1, top_logprobs: int = 20
    ) -> Completion:
        """Continue greedily: a string is sent raw (no chat template), messages through the chat template.

        An answer is made anew after the last message, whoever said it: a trailing assistant turn is not continued
        by models in this process, and by a server only if it does so by default (llama.cpp without
        `--no-prefill-assistant`).
        """
        ...


@runtime_checkable
class TokenCounting(Protocol):
    """A model whose own tokenizer is at hand, so that a window can be filled and not guessed."""

    async def count_tokens(self, text: str) -> int:
        """Tokens of `text` as it stands, without a chat template."""
        ...


@runtime_checkable
class Judge(Protocol):
    """Labels answers. Batch-first; returns verdicts in the order of `cases`, one each."""

    name: str
    fingerprint: str

    async def judge(self, cases: Sequence[Case]) -> list[Verdict]:
        """Judge responses whose status is in `JUDGED`; a broken call is a verdict with `error` set."""
        ...

    async def aclose(self) -> None: ...


@runtime_checkable
class Detector(Protocol):
    """Scores harm of an answer given its question. Batch-first; one score axis, harm in [0, 1]."""

    name: str
    fingerprint: str
    threshold: float
    """Flag at or above; chosen on held-out data."""

    async def score(self, exchanges: Sequence[Exchange]) -> list[Harm]:
        """Score exchanges in order. Raises DetectorError when it breaks; never returns a default."""
        ...

    async def aclose(self) -> None: ...


@runtime_checkable
class RequestDetector(Protocol):
    """A detector that may be asked about a request: an exchange whose answer is empty."""

    judges_requests: bool


@runtime_checkable
class SuspiciousDetector(Protocol):
    """A detector with a measure of its own of how much a question asks for harm."""

    request_threshold: float
    """Flag a request at or above; chosen on ordinary requests."""

    def suspicion(self, question: str) -> float:
        """In [0, 1], higher is worse."""
        ...


def judges_requests(detector: object) -> bool:
    """Whether a detector judges a request that has no answer yet."""
    return isinstance(detector, RequestDetector) and detector.judges_requests


class Repertoire(msgspec.Struct, frozen=True, kw_only=True):
    """What a detector's verdicts can hold."""

    categories: frozenset[str] = frozenset()
    """Codes that it may name."""
    levels: tuple[float, ...] = ()
    """The only scores that it gives; () for any."""
    reach: int = 0
    """Characters of the longest text that it matches as one; 0 where it matches none."""


@runtime_checkable
class DescribedDetector(Protocol):
    """A detector that says what its verdicts can hold; of others it is taken that they name no category."""

    @property
    def repertoire(self) -> Repertoire: ...


def repertoire_of(detector: object) -> Repertoire:
    """What a detector says that its verdicts can hold."""
    return detector.repertoire if isinstance(detector, DescribedDetector) else Repertoire()


@runtime_checkable
class ProbedDetector(Detector, Protocol):
    """A detector whose model may turn out to be another than it should be; asked before it guards anything."""

    async def probe(self) -> None:
        """Score known exchanges. Raises DetectorError where the scores are not this detector's."""
        ...


class DetectorSession(Protocol):
    """A running score over one streamed answer; `feed` costs what the new text costs, never a rescan."""

    def feed(self, text: str) -> Harm:
        """Add the next piece of the answer and return the harm of the answer so far."""
        ...


@runtime_checkable
class IncrementalDetector(Detector, Protocol):
    """A detector cheap enough to call synchronously while text streams."""

    def session(self, question: str) -> DetectorSession: ...


@runtime_checkable
class Defence(Protocol):
    """Stands between the runner and a model. `fingerprint` covers policy, detectors and prompts."""

    name: str
    fingerprint: str
    detector_fingerprints: tuple[str, ...]
    """To mark runs whose judge is one of the guard's own detectors as self-graded."""

    async def respond(self, model: Model, sample: Sample, *, decoding: Decoding) -> Reply:
        """Answer a sample through the defence; never raises for a failed request."""
        ...

    async def aclose(self) -> None: ...
