"""Models that serve this job, by short name (`known.toml`); what is not known of one is "", never a guess."""

from __future__ import annotations

import tomllib
from importlib.resources import files

import msgspec

from safesight.core.config import convert


class KnownModel(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One model of the table."""

    model: str
    """Its full name, as `--model`, `--judge` or a policy takes it."""
    job: str
    where: str
    """The page it was read on."""
    licence: str = ""
    size_gb: float | None = None
    """Of the file the name chooses, in 10^9 bytes."""


def known_models() -> dict[str, KnownModel]:
    """The table."""
    text = files("safesight.models").joinpath("known.toml").read_text(encoding="utf-8")
    return {
        name: convert(fields, KnownModel, where=f"known.toml, {name}") for name, fields in tomllib.loads(text).items()
    }
