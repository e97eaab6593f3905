"""Recorded answers replayed through real, tiny checkpoints; the gap table they lead to."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
import torch
from msgspec import structs
from typer.testing import CliRunner

from safesight.cli.app import build as build_app
from safesight.core.errors import ConfigError, ModelError, UnknownName
from safesight.core.messages import user
from safesight.core.records import Reply
from safesight.core.store import RunStore
from safesight.explain.entropy.probe import AttentionProbe
from safesight.explain.entropy.readings import entropy_table
from safesight.explain.entropy.replay import probe_name, replay_run
from safesight.explain.entropy.whitebox import WhiteBox, open_white_box, teacher_force
from tests.explain.entropy.runs import ANSWERS, run_file
from tests.models.hf.tiny_vlms import build


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("gemma3", tmp_path_factory.mktemp("gemma3"))


@pytest.fixture(scope="module")
def box(folder: Path) -> WhiteBox:
    return open_white_box(f"hf/{folder}")


def test_each_answer_gets_a_record_of_what_its_tokens_attended_to(box: WhiteBox, tmp_path: Path) -> None:
    with RunStore.open(run_file(tmp_path / "run.db")) as store:
        report = replay_run(store, box)
        records = list(store.probes(probe_name(box)))
        cases = {case.response.key: case for case in store.cases()}
    assert (report.done, report.kept, report.left_out) == (4, 0, {})
    assert len(records) == 4
    for record in records:
        answer = cases[record.response_key].response.reply.text
        tokens = len(box.checkpoint.tokenizer(answer, add_special_tokens=False)["input_ids"])
        assert record.values["tokens"] == [tokens]
        assert record.shape["entropy by token"] == [4, 4, tokens]
        assert record.shape["keys by token"] == [4, tokens]
        by_token = torch.tensor(record.values["entropy by token"]).view(4, 4, tokens)
        assert torch.allclose(by_token.mean(2).flatten(), torch.tensor(record.values["entropy"]), atol=2e-5)
        masses = [record.values[f"mass:{name}"] for name in ("image 1", "image 2", "text", "generated")]
        # Sliding layers see no image from far away: their mass there is 0, and all masses still sum to 1.
        assert torch.allclose(torch.tensor(masses).sum(0), torch.ones(16), atol=1e-4)
        assert any(value is not None for value in record.values["entropy within:image 1"])


def test_the_record_is_the_probe_of_the_same_tokens(box: WhiteBox, tmp_path: Path) -> None:
    with RunStore.open(run_file(tmp_path / "run.db")) as store:
        case = next(iter(store.cases()))
        replay_run(store, box, limit=1)
        record = next(iter(store.probes()))
    forced = teacher_force(box, case.sample.messages, case.response.reply)
    with torch.no_grad(), AttentionProbe(box.checkpoint.model, rows="all") as listening:
        box.checkpoint.model(**forced.inputs, use_cache=False)
    rows = listening.result.entropy[:, 0, :, forced.prompt_tokens - 1 : -1]
    assert rows.shape[2] == forced.answer_tokens
    assert torch.allclose(rows.mean(2).flatten(), torch.tensor(record.values["entropy"]), atol=2e-5)
    text = box.checkpoint.tokenizer.decode(forced.inputs["input_ids"][0, forced.prompt_tokens :])
    assert text == ANSWERS[0]


def test_reasoning_is_context_and_not_answer(box: WhiteBox, tmp_path: Path) -> None:
    with RunStore.open(run_file(tmp_path / "run.db")) as store:
        case = next(iter(store.cases()))
    plain = teacher_force(box, case.sample.messages, Reply(status="ok", text="A cat."))
    thought = teacher_force(box, case.sample.messages, Reply(status="ok", text="A cat.", reasoning="They show it."))
    assert thought.answer_tokens == plain.answer_tokens
    assert thought.prompt_tokens > plain.prompt_tokens
    before = thought.inputs["input_ids"][0, : thought.prompt_tokens]
    assert "They show it." in box.checkpoint.tokenizer.decode(before)


def test_a_second_replay_makes_only_what_is_missing(box: WhiteBox, tmp_path: Path) -> None:
    calls: list[tuple[int, int]] = []
    with RunStore.open(run_file(tmp_path / "run.db")) as store:
        replay_run(store, box, limit=2, per_token=False)
        again = replay_run(store, box, progress=lambda done, total: calls.append((done, total)))
        sizes = ["entropy by token" in record.values for record in store.probes()]
    assert (again.done, again.kept) == (2, 2)
    assert sorted(sizes) == [False, False, True, True]
    assert calls[-1] == (4, 4)


def test_answers_without_text_and_images_that_are_gone_are_counted(box: WhiteBox, tmp_path: Path) -> None:
    path = run_file(tmp_path / "a.db", statuses=("ok", "empty", "error", "truncated"))
    with RunStore.open(path) as store:
        report = replay_run(store, box)
    assert (report.done, report.left_out) == (2, {"empty": 1, "error": 1})
    with RunStore.open(run_file(tmp_path / "b.db", keep_images=False)) as store, pytest.raises(UnknownName):
        # Its benchmark, "test", is not installed, so the images cannot be made again.
        replay_run(store, box)
    path = run_file(tmp_path / "c.db")
    for image in tmp_path.glob("*.png"):
        image.write_bytes(b"changed")
    with RunStore.open(path) as store:
        assert replay_run(store, box).left_out == {"image missing": 4}


def test_only_local_models_can_be_looked_into() -> None:
    for name in ("openai/gpt-4o", "http://127.0.0.1:1/v1#m", "gguf:x.gguf"):
        with pytest.raises(ConfigError, match="look into"):
            open_white_box(name)
    with pytest.raises(UnknownName):
        open_white_box("embedded?depth=3")


@pytest.mark.slow
def test_the_embedded_models_own_weights_are_replayed_with_images_told_by_ocr(tmp_path: Path) -> None:
    box = open_white_box("embedded?vision=0")
    with RunStore.open(run_file(tmp_path / "run.db", answers=ANSWERS[:1])) as store:
        case = next(iter(store.cases()))
        report = replay_run(store, box)
        record = next(iter(store.probes()))
    forced = teacher_force(box, case.sample.messages, case.response.reply)
    prompt = box.checkpoint.tokenizer.decode(forced.inputs["input_ids"][0, : forced.prompt_tokens])
    assert report.done == 1
    assert prompt.startswith("<|im_start|>")
    assert "Image 2 of 2 (50 x 30 pixels): no text in it." in prompt
    assert record.shape["normalised"] == [30, 9]
    assert forced.layout is not None
    assert forced.layout.names == ("image 1", "image 2", "text", "generated")
    told = forced.inputs["input_ids"][0, : forced.prompt_tokens][forced.layout.ids[0] == 1]
    assert box.checkpoint.tokenizer.decode(told).strip() == "Image 2 of 2 (50 x 30 pixels): no text in it."


@pytest.mark.slow
def test_the_organisms_own_weights_are_replayed_on_image_tokens(tmp_path: Path) -> None:
    box = open_white_box("embedded")
    with RunStore.open(run_file(tmp_path / "run.db", answers=ANSWERS[:1])) as store:
        case = next(iter(store.cases()))
        report = replay_run(store, box)
    assert report.done == 1
    layout = teacher_force(box, case.sample.messages, case.response.reply).layout
    assert layout is not None
    assert layout.names == ("image 1", "image 2", "text", "generated")
    assert [int((layout.ids[0] == k).sum()) for k in (0, 1)] == [36, 36]
    with pytest.raises(ModelError, match=r"embedded\?vision=0"):
        teacher_force(box, [user("Hi")], case.response.reply)


def test_the_table_compares_safe_with_unsafe(box: WhiteBox, tmp_path: Path) -> None:
    with RunStore.open(run_file(tmp_path / "run.db", labels=("safe", "unsafe", "unparsed"))) as store:
        replay_run(store, box)
        table = entropy_table(store, permutations=50)
    assert (table.safe, table.unsafe, table.left_out) == (2, 1, {"unparsed": 1})
    assert table.heatmaps[0].layers * table.heatmaps[0].heads == len(table.heatmaps[0].plain.gap) == 16
    names = [row.name for row in table.scalars]
    assert names == [
        "entropy, normalised",
        "entropy, nats",
        "mass on images",
        "mass on text",
        "entropy within images, nats",
    ]
    layer = [value for value in table.heatmaps[0].plain.gap[:4] if value is not None]
    assert table.layers.gap[0] == pytest.approx(sum(layer) / 4)


def test_benign_cases_are_left_out_unless_asked_for(box: WhiteBox, tmp_path: Path) -> None:
    with RunStore.open(run_file(tmp_path / "run.db", benign=(0,))) as store:
        replay_run(store, box)
        table = entropy_table(store, permutations=20)
        whole = entropy_table(store, with_benign=True, permutations=20)
    assert (table.safe, table.unsafe, table.left_out) == (1, 2, {"benign case": 1})
    assert (whole.safe, whole.unsafe, whole.left_out) == (2, 2, {})


@pytest.mark.parametrize("labels", [("safe",), ("unsafe",), ("unparsed",)])
def test_one_label_alone_gives_a_table_without_gaps(labels: tuple[str], box: WhiteBox, tmp_path: Path) -> None:
    path = run_file(tmp_path / "run.db", answers=ANSWERS[:2], labels=labels)
    with RunStore.open(path) as store:
        replay_run(store, box, limit=1)
        table = entropy_table(store, permutations=20)
    assert all(row.gap.value is None and row.p is None for row in (*table.scalars, table.length))
    assert sum(table.left_out.values()) + table.safe + table.unsafe == 2


def test_a_run_without_records_or_with_several_says_what_to_do(tmp_path: Path, box: WhiteBox) -> None:
    with RunStore.open(run_file(tmp_path / "run.db", answers=ANSWERS[:1])) as store:
        with pytest.raises(ConfigError, match="explain entropy RUN --model"):
            entropy_table(store)
        replay_run(store, box)
        replay_run(store, box._replace(name="other"))
        with pytest.raises(ConfigError, match="--probe"):
            entropy_table(store)
        with pytest.raises(UnknownName, match="judge"):
            entropy_table(store, probe=probe_name(box), judge="nobody")


def test_the_command_replays_prints_and_writes_the_heatmap(folder: Path, tmp_path: Path) -> None:
    run = run_file(tmp_path / "run.db")
    out = tmp_path / "heat.csv"
    app = build_app()
    done = CliRunner().invoke(app, ["explain", "entropy", str(run), "--model", f"hf/{folder}", "--heatmap", str(out)])
    assert done.exit_code == 0, done.output
    for words in ("replayed 4", "2 safe and 2 unsafe", "entropy, normalised", "answer length", "is ours"):
        assert words in done.output
    assert "the answers are hf/tiny's" in " ".join(done.output.split())
    rows = list(csv.DictReader(out.read_text(encoding="utf-8").splitlines()))
    assert len(rows) == 2 * 4 * 4
    assert {row["measure"] for row in rows} == {"normalised", "entropy"}
    with RunStore.open(run) as store:
        (judge,) = store.judges()
        verdicts = list(store.verdicts())
        store.add(verdicts=[structs.replace(verdict, judge="second", label="safe") for verdict in verdicts])
    again = CliRunner().invoke(app, ["explain", "entropy", str(run)])
    assert again.exit_code == 0
    assert "2 safe and 2 unsafe" in again.output
    assert "4 safe and 0 unsafe" in again.output
    assert {row["judge"] for row in rows} == {judge}
    one = CliRunner().invoke(app, ["explain", "entropy", str(run), "--judge", judge])
    assert "4 safe and 0 unsafe" not in one.output
    wrong = CliRunner().invoke(app, ["explain", "entropy", str(run), "--model", "hf/not/there", "--judge", "secnd"])
    assert isinstance(wrong.exception, UnknownName)
