"""SafeSight from Python: the loop as plain calls, each a thin runner around the same asynchronous core.

They work in a script, in a notebook (whose event loop runs already), in a thread, and where an event loop takes no
signal handlers. `safesight` hands these names on; import them from there.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, TypeVar

from safesight.analysis.compare import Comparison
from safesight.core.protocols import Benchmark, DataOptions, Defence, Judge, Model
from safesight.core.records import Decoding
from safesight.guard import guard
from safesight.guard.guard import Guard
from safesight.guard.policy import Policy, read_policy
from safesight.runner import run as runs
from safesight.runner.paired import compare_runs
from safesight.runner.progress import Progress
from safesight.runner.results import Results
from safesight.runner.run import RunRequest, default_judges

T = TypeVar("T")


def run(
    benchmark: str | Benchmark,
    model: str | Model,
    *,
    judges: Sequence[str | Judge] | None = None,
    defence: str | Defence = "none",
    data: DataOptions | None = None,
    limit: int | None = None,
    sample: str | None = None,
    groups: Sequence[str] = (),
    path: Path | str | None = None,
    concurrency: int = 16,
    decoding: Decoding | None = None,
    seed: int = 0,
    on_progress: Callable[[Progress], None] | None = None,
) -> Results:
    """Run a benchmark on a model: generate, judge, and read the run file back; resumes a run that is there.

    Args:
        benchmark: A name of `safesight list`, or a benchmark of one's own.
        model: A model's name (`openai/gpt-4o`, `http://HOST/v1#NAME`, `embedded`, ...), or an opened model.
        judges: Names or opened judges; by default the benchmark's own rule (verifiable), else two that need no network.
        defence: A name, or an opened defence.
        data: Where the data is and which part of it: arm, languages, tiny.
        limit: Take the first N samples.
        sample: `stratified:N` spreads N samples evenly over the groups.
        groups: Keep these relations, scenarios or dimensions.
        path: The run file; by default one under `runs/` named after the run.
        concurrency: Most requests in flight.
        decoding: Temperature, longest answer, ...; what is None is left to the provider.
        seed: Seeds selection and sampling.
        on_progress: Called after every finished item, from the thread that runs.

    Raises:
        SafeSightError: a name or setting is wrong, data is missing, a model can never answer, or the file cannot be
            written; the message says what to do.
    """
    request = RunRequest(
        benchmark=benchmark,
        model=model,
        judges=default_judges(benchmark) if judges is None else tuple(judges),
        defence=defence,
        data=data or DataOptions(),
        limit=limit,
        sample=sample,
        groups=tuple(groups),
        path=Path(path) if path is not None else None,
        concurrency=concurrency,
        decoding=decoding or Decoding(),
        seed=seed,
    )
    return _wait(runs.run(request, on_progress=on_progress))


def judge(
    run: Results | Path | str,
    judges: str | Judge | Sequence[str | Judge],
    *,
    on_progress: Callable[[Progress], None] | None = None,
) -> Results:
    """Add judges to a finished run; nothing is generated.

    Raises:
        SafeSightError: there is no such run or judge, or a judge can never answer.
    """
    several = judges if isinstance(judges, Sequence) and not isinstance(judges, str) else [judges]
    return _wait(runs.judge(_path(run), several, on_progress=on_progress))


def compare(
    before: Results | Path | str,
    after: Results | Path | str,
    *,
    judges: Sequence[str] | None = None,
    pair_by: str = "auto",
) -> dict[str, Comparison]:
    """Paired differences of two runs with tests, under each of `judges` or every judge they share.

    Args:
        before: The run the other is set against.
        after: The other.
        judges: Judges of both runs.
        pair_by: `key` (the same samples), `item` (the same item under another arm), or `auto`.

    Raises:
        ConfigError: they share no judge, or one that was named did not judge both.
        StoreError: a path is no run file.
    """
    first, second = (r if isinstance(r, Results) else Results(r) for r in (before, after))
    return compare_runs(first, second, judges=judges, pair_by=pair_by)


def report(
    runs: Results | Path | str | Sequence[Results | Path | str], output: Path | str = "report.html", *, judge: str = ""
) -> Path:
    """Write one self-contained page over one or several runs; later ones are set against the first.

    Raises:
        ConfigError: no run, no such judge, or the page cannot be written there.
        MissingExtra: the extra `report` is not installed.
    """
    from safesight.reports.page import write_report

    several = [runs] if isinstance(runs, (Results, Path, str)) else runs
    return write_report([_path(run) for run in several], Path(output), judge=judge)


def open_guard(policy: Policy | Path | str | None = None) -> Guard:
    """Open a guard: its policy, the policy's detectors and its rewriter.

    Args:
        policy: A policy, the path of a TOML policy, or None for the one that ships.

    Raises:
        ConfigError: the policy is at fault; says where.
        MissingExtra: a detector's optional dependency is not installed.
    """
    return guard.open_guard(read_policy(Path(policy)) if isinstance(policy, (Path, str)) else policy)


def _path(run: Results | Path | str) -> Path:
    return run.path if isinstance(run, Results) else Path(run)


def _wait(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end: here, or in a thread of its own where this thread's event loop runs already."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    done: list[T] = []
    failed: list[BaseException] = []

    def there() -> None:
        try:
            done.append(asyncio.run(work))
        except BaseException as error:  # noqa: BLE001  # handed to the caller's thread, whatever it is
            failed.append(error)

    thread = threading.Thread(target=there, name="safesight")
    thread.start()
    thread.join()
    if failed:
        raise failed[0]
    return done[0]
