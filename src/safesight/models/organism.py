"""`organism:FOLDER`: SmolLM2-135M with eyes. A small tower sees forms and colours, and OCR reads the words.

What it is, plainly: a model organism for multi-image safety, not an assistant. It answers questions like those of
`verifiable` step by step: a mark, its row, the key; harmful ones as well, which is what guards are tried on.
docs/organism.md has its figures and limits.

A picture becomes 36 image tokens (stretched to 192 x 192, llama.cpp's LLaVA path) and one line of read text
(`organism_text`), which cannot pose as the prompt's frame. Decoding left at None means, here: temperature 0 (greedy),
at most 48 new tokens, no repetition penalty, seed 0.
"""

from __future__ import annotations

import asyncio
import io
import time
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from typing import Final, Literal

import msgspec

from safesight.core.config import PluginName, convert
from safesight.core.errors import ConfigError, DataError
from safesight.core.messages import Image, ImagePart, Message, Part, TextPart, system
from safesight.core.protocols import Completion, Delta
from safesight.core.records import Decoding, Reply, content_hash
from safesight.media.ocr import OcrReader, OcrSettings, shared_reader
from safesight.media.pixels import decode
from safesight.models.embedded import weights
from safesight.models.llama.model import GgufModel
from safesight.models.llama.server import LlamaSettings, default_threads, shared_server
from safesight.models.organism_text import NOTHING, told

SIDE: Final = 192
"""Pixels across and down that the tower sees."""
SYSTEM: Final = "Look at the pictures and answer."
"""Stands before every conversation that has no system prompt of its own."""
MMPROJ: Final = "mmproj.gguf"
ADAPTER: Final = "adapter.gguf"
DEFAULTS: Final = Decoding(temperature=0.0, max_tokens=48, seed=0)
PROMPT_VERSION: Final = "1"
"""Changes with the words that stand around a picture."""


class OrganismOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Options of `organism`: whether OCR stands beside the tokens, threads (0: physical cores minus one)."""

    ocr: Literal["0", "1"] = "1"
    threads: int = 0


class OrganismModel:
    """A chat model of several images: image tokens by a tower, words by OCR, answers by SmolLM2 with an adapter."""

    def __init__(self, language: GgufModel, reader: OcrReader | None, *, name: str) -> None:
        self.name = name
        # One generates while the OCR of the next two runs.
        self.max_concurrency: int | None = 3
        self.fingerprint = content_hash(
            "organism", PROMPT_VERSION, SIDE, DEFAULTS, language.fingerprint, reader.fingerprint if reader else ""
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
            shown = await framed(messages, self._reader)
        except DataError as error:
            return Reply(status="error", error=str(error), latency_ms=1e3 * (time.perf_counter() - start))
        seeing_ms = 1e3 * (time.perf_counter() - start)
        reply = await self._language.generate(shown, decoding=_filled(decoding))
        return msgspec.structs.replace(
            reply,
            latency_ms=reply.latency_ms + seeing_ms,
            ttft_ms=None if reply.ttft_ms is None else reply.ttft_ms + seeing_ms,
        )

    async def stream(self, messages: Sequence[Message], *, decoding: Decoding) -> AsyncGenerator[Delta]:
        """Yield the answer as it is made.

        Raises:
            DataError: an image cannot be read.
            ModelError: the request failed or the weights cannot be loaded.
        """
        deltas = self._language.stream(await framed(messages, self._reader), decoding=_filled(decoding))
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
                prompt = await framed(prompt, self._reader)
            except DataError as error:
                return Completion(text="", error=str(error))
        return await self._language.complete(prompt, max_tokens=max_tokens, top_logprobs=top_logprobs)

    async def aclose(self) -> None:
        """Let go of the model."""
        await self._language.aclose()


async def framed(messages: Sequence[Message], reader: OcrReader | None) -> tuple[Message, ...]:
    """Messages as the organism was trained on them: each picture squared, and its text on the line after it.

    Raises:
        DataError: an image cannot be read.
    """
    framed = [Message(m.role, await _parts(m.parts, reader)) for m in messages]
    return tuple(framed) if any(m.role == "system" for m in messages) else (system(SYSTEM), *framed)


async def _parts(parts: Sequence[Part], reader: OcrReader | None) -> tuple[Part, ...]:
    images = [part.image for part in parts if isinstance(part, ImagePart)]
    texts = iter(await asyncio.gather(*(_read(image, reader) for image in images)))
    done: list[Part] = []
    for k, part in enumerate(parts):
        if isinstance(part, TextPart):
            done.append(part)
            continue
        # llama.cpp joins two texts with a line break, and a text and a picture with nothing.
        before_picture = k + 1 < len(parts) and isinstance(parts[k + 1], ImagePart)
        done += [ImagePart(await asyncio.to_thread(squared, part.image))]
        done += [TextPart(f"\n{next(texts)}\n" if before_picture else f"\n{next(texts)}")]
    return tuple(done)


async def _read(image: Image, reader: OcrReader | None) -> str:
    return NOTHING if reader is None else told(await reader.read(image))


def squared(image: Image) -> Image:
    """A picture stretched to the square that the tower sees, so that no engine resizes it in a way of its own.

    Raises:
        DataError: it cannot be decoded.
    """
    from PIL.Image import Resampling

    out = io.BytesIO()
    decode(image).resize((SIDE, SIDE), Resampling.BOX).save(out, format="PNG")
    return Image.from_bytes(out.getvalue(), label=image.label)


def open_organism(rest: str, options: dict[str, str]) -> OrganismModel:
    """SmolLM2-135M with a vision tower of your own training, and OCR: organism:FOLDER; sees several images, offline.

    FOLDER holds mmproj.gguf (`safesight train vision`) and adapter.gguf (`safesight train organism`). None ships yet.
    Options: `ocr` (1 or 0: whether read text stands beside the image tokens), `threads`.

    Raises:
        ConfigError: no folder is named, or an option's value is out of range.
        UnknownName: an option is unknown.
        MissingExtra: the weights' package is not installed.
        ModelError: FOLDER lacks a file.
    """
    PluginName("organism", rest, options).reject_unknown(OrganismOptions.__struct_fields__)
    chosen = convert(options, OrganismOptions, where="organism")
    if chosen.threads < 0:
        raise ConfigError(f"organism: threads must be at least 0, got {chosen.threads}.")
    if not rest:
        raise ConfigError(
            "expected organism:FOLDER with mmproj.gguf and adapter.gguf; docs/organism.md says how to make them."
        )
    folder = Path(rest)
    settings = LlamaSettings(
        path=weights(),
        mmproj=folder / MMPROJ,
        adapter=folder / ADAPTER,
        n_ctx=2048,
        threads=chosen.threads or default_threads(),
    )
    name = f"organism:{rest}"
    language = GgufModel(shared_server(settings), name=name)
    return OrganismModel(language, shared_reader(OcrSettings()) if chosen.ocr == "1" else None, name=name)


def _filled(decoding: Decoding) -> Decoding:
    given = {name: value for name in Decoding.__struct_fields__ if (value := getattr(decoding, name)) is not None}
    return msgspec.structs.replace(DEFAULTS, **given)
