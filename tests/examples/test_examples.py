"""What stands in examples/ runs: the scripts as they are, and five plugin packages installed from their folders."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
PLUGINS = sorted(path for path in (EXAMPLES / "plugins").iterdir() if (path / "pyproject.toml").is_file())
SAYS = {
    "own_judge": "short-answers",
    "guard_an_answer": "Next to the station.",
    "guard_a_stream": "stopped: True",
    "entropy_of_an_answer": "nats over 10 tokens",
    "run_from_python": "report.html",
}
"""What each script prints, among other things."""


def python(*arguments: str | Path, cwd: Path, path: Path | None = None) -> str:
    env = os.environ | ({"PYTHONPATH": str(path)} if path else {})
    done = subprocess.run(
        [sys.executable, *map(str, arguments)], cwd=cwd, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{arguments}:\n{done.stdout[-2000:]}\n{done.stderr[-3000:]}"
    return done.stdout


def test_every_script_is_run_here() -> None:
    assert {path.stem for path in EXAMPLES.glob("*.py")} == set(SAYS)


@pytest.mark.parametrize("name", sorted(SAYS))
def test_scripts(name: str, tmp_path: Path) -> None:
    said = python(EXAMPLES / f"{name}.py", cwd=tmp_path)
    assert SAYS[name] in said
    assert "Mill Lane" not in said


def test_the_notebook_says_what_its_cells_print() -> None:
    """Cell by cell in one namespace, as a kernel runs them; the stored output is what comes."""
    cells = json.loads((EXAMPLES / "attention.ipynb").read_text(encoding="utf-8"))["cells"]
    space: dict[str, object] = {}
    for cell in (cell for cell in cells if cell["cell_type"] == "code"):
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            exec("".join(cell["source"]), space)  # our own example
        stored = ["".join(out["text"]) for out in cell["outputs"] if out["output_type"] == "stream"]
        assert said.getvalue() == "".join(stored)


@pytest.fixture(scope="module", params=["checkout", "wheel"])
def installed(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """The packages, built and installed as pip does it, into a folder of their own; SafeSight's own wheel, too."""
    target = tmp_path_factory.mktemp("plugins")
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--disable-pip-version-check", "--target", str(target)]
    ours = [ROOT] if request.param == "wheel" else []
    python("-m", "pip", "install", *options, *PLUGINS, *ours, cwd=target)
    where = python("-c", "import safesight; print(safesight.__file__)", cwd=target, path=target).strip()
    assert Path(where).is_relative_to(target) is (request.param == "wheel")
    return target


def test_there_is_one_package_for_each_kind() -> None:
    assert [path.name for path in PLUGINS] == ["benchmark", "defence", "detector", "judge", "model"]


def test_the_packages_own_tests_pass(installed: Path) -> None:
    files = [next(path.glob("test_*.py")) for path in PLUGINS]
    options = ["-p", "no:cacheprovider", "-o", "asyncio_mode=auto", "--import-mode=importlib", "--rootdir", installed]
    python("-m", "pytest", "-q", "-c", os.devnull, *options, *files, cwd=installed, path=installed)


def test_the_packages_are_listed_and_run_together(installed: Path, tmp_path: Path) -> None:
    listed = python("-m", "safesight", "list", cwd=tmp_path, path=installed)
    for line in ("tea_time", "Parrot: says back", "Tea: unsafe", "Shouting: flags", "Lower voice"):
        assert line in listed
    placed = python("-m", "safesight", "list", "--by", "attack", "--format", "json", cwd=tmp_path, path=installed)
    assert placed.count("tea_time") == 2  # what the plugins say themselves
    assert placed.count("lower_voice") == 2
    run = ["run", "tea_time", "--model", "parrot", "--judge", "tea", "--judge", "detector:shouting"]
    loud = python("-m", "safesight", *run, "--run", "loud.sqlite", cwd=tmp_path, path=installed)
    assert "100.0" in loud  # the parrot hands the tea out, and it shouts
    python(
        *("-m", "safesight", *run, "--defence", "lower_voice", "--run", "quiet.sqlite"), cwd=tmp_path, path=installed
    )
    compared = python("-m", "safesight", "compare", "loud.sqlite", "quiet.sqlite", cwd=tmp_path, path=installed)
    assert "-100.0 %" in compared  # the loudness is gone, by the detector's count
