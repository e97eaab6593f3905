import hashlib
import json
import re
from pathlib import Path

import pytest

from safesight.cli.app import build
from safesight.core.errors import ConfigError
from safesight.core.records import Decoding
from safesight.core.registry import open_plugin
from safesight.guard.detoxify import rewrite_messages
from safesight.guard.refusals import refusal
from safesight.judges.refusal import refused
from safesight.train.data import DataFile, Row, read_rows
from safesight.train.detox_data import DetoxSettings, detox_examples
from safesight.train.detoxifier import train_detoxifier
from tests.train.detox_rows import pairs

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

CONFIG = """
name = "mild"
out = "out"
base = "{base}"
seed = 4
export_dtype = "float32"
[[data]]
path = "pairs.jsonl"
format = "saferlhf"
licence = "CC0-1.0"
[examples]
copy_share = 0.2
[lora]
rank = {rank}
alpha = 32
dropout = 0.1
targets = ["all-linear"]
[steps]
learning_rate = {rate}
max_steps = {steps}
batch = {batch}
max_tokens = {longest}
check_every = {every}
validation_share = 0.2
"""


@pytest.fixture
def configure(tmp_path):
    def write(*, base, rank=8, rate=3e-3, steps=9, longest=1024, rows=48, batch=4, every=3):
        (tmp_path / "pairs.jsonl").write_text("\n".join(map(json.dumps, pairs(rows))))
        path = tmp_path / "config.toml"
        settings = {"rank": rank, "rate": rate, "steps": steps, "longest": longest, "batch": batch, "every": every}
        path.write_text(CONFIG.format(base=base, **settings))
        return path

    return write


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """A random two-layer text model with the embedded model's chat format."""
    from tests.models.hf.tiny_vlms import build

    return build("text", tmp_path_factory.mktemp("base") / "text")


def examples(rows, **settings):
    found = detox_examples(rows, DetoxSettings(**settings), seed=0)
    return {kind: [e for e in found if e.kind == kind] for kind in ("rewrite", "refuse", "copy")}


@pytest.fixture
def rows(tmp_path):
    (tmp_path / "pairs.jsonl").write_text("\n".join(map(json.dumps, pairs(400))))
    return read_rows(DataFile(path=str(tmp_path / "pairs.jsonl"), format="saferlhf"))


@pytest.mark.parametrize("share", [0.0, 0.3, 0.5])
def test_refusals_and_copies_stay_within_their_shares(rows, share):
    found = examples(rows, refusal_share=share, copy_share=share)
    mended = len(found["rewrite"]) + len(found["refuse"])
    assert len(found["rewrite"]) == 100
    assert len(found["refuse"]) == int(share * mended + 1e-9)
    assert len(found["copy"]) == int(share * (mended + len(found["copy"])) + 1e-9)
    assert not any(refused(e.messages[-1].text) for kind in ("rewrite", "copy") for e in found[kind])


def test_each_kind_is_asked_as_the_guard_asks_and_answers_as_it_should(rows):
    found = examples(rows, refusal_share=0.7, copy_share=0.5)
    answers = {(row.question, row.answer): row for row in rows}
    for example in (e for kind in found.values() for e in kind):
        options = [
            rewrite_messages(row.question, row.answer, categories=codes, again=again)
            for row in answers.values()
            if row.question == example.group
            for codes in ((), ("hte",))
            for again in (False, True)
        ]
        assert list(example.messages[:-1]) in options
    assert all(e.messages[-1].text in e.messages[-2].text for e in found["copy"]), "copied unchanged"
    assert refusal(["hte"], language="en") in {e.messages[-1].text for e in found["refuse"]}
    assert any("<concerns>hate</concerns>" in e.messages[-2].text for e in found["rewrite"])
    assert {e.messages[0].text for e in found["rewrite"]} < {e.messages[0].text for e in found["refuse"]}


def test_answers_to_one_question_are_joined_across_rows():
    said = {"question": "What now?", "source": "s"}
    rows = [Row(answer="Mock them.", label=1, **said), Row(answer="Thank them.", label=0, **said)]
    found = examples(rows, copy_share=0.5)
    assert [e.messages[-1].text for e in found["rewrite"]] == ["Thank them."]
    with pytest.raises(ConfigError, match="would only refuse"):
        examples(rows[:1])


def digest(folder: Path):
    names = ("model.safetensors", "adapter/adapter_model.safetensors")
    return [hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in names]


def test_a_killed_run_resumes_to_the_weights_of_an_uninterrupted_one(configure, base, tmp_path, monkeypatch):
    path = configure(base=base)
    whole = digest(train_detoxifier(path, out=tmp_path / "a").folder)
    step, steps = transformers.Trainer.training_step, []

    def killed(*args, **kwargs):
        steps.append(1)
        if len(steps) == 6:
            raise KeyboardInterrupt
        return step(*args, **kwargs)

    monkeypatch.setattr(transformers.Trainer, "training_step", killed)
    with pytest.raises(KeyboardInterrupt):
        train_detoxifier(path, out=tmp_path / "b")
    said = []
    assert digest(train_detoxifier(path, out=tmp_path / "b", say=said.append).folder) == whole
    assert "resumed at step 3" in said
    assert len(steps) == 6 + 6, "three steps were not done again"
    assert not (tmp_path / "b" / "state").exists()


def test_settings_that_cannot_work_are_told(configure, base):
    path = configure(base=base)
    path.write_text(path.read_text().replace("seed = 4", "sede = 4"))
    with pytest.raises(ConfigError, match="sede"):
        train_detoxifier(path)
    with pytest.raises(ConfigError, match="1 in 5 for validation, got 0"):
        train_detoxifier(configure(base=base, longest=8))


@pytest.mark.slow
async def test_the_embedded_model_learns_to_mend_and_opens_as_a_model(configure, tmp_path, capsys):
    pytest.importorskip("gguf")
    path = configure(base="embedded", rate=1e-3, steps=3, longest=256, rows=24, batch=2, every=3)
    build()(["train", "detoxifier", str(path)], standalone_mode=False)
    folder = tmp_path / "out" / "mild"
    assert f'model = "hf/{folder}"' in capsys.readouterr().out
    card = (folder / "README.md").read_text()
    losses = re.findall(r"^\| \w+ \| \d+ \| ([\d.]+) \| ([\d.]+) \|$", card, re.MULTILINE)
    assert losses
    assert sum(float(after) for _, after in losses) < sum(float(before) for before, _ in losses)
    assert digest(folder)[0] in card
    assert "| pairs | CC0-1.0 |" in card
    model = open_plugin("models", f"hf/{folder}")
    asked = rewrite_messages("What should I say to the cook about the soup?", "Laugh at the cook about the soup.")
    reply = await model.generate(asked, decoding=Decoding(temperature=0.0, max_tokens=6))
    await model.aclose()
    assert reply.status in ("ok", "truncated")
