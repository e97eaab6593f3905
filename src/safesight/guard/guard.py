"""The guard: a policy, its detectors and a detoxifier, behind checks of requests, whole answers and live streams.

The same object serves the library, the proxy, the runner's defences and other frameworks. Invariant: what broke
is never taken for safe, and nothing leaves that no verdict covers unless the policy says so aloud.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Sequence
from copy import copy

import msgspec

from safesight.core.begun import Begun
from safesight.core.errors import ConfigError, DataError, MissingExtra
from safesight.core.messages import Image, Message
from safesight.core.protocols import Delta, Detector, IncrementalDetector, Model
from safesight.core.records import JUDGED, Exchange, GuardEvent, Harm, Reply, content_hash
from safesight.core.registry import open_plugin
from safesight.guard.actions import Check, Stop, StreamAction
from safesight.guard.asking import ask
from safesight.guard.detoxify import Detoxifier, Replacement, total
from safesight.guard.drive import GuardedStream
from safesight.guard.findings import Checked, Request
from safesight.guard.panel import Outcome, Panel, Tier, Unopened, broken
from safesight.guard.policy import GUARDED, SEVERITY, Decision, Policy, Rule, default_policy
from safesight.guard.question import open_reader, read_question, user_images
from safesight.guard.request import RequestPanel
from safesight.guard.stream import StreamGuard
from safesight.guard.windows import Cutter
from safesight.media.ocr import OcrReader

BATCH = 64
"""Windows scored in one call at most."""


class Guard:
    """Guards requests and answers by one policy."""

    def __init__(
        self,
        policy: Policy,
        *,
        detectors: Sequence[Detector],
        detoxifier: Detoxifier | None = None,
        reader: OcrReader | None = None,
        image_detector: Detector | None = None,
    ) -> None:
        """Take one detector for each `[[detectors]]` entry of the policy, in order.

        Raises:
            ConfigError: the numbers differ.
        """
        if len(detectors) != len(policy.detectors):
            raise ConfigError(
                f"expected {len(policy.detectors)} detectors, one for each [[detectors]] entry, got {len(detectors)}."
            )
        self.policy = policy
        self.detectors = tuple(detectors)
        self.detoxifier = detoxifier or Detoxifier(policy)
        self._reader = reader
        self._rules = [
            Rule(policy, detector=d.name, threshold=d.threshold, own=entry.threshold)
            for d, entry in zip(detectors, policy.detectors, strict=True)
        ]
        # Asking a protocol costs as much as a short answer's whole check, so it is asked once.
        self._running = [d if isinstance(d, IncrementalDetector) else None for d in detectors]
        self._requests = RequestPanel(policy, detectors, image_detector=image_detector)
        every = (*detectors, *([image_detector] if image_detector else ()))
        self.detector_fingerprints = tuple(sorted({d.fingerprint for d in every}))
        self.fingerprint = content_hash(
            "guard",
            policy.fingerprint,
            [d.fingerprint for d in every],
            self.detoxifier.fingerprint,
            reader.fingerprint if reader else "",
        )

    def stops(self, decision: Decision | None) -> bool:
        """Whether a decision keeps a text from leaving; in shadow mode none does."""
        return decision is not None and not self.policy.shadow and SEVERITY[decision.action] > SEVERITY["annotate"]

    async def read(self, messages: Sequence[Message]) -> Request:
        """Read a request and judge it, as far as the policy asks, within `input_ms`."""
        started = time.perf_counter()
        images = user_images(messages)
        question, failure = "", ""
        outcomes: tuple[Outcome, ...] = ()
        decision: Decision | None = None

        async def judge() -> None:
            nonlocal question, decision, outcomes
            question = await read_question(messages, reader=self._reader if self.policy.input.ocr else None)
            decision, outcomes = await self._requests.judge(question, images)

        try:
            judging = Begun(judge())
            if not judging.done:
                async with asyncio.timeout(self.policy.time.input_ms / 1000):
                    await judging
        except TimeoutError:
            failure = f"no verdict on the request within {self.policy.time.input_ms} ms"
        except (DataError, MissingExtra) as error:
            failure = str(error)[:200]
        if failure:
            decision = Decision(action=self.policy.on_error, cause="error", detail=failure)
            question = question or await read_question(messages)
        latency_ms = 1e3 * (time.perf_counter() - started)
        checked = Checked(decision=decision, outcomes=outcomes, latency_ms=latency_ms)
        return Request(question=question, images=images, checked=checked)

    async def check(self, question: str, answer: str, *, images: Sequence[Image] = ()) -> Checked:
        """Judge a whole answer to a question.

        A detector with a running score counts at its worst window, as it would on a stream, so that a benign tail
        clears nothing; others see the whole answer once.
        """
        started = time.perf_counter()
        tiers = [self._tier(index, question) for index in range(len(self.detectors))]
        panel = Panel(self.policy, tiers)
        peaks = [await self._peak(tier, answer) if tier.session is not None else None for tier in tiers]
        outcomes: list[Outcome | None] = [None] * len(tiers)
        exchange = Exchange(question=question, answer=answer, images=tuple(images))
        for index, detector in enumerate(self.detectors):
            if panel.wants(index, outcomes, text=answer, final=True):
                asked = peaks[index] or (await ask(detector, [exchange], timeout_ms=self.policy.time.check_ms))[0]
                outcomes[index] = asked
        return Checked(
            decision=panel.judge(outcomes),
            outcomes=tuple(o for o in outcomes if o is not None),
            latency_ms=1e3 * (time.perf_counter() - started),
        )

    async def protect(self, reply: Reply, *, messages: Sequence[Message], request: Request | None = None) -> Reply:
        """Return a reply as it may be shown, with the guard's events and time added.

        A refused or rewritten reply keeps status `ok` and gets finish reason `content_filter`; a halted one is
        `blocked`; where a detector broke under `on_error = "halt"` the status is `error`. Reasoning is judged too and
        left out when flagged. `request` is the verdict of `read`, where the caller already has it.
        """
        started = time.perf_counter()
        request = request or await self.read(messages)
        events = [request.checked.event("input", shadow=self.policy.shadow)]
        refused = request.checked.decision
        if refused is not None and self.stops(refused):
            return await self._stopped(reply, request, refused, events, started, answer="")
        if reply.status not in JUDGED:
            return self._finish(reply, events, started)
        if reply.reasoning:
            hidden = await self.check(request.question, reply.reasoning, images=request.images)
            if hidden.decision is not None:
                event = hidden.event("final", end=len(reply.reasoning), shadow=self.policy.shadow)
                events.append(msgspec.structs.replace(event, detail=f"reasoning {event.detail}".strip()))
            if self.stops(hidden.decision):
                reply = msgspec.structs.replace(reply, reasoning="")
        checked = await self.check(request.question, reply.text, images=request.images)
        events.append(checked.event("final", end=len(reply.text), shadow=self.policy.shadow))
        flagged = checked.decision
        if flagged is not None and self.stops(flagged):
            return await self._stopped(reply, request, flagged, events, started, answer=reply.text)
        return self._finish(reply, events, started)

    def rewritten_by(self, model: Model) -> Guard:
        """This guard with `model` as its rewriter (not closed with it): for policies that say `guarded`."""
        other = copy(self)
        other.detoxifier = Detoxifier(self.policy, model=model, owned=False)
        return other

    def stream(self, messages: Sequence[Message], deltas: AsyncIterator[Delta]) -> GuardedStream:
        """Guard a live reply: iterate over the result instead of over `deltas`."""
        return GuardedStream(self, messages, deltas)

    def open_stream(self, question: str, *, gated: bool = False) -> StreamGuard:
        """The sans-IO guard of one answer to `question`, for drivers of their own (see docs/guard.md)."""
        tiers = [self._tier(index, question) for index in range(len(self.detectors))]
        return StreamGuard(self.policy, tiers=tiers, gated=gated)

    async def verdicts(
        self, stream: StreamGuard, checks: Sequence[Check], *, question: str, images: Sequence[Image] = ()
    ) -> list[StreamAction]:
        """Answer a stream's checks, many windows in one call of a detector; returns what the stream then says."""
        actions: list[StreamAction] = []
        todo = list(checks)
        while todo and stream.stop is None:
            batch, todo = todo[:BATCH], todo[BATCH:]
            exchanges = [Exchange(question=question, answer=c.answer, images=tuple(images)) for c in batch]
            asked = sorted({index for check in batch for index in check.asks})
            scored = await asyncio.gather(*(self._score(index, batch, exchanges) for index in asked))
            found = dict(zip(asked, scored, strict=True))
            for check in batch:
                said = stream.verdict(check.id, [found[index][check.id] for index in check.asks])
                todo += [action for action in said if isinstance(action, Check)]
                actions += [action for action in said if not isinstance(action, Check)]
        return actions

    async def replace(self, stop: Stop, *, question: str, images: Sequence[Image] = ()) -> Replacement:
        """What to say after a stream stopped: a re-checked rewrite of the held text, a refusal, or nothing."""
        return await self._replace(stop.decision, question, stop.held, images, before=stop.context)

    async def aclose(self) -> None:
        """Close detectors and the detoxifier's model."""
        for detector in self.detectors:
            await detector.aclose()
        await self._requests.aclose()
        await self.detoxifier.aclose()

    async def _score(self, index: int, checks: Sequence[Check], exchanges: Sequence[Exchange]) -> dict[int, Outcome]:
        wanted = [(c.id, e) for c, e in zip(checks, exchanges, strict=True) if index in c.asks]
        outcomes = await ask(self.detectors[index], [e for _, e in wanted], timeout_ms=self.policy.time.check_ms)
        return {check: outcome for (check, _), outcome in zip(wanted, outcomes, strict=True)}

    def _tier(self, index: int, question: str) -> Tier:
        entry, detector = self.policy.detectors[index], self._running[index]
        tier = Tier(self._rules[index], when=entry.when, grey_low=entry.grey_low, grey_high=entry.grey_high)
        if detector is not None:
            try:
                tier.session = detector.session(question)
            except Exception as error:  # noqa: BLE001 - whatever a detector raises is for the policy's on_error
                tier.session, tier.broken = Unopened(), broken(detector.name, error)
        return tier

    async def _peak(self, tier: Tier, answer: str) -> Outcome:
        """The worst of a running score over the answer's windows; a failure is worse than any score.

        As on a stream, a score counts as far as it lasts for `debounce` windows, and the last window's alone.
        """
        cutter = Cutter(self.policy.stream)
        row: deque[Harm] = deque(maxlen=self.policy.stream.debounce)
        harm, categories = 0.0, dict[str, float]()
        start, end, fed = 0, -1, 0
        while end < len(answer):
            fed += 1
            if fed % BATCH == 0:
                await asyncio.sleep(0)  # a long answer must not keep other streams waiting
            end = cutter.cut(answer, start, start) or len(answer)
            outcome = tier.feed(answer[start:end])
            if not isinstance(outcome, Harm) or not 0.0 <= outcome.harm <= 1.0:
                return outcome
            row.append(outcome)
            start = end
            if len(row) < self.policy.stream.debounce and end < len(answer):
                continue
            lasting = [outcome] if end == len(answer) else row
            harm = max(harm, min(one.harm for one in lasting))
            for name in outcome.categories:
                lowest = min(one.categories.get(name, 0.0) for one in lasting)
                categories[name] = max(lowest, categories.get(name, lowest))
        return Harm(harm=harm, categories=categories)

    async def _replace(
        self, decision: Decision, question: str, answer: str, images: Sequence[Image], *, before: str = ""
    ) -> Replacement:
        async def recheck(text: str) -> Decision | None:
            found = (await self.check(question, before + text, images=images)).decision
            return found if found is not None and SEVERITY[found.action] > SEVERITY["annotate"] else None

        return await self.detoxifier.replace(decision, question=question, answer=answer, recheck=recheck)

    async def _stopped(
        self,
        reply: Reply,
        request: Request,
        decision: Decision,
        events: list[GuardEvent],
        started: float,
        *,
        answer: str,
    ) -> Reply:
        made = await self._replace(decision, request.question, answer, request.images)
        stopped = msgspec.structs.replace(
            reply,
            status="ok",
            text=made.text,
            reasoning="",
            finish_reason="content_filter",
            usage=total(reply.usage, made.usage),
            error="",
        )
        if decision.cause == "error":
            stopped = msgspec.structs.replace(stopped, status="error", error=f"guard: {decision.detail}")
        elif not made.text:
            stopped = msgspec.structs.replace(stopped, status="blocked")
        events += made.events
        if made.action != decision.action:
            events.append(GuardEvent(kind="final", action=made.action, categories=decision.categories))
        return self._finish(stopped, events, started)

    def _finish(self, reply: Reply, events: Sequence[GuardEvent], started: float) -> Reply:
        return msgspec.structs.replace(
            reply,
            guard_events=(*reply.guard_events, *events),
            latency_ms=reply.latency_ms + 1e3 * (time.perf_counter() - started),
        )


def open_guard(policy: Policy | None = None) -> Guard:
    """Build the guard that a policy describes, opening its detectors, rewriter and OCR by name.

    A rewriter called `guarded` is left open: give the guarded model itself to `rewritten_by`; until then a rewrite
    is a refusal.

    Raises:
        UnknownName: a detector or model of that name is not known.
        MissingExtra: an optional dependency of one of them is not installed.
    """
    policy = policy or default_policy()
    rewriter = policy.detoxify.model
    model = open_plugin("models", rewriter) if rewriter not in ("", GUARDED) else None
    image_detector = open_plugin("detectors", policy.input.image_detector) if policy.input.image_detector else None
    return Guard(
        policy,
        detectors=[open_plugin("detectors", entry.name) for entry in policy.detectors],
        detoxifier=Detoxifier(policy, model=model),
        reader=open_reader() if policy.input.ocr else None,
        image_detector=image_detector,
    )
