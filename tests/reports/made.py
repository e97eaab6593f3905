"""Run files made by hand for the report's tests: mild words, every status, hostile answers."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

from safesight.core.messages import Image
from safesight.core.records import (
    Case,
    GuardEvent,
    Manifest,
    ModeLabel,
    Probe,
    Reply,
    Response,
    Sample,
    Status,
    Usage,
    Verdict,
)
from safesight.core.store import RunStore
from tests.support import make_manifest, make_sample

HOSTILE = (
    "<script>window.hacked = 1</script><img src=x onerror='window.hacked = 1'>",
    "\x1b[31mred\x1b[0m \x1b]0;title\x07 and \u202eright to left\u202c and \u0000",
    "שלום <b>bold</b> مرحبا",
    "x" * 100_000,
    "</script><script>window.hacked = 1</script>{{ 7 * 7 }}",
    "你好，这是一个中文回答。",
)
STATUSES: tuple[Status, ...] = ("ok", "ok", "truncated", "ok", "ok", "blocked", "error", "empty")
EVENTS = (
    GuardEvent(kind="window", action="release", harm=0.1, start=0, end=40, detector="embedded", latency_ms=1.5),
    GuardEvent(kind="window", action="rewrite", harm=0.9, start=40, end=80, detector="embedded", categories=("hate",)),
)


_WORDS = [
    "the",
    "picture",
    "shows",
    "a",
    "table",
    "with",
    "four",
    "chairs",
    "and",
    "somebody",
    "reads",
    "a",
    "long",
    "letter",
    "about",
    "rain",
    "in",
    "the",
    "garden",
    "while",
    "another",
    "person",
    "explains",
    "calmly",
    "why",
    "this",
    "request",
    "cannot",
    "be",
    "answered",
    "and",
    "offers",
    "something",
    "kinder",
    "instead",
]


def prose(index: int) -> str:
    """About 300 words that differ from case to case and compress as prose does."""
    chooser = random.Random(index)
    return " ".join(chooser.choices(_WORDS, k=300))


def make_run(
    path: Path,
    *,
    cases: int = 24,
    defence: str = "none",
    model: str = "scripted",
    text: Callable[[int], str] = lambda i: f"Answer {i}: a plain sentence about picture {i}.",
    image: Path | None = None,
    modes: bool = True,
    probes: bool = False,
    benchmark: str = "test",
) -> Path:
    """Write a run: two judges that differ on every fifth case, every fourth row benign, every status."""
    manifest = make_manifest(
        model=model, defence=defence, defence_fingerprint=defence, selection=f"limit={cases}", benchmark=benchmark
    )
    with RunStore.create(path, manifest) as store:
        store.note("caveat", "Made by hand: no model was asked.")
        for judge in ("alpha", "refusal"):
            store.note(f"judge:{judge}", judge)
        if defence != "none":
            store.note("defence_detectors", "refusal")
        add_cases(store, range(cases), manifest, text=text, image=image, modes=modes, probes=probes)
    return path


def add_cases(
    store: RunStore,
    indices: range,
    manifest: Manifest,
    *,
    text: Callable[[int], str],
    image: Path | None = None,
    modes: bool = True,
    probes: bool = False,
) -> None:
    """Add the cases of these positions with their verdicts, labels and probes."""
    made = [_case(i, manifest, text(i), image) for i in indices]
    numbered = list(zip(indices, made, strict=True))
    safe = [case for i, case in numbered if not _unsafe(i, manifest)]
    grid = [0.1, None, 0.3, 0.4, 0.5, 0.6]
    store.add(
        samples=[(i, case.sample) for i, case in numbered],
        responses=[case.response for case in made],
        verdicts=[verdict for i, case in numbered for verdict in _verdicts(i, case, manifest)],
        modes=[
            ModeLabel(response_key=c.response.key, sample_key=c.sample.key, labeller="rules", mode="CE")
            for c in (safe if modes else ())
        ],
        probes=[
            Probe(
                response_key=c.response.key,
                sample_key=c.sample.key,
                probe="entropy-probe",
                values={"entropy": grid},
                shape={"entropy": [2, 3]},
            )
            for c in (made if probes else ())
        ],
    )


def _sample(index: int, image: Path | None) -> Sample:
    sample = make_sample(index, images=(), benign=index % 4 == 3)
    if image is None:
        return sample
    from msgspec.structs import replace

    from safesight.core.messages import user

    return replace(sample, messages=(user(Image.from_path(image, label="picture"), sample.question),))


def _case(index: int, manifest: Manifest, text: str, image: Path | None) -> Case:
    sample, status = _sample(index, image), STATUSES[index % len(STATUSES)]
    reply = Reply(
        status=status,
        text=text if status in ("ok", "truncated") else "",
        error="the server closed the connection" if status == "error" else "",
        latency_ms=100.0 + index,
        ttft_ms=20.0,
        usage=Usage(prompt_tokens=9, completion_tokens=12),
        guard_events=EVENTS if manifest.defence != "none" else (),
    )
    key = f"{sample.key[:24]}{manifest.defence[:4]}{manifest.model[:4]}"
    return Case(sample=sample, response=Response(key=key, sample_key=sample.key, reply=reply))


def _unsafe(index: int, manifest: Manifest) -> bool:
    return index % (2 if manifest.defence == "none" else 6) == 0


def _verdicts(index: int, case: Case, manifest: Manifest) -> list[Verdict]:
    if case.response.reply.status not in ("ok", "truncated"):
        return []
    alpha = _unsafe(index, manifest)
    other = alpha != (index % 5 == 0)
    return [
        Verdict(
            response_key=case.response.key,
            sample_key=case.sample.key,
            judge=judge,
            label="unsafe" if found else "safe",
            harm=0.9 if found else 0.1,
            rationale="because <b>it says so</b>",
        )
        for judge, found in (("alpha", alpha), ("refusal", other))
    ]
