"""A guarded streamed reply with all its choices and channels, without I/O: events go in, events come out.

Invariants: an event leaves unchanged once every character of it is covered by a released verdict, so a safe
stream is the upstream's own events byte for byte (log-probabilities and all); events of one choice keep their
order; after a stop nothing of that choice leaves but what was already released, the replacement and the end.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from safesight.core.records import GuardEvent
from safesight.guard.drive import Drive
from safesight.proxy.channel import Channel, ChoiceGuard, Event, Need, Run
from safesight.wire.channels import FILTERED, read_chunk, split_choices
from safesight.wire.event_shortcut import Frame
from safesight.wire.events import Head, read_head, read_usage

_BESIDE: Final = "logprobs"
"""The channel judged at once, interrupting no other: log-probabilities of a text that their event does not show."""


class ReplyGuard:
    """Guards one streamed reply. Feed it payloads; send what `take` gives; answer `checks`; replace what stopped.

    Channels: `content`, `refusal`, `reasoning`, `tool:N` (name and arguments), `other`. When a choice turns from
    one channel to another, what is held of the first is judged and released before the next may leave.
    """

    def __init__(self, open_drive: Callable[[str], Drive], *, keep_text: bool = False, lenient: bool = False) -> None:
        """Guard each channel with a stream of its own.

        Args:
            open_drive: gives the driver of a channel by name.
            keep_text: remember whole texts (for an audit).
            lenient: pass on what cannot be read; only for policies that hold nothing back.
        """
        self._open = open_drive
        self._keep_text = keep_text
        self._lenient = lenient
        self._choices: dict[int, ChoiceGuard] = {}
        self._frame = Frame()
        self._out: list[bytes] = []
        self._tail: list[bytes] = []
        self._head: Head | None = None
        self._usage: bytes | None = None
        """The last event that carried usage."""
        self._told_usage = False
        self._texts = 0
        """Events that carried text."""
        self.waiting: dict[int, Channel] = {}
        """Channels with checks to answer, by identity."""
        self.stopped: list[ChoiceGuard] = []
        """Choices that stopped and have no replacement yet."""
        self.events: list[GuardEvent] = []

    @property
    def head(self) -> Head:
        """What events of ours repeat."""
        return self._head or Head()

    @property
    def channels(self) -> list[Channel]:
        """Every channel of every choice."""
        return [channel for choice in self._choices.values() for channel in choice.channels.values()]

    @property
    def full(self) -> bool:
        """True when more pends than the policy allows: stop reading the upstream until verdicts are in."""
        return any(channel.drive.guard.full for channel in self.channels)

    @property
    def over(self) -> bool:
        """True when every choice was stopped: the upstream has nothing more to say."""
        return bool(self._choices) and all(choice.stop is not None for choice in self._choices.values())

    def feed(self, *payloads: bytes) -> None:
        """Take the payloads of events; plain ones that follow each other are guarded in one go.

        Raises:
            ValueError: one is no chat completion chunk, or carries what cannot be judged.
        """
        frame, start, end = self._frame, 0, len(payloads)
        while start < end:
            texts = frame.texts(payloads, start)
            if texts:
                self._take_run(frame.choice, payloads[start : start + len(texts)], texts)
                start += len(texts)
            else:
                self._read(payloads[start])
                start += 1

    def _read(self, payload: bytes) -> None:
        try:
            pieces = read_chunk(payload)
        except ValueError:
            if not self._lenient:
                raise
            self.events.append(GuardEvent(kind="error", action="release", detail="unreadable event"))
            self._out.append(payload)
            return
        if self._head is None:
            self._head = read_head(payload)
        if b'"usage"' in payload:
            self._usage = payload
        self._texts += any(piece.texts for piece in pieces)
        if not pieces:
            self._tail.append(payload)
        elif len(pieces) == 1:
            self._frame.learn(payload, pieces)
            self._take(pieces[0].choice, pieces[0].texts, payload, ends=pieces[0].finish_reason is not None)
        else:
            # Choices may stop apart, so an event that joins them must come apart too.
            for piece, own in zip(pieces, split_choices(payload), strict=True):
                self._take(piece.choice, piece.texts, own, ends=piece.finish_reason is not None)

    def _take_run(self, index: int, payloads: Sequence[bytes], texts: Sequence[str]) -> None:
        """Take events that each add a content text and nothing else; where they end changes no decision."""
        choice = self._choice(index)
        self._texts += len(texts)
        if choice.stop is not None:
            return
        joined = "".join(texts)
        if not joined:
            for payload in payloads:
                self._take(index, (), payload)
            return
        channel = choice.current
        if channel is None or channel.name != "content":
            channel = self._turn(choice, "content")
        choice.waiting.append(Run(channel, payloads, texts))
        channel.remember(joined)
        channel.drive.feed(joined)
        self._note(channel)
        self._advance(choice)

    def _choice(self, index: int) -> ChoiceGuard:
        choice = self._choices.get(index)
        if choice is None:
            choice = self._choices[index] = ChoiceGuard(index)
        return choice

    def _take(self, index: int, texts: Sequence[tuple[str, str]], payload: bytes, *, ends: bool = False) -> None:
        choice = self._choice(index)
        if choice.stop is not None:
            return
        needs: list[Need] = []
        for name, text in texts:
            channel = choice.current
            if channel is None or channel.name != name:
                channel = self._turn(choice, name)
            channel.remember(text)
            channel.drive.feed(text)
            needs.append(Need(channel, channel.drive.fed, text))
            if name == _BESIDE:
                channel.drive.pause()
            self._note(channel)
        choice.waiting.append(Event(payload, tuple(needs)))
        if ends:
            # What comes after the end of a choice is guarded too, so that its texts stay open.
            for channel in choice.channels.values():
                if choice.stop is None:
                    channel.drive.pause()
                    self._note(channel)
            choice.current = None
        self._advance(choice)

    def _turn(self, choice: ChoiceGuard, name: str) -> Channel:
        """The channel that speaks now."""
        if name != _BESIDE:
            self._pause(choice)
        channel = choice.channels.get(name)
        if channel is None:
            channel = Channel(name, choice, self._open(name), kept=[] if self._keep_text else None)
            choice.channels[name] = channel
        if name != _BESIDE:
            choice.current = channel
        return channel

    def _pause(self, choice: ChoiceGuard) -> None:
        channel, choice.current = choice.current, None
        if channel is not None and choice.stop is None:
            channel.drive.pause()
            self._note(channel)

    def _flush(self, choice: ChoiceGuard) -> None:
        choice.current = None
        for channel in choice.channels.values():
            if choice.stop is None:
                channel.drive.flush()
                self._note(channel)

    def settled(self, channel: Channel) -> None:
        """Go on after a channel's checks were answered."""
        self._note(channel)
        self._advance(channel.choice)

    def _note(self, channel: Channel) -> None:
        choice, drive = channel.choice, channel.drive
        if drive.waits:
            self.waiting[id(channel)] = channel
        if drive.stop is not None and choice.stop is None:
            choice.stop = drive.stop
            self.stopped.append(choice)

    def _advance(self, choice: ChoiceGuard) -> None:
        waiting = choice.waiting
        while waiting and waiting[0].leave(self._out):
            waiting.popleft()
        if choice.stop is not None and waiting:
            self._cut(choice)

    def _cut(self, choice: ChoiceGuard) -> None:
        """A stopped choice: send what of the next event was released, drop the rest."""
        for channel, upto, text in choice.waiting[0].needs:
            ready = channel.released - (upto - len(text))
            if 0 < ready < len(text) and channel.name in _FIELDS:
                self._out.append(self.head.chunk(choice.index, {_FIELDS[channel.name]: text[:ready]}))
                channel.sent += ready
        choice.waiting.clear()

    def replace(self, choice: ChoiceGuard, text: str, *, reason: dict[str, object]) -> None:
        """Append a stopped choice's replacement ("" for none) and its end."""
        if text:
            self._out.append(self.head.chunk(choice.index, {"content": text}))
        self._out.append(self.head.chunk(choice.index, {}, FILTERED, safesight=reason))
        self.stopped.remove(choice)

    def end(self) -> None:
        """The upstream is done: judge and release what is held."""
        for choice in self._choices.values():
            if choice.stop is None:
                self._flush(choice)
                self._advance(choice)

    def close(self) -> None:
        """Every verdict is in: record what was let through."""
        for channel in self.channels:
            channel.drive.end()

    def take(self) -> list[bytes]:
        """Payloads that may leave now; what shows no text (usage) follows what waits before it."""
        out, self._out = self._out, []
        if self._tail and not self.stopped and not any(choice.waiting for choice in self._choices.values()):
            out += self._tail
            self._told_usage = self._told_usage or any(b'"usage"' in payload for payload in self._tail)
            self._tail = []
        return out

    def usage(self) -> list[bytes]:
        """The usage event of a reply that was cut, which its upstream can no longer send; [] where it did.

        What the upstream said last, or else one token for each event that came: prompt tokens are then unknown.
        """
        if self._told_usage:
            return []
        return [self.head.usage(read_usage(self._usage) if self._usage else None, events=self._texts)]

    @property
    def records(self) -> list[GuardEvent]:
        """What was decided about every channel."""
        return [*self.events, *(event for channel in self.channels for event in channel.drive.events)]

    @property
    def leaked_chars(self) -> int:
        """Characters sent that no verdict released; any number but 0 is a bug, and is counted as one."""
        return sum(max(0, channel.sent - channel.released) for channel in self.channels)


_FIELDS: Final = {"content": "content", "reasoning": "reasoning_content", "refusal": "refusal"}
"""Channels whose text can be sent in part, and the field it stands in."""
