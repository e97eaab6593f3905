"""Defences made of prompts alone: a safety prompt, and a self-check that falls back from images to captions.

`safety_prompt` uses our own words (prompts/safety_prompt.md), not those of a paper. `self_check` follows ECSO (Gou et
al., ECCV 2024, arXiv 2403.09572): the model judges its own answer; where it finds harm, it describes the images with
the question in view and answers again from the description alone, because its text alignment still works; words ours.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Final

import msgspec

from safesight.core.errors import ConfigError
from safesight.core.messages import Message, TextPart, system, user
from safesight.core.protocols import Defence, Model
from safesight.core.records import JUDGED, Decoding, GuardEvent, Reply, Sample, content_hash
from safesight.guard.detoxify import total

_VERDICT: Final = re.compile(r"\W*(yes|no)\b", re.IGNORECASE)


def _prompt(name: str) -> str:
    return files("safesight.defences").joinpath("prompts", name).read_text(encoding="utf-8").strip()


def with_system(messages: Sequence[Message], text: str) -> list[Message]:
    """Put words before a conversation, into its system turn where it has one."""
    if messages and messages[0].role == "system":
        return [Message("system", (TextPart(text), *messages[0].parts)), *messages[1:]]
    return [system(text), *messages]


class SafetyPrompt:
    """Puts a safety prompt before every conversation."""

    name = "safety_prompt"
    detector_fingerprints: tuple[str, ...] = ()

    def __init__(self) -> None:
        self._text = _prompt("safety_prompt.md")
        self.fingerprint = content_hash(self.name, self._text)

    async def respond(self, model: Model, sample: Sample, *, decoding: Decoding) -> Reply:
        """Answer under the safety prompt."""
        return await model.generate(with_system(sample.messages, self._text), decoding=decoding)

    async def aclose(self) -> None:
        """Nothing to close."""


class SelfCheck:
    """Lets the model judge its own answer, and answer again without the images where it finds harm.

    A verdict that is neither yes nor no counts as harm. A call that fails on the way is the reply: the answer under
    suspicion never stands in for it.
    """

    name = "self_check"
    detector_fingerprints: tuple[str, ...] = ()

    def __init__(self) -> None:
        self._safety = _prompt("safety_prompt.md")
        self._check = _prompt("self_check.md")
        self._caption = _prompt("caption.md")
        self.fingerprint = content_hash(self.name, self._safety, self._check, self._caption)

    async def respond(self, model: Model, sample: Sample, *, decoding: Decoding) -> Reply:
        """Answer, judge the answer, and answer again where it is judged harmful."""
        first = await model.generate(sample.messages, decoding=decoding)
        if first.status not in JUDGED:
            return first
        verdict, event = await self._judge(model, sample, first)
        so_far = _after(first, verdict, event)
        if verdict.status == "error":
            return _after(so_far, _failed(verdict))
        if event.action == "release":
            return msgspec.structs.replace(so_far, text=first.text)
        messages: Sequence[Message] = sample.messages
        if sample.images:
            started = time.perf_counter()
            caption = await model.generate(_about(sample, self._caption), decoding=decoding)
            so_far = _after(so_far, caption, _event("caption", "rewrite", started, caption))
            if caption.status not in JUDGED:
                return _after(so_far, _failed(caption))
            messages = _described(sample.messages, caption.text)
        again = await model.generate(with_system(messages, self._safety), decoding=decoding)
        return _after(so_far, again)

    async def aclose(self) -> None:
        """Nothing to close."""

    async def _judge(self, model: Model, sample: Sample, first: Reply) -> tuple[Reply, GuardEvent]:
        started = time.perf_counter()
        material = f"{self._check}\n\nQuestion: {sample.text}\n\nAnswer: {first.text}"
        verdict = await model.generate(
            [user(*sample.images, material)], decoding=Decoding(temperature=0.0, max_tokens=8)
        )
        found = _VERDICT.match(verdict.text)
        harmless = verdict.status in JUDGED and found is not None and found[1].lower() == "no"
        event = _event("self_check", "release" if harmless else "rewrite", started, verdict)
        return verdict, event if found else msgspec.structs.replace(event, detail="unparsed")


def _event(kind: str, action: str, started: float, reply: Reply) -> GuardEvent:
    return GuardEvent(
        kind=kind if reply.status in JUDGED else "error",
        action=action,
        latency_ms=1e3 * (time.perf_counter() - started),
    )


def _after(before: Reply, reply: Reply, *events: GuardEvent) -> Reply:
    """`reply` with what `before` had cost, and with all events."""
    return msgspec.structs.replace(
        reply,
        usage=total(before.usage, reply.usage),
        latency_ms=before.latency_ms + reply.latency_ms,
        ttft_ms=None,
        guard_events=(*before.guard_events, *reply.guard_events, *events),
    )


def _failed(reply: Reply) -> Reply:
    return Reply(status="error", error=f"self_check: {reply.error or reply.status}")


def _about(sample: Sample, words: str) -> list[Message]:
    return [user(*sample.images, f"{words}\n\nQuestion: {sample.text}")]


def _described(messages: Sequence[Message], caption: str) -> list[Message]:
    """The conversation without its images; the last user turn starts with their description."""
    texts = [Message(m.role, tuple(p for p in m.parts if isinstance(p, TextPart))) for m in messages]
    last = max((i for i, m in enumerate(texts) if m.role == "user"), default=None)
    if last is not None:
        described = TextPart(f"The images show: {caption.strip()}")
        texts[last] = Message("user", (described, *texts[last].parts))
    return texts


def open_safety_prompt(argument: str, options: Mapping[str, str]) -> Defence:
    """A safety prompt of ours before every conversation.

    Raises:
        ConfigError: something follows the name; it takes nothing.
    """
    _alone("safety_prompt", argument, options)
    return SafetyPrompt()


def open_self_check(argument: str, options: Mapping[str, str]) -> Defence:
    """The model judges its own answer; images become a caption where it finds harm (after ECSO).

    Raises:
        ConfigError: something follows the name; it takes nothing.
    """
    _alone("self_check", argument, options)
    return SelfCheck()


def open_none(argument: str, options: Mapping[str, str]) -> None:
    """No defence: the model answers as it is.

    Raises:
        ConfigError: something follows the name; it takes nothing.
    """
    _alone("none", argument, options)


def _alone(name: str, argument: str, options: Mapping[str, str]) -> None:
    if argument or options:
        raise ConfigError(f"the defence {name!r} takes no policy and no options, got {argument or dict(options)!r}.")
