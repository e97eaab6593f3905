"""A suite: several benchmarks, arms, models and defences from one TOML file, run one after the other, each resumable.

    name = "mine"
    judges = ["detector:embedded", "refusal"]

    [[run]]
    benchmark = "mm_safetybench"
    source = "../MM-SafetyBench"
    arms = ["TYPO", "text"]
    models = ["http://127.0.0.1:8000/v1#qwen2.5-vl"]
    defences = ["none", "protector_rewrite"]
    limit = 100

Invariant: a part that cannot be run (its data is missing, its model unknown) is told with its reason and does not stop
the others. Relative sources are read from the suite's folder.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from importlib.resources import files
from itertools import product
from pathlib import Path
from typing import Final

import msgspec

from safesight.core.errors import ConfigError
from safesight.core.protocols import DataOptions
from safesight.core.records import Decoding
from safesight.runner.run import OFFLINE_JUDGES, RUNS, RunRequest

SHIPPED: Final = ("quick", "papers")


class SuitePart(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One benchmark, over every combination of its arms, models and defences."""

    benchmark: str
    models: tuple[str, ...] = ()
    """() takes the suite's."""
    arms: tuple[str, ...] = ("",)
    defences: tuple[str, ...] = ()
    judges: tuple[str, ...] = ()
    source: str = ""
    tiny: bool = False
    languages: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    limit: int | None = None
    sample: str | None = None
    temperature: float | None = None
    max_tokens: int | None = None
    concurrency: int | None = None


class Suite(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a suite file says; a part's own settings go before the suite's."""

    name: str
    models: tuple[str, ...] = ()
    defences: tuple[str, ...] = ("none",)
    judges: tuple[str, ...] = OFFLINE_JUDGES
    temperature: float | None = None
    max_tokens: int | None = None
    concurrency: int = 16
    run: tuple[SuitePart, ...] = ()


def read_suite(name: str) -> tuple[Suite, Path]:
    """A shipped suite by name, or a TOML file; with the folder its sources are relative to.

    Raises:
        ConfigError: there is no such suite, or it is at fault; says where.
    """
    if name in SHIPPED:
        text, folder = (files("safesight.runner") / "suites" / f"{name}.toml").read_text("utf-8"), Path()
    else:
        path = Path(name)
        try:
            text, folder = path.read_text(encoding="utf-8"), path.parent
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(
                f"suite {name!r}: expected one of {', '.join(SHIPPED)} or a readable TOML file ({error})."
            ) from None
    try:
        suite = msgspec.convert(tomllib.loads(text), Suite)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise ConfigError(f"suite {name!r}: {error}.") from None
    if not suite.run:
        raise ConfigError(f"suite {name!r}: expected at least one [[run]], got none.")
    return suite, folder


def requests(suite: Suite, *, folder: Path, out: Path | None = None, models: tuple[str, ...] = ()) -> list[RunRequest]:
    """Every run of a suite, in order.

    Args:
        suite: what to run.
        folder: what relative sources are relative to.
        out: where run files go; by default `runs/NAME`.
        models: instead of the suite's own.

    Raises:
        ConfigError: a part names no model, and neither the suite nor the caller does.
    """
    target = out or RUNS / suite.name
    return [request for part in suite.run for request in _requests(suite, part, folder, target, models)]


def _requests(suite: Suite, part: SuitePart, folder: Path, out: Path, models: tuple[str, ...]) -> Iterator[RunRequest]:
    chosen = models or part.models or suite.models
    if not chosen:
        raise ConfigError(f"suite {suite.name!r}, {part.benchmark}: expected a model. Name one with --model.")
    source = (folder / Path(part.source).expanduser()) if part.source else None
    tokens = suite.max_tokens if part.max_tokens is None else part.max_tokens
    heat = suite.temperature if part.temperature is None else part.temperature
    for model, arm, defence in product(chosen, part.arms, part.defences or suite.defences):
        words = "-".join(
            _plain(word) for word in (part.benchmark, arm, model, "" if defence == "none" else defence) if word
        )
        yield RunRequest(
            benchmark=part.benchmark,
            model=model,
            judges=part.judges or suite.judges,
            defence=defence,
            data=DataOptions(source=source, arm=arm, tiny=part.tiny, languages=part.languages),
            limit=part.limit,
            sample=part.sample,
            groups=part.groups,
            path=out / f"{words[:120]}.sqlite",
            concurrency=part.concurrency or suite.concurrency,
            decoding=Decoding(temperature=heat, max_tokens=tokens),
        )


def _plain(text: str) -> str:
    return "".join(char if char.isalnum() or char in "._" else "_" for char in text)
