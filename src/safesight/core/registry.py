"""The five plugin edges: benchmarks, models, judges, detectors and defences, found by entry point.

Listing reads installed metadata and the text of modules, and imports none of them; a plugin's module is imported
when it is asked for by name.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from functools import cache
from importlib.machinery import PathFinder
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, Final, Literal, cast, get_args, overload

from safesight.core.config import parse_name
from safesight.core.errors import UnknownName
from safesight.core.protocols import Benchmark, Defence, Detector, Judge, Model

Kind = Literal["benchmarks", "models", "judges", "detectors", "defences"]
KINDS: tuple[Kind, ...] = get_args(Kind)
_OPENAI: Final = re.compile(r"(gpt-|chatgpt-|o\d)")
_ON_THE_HUB: Final = re.compile(r"[\w.-]+/[\w.-]+")


@cache
def _points(kind: Kind) -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=f"safesight.{kind}")}


def names(kind: Kind) -> list[str]:
    """Sorted names of the installed plugins of one kind."""
    return sorted(_points(kind))


def load(kind: Kind, name: str) -> Callable[..., Any]:
    """Import a plugin's factory.

    Factories take: benchmarks `()`; all others `(rest, options)`, the strings that come from a name such as
    `scheme:rest?key=value` (see `core.config.PluginName`).

    Raises:
        UnknownName: no plugin of that name; the nearest is suggested.
    """
    return cast("Callable[..., Any]", _point(kind, name).load())


def _point(kind: Kind, name: str) -> EntryPoint:
    points = _points(kind)
    if name not in points:
        raise UnknownName(kind.removesuffix("s"), name, points)
    return points[name]


def _whole_name(name: str) -> str:
    """What somebody who gives a model's bare name most likely wants; "" where nothing is likely."""
    if _OPENAI.match(name):
        return f"openai/{name}"
    if name.endswith(".gguf"):
        return f"gguf:{name}"
    return f"hf/{name}" if _ON_THE_HUB.fullmatch(name) else ""


def summary(kind: Kind, name: str) -> str:
    """The first line of a plugin's docstring, for the catalogue; read from its module's text, which is not imported.

    Raises:
        UnknownName: no plugin of that name.
    """
    point = _point(kind, name)
    source = _source(point.module)
    if source is None:
        return "(not installed: its module is missing)"
    return _docstring(source.read_text(encoding="utf-8"), point.attr).strip().split("\n", 1)[0]


def declared(kind: Kind, name: str, word: str) -> tuple[str, ...]:
    """What a plugin's class says under `word`, or its module under `WORD`: a tuple of strings, () where neither does.

    Read from the module's text, as `summary` is; a value that is no tuple of strings says nothing.

    Raises:
        UnknownName: no plugin of that name.
    """
    point = _point(kind, name)
    source = _source(point.module)
    body = [] if source is None else ast.parse(source.read_text(encoding="utf-8")).body
    inside = next((node.body for node in body if isinstance(node, ast.ClassDef) and node.name == point.attr), [])
    return _strings(inside, word) or _strings(body, word.upper())


def _strings(body: list[ast.stmt], name: str) -> tuple[str, ...]:
    for node in body:
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
        if value is not None and any(isinstance(target, ast.Name) and target.id == name for target in targets):
            try:
                found = ast.literal_eval(value)
            except ValueError:
                return ()
            return found if isinstance(found, tuple) and all(isinstance(item, str) for item in found) else ()
    return ()


def _source(module: str) -> Path | None:
    """The file of a module, found without importing its packages."""
    path, parts = None, module.split(".")
    for i in range(len(parts)):
        spec = PathFinder.find_spec(".".join(parts[: i + 1]), path)
        if spec is None:
            return None
        if i == len(parts) - 1:
            return Path(spec.origin) if spec.origin else None
        path = list(spec.submodule_search_locations or ())
    return None


def _docstring(text: str, name: str) -> str:
    for node in ast.parse(text).body:
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)) and node.name == name:
            return ast.get_docstring(node) or ""
    return ""


@overload
def open_plugin(kind: Literal["benchmarks"], name: str) -> Benchmark: ...
@overload
def open_plugin(kind: Literal["models"], name: str) -> Model: ...
@overload
def open_plugin(kind: Literal["judges"], name: str) -> Judge: ...
@overload
def open_plugin(kind: Literal["detectors"], name: str) -> Detector: ...
@overload
def open_plugin(kind: Literal["defences"], name: str) -> Defence | None: ...
def open_plugin(kind: Kind, name: str) -> Benchmark | Model | Judge | Detector | Defence | None:
    """Build a plugin from its full name (`embedded`, `hf/ORG/NAME`, `rubric:openai/gpt-4o?scope=legal`).

    The defence `none` is None.

    Raises:
        UnknownName: no plugin or option of that name.
        ConfigError: the name or an option's value is malformed.
        MissingExtra: the plugin's optional dependency is not installed.
    """
    if kind == "benchmarks":
        return load(kind, name)()
    parsed = parse_name(name)
    if kind == "models" and parsed.scheme not in _points(kind):
        raise UnknownName("model", name, _points(kind), meant=_whole_name(name))
    return load(kind, parsed.scheme)(parsed.rest, parsed.options)
