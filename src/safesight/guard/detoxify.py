"""Puts something harmless in place of a flagged answer: a short refusal, or a rewrite that passed the guard.

A rewrite is never trusted: it is checked like any answer, gets at most two tries, and then gives way to the
refusal. An empty rewrite is a failure. The question and the categories are part of the task (MLLM-Protector's
released code served its detoxifier without the question it was trained with). Long answers go in parts, and
parts that pass on their own are kept as they are.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Sequence
from importlib.resources import files
from typing import Final

import msgspec

from safesight.core.errors import ModelError
from safesight.core.messages import Message, system, user
from safesight.core.protocols import Model
from safesight.core.records import JUDGED, Decoding, GuardEvent, Usage, content_hash
from safesight.core.taxonomy import hazard_name
from safesight.guard.policy import Policy
from safesight.guard.refusals import RefusalTexts
from safesight.guard.rules import Decision

Recheck = Callable[[str], Awaitable[Decision | None]]
"""Checks a text as an answer to the same question; None lets it pass."""

_PARAGRAPH: Final = re.compile(r"\n\s*\n|(?<=[.!?])\s+|(?<=[。！？])")


class Replacement(msgspec.Struct, frozen=True, kw_only=True):
    """What to say instead, how it came about, and the events to record. `text` is "" after `halt`."""

    action: str
    """rewrite | refuse | halt"""
    text: str
    events: tuple[GuardEvent, ...]
    usage: Usage = Usage()
    """Tokens that rewriting cost."""

    def below(self, *, shown: bool) -> str:
        """The text as it follows what was shown of the answer: after a blank line, so that neither reads as the other's
        end; alone where nothing was."""
        return f"\n\n{self.text}" if shown and self.text else self.text


def _prompt(name: str) -> str:
    return files("safesight.guard").joinpath("prompts", name).read_text(encoding="utf-8").strip()


def rewrite_messages(
    question: str, answer: str, *, categories: Sequence[str] = (), again: bool = False
) -> list[Message]:
    """The task of a detoxifier as a chat: our instruction, then question, concerns and answer, each fenced."""
    concerns = ", ".join(hazard_name(code) for code in categories) or "harmful content"
    template = _prompt("rewrite_again.md" if again else "rewrite.md")
    material = f"<question>\n{_fence(question)}\n</question>\n<concerns>{concerns}</concerns>\n"
    return [system(template), user(f"{material}<answer>\n{_fence(answer)}\n</answer>")]


def _fence(text: str) -> str:
    # The answer under repair may not close its own fence.
    return re.sub(r"</?(question|concerns|answer)>", "", text)


def split_parts(text: str, size: int) -> list[str]:
    """Cut text into parts of at most about `size` characters, at paragraph or sentence ends where there are any.

    Joined, the parts are the text.
    """
    parts: list[str] = []
    start = 0
    while len(text) - start > size:
        ends = [m.end() for m in _PARAGRAPH.finditer(text, start + size // 2, start + size)]
        cut = ends[-1] if ends else start + size
        parts.append(text[start:cut])
        start = cut
    parts.append(text[start:])
    return parts


class Detoxifier:
    """Refuses, or rewrites with a chat model and a re-check."""

    def __init__(self, policy: Policy, *, model: Model | None = None, owned: bool = True) -> None:
        """Without a model every replacement is a refusal; a model that is `owned` is closed with the detoxifier."""
        self._policy = policy
        self._refusals = RefusalTexts(policy)
        self._model = model
        self._owned = owned
        self.fingerprint = content_hash(
            "detoxifier", model.fingerprint if model else "", _prompt("rewrite.md"), _prompt("rewrite_again.md")
        )

    def refuse(self, question: str, categories: Sequence[str] = ()) -> str:
        """A refusal in the policy's language, or in the question's."""
        return self._refusals.text(question, categories)

    async def replace(self, decision: Decision, *, question: str, answer: str, recheck: Recheck) -> Replacement:
        """Carry out a decision: a checked rewrite, a refusal, or nothing at all (`halt`)."""
        if decision.action == "rewrite" and self._model is not None and answer.strip():
            return await _Rewriting(self._policy, self._model, decision, question, recheck).run(answer, self)
        if decision.action == "halt":
            return Replacement(action="halt", text="", events=())
        return Replacement(action="refuse", text=self.refuse(question, decision.categories), events=())

    async def aclose(self) -> None:
        """Close the model, where it is the detoxifier's own."""
        if self._model is not None and self._owned:
            await self._model.aclose()


class _Rewriting:
    """One flagged answer on its way to a rewrite: what was tried, and what it cost."""

    def __init__(self, policy: Policy, model: Model, decision: Decision, question: str, recheck: Recheck) -> None:
        self._policy = policy
        self._model = model
        self._decision = decision
        self._question = question
        self._recheck = recheck
        self._events: list[GuardEvent] = []
        self._usage = Usage()

    async def run(self, answer: str, detoxifier: Detoxifier) -> Replacement:
        try:
            async with asyncio.timeout(self._policy.time.rewrite_ms / 1000):
                written = await self._tries(answer)
        except TimeoutError:
            written = self._fail(f"no rewrite within {self._policy.time.rewrite_ms} ms")
        except ModelError as error:
            written = self._fail(str(error)[:200])
        text = written or detoxifier.refuse(self._question, self._decision.categories)
        action = "rewrite" if written else "refuse"
        return Replacement(action=action, text=text, events=tuple(self._events), usage=self._usage)

    async def _tries(self, answer: str) -> str:
        draft = answer
        for number in range(self._policy.detoxify.tries):
            started = time.perf_counter()
            found = await self._attempt(draft, again=number > 0)
            verdict = await self._recheck(found) if found else self._decision
            self._events.append(_event(verdict, found, started))
            if verdict is None:
                return found
            draft = found or draft
        return ""

    async def _attempt(self, answer: str, *, again: bool) -> str:
        """One rewrite of the whole answer; "" when any part of it could not be rewritten."""
        parts = split_parts(answer, self._policy.detoxify.part_chars)
        if len(parts) == 1:
            return await self._ask(answer, again=again)
        flagged = [bool(part.strip()) and await self._recheck(part) is not None for part in parts]
        # Harm that only the whole shows: every part is rewritten.
        flagged = flagged if any(flagged) else [bool(part.strip()) for part in parts]
        written: list[str] = []
        for part, harmful in zip(parts, flagged, strict=True):
            if not harmful:
                written.append(part)
                continue
            text = await self._ask(part, again=again)
            if not text:
                return ""
            written.append(text + "\n\n")
        return "".join(written).strip()

    async def _ask(self, answer: str, *, again: bool) -> str:
        reply = await self._model.generate(
            rewrite_messages(self._question, answer, categories=self._decision.categories, again=again),
            decoding=Decoding(temperature=0.0, max_tokens=min(2048, max(128, len(answer)))),
        )
        self._usage = total(self._usage, reply.usage)
        return reply.text.strip() if reply.status in JUDGED else ""

    def _fail(self, detail: str) -> str:
        self._events.append(GuardEvent(kind="error", action="refuse", detail=detail))
        return ""


def total(one: Usage, other: Usage) -> Usage:
    """Two usages added; a price that one of them lacks counts as nothing, unless both lack it."""
    costs = [usage.cost_usd for usage in (one, other) if usage.cost_usd is not None]
    return Usage(
        prompt_tokens=one.prompt_tokens + other.prompt_tokens,
        completion_tokens=one.completion_tokens + other.completion_tokens,
        reasoning_tokens=one.reasoning_tokens + other.reasoning_tokens,
        cost_usd=sum(costs) if costs else None,
    )


def _event(verdict: Decision | None, draft: str, started: float) -> GuardEvent:
    return GuardEvent(
        kind="rewrite",
        action="release" if verdict is None else "hold",
        harm=verdict.harm if verdict else None,
        end=len(draft),
        latency_ms=1e3 * (time.perf_counter() - started),
        detail="" if draft else "empty rewrite",
    )
