"""How large an install is: the wheel alone and with each extra, in an empty environment; the bar is 250 MB.

Sizes are what the files hold, byte code included, without pip and setuptools; MB are 10^6 bytes. Extras that bring
torch (`hf`, `train`: 1 GB and more) are left out of the figure.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import tomllib
import venv
from collections import Counter
from importlib.metadata import distributions
from pathlib import Path

from bench.harness import ROOT, table

BAR_MB = 250
TORCH = ("hf", "train")
_TOOLS = ("pip", "setuptools")


def extras() -> list[str]:
    """Every extra of pyproject.toml, sorted."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return sorted(project["optional-dependencies"])


def build_wheel(folder: Path) -> Path:
    """The wheel as it would be released."""
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(folder), "-t", "wheel"]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    return wheel


def install(wheel: Path, folder: Path, *, extra: str = "", first: tuple[str, ...] = ()) -> Path:
    """Install the wheel, with one extra or none, in a new environment; return its Python.

    `first` is installed before it, to choose a build. Raises CalledProcessError with pip's words in `stderr`.
    """
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    wanted = f"{wheel}[{extra}]" if extra else str(wheel)
    for packages in (first, (wanted,)):
        if packages:
            command = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages]
            subprocess.run(command, check=True, capture_output=True, text=True)
    return python


def sizes(folder: Path) -> Counter[str]:
    """Bytes by installed package of an environment."""
    (site,) = folder.glob("lib/python*/site-packages")
    found: Counter[str] = Counter()
    for package in distributions(path=[str(site)]):
        name = package.metadata["Name"]
        if name not in _TOOLS:
            paths = [Path(str(file.locate())) for file in package.files or ()]
            found[name] = sum(path.stat().st_size for path in paths if path.is_file())
    return found


def main() -> None:
    """Print the base by package, and what each extra adds."""
    with tempfile.TemporaryDirectory() as scratch:
        wheel = build_wheel(Path(scratch) / "dist")
        install(wheel, Path(scratch) / "base")
        base = sizes(Path(scratch) / "base")
        print(
            f"wheel {wheel.stat().st_size / 1e6:.0f} MB; base install {base.total() / 1e6:.0f} MB (bar: {BAR_MB} MB)\n"
        )
        largest = base.most_common(12)
        rest = base.total() - sum(size for _, size in largest)
        table(("base package", "MB"), [(name, size / 1e6) for name, size in [*largest, ("the rest", rest)]])
        print()
        rows: list[tuple[object, ...]] = []
        for extra in (name for name in extras() if name not in TORCH):
            install(wheel, Path(scratch) / extra, extra=extra)
            found = sizes(Path(scratch) / extra)
            added = Counter({name: size for name, size in found.items() if name not in base})
            leading = ", ".join(f"{name} {size / 1e6:.0f}" for name, size in added.most_common(3))
            rows.append((f"[{extra}]", (found.total() - base.total()) / 1e6, leading))
        table(("extra", "MB more", "mostly"), rows)


if __name__ == "__main__":
    main()
