"""A real proxy in a thread, for tests that look inside it: the server of `safesight guard`, embedded."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Generator

from granian.constants import HTTPModes, Interfaces
from granian.server.embed import Server

from safesight.guard.guard import Guard
from safesight.proxy.app import Proxy
from safesight.proxy.server import http1_settings
from safesight.proxy.settings import ProxySettings

_loops: dict[int, asyncio.AbstractEventLoop] = {}


def drain(proxy: Proxy) -> None:
    """Tell a served proxy, in its own loop, that it is to stop."""
    _loops[id(proxy)].call_soon_threadsafe(proxy.drain)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def serving(settings: ProxySettings, *, guard: Guard | None = None) -> Generator[tuple[str, Proxy]]:
    """Serve; yields the base URL (with /v1) and the application."""
    proxy, port = Proxy(settings, guard=guard), free_port()
    server = Server(
        proxy,
        address="127.0.0.1",
        port=port,
        interface=Interfaces.ASGI,
        http=HTTPModes.http1,
        http1_settings=http1_settings(settings),
        websockets=False,
        log_enabled=False,
    )
    loop = _loops[id(proxy)] = asyncio.new_event_loop()

    def run() -> None:
        asyncio.set_event_loop(loop)
        loop.run_until_complete(server.serve())
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        while True:
            assert thread.is_alive()
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", port), timeout=5).close()
                break
        yield f"http://127.0.0.1:{port}/v1", proxy
    finally:
        if thread.is_alive():
            loop.call_soon_threadsafe(server.stop)
        thread.join(20)
        del _loops[id(proxy)]
