"""What a run will be: its manifest, its file, and what it would cost before anything is asked."""

from __future__ import annotations

import os
import platform
import re
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from safesight.core.errors import ConfigError
from safesight.core.protocols import BrokenItem, PricedModel
from safesight.core.records import Machine, Manifest, Usage
from safesight.core.store import RunStore
from safesight.core.version import __version__
from safesight.runner.job import Job, taken
from safesight.runner.select import grows


class CostEstimate(msgspec.Struct, frozen=True, kw_only=True):
    """What `--dry-run` shows. Tokens are rough: four characters of English or one of Chinese make one."""

    samples: int
    benign: int
    broken: int
    images: int
    image_bytes: int
    prompt_tokens: int
    completion_tokens: int | None
    """Upper bound: every answer as long as `max_tokens` allows; None when no bound is set."""
    cost_usd: float | None
    """At the prices given with the model (`?price_in=..&price_out=..`), image tokens not counted; None without.
    An upper bound where `completion_tokens` is one and there are no images, else a lower one."""


def manifest(job: Job, *, benchmark: str, arm: str, part: str = "") -> Manifest:
    """Describe a job well enough to repeat it and to refuse to resume another under its name.

    `part` says in words which part of the data was opened (a tiny subset, some languages).
    """
    return Manifest(
        package_version=__version__,
        benchmark=benchmark,
        data_revision=job.dataset.revision,
        data_hash=job.dataset.data_hash,
        arm=arm,
        selection=f"{job.selection} {part}".strip(),
        model=job.model.name,
        model_fingerprint=job.model.fingerprint,
        decoding=job.decoding,
        defence=job.defence.name if job.defence else "none",
        defence_fingerprint=job.defence.fingerprint if job.defence else "",
        seed=job.seed,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        machine=this_machine(),
        notes={},
    )


def this_machine() -> Machine:
    """Where this process runs."""
    return Machine(system=platform.platform(), python=platform.python_version(), cpus=os.cpu_count() or 1)


def run_path(wanted: Manifest, folder: Path) -> Path:
    """The file a run gets when no `--run` is given: readable, and the same again for the same settings."""
    parts = [wanted.benchmark, wanted.arm, wanted.model, "" if wanted.defence == "none" else wanted.defence]
    words = "-".join(re.sub(r"[^A-Za-z0-9.]+", "_", part).strip("_") for part in parts if part)
    return folder / f"{words[:100]}-{wanted.identity[:6]}.sqlite"


def open_or_create(path: Path, wanted: Manifest) -> RunStore:
    """Resume the run at `path` if it is the same run, grow it if more of it is wanted, create it if there is none.

    Raises:
        ConfigError: another run is there; says which settings differ.
        StoreError: the file cannot be read or created.
    """
    if not path.exists():
        return RunStore.create(path, wanted)
    store = RunStore.open(path)
    if store.manifest.identity == wanted.identity:
        return store
    same = msgspec.structs.replace(wanted, selection=store.manifest.selection)
    if same.identity == store.manifest.identity and grows(store.manifest.selection, wanted.selection):
        store.grow(wanted)
        return store
    old, new = msgspec.to_builtins(store.manifest), msgspec.to_builtins(wanted)
    names = (
        "benchmark",
        "data_revision",
        "arm",
        "selection",
        "model",
        "model_fingerprint",
        "decoding",
        "defence",
        "seed",
    )
    changed = [f"{name} {old[name]!r} -> {new[name]!r}" for name in names if old[name] != new[name]]
    store.close()
    raise ConfigError(
        f"{path} holds another run ({'; '.join(changed) or 'another defence configuration'}). "
        "Choose another --run, or repeat the old settings to resume it."
    )


def estimate(job: Job) -> CostEstimate:
    """Count what a run would send, without sending it; reads every selected sample once."""
    keep = taken(job)
    counts = dict.fromkeys(("samples", "benign", "broken", "images", "image_bytes", "prompt_tokens"), 0)
    for _, item in keep:
        if isinstance(item, BrokenItem):
            counts["broken"] += 1
            continue
        counts["samples"] += 1
        counts["benign"] += item.benign
        counts["images"] += len(item.images)
        counts["image_bytes"] += sum(_size(i.path, i.data) for i in item.images)
        counts["prompt_tokens"] += _tokens(item.text)
    completion = None if job.decoding.max_tokens is None else counts["samples"] * job.decoding.max_tokens
    prices = job.model.prices if isinstance(job.model, PricedModel) else None
    usage = Usage(prompt_tokens=counts["prompt_tokens"], completion_tokens=completion or 0)
    return CostEstimate(**counts, completion_tokens=completion, cost_usd=prices.cost_usd(usage) if prices else None)


def _size(path: str | None, data: bytes | None) -> int:
    if data is not None:
        return len(data)
    return Path(path).stat().st_size if path else 0


def _tokens(text: str) -> int:
    wide = sum(1 for c in text if "\u4e00" <= c <= "\u9fff")
    return wide + (len(text) - wide + 3) // 4
