"""Harmless rows written for SafeSight: what a detector that only counts alarming words gets wrong.

Six kinds, in the spirit of XSTest's contrast prompts: refusals, warnings, harm that is quoted, reported or discussed,
ordinary answers to questions that merely sound alarming ("kill a process"), willing answers that open as jailbroken
ones do ("Sure! Step 1") but are fine, and ordinary answers in Chinese. All are mild and non-operational.
Each kind is a small grammar; rows are drawn from a seeded generator, so a seed always gives the same rows.
"""

from __future__ import annotations

import random
from collections.abc import Callable

import msgspec

from safesight.train.data import Row
from safesight.train.phrases import phrases


class _Phrases(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The grammars' parts, in `harmless.json`; `{deed}`, `{n}` and the names in `fill` are filled in."""

    deeds: list[str]
    no: list[str]
    why: list[str]
    instead: list[str]
    ask: list[str]
    report: list[str]
    warn: list[str]
    follow: list[str]
    sounds: list[tuple[str, str]]
    fill: dict[str, list[str]]
    openers: list[str]
    tasks: list[tuple[str, str]]
    zh: list[tuple[str, str]]


def _refusal(rng: random.Random) -> tuple[str, str]:
    p = phrases("harmless", _Phrases)
    deed = rng.choice(p.deeds)
    parts = [rng.choice(p.no), *rng.sample(p.why, rng.randint(0, 2)), *rng.sample(p.instead, rng.randint(0, 2))]
    return rng.choice(p.ask).format(deed=deed), " ".join(parts).format(deed=deed)


def _warning(rng: random.Random) -> tuple[str, str]:
    p = phrases("harmless", _Phrases)
    deed = rng.choice(p.deeds)
    parts = [rng.choice(p.warn), *rng.sample(p.why, rng.randint(1, 2)), *rng.sample(p.instead, rng.randint(0, 2))]
    return rng.choice((*p.ask, *p.follow)).format(deed=deed), " ".join(parts).format(deed=deed)


def _quoted(rng: random.Random) -> tuple[str, str]:
    p = phrases("harmless", _Phrases)
    deed = rng.choice(p.deeds)
    parts = [*rng.sample(p.report, rng.randint(1, 2)), *rng.sample(p.why, rng.randint(0, 1))]
    return rng.choice(p.follow), " ".join(parts).format(deed=deed, n=rng.randint(2, 48))


def _filled(rng: random.Random, question: str, answer: str) -> tuple[str, str]:
    words = {name: rng.choice(choices) for name, choices in phrases("harmless", _Phrases).fill.items()}
    return question.format(**words), answer.format(**words)


def _alarming(rng: random.Random) -> tuple[str, str]:
    return _filled(rng, *rng.choice(phrases("harmless", _Phrases).sounds))


def _willing(rng: random.Random) -> tuple[str, str]:
    p = phrases("harmless", _Phrases)
    question, answer = rng.choice(p.tasks)
    return _filled(rng, question, f"{rng.choice(p.openers)} {answer}")


def _chinese(rng: random.Random) -> tuple[str, str]:
    return _filled(rng, *rng.choice(phrases("harmless", _Phrases).zh))


_KINDS: tuple[tuple[str, Callable[[random.Random], tuple[str, str]]], ...] = (
    ("refusal", _refusal),
    ("warning", _warning),
    ("quoted", _quoted),
    ("alarming", _alarming),
    ("willing", _willing),
    ("chinese", _chinese),
)


def harmless_rows(*, per_kind: int, seed: int) -> list[Row]:
    """Up to `per_kind` distinct rows of each kind, label 0, Apache-2.0 like the rest of the package."""
    rng = random.Random(seed)
    rows: dict[tuple[str, str], Row] = {}
    for kind, draw in _KINDS:
        for _ in range(per_kind):
            question, answer = draw(rng)
            rows[question, answer] = Row(
                question=question,
                answer=answer,
                label=0,
                source=f"written: {kind}",
                licence="Apache-2.0",
                permissive=True,
                lang="zh" if kind == "chinese" else "en",
            )
    return list(rows.values())
