"""A newcomer's terminal: one bash in a folder of its own, told a page's commands one after the other."""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
import time
from pathlib import Path
from types import TracebackType

_END = "--safesight-end--"
_BACKGROUND_S = 120.0
"""How long what was started with `&` may take to print what the page shows."""
# What another machine, another day and another folder print otherwise. What stays has to be equal, letter by letter.
_VARIES = (
    (re.compile(r"\x1b\[[0-9;]*m"), ""),
    (re.compile(r"[-+]?\d+(?:[.,]\d+)*(?= (?:ms|s|min|MB|kB|GB)\b)"), "N"),
    (re.compile(r"\b\d+\.\d/s\b"), "N/s"),
    (re.compile(r" · \d+:\d\d left"), ""),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\S*"), "TIME"),
    (re.compile(r"[ \t]+$", re.MULTILINE), ""),
)


class Shell:
    """A bash that keeps its folder, its variables and what it started until the end of the block."""

    def __init__(self, folder: Path, *, home: Path, environment: dict[str, str] | None = None) -> None:
        kept = {name: os.environ[name] for name in ("LANG", "LC_ALL", "PIP_CACHE_DIR", "TMPDIR") if name in os.environ}
        kept |= {name: value for name, value in os.environ.items() if name.lower().endswith("_proxy")}
        kept |= {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "SSL_", "REQUESTS_"))}
        kept |= {"PATH": _system_path(), "HOME": str(home), "COLUMNS": "100", "TERM": "dumb"} | (environment or {})
        self._process = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            cwd=folder,
            env=kept,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def __enter__(self) -> Shell:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        os.killpg(self._process.pid, signal.SIGTERM)
        self._process.communicate(timeout=60)

    def say(self, command: str, *, timeout_s: float, until: str = "") -> tuple[int, str]:
        """Run a command; gives its exit status and all it printed.

        One that ends with `&` goes on, and its words are waited for until they are as `until` shows.
        """
        assert self._process.stdin is not None
        self._process.stdin.write(f"{command}\necho {_END}$?\n".encode())
        self._process.stdin.flush()
        text, deadline = "", time.monotonic() + timeout_s
        while not (ended := re.search(rf"{_END}(\d+)\n", text)):
            text += self._read(deadline, text)
        text = text[: ended.start()] + text[ended.end() :]
        deadline = time.monotonic() + _BACKGROUND_S
        while command.endswith("&") and not agrees(until, text):
            text += self._read(deadline, text)
        return int(ended[1]), text

    def _read(self, deadline: float, so_far: str) -> str:
        assert self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], max(0.0, deadline - time.monotonic()))
        assert ready, f"nothing more came; so far:\n{so_far[-3000:]}"
        part = os.read(self._process.stdout.fileno(), 65536).decode("utf-8", "replace")
        assert part, f"the shell ended; so far:\n{so_far[-3000:]}"
        return part


def agrees(shown: str, printed: str) -> bool:
    """Whether a page's lines are what was printed: `...` stands for anything, times and sizes for any others."""
    wanted, came = level(shown), level(printed)
    pattern = ".*".join(map(re.escape, wanted.split("...")))
    return re.fullmatch(pattern, came, re.DOTALL) is not None


def level(text: str) -> str:
    """The text without what differs from one machine to the next."""
    for pattern, instead in _VARIES:
        text = pattern.sub(instead, text)
    # How often a progress line is printed depends on the machine: the last one of a stage stays.
    return re.sub(r"(?:^(\w[\w:]*): \d+/\d+ · .*\n)+(?=\1: )", "", text.strip() + "\n", flags=re.MULTILINE).strip()


def _system_path() -> str:
    """Where the system's own programs are: no environment of ours, whatever runs this test."""
    ours = os.environ.get("VIRTUAL_ENV", "")
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    return os.pathsep.join(f for f in folders if not (Path(f).parent / "pyvenv.cfg").exists() and f != ours)
