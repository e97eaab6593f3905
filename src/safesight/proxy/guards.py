"""The guards of a worker: one for each policy, replaced together on a reload, closed after the last request they serve.

A request keeps the guard it began with. Which one that is: its tenant's policy, or the one it asks for by name in
`x-safesight-policy`, where the operator allows it; it is refused where not, and never served under another.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Generator, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any, Final

from safesight.guard.guard import Guard, open_guard
from safesight.proxy.served import OWN, Served
from safesight.proxy.tenants import KeyRing

POLICY_HEADER: Final = b"x-safesight-policy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """What governs one request."""

    guard: Guard | None
    tenant: str = ""
    policy: str = OWN


class NotAllowedError(Exception):
    """A request asks for a policy that it may not choose; the message says which it may."""


class Generation:
    """The guards of one reading of the operator's files."""

    def __init__(self, served: Served, guards: Mapping[str, Guard], *, owned: bool = True) -> None:
        """Serve under `guards`, by the names of their policies; none where the proxy guards nothing."""
        self.served = served
        self.guards = dict(guards)
        self.ring = KeyRing(served.tenants)
        self._owned = owned
        self._requests = 0
        self._retired = False
        self._unused = asyncio.Event()
        self._unused.set()

    @contextlib.contextmanager
    def used(self) -> Generator[None]:
        """Keep the guards open while a request uses them."""
        self._requests += 1
        self._unused.clear()
        try:
            yield
        finally:
            self._requests -= 1
            if not self._requests:
                self._unused.set()

    def choose(self, tenant: str, asked: bytes) -> Chosen:
        """The guard of a tenant's request that asks for a policy, or for none (b"").

        Raises:
            NotAllowedError: it may not ask for that one.
        """
        name = self.served.policy_of(tenant)
        if asked:
            allowed = self.served.allowed(tenant)
            name = asked.decode("latin-1").strip()
            if name not in allowed:
                raise NotAllowedError(
                    f"{POLICY_HEADER.decode()}: this key may not choose the policy {name[:64]!r}; it may choose: "
                    f"{', '.join(allowed) or 'none'}."
                )
        return Chosen(guard=self.guards.get(name), tenant=tenant, policy=name)

    async def retire(self) -> None:
        """Close the guards once no request uses them."""
        await self._unused.wait()
        await self.aclose()

    async def aclose(self) -> None:
        """Close the guards now."""
        if self._owned and not self._retired:
            self._retired = True
            for guard in self.guards.values():
                await guard.aclose()


def open_generation(served: Served, *, guarding: bool) -> Generation:
    """Open a guard for each policy.

    Raises:
        SafeSightError: one cannot be opened.
    """
    policies = served.policies if guarding else {}
    return Generation(served, {name: open_guard(policy) for name, policy in policies.items()})


def chosen_for(scope: Mapping[str, Any]) -> Chosen:
    """What governs a request whose key was seen."""
    return scope[_KEY]


def note_chosen(scope: MutableMapping[str, Any], chosen: Chosen) -> None:
    """Remember what governs a request."""
    scope[_KEY] = chosen


_KEY: Final = "safesight"
