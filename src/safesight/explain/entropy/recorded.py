"""What a replay reads and reports: answers with text, their images found again, counts. Needs no torch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path

import msgspec

from safesight.core.errors import MissingData
from safesight.core.messages import Message
from safesight.core.protocols import DataOptions
from safesight.core.records import JUDGED, Case, Manifest, Sample
from safesight.core.registry import open_plugin
from safesight.core.store import RunStore


class Replayed(msgspec.Struct, kw_only=True):
    """What a replay did: records made now, found from before, and left out by reason."""

    done: int = 0
    kept: int = 0
    left_out: dict[str, int] = {}

    def leave(self, reason: str) -> None:
        """Count a response that was not replayed."""
        self.left_out[reason] = self.left_out.get(reason, 0) + 1


def spoken(store: RunStore, report: Replayed) -> Iterator[Case]:
    """Cases whose answers have text, in data-set order; the others are counted in the report."""
    for case in store.cases():
        reply = case.response.reply
        if reply.status in JUDGED and reply.text.strip():
            yield case
        else:
            report.leave(reply.status)


class RestoredImages:
    """Finds a case's images again: where the run file points, or in the benchmark it was made from."""

    def __init__(self, manifest: Manifest, source: Path | None) -> None:
        self._manifest, self._source = manifest, source

    def restored(self, case: Case) -> Sequence[Message]:
        """The case's messages with readable images.

        Raises:
            DataError: an image is gone.
        """
        with suppress(MissingData):
            for image in case.sample.images:
                image.read()
            return case.sample.messages
        found = self._by_key.get(case.sample.key)
        if found is None:
            raise MissingData(
                f"sample {case.sample.key[:12]}: its images are not in the run file, and the benchmark at "
                f"{self._source or 'its default place'} has no such sample. Pass --source."
            )
        return found

    @cached_property
    def _by_key(self) -> dict[str, Sequence[Message]]:
        options = DataOptions(arm=self._manifest.arm, source=self._source, seed=self._manifest.seed)
        dataset = open_plugin("benchmarks", self._manifest.benchmark).load(options)
        return {item.key: item.messages for item in dataset if isinstance(item, Sample)}
