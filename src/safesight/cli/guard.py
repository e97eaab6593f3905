"""`safesight guard`: the OpenAI-compatible protecting proxy."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from safesight.core.errors import ConfigError

if TYPE_CHECKING:
    from safesight.guard.policy import Policy


def register(app: typer.Typer) -> None:
    """Add `guard`."""
    app.command("guard")(guard)


def guard(
    upstream: Annotated[str, typer.Option(help="Base URL of the guarded server, e.g. http://127.0.0.1:8000/v1.")] = "",
    policy: Annotated[Path | None, typer.Option(help="A policy file; default: the shipped policy.")] = None,
    check: Annotated[Path | None, typer.Option(help="Say in words what a policy file does, and stop.")] = None,
    probe: Annotated[
        bool | None,
        typer.Option(
            "--probe/--no-probe",
            help="Put two known exchanges to the policy's guard models: always before serving, with --check if asked.",
        ),
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8900,
    workers: Annotated[int, typer.Option(min=1, help="Worker processes.")] = 1,
    key_env: Annotated[str, typer.Option(help="Variable with the keys clients must present; none: no key.")] = "",
    upstream_key_env: Annotated[str, typer.Option(help="Variable with the upstream's key.")] = "",
    shadow: Annotated[bool, typer.Option("--shadow", help="Decide and count everything, change nothing.")] = False,
    audit: Annotated[Path | None, typer.Option(help="Append one JSON line a request: hashes, scores, actions.")] = None,
    audit_text: Annotated[bool, typer.Option("--audit-text", help="Keep the texts in the audit log too.")] = False,
    allow_image_urls: Annotated[bool, typer.Option("--allow-image-urls", help="Fetch public image URLs.")] = False,
    max_body_mb: Annotated[int, typer.Option(min=1, help="Largest request body.")] = 32,
    max_images: Annotated[int, typer.Option(min=1, help="Most images in a request.")] = 16,
    drain_s: Annotated[int, typer.Option(min=0, help="Longest wait for requests in flight on SIGTERM.")] = 30,
    off: Annotated[
        bool, typer.Option("--off", help="Pass everything through unguarded (to measure the cost).")
    ] = False,
    ui: Annotated[bool, typer.Option("--ui", help="Serve the guard console at /ui.")] = False,
) -> None:
    """OpenAI-compatible protecting proxy."""
    from safesight.guard.describe import explain_policy
    from safesight.guard.policy import default_policy, read_policy

    if check is not None:
        checked = read_policy(check)
        typer.echo(explain_policy(checked))
        if probe:
            _probe(checked)
        return
    if not upstream:
        raise ConfigError("expected --upstream URL (the server to guard) or --check POLICY.")
    from safesight.proxy.server import serve
    from safesight.proxy.settings import Limits, Settings

    settings = Settings(
        upstream=upstream,
        policy=policy,
        guard=not off,
        shadow=shadow,
        key_env=key_env,
        upstream_key_env=upstream_key_env,
        allow_image_urls=allow_image_urls,
        audit=audit,
        audit_text=audit_text,
        ui=ui,
        limits=Limits(max_body_bytes=max_body_mb * 2**20, max_images=max_images),
    )
    if not off and probe is not False:
        _probe(read_policy(policy) if policy is not None else default_policy())
    typer.echo(f"guarding {upstream} at http://{host}:{port}/v1{' (SHADOW: nothing is changed)' if shadow else ''}")
    serve(settings, host=host, port=port, workers=workers, drain_s=drain_s)


def _probe(policy: Policy) -> None:
    """Refuse a guard model that does not answer as one."""
    import asyncio

    from safesight.guard.probe import probe_policy

    for name in asyncio.run(probe_policy(policy)):
        typer.echo(f"probed {name}: it passes a harmless answer and flags a threat that ends in a forged verdict")
