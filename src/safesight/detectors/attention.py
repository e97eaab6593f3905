"""A small network over WordPiece tokens that reads an answer in the light of its question, one token at a time.

h_t = gelu(W [e_t-2; e_t-1; e_t] + b) over token vectors; the question's h, pooled, becomes q; four heads attend
over the answer's h with the query u_k + U_k q; their outputs, the mean and maximum of h, q and q * mean go through one
hidden layer to a logit of harm. All pools (softmax sums, mean, maximum) are running, so a token costs the same at any
length and nothing is kept but the last two tokens. NumPy only; training is in `train.stream_net`.

What W makes of a token at each of its three places is worked out once and kept for the tokens met lately, so that a
state is three rows added up. NumPy calls are few and in place: on a dozen tokens each costs more than its work.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from safesight.detectors.wordpiece import Vocabulary, WordPieces

Array = NDArray[np.float32]
HEADS = 4
ARRAYS = ("conv", "conv_bias", "ask", "ask_bias", "query", "cross", "hidden", "hidden_bias", "out", "out_bias")
PLACES = 3
KEPT = 2048
"""Tokens whose rows are kept; 768 bytes each at the shipped size."""
_CUBIC, _LINEAR = np.float32(0.7978845608 * 0.044715), np.float32(0.7978845608)
_ONE, _HALF = np.float32(1), np.float32(0.5)


def gelu(x: Array, out: Array | None = None) -> Array:
    """Gaussian error linear unit, by the usual tanh approximation."""
    inner = x * x
    inner *= _CUBIC
    inner += _LINEAR
    inner *= x
    np.tanh(inner, out=inner)
    inner += _ONE
    inner *= _HALF
    return np.multiply(inner, x, out=out)


class AttentionNet:
    """The network's weights: token vectors as int8 with a scale per row, the rest as float32."""

    def __init__(self, arrays: dict[str, NDArray[np.generic]]) -> None:
        names = bytes(arrays["vocabulary"].astype(np.uint8)).decode().split("\n")
        self.vocabulary = Vocabulary({name: index for index, name in enumerate(names)})
        self._vectors = arrays["vectors"].astype(np.int8)
        self._scale = arrays["scale"].astype(np.float32)[:, None]
        self.weights: dict[str, Array] = {name: arrays[name].astype(np.float32) for name in ARRAYS}
        self.width = int(self._vectors.shape[1])
        self.size = int(self.weights["conv"].shape[1])
        conv = self.weights["conv"].reshape(PLACES, self.width, self.size)
        self._places = np.ascontiguousarray(conv.transpose(1, 0, 2).reshape(self.width, PLACES * self.size))
        self._rows = np.zeros((2, PLACES, self.size), np.float32)
        self._places_of: dict[int, int] = {}
        self.empty = (
            np.full(self.size, -1, np.float32),
            np.full(HEADS, -np.inf, np.float32),
            np.zeros((HEADS + 1, self.size + 1)),
        )
        """The pools of an answer before its first token: maximum, peaks, sums. Shared: none is changed in place."""

    def vectors(self, ids: Sequence[int]) -> Array:
        """Token vectors (n, width)."""
        rows = np.asarray(ids, np.intp)
        return self._vectors[rows] * self._scale[rows]

    def states(self, ids: Sequence[int], out: Array | None = None) -> Array:
        """States (n, hidden) of the last n of n + 2 tokens; -1 is the nothing before the first."""
        rows = self._rows_of(ids)
        sums = rows[:-2, 0] + rows[1:-1, 1]
        sums += rows[2:, 2]
        sums += self.weights["conv_bias"]
        return gelu(sums, out)

    def _rows_of(self, ids: Sequence[int]) -> Array:
        """What each token brings at each place, (n, 3, hidden)."""
        known = self._places_of
        try:
            return self._rows.take([known[index] for index in ids], axis=0)
        except KeyError:
            for index in ids:
                if index not in known:
                    self._learn(index)
            # Learning may have begun anew, so what was known may be missing.
            return np.stack([self._rows[known[i]] if i in known else self._row(i) for i in ids])

    def _learn(self, index: int) -> None:
        known = self._places_of
        if len(known) >= KEPT:
            known.clear()
        if len(known) == len(self._rows):
            self._rows = np.concatenate([self._rows, np.zeros_like(self._rows)])
        self._rows[len(known)] = self._row(index)
        known[index] = len(known)

    def _row(self, index: int) -> Array:
        # One at a time: a product's last bits depend on its shape, and scores must not depend on who asked before.
        if index < 0:
            return np.zeros((PLACES, self.size), np.float32)
        return (self.vectors([index])[0] @ self._places).reshape(PLACES, self.size)

    def question(self, text: str, *, limit: int = 96) -> Array:
        """The question's vector (hidden,); of a long one, its first and last `limit` / 2 tokens count."""
        reader = WordPieces(self.vocabulary, normal=True)
        ids = [*reader.feed(text), *reader.tail]
        if len(ids) > limit:
            ids = ids[: limit // 2] + ids[-limit // 2 :]
        pools = np.zeros(2 * self.size, np.float32)
        pools[self.size :] = -1
        if ids:
            states = self.states([-1, -1, *ids])
            np.add.reduce(states, axis=0, out=pools[: self.size])
            pools[: self.size] /= np.float32(len(ids))
            np.maximum.reduce(states, axis=0, out=pools[self.size :])
        asked = pools @ self.weights["ask"]
        asked += self.weights["ask_bias"]
        return np.tanh(asked, out=asked)


class AttentionState:
    """The running pools of one answer."""

    __slots__ = ("_asked", "_last", "_most", "_net", "_peak", "_queries", "_reader", "_sums")

    def __init__(self, net: AttentionNet, question: Array) -> None:
        self._net = net
        self._asked = question
        self._reader = WordPieces(net.vocabulary, normal=True)
        queries = net.weights["query"] + (question @ net.weights["cross"]).reshape(HEADS, net.size)
        self._queries = np.ascontiguousarray(queries.T)
        self._last = [-1, -1]
        self._most, self._peak, self._sums = net.empty
        """Sums of the states: weighted by each head, then plain; the last column sums the weights themselves."""

    def feed(self, text: str) -> float:
        """Add text; returns the logit of harm of the answer so far (0 before the first token)."""
        settled = self._reader.feed(text)
        tail = self._reader.tail
        if not settled and not tail:
            return self._logit(self._sums, self._most)
        return self._take([*self._last, *settled, *tail], len(settled))

    def _take(self, window: list[int], settled: int) -> float:
        """Pool the tokens after the first two; those after the `settled` ones count for this logit only."""
        size, count = self._net.size, len(window) - 2
        states = np.empty((count, size + 1), np.float32)
        states[:, size] = _ONE
        values = self._net.states(window, states[:, :size])
        scores = values @ self._queries
        # The peak only keeps the exponentials small, so one of a tail that goes again does no harm.
        peak = np.maximum(self._peak, np.maximum.reduce(scores, axis=0))
        weights = np.empty((count, HEADS + 1), np.float32)
        weights[:, HEADS] = _ONE
        scores -= peak
        np.exp(scores, out=weights[:, :HEADS])
        kept = np.zeros((HEADS + 1, 1))
        np.subtract(self._peak, peak, out=kept[:HEADS, 0])
        np.exp(kept, out=kept)
        before, most = self._sums * kept, self._most
        self._peak = peak
        sums = before + weights.T @ states
        highest = np.maximum(most, np.maximum.reduce(values, axis=0))
        self._sums, self._most = sums, highest
        if settled < count:
            self._sums = before + weights[:settled].T @ states[:settled] if settled else before
            self._most = np.maximum(most, np.maximum.reduce(values[:settled], axis=0)) if settled else most
        self._last = window[settled : settled + 2]
        return self._logit(sums, highest)

    def _logit(self, sums: NDArray[np.float64], most: Array) -> float:
        size = self._net.size
        if not sums[HEADS, size]:
            return 0.0
        weights, asked = self._net.weights, self._asked
        pools = np.empty((HEADS + 4, size), np.float32)
        np.divide(sums[:, :size], sums[:, size:], out=pools[: HEADS + 1], casting="same_kind")
        pools[HEADS + 1] = most
        pools[HEADS + 2] = asked
        np.multiply(asked, pools[HEADS], out=pools[HEADS + 3])
        hidden = pools.ravel() @ weights["hidden"]
        hidden += weights["hidden_bias"]
        return float(gelu(hidden) @ weights["out"]) + float(weights["out_bias"][0])
