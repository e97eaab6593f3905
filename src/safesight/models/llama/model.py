"""`gguf:FILE[+MMPROJ]`: a GGUF file run by llama.cpp inside this process (`models.llama.server`).

`gguf:hf:ORG/REPO[@REVISION][:QUANT]` fetches the file, and the projector beside it, from the hub first.

Decoding left at None means, here: temperature 0 (greedy), top_p 1, at most 1,024 new tokens, no repetition
penalty, seed 0. Sampling, when asked for, is plain: llama.cpp's own top-k 40 and min-p 0.05 are switched off,
so that the same settings mean the same here as at an OpenAI-compatible endpoint.

Images are passed as the bytes they are; they need the vision projector (MMPROJ) that belongs to the file.
"""

from __future__ import annotations

import asyncio
import base64
import math
import time
from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from safesight.core.config import PluginName, convert
from safesight.core.errors import ConfigError, DataError, ModelError
from safesight.core.files import file_print
from safesight.core.messages import Message, Part, TextPart
from safesight.core.protocols import Completion, Delta, GeneratedToken
from safesight.core.records import Decoding, Reply, Usage, content_hash
from safesight.models.llama.hub_files import PREFIX, fetch_gguf
from safesight.models.llama.server import (
    LlamaAnswer,
    LlamaServer,
    LlamaSettings,
    TokenAlternative,
    default_threads,
    shared_server,
)
from safesight.wire.chat_request import check_template_kwargs
from safesight.wire.thinking import ThinkingSplitter, split

DEFAULT_MAX_TOKENS = 1024


class GgufOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Options of `gguf:`: context per request in tokens, threads (0: physical cores minus one), requests at once, and a
    JSON object for the file's chat template."""

    n_ctx: int = 4096
    threads: int = 0
    parallel: int = 1
    chat_template_kwargs: str = ""


class GgufModel:
    """A GGUF model in process: chat, streams, and raw completions with log-probabilities."""

    def __init__(self, server: LlamaServer, *, name: str, template_kwargs: str = "") -> None:
        """Ask a loaded file; `template_kwargs` is a JSON object for its chat template."""
        self.name = name
        self._template: dict[str, Any] = (
            {"chat_template_kwargs": msgspec.json.decode(template_kwargs)} if template_kwargs else {}
        )
        self.max_concurrency: int | None = server.settings.parallel
        self._server = server
        settings = server.settings
        self.fingerprint = content_hash(
            "gguf",
            file_print(settings.path),
            file_print(settings.mmproj) if settings.mmproj else "",
            settings.n_ctx,
            *([template_kwargs] if template_kwargs else []),
            *((file_print(settings.adapter),) if settings.adapter else ()),
        )

    @property
    def provider_model(self) -> str:
        """The file's name without its ending: what the server calls itself by URL too."""
        return self._server.settings.path.stem

    async def generate(self, messages: Sequence[Message], *, decoding: Decoding) -> Reply:
        """Answer a conversation; a failed request is a reply with status `error`.

        Raises:
            ModelError: the file cannot be loaded, or images were given without a vision projector.
            MissingExtra: `xllamacpp` is not installed.
        """
        start = time.perf_counter()
        text: list[str] = []
        reasoning: list[str] = []
        finish, usage, first = "", Usage(), None
        try:
            async for delta in self._raw(messages, decoding):
                if first is None and (delta.text or delta.reasoning):
                    first = 1e3 * (time.perf_counter() - start)
                text.append(delta.text)
                reasoning.append(delta.reasoning)
                finish = delta.finish_reason or finish
                usage = delta.usage or usage
        except (_RequestFailed, DataError) as error:
            return Reply(status="error", error=str(error), latency_ms=1e3 * (time.perf_counter() - start))
        piece = split("".join(text))
        status = "empty" if not piece.text.strip() else "truncated" if finish == "length" else "ok"
        return Reply(
            status=status,
            text=piece.text,
            reasoning="".join(reasoning) + piece.reasoning,
            finish_reason=finish,
            usage=usage,
            latency_ms=1e3 * (time.perf_counter() - start),
            ttft_ms=first,
            provider_model=self.provider_model,
        )

    async def stream(self, messages: Sequence[Message], *, decoding: Decoding) -> AsyncGenerator[Delta]:
        """Yield the answer as it is made; closing the generator stops llama.cpp at its next token.

        Think-tags are split off as they come; text before a stray closing tag has left by then.

        Raises:
            ModelError: the request failed, the file cannot be loaded, or images came without a projector.
        """
        splitter = ThinkingSplitter()
        raw = self._raw(messages, decoding)
        try:
            async for delta in raw:
                piece = splitter.feed(delta.text)
                if delta.finish_reason:
                    piece = splitter.flush()
                yield msgspec.structs.replace(delta, text=piece.text, reasoning=delta.reasoning + piece.reasoning)
        finally:
            await raw.aclose()

    async def complete(
        self, prompt: str | Sequence[Message], *, max_tokens: int = 1, top_logprobs: int = 20
    ) -> Completion:
        """Continue greedily: a string raw, messages through the chat template of the file.

        Raises:
            ModelError: the file cannot be loaded, or images came without a projector.
        """
        payload = _sampling(Decoding(max_tokens=max_tokens))
        raw = isinstance(prompt, str)
        if isinstance(prompt, str):
            answer = await self._server.ask({**payload, "prompt": prompt, "logprobs": top_logprobs}, raw=True)
        else:
            try:
                turns = await asyncio.to_thread(self._messages, prompt)
            except DataError as error:
                return Completion(text="", error=str(error))
            answer = await self._server.ask(
                {**payload, **self._template, "messages": turns, "logprobs": True, "top_logprobs": top_logprobs}
            )
        if answer.error or not answer.choices:
            return Completion(text="", error=answer.error.message if answer.error else "llama.cpp gave no choice")
        choice = answer.choices[0]
        tokens = choice.logprobs.content if choice.logprobs else []
        return Completion(
            text=choice.text if raw else choice.message.content or "",
            tokens=tuple(GeneratedToken(token.token, _by_text(token.top_logprobs)) for token in tokens),
        )

    async def aclose(self) -> None:
        """Let go of the model; llama.cpp unloads it when nobody else holds it."""

    def _messages(self, messages: Sequence[Message]) -> list[dict[str, Any]]:
        if self._server.settings.mmproj is None and any(message.images for message in messages):
            raise ModelError(
                f"{self.name}: a GGUF without a vision projector reads text only, but the request has images. "
                "Name the projector too (gguf:FILE+MMPROJ), use a text arm, or use the model 'embedded' (reads by OCR)."
            )
        return [{"role": message.role, "content": _content(message)} for message in messages]

    async def _raw(self, messages: Sequence[Message], decoding: Decoding) -> AsyncGenerator[Delta]:
        turns = await asyncio.to_thread(self._messages, messages)
        request = {
            **_sampling(decoding),
            **self._template,
            "messages": turns,
            "stream_options": {"include_usage": True},
        }
        chunks = self._server.chunks(request)
        last = Delta(provider_model=self.provider_model)
        try:
            async for chunk in chunks:
                delta = self._delta(chunk)
                if delta.text or delta.reasoning:
                    yield msgspec.structs.replace(delta, finish_reason="", usage=None)
                last = msgspec.structs.replace(
                    last, finish_reason=delta.finish_reason or last.finish_reason, usage=delta.usage or last.usage
                )
        finally:
            await chunks.aclose()
        yield last

    def _delta(self, chunk: LlamaAnswer) -> Delta:
        if chunk.error:
            raise _RequestFailed(f"llama.cpp: {chunk.error.message}")
        choice = chunk.choices[0] if chunk.choices else None
        usage = chunk.usage
        return Delta(
            text=(choice.delta.content or "") if choice else "",
            reasoning=(choice.delta.reasoning_content or "") if choice else "",
            finish_reason=(choice.finish_reason or "") if choice else "",
            usage=Usage(prompt_tokens=usage.prompt_tokens, completion_tokens=usage.completion_tokens)
            if usage
            else None,
            provider_model=self.provider_model,
        )


class _RequestFailed(ModelError):
    """One request failed; the model is fine."""


def open_gguf(rest: str, options: dict[str, str]) -> GgufModel:
    """GGUF file in process by llama.cpp: gguf:FILE[+MMPROJ] with a projector for images, or gguf:hf:ORG/REPO[:QUANT].

    Options: `n_ctx` (tokens per request, 4096), `threads` (default: physical cores minus one), `parallel` (1),
    `chat_template_kwargs` (a JSON object for the file's chat template).

    Raises:
        ConfigError: no file is named, or an option's value is not a positive number.
        UnknownName: an option is unknown, or the hub's repository has no such quantisation.
        ModelError: a file is missing or is not GGUF.
        MissingData: the hub does not give it.
    """
    PluginName("gguf", rest, options).reject_unknown(GgufOptions.__struct_fields__)
    chosen = convert(options, GgufOptions, where=f"gguf:{rest}")
    if chosen.n_ctx < 1 or chosen.parallel < 1 or chosen.threads < 0:
        raise ConfigError(f"gguf:{rest}: n_ctx and parallel must be at least 1 and threads at least 0, got {options}.")
    if not rest:
        raise ConfigError("expected gguf:FILE, gguf:FILE+MMPROJ or gguf:hf:ORG/REPO, got no file.")
    check_template_kwargs(chosen.chat_template_kwargs, where=f"gguf:{rest}")
    path, mmproj = fetch_gguf(rest.removeprefix(PREFIX)) if rest.startswith(PREFIX) else _split_files(rest)
    settings = LlamaSettings(
        path=path,
        mmproj=mmproj,
        n_ctx=chosen.n_ctx,
        threads=chosen.threads or default_threads(),
        parallel=chosen.parallel,
    )
    return GgufModel(shared_server(settings), name=f"gguf:{rest}", template_kwargs=chosen.chat_template_kwargs)


@contextmanager
def serve(
    path: Path | str,
    *,
    mmproj: Path | str | None = None,
    adapter: Path | str | None = None,
    n_ctx: int = 4096,
    parallel: int = 1,
    prefill: bool = False,
) -> Generator[str]:
    """Run llama.cpp's OpenAI-compatible server for a GGUF on loopback; gives its base URL (".../v1").

    The server lives in this process and ends with the block. Nothing is asked of it for a key: any program
    on this machine can use it meanwhile. With `prefill` it continues a trailing assistant turn, as llama.cpp's own
    server does unless it is started with `--no-prefill-assistant`.

    Raises:
        ModelError: a file is missing or cannot be loaded.
        MissingExtra: `xllamacpp` is not installed.
    """
    settings = LlamaSettings(
        path=Path(path),
        mmproj=Path(mmproj) if mmproj else None,
        adapter=Path(adapter) if adapter else None,
        n_ctx=n_ctx,
        threads=default_threads(),
        parallel=parallel,
        prefill=prefill,
    )
    server = shared_server(settings)
    yield server.url()


def _split_files(rest: str) -> tuple[Path, Path | None]:
    """FILE or FILE+MMPROJ; a plus sign may also be part of either name."""
    if Path(rest).exists() or "+" not in rest:
        return Path(rest), None
    for at in (i for i, char in enumerate(rest) if char == "+"):
        file, mmproj = Path(rest[:at]), Path(rest[at + 1 :])
        if file.is_file() and mmproj.is_file():
            return file, mmproj
    file, _, mmproj = rest.partition("+")
    return Path(file), Path(mmproj)


def _content(message: Message) -> str | list[dict[str, Any]]:
    return [_part(part) for part in message.parts] if message.images else message.text


def _part(part: Part) -> dict[str, Any]:
    if isinstance(part, TextPart):
        return {"type": "text", "text": part.text}
    data = base64.b64encode(part.image.read()).decode("ascii")
    return {"type": "image_url", "image_url": {"url": f"data:{part.image.media_type};base64,{data}"}}


def _sampling(decoding: Decoding) -> dict[str, Any]:
    return {
        "temperature": decoding.temperature or 0.0,
        "top_p": 1.0 if decoding.top_p is None else decoding.top_p,
        "top_k": 0,
        "min_p": 0.0,
        "repeat_penalty": decoding.repetition_penalty or 1.0,
        "seed": decoding.seed or 0,
        "max_tokens": DEFAULT_MAX_TOKENS if decoding.max_tokens is None else decoding.max_tokens,
    }


def _by_text(alternatives: Sequence[TokenAlternative]) -> dict[str, float]:
    """Log-probability by text; different tokens with the same text add their probabilities."""
    merged: dict[str, float] = {}
    for item in alternatives:
        held = merged.get(item.token)
        merged[item.token] = item.logprob if held is None else math.log(math.exp(held) + math.exp(item.logprob))
    return merged
