"""What a person meant by a setting that does not fit: the nearest name, the table it belongs to, the right shape.

Reads msgspec's message ("Object contains unknown field `acton` - at `$.stream`") against the type that was asked for.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from typing import Final

import msgspec

_UNKNOWN: Final = re.compile(r"unknown field `([^`]+)`")
_SHAPE: Final = re.compile(r"Expected `(object|array)(?: \| [\w |]+)?`, got")
_PLACE: Final = re.compile(r"at `\$\.?([^`]*)`")
_STEP: Final = re.compile(r"[^.\[\]]+|\[[^\]]*\]")
_EXAMPLES: Final = {"str": '"..."', "float": "0.5", "int": "1", "bool": "true"}


def hint(message: str, kind: type) -> str:
    """What to do about a validation error, as a sentence to follow it; "" where nothing can be said."""
    found = _PLACE.search(message)
    steps = _STEP.findall(found[1]) if found else []
    if unknown := _UNKNOWN.search(message):
        return _nearest(unknown[1], steps, kind)
    if shape := _SHAPE.search(message):
        return _shaped(shape[1], steps, kind)
    return ""


def _nearest(name: str, steps: list[str], kind: type) -> str:
    here = _struct(_at(steps, kind))
    known = [field.encode_name for field in here.fields] if here else []
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    if near:
        return f" Did you mean {near[0]!r}?"
    elsewhere = [path for path, field in _fields(msgspec.inspect.type_info(kind)) if field == name]
    if elsewhere:
        return f" It belongs to {' or '.join(elsewhere)}."
    return f" Known here: {', '.join(known)}." if known else ""


def _shaped(wanted: str, steps: list[str], kind: type) -> str:
    names = [step for step in steps if not step.startswith("[")]
    field, target = (names[-1] if names else ""), _at(steps, kind)
    if wanted == "array" and isinstance(target, (msgspec.inspect.VarTupleType, msgspec.inspect.ListType)):
        inner = _struct(target.item_type)
        if inner is not None:
            return f" Write it as tables: [[{'.'.join(names)}]] with {_inside(inner)}."
        return f" Write it as a list: {field} = [{_example(target.item_type)}]."
    here = _struct(target)
    if here is not None and field and steps[-1] != names[-1]:
        return f" Write it as tables: [[{'.'.join(names)}]] with {_inside(here)}."
    if here is not None and field:
        return f" Write it as a table: {field} = {{ {_inside(here)} }}."
    return ""


def _at(steps: list[str], kind: type) -> msgspec.inspect.Type:
    """The type at a place."""
    found: msgspec.inspect.Type = msgspec.inspect.type_info(kind)
    for step in steps:
        found = _plain(found)
        if isinstance(found, msgspec.inspect.StructType):
            fields = {field.encode_name: field.type for field in found.fields}
            if step not in fields:
                return found
            found = fields[step]
        elif isinstance(found, msgspec.inspect.DictType):
            found = found.value_type
        elif isinstance(found, (msgspec.inspect.VarTupleType, msgspec.inspect.ListType)):
            found = found.item_type
    return _plain(found)


def _plain(found: msgspec.inspect.Type) -> msgspec.inspect.Type:
    """A type without its `| None`."""
    if isinstance(found, msgspec.inspect.UnionType):
        return next((t for t in found.types if not isinstance(t, msgspec.inspect.NoneType)), found)
    return found


def _struct(found: msgspec.inspect.Type) -> msgspec.inspect.StructType | None:
    found = _plain(found)
    return found if isinstance(found, msgspec.inspect.StructType) else None


def _fields(found: msgspec.inspect.Type, path: str = "") -> Iterator[tuple[str, str]]:
    """Every field of the tables below a type, with the table as TOML heads it."""
    found = _plain(found)
    if isinstance(found, msgspec.inspect.StructType):
        for field in found.fields:
            if path:
                yield path, field.encode_name
            below = f"{path[1:-1]}.{field.encode_name}" if path else field.encode_name
            yield from _fields(field.type, f"[{below}]")
    elif isinstance(found, msgspec.inspect.DictType):
        yield from _fields(found.value_type, f"{path[:-1]}.NAME]")
    elif isinstance(found, (msgspec.inspect.VarTupleType, msgspec.inspect.ListType)):
        yield from _fields(found.item_type, f"[{path}]")


def _inside(struct: msgspec.inspect.StructType) -> str:
    """What a table of this kind holds: its required fields, or else its first."""
    fields = [field for field in struct.fields if field.required] or list(struct.fields[:1])
    return ", ".join(f"{field.encode_name} = {_default(field) or _example(field.type)}" for field in fields)


def _default(field: msgspec.inspect.Field) -> str:
    value: object = field.default
    return msgspec.json.encode(value).decode() if isinstance(value, (str, int, float)) and value != "" else ""


def _example(found: msgspec.inspect.Type) -> str:
    found = _plain(found)
    if isinstance(found, msgspec.inspect.LiteralType):
        return f'"{found.values[0]}"'
    return _EXAMPLES.get(type(found).__name__.removesuffix("Type").lower(), "...")
