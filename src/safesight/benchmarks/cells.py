"""Cells of a data set's rows: text that is there, and lists, however a table spelt them.

A null is a problem of its item, never the word "None". Hub tables and spreadsheets hold lists as JSON or as Python
writes them; a text that begins like a list and is none is refused, not taken for a list of one.
"""

from __future__ import annotations

import ast
import json
import math
from typing import cast

from safesight.core.errors import CorruptData


def text_of(value: object, *, where: str) -> str:
    """A cell's text; a number is spelt out.

    Raises:
        CorruptData: the cell is null (or NaN), or holds something else than text.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, int) or (isinstance(value, float) and not math.isnan(value)):
        return str(value)
    came = "null" if value is None or isinstance(value, float) else type(value).__name__
    raise CorruptData(f"{where}: expected text, got {came}. Fetch the data again, or leave the item out.")


def listed(cell: object, *, where: str) -> list[object]:
    """A cell's list: as it is, or read from the text that spells it; null is an empty list, other text a list of one.

    Raises:
        CorruptData: a text that begins like a list is none, or the cell holds neither.
    """
    if cell is None:
        return []
    if isinstance(cell, list | tuple):
        return list(cast("list[object]", cell))
    if not isinstance(cell, str):
        raise CorruptData(f"{where}: expected a list, got {type(cell).__name__}.")
    found = spelt(cell, where=where)
    return found if isinstance(found, list) else [cell]


def spelt(text: str, *, where: str) -> object:
    """The list or object that a text spells, in JSON or as Python writes it; the text itself where it spells neither.

    Raises:
        CorruptData: it begins like one and is none.
    """
    bare = text.strip()
    if bare[:1] + bare[-1:] not in ("[]", "{}", "()"):
        return text
    try:
        return json.loads(bare)
    except (ValueError, RecursionError):
        pass
    try:
        found = ast.literal_eval(bare)
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        raise CorruptData(
            f"{where}: expected a list as JSON or Python writes it, got {text[:60]!r}. Save the table with real lists."
        ) from None
    if isinstance(found, list | tuple):
        return list(cast("list[object]", found))
    return found if isinstance(found, dict) else text
