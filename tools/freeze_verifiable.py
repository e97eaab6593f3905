"""Write src/safesight/benchmarks/pairs/frozen.json: the released seeds and the hashes of their rows.

python tools/freeze_verifiable.py

Only for a new VERSION of the items: a released set never changes under its version.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from safesight.benchmarks.pairs.items import VERSION
from safesight.benchmarks.pairs.rows import DrawnSet, encoded

SEED = 20261126
OUT = Path(__file__).resolve().parent.parent / "src" / "safesight" / "benchmarks" / "pairs" / "frozen.json"


def main() -> None:
    """Hash both sets."""
    held = {"version": VERSION}
    for name, pairs in (("small", 108), ("full", 1080)):
        rows = hashlib.sha256(encoded(DrawnSet(pairs, seed=SEED).rows)).hexdigest()
        held[name] = {"pairs": pairs, "seed": SEED, "rows": rows}
    OUT.write_text(json.dumps(held, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
