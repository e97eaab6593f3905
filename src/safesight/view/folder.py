"""The run files of a folder, each opened once and found again by its path inside the folder.

Invariant: a run's id comes from the scan; a name that the scan did not find opens nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import Self

from safesight.core.errors import MissingData, StoreError, UnknownName
from safesight.runner.notes import FILE
from safesight.view.live import LiveRun, Summary, last_write


class RunFolder:
    """Run files under a folder, or one file. Use as a context manager.

    Raises:
        MissingData: there is no such folder.
    """

    def __init__(self, path: Path) -> None:
        if not path.exists():
            raise MissingData(
                f"{path}: no such folder. `safesight run ... --run {path}/NAME.sqlite` makes a run there."
            )
        self.path = path
        self._open: dict[str, LiveRun] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        for run in self._open.values():
            run.close()

    @property
    def notes_path(self) -> Path:
        """Where notes on these runs are kept."""
        return (self.path if self.path.is_dir() else self.path.parent) / FILE

    def files(self) -> dict[str, Path]:
        """Run files by id, newest first."""
        if self.path.is_file():
            return {self.path.name: self.path}
        found = [p for p in self.path.rglob("*.sqlite") if p.name != FILE and p.is_file()]
        return {str(p.relative_to(self.path)): p for p in sorted(found, key=last_write, reverse=True)}

    def run(self, run_id: str) -> LiveRun:
        """A run, up to date.

        Raises:
            UnknownName: no run file of that id.
            StoreError: it cannot be read.
        """
        files = self.files()
        if run_id not in files:
            raise UnknownName("run", run_id, files)
        found = self._open.get(run_id)
        if found is None:
            found = self._open[run_id] = LiveRun(files[run_id], run_id)
        found.refresh()
        return found

    def summaries(self) -> list[Summary]:
        """Every run file; one that cannot be read says why."""
        return [self._summary(run_id, path) for run_id, path in self.files().items()]

    def _summary(self, run_id: str, path: Path) -> Summary:
        try:
            return self.run(run_id).summary()
        except StoreError as error:
            return Summary(
                id=run_id,
                name=path.name,
                benchmark="",
                model="",
                defence="",
                created="",
                answers=0,
                planned=None,
                statuses={},
                labels={},
                self_graded=(),
                caveat="",
                changed=last_write(path),
                error=str(error),
            )
