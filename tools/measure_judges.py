"""Write src/safesight/runner/measured.json: the shipped judges on starter's gold answers, by fingerprint.

    python tools/measure_judges.py

Run it when a shipped judge or a gold answer changes; a test says so.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from pathlib import Path

import msgspec

from safesight.core.protocols import DataOptions
from safesight.runner.gold import known_qualities, make_gold
from safesight.runner.run import judge

NAMES = ("detector:embedded", "detector:embedded?point=loose", "detector:embedded?point=strict", "refusal")
OUT = Path(__file__).resolve().parent.parent / "src" / "safesight" / "runner" / "measured.json"


def main() -> None:
    """Measure all."""
    with tempfile.TemporaryDirectory() as folder:
        gold = make_gold("starter", DataOptions(), Path(folder) / "gold-starter.sqlite")
        results = asyncio.run(judge(gold, NAMES))
        held: dict[str, object] = {}
        for name, quality in known_qualities(gold).items():
            known = msgspec.structs.replace(quality, source="gold answers of starter")
            held[results.notes[f"judge:{name}"]] = msgspec.to_builtins(known)
            sys.stdout.write(f"{known.told(name)}\n")
    OUT.write_text(json.dumps({"starter": held}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
