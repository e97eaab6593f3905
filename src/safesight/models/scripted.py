"""A public fake model: says what its script says, records every call, and fails when called too often.

It is for tests and for trying the command line, never for a measurement. Calls are answered in order, by
rule, or by a function of the messages; the same script gives the same answers under any concurrency when
it uses rules or a function. Forms: `scripted:echo` repeats the last user text; `scripted:FILE.jsonl` reads
one reply per line (a string, or an object with the fields of `Scripted`).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import msgspec

from safesight.core.config import PluginName, convert
from safesight.core.errors import ConfigError, ModelError
from safesight.core.messages import Message, user
from safesight.core.protocols import Completion, Delta, GeneratedToken
from safesight.core.records import Decoding, Reply, Status, Usage, content_hash


class Scripted(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One scripted answer and how it arrives.

    `status` defaults to ok, or to empty when there is no text.
    """

    text: str = ""
    reasoning: str = ""
    status: Status | None = None
    finish_reason: str = "stop"
    error: str = ""
    usage: Usage = Usage()
    logprobs: dict[str, float] = {}
    """First-token log-probabilities, for `complete`."""
    tokens: tuple[GeneratedToken, ...] = ()
    """Every token with its alternatives, for `complete`; instead of `logprobs`."""
    when: str = ""
    """Answer every call whose last user text contains this; such a rule is never used up."""
    delay_s: float = 0.0
    """Waited before the answer, or before its first piece."""
    chunks: tuple[str, ...] = ()
    """Pieces a stream arrives in, instead of cutting `text` evenly; joined they are the text."""
    breaks_after: int | None = None
    """A stream raises ModelError after this many pieces."""
    fatal: str = ""
    """Raise ModelError with this message: nothing can ever be answered."""

    @property
    def whole(self) -> str:
        """The text, from `chunks` where those are given."""
        return "".join(self.chunks) or self.text


class Call(msgspec.Struct, frozen=True):
    """What the model was asked; `messages` is a string for a raw completion."""

    messages: tuple[Message, ...] | str
    decoding: Decoding


Line = str | Scripted
Script = Sequence[Line] | Callable[[Sequence[Message]], Line]


class ScriptedModel:
    """A fake that says what its script says; implements generate, stream and complete.

    Args:
        script: Replies in call order (lines with `when` are rules, tried first), or a function of the messages.
        name: As it appears in manifests.
        chunk: Characters per streamed piece where a line has no `chunks` of its own; 0 sends it whole.
        delay_s: Waited before every answer, beside a line's own delay.
        max_concurrency: What the model states it can use.
        fingerprint: For scripts that are functions, whose text cannot be hashed.
    """

    def __init__(
        self,
        script: Script,
        *,
        name: str = "scripted",
        chunk: int = 0,
        delay_s: float = 0.0,
        max_concurrency: int | None = None,
        fingerprint: str | None = None,
    ) -> None:
        self.name = name
        self.max_concurrency = max_concurrency
        self.calls: list[Call] = []
        self._chunk = chunk
        self._delay_s = delay_s
        self._function = script if callable(script) else None
        lines = [] if callable(script) else [_line(item) for item in script]
        self._rules = [line for line in lines if line.when]
        self._queue = [line for line in lines if not line.when]
        self._used = 0
        self.fingerprint = fingerprint or content_hash("scripted", name, lines)

    async def generate(self, messages: Sequence[Message], *, decoding: Decoding) -> Reply:
        """Answer from the script.

        Raises:
            ModelError: the script has no line left for this call, or its line is `fatal`.
        """
        line = self._next(messages, decoding)
        started = asyncio.get_running_loop().time()
        await self._wait(line)
        return Reply(
            status=line.status or ("ok" if line.whole.strip() else "empty"),
            text=line.whole,
            reasoning=line.reasoning,
            finish_reason=line.finish_reason,
            usage=line.usage,
            latency_ms=(asyncio.get_running_loop().time() - started) * 1000,
            provider_model="scripted",
            error=line.error,
        )

    async def stream(self, messages: Sequence[Message], *, decoding: Decoding) -> AsyncIterator[Delta]:
        """Stream from the script, piece by piece.

        Raises:
            ModelError: as `generate`; or the line is an error or breaks off.
        """
        line = self._next(messages, decoding)
        await self._wait(line)
        if line.status == "error":
            raise ModelError(f"{self.name}: {line.error or 'scripted error'}")
        if line.reasoning:
            yield Delta(reasoning=line.reasoning, provider_model="scripted")
        size = self._chunk or len(line.text) or 1
        pieces = line.chunks or tuple(line.text[i : i + size] for i in range(0, len(line.text), size))
        for number, piece in enumerate(pieces):
            if number == line.breaks_after:
                raise ModelError(f"{self.name}: scripted break after {number} pieces.")
            yield Delta(text=piece, provider_model="scripted")
            await asyncio.sleep(0)
        yield Delta(finish_reason=line.finish_reason, usage=line.usage, provider_model="scripted")

    async def complete(
        self, prompt: str | Sequence[Message], *, max_tokens: int = 1, top_logprobs: int = 20
    ) -> Completion:
        """Answer a completion from the same script; `max_tokens` and `top_logprobs` do not cut it.

        Raises:
            ModelError: as `generate`.
        """
        line = self._next(prompt, Decoding(temperature=0.0, max_tokens=max_tokens))
        await self._wait(line)
        first = (GeneratedToken(line.whole, line.logprobs),) if line.logprobs else ()
        return Completion(text=line.whole, tokens=line.tokens or first, error=line.error)

    async def aclose(self) -> None:
        """Nothing to close."""

    def _next(self, messages: Sequence[Message] | str, decoding: Decoding) -> Scripted:
        asked = messages if isinstance(messages, str) else tuple(messages)
        self.calls.append(Call(asked, decoding))
        line = self._choose(asked)
        if line.fatal:
            raise ModelError(line.fatal)
        return line

    def _choose(self, asked: tuple[Message, ...] | str) -> Scripted:
        if self._function is not None:
            turns = (user(asked),) if isinstance(asked, str) else asked
            return _line(self._function(turns))
        text = asked if isinstance(asked, str) else last_user_text(asked)
        for rule in self._rules:
            if rule.when in text:
                return rule
        if self._used == len(self._queue):
            raise ModelError(
                f"{self.name}: call {len(self.calls)} has no line in the script "
                f"({len(self._queue)} replies in order, {len(self._rules)} rules). Add one, or use a function."
            )
        self._used += 1
        return self._queue[self._used - 1]

    async def _wait(self, line: Scripted) -> None:
        if delay := self._delay_s + line.delay_s:
            await asyncio.sleep(delay)


def last_user_text(messages: Sequence[Message]) -> str:
    """The text of the last user turn; "" when there is none."""
    return next((message.text for message in reversed(messages) if message.role == "user"), "")


def _line(item: Line) -> Scripted:
    return Scripted(text=item) if isinstance(item, str) else item


class _Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    chunk: int = 0
    delay_s: float = 0.0
    max_concurrency: int | None = None


def open_scripted(rest: str, options: dict[str, str]) -> ScriptedModel:
    """A fake for tests and dry walks: `scripted:echo`, or replies from `scripted:FILE.jsonl`.

    Options: `chunk` (characters per streamed piece), `delay_s`, `max_concurrency`.

    Raises:
        ConfigError: the file is missing or a line is not a reply.
    """
    PluginName("scripted", rest, options).reject_unknown(_Options.__struct_fields__)
    name = f"scripted:{rest}"
    settings = convert(options, _Options, where=name)
    script: Script = last_user_text if rest == "echo" else _read(rest)
    return ScriptedModel(
        script,
        name=name,
        chunk=settings.chunk,
        delay_s=settings.delay_s,
        max_concurrency=settings.max_concurrency,
        fingerprint=content_hash("scripted", "echo") if rest == "echo" else content_hash("scripted", script),
    )


def _read(rest: str) -> list[Scripted]:
    if not rest:
        raise ConfigError("scripted: expected 'scripted:echo' or 'scripted:FILE.jsonl', got nothing after the colon.")
    try:
        raw = Path(rest).read_bytes()
    except OSError as error:
        raise ConfigError(
            f"scripted:{rest}: cannot read the script: {error.strerror or error}. "
            "Expected 'echo' or a JSON Lines file with one reply per line."
        ) from None
    lines: list[Scripted] = []
    for number, line in enumerate(raw.splitlines(), 1):
        if not line.strip():
            continue
        try:
            lines.append(_line(msgspec.json.decode(line, type=str | Scripted)))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ConfigError(f"{rest}, line {number}: expected a string or an object of a reply: {error}") from None
    return lines
