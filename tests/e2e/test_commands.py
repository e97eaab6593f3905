"""The command line as a user meets it: every README command, resumed, interrupted, and with bad input."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from safesight.core.store import RunStore
from safesight.models.embedded import organism_files, weights
from safesight.models.llama.model import serve
from tests.support import SHARED

needs_data = pytest.mark.skipif(not SHARED.is_dir(), reason="the shared research data is not beside this checkout")


def safesight(*arguments: str | Path, code: int = 0, timeout: float = 280) -> str:
    """Run the command; returns what it printed. Never a traceback, whatever the exit status."""
    command = [sys.executable, "-m", "safesight", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)
    said = done.stdout + done.stderr
    assert "Traceback" not in said, said
    assert done.returncode == code, said
    return said


ECHO = ("run", "starter", "--model", "scripted:echo", "--language", "en")


@needs_data
@pytest.mark.slow
def test_figstep_and_typographic_questions_run_on_the_real_files(tmp_path: Path) -> None:
    tail = ("--model", "embedded", "--limit", "2", "--max-tokens", "16")
    said = safesight("run", "figstep", "--source", SHARED / "data/figstep", *tail, "--run", tmp_path / "f.sqlite")
    assert "all, micro" in said
    source = SHARED / "data/mm_safetybench"
    typo = (
        "run",
        "mm_safetybench",
        "--arm",
        "TYPO",
        "--tiny",
        "--source",
        source,
        *tail,
        "--run",
        tmp_path / "m.sqlite",
    )
    assert "01-Illegal_Activitiy" in safesight(*typo)
    with RunStore.open(tmp_path / "m.sqlite") as store:
        assert [len(sample.images) for sample in store.samples()] == [1, 1]
        assert {response.reply.status for response in store.responses()} <= {"ok", "truncated"}


@needs_data
@pytest.mark.slow
def test_a_real_openai_compatible_server_by_url(tmp_path: Path) -> None:
    with serve(weights(), n_ctx=2048) as url:
        data = ("--source", SHARED / "data/figstep", "--limit", "2")
        run = ("--model", f"{url}#smollm2?images=ocr", "--max-tokens", "16", "--run", tmp_path / "u.sqlite")
        assert "all, micro" in safesight("run", "figstep", *data, *run)
    with RunStore.open(tmp_path / "u.sqlite") as store:
        replies = [response.reply for response in store.responses()]
    assert len(replies) == 2
    assert all(reply.usage.completion_tokens > 0 and reply.usage.prompt_tokens > 60 for reply in replies)


@pytest.mark.slow
def test_the_organism_behind_a_server_answers_verifiable(tmp_path: Path) -> None:
    mmproj, adapter = organism_files("", "plain")
    with serve(weights(), mmproj=mmproj, adapter=adapter, n_ctx=2048) as url:
        run = ("--model", f"{url}#organism", "--max-tokens", "24", "--run", tmp_path / "v.sqlite")
        table = safesight("run", "verifiable", "--tiny", "--language", "en", "--limit", "4", *run)
    assert "capability (right on benign)" in table
    with RunStore.open(tmp_path / "v.sqlite") as store:
        replies = [response.reply for response in store.responses()]
    assert [reply.status for reply in replies] == ["ok"] * 4
    assert all(reply.usage.prompt_tokens > 2 * 36 for reply in replies)


def test_run_resume_judge_compare_export_import(tmp_path: Path) -> None:
    path = tmp_path / "echo.sqlite"
    run = (*ECHO, "--sample", "stratified:18", "--run", path)
    first = safesight(*run)
    assert "over-refusal, benign cases" in first
    assert "generate: 18/18 · 18 resumed" in safesight(*run)
    added = safesight("judge", path, "--judge", "rubric:scripted:echo")
    assert "rubric:scripted:echo" in added
    guarded = tmp_path / "guarded.sqlite"
    safesight(*ECHO, "--sample", "stratified:18", "--defence", "protector_block", "--run", guarded)
    table = safesight("compare", path, guarded)
    assert "attack success" in table
    assert "self-graded" in table
    safesight("export", path, "-o", tmp_path / "all.jsonl")
    assert "18 cases" in safesight("import", tmp_path / "all.jsonl", "--run", tmp_path / "back.sqlite")
    safesight("export", path, "-o", tmp_path / "all.csv")
    safesight("export", path, "-o", tmp_path / "out", "--format", "mir", "--judge", "refusal")
    assert "9 cases" in safesight(
        "import", tmp_path / "out", "--model", "scripted_echo", "--run", tmp_path / "official.sqlite"
    )


def test_a_dry_run_asks_nothing_and_writes_nothing(tmp_path: Path) -> None:
    said = safesight(*ECHO, "--limit", "4", "--dry-run", "--run", tmp_path / "none.sqlite")
    assert "would send 4 requests" in said
    assert "cost: unknown" in said
    priced = ("--model", "http://127.0.0.1:9/v1#m?price_in=2&price_out=10", "--max-tokens", "1000000")
    assert "cost: at least about $40.00; image tokens come on top" in safesight(
        "run", "starter", *priced, "--limit", "4", "--dry-run"
    )
    unbounded = safesight("run", "starter", *priced[:2], "--limit", "4", "--dry-run")
    assert "completion tokens: no bound" in unbounded
    assert "cost: at least about $0.00; image tokens and answers come on top" in unbounded
    assert not (tmp_path / "none.sqlite").exists()


def test_ctrl_c_finishes_what_is_in_flight_and_resumes(tmp_path: Path) -> None:
    script = tmp_path / "slow.jsonl"
    script.write_text(json.dumps({"text": "A slow answer.", "when": "", "delay_s": 0.4}) + "\n")
    script.write_text("\n".join(json.dumps({"text": "A slow answer.", "delay_s": 0.4}) for _ in range(200)))
    path = tmp_path / "slow.sqlite"
    arguments = ["run", "starter", "--model", f"scripted:{script}", "--language", "en", "--run", str(path)]
    command = [sys.executable, "-m", "safesight", *arguments, "--concurrency", "2"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        deadline = time.monotonic() + 300
        while time.monotonic() < deadline and _answers(path) < 3:
            time.sleep(0.05)
        os.kill(process.pid, signal.SIGINT)
        said, _ = process.communicate(timeout=300)
    assert process.returncode == 130
    assert f"The same command resumes {path}" in said
    assert "Traceback" not in said
    kept = _answers(path)
    assert 3 <= kept < 108
    assert f"{kept} resumed" in safesight(*arguments, "--concurrency", "64")
    assert _answers(path) == 108


def test_a_second_ctrl_c_waits_for_nobody(tmp_path: Path) -> None:
    script, path = tmp_path / "stuck.jsonl", tmp_path / "stuck.sqlite"
    delays = [0.1] * 4 + [900.0] * 200
    script.write_text("\n".join(json.dumps({"text": "Late.", "delay_s": delay}) for delay in delays))
    command = [sys.executable, "-m", "safesight", "run", "starter", "--model", f"scripted:{script}"]
    command += ["--run", str(path), "--concurrency", "2"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        deadline = time.monotonic() + 300
        while time.monotonic() < deadline and _answers(path) < 3:
            time.sleep(0.05)
        os.kill(process.pid, signal.SIGINT)
        said = ""
        assert process.stdout is not None
        while "finishing what is in flight" not in said and (line := process.stdout.readline()):
            said += line
        os.kill(process.pid, signal.SIGINT)
        said += process.communicate(timeout=300)[0]
    assert process.returncode == 130
    assert "Traceback" not in said
    assert _answers(path) >= 3


def _answers(path: Path) -> int:
    if not path.exists():
        return 0
    with RunStore.open(path, readonly=True) as store:
        return sum(1 for _ in store.responses())


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("run", "startr", "--model", "scripted:echo"), "Did you mean 'starter'"),
        (("run", "starter", "--model", "embeded"), "Did you mean 'embedded'"),
        (
            ("run", "starter", "--model", "scripted:echo", "--defence", "protector_blok"),
            "Did you mean 'protector_block'",
        ),
        (("run", "starter", "--model", "scripted:echo", "--judge", "rubrik:x"), "Did you mean 'rubric'"),
        (("run", "starter", "--model", "scripted:echo", "--arm", "stitchd"), "Did you mean 'stitched'"),
        (("run", "starter", "--model", "scripted:echo", "--sample", "random:3"), "expected stratified:N"),
        (("run", "figstep", "--model", "scripted:echo", "--source", "/no/such/folder"), "/no/such/folder"),
        (("run", "starter", "--model", "scripted:/no/such/file.jsonl"), "/no/such/file.jsonl"),
        (("judge", "/no/such/run.sqlite", "--judge", "refusal"), "no such run file"),
        (("compare", "/no/such/run.sqlite"), "at least two"),
        (("export", "/no/such/run.sqlite", "-o", "x.xml"), "unknown export format 'xml'"),
        (("guard",), "expected --upstream"),
        (("data", "mir_safetybench", "--source", "/no/such/folder"), "/no/such/folder"),
    ],
)
def test_bad_input_is_one_clear_line(arguments: tuple[str, ...], says: str) -> None:
    command = [sys.executable, "-m", "safesight", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    said = done.stdout + done.stderr
    assert done.returncode != 0
    assert says in " ".join(said.split())
    assert "Traceback" not in said


def test_another_run_under_the_same_name_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    safesight(*ECHO, "--limit", "2", "--run", path)
    assert "holds another run" in safesight(*ECHO, "--limit", "1", "--run", path, code=2)
    assert "holds another run" in safesight(*ECHO, "--limit", "2", "--temperature", "1", "--run", path, code=2)


def test_the_catalogue_and_the_starter_data() -> None:
    said = safesight("list")
    for name in ("mir_safetybench", "embedded", "harmbench", "generative", "self_check"):
        assert name in said
    assert "complete" in safesight("data", "starter")


def test_the_version() -> None:
    from safesight import __version__

    assert safesight("--version").strip() == __version__
