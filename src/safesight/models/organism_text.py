"""Text of a picture as the organism is told it beside the image tokens: running text, names in a grid, and lists.

The tower sees forms and colours and cannot read; OCR reads and sees no forms. What binds the two is the place: the rows
of a list carry letters and the words of a grid carry numbers, as the tower's tokens do.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from statistics import median
from typing import Final

from safesight.media.described import quoted_safely
from safesight.media.ocr import OcrText
from safesight.media.ocr_engine import OcrLine

NOTHING: Final = "no text"
_NUMBERS: Final = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_LETTERS: Final = "ABCDEFGHIJ"


def listed(entries: Sequence[str]) -> str:
    """Entries of a list, each with its letter."""
    return ", ".join(f"{letter} {entry}" for letter, entry in zip(_LETTERS, entries, strict=False))


def numbered(entries: Sequence[str]) -> str:
    """Words of a grid, each with its number."""
    return ", ".join(f"{number} {entry}" for number, entry in zip(_NUMBERS, entries, strict=False))


def told(reading: OcrText) -> str:
    """All that is read in a picture, in one line; `NOTHING` when nothing is."""
    # A lone letter or digit labels a drawing, or is one taken for a letter.
    lines = _joined([line for line in reading.lines if not re.fullmatch(r"\W*\w?\W*", line.text)])
    rows = _list(lines, reading.width)
    rest = [line for line in lines if line not in rows]
    titles = [line for line in rest if rows and _above(line, rows)]
    words = _grid([line for line in rest if line not in titles])
    text = _running([line for line in rest if line not in words and line not in titles])
    said = [text, numbered([w.text for w in words]), *(t.text for t in titles), listed([r.text for r in rows])]
    return quoted_safely(" ".join(part for part in said if part)) or NOTHING


def _joined(lines: Sequence[OcrLine]) -> list[OcrLine]:
    """Pieces of one line that were read apart ("4:30" and "pm") put together again."""
    done: list[OcrLine] = []
    for line in sorted(lines, key=lambda x: x.box[0]):
        tall = line.box[3] - line.box[1]
        for k, other in enumerate(done):
            gap = line.box[0] - other.box[2]
            if abs(_middle(line) - _middle(other)) < 0.3 * tall and -0.3 * tall < gap < 0.6 * tall:
                box = (other.box[0], min(other.box[1], line.box[1]), line.box[2], max(other.box[3], line.box[3]))
                done[k] = OcrLine(text=f"{other.text} {line.text}", confidence=line.confidence, box=box)
                break
        else:
            done.append(line)
    return done


def _list(lines: Sequence[OcrLine], width: int) -> list[OcrLine]:
    """Three lines or more that begin below one another at wide, even steps."""
    best: list[OcrLine] = []
    for start in lines:
        column = [x for x in lines if abs(x.box[0] - start.box[0]) <= 0.02 * width]
        column.sort(key=lambda x: x.box[1])
        for first in range(len(column)):
            run = column[first : first + 1]
            for line in column[first + 1 :]:
                step = _middle(line) - _middle(run[-1])
                wide = step > 1.15 * median(x.box[3] - x.box[1] for x in (*run, line))
                even = len(run) < 2 or abs(step - (_middle(run[-1]) - _middle(run[-2]))) < 0.25 * step
                if not (wide and even):
                    break
                run.append(line)
            if len(run) >= 3 and len(run) > len(best):
                best = run
    return best


def _middle(line: OcrLine) -> float:
    return (line.box[1] + line.box[3]) / 2


def _above(line: OcrLine, rows: Sequence[OcrLine]) -> bool:
    """It stands over the list, and about where that begins."""
    left, right = min(r.box[0] for r in rows), max(r.box[2] for r in rows)
    below = line.box[3] <= rows[0].box[1] + 4
    return below and line.box[0] < right and line.box[2] > left - 1.5 * (rows[1].box[1] - rows[0].box[1])


def _grid(lines: Sequence[OcrLine]) -> list[OcrLine]:
    """Three single words or more of which two stand side by side, row by row."""
    words = [line for line in lines if re.fullmatch(r"[^\W\d]+", line.text)]
    if len(words) < 3 or len(words) < len(lines):
        return []
    ordered = sorted(words, key=_middle)
    rows: list[list[OcrLine]] = []
    for line in ordered:
        if rows and _middle(line) - _middle(rows[-1][0]) < line.box[3] - line.box[1]:
            rows[-1].append(line)
        else:
            rows.append([line])
    if max(len(row) for row in rows) < 2:
        return []
    return [line for row in rows for line in sorted(row, key=lambda x: x.box[0])]


def _running(lines: Sequence[OcrLine]) -> str:
    """Lines block by block from the left, each from the top."""
    blocks: list[list[OcrLine]] = []
    for line in sorted(lines, key=lambda x: x.box[0]):
        home = next((b for b in blocks if any(x.box[0] < line.box[2] and line.box[0] < x.box[2] for x in b)), None)
        if home is None:
            blocks.append([line])
        else:
            home.append(line)
    return " ".join(line.text for block in blocks for line in sorted(block, key=_middle))
