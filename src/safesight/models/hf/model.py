"""`hf/ORG/NAME` or `hf/./FOLDER`: a Transformers model in this process, batched, images through its own processor.

Concurrent requests of equal settings share a batch (`batch_size`); a request that fails, fails alone. A load
failure is raised to every request at once and to all later ones, so a run stops instead of hanging.

Decoding left at None means the checkpoint's own generation settings; without any, at most 1,024 new tokens.
Sampling draws each answer from its own seed (the request's content and `seed`, 0 when open), so neighbours in a
batch don't change it. They do change the last bits of the logits; `batch_size=1` avoids even that.

Messages are templated by the checkpoint; control tokens and image placeholders inside message text stay text.
Devices are chosen by torch; no environment variable (CUDA_VISIBLE_DEVICES) is touched.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Literal

import msgspec

from safesight.core.config import PluginName, convert
from safesight.core.errors import ConfigError, DataError, MissingExtra, ModelError, told
from safesight.core.messages import Message
from safesight.core.protocols import Completion, GeneratedToken
from safesight.core.records import Decoding, Reply, Usage, content_hash
from safesight.models.hf.batching import MicroBatcher
from safesight.models.hf.loading import Checkpoint, Source, locate, open_checkpoint
from safesight.models.hf.prompts import Ending, Prompt, alternatives, chat_inputs, raw_inputs, read_answer, read_prompt
from safesight.models.hf.sampling import generation_config, row_sampler
from safesight.wire.thinking import split


class HfOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Options of `hf/`: number type, device, requests per batch, hub revision, GGUF file, remote code."""

    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    device: str = "auto"
    batch_size: int = 8
    revision: str | None = None
    gguf_file: str | None = None
    trust_remote_code: bool = False


class _Request(msgspec.Struct, frozen=True, kw_only=True):
    prompt: Prompt
    decoding: Decoding
    top_logprobs: int = 0
    """Above 0: report the tokens' alternatives."""


class _Output(msgspec.Struct, frozen=True, kw_only=True):
    text: str = ""
    finished: bool = True
    """The model ended by itself; False: cut by the token limit."""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    tokens: tuple[GeneratedToken, ...] = ()
    error: str = ""


class TransformersModel:
    """A local checkpoint: chat with images, and raw completions with log-probabilities."""

    def __init__(
        self,
        source: Source,
        *,
        name: str,
        batch_size: int = 8,
        opens: Callable[[Source], Checkpoint] = open_checkpoint,
    ) -> None:
        self.name = name
        self.fingerprint = content_hash("hf", source.fingerprint, source.dtype, source.gguf_file or "")
        # A second batch waits while the first runs.
        self.max_concurrency: int | None = 2 * batch_size
        self._source, self._opens = source, opens
        self._loading = threading.Lock()
        self._loaded: Checkpoint | ModelError | MissingExtra | None = None
        self._batcher: MicroBatcher[_Request, _Output] = MicroBatcher(
            self._run,
            failed=lambda error: _Output(error=told(error)),
            key=lambda request: (request.decoding, request.top_logprobs, request.prompt.kind),
            size=batch_size,
        )

    def load(self) -> Checkpoint:
        """Load the checkpoint unless that is done; blocks. A failure is remembered and raised again.

        Raises:
            MissingExtra: torch, transformers or a package the processor needs is not installed.
            ModelError: the checkpoint cannot be loaded.
        """
        with self._loading:
            if self._loaded is None:
                try:
                    self._loaded = self._opens(self._source)
                except (ModelError, MissingExtra) as error:
                    self._loaded = error
            if isinstance(self._loaded, Exception):
                raise self._loaded
            return self._loaded

    async def generate(self, messages: Sequence[Message], *, decoding: Decoding) -> Reply:
        """Answer a conversation; a failed request is a reply with status `error`.

        Raises:
            MissingExtra: torch or transformers is not installed.
            ModelError: the checkpoint cannot be loaded, or was closed.
        """
        start = time.perf_counter()
        try:
            prompt = await asyncio.to_thread(read_prompt, messages)
        except DataError as error:
            return Reply(status="error", error=str(error), latency_ms=1e3 * (time.perf_counter() - start))
        output = await self._ask(_Request(prompt=prompt, decoding=decoding))
        latency_ms = 1e3 * (time.perf_counter() - start)
        if output.error:
            return Reply(status="error", error=output.error, latency_ms=latency_ms)
        piece = split(output.text)
        status = "empty" if not piece.text.strip() else "ok" if output.finished else "truncated"
        return Reply(
            status=status,
            text=piece.text,
            reasoning=piece.reasoning,
            finish_reason="stop" if output.finished else "length",
            usage=Usage(prompt_tokens=output.prompt_tokens, completion_tokens=output.completion_tokens),
            latency_ms=latency_ms,
            provider_model=f"{self._source.where}@{self._source.revision or 'local'}",
        )

    async def complete(
        self, prompt: str | Sequence[Message], *, max_tokens: int = 1, top_logprobs: int = 20
    ) -> Completion:
        """Continue greedily: a string raw, messages through the chat template.

        Raises:
            MissingExtra: torch or transformers is not installed.
            ModelError: the checkpoint cannot be loaded, or was closed.
        """
        try:
            made = Prompt(raw=prompt) if isinstance(prompt, str) else await asyncio.to_thread(read_prompt, prompt)
        except DataError as error:
            return Completion(text="", error=str(error))
        decoding = Decoding(temperature=0.0, max_tokens=max_tokens)
        output = await self._ask(_Request(prompt=made, decoding=decoding, top_logprobs=top_logprobs))
        return Completion(text=output.text, tokens=output.tokens, error=output.error)

    async def count_tokens(self, text: str) -> int:
        """Tokens of `text` by the checkpoint's own tokenizer; loads the checkpoint.

        Raises:
            MissingExtra: torch or transformers is not installed.
            ModelError: the checkpoint cannot be loaded, or was closed.
        """
        checkpoint = await asyncio.to_thread(self.load)
        return len(checkpoint.tokenizer(text, add_special_tokens=False)["input_ids"])

    async def aclose(self) -> None:
        """Finish what is queued and let go of the weights."""
        await asyncio.to_thread(self._batcher.close)
        self._loaded = None

    async def _ask(self, request: _Request) -> _Output:
        return await asyncio.wrap_future(self._batcher.submit(request))

    def _run(self, requests: Sequence[_Request]) -> list[_Output]:
        """Generate for one batch (worker thread); the requests share decoding and kind of prompt."""
        import torch

        checkpoint = self.load()
        model, decoding = checkpoint.model, requests[0].decoding
        prompts = [request.prompt for request in requests]
        inputs = raw_inputs(checkpoint, prompts) if prompts[0].kind == "raw" else chat_inputs(checkpoint, prompts)
        seeds = [int(content_hash(prompt.identity, decoding.seed or 0)[:15], 16) for prompt in prompts]
        settings = generation_config(model.generation_config, decoding)
        settings.return_dict_in_generate = True
        settings.output_logits = requests[0].top_logprobs > 0
        with torch.inference_mode():
            made = model.generate(
                **inputs,
                generation_config=settings,
                logits_processor=row_sampler(model.generation_config, decoding, seeds),
            )
        width = inputs["input_ids"].shape[1]
        return [
            _output(
                read_answer(checkpoint, inputs["input_ids"][row], made.sequences[row, width:]),
                prompt_tokens=int(inputs["attention_mask"][row].sum()),
                tokens=_tokens(checkpoint.tokenizer, made, row, first=width, count=request.top_logprobs),
            )
            for row, request in enumerate(requests)
        ]


def _tokens(tokenizer: Any, made: Any, row: int, *, first: int, count: int) -> tuple[GeneratedToken, ...]:
    """The generated tokens of one row of a batch, with their alternatives; () where none were asked for."""
    if not count:
        return ()
    ids = made.sequences[row, first:].tolist()
    return tuple(
        GeneratedToken(tokenizer.decode([token]), alternatives(tokenizer, logits[row], count))
        for token, logits in zip(ids, made.logits, strict=False)
    )


def _output(ending: Ending, *, prompt_tokens: int, tokens: tuple[GeneratedToken, ...]) -> _Output:
    return _Output(
        text=ending.text,
        finished=ending.finished,
        prompt_tokens=prompt_tokens,
        completion_tokens=ending.tokens,
        tokens=tokens,
    )


def open_hf(rest: str, options: dict[str, str]) -> TransformersModel:
    """Transformers model in process: hf/ORG/NAME[@REVISION] from the hub, hf/./FOLDER or hf//ABSOLUTE/FOLDER from disk.

    Options: `dtype` (auto, float32, bfloat16, float16), `device` (auto: every GPU torch sees, else the CPU),
    `batch_size` (8), `revision`, `gguf_file` (a GGUF file in the folder), `trust_remote_code` (false).

    Raises:
        ConfigError: the name or an option's value is malformed.
        UnknownName: an option is unknown.
        ModelError: there is no such checkpoint.
    """
    PluginName("hf", rest, options).reject_unknown(HfOptions.__struct_fields__)
    chosen = convert(options, HfOptions, where=f"hf/{rest}")
    if chosen.batch_size < 1:
        raise ConfigError(f"hf/{rest}: batch_size must be at least 1, got {chosen.batch_size}.")
    source = msgspec.structs.replace(
        locate(rest, revision=chosen.revision, gguf_file=chosen.gguf_file),
        dtype=chosen.dtype,
        device=chosen.device,
        trust_remote_code=chosen.trust_remote_code,
    )
    return TransformersModel(source, name=f"hf/{rest}", batch_size=chosen.batch_size)
