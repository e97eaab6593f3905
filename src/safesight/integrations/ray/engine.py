"""What `--engine` says: `local`, or `ray` with its options, as in `ray?replicas=8&gpus=1`."""

from __future__ import annotations

import msgspec

from safesight.core.config import PluginName, convert, parse_name
from safesight.core.doors import require
from safesight.core.errors import ConfigError, UnknownName

LOCAL = "local"


class ClusterOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many replicas of each plugin, what each may use, and where the cluster is."""

    replicas: int | None = None
    """None: as many as the cluster has room for."""
    cpus: float = 1.0
    """CPU cores that Ray sets aside for a replica."""
    gpus: float = 0.0
    address: str = ""
    """A cluster's address; "": $RAY_ADDRESS, else one that runs on this machine, else one is started. "local" always
    starts one."""


def read_engine(text: str) -> ClusterOptions | None:
    """The options of a Ray engine; None for the local one.

    Raises:
        UnknownName: no engine or option of that name.
        ConfigError: an option has no such value.
        MissingExtra: Ray is not installed.
    """
    if text == LOCAL:
        return None
    name: PluginName = parse_name(text)
    if name.scheme != "ray" or name.rest:
        raise UnknownName("engine", text.partition("?")[0], (LOCAL, "ray"))
    name.reject_unknown(ClusterOptions.__struct_fields__)
    options = convert(name.options, ClusterOptions, where=f"--engine {text}")
    if options.replicas is not None and options.replicas < 1:
        raise ConfigError(f"--engine {text}: expected replicas of 1 or more, got {options.replicas}.")
    if options.cpus < 0 or options.gpus < 0:
        raise ConfigError(f"--engine {text}: expected cpus and gpus of 0 or more.")
    require("ray", "ray")
    return options
