"""What a policy makes of detectors' outcomes: a rule for each detector, and the one decision on a text.

An outcome is a score or the reason why there is none; whatever a detector raises becomes the latter, so that
"it fired" and "it broke" stay two things and nothing that broke ever counts as safe. Outcomes combine by severity: no
milder verdict hides a graver one, and only the score that a grey tier was asked about is replaced by its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import msgspec

from safesight.core.errors import ConfigError, DetectorError
from safesight.core.protocols import DetectorSession
from safesight.core.records import Harm
from safesight.guard.policy import Action, Policy, Threshold, When

Outcome = Harm | DetectorError

SEVERITY: Final[dict[Action, int]] = {"release": 0, "annotate": 1, "rewrite": 2, "refuse": 3, "halt": 4}
"""Which action wins when several rules fire."""


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """What a policy makes of one verdict. `cause` keeps "it fired" and "it broke" apart."""

    action: Action
    cause: Literal["flag", "error"] = "flag"
    harm: float | None = None
    categories: tuple[str, ...] = ()
    detector: str = ""
    detail: str = ""


class Rule:
    """A policy applied to one detector: its thresholds looked up once, so that a safe verdict costs one comparison."""

    __slots__ = ("_categories", "_default", "_overall", "detector")

    def __init__(self, policy: Policy, *, detector: str = "", threshold: float = 0.5, own: Threshold | None = None):
        """Read `policy` for a detector whose own threshold is `threshold`; `own` is what its entry sets."""
        overall = policy.threshold.of(policy.mode, threshold)
        self.detector = detector
        self._overall = own.of(policy.mode, overall) if own is not None else overall
        self._default: Action = policy.action
        self._categories: dict[str, tuple[Action, float]] = {
            code: (
                rule.action or policy.action,
                Threshold(strict=rule.strict, loose=rule.loose).of(policy.mode, self._overall),
            )
            for code, rule in policy.categories.items()
        }

    @property
    def threshold(self) -> float:
        """The overall threshold in force."""
        return self._overall

    def judge(self, harm: Harm, *, margin: float = 0.0) -> Decision | None:
        """What to do about a score; None releases. `margin` lowers every threshold (hysteresis).

        A category fires at its own threshold. Harm that named categories account for is decided by their rules
        alone, so that a category may be tolerated; harm that none accounts for, or more than they account for, falls
        under the policy's action.

        Raises:
            DetectorError: a score is NaN or outside [0, 1].
        """
        score = harm.harm
        if not 0.0 <= score <= 1.0:
            raise DetectorError(f"detector {self.detector!r}: expected harm in [0, 1], got {score!r}.")
        if harm.categories:
            return self._judge_categories(harm, margin)
        if score < self._overall - margin:
            return None
        return Decision(action=self._default, harm=score, detector=self.detector)

    def _judge_categories(self, harm: Harm, margin: float) -> Decision | None:
        fired: list[tuple[int, float, str, Action]] = []
        explained = -1.0
        for code, score in harm.categories.items():
            if not 0.0 <= score <= 1.0:
                raise DetectorError(f"detector {self.detector!r}: expected {code!r} in [0, 1], got {score!r}.")
            action, threshold = self._categories.get(code, (self._default, self._overall))
            if score >= self._overall - margin:
                explained = max(explained, score)
            if score >= threshold - margin:
                fired.append((SEVERITY[action], score, code, action))
        if harm.harm >= self._overall - margin and harm.harm > explained + _SAME:
            fired.append((SEVERITY[self._default], harm.harm, "", self._default))
        if not fired:
            return None
        codes = tuple(code for _, _, code, _ in sorted(fired, reverse=True) if code)
        return Decision(action=max(fired)[3], harm=harm.harm, categories=codes, detector=self.detector)


_SAME: Final = 1e-6
"""Scores that differ by less are one score: services round theirs."""


@dataclass(slots=True)
class Tier:
    """One detector's place in a guarded answer: its rule, when it counts, and its running session if it has one."""

    rule: Rule
    when: When = "every"
    grey_low: float = 0.0
    grey_high: float = 1.0
    session: DetectorSession | None = None
    broken: DetectorError | None = None
    """Why the session failed; a running score that missed text is not trusted again."""

    def feed(self, text: str) -> Outcome:
        """Advance the session; whatever it raises becomes an outcome."""
        if self.session is None or self.broken is not None:
            return self.broken or DetectorError(f"detector {self.rule.detector!r} keeps no running score")
        try:
            return self.session.feed(text)
        except Exception as error:  # noqa: BLE001 - whatever a detector raises is for the policy's on_error
            self.broken = broken(self.rule.detector, error)
            return self.broken


class Unopened:
    """Stands for a session that could not be opened; its tier says why and never feeds it."""

    def feed(self, text: str) -> Harm:
        """Fail: there is nothing to feed."""
        raise DetectorError("this session was never opened")


def broken(detector: str, error: BaseException) -> DetectorError:
    """What went wrong with a detector, as an outcome; long messages (which may quote text) are cut."""
    return DetectorError(f"detector {detector!r}: {type(error).__name__}: {error}"[:200])


class Tiers:
    """The detectors of one answer, in the policy's order: feeds their sessions, says who is asked, and decides."""

    __slots__ = (
        "_on_error",
        "_on_unjudged",
        "asks_end",
        "asks_late",
        "covers",
        "peak_categories",
        "peak_harm",
        "simple",
        "tiers",
        "unjudged",
    )

    def __init__(self, policy: Policy, tiers: Sequence[Tier]) -> None:
        """Seat `tiers` in the policy's order.

        Raises:
            ConfigError: there is none, so no verdict would ever cover the text.
        """
        if not tiers:
            raise ConfigError("expected at least one detector to guard an answer, got none.")
        self.tiers = tuple(tiers)
        self._on_error: Action = policy.on_error
        self._on_unjudged = policy.languages.unjudged
        self.unjudged = ""
        """The language of the latest window that no detector could judge."""
        self.asks_late = self.asks_end = self.covers = False
        """Whether some detector keeps no running score; reads the whole at the end; has a verdict on every window
        (where none has, nothing leaves before the end)."""
        self.simple = True
        """Whether every detector keeps a running score of every window."""
        for tier in tiers:
            every = tier.when == "every"
            self.asks_late = self.asks_late or tier.session is None
            self.asks_end = self.asks_end or tier.when == "end"
            self.covers = self.covers or every
            self.simple = self.simple and every and tier.session is not None
        self.peak_harm = -1.0
        """The highest score so far; -1.0 before the first."""
        self.peak_categories: dict[str, float] = {}

    def feed(self, text: str) -> list[Outcome | None]:
        """Advance every session; None for detectors that keep no running score."""
        return [tier.feed(text) if tier.session is not None else None for tier in self.tiers]

    def running(self, text: str, *, margin: float) -> Decision | None:
        """Advance every session and decide; for detectors that all keep a running score of every window."""
        if len(self.tiers) == 1:
            outcome = self.tiers[0].feed(text)
            decision = self._decide(self.tiers[0], outcome, margin)
            return self._judged((outcome,)) if decision is None else decision
        return self.judge(self.feed(text), margin=margin)

    def wants(self, index: int, outcomes: Sequence[Outcome | None], *, text: str, whole: bool) -> bool:
        """Whether a tier's outcome counts for a window, given those of the others.

        `whole`: the window ends the answer, or as much of it as is held.
        """
        tier = self.tiers[index]
        if tier.when == "end":
            return whole
        if not text:
            return False
        if tier.when == "every":
            return True
        return any(_in_band(tier, outcome) or self._asks(outcome) for outcome in outcomes[:index])

    def judge(self, outcomes: Sequence[Outcome | None], *, margin: float = 0.0) -> Decision | None:
        """The gravest decision on a window; None releases."""
        decisions: list[Decision | None] = []
        for index, (tier, outcome) in enumerate(zip(self.tiers, outcomes, strict=True)):
            decision = self._decide(tier, outcome, margin) if outcome is not None else None
            if tier.when == "grey" and isinstance(outcome, Harm) and (decision is None or decision.cause == "flag"):
                # It was asked about unsure scores; a sure one, or a detector that broke, is not its to overrule.
                for before in range(index):
                    if _in_band(tier, outcomes[before]):
                        decisions[before] = None
            decisions.append(decision)
        decision = gravest(decisions)
        return self._judged(outcomes) if decision is None else decision

    def _asks(self, outcome: Outcome | None) -> bool:
        return self._on_unjudged == "ask" and isinstance(outcome, Harm) and bool(outcome.unjudged)

    def _judged(self, outcomes: Sequence[Outcome | None]) -> Decision | None:
        """What follows where nobody objects: nothing, unless every score is of a language its detector cannot judge."""
        language, name = "", ""
        for tier, outcome in zip(self.tiers, outcomes, strict=True):
            if isinstance(outcome, Harm):
                if not outcome.unjudged:
                    return None
                language, name = outcome.unjudged, tier.rule.detector
        if not language:
            return None
        self.unjudged = language
        if self._on_unjudged != "halt":
            return None
        return Decision(action="halt", cause="error", detector=name, detail=f"not judged: language {language!r}")

    def _decide(self, tier: Tier, outcome: Outcome, margin: float) -> Decision | None:
        decision = decide(tier.rule, outcome, on_error=self._on_error, margin=margin)
        if isinstance(outcome, Harm) and (decision is None or decision.cause == "flag"):
            if outcome.harm > self.peak_harm:
                self.peak_harm = outcome.harm
            for code, score in outcome.categories.items() if outcome.categories else ():
                self.peak_categories[code] = max(score, self.peak_categories.get(code, 0.0))
        return decision


def decide(rule: Rule, outcome: Outcome, *, on_error: Action, margin: float = 0.0) -> Decision | None:
    """What one detector's outcome alone calls for; what broke, or is no score, falls under `on_error`."""
    try:
        if not isinstance(outcome, Exception):
            return rule.judge(outcome, margin=margin)
        error: Exception = outcome
    except (DetectorError, AttributeError, TypeError) as odd:
        error = odd
    return Decision(action=on_error, cause="error", detector=rule.detector, detail=str(error)[:200])


def _in_band(tier: Tier, outcome: Outcome | None) -> bool:
    """Whether a score, all its categories included, is one that a grey tier is asked about."""
    if not isinstance(outcome, Harm) or not tier.grey_low <= outcome.harm <= tier.grey_high:
        return False
    return all(score <= tier.grey_high for score in outcome.categories.values())


def graver(decision: Decision, other: Decision | None) -> bool:
    """Whether a decision outweighs another; any outweighs none."""
    return other is None or SEVERITY[decision.action] > SEVERITY[other.action]


def gravest(decisions: Iterable[Decision | None]) -> Decision | None:
    """The decision that outweighs the others; None where there is none."""
    worst: Decision | None = None
    for decision in decisions:
        if decision is not None and graver(decision, worst):
            worst = decision
    return worst


def stops(decision: Decision | None) -> bool:
    """Whether a decision keeps a text from leaving, outside shadow mode."""
    return decision is not None and SEVERITY[decision.action] > SEVERITY["annotate"]
