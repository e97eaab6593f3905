"""Node's clients in tests: `package-lock.json`'s packages, installed once beside the scripts that use them.

A script (`NAME.mjs` in this folder) reads one JSON value with `given()` of `io.mjs` and prints one with `tell()`.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
MODULES = HERE / "node_modules"
LONGEST_S = 600
"""What is awaited comes on a busy machine too, only later."""

RunScript = Callable[..., Any]
"""`run("chat", url=..., question=...)`: what the script told."""


def install() -> None:
    """Install what the lock file says, unless it is there; workers of one session wait for each other."""
    npm = _program("npm")
    wanted = hashlib.sha256((HERE / "package-lock.json").read_bytes()).hexdigest()
    # Inside the folder that git ignores; a lock beside it would be one more thing to ignore.
    MODULES.mkdir(exist_ok=True)
    with (MODULES / ".safesight.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        stamp = HERE / "node_modules" / ".safesight-installed"
        if stamp.is_file() and stamp.read_text() == wanted:
            return
        # `npm ci` deletes node_modules, and with it the lock that others wait for: it works in a folder of its own.
        work = MODULES / ".safesight-new"
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HERE / name, work / name)
        quiet = ("--no-audit", "--no-fund", "--ignore-scripts", "--no-update-notifier", "--loglevel=error")
        ran = subprocess.run([npm, "ci", *quiet], cwd=work, capture_output=True, text=True, timeout=LONGEST_S)
        if ran.returncode:
            raise RuntimeError(f"expected `npm ci` to install tests/node/package-lock.json, got: {ran.stderr}")
        for old in MODULES.iterdir():
            if not old.name.startswith(".safesight"):
                shutil.rmtree(old) if old.is_dir() and not old.is_symlink() else old.unlink()
        for new in (work / "node_modules").iterdir():
            new.rename(MODULES / new.name)
        shutil.rmtree(work)
        stamp.write_text(wanted)


def run(script: str, **given: object) -> Any:
    """Run `SCRIPT.mjs` with `given` as its input; returns what it told.

    Raises:
        AssertionError: it failed; the message is what it wrote.
    """
    ran = subprocess.run(
        [_program("node"), str(HERE / f"{script}.mjs")],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        timeout=LONGEST_S,
    )
    assert ran.returncode == 0, f"{script}.mjs: {ran.stderr or ran.stdout}"
    return json.loads(ran.stdout)


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise RuntimeError(f"expected {name} on PATH: tools/system_packages.sh (part of `make test`) installs it")
    return found
