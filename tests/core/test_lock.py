"""Two processes and one run file: the second is told who holds it; a dead holder holds nothing."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from safesight.core.errors import StoreError
from safesight.core.store import RunStore
from tests.support import make_manifest

HOLD = (
    "import sys; from safesight.core.store import RunStore\n"
    "store = RunStore.open(sys.argv[1]); print('held', flush=True); sys.stdin.readline()\n"
    "store.close()"
)


@contextmanager
def holder(path: Path) -> Generator[subprocess.Popen[str]]:
    """Another process that has the run open for writing."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        if process.poll() is None:
            process.communicate("\n")


@pytest.fixture
def run(tmp_path: Path) -> Path:
    path = tmp_path / "run.sqlite"
    RunStore.create(path, make_manifest()).close()
    return path


def test_the_second_writer_is_told_who_holds_the_run(run: Path) -> None:
    with holder(run) as process:
        with pytest.raises(StoreError, match=f"process {process.pid} .*since.* is writing this run.*--run"):
            RunStore.open(run)
        with pytest.raises(StoreError, match="is writing this run"):
            RunStore.create(run, make_manifest())
        RunStore.open(run, readonly=True).close()
    RunStore.open(run).close()


def test_a_link_to_a_run_is_the_same_run(run: Path) -> None:
    link = run.with_name("elsewhere") / "link.sqlite"
    link.parent.mkdir()
    link.symlink_to(run)
    with holder(link), pytest.raises(StoreError, match="is writing this run"):
        RunStore.open(run)


def test_a_killed_holder_leaves_nothing_behind(run: Path) -> None:
    with holder(run) as process:
        process.kill()
        process.wait()
        with RunStore.open(run) as store:
            assert list(store.samples()) == []
    assert [p.name for p in run.parent.iterdir()] == ["run.sqlite"]


def test_one_process_is_no_exception(run: Path) -> None:
    with RunStore.open(run), pytest.raises(StoreError, match="is writing this run"):
        RunStore.open(run)
    RunStore.open(run).close()


def test_a_run_that_cannot_be_opened_is_let_go(tmp_path: Path) -> None:
    path = tmp_path / "text.sqlite"
    path.write_text("no database")
    for _ in range(2):
        with pytest.raises(StoreError, match="not a readable SafeSight run"):
            RunStore.open(path)
    with pytest.raises(StoreError, match="exists already"):
        RunStore.create(path, make_manifest())
    assert [p.name for p in tmp_path.iterdir()] == ["text.sqlite"]
