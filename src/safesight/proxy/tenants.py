"""Who may ask, under which policy: named policies, tenants by the hashes of their keys, and what may be chosen.

    may_choose = ["strict"]            # by requests of no tenant, in the header x-safesight-policy

    [policies]                         # name = file, beside this one
    strict = "strict.toml"
    kids = "kids.toml"

    [tenants.acme]
    keys = ["sha256:..."]              # made by `safesight guard --hash-key`
    policy = "kids"                    # without one: the proxy's own
    may_choose = ["strict"]

Only hashes stand here, so the file is no secret; keys are random and long, so a plain hash of one tells nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import msgspec

from safesight.core.config import read_toml
from safesight.core.errors import ConfigError, UnknownName
from safesight.proxy.settings import sent_keys

_HASH: Final = re.compile(r"sha256:[0-9a-f]{64}")
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
SHORTEST_KEY: Final = 20
"""Characters: below, whoever reads the file may guess a key by trying."""


class Tenant(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One client, or many that share keys: whose requests one policy governs."""

    keys: tuple[str, ...]
    policy: str = ""
    """The name of a policy; "" is the proxy's own."""
    may_choose: tuple[str, ...] = ()
    """Policies that a request may ask for by name."""


class Tenants(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A tenants file."""

    policies: dict[str, str] = {}
    tenants: dict[str, Tenant] = {}
    may_choose: tuple[str, ...] = ()
    """Policies that requests of no tenant may ask for."""


def hashed(key: str) -> str:
    """What a tenants file holds of a key.

    Raises:
        ConfigError: no HTTP header can carry the key, or it is short enough to be guessed.
    """
    if len(key) < SHORTEST_KEY or any(not 33 <= ord(character) <= 126 for character in key):
        raise ConfigError(
            f"expected a key of at least {SHORTEST_KEY} printable ASCII characters, got one of {len(key)}. "
            "An empty line makes one."
        )
    return f"sha256:{hashlib.sha256(key.encode()).hexdigest()}"


def fresh_key() -> str:
    """A key that nobody guesses."""
    return f"sk-{secrets.token_urlsafe(32)}"


def read_tenants(path: Path) -> Tenants:
    """Read and validate a tenants file; policies' paths become relative to it.

    Raises:
        ConfigError: the file is missing, is not TOML, or holds what cannot be meant.
        UnknownName: a policy is named that is not listed.
    """
    found = read_toml(path, Tenants)
    for kind, names in (("policy", found.policies), ("tenant", found.tenants)):
        for name in names:
            if not _NAME.fullmatch(name):
                raise ConfigError(f"{path}: expected a {kind}'s name of letters, digits and _.-, got {name!r}.")
    owners: dict[str, str] = {}
    for name, tenant in found.tenants.items():
        _check(tenant, name, found, path=path)
        for key in tenant.keys:
            if owners.setdefault(key, name) != name:
                raise ConfigError(f"{path}: tenants {owners[key]!r} and {name!r} have the same key {key[:19]}...")
    for chosen in found.may_choose:
        _known(chosen, found, where=f"{path}: may_choose")
    beside = {name: str(path.parent / file) for name, file in found.policies.items()}
    return msgspec.structs.replace(found, policies=beside)


def _check(tenant: Tenant, name: str, found: Tenants, *, path: Path) -> None:
    where = f"{path}: [tenants.{name}]"
    if not tenant.keys:
        raise ConfigError(f'{where}: expected keys = ["sha256:..."], got none: nobody could be this tenant.')
    for key in tenant.keys:
        if not _HASH.fullmatch(key):
            raise ConfigError(
                f"{where}: expected keys as sha256: and 64 hex digits, got {key[:12]!r}... "
                "`safesight guard --hash-key` makes one from a key."
            )
    for chosen in (tenant.policy, *tenant.may_choose):
        if chosen:
            _known(chosen, found, where=where)


def _known(policy: str, found: Tenants, *, where: str) -> None:
    if policy not in found.policies:
        raise UnknownName(f"policy in {where}", policy, found.policies)


class KeyRing:
    """Tells tenants by their keys, comparing every hash in constant time."""

    def __init__(self, tenants: Tenants) -> None:
        """Take the hashes of all tenants."""
        self._known = [
            (bytes.fromhex(key.removeprefix("sha256:")), name)
            for name, tenant in tenants.tenants.items()
            for key in tenant.keys
        ]

    def tenant(self, headers: Iterable[tuple[bytes, bytes]]) -> str:
        """The tenant whose key a request carries; "" where it carries none."""
        sent = [hashlib.sha256(key).digest() for key in sent_keys(headers)]
        # Every hash is compared, so that time does not tell which one nearly fit.
        found = [name for digest in sent for known, name in self._known if hmac.compare_digest(digest, known)]
        return found[0] if found else ""
