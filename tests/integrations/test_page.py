"""What docs/integrations.md gives to copy runs as it stands there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.pages import blocks
from tests.models.mock_openai import in_thread, reply

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "integrations.md").read_text(encoding="utf-8")
BLOCKS = [block.text for block in blocks(ROOT / "docs" / "integrations.md") if block.language == "python"]
SERVER = "http://127.0.0.1:8000/v1"
ANSWER = "Eight minutes."


def plug(block: str) -> str:
    return re.findall(r"safesight\.integrations\.(\w+)", block)[0]


@pytest.mark.slow
@pytest.mark.parametrize("block", BLOCKS, ids=plug)
def test_what_is_to_be_copied_runs(block: str, tmp_path: Path) -> None:
    with in_thread(then=reply(ANSWER)) as upstream:
        code = block.replace(SERVER, upstream.url)
        env = os.environ | {"OPENAI_API_KEY": "k", "OPENAI_AGENTS_DISABLE_TRACING": "1"}
        command = [sys.executable, "-W", "ignore", "-c", code]
        done = subprocess.run(command, env=env, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert (ANSWER if SERVER in block else "boil an egg") in done.stdout


def test_the_page_shows_every_plug() -> None:
    plugs = {path.stem for path in (ROOT / "src" / "safesight" / "integrations").iterdir()} - {
        "__init__",
        "__pycache__",
    }
    shown = set(re.findall(r"safesight\.integrations\.(\w+)", PAGE)) | set(re.findall(r"safesight\[(\w+)\]", PAGE))
    assert plugs - shown <= {"turn", "ray", "otel"}  # what they share; engines and spans have pages of their own
    assert len(BLOCKS) == 4
