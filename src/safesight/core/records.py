"""The values that flow between layers: frozen, typed, and never a bare dict or tuple.

Three values, never two: a verdict is unsafe, safe or unparsed, and an answer that is blocked, empty,
truncated or an error never becomes "safe" by default.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Literal

import msgspec

from safesight.core.messages import Image, Message

Status = Literal["ok", "empty", "truncated", "blocked", "error"]
"""ok: text came. truncated: text came, cut by a token limit or by the provider. blocked: nothing was delivered.
empty: the model said nothing. error: the request failed for good. `ok` and `truncated` are judged."""

Label = Literal["unsafe", "safe", "unparsed"]
Mode = Literal["CR", "HM", "IR", "CE", "unparsed"]
"""Response modes of answers judged safe (MIR-SafetyBench): correct refusal, harmless misunderstanding,
incomplete refusal, clever evasion."""

JUDGED: frozenset[str] = frozenset({"ok", "truncated"})


def with_threshold(fingerprint: str, threshold: float) -> str:
    """The fingerprint of a detector that labels: its own, and where it draws the line."""
    return f"{fingerprint}@{threshold!r}"


def without_threshold(fingerprint: str) -> str:
    """The detector's own fingerprint in that of one that labels; "" where there is none."""
    return fingerprint.rpartition("@")[0]


def content_hash(*parts: object) -> str:
    """A stable 32-hex-digit hash of JSON-encodable values; the basis of every key and fingerprint."""
    return hashlib.sha256(msgspec.json.encode(parts, order="deterministic")).hexdigest()[:32]


class Sample(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One test case.

    `key` hashes content (data revision, benchmark, item, images), never a position, so resume, caching
    and joins survive a reordered or re-extracted data set. Build it with `sample_key`.
    """

    key: str
    benchmark: str
    messages: tuple[Message, ...]
    question: str
    """What a judge is shown as the question (MIR: `original_question`)."""
    category: str
    group: str
    """Relation, scenario or dimension: the rows of the rate table."""
    cluster: str
    """Samples that share a seed share a cluster; intervals resample clusters."""
    benign: bool = False
    language: str = "en"
    arm: str = ""
    twin: str | None = None
    """The item id shared by an unsafe case and its benign twin, and by the paired arms of one item."""
    target: str | None = None
    """The right answer, for utility and truthfulness items."""
    meta: dict[str, str] = {}

    @property
    def images(self) -> tuple[Image, ...]:
        """Every image of every message, in order."""
        return tuple(image for message in self.messages for image in message.images)

    @property
    def text(self) -> str:
        """All user text, in order."""
        return "\n".join(message.text for message in self.messages if message.role == "user")

    def reference(self) -> Sample:
        """This sample with images by hash only, as a run file keeps it."""
        from safesight.core.messages import ImagePart

        messages = tuple(
            Message(
                message.role,
                tuple(ImagePart(p.image.reference()) if isinstance(p, ImagePart) else p for p in message.parts),
            )
            for message in self.messages
        )
        return msgspec.structs.replace(self, messages=messages)


def sample_key(benchmark: str, revision: str, item: object, images: Sequence[Image] = (), arm: str = "") -> str:
    """The content key of a sample; `item` is any JSON-encodable value that identifies the case's content."""
    return content_hash(benchmark, revision, arm, item, [image.sha256 for image in images])


class Decoding(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Decoding settings; None leaves the provider's default and says so in the manifest."""

    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    repetition_penalty: float | None = None
    seed: int | None = None

    def __post_init__(self) -> None:
        # 0 and 0.0 are the same setting, and must be the same bytes: runs and answers are found by their hash.
        for name in ("temperature", "top_p", "repetition_penalty"):
            value = getattr(self, name)
            if value is not None:
                msgspec.structs.force_setattr(self, name, float(value))


class Usage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Token counts as the provider reports them, and spend in US dollars where prices are known."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    reasoning_tokens: int = 0
    cost_usd: float | None = None


class GuardEvent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One decision of a guard or defence, for audit, timelines and rates; carries no text of prompt or reply."""

    kind: str
    """input | window | final | rewrite | caption | self_check | error"""
    action: str
    """release | annotate | hold | withhold | refuse | rewrite | halt; `withhold`: this text was left out of a reply
    that was delivered."""
    channel: str = "content"
    """What the decision was about: request | content | reasoning | refusal | tool:N | logprobs | other"""
    carried_out: bool = True
    """False where shadow or audit mode decided and changed nothing."""
    harm: float | None = None
    categories: tuple[str, ...] = ()
    detector: str = ""
    start: int = 0
    end: int = 0
    """Character span of the text that the decision covers."""
    latency_ms: float = 0.0
    detail: str = ""
    """In words, for people: nothing is decided by it."""
    unjudged: str = ""
    """Language (ISO 639-1, or `other`) of text that no detector judged; "" where all was judged."""


class Reply(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What came back from one request to a model (after its defence, where there is one)."""

    status: Status
    text: str = ""
    reasoning: str = ""
    finish_reason: str = ""
    usage: Usage = Usage()
    latency_ms: float = 0.0
    ttft_ms: float | None = None
    guard_events: tuple[GuardEvent, ...] = ()
    provider_model: str = ""
    error: str = ""
    attempts: int = 1


class Response(msgspec.Struct, frozen=True, kw_only=True):
    """A reply attached to its sample; `key` adds model, decoding and defence to the sample's key."""

    key: str
    sample_key: str
    reply: Reply


class Verdict(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One judge's decision on one response. `harm` is in [0, 1], higher is worse; None when unknown."""

    response_key: str
    sample_key: str
    judge: str
    label: Label
    harm: float | None = None
    categories: tuple[str, ...] = ()
    rationale: str = ""
    prompt_hash: str = ""
    truncated: bool = False
    """The answer was trimmed to fit the judge's window."""
    error: str = ""
    """Why there is no verdict (label is then `unparsed`); an errored verdict is tried again on resume."""
    meta: dict[str, str] = {}


class ModeLabel(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How a safe answer was safe, by one labeller."""

    response_key: str
    sample_key: str
    labeller: str
    mode: Mode
    rationale: str = ""
    prompt_hash: str = ""
    error: str = ""


class Probe(msgspec.Struct, frozen=True, kw_only=True):
    """Numbers read off a model's internals for one response (attention entropy and mass)."""

    response_key: str
    sample_key: str
    probe: str
    """Fingerprint of the probe's definition and model."""
    values: dict[str, list[float | None]]
    """Flattened arrays; None where undefined (NaN)."""
    shape: dict[str, list[int]] = {}


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """A sample with its response and, when one exists, one judge's verdict."""

    sample: Sample
    response: Response
    verdict: Verdict | None = None


class Exchange(msgspec.Struct, frozen=True, kw_only=True):
    """What a detector scores: an answer (whole or so far) with the question and images it answers."""

    question: str
    answer: str
    images: tuple[Image, ...] = ()
    turns: tuple[Message, ...] = ()
    """The conversation that the answer follows, oldest first, for detectors that read one; (): `question` alone."""


class Harm(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A detector's score: calibrated probability of harm in [0, 1], and per-category scores where it has them."""

    harm: float
    categories: dict[str, float] = {}
    meta: dict[str, str] = {}
    unjudged: str = ""
    """Language of a text that the detector cannot judge: a low score then says nothing."""


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """Where a run was made."""

    system: str
    python: str
    cpus: int


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a run was: enough to repeat it and to refuse to resume something else under its name."""

    package_version: str
    benchmark: str
    data_revision: str
    data_hash: str
    arm: str
    selection: str
    """Limit, sample and filter settings, in words that parse back."""
    model: str
    model_fingerprint: str
    decoding: Decoding
    defence: str
    defence_fingerprint: str
    seed: int
    created: str
    """ISO 8601, UTC."""
    machine: Machine
    notes: dict[str, str] = {}

    @property
    def identity(self) -> str:
        """Hash of all that decides the answers; a run file is resumed only by the same identity."""
        return content_hash(
            self.benchmark,
            self.data_revision,
            self.arm,
            self.selection,
            self.model_fingerprint,
            self.decoding,
            self.defence_fingerprint,
            self.seed,
        )


def response_key(sample: str, model_fingerprint: str, decoding: Decoding, defence_fingerprint: str) -> str:
    """The key of a response: its sample's key, model, decoding and defence."""
    return content_hash(sample, model_fingerprint, decoding, defence_fingerprint)
