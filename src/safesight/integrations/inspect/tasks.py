"""Every benchmark as an Inspect task: `inspect eval safesight/verifiable --model openai/gpt-4o`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from inspect_ai import Task, task
from inspect_ai.dataset import MemoryDataset
from inspect_ai.solver import generate

from safesight.core.protocols import BrokenItem, DataOptions
from safesight.core.registry import names, open_plugin
from safesight.integrations.inspect.conversion import to_inspect
from safesight.integrations.inspect.scorers import judged
from safesight.runner.run import default_judges


def _benchmark_task(name: str) -> Callable[..., Task]:
    def benchmark(
        source: str = "",
        arm: str = "",
        tiny: bool = False,
        languages: str = "",
        revision: str = "",
        seed: int = 0,
        judges: str = "",
    ) -> Task:
        """A benchmark of SafeSight; the arguments are those of `safesight run`, lists joined by commas."""
        options = DataOptions(
            source=Path(source) if source else None,
            arm=arm,
            tiny=tiny,
            languages=tuple(languages.split(",")) if languages else (),
            revision=revision,
            seed=seed,
        )
        data = open_plugin("benchmarks", name).load(options)
        whole = [item for item in data if not isinstance(item, BrokenItem)]
        chosen = judges.split(",") if judges else default_judges(name)
        return Task(
            dataset=MemoryDataset([to_inspect(sample) for sample in whole], name=name),
            solver=generate(),
            scorer=[judged(judge) for judge in chosen],
            version=data.data_hash,
            metadata={
                "data_revision": data.revision,
                "broken_items": len(data) - len(whole),
                "problems": list(data.problems),
            },
        )

    benchmark.__name__ = benchmark.__qualname__ = name
    return task(name=name)(benchmark)


TASKS: Final = {name: _benchmark_task(name) for name in names("benchmarks")}
"""The tasks by their benchmarks' names; building one reads no data."""
