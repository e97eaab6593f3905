"""Environments of their own for programs whose pins conflict with ours: made once from a lock file, beside .venv."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def environment(name: str) -> Path:
    """The folder of executables of `.venv-NAME`, as `requirements-NAME.lock` says, with this checkout on its path."""
    lock, folder = ROOT / f"requirements-{name}.lock", ROOT / f".venv-{name}"
    stamp = folder / hashlib.sha256(lock.read_bytes()).hexdigest()[:16]
    if not stamp.exists():
        _run(sys.executable, "-m", "venv", "--clear", str(folder))
        python = str(folder / "bin" / "python")
        _run(python, "-m", "pip", "install", "-q", "--require-hashes", "-r", str(lock))
        site = _run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip()
        Path(site, "safesight.pth").write_text(f"{ROOT / 'src'}\n", encoding="utf-8")
        # Its plugins are found by its metadata.
        about = next(path for path in map(Path, sys.path) for path in path.glob("safesight-*.dist-info"))
        shutil.copytree(about, Path(site, about.name))
        stamp.touch()
    return folder / "bin"


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}:\n{done.stdout[-2000:]}\n{done.stderr[-3000:]}"
    return done.stdout
