"""How runs end, from the command's own mouth: reasons, exit statuses, budgets, consoles, loops without signals."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

import safesight as front
from safesight.cli.encoding import survive_any_console
from safesight.cli.outcome import conclude
from safesight.cli.progress import live
from safesight.core.errors import ConfigError
from safesight.core.records import Case, Verdict
from safesight.runner.budget import Budget, read_budget, seconds
from safesight.runner.progress import Progress
from safesight.runner.transfer import harmless_cell
from tests.models.mock_openai import failure, in_thread, reply

REFUSES = "I'm sorry, but I can't help with that."


def safesight(*arguments: object, env: dict[str, str] | None = None) -> tuple[int, str]:
    """Exit status and output, which never holds a traceback."""
    command = [sys.executable, "-m", "safesight", *map(str, arguments)]
    done = subprocess.run(
        command, capture_output=True, check=False, timeout=280, env={**os.environ, **(env or {})}
    )  # fmt: skip
    said = (done.stdout + done.stderr).decode(errors="replace")
    assert "Traceback" not in said, said
    return done.returncode, said


def run_starter(url: str, path: Path, *more: object, env: dict[str, str] | None = None) -> tuple[int, str]:
    return safesight(
        "run", "starter", "--limit", 4, "--model", f"{url}#m?retries=0", "--run", path, "--judge", "refusal",
        *more, env=env,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        (failure(400, "At most 1 image(s) may be provided in one request."), "--limit-mm-per-prompt"),
        (failure(500, "image input is not supported - you may need to provide the mmproj"), "images=ocr"),
        (failure(400, "Invalid prompt", code="invalid_prompt"), "Invalid prompt"),
        (reply("", finish_reason="SAFETY"), "4 blocked"),
        (reply(""), "4 empty"),
    ],
)
def test_when_nothing_can_be_judged_the_reasons_are_said_and_the_status_is_3(behaviour, reason: str, tmp_path: Path):
    with in_thread(then=behaviour) as server:
        code, said = run_starter(server.url, tmp_path / "r.sqlite")
        again, _ = safesight("judge", tmp_path / "r.sqlite", "--judge", "refusal")
    assert (code, again) == (3, 3), said
    assert reason in " ".join(said.split())
    assert "Nothing could be judged" in said


def test_the_first_reason_is_said_before_the_run_is_over(tmp_path: Path):
    with in_thread(reply(REFUSES), then=failure(400, "odd request")) as server:
        code, said = run_starter(server.url, tmp_path / "r.sqlite", "--concurrency", 1)
    assert code == 0
    assert said.index("generate failed:") < said.index("generate: 4/4")
    assert "3 error: " in said


def test_a_judge_that_always_fails_says_why(tmp_path: Path):
    with (
        in_thread(then=reply(REFUSES)) as model,
        in_thread(reply(), then=failure(422, "the judge is out")) as judge,
    ):
        code, said = safesight(
            "run", "starter", "--limit", 3, "--model", f"{model.url}#m", "--run", tmp_path / "r.sqlite",
            "--judge", f"rubric:{judge.url}#j",
        )  # fmt: skip
    assert code in (0, 3)
    assert "the judge is out" in said


@pytest.mark.parametrize("encoding", ["ascii", "cp932", "latin-1", "cp437", "koi8-r", "utf-8"])
def test_no_console_ends_a_run(encoding: str, tmp_path: Path):
    env = {"PYTHONIOENCODING": encoding}
    with in_thread(then=reply("→ Sí, 好 … ✓")) as server:
        assert run_starter(server.url, tmp_path / "r.sqlite", env=env)[0] == 0
    for command in (["compare", tmp_path / "r.sqlite", tmp_path / "r.sqlite"], ["list"], ["run", "--help"]):
        assert safesight(*command, env=env)[0] == 0


@pytest.mark.skipif(sys.platform != "linux", reason="names of files are bytes here alone")
@pytest.mark.parametrize("encoding", ["utf-8", "gbk"])
def test_a_name_that_is_no_text_ends_no_run(encoding: str, tmp_path: Path):
    folder = tmp_path / os.fsdecode(b"b\xffd")
    folder.mkdir()
    with in_thread(then=reply("A mild answer.")) as server:
        code, said = run_starter(server.url, folder / "r.sqlite", env={"PYTHONIOENCODING": encoding})
    assert code == 0, said
    assert "b?d" in said
    assert safesight("compare", folder / "r.sqlite", folder / "r.sqlite", env={"PYTHONIOENCODING": encoding})[0] == 0


def test_what_a_console_cannot_show_is_shown_as_nearly_as_it_can(tmp_path: Path):
    script = "from safesight.cli.encoding import survive_any_console as s; s(); print('80–90 % → 好 │ …')"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )  # fmt: skip
    assert done.stdout == "80-90 % -> ? | ...\n"
    survive_any_console()  # captured streams are left alone


@pytest.mark.parametrize("kind", ["NotImplementedError", "RuntimeError", "ValueError"])
def test_a_loop_without_signal_handlers_runs(kind: str, tmp_path: Path):
    (tmp_path / "sitecustomize.py").write_text(
        f"import asyncio.unix_events as u\ndef no(*a): raise {kind}\nu._UnixSelectorEventLoop.add_signal_handler = no\n"
    )
    with in_thread(then=reply(REFUSES)) as server:
        code, said = run_starter(server.url, tmp_path / "r.sqlite", env={"PYTHONPATH": str(tmp_path)})
    assert code == 0, said


def test_a_run_in_another_thread_than_the_main_one(tmp_path: Path):
    script = (
        "import sys, threading; from safesight.cli.app import build\n"
        "box = []\n"
        "def work():\n"
        "    try: build()(sys.argv[1:])\n"
        "    except SystemExit as end: box.append(end.code)\n"
        "t = threading.Thread(target=work); t.start(); t.join(); sys.exit(box[0])\n"
    )
    arguments = ["run", "starter", "--limit", "2", "--model", "scripted:echo", "--judge", "refusal"]
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments, "--run", str(tmp_path / "r.sqlite")],
        capture_output=True, text=True, check=False, timeout=280,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "command", [["run", "starter", "--model", "scripted:echo", "--limit", "2", "--run"], ["export", "-o"]]
)
def test_a_place_that_cannot_be_written_is_a_sentence(command: list[str], tmp_path: Path):
    blocker = tmp_path / "file"
    blocker.write_text("")
    tail: list[object] = [blocker / "r.sqlite"]
    if command[0] == "export":
        assert (
            safesight("run", "starter", "--model", "scripted:echo", "--limit", "2", "--run", tmp_path / "a.sqlite")[0]
            == 0
        )
        command, tail = ["export"], [tmp_path / "a.sqlite", "-o", blocker / "out.csv"]
    code, said = safesight(*command, *tail)
    assert code == 2
    assert "error:" in said


def test_runs_are_cut_by_cost_and_resumed_to_the_end(tmp_path: Path):
    path = tmp_path / "r.sqlite"
    with in_thread(then=reply(REFUSES)) as server:
        model = f"{server.url}#m?price_in=0&price_out=1000"  # seven tokens an answer: $0.007
        command = [
            "run",
            "starter",
            "--limit",
            6,
            "--model",
            model,
            "--run",
            path,
            "--judge",
            "refusal",
            "--concurrency",
            1,
        ]
        code, said = safesight(*command, "--max-cost", "0.014")
        assert (code, server.count) == (4, 2), said
        assert "--max-cost: $0.01 of $0.01 spent" in said
        assert safesight(*command, "--max-cost", "0.014")[0] == 4
        assert server.count == 2
        assert safesight(*command)[0] == 0
    assert server.count == 6


def test_runs_are_cut_by_time(tmp_path: Path):
    with in_thread(then=reply(REFUSES, delay_s=0.4)) as server:
        code, said = run_starter(server.url, tmp_path / "r.sqlite", "--concurrency", 1, "--max-time", "0.1s")
    assert code == 4, said
    assert server.count < 4
    assert "--max-time: 0.1 s are over" in said


@pytest.mark.parametrize(
    ("text", "value"), [("90s", 90), ("30m", 1800), ("1h30m", 5400), ("45", 45), ("0.5h", 1800), (" 2 h ", 7200)]
)
def test_spans_of_time(text: str, value: float):
    assert seconds(text) == value


@pytest.mark.parametrize("text", ["", "soon", "-3s", "0", "1d", "h", "5x", "1m1"])
def test_what_is_no_span_is_refused(text: str):
    with pytest.raises(ConfigError, match="30m"):
        seconds(text)


@pytest.mark.parametrize("cost", [0.0, -1.0, float("nan"), float("inf")])
def test_a_cost_is_a_positive_number_of_dollars(cost: float):
    with pytest.raises(ConfigError, match="above 0"):
        read_budget(max_cost=cost, max_time=None, priced=True)


def test_a_cost_that_nobody_knows_cannot_be_limited():
    with pytest.raises(ConfigError, match="price_in"):
        read_budget(max_cost=1.0, max_time=None, priced=False)
    assert Budget(max_cost_usd=1.0, spent_before_usd=0.9).reached(0.05) == ""
    assert Budget().reached(1e9) == ""


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1+1", "＝1", "\ufeff=1", "=LINK(A1)", "|x", "\n=1"],
)  # fmt: skip
def test_no_cell_is_a_formula(text: str):
    assert harmless_cell(text) == f"'{text}"


@pytest.mark.parametrize("value", ["a=1", "Sure - yes", "", "'=1", 3, -2.5, None, True])
def test_other_cells_stay(value: object):
    assert harmless_cell(value) == value


def test_no_cell_of_an_export_is_a_formula(tmp_path: Path):
    with in_thread(then=reply('=HYPERLINK("http://127.0.0.1/?"&A1)')) as server:
        assert run_starter(server.url, tmp_path / "r.sqlite")[0] == 0
    assert safesight("export", tmp_path / "r.sqlite", "-o", tmp_path / "r.csv")[0] == 0
    with (tmp_path / "r.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 4
    assert not [cell for row in rows for cell in row.values() if cell[:1] in "=+@" and cell]


class Broken:
    """A judge with a bug."""

    name = fingerprint = "broken"

    async def judge(self, cases: Sequence[Case]) -> list[Verdict]:
        return [cases[len(cases)] for _ in cases]  # pyright: ignore[reportReturnType]

    async def aclose(self) -> None:
        pass


def test_a_plugins_bug_is_told_with_its_place_and_ends_non_zero(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    run = front.run("starter", "scripted:echo", limit=4, judges=[Broken()], path=tmp_path / "run.sqlite")
    assert conclude(run) == 3
    said = capsys.readouterr().out
    assert "broken: 4 error: IndexError" in said
    assert "(test_outcome.py:" in said


def test_a_stages_last_line_is_printed_once(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("safesight.cli.progress._PLAIN_EVERY_S", 0.0)
    now = Progress(stage="generate", total=2)
    with live() as show:
        for now.done in (1, 2):
            show(now)
        now.ended = True
        show(now)
    told = capsys.readouterr()
    assert [line.split(" ·")[0] for line in (told.out + told.err).splitlines()] == ["generate: 1/2", "generate: 2/2"]
