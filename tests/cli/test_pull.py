"""`safesight pull`, as a user starts it, against a server that speaks the hub's protocol; killed and resumed."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import termios
from collections.abc import Callable, Generator
from contextlib import suppress
from pathlib import Path

import pytest
from typer.testing import CliRunner

from safesight.cli.app import build
from safesight.core.config import parse_name
from safesight.core.errors import ConfigError
from safesight.core.registry import names
from safesight.models.known import known_models
from tests.net.mock_hub import COMMIT, MockHub, serving, sha256

WEIGHTS = os.urandom(24 * 2**20)
FILES = {
    "acme/Tiny-GGUF": {"tiny-Q8_0.gguf": WEIGHTS, "mmproj-tiny-f16.gguf": b"eye" * 999, "README.md": b"#\n"},
    "acme/tiny": {
        "config.json": b"{}",
        "model.safetensors": b"w" * 5000,
        "onnx/model.onnx": b"no",
        "flax.msgpack": b"no",
    },
}


@pytest.fixture
def hub() -> Generator[MockHub]:
    with serving(MockHub(FILES, licence="mit")) as hub:
        yield hub


def start(hub: MockHub, cache: Path, *arguments: str, stderr: int = subprocess.PIPE) -> subprocess.Popen[str]:
    env = os.environ | {"HF_ENDPOINT": hub.url, "HF_HOME": str(cache), "COLUMNS": "400"}
    command = [sys.executable, "-m", "safesight", "pull", *arguments]
    return subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=stderr, text=True)


@pytest.fixture
def pull(hub: MockHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))

    def run(*arguments: str) -> str:
        done = CliRunner().invoke(build(), ["pull", *arguments], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.output

    return run


def test_a_pull_killed_in_mid_file_goes_on_where_it_stopped(hub: MockHub, tmp_path: Path) -> None:
    hub.hang_after = 15 * 2**20
    process = start(hub, tmp_path, "gguf:hf:acme/Tiny-GGUF")
    assert hub.hangs.wait(60)
    parts: list[Path] = []
    while not parts or not parts[0].stat().st_size:
        parts = list(tmp_path.rglob("*.part"))
    process.kill()
    process.communicate()
    got = parts[0].stat().st_size
    hub.hang_after, hub.asked = None, []
    process = start(hub, tmp_path, "gguf:hf:acme/Tiny-GGUF")
    said, erred = process.communicate()
    assert process.returncode == 0, erred
    assert f"bytes={got}-" in [asked for _, _, asked in hub.asked]
    assert "licence: mit" in said
    assert said.count("sha256") == 2
    assert sha256(WEIGHTS) in said
    assert f"pinned: gguf:hf:acme/Tiny-GGUF@{COMMIT}" in said
    assert "README" not in said


@pytest.mark.slow
def test_progress_is_shown_on_a_terminal(hub: MockHub, tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 100))
    process = start(hub, tmp_path, "gguf:hf:acme/Tiny-GGUF", stderr=theirs)
    os.close(theirs)
    shown = b""
    with suppress(OSError):  # Linux's way to say that the other end has closed
        while piece := os.read(ours, 65_536):
            shown += piece
    os.close(ours)
    process.communicate()
    assert b"tiny-Q8_0.gguf" in shown
    assert b"100%" in shown


def test_a_checkpoint_is_pulled_without_copies_in_other_formats(pull: Callable[..., str], tmp_path: Path) -> None:
    said = pull("hf/acme/tiny@main")
    assert {path.name for path in tmp_path.rglob("snapshots/*/*")} == {"config.json", "model.safetensors"}
    assert f"pinned: hf/acme/tiny@{COMMIT}" in said


def test_a_dry_run_fetches_nothing(hub: MockHub, pull: Callable[..., str]) -> None:
    said = pull("gguf:hf:acme/Tiny-GGUF", "--dry-run")
    assert f"tiny-Q8_0.gguf  {len(WEIGHTS)} bytes  sha256 {sha256(WEIGHTS)}" in said
    assert not any("resolve" in path for _, path, _ in hub.asked)


def test_the_table_names_models_we_can_open(hub: MockHub, pull: Callable[..., str]) -> None:
    said = pull()
    assert not hub.asked
    for name, one in known_models().items():
        assert f"{name}  " in said
        assert one.model in said
        scheme = parse_name(one.model).scheme
        assert scheme in names("models") or scheme in names("detectors")
    assert "licence unknown, size unknown" in said


def test_other_names_are_refused(pull: Callable[..., str]) -> None:
    with pytest.raises(ConfigError, match=r"gguf:hf:ORG/REPO, hf/ORG/NAME, or one of .*smolvlm-500m"):
        pull("smolvlm")
