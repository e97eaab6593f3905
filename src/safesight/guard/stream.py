"""The guard of one streamed answer, without I/O: text and verdicts go in, actions come out.

Invariants (property-tested): the decision and the released text depend on the answer alone, never on its
chunks; with a holding policy nothing is released that no verdict covers; a safe answer is released byte for
byte; after a flag nothing is released, whatever follows. Windows are settled in order, so late verdicts may
arrive in any order. State is one window plus what is held: no text is scanned twice.
"""

from __future__ import annotations

from collections.abc import Sequence

from safesight.core.errors import ConfigError
from safesight.core.records import Harm
from safesight.guard.actions import Check, Note, Release, Stop, StreamAction
from safesight.guard.policy import Policy
from safesight.guard.rules import SEVERITY, Decision, Outcome, Tier, Tiers, graver, stops
from safesight.guard.windows import Cutter, WaitingWindows, word_end

_NOTHING: tuple[StreamAction, ...] = ()


class StreamGuard:
    """Guards one answer. Call `feed` with text, `pause` where another text of the reply begins, `flush` at the end of
    the answer, and `verdict` for every `Check`.

    `over` turns True after a `Stop`, or once everything has been released after `flush`. While `full` is
    True, give verdicts (or open the gate) before feeding more.
    """

    def __init__(self, policy: Policy, *, tiers: Sequence[Tier], gated: bool = False) -> None:
        """Guard with `tiers` in the policy's order; `gated` holds everything until `admit` is called.

        Raises:
            ConfigError: there is no tier, so no verdict would ever cover the text.
        """
        self._policy = policy
        self._tiers = Tiers(policy, tiers)
        self._cutter = Cutter(policy.stream)
        self._holds = policy.holds
        self._keep = policy.stream.hold_chars
        self._debounce = policy.stream.debounce
        self._tail_chars = policy.stream.context_chars
        self._rewrites = policy.rewrites
        self._gate: list[StreamAction] | None = [] if gated and not policy.shadow else None
        self._gate_chars = 0
        self._buffer = ""
        self._held = ""
        self._tail = ""
        self._position = 0
        self._waiting = WaitingWindows(self._tiers, policy.stream)
        self._row = 0
        self._suspect: Decision | None = None
        self._noted = -1
        self._noted_error = False
        self._muted = False
        self._closed = False
        self._ended = False
        self.stop: Stop | None = None
        self.released_chars = 0
        self.unverified_chars = 0
        """Released although a detector broke (`on_error = "release"`); audit and shadow text is not counted here."""
        self.windows = 0

    @property
    def peak(self) -> Harm | None:
        """The highest scores so far; None before the first."""
        if self._tiers.peak_harm < 0.0:
            return None
        return Harm(harm=self._tiers.peak_harm, categories=dict(self._tiers.peak_categories))

    @property
    def peak_harm(self) -> float:
        """The highest score so far; 0.0 before the first."""
        return max(0.0, self._tiers.peak_harm)

    @property
    def unjudged(self) -> str:
        """The language of the latest window that no detector could judge; "" where there was none."""
        return self._tiers.unjudged

    @property
    def over(self) -> bool:
        """True when nothing more will come out."""
        return self._gate is None and (self.stop is not None or self._ended)

    @property
    def pending_chars(self) -> int:
        """Characters taken in that wait for a verdict, for the gate, or in the hold-back."""
        return len(self._buffer) + len(self._held) + self._waiting.chars + self._gate_chars

    @property
    def held_chars(self) -> int:
        """Characters taken in and neither released nor dropped."""
        return self.pending_chars if self._holds else self._gate_chars

    @property
    def most_held(self) -> int:
        """The longest text that may be held."""
        return self._policy.stream.max_held_chars

    @property
    def full(self) -> bool:
        """True when more pends than `max_held_chars`: the driver should stop reading its upstream."""
        return self.pending_chars > self._policy.stream.max_held_chars

    def feed(self, text: str) -> Sequence[StreamAction]:
        """Take the next piece of the answer; after a stop it is dropped.

        Raises:
            ConfigError: the answer was already flushed.
        """
        if self.stop is not None or not text:
            return _NOTHING
        if self._closed:
            raise ConfigError("this answer was flushed: guard the next one with a new StreamGuard.")
        out: list[StreamAction] = []
        if not self._holds:
            self._release(text, out, verified=False)
            if self._muted:
                return self._through(out)
        old = self._buffer
        buffer = old + text
        cut = self._cutter.cut(buffer, 0, len(old))
        start = 0
        while cut:
            self._window(buffer[start:cut], out)
            if self.stop is not None or self._muted:
                self._buffer = ""
                return self._through(out)
            start = cut
            cut = self._cutter.cut(buffer, start, start)
        self._buffer = buffer[start:] if start else buffer
        return self._through(out) if out else _NOTHING

    def pause(self) -> Sequence[StreamAction]:
        """Another text of the reply begins: check what came so far, and release it once every verdict is in.

        The answer may go on afterwards; its detectors remember what they read.
        """
        waits = self._buffer or self._held or self._waiting.chars or self._tiers.asks_end
        if self._closed or self._muted or self.stop is not None or not waits:
            return _NOTHING
        out: list[StreamAction] = []
        text, self._buffer = self._buffer, ""
        self._window(text, out, closes=True)
        return self._through(out)

    def flush(self) -> Sequence[StreamAction]:
        """The answer is complete: check what is left, and release what is held once every verdict is in."""
        if self._closed or self.stop is not None:
            return _NOTHING
        self._closed = True
        if self._muted:
            self._ended = True
            return _NOTHING
        out: list[StreamAction] = []
        text, self._buffer = self._buffer, ""
        self._window(text, out, final=True, closes=True)
        return self._through(out)

    def verdict(self, check_id: int, outcomes: Sequence[Outcome]) -> Sequence[StreamAction]:
        """Answer a check with one outcome (a score, or why there is none) for each of `check.asks`, in order.

        Raises:
            ConfigError: there is no such open check, or the number of outcomes differs from its asks.
        """
        if self.stop is not None or self._muted:
            return _NOTHING
        check = self._waiting.answer(check_id, outcomes)
        out: list[StreamAction] = [] if check is None else [check]
        self._drain(out)
        return self._through(out)

    def admit(self, decision: Decision | None) -> Sequence[StreamAction]:
        """Open the gate with the verdict on the request: None or a mild decision lets the answer out.

        In shadow mode there is no gate, and a decision is only noted.
        """
        out: list[StreamAction] = []
        if self._policy.shadow:
            if decision is not None:
                out.append(Note(decision=decision, start=0, end=0, would=stops(decision)))
            return out
        gate, self._gate = self._gate or [], None
        released, self._gate_chars = self._gate_chars, 0
        if decision is not None and stops(decision):
            self._stop(Stop(decision=decision, held="", context="", start=0, end=0), out)
            return out
        if decision is not None:
            out.append(Note(decision=decision, start=0, end=0))
        self.released_chars += released
        return [*out, *gate]

    def _through(self, out: list[StreamAction]) -> Sequence[StreamAction]:
        if self._gate is None:
            return out
        self._gate.extend(action for action in out if not isinstance(action, Check))
        return [action for action in out if isinstance(action, Check)]

    def _window(self, text: str, out: list[StreamAction], *, final: bool = False, closes: bool = False) -> None:
        start = self._position
        self._position = start + len(text)
        if text:
            self.windows += 1
        if self._tiers.simple:
            decision = self._tiers.running(text, margin=self._margin) if text else None
            self._settle(decision, text, start, out, final=final, closes=closes)
            return
        check = self._waiting.open(text, start, final=final, closes=closes)
        if check is not None:
            out.append(check)
        self._drain(out)

    def _drain(self, out: list[StreamAction]) -> None:
        for window in self._waiting.settled():
            decision = self._tiers.judge(window.outcomes, margin=self._margin)
            # An `end` tier is not asked again, so that its verdict counts at once.
            judged = window.whole is not None
            self._settle(
                decision, window.text, window.start, out, final=window.final, closes=window.closes, judged=judged
            )
            if self.stop is not None or self._muted:
                return

    @property
    def _margin(self) -> float:
        return self._policy.stream.hysteresis if self._row else 0.0

    def _settle(
        self,
        decision: Decision | None,
        text: str,
        start: int,
        out: list[StreamAction],
        *,
        final: bool,
        closes: bool,
        judged: bool = False,
    ) -> None:
        if not text and closes and self._row and not stops(decision):
            # A row that nothing ended is a flag.
            decision = self._suspect
        if decision is None or not stops(decision):
            self._row = 0
            if decision is not None:
                self._let(decision, text, start, out)
            self._pass(text, out, final=final, closes=closes, judged=judged)
            return
        self._suspect = decision if self._row == 0 or graver(decision, self._suspect) else self._suspect
        self._row += 1
        if decision.cause == "flag" and self._row < self._debounce and not closes and not judged:
            self._held += text if self._holds else ""
        else:
            self._block(decision, text, start, out)

    def _let(self, decision: Decision, text: str, start: int, out: list[StreamAction]) -> None:
        """Record a decision that changes nothing: once, as a running score stays high, and again if graver."""
        if decision.cause == "error":
            self.unverified_chars += len(text) if self._holds else 0
            fresh, self._noted_error = not self._noted_error, True
        else:
            fresh, self._noted = SEVERITY[decision.action] > self._noted, max(self._noted, SEVERITY[decision.action])
        if fresh:
            out.append(Note(decision=decision, start=start, end=start + len(text)))

    def _pass(self, text: str, out: list[StreamAction], *, final: bool, closes: bool, judged: bool) -> None:
        """Hold verified text back; release whole words that are further than `hold_chars` from its end."""
        if self._holds:
            held = self._held + text
            if closes:
                excess = len(held)
            elif self._tiers.covers or judged:
                excess = word_end(held, max(0, len(held) - self._keep))
            else:
                excess = 0
            if excess > 0:
                self._release(held[:excess], out)
                held = held[excess:]
            self._held = held
        if final:
            self._ended = True

    def _release(self, text: str, out: list[StreamAction], *, verified: bool = True) -> None:
        out.append(Release(text=text, verified=verified))
        if self._gate is None:
            self.released_chars += len(text)
        else:
            self._gate_chars += len(text)
        if self._rewrites:
            self._tail = (self._tail + text)[-self._tail_chars :] if self._tail_chars else ""

    def _block(self, decision: Decision, text: str, start: int, out: list[StreamAction]) -> None:
        end = start + len(text)
        if not self._holds:
            out.append(Note(decision=decision, start=start, end=end, would=True))
            self._muted = True
            self._forget()
            self._ended = self._closed
            return
        self._stop(Stop(decision=decision, held=self._held + text, context=self._tail, start=start, end=end), out)

    def _stop(self, stop: Stop, out: list[StreamAction]) -> None:
        self.stop = stop
        out.append(stop)
        self._forget()

    def _forget(self) -> None:
        self._buffer = self._held = self._tail = ""
        self._waiting.clear()
