"""The verdict on a request before its answer: which detectors can judge one, and what the policy makes of it.

A detector says that it judges requests with `judges_requests = True`; it is then given the question and an empty
answer. One that only compares answers with questions may offer `suspicion(question)`, its own measure of how much
a question asks for harm. A detector that offers neither says nothing about requests: its answers are still judged.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

import msgspec

from safesight.core.messages import Image, Message
from safesight.core.protocols import Detector, SuspiciousDetector, judges_requests
from safesight.core.records import Exchange, Harm
from safesight.guard.asking import ask
from safesight.guard.policy import CategoryRule, Policy, Threshold
from safesight.guard.question import ReadRequest
from safesight.guard.rules import Decision, Outcome, Rule, broken, decide, gravest

BATCH = 64
"""Windows scored in one call at most, under one deadline."""
CACHED = 4096
"""Verdicts on (question, images) that an image detector need not repeat."""


class RequestPanel:
    """Judges requests by the policy's `[input]` section."""

    def __init__(self, policy: Policy, detectors: Sequence[Detector], *, image_detector: Detector | None) -> None:
        self._policy = _for_requests(policy)
        # Asking a protocol costs as much as a short check, so it is asked once.
        self._text = [
            (d, _rule(self._policy, d), _estimating(d)) for d in detectors if policy.input.text and _judges(d)
        ]
        self.image_detector = self._image = image_detector
        self._seen: OrderedDict[tuple[str, ...], Harm] = OrderedDict()

    async def judge(self, read: ReadRequest) -> tuple[Decision | None, tuple[Outcome, ...]]:
        """The decision on a request (None admits it), and every detector's outcome on each of its windows.

        Text detectors are asked about what the user wrote and about every window of the whole, so that neither a
        long frame thins a request nor a part of it goes unread.
        """
        limit = self._policy.input.max_chars
        if read.chars > limit:
            detail = f"expected a request of at most {limit:,} characters, got {read.chars:,}"
            return Decision(action="refuse", cause="error", detail=detail), ()
        outcomes: list[Outcome] = []
        decisions: list[Decision | None] = []
        on_error = self._policy.on_error
        texts = [text for text in dict.fromkeys((read.asked, *read.windows)) if text.strip()]
        for detector, rule, estimating in self._text if texts else ():
            found = (
                _suspect(detector, estimating, texts)
                if estimating is not None
                else await self._ask(detector, texts, read.turns)
            )
            outcomes += found
            decisions += [decide(rule, outcome, on_error=on_error) for outcome in found]
        if self._image is not None and read.asked_images:
            outcome = await self._ask_images(self._image, read.asked, read.asked_images)
            outcomes.append(outcome)
            decisions.append(decide(_rule(self._policy, self._image), outcome, on_error=on_error))
        return gravest(decisions), tuple(outcomes)

    async def aclose(self) -> None:
        """Close the image detector, which is this panel's own."""
        if self._image is not None:
            await self._image.aclose()

    async def _ask(self, detector: Detector, texts: Sequence[str], turns: Sequence[Message]) -> list[Outcome]:
        found: list[Outcome] = []
        for start in range(0, len(texts), BATCH):
            asked = [Exchange(question=text, answer="") for text in texts[start : start + BATCH]]
            if not start:
                # What the user wrote comes first; it is judged with the conversation it stands in.
                asked[0] = Exchange(question=texts[0], answer="", turns=tuple(turns))
            found += await ask(detector, asked, timeout_ms=self._policy.time.check_ms)
        return found

    async def _ask_images(self, detector: Detector, question: str, images: Sequence[Image]) -> Outcome:
        key = (question, *(image.sha256 for image in images))
        if key in self._seen:
            self._seen.move_to_end(key)
            return self._seen[key]
        exchange = Exchange(question=question, answer="", images=tuple(images))
        outcome = (await ask(detector, [exchange], timeout_ms=self._policy.time.check_ms))[0]
        if isinstance(outcome, Harm):
            self._seen[key] = outcome
            if len(self._seen) > CACHED:
                self._seen.popitem(last=False)
        return outcome


def _for_requests(policy: Policy) -> Policy:
    # A tolerated category stays tolerated; every other follows the input's action, since a request is not rewritten.
    categories = {
        code: CategoryRule(action="release" if rule.action == "release" else None, strict=rule.strict, loose=rule.loose)
        for code, rule in policy.categories.items()
    }
    return msgspec.structs.replace(policy, action=policy.input.action, categories=categories)


def _judges(detector: Detector) -> bool:
    return judges_requests(detector) or _estimating(detector) is not None


def _suspect(detector: Detector, estimating: SuspiciousDetector, texts: Sequence[str]) -> list[Outcome]:
    try:
        return [Harm(harm=max(map(estimating.suspicion, texts)))]
    except Exception as error:  # noqa: BLE001 - whatever a detector raises is for the policy's on_error
        return [broken(detector.name, error)]


def _estimating(detector: Detector) -> SuspiciousDetector | None:
    if judges_requests(detector) or not isinstance(detector, SuspiciousDetector):
        return None
    return detector


def _rule(policy: Policy, detector: Detector) -> Rule:
    threshold = None
    estimating = _estimating(detector)
    if estimating is not None:
        own = estimating.request_threshold if policy.input.threshold is None else policy.input.threshold
        threshold = Threshold(strict=own, loose=own)
    return Rule(policy, detector=detector.name, threshold=detector.threshold, own=threshold)
