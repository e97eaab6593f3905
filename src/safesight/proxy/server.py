"""Starts the proxy under uvicorn: one process or several, drained on SIGTERM."""

from __future__ import annotations

import gc
import os
import tempfile
from typing import Any

from safesight.core.errors import ConfigError, MissingExtra
from safesight.proxy.settings import Settings

_COLLECT_AFTER = 5_000
"""Objects made before the youngest are looked through: several requests' worth, some hundred kilobytes."""


def application():  # an ASGI application, whose type imports the server's dependencies
    """The application of a worker process, from the settings its parent left in the environment."""
    from safesight.proxy.app import Proxy

    return Proxy(Settings.from_environment(), ready=_settle)


def _settle() -> None:
    """Spare what is loaded from garbage collection: walking over it again and again costs a tenth of every request."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER, 20, 20)


def serve(settings: Settings, *, host: str, port: int, workers: int = 1, drain_s: int = 30) -> None:
    """Serve until SIGTERM or Ctrl-C; then finish what is in flight, for at most `drain_s` seconds.

    Raises:
        MissingExtra: the proxy's server is not installed.
        ConfigError: the address is taken, or the settings are wrong.
    """
    try:
        import uvicorn

        from safesight.proxy.connection import Connection
    except ImportError:
        raise MissingExtra("uvicorn", "proxy") from None
    settings.to_environment()
    options: dict[str, Any] = {
        "host": host,
        "port": port,
        "loop": "uvloop",
        "http": Connection,
        "ws": "none",
        # Nothing here asks who the client is or how it came.
        "proxy_headers": False,
        "interface": "asgi3",
        "lifespan": "on",
        "access_log": False,
        "log_level": "warning",
        "server_header": False,
        # Clients keep idle connections for a while; closing them first would break the request that comes meanwhile.
        "timeout_keep_alive": 75,
        "timeout_graceful_shutdown": drain_s,
    }
    if workers > 1:
        # Read by prometheus-client when a worker imports it; the workers' counters are added up from these files.
        with tempfile.TemporaryDirectory(prefix="safesight-metrics-") as folder:
            os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
            uvicorn.run("safesight.proxy.server:application", factory=True, workers=workers, **options)
        return
    server = uvicorn.Server(uvicorn.Config(application(), **options))
    server.run()
    if not server.started:
        raise ConfigError(f"the proxy could not start on {host}:{port}: see the message above.")
