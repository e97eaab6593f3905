"""A guarded streamed reply with all its choices and texts, without I/O: events go in, events come out.

Invariants: an event leaves unchanged once every character it carries is covered by a released verdict, so a safe
stream is the upstream's own events byte for byte; events of one choice keep their order; after a stop nothing of that
choice leaves but what was already released, the replacement and the end. What stands beside an answer is judged too and
changes neither the answer's decision nor where it is cut. What a machine reads (tool calls, JSON) leaves whole or not
at all, when its choice has ended.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from safesight.core.records import GuardEvent
from safesight.guard.drive import Drive
from safesight.proxy.held import (
    MOST_CHOICES,
    MOST_TEXTS,
    GuardedChoice,
    GuardedText,
    HeldEvent,
    HeldRun,
    Need,
    WordTails,
)
from safesight.proxy.held_line import HeldLine
from safesight.wire.channels import ChoicePiece, Event
from safesight.wire.dialect import Dialect
from safesight.wire.event_shape import EventShape
from safesight.wire.event_shortcut import EventPattern
from safesight.wire.events import read_usage
from safesight.wire.strings import Text, UnjudgedError, shows_media

_BESIDE: Final = ("other", "logprobs")
"""Texts that interrupt no other."""

_JOINED: Final = ("content", "reasoning")
"""Channels whose pieces clients put together, wherever in an event they stand."""
_LABELS: Final = (".type", ".{key}")
"""Places in a part that clients do not show."""

_SELF: Final = frozenset({".model", ".provider", ".service_tier", ".system_fingerprint"})


class ReplyGuard:
    """Guards one streamed reply. Feed it payloads; send what `take` gives; settle what is `waiting`; replace what
    stopped."""

    def __init__(
        self,
        open_drive: Callable[[str], Drive],
        dialect: Dialect,
        *,
        choices: int = 1,
        structured: bool = False,
        withholds: bool = False,
        lenient: bool = False,
        known: set[str] | frozenset[str] = frozenset(),
    ) -> None:
        """Guard each text with a drive of its own.

        Args:
            open_drive: gives the driver of a text by name.
            dialect: reads the events, and makes those of ours.
            choices: how many the client asked for.
            structured: the client asked for JSON: the answer is a machine's, and refusals stand in `refusal`.
            withholds: flagged reasoning is left out, and the answer goes on.
            lenient: pass on what cannot be read, and hold nothing; only for policies that hold nothing back.
            known: strings that need no verdict any more.
        """
        self._open = open_drive
        self._dialect = dialect
        self._asked = choices
        self._structured = structured
        self._withholds = withholds
        self._lenient = lenient
        self._known = known
        self._choices: dict[int, GuardedChoice] = {}
        self._words = WordTails()
        self._line = HeldLine(dialect, self._note)
        self._pattern = EventPattern()
        self._shape = EventShape()
        self._usage: bytes | None = None
        """The last event that carried usage."""
        self._told_usage = False
        self._opened = 0
        """Texts so far."""
        self._skipped = 0
        """Events that were taken by the pattern since one was read in full."""
        self._spoke = 0
        """Events that carried text."""
        self.waiting: dict[int, GuardedText] = {}
        """Texts with checks to answer, by identity."""
        self.stopped: list[GuardedChoice] = []
        """Choices that stopped and have no replacement yet."""
        self.events: list[GuardEvent] = []
        self.error: Event | None = None
        """The error that the upstream reported in place of the rest."""

    @property
    def texts(self) -> list[GuardedText]:
        """Every text of every choice."""
        return [text for choice in self._choices.values() for text in choice.texts.values()]

    @property
    def full(self) -> bool:
        """True when more pends than the policy allows: stop reading the upstream until verdicts are in."""
        return any(text.drive.guard.full for text in self.texts)

    @property
    def over(self) -> bool:
        """True when every choice the client asked for was stopped: the upstream has nothing more to say."""
        said = [choice for choice in self._choices.values() if choice.index >= 0]
        return len(said) >= self._asked and all(choice.stop is not None for choice in said)

    @property
    def finished(self) -> bool:
        """True when every choice said that it has ended, or was stopped."""
        said = [choice for choice in self._choices.values() if choice.index >= 0]
        return bool(said) and all(choice.finished or choice.stop is not None for choice in said)

    def feed(self, *payloads: bytes) -> None:
        """Take the payloads of events; plain ones that follow each other are guarded in one go.

        Raises:
            ValueError: one is no chat completion chunk, or carries what cannot be judged.
        """
        start, end = 0, len(payloads)
        while start < end and self.error is None:
            texts = self._pattern.texts(payloads, start)
            if texts:
                self._take_run(self._pattern.choice, payloads[start : start + len(texts)], texts)
                start += len(texts)
            else:
                self._read(payloads[start])
                start += 1

    def _read(self, payload: bytes) -> None:
        try:
            event = self._shape.read(payload) or self._read_in_full(payload)
        except ValueError:
            if not self._lenient:
                raise
            self.events.append(GuardEvent(kind="error", action="release", detail="unreadable event"))
            self._line.out.append(payload)
            return
        if event.error is not None:
            self.error = event
            return
        if b'"usage"' in payload:
            self._usage = payload
        self._spoke += any(piece.texts for piece in event.pieces)
        self._catch_up()
        top = self._words.joined(event.beside)
        if not event.pieces:
            self._take(ChoicePiece(choice=-1), self._dialect.without_spelt(payload, event), top)
            return
        for place, piece in enumerate(event.pieces):
            # Choices may stop apart, so an event that joins them must come apart too.
            self._take(piece, self._dialect.without_spelt(payload, event, place), top)
        if len(event.pieces) == 1 and self._dialect.alike:
            # Strings beside the answer may make a word over events, so where they differ each event is read.
            if self._words.varied or self._choice(event.pieces[0].choice).words.varied:
                self._pattern.forget()
            else:
                self._pattern.learn(payload, event)

    def _read_in_full(self, payload: bytes) -> Event:
        event = self._dialect.read(payload)
        if self._dialect.alike:
            self._shape.learn(payload, event)
        return event

    def _catch_up(self) -> None:
        """Tell the tails of words of the events that were not read in full."""
        like, skipped, self._skipped = self._pattern.like, self._skipped, 0
        if skipped and like is not None:
            self._words.repeat(like.beside, skipped)
            self._choice(self._pattern.choice).words.repeat(like.pieces[0].beside, skipped)

    def _take_run(self, index: int, payloads: Sequence[bytes], texts: Sequence[str]) -> None:
        """Take events that each add a content text and nothing else; where they end changes no decision."""
        choice = self._choice(index)
        self._spoke += len(texts)
        if choice.stop is not None:
            return
        joined = "".join(texts)
        if not joined or choice.finished or choice.seams.open("content"):
            for payload in payloads:
                self._read(payload)
            return
        text = self._speak(choice, "content", "content")
        choice.seams.heard("content", "content", joined)
        choice.seams.echoed(Text("content", "content", joined), False)
        self._skipped += len(texts)
        self._line.add(HeldRun(text, payloads, texts))
        self._hear(text, joined)
        self._line.advance()

    def _take(self, piece: ChoicePiece, payload: bytes, top: Sequence[Text]) -> None:
        choice = self._choice(piece.choice)
        if choice.stop is not None:
            return
        needs: list[Need] = []
        beside = [*top]
        if choice.withheld:
            payload = self._dialect.without_reasoning(payload)
        for said in piece.texts:
            if said.channel == "reasoning" and choice.withheld:
                continue
            text = self._speak(choice, said.channel, said.place)
            self._hear(text, said.text)
            needs.append(Need(text, text.drive.fed, said.text))
            if said.channel in _JOINED and not said.place.endswith(_LABELS):
                beside += choice.seams.heard(said.channel, said.place, said.text)
                beside += choice.seams.echoed(said, piece.echoed)
        if choice.withheld and any(need.text.name == "reasoning" for need in needs):
            payload = self._dialect.without_reasoning(payload)
            needs = [need for need in needs if need.text.name != "reasoning"]
        beside += [*choice.words.joined(piece.beside), *self._copied(choice, piece.copies)]
        for name in _BESIDE:
            fresh = choice.fresh((said for said in beside if said.channel == name), self._known)
            if fresh:
                text = self._text(choice, name)
                self._hear(text, fresh)
                needs.append(Need(text, text.drive.fed, fresh))
        ends = piece.ends and not self._lenient
        self._line.add(HeldEvent(choice, payload, tuple(needs), field=piece.field, ends=ends))
        if piece.ends or choice.finished:
            self._finish(choice)
        self._line.advance()

    def _choice(self, index: int) -> GuardedChoice:
        choice = self._choices.get(index)
        if choice is None:
            if len(self._choices) > MOST_CHOICES and not self._lenient:
                raise ValueError(f"the reply has over {MOST_CHOICES} choices")
            choice = self._choices[index] = GuardedChoice(index)
        return choice

    def _speak(self, choice: GuardedChoice, name: str, place: str) -> GuardedText:
        """The text of the answer that is said now; what is held of the one before is judged."""
        before = choice.current
        text = self._text(choice, name, place)
        choice.current = text
        if before is not None and before is not text and not before.holds_all:
            before.pause()
            self._note(before)
        return text

    def _text(self, choice: GuardedChoice, name: str, place: str = "") -> GuardedText:
        text = choice.texts.get((name, place))
        if text is None:
            machine: bool | None = False
            if not self._lenient and (name.startswith("tool") or (name == "content" and self._structured)):
                machine = True
            elif not self._lenient and name == "content":
                machine = None
            self._opened += 1
            if self._opened > MOST_TEXTS and not self._lenient:
                raise ValueError(f"the reply has over {MOST_TEXTS} texts (calls, parts, places)")
            text = choice.texts[name, place] = GuardedText(name, choice, self._open(name), machine=machine)
        return text

    def _hear(self, text: GuardedText, said: str) -> None:
        if not self._lenient and shows_media("".join(text.said[-1:])[-80:] + said):
            raise UnjudgedError("a data URL")
        text.feed(said)
        if text.holds_all and text.drive.fed > text.drive.guard.most_held:
            raise ValueError("a tool call or JSON answer is longer than may be held until all of it is verified")
        self._note(text)

    def _copied(self, choice: GuardedChoice, copies: Iterable[Text]) -> list[Text]:
        """What copies of the answer so far say more than the answer."""
        more: list[Text] = []
        for copy in copies:
            if choice.withheld and copy.channel == "reasoning":
                continue
            text = choice.texts.get((copy.channel, copy.place))
            said = "".join(text.said) if text is not None else ""
            if not said.startswith(copy.text):
                rest = copy.text.removeprefix(said)
                more.append(Text("other", f"copy of {copy.place}", rest))
        return more

    def _finish(self, choice: GuardedChoice) -> None:
        """The choice has ended: judge all that is held of it. What comes after is guarded too."""
        choice.finished = True
        choice.current = None
        for text in list(choice.texts.values()):
            if choice.stop is not None:
                return
            if text.machine and (spelt := text.spelt()):
                text.decoded = text.decoded or self._open(text.name)
                text.decoded.feed(spelt)
                text.decoded.pause()
            text.pause()
            self._note(text)

    def settled(self, text: GuardedText) -> None:
        """Go on after a text's checks were answered."""
        self._note(text)
        self._line.advance()

    def _note(self, text: GuardedText) -> None:
        choice = text.choice
        for drive in (text.drive, text.decoded):
            if drive is None:
                continue
            if drive.waits:
                self.waiting[id(text)] = text
            if drive.stop is not None:
                self._stop(choice, text, drive)

    def _stop(self, choice: GuardedChoice, text: GuardedText, drive: Drive) -> None:
        if choice.stop is not None or (choice.withheld and text.name == "reasoning"):
            return
        if text.name == "reasoning" and self._withholds:
            choice.withheld = True
            self._line.leave_out_reasoning(choice)
            return
        choice.stop = drive.stop
        if choice.index >= 0:
            self.stopped.append(choice)
            return
        first = self._choice(0)
        if first.stop is None and not first.finished:
            # What belongs to no choice was said in the name of all of them.
            first.stop = drive.stop
            self.stopped.append(first)

    def replace(self, choice: GuardedChoice, text: str, *, reason: dict[str, object]) -> None:
        """Append a stopped choice's replacement ("" for none) and its end."""
        self._line.advance()
        self._line.tell()
        shown = any(said.sent for said in choice.texts.values() if said.name == "content")
        self._line.out += self._dialect.ending(choice.index, text, shown=shown, reason=reason)
        self.stopped.remove(choice)

    def end(self) -> None:
        """The upstream is done: judge and release what is held."""
        for choice in list(self._choices.values()):
            if choice.stop is None:
                self._finish(choice)
        for text in self.texts:
            if text.choice.stop is None:
                text.drive.flush()
                self._note(text)
        self._line.advance()

    def close(self) -> None:
        """Every verdict is in: record what was let through."""
        for text in self.texts:
            if not text.beside:
                text.drive.end()

    @property
    def records(self) -> list[GuardEvent]:
        """What was decided about every text."""
        drives = [drive for text in self.texts for drive in (text.drive, text.decoded) if drive is not None]
        return [*self.events, *(event for drive in drives for event in drive.events)]

    @property
    def passed(self) -> set[str]:
        """What servers say of themselves in every reply, and what passed."""
        seen = [choice.seen for choice in self._choices.values() if choice.stop is None and not self._lenient]
        return {text for strings in seen for place, text in strings if place in _SELF}

    def take(self) -> list[bytes]:
        """Payloads that may leave now."""
        out = self._line.take()
        # One search through a whole read costs less than one through each event.
        if out and not self._told_usage and b'"usage"' in b"".join(out):
            self._told_usage = any(_tells_usage(payload) for payload in out)
        return out

    def usage(self) -> list[bytes]:
        """The usage event of a reply that was cut, which its upstream can no longer send; [] where it did.

        What the upstream said last, or else one token for each event that came: prompt tokens are then unknown.
        """
        if self._told_usage:
            return []
        return [self._dialect.usage(self._usage, events=self._spoke)]

    @property
    def leaked_chars(self) -> int:
        """Characters in the bytes that left that no verdict released; any number but 0 is a bug, counted as one."""
        released: Counter[tuple[int, str]] = Counter()
        for text in self.texts:
            released[text.choice.index, text.name] += text.drive.released
        return 0 if self._lenient else self._dialect.beyond(released)


def _tells_usage(payload: bytes) -> bool:
    return b'"usage"' in payload and read_usage(payload) is not None
