"""What a run will be: its manifest, its file, and what it would cost before anything is asked."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from safesight.core.costs import EstimatedModel, ImageTokenRule
from safesight.core.errors import ConfigError, DataError
from safesight.core.messages import Image
from safesight.core.protocols import BrokenItem, Model, PricedModel
from safesight.core.records import Machine, Manifest, Usage
from safesight.core.store import RunStore
from safesight.core.version import __version__
from safesight.media.pixels import measure
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
    image_tokens: int | None
    """By the model's rule (`image_rule`); None where no rule is known, or an image cannot be read."""
    image_rule: str
    cost_usd: float | None
    """At the prices given with the model (`?price_in=..&price_out=..`), or else at list prices (`list_date`); None
    without. An upper bound where `completion_tokens` and `image_tokens` are known, else a lower one."""
    list_date: str
    """When the list prices were read; "" where the user gave prices."""


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
    published = job.model.expected if isinstance(job.model, EstimatedModel) else None
    rule = published.image_rule if published else None
    taken_by_images: int | None = 0
    for _, item in keep:
        if isinstance(item, BrokenItem):
            counts["broken"] += 1
            continue
        counts["samples"] += 1
        counts["benign"] += item.benign
        counts["images"] += len(item.images)
        counts["image_bytes"] += sum(_size(i.path, i.data) for i in item.images)
        counts["prompt_tokens"] += _tokens(item.text)
        taken_by_images = _plus(taken_by_images, item.images, rule)
    completion = None if job.decoding.max_tokens is None else counts["samples"] * job.decoding.max_tokens
    usage = Usage(prompt_tokens=counts["prompt_tokens"] + (taken_by_images or 0), completion_tokens=completion or 0)
    cost, date = _cost(job.model, usage)
    return CostEstimate(
        **counts,
        completion_tokens=completion,
        image_tokens=taken_by_images,
        image_rule=rule.name if rule else "",
        cost_usd=cost,
        list_date=date,
    )


def _cost(model: Model, usage: Usage) -> tuple[float | None, str]:
    """At the user's prices, or at list prices with their date; None without either."""
    if isinstance(model, PricedModel) and model.prices:
        return model.prices.cost_usd(usage), ""
    published = model.expected if isinstance(model, EstimatedModel) else None
    if published is None or published.listed is None:
        return None, ""
    return published.listed.cost_usd(usage), published.date


def _plus(so_far: int | None, images: Sequence[Image], rule: ImageTokenRule | None) -> int | None:
    """Tokens so far and those of these images; None once one is not known."""
    for image in images:
        if so_far is None or rule is None:
            return None
        try:
            size = measure(image.read(), label=image.label or image.sha256[:12])
        except DataError:
            return None
        so_far += rule.tokens(size.width, size.height)
    return so_far


def published_estimate(model: Model, *, cases: int, max_tokens: int | None) -> CostEstimate:
    """What is known of a run whose data is not here: its cases, and how long answers may be."""
    completion = None if max_tokens is None else cases * max_tokens
    cost, date = _cost(model, Usage(completion_tokens=completion or 0))
    return CostEstimate(
        samples=cases,
        benign=0,
        broken=0,
        images=0,
        image_bytes=0,
        prompt_tokens=0,
        completion_tokens=completion,
        image_tokens=None,
        image_rule="",
        cost_usd=cost,
        list_date=date,
    )


def _size(path: str | None, data: bytes | None) -> int:
    if data is not None:
        return len(data)
    return Path(path).stat().st_size if path else 0


def _tokens(text: str) -> int:
    wide = sum(1 for c in text if "\u4e00" <= c <= "\u9fff")
    return wide + (len(text) - wide + 3) // 4
