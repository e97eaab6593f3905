"""The guard as a Ray Serve deployment: `serve run safesight.integrations.ray.serving:guard upstream=URL`.

Each replica is the proxy's own application, opened where it runs; Ray Serve's HTTP proxy spreads requests and scales
the replicas with what is in flight. Keys are read from the environment of the machines that serve.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from safesight.core.config import convert
from safesight.core.doors import require
from safesight.proxy.settings import ClientKeys, ProxySettings


class ServedGuard(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Arguments of the deployment; a policy's path must exist on every machine."""

    upstream: str
    """Base URL of the guarded server, e.g. http://10.0.0.5:8000/v1."""
    policy: str = ""
    """A policy file; "" is the shipped policy."""
    key_env: str = ""
    upstream_key_env: str = ""
    shadow: bool = False
    min_replicas: int = 1
    max_replicas: int = 4
    in_flight: int = 32
    """Requests at one replica that autoscaling aims at; twice as many are taken before others wait."""
    cpus: float = 1.0


def guard(arguments: dict[str, Any]) -> Any:
    """The Serve application; `arguments` are the fields of `ServedGuard`.

    Raises:
        ConfigError: an argument is unknown, ill-typed or no URL, or a named key is not in the environment.
        MissingExtra: Ray is not installed.
    """
    require("ray", "ray")
    wanted = convert(arguments, ServedGuard, where="serve run")
    settings = ProxySettings(
        upstream=wanted.upstream,
        # Not bound here; it says that others than this machine may ask, as Serve's own proxy decides.
        host="0.0.0.0",  # noqa: S104
        policy=Path(wanted.policy) if wanted.policy else None,
        key_env=wanted.key_env,
        upstream_key_env=wanted.upstream_key_env,
        shadow=wanted.shadow,
    )
    settings.upstream_headers()
    ClientKeys.from_variable(settings.key_env)
    from ray import serve

    def application() -> Any:
        from safesight.proxy.app import Proxy

        return Proxy(settings)

    deployment: Any = serve.deployment(
        serve.ingress(application)(),
        name="guard",
        ray_actor_options={"num_cpus": wanted.cpus},
        max_ongoing_requests=2 * wanted.in_flight,
        autoscaling_config={
            "min_replicas": wanted.min_replicas,
            "max_replicas": wanted.max_replicas,
            "target_ongoing_requests": wanted.in_flight,
        },
        graceful_shutdown_timeout_s=settings.drain_s + 5,
    )
    return deployment.bind()
