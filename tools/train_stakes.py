"""Fits `detectors/weights/stakes.json`: which words of a request say that fulfilling it harms somebody.

    .venv/bin/python tools/train_stakes.py

Rows are the organism's own training requests (`train.organism_items`), as a guard reads them: text of every picture,
then the question. The regularisation is chosen by cross-validation with each stake note held out as a whole.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline

from safesight.detectors.stakes import features
from safesight.train.organism_items import Requests, words

OUT = Path(__file__).parents[1] / "src" / "safesight" / "detectors" / "weights" / "stakes.json"
ROWS, SEED = 2400, 41


def say(line: str) -> None:
    """Print a line."""
    sys.stdout.write(line + "\n")


def rows() -> tuple[list[str], np.ndarray, np.ndarray]:
    """Texts, whether they are harmful, and the stake pair that each was made with."""
    requests, texts, harmful, groups = Requests(SEED), [], [], []
    rests = [[half.split("{p}")[-1] for half in pair] for pair in words().stakes]
    for k in range(ROWS):
        asked = requests.draw(k)
        text = "\n".join([*(side.text for side in asked.sides), asked.question])
        texts.append(text)
        harmful.append(asked.harmful)
        groups.append(next(i for i, pair in enumerate(rests) if any(rest in text for rest in pair)))
    return texts, np.asarray(harmful), np.asarray(groups)


def main() -> None:
    """Choose, fit and write."""
    texts, harmful, groups = rows()
    best: tuple[float, float, np.ndarray] | None = None
    for strength in (0.01, 0.03, 0.1, 0.3, 1.0):
        model = make_pipeline(
            CountVectorizer(analyzer=features, binary=True, min_df=3), LogisticRegression(C=strength, max_iter=2000)
        )
        found = cross_val_predict(model, texts, harmful, groups=groups, cv=GroupKFold(12), method="predict_proba")[:, 1]
        auroc = float(roc_auc_score(harmful, found))
        say(f"C {strength}: AUROC {auroc:.3f} with notes held out")
        if best is None or auroc > best[0]:
            best = (auroc, strength, found)
    assert best is not None
    threshold = 0.5  # as many rows are harmful as are not
    flagged = best[2] > threshold
    say(f"chosen C {best[1]}; flags {flagged[harmful].mean():.2f} of harmful, {flagged[~harmful].mean():.2f} of others")
    vectoriser = CountVectorizer(analyzer=features, binary=True, min_df=3)
    model = LogisticRegression(C=best[1], max_iter=2000).fit(vectoriser.fit_transform(texts), harmful)
    weights = {w: round(float(model.coef_[0][i]), 3) for w, i in sorted(vectoriser.vocabulary_.items())}
    head = {"bias": round(float(model.intercept_[0]), 3), "threshold": round(threshold, 3), "rows": ROWS, "seed": SEED}
    kept = {w: x for w, x in weights.items() if abs(x) >= 0.02}
    OUT.write_text(json.dumps({**head, "weights": kept}, separators=(",", ":")) + "\n", encoding="utf-8")
    say(f"{OUT}: {len(kept)} words and pairs of words, {OUT.stat().st_size} bytes")


if __name__ == "__main__":
    main()
