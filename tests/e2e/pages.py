"""The code blocks of README and docs: what a reader copies, with where it stands. One reader for every test of them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
_FENCE = re.compile(r"^```(\w*)[ ]*(?:title=\"([^\"]+)\")?[ ]*$")


class Block(NamedTuple):
    """A fenced block: `title` is the file that the page tells the reader to write it into."""

    page: str
    section: str
    language: str
    title: str
    text: str
    line: int


class Step(NamedTuple):
    """A command of a `console` block, and what the page says it prints."""

    command: str
    prints: str
    line: int


def blocks(page: Path) -> list[Block]:
    """The page's fenced blocks in order, each under the nearest heading of second level."""
    found: list[Block] = []
    section, fence, begun, lines = "", None, 0, list[str]()
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        if fence is not None:
            if line == "```":
                found.append(Block(page.name, section, fence[1], fence[2] or "", "\n".join(lines) + "\n", begun))
                fence = None
            else:
                lines.append(line)
        elif opened := _FENCE.match(line):
            fence, begun, lines = opened, number, []
        elif line.startswith("## "):
            section = line.removeprefix("## ")
    assert fence is None, f"{page}:{begun}: a block without an end"
    return found


def steps(block: Block) -> list[Step]:
    """The commands of a `console` block: what follows `$ `, and the lines up to the next."""
    found: list[Step] = []
    ended = True
    for number, line in enumerate(block.text.splitlines(keepends=True), block.line + 1):
        if line.startswith("$ "):
            found.append(Step(line.removeprefix("$ ").rstrip("\n"), "", number))
        elif not ended:
            found[-1] = found[-1]._replace(command=found[-1].command + "\n" + line.rstrip("\n"))
        else:
            found[-1] = found[-1]._replace(prints=found[-1].prints + line)
        ended = not found[-1].command.endswith("\\") or bool(found[-1].prints)
    return found
