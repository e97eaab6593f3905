"""Chooses how `embedded` scores an answer's last stretch, on harmless answers it was not trained on; writes it down.

    python tools/embedded_stretch.py ../shared/data/harm/answers_more.jsonl.gz --raise-to 0.84

The guard flags an answer by the running score at any of its windows, or by its last stretch. The running score's
threshold is raised, and the stretch's shift set, so that together they flag as many harmless answers as the running
score alone did at its old threshold. Run it after training; it is deterministic.
"""

from __future__ import annotations

import argparse
import gzip
import json
import math
import random
import sys
from importlib.resources import files
from pathlib import Path

import msgspec
import numpy as np

from safesight.detectors.embedded import EmbeddedHead, StretchHead, _Running, _Stretches, _Weights
from safesight.guard.policy import StreamRule
from safesight.guard.windows import Cutter
from safesight.train.corpus import save_arrays

SETS = {
    "Arena-Hard answers": 450,
    "OpenAssistant samples": 353,
    "Dolly sample": 300,
    "LLMBar": 300,
    "refusal_direction harmless completions": 400,
    "MedQuAD": 300,
    "self-instruct": 149,
    "GPTeacher code and tools": 200,
}
"""Ordinary answers outside the training rows, and how many of each."""
CHARS = 250


def peaks(weights: _Weights, question: str, answer: str) -> tuple[float, float]:
    """The highest logits over the guard's windows: the running one's, and the last stretch's."""
    asked = weights.net.question(question) if weights.net else None
    cutter, running, stretches = Cutter(StreamRule()), _Running(weights, asked), _Stretches(weights, asked, CHARS)
    start, highest, worst = 0, -math.inf, -math.inf
    while start < len(answer):
        end = cutter.cut(answer, start, start) or len(answer)
        highest = max(highest, running.feed(answer[start:end]))
        worst = max(worst, stretches.feed(answer[start:end]))
        start = end
    return highest, worst


def logit(chance: float) -> float:
    """Log-odds."""
    return math.log(chance / (1 - chance))


def main() -> None:
    """Read rows, choose, rewrite the head of the shipped weights."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", type=Path)
    parser.add_argument("--raise-to", type=float, required=True)
    chosen = parser.parse_args()
    path = Path(str(files("safesight.detectors") / "weights" / "embedded.npz"))
    with np.load(path, allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    head = msgspec.json.decode(arrays["head"].tobytes(), type=EmbeddedHead)
    if head.stretch is not None:
        raise SystemExit("these weights know stretches already; train anew first")
    weights = _Weights(path.read_bytes(), where=str(path))
    rows = [json.loads(line) for line in gzip.decompress(chosen.rows.read_bytes()).splitlines()]
    draw = random.Random(3)
    found: list[tuple[float, float]] = []
    for name, count in SETS.items():
        calm = [row for row in rows if row["set"] == name and row["label"] == 0 and row["lang"] == "en"]
        draw.shuffle(calm)
        found += [peaks(weights, row["question"], row["answer"]) for row in calm[:count]]
    running, last = np.array(found).T
    old, new = logit(head.threshold), logit(chosen.raise_to)
    budget = int(np.sum(running >= old) - np.sum(running >= new))
    cut = float(np.sort(last[running < new])[::-1][budget]) + 1e-6
    made = msgspec.structs.replace(
        head, threshold=chosen.raise_to, stretch=StretchHead(chars=CHARS, shift=round(new - cut, 4))
    )
    sys.stdout.write(f"{len(found)} answers, {np.mean(running >= old):.4f} flagged; cut {cut:.3f}; {made.stretch}\n")
    save_arrays(path, arrays | {"head": np.frombuffer(msgspec.json.encode(made), np.uint8)})


if __name__ == "__main__":
    main()
