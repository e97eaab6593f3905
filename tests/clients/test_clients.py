"""Clients of others through the proxy, with their real packages: unflagged as without it, flagged as docs/clients.md
says.

`python -m tests.clients.test_clients PYTHON` prints that page's table. Packages that do not fit beside ours are
installed in an environment of their own by a slow test.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest

from safesight.detectors.patterns import Patterns, Phrase
from safesight.guard.guard import Guard
from safesight.guard.policy import InputRule, Policy
from safesight.proxy.settings import ProxySettings
from tests.clients.answering import CUT, FLAGGED_TOOL, MILD, PHRASE, REFUSED, TOOL, behave
from tests.models.mock_openai import in_thread
from tests.node import running
from tests.proxy.serving import serving

PAGE = Path(__file__).parents[2] / "docs" / "clients.md"
REFUSAL = "I can't help with that, because it could cause harm."
SPEAKING = Path(__file__).parent / "speaking.py"
QUICK = ("openai", "openai responses", "anthropic")
OURS = ("langchain-openai", "pydantic-ai", "openai-agents")
"""Of the development packages; they take seconds to import."""
NODE = (
    *("openai (Node)", "openai (Node) responses", "anthropic (Node)"),
    *("Vercel ai", "Vercel ai responses", "Vercel ai anthropic"),
)
SLOW_NODE = (NODE[0], NODE[2], *NODE[4:])
APART = ("langchain-anthropic", "litellm", "llama-index", "instructor")
PACKAGES = (
    *("langchain-anthropic==1.7.10", "litellm==1.110.2", "instructor==1.17.0", "llama-index-llms-openai==0.8.3"),
)
STREAMED = (False, True)
Ask = Callable[[str, list[dict[str, Any]]], list[dict[str, Any]]]


@contextlib.contextmanager
def guarded() -> Generator[tuple[str, str]]:
    guard = Guard(Policy(input=InputRule(ocr=False)), detectors=[Patterns([Phrase(text=PHRASE)])])
    with in_thread(then=behave) as upstream, serving(ProxySettings(upstream=upstream.url), guard=guard) as (url, _):
        yield upstream.url, url


@pytest.fixture(scope="module")
def urls() -> Generator[tuple[str, str]]:
    with guarded() as both:
        yield both


def python(program: str = sys.executable) -> Ask:
    def ask(client: str, tasks: list[dict[str, Any]]) -> list[dict[str, Any]]:
        ran = subprocess.run(
            [program, str(SPEAKING)],
            input=json.dumps({"client": client, "tasks": tasks}),
            env={**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True", "DO_NOT_TRACK": "1"},
            capture_output=True,
            text=True,
            timeout=600,
        )
        assert ran.returncode == 0, ran.stderr[-2_000:]
        return json.loads(ran.stdout)

    return ask


def node(client: str, tasks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return running.run("speaking", client=client, tasks=tasks)


def row(came: dict[tuple[str, bool], dict[str, Any]]) -> list[str]:
    """What a client shows when a stream is cut, a request refused, and a tool call flagged, in the page's words."""
    cells: list[str] = []
    for question, stream in ((CUT, True), (REFUSED, False), (FLAGGED_TOOL, True)):
        one = came[question, stream]
        shown = [
            *(["verified text"] if "They celebrated" in one["text"] else []),
            *(["the refusal"] if REFUSAL in (one["text"] or "") else []),
            *([f"`{one['end']}`"] if one["end"] else []),
            *([f"raises `{one['error']}`"] if one["error"] else []),
        ]
        cells.append(", ".join(shown))
    return cells


def observed(client: str, ask: Ask, urls: tuple[str, str]) -> list[str]:
    """Ask everything of both; the table's row once what must hold does."""
    direct, url = urls
    harmless = [(question, stream) for question in (MILD, TOOL) for stream in STREAMED]
    flagged = [(question, stream) for question in (CUT, REFUSED, FLAGGED_TOOL) for stream in STREAMED]
    if client == "instructor":
        harmless = [(question, stream) for question, stream in harmless if question == TOOL]
    tasks = [{"url": direct, "question": question, "stream": stream} for question, stream in harmless]
    tasks += [{"url": url, "question": question, "stream": stream} for question, stream in (*harmless, *flagged)]
    came = ask(client, tasks)
    plain, same, rest = came[: len(harmless)], came[len(harmless) : 2 * len(harmless)], came[2 * len(harmless) :]
    assert plain == same, "what nothing flags is what it is without the guard"
    assert not any(one["error"] for one in plain), plain
    assert any(one["ran"] for one in plain), "without a flag the tool is called"
    for task, one in zip(flagged, rest, strict=True):
        assert PHRASE not in (one["text"] or ""), (task, one)
        assert not one["ran"], (task, one)
    return row(dict(zip(flagged, rest, strict=True)))


def documented(client: str) -> list[str]:
    lines = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith(f"| {client} |")]
    assert len(lines) == 1, f"docs/clients.md has no row of {client}"
    return [cell.strip() for cell in lines[0].strip("|").split("|")][1:]


@pytest.mark.parametrize("client", QUICK)
def test_a_client_shows_what_the_page_says(urls: tuple[str, str], client: str) -> None:
    assert observed(client, python(), urls) == documented(client)


@pytest.mark.parametrize("client", [NODE[1], NODE[3], *(pytest.param(c, marks=pytest.mark.slow) for c in SLOW_NODE)])
def test_a_client_of_nodes_shows_what_the_page_says(urls: tuple[str, str], client: str, node: object) -> None:
    del node  # installs its packages
    assert observed(client, globals()["node"], urls) == documented(client)


@pytest.mark.slow
@pytest.mark.parametrize("client", OURS)
def test_a_framework_shows_what_the_page_says(urls: tuple[str, str], client: str) -> None:
    assert observed(client, python(), urls) == documented(client)


@pytest.fixture(scope="module")
def apart(tmp_path_factory: pytest.TempPathFactory) -> str:
    """An environment with the packages that want older ones than ours."""
    folder = tmp_path_factory.mktemp("clients")
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    program = str(folder / "bin" / "python")
    subprocess.run([program, "-m", "pip", "install", "--quiet", *PACKAGES], check=True, timeout=1_200)
    return program


@pytest.mark.slow
@pytest.mark.timeout(2_400)
@pytest.mark.parametrize("client", APART)
def test_a_package_apart_shows_what_the_page_says(urls: tuple[str, str], client: str, apart: str) -> None:
    assert observed(client, python(apart), urls) == documented(client)


def main(program: str, *names: str) -> None:
    """Print the table's rows, or some of them; `program` is a Python with the packages that stand apart."""
    running.install()
    with guarded() as both:
        for client in names or (*QUICK, *OURS, *NODE, *APART):
            ask = node if client in NODE else python(program if client in APART else sys.executable)
            try:
                print(f"| {client} | {' | '.join(observed(client, ask, both))} |", flush=True)
            except AssertionError as error:
                print(f"{client}: {str(error)[:1500]}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
