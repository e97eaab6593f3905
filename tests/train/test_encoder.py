"""A tuned BERT-like backbone as one int8 ONNX file: written by training, run without torch."""

import json

import numpy as np
import pytest

from safesight.core.errors import ConfigError, DetectorError, MissingExtra
from safesight.core.records import Exchange
from safesight.detectors import encoder as encoder_module
from safesight.detectors.backbone import Tuned, pieces
from safesight.detectors.encoder import open_detector
from safesight.train.detector import train_detector
from tests.train.manners import BAD, GOOD, write_rows

torch = pytest.importorskip("torch")
pytest.importorskip("onnxscript")

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "them", "then", "what", "now", ".", "##s", *BAD, *GOOD]
CONFIG = """
name = "small"
kind = "backbone"
out = "out"
[[train]]
path = "train.jsonl"
format = "harm"
[written]
contrast = 2
[backbone]
model = "bert"
pooling = "mean"
frozen_layers = 1
max_tokens = 32
learning_rate = 3e-3
head_learning_rate = 1e-2
epochs = 3
batch = 8
check_every = 10
validation_share = 0.25
onnx = true
[calibration]
benign_fpr = 0.05
"""


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The folder and the ONNX file of one training on a random two-layer BERT."""
    from transformers import BertConfig, BertModel, BertTokenizerFast

    folder = tmp_path_factory.mktemp("encoder")
    (folder / "bert").mkdir()
    (folder / "bert" / "vocab.txt").write_text("\n".join(WORDS) + "\n")
    BertTokenizerFast(str(folder / "bert" / "vocab.txt")).save_pretrained(folder / "bert")
    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    BertModel(BertConfig(vocab_size=len(WORDS), **sizes)).save_pretrained(folder / "bert")
    write_rows(folder / "train.jsonl")
    config = folder / "config.toml"
    config.write_text(CONFIG.replace('"bert"', json.dumps(str(folder / "bert"))))
    done = train_detector(config)
    return done.weights, folder / "out" / "small.onnx"


async def test_the_file_scores_as_the_folder_it_was_made_from(trained):
    folder, file = trained
    small, whole = open_detector(str(file), {}), Tuned(folder)
    texts = ["mock them then shove them.", "Help them, then greet them", "", " ", "shoves " * 90, "xyz 你好 é"]
    exchanges = [Exchange(question="what now", answer=text) for text in texts]
    harms = [harm.harm for harm in await small.score(exchanges)]
    assert harms == pytest.approx([harm.harm for harm in await whole.score(exchanges)], abs=0.05)
    assert harms[0] > harms[1]
    assert harms[2] == harms[3] == 0.0
    assert small.threshold == whole.threshold
    alone = [(await small.score([exchange]))[0].harm for exchange in exchanges]
    assert harms == alone, "a score does not depend on its neighbours"


def test_tokens_are_those_of_training(trained):
    folder, file = trained
    small, whole = open_detector(str(file), {}), Tuned(folder)
    for question, answer in (("what NOW?", "Shoves them."), ("what " * 40, "greet them then " * 30), ("", "é 你 zz")):
        assert small.pieces(question, answer) == pieces(whole.tokenizer, question, answer, max_tokens=32)


def test_names_and_options_are_read_strictly(trained, tmp_path, monkeypatch):
    _, file = trained
    assert open_detector(str(file), {"threshold": "0.25", "threads": "2"}).threshold == 0.25
    for wrong in ({"threshold": "1.5"}, {"threads": "0"}, {"threshold": "high"}):
        with pytest.raises(ConfigError):
            open_detector(str(file), wrong)
    with pytest.raises(ConfigError, match="cannot read"):
        open_detector(str(tmp_path / "none.onnx"), {})
    (tmp_path / "bad.onnx").write_bytes(b"nothing")
    with pytest.raises(DetectorError, match="not an ONNX model"):
        open_detector(str(tmp_path / "bad.onnx"), {})
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", None)
    with pytest.raises(MissingExtra, match="onnxruntime"):
        open_detector(str(file), {})


def test_an_output_that_is_not_a_number_is_an_error_not_a_score(trained, monkeypatch):
    _, file = trained
    detector = open_detector(str(file), {})
    monkeypatch.setattr(encoder_module.Encoder, "_logit", lambda *_: float(np.nan))
    with pytest.raises(DetectorError, match="not a number"):
        detector._harm(Exchange(question="what now", answer="mock them"))
