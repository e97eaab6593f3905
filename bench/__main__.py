"""`make bench`: run every figure, or those named on the command line.

python -m bench                             all of them
python -m bench report scale                these
python -m bench detectors --own --most 500  one, with its options (`python -m bench.detectors --help`)
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from inspect import signature
from itertools import takewhile
from pathlib import Path

from bench.harness import is_figure


def main(arguments: Sequence[str]) -> None:
    known = sorted(path.stem for path in Path(__file__).parent.glob("*.py") if is_figure(path))
    wanted = list(takewhile(lambda word: not word.startswith("-"), arguments))
    options = arguments[len(wanted) :]
    for name in wanted:
        if name not in known:
            raise SystemExit(f"unknown figure {name!r}; known: {', '.join(known)}")
    if options and len(wanted) != 1:
        raise SystemExit(f"expected one figure before {options[0]}, got {len(wanted)}: options are a figure's own")
    for name in wanted or known:
        run = import_module(f"bench.{name}").main
        if options and not signature(run).parameters:
            raise SystemExit(f"{name} takes no options, got {options[0]}")
        print(f"\n## {name}\n", flush=True)
        run(options) if options else run()


if __name__ == "__main__":
    main(sys.argv[1:])
