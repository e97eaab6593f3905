"""Every registered plugin of every kind keeps its contract; one without an example here fails."""

from __future__ import annotations

from pathlib import Path

import pytest
from aiohttp import web

from safesight.core.registry import KINDS, Kind, load, names, open_plugin, summary
from safesight.testing import (
    ODD_TEXTS,
    ScriptedModel,
    check_benchmark,
    check_defence,
    check_detector,
    check_judge,
    check_model,
)
from tests.contract.examples import BENCHMARKS, DEFENCES, DETECTORS, ELSEWHERE, JUDGES, SERVED
from tests.models.mock_openai import Asked, MockOpenAI, reply

SHORT = tuple(text for text in ODD_TEXTS if len(text) < 1000)
SUITES = {"models": "check_model(", "judges": "check_judge(", "detectors": "check_detector("}
LOCAL_MODELS = ("embedded", "replay", "scripted")


def test_every_plugin_has_an_example() -> None:
    known: dict[Kind, set[str]] = {
        "benchmarks": set(BENCHMARKS),
        "models": set(LOCAL_MODELS),
        "judges": set(JUDGES),
        "detectors": set(DETECTORS),
        "defences": {*DEFENCES, "none"},
    }
    for kind, name in [*ELSEWHERE, *SERVED]:
        known[kind].add(name)  # type: ignore[index]  # the tables write kinds as plain strings
    for kind in KINDS:
        missing = set(names(kind)) - known[kind]
        assert not missing, f"add an example of {kind} {sorted(missing)} to tests/contract/examples.py"
        assert not known[kind] - set(names(kind)), f"examples of {kind} that are no longer registered"


def test_what_is_checked_elsewhere_is_checked_there() -> None:
    root = Path(__file__).parents[2]
    for (kind, name), path in ELSEWHERE.items():
        assert SUITES[kind] in (root / path).read_text(encoding="utf-8"), f"{path} does not check {kind} {name}"


@pytest.mark.parametrize("kind", KINDS)
def test_the_catalogue_reads_the_docstring_that_python_reads(kind: Kind) -> None:
    for name in names(kind):
        assert summary(kind, name) == (load(kind, name).__doc__ or "").strip().split("\n", 1)[0]
        assert summary(kind, name), f"{kind} {name}: a plugin's first docstring line is its catalogue entry"


@pytest.mark.parametrize("name", sorted(BENCHMARKS))
async def test_benchmarks(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAFESIGHT_CACHE", str(tmp_path / "cache"))
    benchmark = open_plugin("benchmarks", name)
    assert benchmark.name == name
    await check_benchmark(benchmark, BENCHMARKS[name](tmp_path))


@pytest.mark.parametrize("name", sorted(JUDGES))
async def test_judges(name: str) -> None:
    await check_judge(open_plugin("judges", JUDGES[name]))


@pytest.mark.parametrize("name", sorted(DETECTORS))
async def test_detectors(name: str, tmp_path: Path) -> None:
    opened = open_plugin("detectors", DETECTORS[name](tmp_path))
    await check_detector(opened, texts=ODD_TEXTS)


def test_detectors_are_told_apart_by_their_fingerprints(tmp_path: Path) -> None:
    opened = [open_plugin("detectors", make(tmp_path)).fingerprint for make in DETECTORS.values()]
    assert opened == [open_plugin("detectors", make(tmp_path)).fingerprint for make in DETECTORS.values()]
    assert len(set(opened)) == len(opened)


@pytest.mark.parametrize("name", sorted(DEFENCES))
async def test_defences(name: str, tmp_path: Path) -> None:
    defence = open_plugin("defences", DEFENCES[name](tmp_path))
    assert defence is not None
    await check_defence(defence)


def test_no_defence_is_none() -> None:
    assert open_plugin("defences", "none") is None


async def test_local_models(tmp_path: Path) -> None:
    import safesight.api

    await check_model(open_plugin("models", "scripted:echo"))
    await check_model(open_plugin("models", "embedded"), texts=("", "天气", "a" * 3000), max_tokens=2)
    path = tmp_path / "run.sqlite"
    safesight.api.run("starter", ScriptedModel(lambda _m: "Yes.", fingerprint="y"), judges=(), limit=1, path=path)
    await check_model(open_plugin("models", f"replay:{path}"), texts=("not asked in that run",))


async def serve(request: web.Request, asked: Asked) -> web.StreamResponse:
    """A server of every protocol that is asked here: chat, and moderations."""
    if request.path.endswith("/moderations"):
        count = len(asked.json["input"]) if isinstance(asked.json["input"], list) else 1
        one = {"flagged": False, "categories": {"hate": False}, "category_scores": {"hate": 0.01}}
        return web.json_response({"id": "m", "model": "mock", "results": [one] * count})
    return await reply("safe")(request, asked)


@pytest.mark.parametrize(("kind", "name"), sorted(SERVED))
async def test_what_asks_a_server(kind: Kind, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with MockOpenAI(then=serve) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        monkeypatch.setenv("OPENAI_API_KEY", "sk-mock")
        full = SERVED[kind, name].format(url=server.url)
        if kind == "models":
            await check_model(open_plugin("models", full), texts=SHORT)
        else:
            await check_detector(open_plugin("detectors", full), texts=SHORT)
