"""Reads plugin names and settings strictly: what is unknown or in conflict raises, nothing is guessed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TypeVar
from urllib.parse import parse_qsl

import msgspec

from safesight.core.config_help import hint
from safesight.core.errors import ConfigError, UnknownName

T = TypeVar("T")


class PluginName(msgspec.Struct, frozen=True):
    """A plugin name taken apart: `scheme`, what follows it, and `?key=value` options.

    `openai/gpt-4o?detail=high` -> ("openai", "gpt-4o", {"detail": "high"}); `http://host/v1#model` ->
    ("http", "//host/v1#model", {}); `rubric:openai/gpt-4o` -> ("rubric", "openai/gpt-4o", {}).
    """

    scheme: str
    rest: str
    options: dict[str, str]

    def reject_unknown(self, known: Iterable[str]) -> None:
        """Raise UnknownName for the first option not in `known`."""
        allowed = sorted(known)
        for key in self.options:
            if key not in allowed:
                raise UnknownName(f"option of {self.scheme!r}", key, allowed)


def parse_name(text: str, *, separators: str = ":/") -> PluginName:
    """Take a plugin name apart; the scheme ends at the first of `separators`.

    A query string is read as options only after the model's fragment or path, never inside `rest` of a
    nested name: `rubric:http://h/v1#m?max_tokens=64` passes its options to the judge.

    Raises:
        ConfigError: the name is empty or an option has no value.
    """
    if not text.strip():
        raise ConfigError("expected a name such as 'embedded' or 'openai/gpt-4o', got an empty string.")
    body, _, query = text.partition("?")
    cut = min((i for i in (body.find(c) for c in separators) if i >= 0), default=len(body))
    scheme, rest = body[:cut], body[cut + 1 :]
    try:
        options = dict(parse_qsl(query, strict_parsing=True, keep_blank_values=True)) if query else {}
    except ValueError:
        raise ConfigError(f"in {text!r}: expected options as ?key=value&key=value, got {query!r}.") from None
    return PluginName(scheme, rest, options)


def convert(settings: Mapping[str, object], kind: type[T], *, where: str) -> T:
    """Turn parsed settings into a typed struct (declare it with `forbid_unknown_fields=True`).

    Raises:
        ConfigError: a key is unknown or a value has the wrong type; says where.
    """
    try:
        return msgspec.convert(settings, kind, strict=False)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{where}: {error}.{hint(str(error), kind)}") from None


def read_toml(path: Path, kind: type[T]) -> T:
    """Read a TOML file into a typed struct.

    Raises:
        ConfigError: the file is missing, is not TOML, or has unknown or ill-typed keys.
    """
    import tomllib

    try:
        settings = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot read the configuration: {error.strerror or error}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: expected TOML: {error}") from None
    return convert(settings, kind, where=str(path))
