"""`safesight guard`: the OpenAI-compatible protecting proxy."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from safesight.core.errors import ConfigError

if TYPE_CHECKING:
    from safesight.guard.policy import Policy
    from safesight.proxy.settings import ProxySettings


def register(app: typer.Typer) -> None:
    """Add `guard`."""
    app.command("guard")(guard)


def guard(
    upstream: Annotated[str, typer.Option(help="Base URL of the guarded server, e.g. http://127.0.0.1:8000/v1.")] = "",
    policy: Annotated[Path | None, typer.Option(help="A policy file; default: the shipped policy.")] = None,
    guard_model: Annotated[
        str,
        typer.Option(
            "--guard",
            help="A guard model, e.g. qwen3guard:http://127.0.0.1:8001/v1, or self (the guarded model judges itself): "
            "writes the policy that goes with it to --policy (safesight-policy.toml) and uses it.",
        ),
    ] = "",
    check: Annotated[Path | None, typer.Option(help="Say in words what a policy file does, and stop.")] = None,
    probe: Annotated[
        bool | None,
        typer.Option(
            "--probe/--no-probe",
            help="Put two known exchanges to the policy's guard models: always before serving, with --check if asked.",
        ),
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 8900,
    workers: Annotated[int, typer.Option(min=1, help="Worker processes.")] = 1,
    key_env: Annotated[str, typer.Option(help="Variable with the keys clients must present; none: no key.")] = "",
    tenants: Annotated[
        Path | None,
        typer.Option(help="Named policies, and tenants by the hashes of their keys (docs/proxy.md)."),
    ] = None,
    hash_key: Annotated[
        bool, typer.Option("--hash-key", help="Read a key, print what a tenants file holds of it, and stop.")
    ] = False,
    upstream_key_env: Annotated[str, typer.Option(help="Variable with the upstream's key.")] = "",
    upstream_key_header: Annotated[
        str, typer.Option(help="Header for that key; Azure's is api-key.")
    ] = "authorization",
    ca_bundle: Annotated[
        Path | None,
        typer.Option(help="Certificates to trust for the upstream, PEM; else SSL_CERT_FILE or the system's."),
    ] = None,
    connect_timeout_s: Annotated[float, typer.Option(min=0.001, help="Longest wait for a connection upstream.")] = 10,
    idle_timeout_s: Annotated[
        float, typer.Option(min=0.001, help="Longest silence of the upstream once its reply has begun.")
    ] = 600,
    total_timeout_s: Annotated[float, typer.Option(min=0.001, help="Longest whole reply of the upstream.")] = 1800,
    body_timeout_s: Annotated[float, typer.Option(min=0.001, help="Longest time for a request's body.")] = 60,
    head_timeout_s: Annotated[
        float, typer.Option(min=0.001, help="Longest time for a request's head, idle connections too.")
    ] = 75,
    image_timeout_s: Annotated[float, typer.Option(min=0.001, help="Longest time to fetch an image URL.")] = 10,
    silence_s: Annotated[
        float, typer.Option(min=0.001, help="Silence in a stream after which a comment keeps it alive.")
    ] = 10,
    allow_origin: Annotated[
        list[str] | None, typer.Option(help="Origin of web pages that may use the proxy (CORS), or *; repeatable.")
    ] = None,
    allowed_host: Annotated[
        list[str] | None,
        typer.Option(help="Name under which a proxy on loopback without keys may be asked; repeatable."),
    ] = None,
    shadow: Annotated[bool, typer.Option("--shadow", help="Decide and count everything, change nothing.")] = False,
    audit: Annotated[Path | None, typer.Option(help="Append one JSON line a request: hashes, scores, actions.")] = None,
    audit_text: Annotated[bool, typer.Option("--audit-text", help="Keep the texts in the audit log too.")] = False,
    audit_required: Annotated[
        bool, typer.Option("--audit-required", help="Answer nothing while the audit log cannot be written.")
    ] = False,
    allow_image_urls: Annotated[bool, typer.Option("--allow-image-urls", help="Fetch public image URLs.")] = False,
    max_body_mb: Annotated[int, typer.Option(min=1, help="Largest request body.")] = 32,
    max_reply_mb: Annotated[int, typer.Option(min=1, help="Largest whole reply of the upstream.")] = 64,
    max_images: Annotated[int, typer.Option(min=1, help="Most images in a request.")] = 16,
    max_image_mb: Annotated[int, typer.Option(min=1, help="Largest image.")] = 20,
    drain_s: Annotated[int, typer.Option(min=0, help="Longest wait for requests in flight on SIGTERM.")] = 30,
    gateways: Annotated[
        bool,
        typer.Option("--gateways", help="No upstream: answer gateways' guardrail calls and moderations only."),
    ] = False,
    off: Annotated[
        bool, typer.Option("--off", help="Pass everything through unguarded (to measure the cost).")
    ] = False,
    otel: Annotated[
        bool, typer.Option("--otel", help="Send a span a request to OTEL_EXPORTER_OTLP_ENDPOINT (OTLP over HTTP).")
    ] = False,
    ui: Annotated[bool, typer.Option("--ui", help="Serve the guard console at /ui.")] = False,
) -> None:
    """OpenAI-compatible protecting proxy."""
    if hash_key:
        _hash_key()
        return
    from safesight.guard.guarded_model import resolved
    from safesight.guard.policy import default_policy, read_policy

    if check is not None:
        _check(check, tenants, upstream=upstream, key_env=upstream_key_env, probe=bool(probe))
        return
    if guard_model:
        policy = _write_policy(guard_model, policy or Path("safesight-policy.toml"))
        if not upstream and not gateways:
            return
    if bool(upstream) == gateways:
        raise ConfigError("expected --upstream URL (the server to guard), or --gateways, or --check POLICY.")
    if audit_required and audit is None:
        raise ConfigError("--audit-required: expected --audit FILE with it.")
    from safesight.proxy.server import serve
    from safesight.proxy.settings import Limits, ProxySettings

    settings = ProxySettings(
        upstream=upstream,
        host=host,
        port=port,
        policy=policy,
        guard=not off,
        shadow=shadow,
        key_env=key_env,
        tenants=tenants,
        upstream_key_env=upstream_key_env,
        upstream_key_header=upstream_key_header,
        ca_bundle=ca_bundle,
        allowed_hosts=tuple(allowed_host or ()),
        allowed_origins=tuple(allow_origin or ()),
        allow_image_urls=allow_image_urls,
        audit=audit,
        audit_text=audit_text,
        audit_required=audit_required,
        ui=ui,
        drain_s=drain_s,
        head_timeout_s=head_timeout_s,
        limits=Limits(
            max_body_bytes=max_body_mb * 2**20,
            max_reply_bytes=max_reply_mb * 2**20,
            max_images=max_images,
            max_image_bytes=max_image_mb * 2**20,
            body_timeout_s=body_timeout_s,
            image_timeout_s=image_timeout_s,
            silence_s=silence_s,
            connect_timeout_s=connect_timeout_s,
            idle_timeout_s=idle_timeout_s,
            total_timeout_s=total_timeout_s,
        ),
    )
    chosen = read_policy(policy) if policy is not None else default_policy()
    if not off and probe is not False:
        _probe(resolved(chosen, upstream=upstream, key_env=upstream_key_env))
    serve(
        settings,
        workers=workers,
        listening=lambda: _say(settings, chosen),
        reloaded=_say_reloaded,
        application=_application(otel=otel),
    )


def _application(*, otel: bool) -> str:
    """What workers run: the proxy, or the proxy with a span around each request."""
    from safesight.proxy.server import APPLICATION

    if not otel:
        return APPLICATION
    from safesight.integrations.otel import require_sdk

    require_sdk()
    return "safesight.integrations.otel:application"


def _check(path: Path, tenants: Path | None, *, upstream: str, key_env: str, probe: bool) -> None:
    """Say what is served under these files, and open all of it, so that what passes here starts."""
    from safesight.guard.policy import read_policy
    from safesight.proxy.tenants import Tenants, read_tenants

    found = read_tenants(tenants) if tenants else Tenants()
    _check_policy(read_policy(path), upstream=upstream, key_env=key_env, probe=probe)
    for name, file in found.policies.items():
        typer.echo(f"\npolicy {name}: {file}")
        _check_policy(read_policy(Path(file)), upstream=upstream, key_env=key_env, probe=probe)
    if tenants:
        typer.echo(f"\nwithout a tenant: the policy {path}; may choose {', '.join(found.may_choose) or 'none'}")
    for name, tenant in found.tenants.items():
        policy = f"the policy {tenant.policy}" if tenant.policy else f"the policy {path}"
        keys = f"{len(tenant.keys)} key" + ("s" if len(tenant.keys) > 1 else "")
        typer.echo(f"tenant {name} ({keys}): {policy}; may choose {', '.join(tenant.may_choose) or 'none'}")


def _check_policy(policy: Policy, *, upstream: str, key_env: str, probe: bool) -> None:
    import asyncio

    from safesight.guard.describe import explain_policy
    from safesight.guard.guard import open_guard
    from safesight.guard.guarded_model import resolved, uses_itself

    typer.echo(explain_policy(policy))
    if uses_itself(policy) and not upstream:
        typer.echo("What it does not do is told with --upstream: the guarded model judges.")
        return
    policy = resolved(policy, upstream=upstream, key_env=key_env)
    guard = open_guard(policy)
    lines = guard.shortcomings()
    asyncio.run(guard.aclose())
    if lines:
        typer.echo("What it does not do:")
    for line in lines:
        typer.echo(f"  - {line}")
    if probe:
        _probe(policy)


def _hash_key() -> None:
    """Print a key's hash for a tenants file; without a key, one is made and printed."""
    import sys

    from safesight.proxy.tenants import fresh_key, hashed

    given = typer.prompt("key (empty: make one)", default="", show_default=False, hide_input=True, err=True)
    if not sys.stdin.isatty():
        typer.echo(err=True)
    if not given:
        given = fresh_key()
        typer.echo(f"key: {given}", err=True)
    typer.echo(hashed(given))


def _say_reloaded(failure: str) -> None:
    typer.echo(f"reload failed, the old policies stay: {failure}" if failure else "reloaded", err=True)


def _write_policy(guard_model: str, path: Path) -> Path:
    """Write the policy that goes with a guard model, unless it stands there already, and say what it does."""
    from safesight.core.files import replacing
    from safesight.guard.describe import explain_policy
    from safesight.guard.guarded_model import asks_itself
    from safesight.guard.policy import read_policy
    from safesight.guard.recommended import recommended_policy

    text = recommended_policy(guard_model)
    if path.exists() and path.read_text(encoding="utf-8") != text:
        raise ConfigError(f"{path}: expected no file there for the policy of --guard, got one. Pass one or the other.")
    with replacing(path) as part:
        part.write_text(text, encoding="utf-8")
    typer.echo(f"policy: {path}\n{explain_policy(read_policy(path))}")
    grey = "" if asks_itself(guard_model) else ", and one for each window in its grey band"
    typer.echo(f"Cost: two requests to the guard model an exchange{grey}.")
    return path


def _probe(policy: Policy) -> None:
    """Refuse a guard model that does not answer as one."""
    import asyncio

    from safesight.guard.probe import probe_policy

    for name in asyncio.run(probe_policy(policy)):
        typer.echo(f"probed {name}: it passes a harmless answer and flags a threat that ends in a forged verdict")


def _say(settings: ProxySettings, policy: Policy) -> None:
    """What is guarded, by what, and who may ask; said once it listens. No secret of a URL is in it."""
    from safesight.net.urls import shown
    from safesight.proxy.origins import is_loopback

    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    guarded = shown(settings.upstream) if settings.upstream else "what gateways ask about"
    typer.echo(f"guarding {guarded} at http://{host}:{settings.port}/v1")
    if not settings.guard:
        typer.echo("  OFF: everything passes unguarded")
    else:
        detectors = ", ".join(_shown_name(rule.name) for rule in policy.detectors) or "none"
        typer.echo(f"  policy: {settings.policy or 'the shipped one'} ({policy.mode}); detectors: {detectors}")
    if settings.guard and (settings.shadow or policy.shadow):
        typer.echo("  SHADOW: everything is decided and counted, nothing is changed")
    asked = " or ".join(
        [f"one of ${settings.key_env}"] * bool(settings.key_env)
        + [f"a tenant's ({settings.tenants})"] * bool(settings.tenants)
    )
    if settings.upstream_key_env:
        own = f"${settings.upstream_key_env}"
    elif settings.upstream and settings.upstream_headers():
        own = "user and password of its URL"
    else:
        own = "none" if settings.asks_keys else "the client's own, passed on"
    upstream_key = f"; upstream's key: {own}" if settings.upstream else ""
    typer.echo(f"  clients' keys: {asked or 'none asked for'}{upstream_key}")
    if not settings.asks_keys and not is_loopback(settings.host):
        typer.echo(
            f"warning: listening on {settings.host} without keys: whoever reaches this port may use the upstream. "
            "Ask for keys with --key-env or --tenants.",
            err=True,
        )


def _shown_name(name: str) -> str:
    """A detector's name without the secrets of a URL in it."""
    from safesight.net.urls import shown

    kind, separator, rest = name.partition(":")
    if "://" in rest:
        return f"{kind}{separator}{shown(rest)}"
    return shown(name) if rest.startswith("//") else name
