"""Starts the proxy under granian: workers under a supervisor, heads bounded in bytes and time, drained on SIGTERM.

docs/adr/0005-http.md says why this server. Three facts pass between the processes: a worker that listens tells its
parent (SIGUSR1), a parent that was told to stop tells its workers, whose streams then have so long to end (SIGUSR1),
and a parent that was told to reload (SIGHUP), and has read and opened everything, tells its workers (SIGHUP).
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import multiprocessing
import os
import signal
import socket
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from safesight.core.errors import ConfigError, MissingExtra, SafeSightError
from safesight.proxy.served import check_opens, read_served, write_served
from safesight.proxy.settings import ClientKeys, ProxySettings

if TYPE_CHECKING:
    from granian.http import HTTP1Settings

    from safesight.proxy.app import Proxy

MAX_HEAD: Final = 2**16
"""Bytes of a request's head; more is answered with 431 while it still comes. So are more than a hundred headers."""
_GRACE_S: Final = 5
"""Between the end of a drain and the end of a worker whose clients don't read."""
_BACKLOG: Final = 1024
_AT_ONCE: Final = 16_384
_COLLECT_AFTER: Final = 5_000
"""Objects made before the youngest are looked through: several requests' worth, some hundred kilobytes."""


APPLICATION: Final = "safesight.proxy.server:application"


def application() -> Proxy:
    """The application of a worker process, from the settings its parent left in the environment."""
    from safesight.proxy.app import Proxy

    return Proxy(ProxySettings.from_environment(), ready=_settle)


def _settle(proxy: Proxy) -> None:
    """Spare what is loaded from garbage collection: walking over it again and again costs a tenth of every request."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER, 20, 20)
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, proxy.drain)
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, proxy.reload)
    proxy.background(_report(os.getppid(), _reachable(proxy.settings.host), proxy.settings.port))


async def _report(parent: int, host: str, port: int) -> None:
    """Tell the parent when this worker can be reached; end when the parent is gone without a word."""
    while True:
        try:
            _, writer = await asyncio.open_connection(host, port)
        except OSError:
            await asyncio.sleep(0.02)
            continue
        writer.close()
        break
    if os.getppid() == parent:
        os.kill(parent, signal.SIGUSR1)
    while os.getppid() == parent:  # noqa: ASYNC110 - nothing tells a process that its parent died
        await asyncio.sleep(1)
    os.kill(os.getpid(), signal.SIGTERM)


def serve(
    settings: ProxySettings,
    *,
    workers: int = 1,
    listening: Callable[[], None] = lambda: None,
    reloaded: Callable[[str], None] = lambda _: None,
    application: str = APPLICATION,
) -> None:
    """Serve until SIGTERM or Ctrl-C; then finish what is in flight, for at most `settings.drain_s` seconds.

    SIGHUP reads policies and tenants again; what is broken changes nothing. `listening` is called once, when the first
    worker takes connections; `reloaded` after each reload, with the reason why it failed, or "".
    `application` names what workers run.

    Raises:
        MissingExtra: the proxy's server is not installed.
        ConfigError: the address is taken, or the settings are wrong.
    """
    try:
        from granian import Granian
        from granian.constants import HTTPModes, Interfaces
        from granian.log import LogLevels
    except ImportError:
        raise MissingExtra("granian", "proxy") from None
    settings.upstream_headers()
    ClientKeys.from_variable(settings.key_env)
    host, port = settings.host, settings.port
    _check_free(host, port)
    with contextlib.ExitStack() as stack:
        state = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="safesight-guard-")))
        settings = msgspec.structs.replace(settings, served=state / "served.json")
        write_served(read_served(settings), state / "served.json")
        settings.to_environment()
        if workers > 1:
            # Read by prometheus-client when a worker imports it; the workers' counters are added up from these files.
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="safesight-metrics-"))
            os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
        server = Granian(
            application,
            factory=True,
            address=host,
            port=port,
            interface=Interfaces.ASGI,
            workers=workers,
            http=HTTPModes.http1,
            http1_settings=http1_settings(settings),
            websockets=False,
            backlog=_BACKLOG,
            backpressure=_AT_ONCE,
            workers_kill_timeout=settings.drain_s + _GRACE_S,
            log_level=LogLevels.warning,
        )
        server.on_startup(lambda: _pass_signals(server, listening, Reloading(settings, state, reloaded).start))
        try:
            server.serve()
        except SystemExit as end:
            if end.code:
                raise ConfigError(f"the proxy could not serve on {host}:{port}: see the message above.") from None


def http1_settings(settings: ProxySettings) -> HTTP1Settings:
    """The bounds on heads, for granian."""
    from granian.http import HTTP1Settings

    return HTTP1Settings(header_read_timeout=int(1000 * settings.head_timeout_s), max_buffer_size=MAX_HEAD)


class Reloading:
    """In the parent: reads the operator's files again, opens what they say, and only then tells the workers."""

    def __init__(self, settings: ProxySettings, state: Path, reloaded: Callable[[str], None]) -> None:
        self._settings = settings
        self._state = state
        self._reloaded = reloaded
        self._busy = threading.Lock()
        self._asked = 0

    def start(self) -> None:
        """Reload in a thread of its own: a signal's handler must not wait."""
        self._asked += 1
        threading.Thread(target=self._run, args=(self._asked,), daemon=True).start()

    def _run(self, number: int) -> None:
        with self._busy:
            try:
                served = read_served(self._settings, generation=number)
                tried = self._state / "tried.json"
                write_served(served, tried)
                if self._settings.guard:
                    check_opens(tried)
                write_served(served, self._state / "served.json")
            except (SafeSightError, OSError) as error:
                self._reloaded(str(error))
                return
            _tell_workers(signal.SIGHUP)
            self._reloaded("")


def _tell_workers(number: int) -> None:
    for worker in multiprocessing.active_children():
        if worker.pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(worker.pid, number)


def _pass_signals(server: Any, listening: Callable[[], None], reload: Callable[[], None]) -> None:
    """In the parent: hear when a worker listens, and tell all when to drain or to reload."""
    parent = os.getpid()

    def ready(_number: int, _frame: object) -> None:
        # A worker that fails while it starts would fail again; one that dies later is replaced.
        if os.getpid() == parent and not server.respawn_failed_workers:
            server.respawn_failed_workers = True
            listening()

    def hang_up(_number: int, _frame: object) -> None:
        # A worker that is still being loaded has this handler too; it reads what is newest when it is.
        if os.getpid() == parent:
            reload()

    signal.signal(signal.SIGUSR1, ready)
    signal.signal(signal.SIGHUP, hang_up)
    for number in (signal.SIGTERM, signal.SIGINT):
        before = signal.getsignal(number)

        def stop(number: int, frame: Any, before: Any = before) -> None:
            if os.getpid() != parent:  # a worker that is still being loaded has these handlers too
                raise SystemExit
            _tell_workers(signal.SIGUSR1)
            before(number, frame)

        signal.signal(number, stop)


def _check_free(host: str, port: int) -> None:
    # Workers share the port, and would share it with another proxy's without a word.
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        raise ConfigError(
            f"--host {host} --port {port}: cannot listen there: {error.strerror or error}. Choose another --port, or "
            "stop what listens there."
        ) from None


def _reachable(host: str) -> str:
    """An address of this machine under which a server that listens on `host` answers."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)  # noqa: S104 - nothing is bound
