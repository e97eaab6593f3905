"""How a run ended: why answers and verdicts did not come, and the exit status that says so.

0    something was judged
3    nothing could be judged (and the reasons are printed)
4    stopped by --max-cost or --max-time; what was answered is judged, the same command resumes
130  interrupted
"""

from __future__ import annotations

from typing import Final

from safesight.cli.printer import console
from safesight.cli.progress import shorter
from safesight.core.store import RunStore
from safesight.runner.results import Results

NOTHING_JUDGED: Final = 3
OUT_OF_BUDGET: Final = 4
_MOST: Final = 5


def conclude(results: Results) -> int:
    """Print why answers or verdicts did not come, the most frequent reasons first; return the exit status."""
    out = console()
    with RunStore.open(results.path, readonly=True) as store:
        found, decided = store.failures(), store.decided()
    for failure in found[:_MOST]:
        who = "" if failure.who == "model" else f"{failure.who}: "
        out.print(
            f"{who}{failure.count} {failure.status}{': ' if failure.reason else ''}{shorter(failure.reason)}",
            style="yellow",
            soft_wrap=True,
        )
    if len(found) > _MOST:
        out.print(f"and {len(found) - _MOST} more reasons", style="yellow")
    if decided:
        return 0
    out.print("Nothing could be judged: no rate above says anything.", style="bold yellow")
    return NOTHING_JUDGED
