"""The guard: a policy, its detectors and a detoxifier, behind checks of requests, whole answers and live streams.

The same object serves the library, the proxy, the runner's defences and other frameworks. Invariant: what broke
is never taken for safe, and nothing leaves that no verdict covers unless the policy says so aloud.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from copy import copy
from functools import partial

import msgspec

from safesight.core.abilities import LicensedPlugin
from safesight.core.eager import Eager
from safesight.core.errors import ConfigError, DataError, MissingExtra, Overloaded, OversizedImage
from safesight.core.messages import Image, Message
from safesight.core.protocols import Delta, Detector, IncrementalDetector, Model
from safesight.core.records import JUDGED, GuardEvent, Reply, content_hash, with_threshold
from safesight.core.registry import open_plugin
from safesight.guard.actions import Check, Stop, StreamAction
from safesight.guard.asking import answer_checks
from safesight.guard.detoxify import Detoxifier, Replacement, total
from safesight.guard.doctor import shortcomings
from safesight.guard.drive import FILTERED, Drive, GuardedStream, withheld
from safesight.guard.findings import Checked, Request
from safesight.guard.guarded_model import resolved
from safesight.guard.policy import GUARDED, Policy, default_policy
from safesight.guard.question import ReadRequest, open_reader, read_request
from safesight.guard.request import RequestPanel
from safesight.guard.rules import Decision, Outcome, Rule, Tier, Unopened, broken, stops
from safesight.guard.stream import StreamGuard
from safesight.media.ocr import OcrReader


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
        held = msgspec.structs.replace(policy.stream, windows="full") if policy.holds else policy.stream
        self._long = msgspec.structs.replace(policy, stream=held)
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
        self.licence = ", ".join(sorted({d.licence for d in every if isinstance(d, LicensedPlugin) and d.licence}))
        self.fingerprint = content_hash(
            "guard, one driver",
            policy.fingerprint,
            [with_threshold(d.fingerprint, d.threshold) for d in every],
            self.detoxifier.fingerprint,
            reader.fingerprint if reader else "",
        )

    def stops(self, decision: Decision | None) -> bool:
        """Whether a decision keeps a text from leaving; in shadow mode none does."""
        return stops(decision) and not self.policy.shadow

    def shortcomings(self) -> list[str]:
        """What the policy says and these detectors do not do (`guard.doctor`)."""
        return shortcomings(self.policy, self.detectors, image_detector=self._requests.image_detector)

    async def read(self, messages: Sequence[Message], *, client: str | None = None) -> Request:
        """Read a request and judge it, as far as the policy asks, within `input_ms`.

        Raises:
            Overloaded: it is of a `client`, too many images wait to be read, and the policy does not let unread ones
                pass.
        """
        started = time.perf_counter()
        read: ReadRequest | None = None
        failure, limit = "", False
        outcomes: tuple[Outcome, ...] = ()
        decision: Decision | None = None

        async def judge() -> None:
            nonlocal read, decision, outcomes
            rule = self.policy.input
            reader = self._reader if rule.ocr else None
            read = await read_request(messages, reader=reader, turns=rule.turns, client=client)
            decision, outcomes = await self._requests.judge(read)

        try:
            judging = Eager(judge())
            if not judging.done:
                async with asyncio.timeout(self.policy.time.input_ms / 1000):
                    await judging
        except TimeoutError:
            failure = f"no verdict on the request within {self.policy.time.input_ms} ms (time.input_ms of the policy)"
        except Overloaded as error:
            if self.policy.on_error == "halt" and not self.policy.shadow:
                raise
            failure = str(error)
        except (DataError, MissingExtra) as error:
            failure = str(error)[:200]
            limit = isinstance(error, OversizedImage)
        if failure or read is None:
            # What is over a limit is refused whatever the policy says of what broke.
            decision = Decision(action="refuse" if limit else self.policy.on_error, cause="error", detail=failure)
            read = await read_request(messages, turns=self.policy.input.turns)
            if not self.stops(decision):
                # What could not be read is let pass by policy; what can be is judged all the same.
                found, outcomes = await self._requests.judge(read)
                decision = found if self.stops(found) else decision
        latency_ms = 1e3 * (time.perf_counter() - started)
        checked = Checked(decision=decision, outcomes=outcomes, latency_ms=latency_ms)
        return Request(question=read.question, images=read.images, turns=read.turns, checked=checked)

    async def check(
        self, question: str, answer: str, *, images: Sequence[Image] = (), turns: Sequence[Message] = ()
    ) -> Checked:
        """Judge a whole answer to a question, as it would be judged while it is written.

        Detectors see what they would see of a stream: windows, or the finished answer (`when = "end"`). A benign tail
        clears nothing. In shadow mode the decision is what would have been done.
        """
        drive = self.drive(question, images=images, turns=turns)
        await drive.whole(answer)
        return drive.checked()

    async def protect(self, reply: Reply, *, messages: Sequence[Message], request: Request | None = None) -> Reply:
        """Return a reply as it may be shown, with the guard's events and time added.

        A refused or rewritten reply keeps status `ok` and gets finish reason `content_filter`; a halted one is
        `blocked`; where a detector broke under `on_error = "halt"` the status is `error`. Reasoning is judged too; what
        a flag in it does is the policy's `reasoning`. `request` is the verdict of `read`, where the caller already has
        it.
        """
        started = time.perf_counter()
        request = request or await self.read(messages)
        events = [request.checked.event("input", shadow=self.policy.shadow)]
        refused = request.checked.decision
        if refused is not None and self.stops(refused):
            stop = Stop(decision=refused, held="", context="", start=0, end=0)
            return await self._stopped(reply, request, stop, events, started)
        if reply.status not in JUDGED:
            return self._finish(reply, events, started)
        for channel, text in (("reasoning", reply.reasoning), ("content", reply.text)):
            drive = self.drive(request.question, images=request.images, turns=request.turns, channel=channel)
            await drive.whole(text)
            drive.end()
            events += [withheld(event, self.policy) for event in drive.events]
            if drive.stop is None:
                continue
            if channel == "reasoning" and self.policy.reasoning == "withhold":
                reply = msgspec.structs.replace(reply, reasoning="")
                continue
            # Nothing of a whole answer has left, so all of it is at stake, not only the window that fired.
            stop = msgspec.structs.replace(drive.stop, held=text, context="")
            return await self._stopped(reply, request, stop, events, started)
        return self._finish(reply, events, started)

    def rewritten_by(self, model: Model) -> Guard:
        """This guard with `model` as its rewriter (not closed with it): for policies that say `guarded`."""
        other = copy(self)
        other.detoxifier = Detoxifier(self.policy, model=model, owned=False)
        return other

    def stream(self, messages: Sequence[Message], deltas: AsyncIterator[Delta]) -> GuardedStream:
        """Guard a live reply: iterate over the result instead of over `deltas`."""
        return GuardedStream(self, messages, deltas)

    def open_stream(self, question: str, *, gated: bool = False, long: bool = False) -> StreamGuard:
        """The sans-IO guard of one answer to `question`, for drivers of their own (see docs/guard.md).

        `long`: windows end only where the text pauses, for what stands beside an answer and nobody reads as it comes.
        """
        tiers = [self._tier(index, question) for index in range(len(self.detectors))]
        return StreamGuard(self._long if long else self.policy, tiers=tiers, gated=gated)

    def drive(
        self,
        question: str,
        *,
        images: Sequence[Image] = (),
        turns: Sequence[Message] = (),
        channel: str = "content",
    ) -> Drive:
        """The driver of one text of a reply to `question`: the same for whole answers, streams and the proxy.

        `turns` is the conversation that the reply follows, for detectors that read one.
        """
        answer = partial(self.verdicts, question=question, images=images, turns=turns)
        return Drive(self.open_stream(question, long=channel == "other"), answer, channel=channel)

    async def verdicts(
        self,
        stream: StreamGuard,
        checks: Sequence[Check],
        *,
        question: str,
        images: Sequence[Image] = (),
        turns: Sequence[Message] = (),
    ) -> list[StreamAction]:
        """Answer a stream's checks, many windows in one call of a detector; returns what the stream then says."""
        return await answer_checks(
            stream,
            checks,
            detectors=self.detectors,
            question=question,
            images=images,
            turns=turns,
            timeout_ms=self.policy.time.check_ms,
        )

    async def replace(
        self, stop: Stop, *, question: str, images: Sequence[Image] = (), turns: Sequence[Message] = ()
    ) -> Replacement:
        """What to say in place of what stopped: a re-checked rewrite of the held text, a refusal, or nothing.

        Only an answer is rewritten; in place of reasoning or of a tool call stands a refusal.
        """
        decision = stop.decision
        if decision.action == "rewrite" and stop.channel != "content":
            decision = msgspec.structs.replace(decision, action="refuse")

        async def recheck(text: str) -> Decision | None:
            found = (await self.check(question, stop.context + text, images=images, turns=turns)).decision
            return found if stops(found) else None

        return await self.detoxifier.replace(decision, question=question, answer=stop.held, recheck=recheck)

    async def aclose(self) -> None:
        """Close detectors and the detoxifier's model."""
        for detector in self.detectors:
            await detector.aclose()
        await self._requests.aclose()
        await self.detoxifier.aclose()

    def _tier(self, index: int, question: str) -> Tier:
        entry, detector = self.policy.detectors[index], self._running[index]
        tier = Tier(self._rules[index], when=entry.when, grey_low=entry.grey_low, grey_high=entry.grey_high)
        if detector is not None:
            try:
                tier.session = detector.session(question)
            except Exception as error:  # noqa: BLE001 - whatever a detector raises is for the policy's on_error
                tier.session, tier.broken = Unopened(), broken(detector.name, error)
        return tier

    async def _stopped(
        self, reply: Reply, request: Request, stop: Stop, events: list[GuardEvent], started: float
    ) -> Reply:
        decision = stop.decision
        made = await self.replace(stop, question=request.question, images=request.images, turns=request.turns)
        stopped = msgspec.structs.replace(
            reply,
            status="ok",
            text=made.text,
            reasoning="",
            finish_reason=FILTERED,
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
        ConfigError: the policy names `self`, and nothing says where the guarded model is served.
        MissingExtra: an optional dependency of one of them is not installed.
    """
    policy = resolved(policy or default_policy())
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
