"""Random-weight classifiers from config: what is tested is how they are asked and read."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
import torch

from safesight.core.errors import ConfigError, DetectorError
from safesight.core.records import Exchange
from safesight.core.registry import open_plugin
from safesight.detectors.classifier import SequenceClassifier, Settings
from safesight.testing import check_detector

WORDS = ["<pad>", "<unk>", "Question", "Answer", ":", "how", "so", "well", "good", "bad", "."]


def tokenizer() -> Any:
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    inner = Tokenizer(models.WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="<unk>"))
    inner.pre_tokenizer = pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(tokenizer_object=inner, pad_token="<pad>", unk_token="<unk>")


def decoder(num_labels: int = 1, **config: Any) -> Any:
    from transformers import LlamaConfig, LlamaForSequenceClassification

    torch.manual_seed(0)
    settings = LlamaConfig(
        vocab_size=len(WORDS),
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=512,
        pad_token_id=0,
        num_labels=num_labels,
        **config,
    )
    return LlamaForSequenceClassification(settings)


def make(num_labels: int = 1, *, settings: Settings | None = None, **config: Any) -> SequenceClassifier:
    return SequenceClassifier(decoder(num_labels, **config), tokenizer(), name="hf:test", settings=settings)


def direct(detector: SequenceClassifier, text: str) -> torch.Tensor:
    with torch.inference_mode():
        return detector._model(**detector._tokenizer(text, return_tensors="pt")).logits[0]


async def test_the_papers_head_is_one_bias_free_logit_and_its_sigmoid_is_safe() -> None:
    detector = make()
    assert detector._model.score.bias is None
    [harm] = await detector.score([Exchange(question="how", answer="so well .")])
    logit = direct(detector, "Question: how\n\nAnswer: so well .")
    assert harm.harm == pytest.approx(1 - float(logit.sigmoid()), abs=1e-6)
    await detector.aclose()


async def test_padding_and_batches_change_nothing() -> None:
    detector = make(settings=Settings(batch=3))
    exchanges = [Exchange(question="how", answer="so " * (1 + i % 5) + "bad .") for i in range(10)]
    together = [h.harm for h in await detector.score(exchanges)]
    alone = [(await detector.score([e]))[0].harm for e in exchanges]
    assert together == pytest.approx(alone, abs=1e-5)
    assert await detector.score([]) == []


async def test_a_pair_goes_to_the_tokenizer_as_two_texts() -> None:
    from tokenizers.processors import TemplateProcessing

    settings = Settings(layout="pair", unsafe="LABEL_1", max_length=64)
    detector = make(2, settings=settings)
    detector._tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single="Question $A", pair="Question $A Answer $B", special_tokens=[("Question", 2), ("Answer", 3)]
    )
    [harm] = await detector.score([Exchange(question="how so", answer="so bad .")])
    with torch.inference_mode():
        logits = detector._model(**detector._tokenizer("how so", "so bad .", return_tensors="pt")).logits[0]
    assert harm.harm == pytest.approx(float(logits.softmax(0)[1]), abs=1e-6)
    [long] = await detector.score([Exchange(question="how", answer="so " * 300 + "bad .")])
    assert 0 <= long.harm <= 1


async def test_answer_layout_leaves_the_question_out() -> None:
    detector = make(settings=Settings(layout="answer", logit="harm"))
    scores = await detector.score([Exchange(question=q, answer="so bad") for q in ("how", "good good well")])
    assert scores[0] == scores[1]
    assert scores[0].harm == pytest.approx(float(direct(detector, "so bad").sigmoid()), abs=1e-6)


async def test_a_long_answer_counts_at_its_worst_piece_and_no_token_is_lost() -> None:
    detector = make(settings=Settings(max_length=64))
    answer = " ".join(random.Random(0).choices(WORDS[5:], k=400))
    exchange = Exchange(question="how " * 100, answer=answer)
    pieces = [first for first, _ in detector._pieces(exchange)]
    assert len(pieces) > 5
    assert all(len(detector._tokenizer(piece)["input_ids"]) <= 64 for piece in pieces)
    bodies = [piece.partition("Answer: ")[2] for piece in pieces]
    position = 0
    for body in bodies:
        at = answer.find(body, max(0, position - 200))
        assert 0 <= at <= position, "pieces overlap or touch"
        position = max(position, at + len(body))
    assert position == len(answer)
    [harm] = await detector.score([exchange])
    assert harm.harm == pytest.approx(max(1 - float(direct(detector, p).sigmoid()) for p in pieces), abs=1e-5)


async def test_labels_say_which_classes_are_harmful() -> None:
    names = {0: "Safe", 1: "Unsafe", 2: "Toxic"}
    detector = make(3, id2label=names, label2id={v: k for k, v in names.items()})
    [harm] = await detector.score([Exchange(question="how", answer="bad")])
    probabilities = direct(detector, "Question: how\n\nAnswer: bad").softmax(0)
    assert harm.harm == pytest.approx(float(probabilities[1] + probabilities[2]), abs=1e-6)
    only = make(3, settings=Settings(unsafe="toxic"), id2label=names, label2id={v: k for k, v in names.items()})
    assert (await only.score([Exchange(question="how", answer="bad")]))[0].harm == pytest.approx(
        float(probabilities[2]), abs=1e-6
    )


async def test_labels_that_are_not_exclusive_count_at_the_worst() -> None:
    names = {0: "toxic", 1: "unsafe"}
    detector = make(2, id2label=names, label2id={"toxic": 0, "unsafe": 1}, problem_type="multi_label_classification")
    [harm] = await detector.score([Exchange(question="how", answer="bad")])
    assert harm.harm == pytest.approx(float(direct(detector, "Question: how\n\nAnswer: bad").sigmoid().max()), abs=1e-6)


def test_labels_that_say_nothing_are_an_error() -> None:
    with pytest.raises(ConfigError, match="which labels mean harm; the model has label_0, label_1"):
        make(2)
    with pytest.raises(ConfigError, match="unsafe=LABEL"):
        make(2, settings=Settings(unsafe="nope"))


async def test_a_model_that_outputs_nan_is_broken() -> None:
    detector = make()
    with torch.no_grad():
        detector._model.score.weight.fill_(float("nan"))
    with pytest.raises(DetectorError, match="not a number"):
        await detector.score([Exchange(question="how", answer="bad")])


async def test_loads_a_saved_model_and_a_lora_with_its_head(tmp_path: Path) -> None:
    from peft import LoraConfig, TaskType, get_peft_model

    base = decoder()
    base.save_pretrained(tmp_path / "base")
    tokenizer().save_pretrained(tmp_path / "base")
    lora = LoraConfig(task_type=TaskType.SEQ_CLS, r=4, target_modules=["q_proj", "v_proj"], modules_to_save=["score"])
    tuned = get_peft_model(base, lora)
    with torch.no_grad():
        for name, weight in tuned.named_parameters():
            if "lora_B" in name or "score.modules_to_save" in name:
                weight.add_(0.5)
    tuned.save_pretrained(tmp_path / "lora")
    exchange = Exchange(question="how", answer="so bad .")
    plain = open_plugin("detectors", f"hf:{tmp_path / 'base'}")
    adapted = open_plugin("detectors", f"hf:{tmp_path / 'base'}?lora={tmp_path / 'lora'}&num_labels=1")
    [before], [after] = await plain.score([exchange]), await adapted.score([exchange])
    expected = SequenceClassifier(tuned, tokenizer(), name="direct")
    assert after.harm == pytest.approx((await expected.score([exchange]))[0].harm, abs=1e-5)
    assert abs(after.harm - before.harm) > 1e-4
    assert plain.fingerprint != adapted.fingerprint
    again = open_plugin("detectors", f"hf:{tmp_path / 'base'}")
    assert again.fingerprint == plain.fingerprint
    await check_detector(again, texts=("", "so bad .", "天气 é", "how " * 500))


@pytest.mark.parametrize("saved", [None, ["norm"], ["score"]])
async def test_a_head_nobody_trained_is_an_error(tmp_path: Path, saved: list[str] | None) -> None:
    """Backbones are published without a score head; only an adapter that brings one makes a detector of them."""
    from peft import LoraConfig, TaskType, get_peft_model
    from transformers import LlamaForCausalLM

    torch.manual_seed(0)
    LlamaForCausalLM(decoder().config).save_pretrained(tmp_path / "backbone")
    tokenizer().save_pretrained(tmp_path / "backbone")
    kind = TaskType.SEQ_CLS if saved == ["score"] else None
    lora = LoraConfig(task_type=kind, r=4, target_modules=["q_proj"], modules_to_save=list(saved) if saved else None)
    get_peft_model(decoder(), lora).save_pretrained(tmp_path / "lora")
    with pytest.raises(DetectorError, match="score at random"):
        open_plugin("detectors", f"hf:{tmp_path / 'backbone'}?num_labels=1")
    name = f"hf:{tmp_path / 'backbone'}?num_labels=1&lora={tmp_path / 'lora'}"
    if saved == ["score"]:
        [harm] = await open_plugin("detectors", name).score([Exchange(question="how", answer="so bad .")])
        assert 0 <= harm.harm <= 1
    else:
        with pytest.raises(DetectorError, match="neither the model nor the adapter"):
            open_plugin("detectors", name)


def test_what_cannot_be_loaded_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(DetectorError, match="cannot be loaded"):
        open_plugin("detectors", f"hf:{tmp_path / 'empty'}")
    with pytest.raises(ConfigError, match="got none"):
        open_plugin("detectors", "hf")
    with pytest.raises(ConfigError, match="max_length >= 64"):
        open_plugin("detectors", f"hf:{tmp_path}?max_length=8")
