"""Who graded whom: a run judged by its own guard's detector is marked, never trusted silently."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from safesight.core.records import without_threshold

DEFENCE_DETECTORS: Final = "defence_detectors"
"""Note of a run: comma-separated fingerprints of the guard's detectors."""
LICENCE: Final = "licence:"
"""Prefix of the notes that keep other terms than the package's: `licence:defence`, `licence:judge:<name>`."""
JUDGE: Final = "judge:"
"""Prefix of the note that keeps a judge's fingerprint: `judge:<name>`."""


def self_graded(notes: Mapping[str, str], judge_fingerprint: str) -> bool:
    """Whether a judge with this fingerprint is one of the guard's own detectors.

    Args:
        notes: a run's notes (`RunStore.notes()`), or its manifest's.
        judge_fingerprint: `Judge.fingerprint`; a `detector:NAME` judge has its detector's and a threshold.
    """
    known = {part.strip() for part in notes.get(DEFENCE_DETECTORS, "").split(",")} - {""}
    return judge_fingerprint in known or without_threshold(judge_fingerprint) in known


def self_graded_judges(notes: Mapping[str, str]) -> list[str]:
    """Names of a run's judges that share a fingerprint with its guard, sorted."""
    return sorted(
        name.removeprefix(JUDGE)
        for name, fingerprint in notes.items()
        if name.startswith(JUDGE) and self_graded(notes, fingerprint)
    )
