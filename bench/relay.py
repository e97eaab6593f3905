"""The bare pass-through the proxy is measured against: raw ASGI and an aiohttp client, bytes in and bytes out.

    python -m bench.relay --upstream http://127.0.0.1:8000/v1 --port 8001 [--server granian|httptools|h11|hypercorn]

Its server is the proxy's (granian) unless another is named: those are what docs/adr/0005-http.md chose from.
"""

from __future__ import annotations

import argparse
import os

import aiohttp

_PASSED = (b"content-type", b"authorization", b"x-mock-chunks")
_UPSTREAM = "BENCH_RELAY_UPSTREAM"


def application():
    upstream = os.environ[_UPSTREAM]
    session: list[aiohttp.ClientSession] = []

    async def app(scope, receive, send) -> None:
        if scope["type"] == "lifespan":
            await receive()
            connector = aiohttp.TCPConnector(limit=0)
            session.append(aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=600)))
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await session[0].close()
            await send({"type": "lifespan.shutdown.complete"})
            return
        chunks, more = [], True
        while more:
            message = await receive()
            chunks.append(message.get("body", b""))
            more = message.get("more_body", False)
        headers = {k.decode(): v.decode() for k, v in scope["headers"] if k in _PASSED}
        url = upstream + scope["path"].removeprefix("/v1")
        async with session[0].request(scope["method"], url, data=b"".join(chunks), headers=headers) as response:
            kind = response.headers.get("content-type", "").encode()
            await send({"type": "http.response.start", "status": response.status, "headers": [(b"content-type", kind)]})
            async for data in response.content.iter_any():
                await send({"type": "http.response.body", "body": data, "more_body": True})
            await send({"type": "http.response.body", "body": b""})

    return app


def serve(server: str, port: int) -> None:
    if server == "granian":
        from granian import Granian
        from granian.constants import HTTPModes, Interfaces
        from granian.log import LogLevels

        Granian(
            "bench.relay:application",
            factory=True,
            port=port,
            interface=Interfaces.ASGI,
            http=HTTPModes.http1,
            websockets=False,
            log_level=LogLevels.warning,
        ).serve()
    elif server == "hypercorn":
        import hypercorn.asyncio
        import hypercorn.config
        import uvloop

        config = hypercorn.config.Config()
        config.bind = [f"127.0.0.1:{port}"]
        uvloop.run(hypercorn.asyncio.serve(application(), config))
    else:
        import uvicorn

        uvicorn.run(application(), port=port, loop="uvloop", http=server, access_log=False, log_level="warning")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--upstream", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--server", default="granian", choices=["granian", "httptools", "h11", "hypercorn"])
    options = parser.parse_args()
    os.environ[_UPSTREAM] = options.upstream
    serve(options.server, options.port)
