"""What a guard does about harm: a typed TOML policy.

A policy decides and does no I/O beyond reading its file. Unknown keys are errors, and so are settings that
cannot be meant (a threshold outside [0, 1], a window shorter than its minimum): nothing is guessed.
"""

from __future__ import annotations

from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec

from safesight.core.config import convert, read_toml
from safesight.core.errors import ConfigError, UnknownName
from safesight.core.records import content_hash
from safesight.core.taxonomy import HAZARDS, OTHER

Action = Literal["release", "annotate", "refuse", "rewrite", "halt"]
Mode = Literal["strict", "loose"]
Windows = Literal["window", "sentence", "full", "audit"]
When = Literal["every", "grey", "end"]

Language = Annotated[str, msgspec.Meta(pattern=r"^(auto|[a-z]{2,3}(-[A-Za-z]{2,8})?)$")]
Unit = Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]
Count = Annotated[int, msgspec.Meta(ge=1)]
Millis = Annotated[int, msgspec.Meta(ge=1)]

DEFAULT: Final = "default"
"""In `refusals`: the text for categories without one of their own."""
SHIPPED: Final = ("en", "zh")
"""Languages of which refusals ship."""
GUARDED: Final = "guarded"
"""As `detoxify.model`: the guarded model rewrites its own answers."""
SELF: Final = "self"
"""As a detector's name (`self`, `self:MODEL`): the guarded model judges, by a rubric (`guard_formats.rubric`)."""


class Threshold(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Flag at or above; None leaves the detector's own threshold."""

    strict: Unit | None = None
    loose: Unit | None = None

    def of(self, mode: Mode, default: float) -> float:
        """The threshold in force."""
        value = self.strict if mode == "strict" else self.loose
        return default if value is None else value


class CategoryRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What one hazard category needs to fire and what then happens; None leaves the policy's own."""

    name: str = ""
    """What people call it, in refusals and explanations; an unknown code with a name is a category of one's own."""
    action: Action | None = None
    strict: Unit | None = None
    loose: Unit | None = None


class StreamRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Where windows end and how much text is kept back; lengths are characters (code points)."""

    windows: Windows = "sentence"
    window_chars: Count = 64
    min_chars: Annotated[int, msgspec.Meta(ge=3)] = 16
    """At least 3: a sentence end is told by up to three characters, all of which must lie in its window."""
    hold_chars: Annotated[int, msgspec.Meta(ge=0)] = 32
    context_chars: Annotated[int, msgspec.Meta(ge=0)] = 2000
    max_held_chars: Count = 262_144
    """The longest answer held whole; a `full` stream is checked here even if it has not ended."""
    debounce: Count = 1
    hysteresis: Unit = 0.0


class InputRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What is checked before the answer: the request's text, text in its images, the images themselves."""

    text: bool = True
    ocr: bool = True
    action: Action = "refuse"
    threshold: Unit | None = None
    """For detectors that only estimate how much a question asks for harm (`suspicion`); None leaves their own."""
    image_detector: str = ""
    """Name of a detector that looks at images (a multimodal guard by URL); "" for none."""
    turns: Literal["all", "latest"] = "all"
    """What of a conversation is judged: every turn, or what follows the last one that was answered."""
    max_chars: Count = 1_000_000
    """Longest text of a request; a longer one is refused."""


class TimeRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Deadlines in milliseconds; a check that misses its deadline counts as broken (`on_error`)."""

    check_ms: Millis = 2_000
    input_ms: Millis = 15_000
    rewrite_ms: Millis = 60_000


class DetectorRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One detector by plugin name, and when it is asked.

    `every`: each window. `grey`: only where a detector before it scores between `grey_low` and `grey_high`; its verdict
    then replaces that score, and no other. `end`: once, when the answer is complete (or pauses, as reasoning does
    before the answer), about all of it; where every detector is asked at the end, nothing leaves before.
    """

    name: str
    when: When = "every"
    grey_low: Unit = 0.2
    grey_high: Unit = 0.8
    threshold: Threshold = Threshold()


class LanguageRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The language of refusals, and what happens to text in a language that a detector does not judge.

    `release`: it passes, and events, metrics and a header say so. `halt`: it ends the answer, as if a detector broke.
    `ask`: detectors that are asked about unsure scores are asked about it, too.
    """

    refusals: Language = "auto"
    unjudged: Literal["release", "halt", "ask"] = "release"


class DetoxifyRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Who rewrites a flagged answer, and how often it may try.

    `model` is a chat model by plugin name, or `guarded` for the guarded model itself; "" refuses instead.
    """

    model: str = ""
    tries: Annotated[int, msgspec.Meta(ge=1, le=2)] = 2
    part_chars: Annotated[int, msgspec.Meta(ge=200)] = 1_500
    """Longer answers are rewritten in parts of about this many characters."""


class Policy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True, dict=True):
    """A guard's policy. Build it with `read_policy`, `default_policy` or keyword arguments and `validated`."""

    mode: Mode = "strict"
    action: Action = "refuse"
    on_error: Literal["halt", "release"] = "halt"
    shadow: bool = False
    reasoning: Literal["stop", "withhold"] = "stop"
    """What a flag in the reasoning does: end the reply as one in the answer does, or leave the reasoning out of it."""
    language: Language | LanguageRule = "auto"
    """Of refusals: English or Chinese as the question is, or one language, of which `refusals` holds the texts."""
    refusals: dict[str, dict[str, str]] = {}
    """Refusals by language and category, in place of the shipped ones; `default` is for every other category."""
    threshold: Threshold = Threshold()
    categories: dict[str, CategoryRule] = {}
    stream: StreamRule = StreamRule()
    input: InputRule = InputRule()
    time: TimeRule = TimeRule()
    detectors: tuple[DetectorRule, ...] = (DetectorRule(name="embedded"),)
    detoxify: DetoxifyRule = DetoxifyRule()

    @property
    def fingerprint(self) -> str:
        """Hash of every setting."""
        return content_hash("policy", msgspec.to_builtins(self))

    @cached_property
    def languages(self) -> LanguageRule:
        """What is said of languages."""
        return LanguageRule(refusals=self.language) if isinstance(self.language, str) else self.language

    @cached_property
    def holds(self) -> bool:
        """False where text leaves before its verdict: `audit` windows and shadow mode."""
        return not self.shadow and self.stream.windows != "audit"

    @cached_property
    def rewrites(self) -> bool:
        """Whether some flag is answered with a rewrite."""
        return self.action == "rewrite" or any(rule.action == "rewrite" for rule in self.categories.values())


def _problems(policy: Policy) -> str:
    stream = policy.stream
    if not policy.detectors:
        return "expected at least one [[detectors]] entry, got none"
    if stream.windows in ("window", "sentence", "audit") and stream.min_chars > stream.window_chars:
        return f"expected stream.min_chars <= stream.window_chars, got {stream.min_chars} > {stream.window_chars}"
    if stream.max_held_chars < stream.window_chars + stream.hold_chars:
        return "expected stream.max_held_chars to be at least window_chars + hold_chars"
    if policy.detectors[0].when == "grey":
        return "expected the first detector to be asked for `every` window or at the `end`, got `grey`"
    for detector in policy.detectors:
        if detector.grey_low > detector.grey_high:
            return f"detector {detector.name!r}: expected grey_low <= grey_high"
    if policy.languages.unjudged == "ask" and all(rule.when == "every" for rule in policy.detectors[1:]):
        return "language.unjudged = 'ask' needs a second detector with when = 'grey'"
    if policy.rewrites and not policy.detoxify.model:
        return "the action 'rewrite' needs a model: set detoxify.model"
    if policy.input.action == "rewrite":
        return "a request is refused or halted, not rewritten: set input.action to refuse, halt, annotate or release"
    return ""


def _refusal_problems(policy: Policy) -> str:
    for language in (policy.languages.refusals, *policy.refusals):
        if language not in (*SHIPPED, "auto") and not policy.refusals.get(language, {}).get(DEFAULT):
            return f"refusals in {language!r} need a text: set refusals.{language}.{DEFAULT}"
    if any(not text.strip() for texts in policy.refusals.values() for text in texts.values()):
        return "a refusal is never empty: the action 'halt' says nothing"
    return ""


def validated(policy: Policy, *, where: str = "policy") -> Policy:
    """Return `policy` if its settings fit each other.

    Raises:
        ConfigError: two settings contradict each other or ask for something that is not there.
        UnknownName: a category is not a hazard code.
    """
    own = [code for code, rule in policy.categories.items() if rule.name]
    known = [*HAZARDS, OTHER, *(code for code in own if code not in HAZARDS)]
    for code in (*policy.categories, *(code for texts in policy.refusals.values() for code in texts)):
        if code not in known and code != DEFAULT:
            raise UnknownName("harm category", code, known, hint=' One of your own needs a name: name = "...".')
    problem = _problems(policy) or _refusal_problems(policy)
    if problem:
        raise ConfigError(f"{where}: {problem}.")
    return policy


def read_policy(path: Path) -> Policy:
    """Read and validate a policy file.

    Raises:
        ConfigError: the file is missing, is not TOML, or holds an unknown, ill-typed or contradictory setting.
    """
    return validated(read_toml(path, Policy), where=str(path))


def default_policy() -> Policy:
    """The policy that ships with the package (guard/default.toml)."""
    import tomllib

    text = files("safesight.guard").joinpath("default.toml").read_text(encoding="utf-8")
    return validated(convert(tomllib.loads(text), Policy, where="default.toml"), where="default.toml")
