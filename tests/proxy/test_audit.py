"""The audit log on a disk that fills, pipes that close, and files that a crash left torn."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from safesight.proxy.audit import AuditEntry, AuditLog, NotRecordedError, now
from safesight.proxy.settings import ProxySettings
from tests.models.mock_openai import MockOpenAI, in_thread
from tests.proxy.serving import serving
from tests.proxy.test_server import ASK, _wait, make_guard, metric, status_of

FULL = """
import resource, sys
from pathlib import Path
from safesight.proxy.audit import AuditLog
from tests.proxy.test_audit import entry

path = Path(sys.argv[1])
failed = []
log = AuditLog(path, failed=lambda: failed.append(1))
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
for number in range(20):
    log.write(entry(number), question="q", answer="a")
assert log.broken, "the log says that it is broken"
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
log.write(entry(99), question="q", answer="a")
assert not log.broken
print(len(failed))
"""


def entry(number: int) -> AuditEntry:
    return AuditEntry(time=now(), id=str(number), route="/x", model="m", stream=False, action="release")


def lines(path: Path) -> list[dict]:
    text = path.read_text()
    assert text.endswith("\n")
    return [json.loads(line) for line in text.splitlines()]


def test_a_full_disk_loses_whole_lines_counts_them_and_heals(tmp_path: Path) -> None:
    """The kernel is the oracle: a limit on the file's size stands for the full disk."""
    path = tmp_path / "audit.jsonl"
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(path)],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    failed = int(done.stdout)
    kept = lines(path)
    assert 0 < failed < 20
    assert [found["id"] for found in kept if "id" in found] == [*map(str, range(20 - failed)), "99"]
    (gap,) = [found for found in kept if "lost" in found]
    assert gap["lost"] == failed
    assert done.stderr.count("cannot be written") == 1, "said once"
    assert done.stderr.count("can be written again") == 1


@pytest.mark.parametrize("before", [b"", b'{"id":"old"}\n', b'{"id":"old"}\n{"id":"to'])
def test_what_a_crash_left_is_not_glued_to(tmp_path: Path, before: bytes) -> None:
    path = tmp_path / "audit.jsonl"
    path.write_bytes(before)
    log = AuditLog(path)
    for number in range(2):
        log.write(entry(number), question="q", answer="a")
    log.close()
    found = path.read_bytes().removeprefix(before).removeprefix(b"\n").splitlines()
    assert [json.loads(line)["id"] for line in found] == ["0", "1"]


def test_a_pipe_that_nobody_reads_is_a_failure_and_no_crash(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    failed: list[int] = []
    log = AuditLog(path, failed=lambda: failed.append(1))
    log.write(entry(0), question="q", answer="a")
    assert os.read(reader, 10_000).endswith(b"\n")
    os.close(reader)
    log.write(entry(1), question="q", answer="a")
    assert failed == [1]
    with pytest.raises(NotRecordedError, match=r"cannot be written: Broken pipe"):
        log.check()


@pytest.mark.parametrize("required", [False, True])
def test_a_log_that_fails_is_counted_and_where_it_is_required_the_door_closes(
    tmp_path: Path, *, required: bool
) -> None:
    path = tmp_path / "audit.jsonl"
    with in_thread() as upstream, _serving(upstream, path, required=required) as (url, proxy):
        body = {"model": "m", "messages": ASK}
        assert status_of(url, "/chat/completions", body)[0] == 200
        assert ready(url) == 200
        assert proxy._audit is not None
        file, proxy._audit._file = proxy._audit._file, os.open(os.devnull, os.O_RDONLY)
        assert status_of(url, "/chat/completions", body)[0] == 200, "its record failed after it was answered"
        _wait(lambda: metric(url, 'safesight_errors_total{kind="audit"}') == 1)
        status, text = status_of(url, "/chat/completions", body)
        assert status == (503 if required else 200)
        assert ("audit_error" in text) is required
        assert ready(url) == (503 if required else 200)
        _wait(lambda: metric(url, 'safesight_errors_total{kind="audit"}') == (1 if required else 2))
        _wait(lambda: metric(url, 'safesight_requests_total{route="/chat/completions"') == 3)
        proxy._audit._file = file
        assert status_of(url, "/chat/completions", body)[0] == 200
    assert [found.get("lost") for found in lines(path)] == [None, 1 if required else 2, None]


def ready(url: str) -> int:
    try:
        with urllib.request.urlopen(f"{url}/readyz", timeout=30) as response:
            return response.status
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def _serving(upstream: MockOpenAI, path: Path, *, required: bool):  # the context manager of `serving`
    settings = ProxySettings(upstream=upstream.url, audit=path, audit_required=required)
    return serving(settings, guard=make_guard())
