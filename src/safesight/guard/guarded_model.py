"""`self`: the guarded model as its own guard, named in a policy before anyone knows where it is served."""

from __future__ import annotations

from urllib.parse import urlencode

import msgspec

from safesight.core.config import parse_name
from safesight.core.errors import ConfigError
from safesight.guard.policy import SELF, Policy
from safesight.net.urls import names_a_server, shown

RUBRIC = "rubric-1"
"""The rubric in force; another one is another detector."""


def asks_itself(name: str) -> bool:
    """Whether a detector's name means the guarded model."""
    return name.partition("?")[0].partition(":")[0] == SELF


def uses_itself(policy: Policy) -> bool:
    """Whether a policy has the guarded model judge."""
    return any(map(asks_itself, (*(rule.name for rule in policy.detectors), policy.input.image_detector)))


def resolved(policy: Policy, *, upstream: str = "", key_env: str = "") -> Policy:
    """The policy with the guarded model's address in place of `self`.

    Raises:
        ConfigError: nothing says where it is served, or its address cannot stand in a name.
    """
    if not uses_itself(policy):
        return policy

    def full(name: str) -> str:
        return _full(name, upstream=upstream, key_env=key_env) if asks_itself(name) else name

    rules = tuple(msgspec.structs.replace(rule, name=full(rule.name)) for rule in policy.detectors)
    shown_to = msgspec.structs.replace(policy.input, image_detector=full(policy.input.image_detector))
    return msgspec.structs.replace(policy, detectors=rules, input=shown_to)


def _full(name: str, *, upstream: str, key_env: str) -> str:
    if not upstream:
        raise ConfigError(
            f"the detector {name!r} is the model behind `safesight guard --upstream URL`; elsewhere name it: "
            f"generative:http://HOST/v1#MODEL?format={RUBRIC}."
        )
    if not names_a_server(upstream) or "?" in upstream or "#" in upstream or "@" in upstream:
        raise ConfigError(
            f"the detector {name!r}: expected an upstream that a plain URL names, got {shown(upstream)!r}. Name the "
            f"model: generative:http://HOST/v1#MODEL?format={RUBRIC}&key_env=NAME."
        )
    parsed = parse_name(name)
    options = {"format": RUBRIC, **({"key_env": key_env} if key_env else {}), **parsed.options}
    model = f"#{parsed.rest}" if parsed.rest else ""
    return f"generative:{upstream.rstrip('/')}{model}?{urlencode(options)}"
