"""How much the prompts of `starter` alone give away: nothing, as docs/starter.md says; measured, not wished away."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from safesight.benchmarks.starter import Starter
from safesight.core.protocols import DataOptions
from safesight.core.records import Sample

pytest.importorskip("sklearn")

PAGE = Path(__file__).parents[2] / "docs" / "starter.md"


def prompt_only_auroc(language: str, *, folds: int) -> float:
    """AUROC of an n-gram classifier of the prompt, cross-validated by seed, so that a pair is never split."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import GroupKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline

    samples = [s for s in Starter().load(DataOptions(languages=(language,))) if isinstance(s, Sample)]
    prompts = [sample.messages[-1].text for sample in samples]
    unsafe = np.asarray([not sample.benign for sample in samples])
    model = make_pipeline(
        TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True),
        LogisticRegression(C=10, max_iter=1000),
    )
    seeds = [sample.cluster for sample in samples]
    found = cross_val_predict(model, prompts, unsafe, groups=seeds, cv=GroupKFold(folds), method="predict_proba")
    return float(roc_auc_score(unsafe, np.asarray(found)[:, 1]))


@pytest.mark.parametrize(("language", "folds"), [("en", 10), ("zh", 6)])
def test_the_page_says_how_much_the_prompts_give_away(language: str, folds: int) -> None:
    said = re.search(rf"AUROC \({language}\): ([.\d]+)", PAGE.read_text(encoding="utf-8"))
    assert said
    found = prompt_only_auroc(language, folds=folds)
    assert found == pytest.approx(float(said[1]), abs=0.02)
    assert found <= 0.65
