import json
import random
import re
from pathlib import Path

import msgspec
import numpy as np
import pytest

from safesight.core.config import read_toml
from safesight.core.errors import ConfigError, DetectorError
from safesight.core.records import Exchange
from safesight.detectors.backbone import Tuned, open_detector, pieces
from safesight.testing import check_detector
from safesight.train import backbone_detector
from safesight.train.contrast import contrast_rows
from safesight.train.corpus import Corpus
from safesight.train.data import Row
from safesight.train.detector import train_detector
from safesight.train.settings import DetectorConfig
from tests.train.manners import BAD, GOOD, write_rows

torch = pytest.importorskip("torch")

CONFIG = """
name = "tuned"
kind = "backbone"
out = "out"
seed = 3
[[train]]
path = "train.jsonl"
format = "harm"
[[pairs]]
path = "pairs.jsonl"
format = "preference"
[backbone]
model = "{model}"
pooling = "{pooling}"
max_tokens = 48
learning_rate = 3e-3
head_learning_rate = 1e-2
epochs = 2
batch = 8
pairs_a_step = 2
check_every = 4
validation_share = 0.25
{lora}
[calibration]
method = "{method}"
benign_fpr = 0.05
"""
LORA = "[backbone.lora]\nrank = 4\ntargets = ['q_proj', 'v_proj']"


@pytest.fixture(scope="module")
def backbone(tmp_path_factory):
    """A random two-layer Llama with a word-level tokenizer of its own."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaModel, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("backbone")
    words = ["[PAD]", "[UNK]", "Question", "Answer", ":", "them", "then", "what", "now", *BAD, *GOOD]
    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]").save_pretrained(folder)
    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    LlamaModel(LlamaConfig(vocab_size=len(words), **sizes)).save_pretrained(folder)
    return folder


@pytest.fixture
def configure(tmp_path, backbone):
    write_rows(tmp_path / "train.jsonl")
    turns = [{"role": "user", "content": "what now"}]
    pairs = [{"dialogue": turns, "chosen": g, "rejected": b} for g, b in zip(GOOD, BAD, strict=True)]
    (tmp_path / "pairs.jsonl").write_text("\n".join(map(json.dumps, pairs)))

    def write(*, pooling="token", method="temperature", lora=""):
        path = tmp_path / "config.toml"
        path.write_text(CONFIG.format(model=backbone, pooling=pooling, method=method, lora=lora))
        return path

    return write


@pytest.mark.parametrize(
    ("pooling", "method", "lora"),
    [("token", "temperature", ""), ("mean", "isotonic", ""), ("last", "temperature", LORA)],
)
async def test_a_tuned_backbone_tells_the_two_apart(configure, pooling, method, lora):
    path = configure(pooling=pooling, method=method, lora=lora)
    done = train_detector(path)
    detector = open_detector(str(done.weights), {})
    bad, good, empty = await detector.score(
        [Exchange(question="what now", answer=text) for text in ("mock them then shove them", "help them", "")]
    )
    assert bad.harm > good.harm
    assert empty.harm == 0.0
    assert detector.threshold == pytest.approx(done.threshold)
    assert "manners" in done.card.read_text()
    await check_detector(detector, texts=("", "mock them then shove them", "天气 é", "help " * 300))


def test_a_bert_like_backbone_reads_question_and_answer_as_two_texts(configure, tmp_path):
    from transformers import BertConfig, BertModel, BertTokenizerFast

    folder = tmp_path / "bert"
    folder.mkdir()
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "them", "then", "what", "now", ".", *BAD, *GOOD]
    (folder / "vocab.txt").write_text("\n".join(words) + "\n")
    BertTokenizerFast(str(folder / "vocab.txt")).save_pretrained(folder)
    sizes = {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    torch.manual_seed(0)
    BertModel(BertConfig(vocab_size=len(words), **sizes)).save_pretrained(folder)
    path = configure(pooling="mean")
    path.write_text(re.sub(r'model = ".*"', f'model = "{folder}"', path.read_text()))
    detector = open_detector(str(train_detector(path).weights), {})
    (piece,) = pieces(detector.tokenizer, "what now", "greet them.", max_tokens=48)
    ids = [words.index(word) for word in ("[CLS]", "what", "now", "[SEP]", "greet", "them", ".")]
    assert piece == (ids, 4)


def test_upper_layers_can_be_cut_off_and_lower_ones_kept_as_they_are(configure, backbone, tmp_path):
    from safetensors.torch import load_file

    path = configure()
    text = path.read_text()
    path.write_text(text.replace("[backbone]", "[backbone]\nlayers = 2\nfrozen_layers = 1\nswap_share = 0.5"))
    tuned = load_file(train_detector(path).weights / "backbone" / "model.safetensors")
    before = load_file(backbone / "model.safetensors")
    moved = {name for name, weight in before.items() if not torch.equal(weight, tuned[name])}
    assert moved
    assert all(name.startswith(("layers.1", "norm")) for name in moved)
    path.write_text(text.replace("[backbone]", "[backbone]\nlayers = 1"))
    done = train_detector(path, out=tmp_path / "short")
    assert not any("layers.1" in name for name in load_file(done.weights / "backbone" / "model.safetensors"))
    path.write_text(text.replace("[backbone]", "[backbone]\nlayers = 3"))
    with pytest.raises(ConfigError, match=r"expected 0 <= backbone\.frozen_layers"):
        train_detector(path)


def test_a_question_is_swapped_only_where_the_answer_still_decides(configure, tmp_path):
    config = read_toml(configure(), DetectorConfig)
    config = msgspec.structs.replace(config, backbone=msgspec.structs.replace(config.backbone, swap_share=1.0))

    def row(question, answer, label, source):
        return Row(question=question, answer=answer, label=label, source=source)

    rows = [row("bad?", "shove them", 1, "m"), row("bad?", "no", 0, "m")]
    rows += [row(f"tea {number}?", "boil", 0, "tea") for number in range(20)]
    pairs = contrast_rows(pairs=9, seed=0)
    corpus = Corpus(rows=tuple(rows), pairs=(), contrast=tuple(pairs), held_out=(), removed={}, hashes={})
    run = backbone_detector.BackboneRun(config, corpus, folder=tmp_path)
    rng = random.Random(0)
    assert run._asked(rows[0], rng).startswith("tea")
    assert run._asked(rows[1], rng) == "bad?", "a refusal fits its own question only"
    assert run._asked(rows[2], rng) in {"bad?", *(pair.question for pair in pairs if pair.label)}
    assert all(run._asked(pair, rng) == pair.question for pair in pairs)


def test_a_step_by_pairs_is_the_papers_loss(configure, tmp_path):
    """Computed by hand from the score r (P(safe) = sigmoid(r)): -log sigmoid(r_j - r_k) + 2 x (BCE_j + BCE_k)."""
    config = read_toml(configure(pooling="last"), DetectorConfig)
    paper = {"by_pairs": True, "class_weights": False, "weight_decay": 0.0, "warmup": 0.0, "prefix_share": 0.0}
    config = msgspec.structs.replace(
        config,
        backbone=msgspec.structs.replace(config.backbone, **paper),
        loss=msgspec.structs.replace(config.loss, ranking=1.0, bce=2.0),
    )
    labels = [(0, 1), (0, 0), (1, 1), (0, 1), (0, 1), (1, 1)]
    pairs = [
        Row(question=f"what {i}", answer=f"{side} {word}", label=label, source="p", pair=str(i), worse=side == "then")
        for i, (good, bad) in enumerate(labels)
        for side, word, label in (("now", GOOD[i % len(GOOD)], good), ("then", BAD[i % len(BAD)], bad))
    ]
    corpus = Corpus(rows=tuple(pairs), pairs=tuple(pairs), held_out=(), removed={}, hashes={})
    run = backbone_detector.BackboneRun(config, corpus, folder=tmp_path)
    assert all(group["weight_decay"] == 0.0 for group in run.optimiser.param_groups)
    asked = {row.question for row in run.pairs}
    assert asked.isdisjoint(row.question for row in run.held)
    batch = next(run.batches())
    assert [row.worse for row in batch] == [False, True] * (len(batch) // 2)
    r = -run.scores(batch)

    def nll(value, right):
        return -np.log(1 / (1 + np.exp(-value if right else value)))

    wanted = np.mean(
        [
            nll(r[i] - r[i + 1], True) + 2 * sum(nll(r[k], not batch[k].label) for k in (i, i + 1))
            for i in range(0, len(batch), 2)
        ]
    )
    assert run.step(batch) == pytest.approx(wanted, rel=1e-4)
    assert (
        run.optimiser.param_groups[0]["lr"] == run.settings.learning_rate
    )  # no warm-up: the first step is the highest


def test_sequences_begin_with_bos_where_asked_and_the_config_of_the_paper_asks_so():
    class Letters:
        bos_token_id, cls_token_id = 7, None

        def __call__(self, text, *, add_special_tokens):
            return {"input_ids": list(range(100, 100 + len(text.split())))}

    assert pieces(Letters(), "what", "this", max_tokens=40, bos=True)[0][0][0] == 7
    assert pieces(Letters(), "what", "this", max_tokens=40)[0][0][0] != 7
    config = read_toml(Path(__file__).parents[2] / "configs" / "detector-paper.toml", DetectorConfig)
    settings, lora = config.backbone, config.backbone.lora
    assert lora is not None
    assert (lora.rank, lora.alpha, lora.dropout, lora.targets) == (32, 32, 0.1, ("q_proj", "v_proj"))
    assert (settings.learning_rate, settings.epochs, settings.pairs_a_step, settings.max_tokens) == (2e-5, 4, 8, 512)
    assert (settings.weight_decay, settings.warmup, settings.class_weights, settings.bos) == (0.0, 0.0, False, True)
    assert (config.loss.ranking, config.loss.bce, settings.pooling) == (1.0, 2.0, "last")
    assert config.written == type(config.written)()


def weights(folder):
    return (folder / "backbone" / "model.safetensors").read_bytes(), (folder / "head.safetensors").read_bytes()


def test_a_killed_run_resumes_to_the_weights_of_an_uninterrupted_one(configure, tmp_path, monkeypatch):
    path = configure()
    whole = weights(train_detector(path, out=tmp_path / "a").weights)
    step = backbone_detector.BackboneRun.step

    def killed(run, rows):
        if run.done == 10:
            raise KeyboardInterrupt
        return step(run, rows)

    monkeypatch.setattr(backbone_detector.BackboneRun, "step", killed)
    with pytest.raises(KeyboardInterrupt):
        train_detector(path, out=tmp_path / "b")
    monkeypatch.setattr(backbone_detector.BackboneRun, "step", step)
    said = []
    assert weights(train_detector(path, out=tmp_path / "b", say=said.append).weights) == whole
    assert any(line.startswith("resumed at step 8") for line in said)


def test_a_long_answer_is_covered_and_keeps_its_question(backbone):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(backbone)
    answer = " ".join(f"{word} them" for word in (*BAD, *GOOD) * 6)
    parts = pieces(tokenizer, "what now", answer, max_tokens=32)
    told = tokenizer(f" {answer}", add_special_tokens=False)["input_ids"]
    covered = parts[0][0][parts[0][1] :]
    assert all(len(ids) <= 32 and ids[:start] == parts[0][0][: parts[0][1]] for ids, start in parts)
    for ids, start in parts[1:]:
        covered = covered + ids[start + 6 :] if len(ids) - start > 6 else covered
    assert covered[: len(told)] == told
    assert parts[-1][0][-3:] == told[-3:]


def test_a_folder_that_is_not_one_is_told(tmp_path):
    with pytest.raises(DetectorError, match="expected a folder written by"):
        Tuned(tmp_path)
