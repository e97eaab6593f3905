"""What a proxy serves under, as one value: every policy, every tenant. Read whole or not at all, and handed on whole.

The parent reads the operator's files, makes sure in a process of its own that every detector opens, and leaves the
result in one file that workers read; so all of them serve the same, whatever is edited meanwhile. A reload is a new
generation of that file.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import msgspec

from safesight.core.errors import ConfigError, SafeSightError
from safesight.core.files import replacing
from safesight.guard.guard import open_guard
from safesight.guard.guarded_model import resolved
from safesight.guard.policy import Policy, default_policy, read_policy
from safesight.proxy.settings import ProxySettings
from safesight.proxy.tenants import Tenants, read_tenants

OWN = ""
"""The name of the proxy's own policy."""
_LONGEST_S = 600


class Served(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One generation."""

    policies: dict[str, Policy]
    """By name; `OWN` is the policy of requests that no tenant's is for."""
    tenants: Tenants = Tenants()
    generation: int = 0

    def allowed(self, tenant: str) -> tuple[str, ...]:
        """The policies that a tenant's requests may ask for."""
        known = self.tenants.tenants.get(tenant)
        return known.may_choose if known else self.tenants.may_choose

    def policy_of(self, tenant: str) -> str:
        """The name of a tenant's policy."""
        known = self.tenants.tenants.get(tenant)
        return known.policy if known else OWN


def read_served(settings: ProxySettings, *, generation: int = 0) -> Served:
    """Read every file that `settings` name.

    Raises:
        ConfigError, UnknownName: one cannot be read, or says what cannot be meant.
    """
    tenants = read_tenants(settings.tenants) if settings.tenants else Tenants()
    own = read_policy(settings.policy) if settings.policy else default_policy()
    policies = {OWN: own} | {name: read_policy(Path(file)) for name, file in tenants.policies.items()}
    return Served(
        policies={name: _ready(policy, settings) for name, policy in policies.items()},
        tenants=tenants,
        generation=generation,
    )


def _ready(policy: Policy, settings: ProxySettings) -> Policy:
    policy = resolved(policy, upstream=settings.upstream, key_env=settings.upstream_key_env)
    return msgspec.structs.replace(policy, shadow=policy.shadow or settings.shadow)


def write_served(served: Served, path: Path) -> None:
    """Leave a generation for the workers, all of it at once."""
    with replacing(path) as part:
        part.write_bytes(msgspec.json.encode(served))


def left_served(path: Path) -> Served:
    """What the parent left.

    Raises:
        ConfigError: it cannot be read.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=Served)
    except (OSError, msgspec.DecodeError) as error:
        raise ConfigError(f"{path}: cannot read what the parent process left: {error}.") from None


def check_opens(path: Path) -> None:
    """Open every guard of a generation once, in a process that ends with it.

    Raises:
        ConfigError: one cannot be opened; says why.
    """
    command = [sys.executable, "-m", "safesight.proxy.served", str(path)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_LONGEST_S, check=False)
    except subprocess.TimeoutExpired:
        raise ConfigError(f"the policies' detectors did not open within {_LONGEST_S} s.") from None
    if done.returncode:
        raise ConfigError(done.stderr.strip()[-2000:] or f"the detectors could not be opened ({done.returncode}).")


def _open_all(path: Path) -> str:
    """Why a guard of a generation cannot be opened; "" where all can."""

    async def opened() -> None:
        for policy in left_served(path).policies.values():
            await open_guard(policy).aclose()

    try:
        asyncio.run(opened())
    except SafeSightError as error:
        return str(error)
    return ""


if __name__ == "__main__":
    sys.exit(_open_all(Path(sys.argv[1])) or 0)
