"""A real proxy under uvicorn in a thread, for tests."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Generator

import uvicorn

from safesight.guard.guard import Guard
from safesight.proxy.app import Proxy
from safesight.proxy.connection import Connection
from safesight.proxy.settings import Settings


@contextlib.contextmanager
def serving(settings: Settings, *, guard: Guard | None = None) -> Generator[tuple[str, Proxy]]:
    """Serve; yields the base URL (with /v1) and the application."""
    proxy = Proxy(settings, guard=guard)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        config = uvicorn.Config(proxy, interface="asgi3", loop="uvloop", http=Connection, log_level="error")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        deadline = time.monotonic() + 30
        while not server.started and thread.is_alive() and time.monotonic() < deadline:
            time.sleep(0.01)
        assert server.started
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1", proxy
        finally:
            server.should_exit = True
            thread.join(20)
