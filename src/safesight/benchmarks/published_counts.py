"""How many cases the published sets hold, for an estimate before the data is here (gated, or not fetched yet).

Counts are those of docs/benchmarks.md, from the papers and data cards; sets whose text gives none are left out.
"""

from __future__ import annotations

from typing import Final

CASES: Final = {
    "figstep": 500,
    "jailbreakv": 28_000,
    "mir_safetybench": 2_676,
    "mis": 2_285,
    "mllmguard": 1_500,
    "mm_safetybench": 1_680,
    "mossbench": 300,
    "msts": 400,
    "siuo": 167,
    "vlguard": 1_558,
    "vlsbench": 2_241,
    "xstest": 450,
}
"""Cases of a benchmark's default arm."""
TINY: Final = {"figstep": 50, "jailbreakv": 280, "mm_safetybench": 168}
