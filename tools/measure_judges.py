"""Write src/safesight/judges/measured.json: the shipped judges on starter's gold answers, by fingerprint.

    python tools/measure_judges.py

Run it when a shipped judge or a gold answer changes; a test says so.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import msgspec

from safesight.benchmarks.starter_gold import gold_cases
from safesight.core.registry import open_plugin
from safesight.judges.calibration import calibrate

NAMES = ("detector:embedded", "detector:embedded?point=loose", "detector:embedded?point=strict", "refusal")
OUT = Path(__file__).resolve().parent.parent / "src" / "safesight" / "judges" / "measured.json"


async def main() -> None:
    """Measure all."""
    held: dict[str, object] = {}
    for name in NAMES:
        judge = open_plugin("judges", name)
        found = await calibrate(judge, gold_cases())
        held[judge.fingerprint] = msgspec.to_builtins(found)
        sys.stdout.write(f"{found.told(name)}\n")
        await judge.aclose()
    OUT.write_text(json.dumps(held, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    asyncio.run(main())
