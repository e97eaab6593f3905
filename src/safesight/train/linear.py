"""A linear harm model over hashed n-grams: sparse features, logistic regression by L-BFGS, SciPy alone.

Invariant: the same rows, settings and seed give the same weights, bit for bit, on one machine; every source of
randomness is the caller's generator. Rows are weighted so that both classes count the same, and by `set_weights` so
that a large set does not drown the small ones.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import minimize
from scipy.special import expit

from safesight.detectors.ngrams import features

Floats = NDArray[np.float64]


def count_matrix(texts: Sequence[str], *, bits: int) -> sparse.csr_matrix:
    """Counts (n, 2**bits) of hashed n-grams: how many of a text's distinct words, pairs and triples bring each."""
    starts, columns = [0], list[int]()
    for text in texts:
        columns.extend(features(text, bits=bits))
        starts.append(len(columns))
    values = np.ones(len(columns), np.float32)
    matrix = sparse.csr_matrix((values, np.array(columns, np.int32), np.array(starts)), shape=(len(texts), 1 << bits))
    matrix.sum_duplicates()
    return matrix


def _size(matrix: sparse.csr_matrix) -> tuple[int, int]:
    rows, columns = matrix.shape or (0, 0)
    return int(rows), int(columns)


def inverse_frequency(matrix: sparse.csr_matrix, *, min_rows: int) -> NDArray[np.float32]:
    """Smoothed inverse document frequency of each column; 0 for columns in fewer than `min_rows` rows."""
    rows = np.bincount(matrix.indices, minlength=_size(matrix)[1])
    idf = np.log((1 + _size(matrix)[0]) / (1 + rows)) + 1
    # Stored as float16, so trained as float16: the shipped model is the evaluated one.
    return np.where(rows >= min_rows, idf, 0).astype(np.float16).astype(np.float32)


def weighted(matrix: sparse.csr_matrix, idf: NDArray[np.float32]) -> sparse.csr_matrix:
    """Rows scaled by idf and by the length of what stands in them, a feature that is there twice counting twice."""
    norms = np.sqrt(matrix @ (idf * idf))
    return sparse.csr_matrix(sparse.diags(1 / np.maximum(norms, 1e-6)) @ matrix @ sparse.diags(idf))


def set_weights(sets: Sequence[str], labels: Floats) -> Floats:
    """Row weights (n,): one over the square root of how many rows share the row's set and label."""
    keys = list(zip(sets, labels.tolist(), strict=True))
    counts = Counter(keys)
    return np.array([counts[key] ** -0.5 for key in keys])


def fit(
    matrix: sparse.csr_matrix,
    labels: Floats,
    *,
    strength: float,
    weights: Floats | None = None,
    worse: sparse.csr_matrix | None = None,
    better: sparse.csr_matrix | None = None,
    ranking: float = 0.0,
    rounds: int = 150,
) -> tuple[Floats, float]:
    """Logistic regression with an L2 penalty of 1 / `strength`; returns weights (columns,) and the bias.

    `worse` and `better` (pairs, columns) add MLLM-Protector's ranking term, -log sigmoid(z_worse - z_better), at weight
    `ranking`. Labels may be soft. `weights` (n,) shift the balance between rows of one class.
    """
    row = np.ones(len(labels)) if weights is None else weights.copy()
    for harmful in (labels >= 0.5, labels < 0.5):
        row[harmful] *= 0.5 * len(labels) / row[harmful].sum()
    has_bias = np.ones(len(labels))
    if worse is not None and better is not None and ranking and worse.nnz:
        pairs = _size(worse)[0]
        matrix = sparse.csr_matrix(sparse.vstack([matrix, worse - better]))
        labels, row = np.r_[labels, np.ones(pairs)], np.r_[row, np.full(pairs, ranking)]
        has_bias = np.r_[has_bias, np.zeros(pairs)]
    used = np.unique(matrix.indices)
    x = sparse.csr_matrix(matrix[:, used], dtype=np.float64)
    xt = sparse.csr_matrix(x.T)

    def loss(parameters: Floats) -> tuple[float, Floats]:
        w, bias = parameters[:-1], parameters[-1]
        z = x @ w + bias * has_bias
        value = float(np.sum(row * (np.logaddexp(0, z) - labels * z)) + 0.5 / strength * (w @ w))
        slope = row * (expit(z) - labels)
        return value, np.r_[xt @ slope + w / strength, slope @ has_bias]

    start = np.zeros(len(used) + 1)
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": rounds, "maxcor": 8, "gtol": 1e-3})
    full = np.zeros(_size(matrix)[1])
    full[used] = found.x[:-1]
    return full, float(found.x[-1])
