"""The line of events that wait: each leaves once what it carries is verified, in the order of its choice. Sans-IO."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from safesight.proxy.held import GuardedChoice, GuardedText, Held, HeldEvent
from safesight.wire.dialect import Dialect


class HeldLine:
    """Events that wait, and those that may leave (`out`)."""

    def __init__(self, dialect: Dialect, noted: Callable[[GuardedText], None]) -> None:
        """Begin; `dialect` makes the events of ours, and `noted` hears of texts that the line had judged."""
        self.out: list[bytes] = []
        self._told = 0
        """Events of `out` that the dialect knows of."""
        self._dialect = dialect
        self._noted = noted
        self._headed = False
        self._line: deque[Held] = deque()
        self._first: GuardedChoice | None = None
        self._several = False

    def tell(self) -> None:
        """Let the dialect know what leaves."""
        out = self.out
        if len(out) > self._told:
            self._dialect.left(out[self._told :] if self._told else out)
            self._told = len(out)

    def take(self) -> list[bytes]:
        """What may leave now."""
        self.tell()
        out, self.out, self._told = self.out, [], 0
        return out

    def add(self, held: Held) -> None:
        """Add an event at the end."""
        self._first = self._first or held.choice
        self._several = self._several or held.choice is not self._first
        self._line.append(held)

    def leave_out_reasoning(self, choice: GuardedChoice) -> None:
        """Take a choice's reasoning out of what waits."""
        for held in self._line:
            if isinstance(held, HeldEvent) and held.choice is choice:
                held.payload = self._dialect.without_reasoning(held.payload)
                held.needs = tuple(need for need in held.needs if need.text.name != "reasoning")

    def advance(self) -> None:
        """Move out what may leave now."""
        line = self._line
        while line and self._leaves(line[0]):
            line.popleft()
        if line and self._several:
            self._overtake()

    def _leaves(self, held: Held) -> bool:
        """Move an event out if it may leave, or drop it; False while it waits."""
        choice = held.choice
        if choice.cut:
            return True
        before = len(self.out)
        if held.leave(self.out):
            self._meet(before)
            return True
        beside = held.waits_for
        if beside and all(text.beside and text.drive.stop is None for text in beside):
            # What stands beside an answer, judged or not yet, doesn't decide how much of the answer leaves.
            for text in beside:
                text.pause()
                self._noted(text)
            if held.leave(self.out):
                self._meet(before)
                return True
            if not all(text.drive.settled for text in beside):
                return False
        if choice.stop is None:
            return False
        self._cut(held)
        return True

    def _overtake(self) -> None:
        """Let events of other choices pass one that waits; what belongs to no choice keeps its place."""
        blocked: set[int] = set()
        kept: deque[Held] = deque()
        line = self._line
        while line:
            held = line.popleft()
            of_none = held.choice.index < 0
            if (of_none and blocked) or held.choice.index in blocked or not self._leaves(held):
                blocked.add(held.choice.index)
                kept.append(held)
                if of_none:
                    break
        kept.extend(line)
        self._line = kept

    def _cut(self, held: Held) -> None:
        """A stopped choice: send what of its next event was released, drop the rest."""
        held.choice.cut = True
        part = held.part()
        if part is not None:
            self.tell()
            text, released = part
            self.out.append(self._dialect.part(held.choice.index, held.field, released))
            text.sent += len(released)

    def _meet(self, before: int) -> None:
        """Repeat in our events what the first of the upstream's says of itself, once it may leave."""
        if not self._headed and len(self.out) > before:
            self._headed = True
            self._dialect.met(self.out[before])
