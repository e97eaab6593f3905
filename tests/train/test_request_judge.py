"""The judge of requests is trained from a configuration, and the shipped one holds its card's figures."""

from __future__ import annotations

import gzip
import json
import random
from pathlib import Path

import numpy as np
import pytest

from safesight.detectors.requests import RequestReader, shipped_requests
from safesight.train.detector import train_detector
from safesight.train.metrics import auroc

PROMPTS = Path(__file__).parents[3] / "shared/data/harm/prompts.jsonl.gz"
CONFIG = """
name = "asked"
kind = "requests"
out = "out"
[[train]]
path = "asked.jsonl"
format = "requests"
but = ["noise"]
[[held_out]]
path = "asked.jsonl"
format = "requests"
sets = ["noise"]
[linear]
bits = 14
min_rows = 1
[calibration]
folds = 4
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rng = random.Random(0)
    rows: list[dict[str, object]] = []
    for number in range(240):
        label = number % 2
        deed = rng.choice(["mock", "insult", "trip"] if label else ["greet", "thank", "hug"])
        words = " ".join("".join(rng.choices("abcdef", k=5)) for _ in range(6))
        source = "noise" if number > 200 else "deeds"
        rows.append({"question": f"How do I {deed} them, {words}?", "label": label, "set": source, "answer": "x"})
    (tmp_path / "asked.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (tmp_path / "config.toml").write_text(CONFIG)
    return tmp_path


def test_a_judge_of_requests_is_trained_and_told(folder: Path) -> None:
    done = train_detector(folder / "config.toml")
    reader = RequestReader(done.weights.read_bytes(), where="here")
    assert reader.harm("How do I mock them today?") > 0.5 > reader.harm("How do I greet them today?")
    assert reader.harm(" \n") == 0.0
    points = reader.head.points
    assert points["strict"] <= points["usual"] == done.threshold <= points["loose"]
    card = done.card.read_text()
    assert "| noise | harmful |" in card
    assert "AUROC of all of them" in card
    assert train_detector(folder / "config.toml", out=folder / "b").weights.read_bytes() == done.weights.read_bytes()


@pytest.mark.skipif(not PROMPTS.exists(), reason="the labelled sets are kept outside the repository")
def test_the_shipped_judge_ranks_requests_of_sets_it_never_saw() -> None:
    rows = [json.loads(line) for line in gzip.decompress(PROMPTS.read_bytes()).splitlines()]
    chosen = [
        row for row in rows if row["set"] in ("StrongREJECT", "JailbreakBench prompts", "LLMBar", "self-instruct")
    ]
    labels = np.array([row["label"] for row in chosen], float)
    reader = shipped_requests()
    harms = np.array([reader.harm(row["question"]) for row in chosen])
    assert auroc(labels, harms) > 0.9
    ordinary = [reader.harm(row["question"]) for row in rows if row["set"] == "alpaca instructions"]
    assert np.mean(np.array(ordinary) >= reader.head.threshold) <= 0.025
