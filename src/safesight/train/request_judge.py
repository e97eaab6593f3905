"""Fits, calibrates and writes the judge of requests that `detectors.requests` reads.

As for answers, the n-grams are fitted twice: without the calibration rows, whose scores give probabilities, and then on
all rows. Thresholds are read off ordinary requests of sets that neither fit saw (`calibration.streams`): an operating
point is the share of those that it would stop.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from safesight.detectors.requests import RequestHead, RequestReader
from safesight.train import calibration
from safesight.train.checkpoints import Checkpoints, packed
from safesight.train.corpus import Corpus, Say, Trained, fold_of, set_name
from safesight.train.data import Row, read_rows
from safesight.train.linear import count_matrix, fit, inverse_frequency, weighted
from safesight.train.metrics import auroc, interval
from safesight.train.settings import DetectorConfig

Floats = NDArray[np.float64]
Arrays = dict[str, NDArray[np.generic]]
POINTS = {"loose": 0.01, "usual": 0.02, "strict": 0.05}
"""Operating points: the share of ordinary requests that is stopped."""


def _fit(counts: sparse.csr_matrix, rows: Sequence[Row], inside: NDArray[np.bool_], config: DetectorConfig) -> Arrays:
    # A language that is harmful in nearly all rows of a set must not become a sign of harm: each counts by itself.
    keys = [(set_name(row), row.label, row.lang) for row, chosen in zip(rows, inside, strict=True) if chosen]
    sizes = Counter(keys)
    labels = np.array([label for _, label, _ in keys], np.float64)
    chosen = counts[inside]
    idf = inverse_frequency(chosen, min_rows=config.linear.min_rows)
    weight, bias = fit(
        weighted(chosen, idf),
        labels,
        weights=np.array([sizes[key] ** -0.5 for key in keys]),
        strength=config.linear.strength,
    )
    return {"idf": idf, "answer": weight, "bias": np.array([bias])}


def told(reader: RequestReader, rows: Sequence[Row]) -> str:
    """A Markdown table of what a reader says to labelled requests: per set, the share flagged at every point."""
    names = list(reader.head.points)
    sets: dict[tuple[str, int], list[float]] = {}
    for row in rows:
        sets.setdefault((row.source, row.label), []).append(reader.harm(row.question))
    lines = [f"| set | requests | n | {' | '.join(names)} |", f"|---|---|---|{'---|' * len(names)}"]
    for (source, label), harms in sorted(sets.items()):
        shares = [f"{np.mean(np.array(harms) >= reader.head.points[name]):.3f}" for name in names]
        lines.append(f"| {source} | {'harmful' if label else 'fair'} | {len(harms)} | {' | '.join(shares)} |")
    labels = np.array([float(label) for (_, label), harms in sets.items() for _ in harms])
    scores = np.array([harm for harms in sets.values() for harm in harms])
    value = auroc(labels, scores)
    low, high = interval(auroc, labels, scores)
    ranked = "" if np.isnan(value) else f"\n\nAUROC of all of them: {value:.3f} [{low:.3f}, {high:.3f}]."
    return "\n".join(lines) + ranked


def train_requests(
    config: DetectorConfig, corpus: Corpus, *, root: Path, folder: Path, checkpoints: Checkpoints, say: Say
) -> Trained:
    """Fit without the calibration rows, calibrate, fit on everything, choose thresholds and write `<name>.npz`."""
    rows = list({row.question: row for row in corpus.rows if row.question.strip()}.values())
    counts = count_matrix([row.question for row in rows], bits=config.linear.bits)
    held = np.array([fold_of(row.question, folds=config.calibration.folds) == 0 for row in rows])
    first = checkpoints.step("unseen", lambda: _fit(counts, rows, ~held, config))
    scores = weighted(counts[held], first["idf"].astype(np.float32)) @ first["answer"] + first["bias"][0]
    labels = np.array([row.label for row in rows], np.float64)[held]
    slope, offset = calibration.logistic(scores[:, None], labels, balanced=config.calibration.balanced).tolist()
    final = checkpoints.step("final", lambda: _fit(counts, rows, np.ones(len(rows), bool), config))
    head = RequestHead(
        bits=config.linear.bits,
        bias=float(final["bias"][0]),
        calibration=(slope, offset),
        threshold=0.5,
        trained={"name": config.name, "licence": config.licence, "rows": str(len(rows))},
    )
    arrays = {name: final[name].astype(np.float16) for name in ("idf", "answer")}

    def written(head: RequestHead) -> bytes:
        return packed({**arrays, "head": np.frombuffer(msgspec.json.encode(head), np.uint8)})

    ordinary = [row for file in config.calibration.streams for row in read_rows(file, root=root) if not row.label]
    ordinary = ordinary or [row for row, out in zip(rows, held, strict=True) if out and not row.label]
    reader = RequestReader(written(head), where="the weights just fitted")
    harms = np.array([reader.harm(row.question) for row in ordinary])
    points = {name: round(float(np.quantile(harms, 1 - share)), 4) for name, share in POINTS.items()}
    head = msgspec.structs.replace(head, points=points, threshold=points["usual"])
    path = folder / f"{config.name}.npz"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(written(head))
    say(f"{len(ordinary)} ordinary requests; points: {', '.join(f'{name} {at:.3f}' for name, at in points.items())}")
    return Trained(
        weights=path, threshold=head.threshold, rows=len(rows), removed=corpus.removed, read_off=len(ordinary)
    )
