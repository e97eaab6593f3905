"""What of a guarded reply is held: its choices, their guarded texts, and the events that wait for verdicts. Sans-IO."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Final, NamedTuple

from safesight.guard.actions import Stop
from safesight.guard.drive import Drive
from safesight.wire.strings import Text, unescaped

BOUNDARY: Final = " | "
"""Stands between strings that are not one text: no word, and no phrase, is made of the ends of two."""
_MACHINE: Final = re.compile(r"\s*(?:\{\s*[\"}]|\[\s*[\"{\[])")
_OPEN: Final = re.compile(r"\s*(?:[\[{]\s*)?")
_WORD: Final = re.compile(r"\w{1,32}\Z")
_LONGEST: Final = 32
_JOINED: Final = 32
"""Characters of a word that is followed over events, and of the string it goes on in."""
MOST_CHOICES: Final = 256
MOST_TEXTS: Final = 512
"""Choices of a reply, and texts of all of them (a call has two): each is looked at again with every event. OpenAI
allows 128 choices and 128 tools; a reply of more than these is not let through."""
_SEAM: Final = 64
"""Characters on either side of a seam."""
_SEEN: Final = 4_096
"""Strings beside the answer that a choice remembers to have judged."""


def reads_as_json(text: str) -> bool:
    """Whether an answer begins like JSON."""
    return _MACHINE.match(text) is not None


@dataclass(slots=True, eq=False)
class GuardedText:
    """One guarded text of one choice: the strings of one place, its driver, and how much of it left."""

    name: str
    choice: GuardedChoice
    drive: Drive
    sent: int = 0
    said: list[str] = field(default_factory=list[str])
    """What it says, piece by piece."""
    machine: bool | None = None
    """Whether a machine reads it (a tool call, JSON): all of it leaves, or nothing. None while that is not known."""
    decoded: Drive | None = None
    """Judges what a machine's text spells with escapes."""
    paused: int = -1
    """Where it was last paused."""

    @property
    def beside(self) -> bool:
        """Whether it stands beside the answer: judged as soon as an event waits for nothing else."""
        return self.name in ("other", "logprobs")

    @property
    def holds_all(self) -> bool:
        """Whether nothing of it may leave before all of it is verified."""
        return self.machine is not False

    @property
    def verified(self) -> bool:
        """Whether all that came in may leave."""
        drives = [self.drive] if self.decoded is None else [self.drive, self.decoded]
        return all(d.stop is None and d.settled and d.released >= d.fed for d in drives)

    def feed(self, text: str) -> None:
        """Take the next piece."""
        self.said.append(text)
        if self.machine is None:
            self._look()
        self.drive.feed(text)

    def _look(self) -> None:
        begin = "".join(self.said)[:256]
        if _MACHINE.match(begin):
            self.machine = True
        elif len(begin) == 256 or not _OPEN.fullmatch(begin):
            self.machine = False

    def pause(self) -> None:
        """Judge what came so far, so that it may leave; the text may go on."""
        if self.paused != self.drive.fed:
            self.paused = self.drive.fed
            self.drive.pause()

    def spelt(self) -> str:
        """What the text of a machine spells with escapes; "" where it has none."""
        return BOUNDARY.join(unescaped("".join(self.said)))


class Seams:
    """Where an answer, or its reasoning, goes on in another place (a part, another name of the field).

    Clients put such pieces together, so what stands on both sides of a seam is judged as one text too.
    """

    def __init__(self) -> None:
        self._place: dict[str, str] = {}
        self._last: dict[str, str] = {}
        self._before: dict[str, str] = {}
        self._after: dict[str, str] = {}

    def open(self, channel: str) -> bool:
        """Whether what comes next in a channel still belongs to a seam."""
        return channel in self._before and len(self._after[channel]) < _SEAM

    def echoed(self, said: Text, echoed: bool) -> list[Text]:
        """Take what log-probabilities spell with a text: over texts without any they say otherwise than the answer."""
        echo = f"logprobs of {said.channel}"
        if echoed:
            return self.heard(echo, said.place, said.text)
        if echo in self._place:
            self._place[echo] = ""
        return []

    def heard(self, channel: str, place: str, text: str) -> list[Text]:
        """Take what was said; returns the text around the last seam, where it has grown."""
        if self._place.setdefault(channel, place) != place:
            self._place[channel] = place
            self._before[channel], self._after[channel] = self._last[channel], ""
        self._last[channel] = (self._last.get(channel, "") + text[-_SEAM:])[-_SEAM:]
        if not self.open(channel):
            return []
        self._after[channel] += text[:_SEAM]
        return [Text("other", f"seam of {channel}", self._before[channel] + self._after[channel])]


class WordTails(dict[str, str]):
    """The last word of each place beside an answer, since the next event's string may go on with it.

    Attributes:
        varied: whether any place has shown more than one string.
    """

    def __init__(self) -> None:
        super().__init__()
        self.varied = False
        self._first: dict[str, str] = {}

    def repeat(self, texts: Iterable[Text], times: int) -> None:
        """So many events with these strings, which stood in the event before too, were not read in full."""
        for text in texts:
            if text.text.isalnum():
                self[text.place] = (self.get(text.place, "") + text.text * min(times, _LONGEST))[-_LONGEST:]

    def joined(self, texts: Iterable[Text]) -> list[Text]:
        """An event's strings, each also together with the word it may go on with."""
        found: list[Text] = []
        for text in texts:
            found.append(text)
            self.varied = self.varied or self._first.setdefault(text.place, text.text) != text.text
            before = self.get(text.place, "")
            if before and text.text[:1].isalnum():
                found.append(text._replace(text=before + text.text[:_JOINED]))
            word = _WORD.search(text.text)
            all_word = word is not None and len(word[0]) == len(text.text)
            self[text.place] = (before + text.text)[-_LONGEST:] if all_word else word[0] if word else ""
        return found


@dataclass(slots=True, eq=False)
class GuardedChoice:
    """One choice; `index` -1 stands for what belongs to none."""

    index: int
    texts: dict[tuple[str, str], GuardedText] = field(default_factory=dict[tuple[str, str], GuardedText])
    """By name and place: what stands in different places is not one text."""
    current: GuardedText | None = None
    """The text of the answer that is being said."""
    stop: Stop | None = None
    finished: bool = False
    cut: bool = False
    """Nothing more of what waits may leave."""
    withheld: bool = False
    """Its reasoning was flagged and is left out, by the policy."""
    seen: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])
    words: WordTails = field(default_factory=WordTails)
    seams: Seams = field(default_factory=Seams)

    @property
    def verified(self) -> bool:
        """Whether the choice has ended and all of it is verified: a flag anywhere leaves nothing to machines."""
        return self.finished and self.stop is None and all(text.verified for text in self.texts.values())

    def fresh(self, texts: Iterable[Text], known: frozenset[str] | set[str]) -> str:
        """Strings beside the answer as one text to judge, without those that were judged before."""
        parts: list[str] = []
        for text in texts:
            key = (text.place, text.text)
            if key in self.seen or text.text in known:
                continue
            if len(self.seen) > _SEEN:
                self.seen.clear()
            self.seen.add(key)
            parts.append(text.text)
            parts += unescaped(text.text)
        return "".join(BOUNDARY + part for part in parts)


class Need(NamedTuple):
    """The position a text must have released before an event may leave, and what the event adds to it."""

    text: GuardedText
    upto: int
    added: str


class HeldEvent:
    """One event that waits."""

    __slots__ = ("choice", "ends", "field", "needs", "payload")

    def __init__(
        self, choice: GuardedChoice, payload: bytes, needs: tuple[Need, ...], *, field: str = "", ends: bool = False
    ) -> None:
        self.choice = choice
        self.payload = payload
        self.needs = needs
        self.field = field
        """The one field it adds to, where part of it may be sent; "" else."""
        self.ends = ends
        """The choice ends with it."""

    @property
    def waits_for(self) -> list[GuardedText]:
        """The texts whose verdicts are missing."""
        return [
            text
            for text, upto, _ in self.needs
            if (not self.choice.verified if text.holds_all else text.drive.released < upto)
        ]

    @property
    def may_leave(self) -> bool:
        """Whether every text it adds to is released as far, and the choice is not stopped if it ends here."""
        if self.waits_for:
            return False
        return not self.ends or (self.choice.stop is None and all(t.drive.settled for t in self.choice.texts.values()))

    def leave(self, out: list[bytes]) -> bool:
        """Move to `out` what may leave; True when nothing is left."""
        if not self.may_leave:
            return False
        for text, upto, _ in self.needs:
            text.sent = max(text.sent, upto)
        out.append(self.payload)
        return True

    def part(self) -> tuple[GuardedText, str] | None:
        """The released beginning of what the event adds, where it may be sent alone."""
        if not self.field or not self.needs:
            return None
        text, upto, added = self.needs[0]
        ready = text.drive.released - (upto - len(added))
        if text.holds_all or not 0 < ready < len(added):
            return None
        return text, added[:ready]


class HeldRun:
    """Events in a row that each add a string to one text and nothing else: waiting for a read of them costs as much as
    for one."""

    __slots__ = ("_ends", "_next", "_payloads", "_texts", "choice", "ends", "field", "text")

    def __init__(self, text: GuardedText, payloads: Sequence[bytes], texts: Sequence[str]) -> None:
        self.choice = text.choice
        self.text = text
        self.field = "content"
        self.ends = False
        self._payloads = payloads
        self._texts = texts
        self._ends = list(accumulate(map(len, texts), initial=text.drive.fed))
        self._next = 0

    @property
    def waits_for(self) -> list[GuardedText]:
        """The text whose verdict is missing."""
        return [self.text]

    def leave(self, out: list[bytes]) -> bool:
        """Move to `out` what may leave; True when nothing is left."""
        text, first = self.text, self._next
        if text.holds_all and not self.choice.verified:
            return False
        last = bisect_right(self._ends, text.drive.released, lo=first + 1) - 1
        if last > first:
            out += self._payloads[first:last]
            text.sent = max(text.sent, self._ends[last])
            self._next = last
        return last == len(self._payloads)

    def part(self) -> tuple[GuardedText, str] | None:
        """The released beginning of the first event that waits."""
        added = self._texts[self._next]
        ready = self.text.drive.released - self._ends[self._next]
        return None if self.text.holds_all or not 0 < ready < len(added) else (self.text, added[:ready])


Held = HeldEvent | HeldRun
