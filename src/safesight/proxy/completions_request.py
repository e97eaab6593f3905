"""A request of the older completions: its prompts as turns of the user. Sans-IO.

A prompt of token ids cannot be read without the model's own tokenizer, so it is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from safesight.proxy.conversation import RemoteImage, RequestContent, Spoken, texts_beside
from safesight.proxy.judging import AskedReply
from safesight.wire.completions import CompletionsDialect
from safesight.wire.plain import read_plain
from safesight.wire.typed import object_of

_MOST_CHOICES: Final = 2_048
_FLAGS: Final = frozenset({"prompt", "echo", "best_of", "logprobs", "max_tokens"})


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletionsRequest:
    """A request's decoded body."""

    body: dict[str, Any]
    prompts: list[str]

    @property
    def stream(self) -> bool:
        """Whether the answer is to be streamed."""
        return bool(self.body.get("stream"))

    @property
    def asked(self) -> AskedReply:
        """What the reply depends on: `n` choices of each prompt."""
        n, model = self.body.get("n"), self.body.get("model")
        each = n if type(n) is int and n > 0 else 1
        return AskedReply(
            model=model if isinstance(model, str) else "",
            choices=min(each * max(1, len(self.prompts)), _MOST_CHOICES),
            tells_usage=bool(object_of(self.body.get("stream_options")).get("include_usage")),
        )

    def dialect(self) -> CompletionsDialect:
        """How the reply is read and spoken."""
        asked = self.asked
        return CompletionsDialect(model=asked.model, choices=asked.choices, tells_usage=asked.tells_usage)

    def read(self, *, withhold: bool = False) -> RequestContent:
        """Every text.

        Raises:
            ValueError: it holds what cannot be judged.
        """
        turns = [Spoken("user", (prompt,)) for prompt in self.prompts if prompt]
        beside = [text for name, value in self.body.items() if name not in _FLAGS for text in texts_beside(name, value)]
        return RequestContent(turns=turns, beside=beside, remote=[], changed=False)

    def for_upstream(self, raw: bytes, content: RequestContent, urls: Mapping[RemoteImage, str]) -> bytes:
        """The request as the upstream gets it: its own bytes."""
        return raw


def read_completions_request(raw: bytes) -> CompletionsRequest:
    """Decode a request.

    Raises:
        ValueError: it is none, has more than one reading, or its prompt is no text.
    """
    try:
        body = read_plain(raw)
    except ValueError as error:
        raise ValueError(f"expected a completion request: {error}") from None
    if not isinstance(body, dict):
        raise ValueError(f"expected a completion request: an object, got {type(body).__name__}.")
    fields = object_of(body)
    prompt = fields.get("prompt")
    prompts = prompt if isinstance(prompt, list) else [prompt] if prompt is not None else []
    if not all(isinstance(one, str) for one in prompts):
        raise ValueError("expected `prompt` as a string or a list of strings: prompts of token ids are not guarded.")
    return CompletionsRequest(body=fields, prompts=prompts)
