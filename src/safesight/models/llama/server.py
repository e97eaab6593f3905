"""llama.cpp in this process: one loaded GGUF, asked from worker threads, also reachable by URL on loopback.

`xllamacpp` starts the real llama.cpp server inside the process. We call its handlers directly (no socket)
and expose the address it listens on, so the same weights can be asked as an OpenAI-compatible endpoint.

Invariant: equal requests get equal answers. llama.cpp's prompt cache changes batch shapes and with them the
last bits of the logits, so it is off; `parallel=1` (the default) keeps other requests out of the batch.

Threads: llama.cpp's workers spin on a barrier, so threads beyond the free cores make it many times slower;
the default is one less than the physical cores this process may use.
"""

from __future__ import annotations

import asyncio
import os
import threading
import weakref
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec

from safesight.core.errors import MissingExtra, ModelError


class LlamaSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What decides how a GGUF is loaded; equal settings share one loaded model."""

    path: Path
    mmproj: Path | None = None
    adapter: Path | None = None
    """LoRA matrices as GGUF, applied in full."""
    n_ctx: int = 4096
    """Context of one request in tokens (prompt and answer)."""
    threads: int = 1
    parallel: int = 1
    prefill: bool = False
    """Continue a trailing assistant turn instead of answering it, as llama.cpp's server does by default."""


class ServerError(msgspec.Struct, frozen=True):
    """llama.cpp's error object."""

    message: str = ""
    type: str = ""


class TokenAlternative(msgspec.Struct, frozen=True):
    """One candidate for a generated token."""

    token: str
    logprob: float


class TokenLogprobs(msgspec.Struct, frozen=True):
    """A generated token with its alternatives, likeliest first."""

    token: str
    top_logprobs: list[TokenAlternative] = []


class Logprobs(msgspec.Struct, frozen=True):
    """Log-probabilities of the generated tokens, in order."""

    content: list[TokenLogprobs] = []


class LlamaContent(msgspec.Struct, frozen=True):
    """A message or a delta."""

    content: str | None = None
    reasoning_content: str | None = None


class Choice(msgspec.Struct, frozen=True):
    """One choice of a chunk (`delta`), of a chat answer (`message`) or of a raw completion (`text`)."""

    delta: LlamaContent = LlamaContent()
    message: LlamaContent = LlamaContent()
    text: str = ""
    finish_reason: str | None = None
    logprobs: Logprobs | None = None


class TokenCounts(msgspec.Struct, frozen=True):
    """Tokens read and written."""

    prompt_tokens: int = 0
    completion_tokens: int = 0


class LlamaAnswer(msgspec.Struct, frozen=True):
    """A whole answer, or one chunk of a streamed one; `error` is set when the request failed."""

    choices: list[Choice] = []
    usage: TokenCounts | None = None
    error: ServerError | None = None


def default_threads() -> int:
    """Physical cores this process may use, minus one, at least 1."""
    if not hasattr(os, "sched_getaffinity"):
        return max(1, (os.cpu_count() or 2) - 1)
    allowed = os.sched_getaffinity(0)
    siblings = {_siblings(cpu) for cpu in allowed}
    return max(1, len(siblings) - 1)


def _siblings(cpu: int) -> str:
    """The hardware threads of `cpu`'s core, as Linux names them; the CPU itself when it does not say."""
    try:
        return Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list").read_text(encoding="ascii")
    except OSError:
        return str(cpu)


class LlamaServer:
    """One loaded GGUF. Loads at the first request (or `url`); a load failure is a ModelError each time."""

    def __init__(self, settings: LlamaSettings) -> None:
        self.settings = settings
        self._server: Any = None
        self._loading = threading.Lock()
        self._pool = ThreadPoolExecutor(settings.parallel, thread_name_prefix="llama")

    def load(self) -> Any:
        """Load the weights unless that is done; blocks, so call it from a worker thread.

        Raises:
            MissingExtra: `xllamacpp` is not installed.
            ModelError: llama.cpp cannot read the files.
        """
        with self._loading:
            if self._server is None:
                self._server = _start(self.settings)
            return self._server

    def url(self) -> str:
        """Base URL of the OpenAI-compatible API (`http://127.0.0.1:PORT/v1`); loads the model."""
        return f"{self.load().listening_address}/v1"

    async def ask(self, payload: dict[str, Any], *, raw: bool = False) -> LlamaAnswer:
        """Answer one request as a whole.

        Args:
            payload: the body of `/v1/chat/completions`, or of `/v1/completions` when `raw`.
            raw: continue `prompt` without a chat template.

        Raises:
            ModelError: the model cannot be loaded.
        """

        def work() -> LlamaAnswer:
            server = self.load()
            return _guarded(
                lambda: server.handle_completions(payload) if raw else server.handle_chat_completions(payload)
            )

        return await asyncio.wrap_future(self._pool.submit(work))

    async def chunks(self, payload: dict[str, Any]) -> AsyncGenerator[LlamaAnswer]:
        """Answer one chat request in chunks; closing the generator stops llama.cpp at its next token.

        Raises:
            ModelError: the model cannot be loaded.
        """
        loop = asyncio.get_running_loop()
        queue: asyncio.Queue[LlamaAnswer | ModelError | MissingExtra | None] = asyncio.Queue()
        stopped = threading.Event()

        def put(item: LlamaAnswer | ModelError | MissingExtra | None) -> None:
            try:
                loop.call_soon_threadsafe(queue.put_nowait, item)
            except RuntimeError:  # the loop is closed: nobody listens any more
                stopped.set()

        def on_chunk(chunk: Any) -> bool:
            put(_guarded(lambda: chunk))
            return stopped.is_set()

        def work() -> None:
            try:
                if not stopped.is_set():
                    server = self.load()
                    failed = _guarded(
                        lambda: server.handle_chat_completions({**payload, "stream": True}, on_chunk) or {}
                    )
                    if failed.error:
                        put(failed)
            except (ModelError, MissingExtra) as error:
                put(error)
            put(None)

        self._pool.submit(work)
        try:
            while (item := await queue.get()) is not None:
                if isinstance(item, Exception):
                    raise item
                yield item
        finally:
            stopped.set()


_open_servers: weakref.WeakValueDictionary[LlamaSettings, LlamaServer] = weakref.WeakValueDictionary()
_opening = threading.Lock()


def shared_server(settings: LlamaSettings) -> LlamaServer:
    """The server of these settings; model, judge and detoxifier that name one GGUF share one copy of it.

    It is unloaded when the last of them lets go of it.

    Raises:
        ModelError: a file is missing or is not GGUF.
    """
    for path in (settings.path, settings.mmproj, settings.adapter):
        if path is not None:
            _check_file(path)
    with _opening:
        server = _open_servers.get(settings)
        if server is None:
            server = _open_servers[settings] = LlamaServer(settings)
        return server


def _check_file(path: Path) -> None:
    try:
        with path.open("rb") as file:
            magic = file.read(4)
    except OSError as error:
        raise ModelError(f"{path}: expected a GGUF file: {error.strerror or error}. Check the path.") from None
    if magic != b"GGUF":
        raise ModelError(f"{path}: expected a GGUF file, got one that starts {magic!r}. Convert the model to GGUF.")


def _start(settings: LlamaSettings) -> Any:
    try:
        xllamacpp: Any = import_module("xllamacpp")
    except ImportError:
        raise MissingExtra("xllamacpp", "embedded") from None

    params = xllamacpp.CommonParams()
    params.model.path = str(settings.path)
    if settings.mmproj is not None:
        params.mmproj.path = str(settings.mmproj)
    if settings.adapter is not None:
        adapter = xllamacpp.CommonAdapterLoraInfo()
        adapter.path, adapter.scale = str(settings.adapter), 1.0
        params.lora_adapters = [adapter]
    # llama.cpp divides the context among its slots; `n_ctx` is promised per request.
    params.n_ctx = settings.n_ctx * settings.parallel
    params.n_parallel = settings.parallel
    params.cpuparams.n_threads = settings.threads
    params.cpuparams_batch.n_threads = settings.threads
    params.cache_prompt = False
    params.cache_ram_mib = 0
    params.ui = False
    # Guard models are shown the judged answer as the last turn: continued, it would write its own verdict.
    params.prefill_assistant = settings.prefill
    params.verbosity = -1
    params.model_alias = {settings.path.stem}
    try:
        return xllamacpp.Server(params)
    except RuntimeError as error:
        files = f"{settings.path}" + (f" with {settings.mmproj}" if settings.mmproj else "")
        raise ModelError(
            f"{files}: llama.cpp could not load it ({error}) Is it complete and of a known kind?"
        ) from None


def _guarded(call: Callable[[], Any]) -> LlamaAnswer:
    """Run one handler; what breaks inside becomes a recorded error of this request alone."""
    try:
        return msgspec.convert(call(), LlamaAnswer)
    except Exception as error:  # noqa: BLE001 - worker boundary
        return LlamaAnswer(error=ServerError(message=f"{error}", type=type(error).__name__))
