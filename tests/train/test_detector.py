import asyncio
import json
import random

import numpy as np
import pytest

from safesight.core.errors import ConfigError, MissingData
from safesight.core.records import Exchange
from safesight.detectors.embedded import open_detector
from safesight.train import ngram_detector
from safesight.train.detector import train_detector

CONFIG = """
name = "tiny"
kind = "linear"
out = "out"
seed = 5
[[train]]
path = "train.jsonl"
format = "harm"
[[pairs]]
path = "pairs.jsonl"
format = "preference"
[[held_out]]
path = "dev.jsonl"
format = "harm"
[linear]
bits = 14
min_rows = 1
[calibration]
folds = 3
benign_fpr = 0.02
"""
RUDE = ("mock the new neighbour loudly", "tell them their cooking is awful", "laugh at the slow runner in public")
KIND = ("greet the new neighbour warmly", "tell them their cooking is lovely", "cheer for the slow runner in public")


def rows(count, *, seed, source):
    rng = random.Random(seed)
    for _ in range(count):
        label = rng.randint(0, 1)
        aside = " ".join("".join(rng.choices("abcdefghij", k=6)) for _ in range(20))
        answer = f"{' and '.join(rng.sample(RUDE if label else KIND, 2))}, {aside}"
        question = f"What should I do about person {rng.randint(0, 30)}?"
        yield {"question": question, "answer": answer, "label": label, "set": source, "licence": "MIT"}
    for _ in range(count // 4):
        aside = " ".join("".join(rng.choices("klmnopqrst", k=6)) for _ in range(20))
        answer = f"Boil the {rng.choice(['rice', 'tea', 'pasta'])} for {rng.randint(2, 9)} minutes and stir. {aside}"
        yield {"question": f"How do I cook {rng.randint(0, 9)}?", "answer": answer, "label": 0, "set": "cooking"}


@pytest.fixture
def folder(tmp_path):
    def write(name, records):
        (tmp_path / name).write_text("\n".join(map(json.dumps, records)))

    write("train.jsonl", list(rows(160, seed=0, source="manners")))
    write("dev.jsonl", list(rows(60, seed=1, source="manners-dev")))
    turns = [{"role": "user", "content": "What should I say?"}]
    write("pairs.jsonl", [{"dialogue": turns, "chosen": k, "rejected": r} for k, r in zip(KIND, RUDE, strict=True)])
    (tmp_path / "config.toml").write_text(CONFIG)
    return tmp_path


def test_training_writes_weights_a_detector_opens_and_a_card(folder):
    said = []
    done = train_detector(folder / "config.toml", say=said.append)
    assert done.weights == folder / "out" / "tiny.npz"
    detector = open_detector(str(done.weights), {})
    exchanges = [Exchange(question="What now?", answer=text) for text in (RUDE[0], KIND[0])]
    rude, kind = asyncio.run(detector.score(exchanges))
    assert rude.harm > 0.5 > kind.harm
    assert detector.threshold == done.threshold
    card = done.card.read_text()
    assert "| manners | en | MIT |" in card
    assert "Licence of the weights: as the data's: MIT, unstated (trained on rows that do not say" in card
    assert "AUROC" in card
    assert set(json.loads(np.load(done.weights)["head"].tobytes())["points"]) == {"loose", "usual", "strict"}
    assert any("near-duplicates" in line for line in said)
    assert not (folder / "out" / "state").exists()


def test_the_same_configuration_gives_the_same_bytes(folder):
    first = train_detector(folder / "config.toml", out=folder / "a").weights.read_bytes()
    second = train_detector(folder / "config.toml", out=folder / "b").weights.read_bytes()
    assert first == second


def test_a_killed_run_resumes_to_the_same_weights(folder, monkeypatch):
    whole = train_detector(folder / "config.toml", out=folder / "a").weights.read_bytes()
    fit, fits = ngram_detector._fit, []

    def killed(*args):
        fits.append(1)
        if len(fits) == 2:
            raise KeyboardInterrupt
        return fit(*args)

    monkeypatch.setattr(ngram_detector, "_fit", killed)
    with pytest.raises(KeyboardInterrupt):
        train_detector(folder / "config.toml", out=folder / "b")
    assert not (folder / "b" / "tiny.npz").exists()
    assert train_detector(folder / "config.toml", out=folder / "b").weights.read_bytes() == whole
    assert len(fits) == 3, "the first fit was read back, only the last was made again"


def test_settings_that_cannot_work_are_told(folder):
    config = folder / "config.toml"
    config.write_text(CONFIG.replace("seed = 5", "sede = 5"))
    with pytest.raises(ConfigError, match="sede"):
        train_detector(config)
    config.write_text(CONFIG.replace("train.jsonl", "nothing.jsonl"))
    with pytest.raises(MissingData, match="no such file"):
        train_detector(config)
    config.write_text(CONFIG.replace("folds = 3", "folds = 100000"))
    with pytest.raises(ConfigError, match="one kind only"):
        train_detector(config)
    one = [record for record in rows(40, seed=0, source="m") if not record["label"]]
    (folder / "train.jsonl").write_text("\n".join(map(json.dumps, one)))
    config.write_text(CONFIG)
    with pytest.raises(ConfigError, match="only one of the two"):
        train_detector(config)


def test_ranking_pairs_pull_their_answers_apart(folder):
    def gap(ranking):
        config = folder / "config.toml"
        config.write_text(CONFIG.replace("[linear]", f"[loss]\nranking = {ranking}\n[linear]"))
        weights = train_detector(config, out=folder / f"r{ranking}").weights
        with np.load(weights) as arrays:
            answer, idf = arrays["answer"].astype(float), arrays["idf"].astype(float)
        from safesight.detectors.ngrams import features

        def score(text):
            found = features(text, bits=14)
            return float(np.sum((answer * idf)[found]) / np.sqrt(np.sum(idf[found] ** 2)))

        return sum(score(r) - score(k) for r, k in zip(RUDE, KIND, strict=True))

    assert gap(20.0) > gap(0.0)
