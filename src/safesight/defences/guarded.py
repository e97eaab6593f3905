"""Defences by name, between the runner and a model, so that each is a column in a table.

A reply that a guard replaced has finish reason `content_filter` and says so in its events; its latency and tokens
include the guard's. `protector_*` run the guard of this package; `paper_faithful` is in `defences.published`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from safesight.core.config import PluginName
from safesight.core.protocols import Defence, Model
from safesight.core.records import Decoding, Reply, Sample, content_hash
from safesight.guard.guard import Guard, open_guard
from safesight.guard.policy import (
    GUARDED,
    Action,
    CategoryRule,
    DetoxifyRule,
    Policy,
    default_policy,
    read_policy,
    validated,
)


class Protector:
    """The guard as a defence: reads the request, asks the model unless it is refused, and protects the reply."""

    def __init__(self, name: str, guard: Guard) -> None:
        self.name = name
        self.fingerprint = content_hash("protector", guard.fingerprint)
        self.detector_fingerprints = guard.detector_fingerprints
        self.licence = guard.licence
        self._guard = guard

    async def respond(self, model: Model, sample: Sample, *, decoding: Decoding) -> Reply:
        """Answer a sample under guard."""
        guard = self._guard
        if guard.policy.detoxify.model == GUARDED:
            guard = guard.rewritten_by(model)
        request = await guard.read(sample.messages)
        if guard.stops(request.checked.decision):
            reply = Reply(status="ok")
        else:
            reply = await model.generate(sample.messages, decoding=decoding)
        protected = await guard.protect(reply, messages=sample.messages, request=request)
        return msgspec.structs.replace(protected, latency_ms=protected.latency_ms + request.checked.latency_ms)

    async def aclose(self) -> None:
        """Close the guard."""
        await self._guard.aclose()


def _acting(policy: Policy, action: Action) -> Policy:
    """The policy with every stopping action made `action`; who rewrites is the guarded model unless it says."""
    categories = {
        code: msgspec.structs.replace(rule, action=_instead(rule, action)) for code, rule in policy.categories.items()
    }
    rewriter = policy.detoxify.model or (GUARDED if action == "rewrite" else "")
    return validated(
        msgspec.structs.replace(
            policy,
            action=action,
            categories=categories,
            detoxify=msgspec.structs.replace(policy.detoxify, model=rewriter),
        )
    )


def _instead(rule: CategoryRule, action: Action) -> Action | None:
    return action if rule.action in ("refuse", "rewrite") else rule.action


def open_block(argument: str, options: Mapping[str, str]) -> Defence:
    """The guard refuses flagged requests and answers; takes a policy: protector_block:POLICY.toml.

    Raises:
        ConfigError: the policy file is at fault.
        UnknownName: an option was given; there is none.
    """
    policy = policy_of("protector_block", argument, options)
    blocking = msgspec.structs.replace(_acting(policy, "refuse"), detoxify=DetoxifyRule())
    return Protector(full_name("protector_block", argument), open_guard(blocking))


def open_rewrite(argument: str, options: Mapping[str, str]) -> Defence:
    """The guard rewrites flagged answers, checks again, then refuses; takes a policy.

    Raises:
        ConfigError, UnknownName: as `open_block`.
    """
    policy = policy_of("protector_rewrite", argument, options)
    return Protector(full_name("protector_rewrite", argument), open_guard(_acting(policy, "rewrite")))


def policy_of(kind: str, argument: str, options: Mapping[str, str]) -> Policy:
    """The policy file that is named, or the default one.

    Raises:
        ConfigError: the policy file is at fault.
        UnknownName: an option was given; there is none.
    """
    PluginName(kind, argument, dict(options)).reject_unknown(())
    return read_policy(Path(argument)) if argument else default_policy()


def full_name(kind: str, argument: str) -> str:
    """The defence as the user wrote it."""
    return f"{kind}:{argument}" if argument else kind
