"""Trains the small attention network of `detectors.attention` in torch, and hands it over as arrays.

Token vectors start from a sentence encoder: what it outputs for each token alone, and its input embeddings, reduced
by principal components (the idea of model2vec). Answers are cut at random (prefixes keep their label), questions are
dropped or swapped (a harmless answer stays harmless whatever was asked), and preference pairs add the ranking term.
An epoch depends on the seed and its number only, so training resumes at epochs.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from safesight.detectors.attention import HEADS
from safesight.detectors.backbone import libraries
from safesight.detectors.wordpiece import Vocabulary, WordPieces
from safesight.train.contrast import CONTRAST
from safesight.train.data import Row

Arrays = dict[str, NDArray[np.generic]]
Step = Callable[[str, Callable[[], Arrays]], Arrays]
Floats = NDArray[np.float64]


class NetSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The attention network; no epochs leave it out."""

    epochs: int = 0
    package: str = ""
    """The installed distribution the start vectors come from; `model` is then a path inside it."""
    model: str = ""
    """A folder with a BERT-like encoder and its `vocab.txt`."""
    width: int = 64
    hidden: int = 64
    batch: int = 48
    pairs_a_step: int = 8
    learning_rate: float = 1.5e-3
    vector_learning_rate: float = 2e-3
    dropout: float = 0.2
    cut_share: float = 0.4
    swap_share: float = 0.1
    drop_share: float = 0.1
    question_tokens: int = 96
    answer_tokens: int = 160
    """In training; at run time an answer has no limit."""


class _Coded(msgspec.Struct, frozen=True):
    question: list[int]
    answer: list[int]
    label: int
    ordinary: bool
    """From a set without harm: its answers fit under any question."""
    tied: bool = False
    """A minimal pair: its question stays, since only the question tells."""


def read_vocabulary(folder: Path) -> list[str]:
    """The tokens of a `vocab.txt`, in order of their ids."""
    return (folder / "vocab.txt").read_text(encoding="utf-8").split("\n")[:-1]


def start_vectors(folder: Path, *, width: int) -> NDArray[np.float32]:
    """Token vectors (tokens, width): three quarters contextual output, one quarter input embedding."""
    torch, transformers = libraries()
    model = transformers.AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
    table = model.get_input_embeddings().weight.detach()
    first, last = 101 % len(table), 102 % len(table)
    parts: list[Any] = []
    with torch.inference_mode():
        for begin in range(0, len(table), 512):
            ids = torch.arange(begin, min(begin + 512, len(table)))
            frame = torch.stack([torch.full_like(ids, first), ids, torch.full_like(ids, last)], 1)
            parts.append(model(input_ids=frame).last_hidden_state[:, 1])
    outputs = torch.cat(parts).numpy()
    own = width // 4
    vectors = np.hstack([_components(outputs, width - own), _components(table.numpy(), own)])
    return (vectors / vectors.std() * 0.5).astype(np.float32)


def _components(table: NDArray[np.float32], count: int) -> NDArray[np.float64]:
    centred = table.astype(np.float64) - table.mean(0)
    values, axes = np.linalg.eigh(centred.T @ centred)
    return centred @ axes[:, ::-1][:, :count] / np.sqrt(values[-1] / len(table))


def encode_rows(
    rows: Sequence[Row], vocabulary: Vocabulary, settings: NetSettings, *, ordinary: set[str]
) -> list[_Coded]:
    """Token ids of rows; `ordinary` names the sources without harm."""

    def ids(text: str) -> list[int]:
        reader = WordPieces(vocabulary)
        return [*reader.feed(text), *reader.tail]

    coded: list[_Coded] = []
    half = settings.question_tokens // 2
    for row in rows:
        question = ids(row.question)
        if len(question) > 2 * half:
            question = question[:half] + question[-half:]
        coded.append(_Coded(question, ids(row.answer), row.label, row.source in ordinary, row.source == CONTRAST))
    return coded


def build(vectors: NDArray[np.float32], settings: NetSettings) -> Any:
    """The network as a torch module whose parameters are named as in `detectors.attention.ARRAYS`."""
    torch, _ = libraries()
    size, functional = settings.hidden, torch.nn.functional

    class Net(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.vectors = torch.nn.Parameter(torch.tensor(vectors))

            def matrix(rows: int, columns: int) -> Any:
                return torch.nn.Parameter(torch.empty(rows, columns).uniform_(-1, 1) / rows**0.5)

            self.conv, self.conv_bias = matrix(3 * settings.width, size), torch.nn.Parameter(torch.zeros(size))
            self.ask, self.ask_bias = matrix(2 * size, size), torch.nn.Parameter(torch.zeros(size))
            self.query = torch.nn.Parameter(torch.randn(HEADS, size) * 0.05)
            self.cross = torch.nn.Parameter(torch.randn(size, HEADS * size) * 0.02)
            self.hidden = matrix((HEADS + 4) * size, 64)
            self.hidden_bias = torch.nn.Parameter(torch.zeros(64))
            self.out, self.out_bias = matrix(64, 1), torch.nn.Parameter(torch.zeros(1))

        def states(self, ids: Any) -> tuple[Any, Any]:
            mask = ids >= 0
            vectors = functional.embedding(ids.clamp(min=0), self.vectors) * mask.unsqueeze(-1)
            if self.training:
                vectors = vectors * (torch.rand(ids.shape) > 0.1).unsqueeze(-1)
            padded = functional.pad(vectors, (0, 0, 2, 0))
            wide = torch.cat([padded[:, :-2], padded[:, 1:-1], padded[:, 2:]], -1)
            return functional.gelu(wide @ self.conv + self.conv_bias, approximate="tanh"), mask

        def pools(self, states: Any, mask: Any) -> tuple[Any, Any]:
            weight = mask.unsqueeze(-1).float()
            mean = (states * weight).sum(1) / weight.sum(1).clamp(min=1)
            return mean, states.masked_fill(~mask.unsqueeze(-1), -1.0).amax(1)

        def forward(self, questions: Any, answers: Any) -> Any:
            asked = torch.tanh(torch.cat(self.pools(*self.states(questions)), -1) @ self.ask + self.ask_bias)
            states, mask = self.states(answers)
            mean, most = self.pools(states, mask)
            queries = self.query + (asked @ self.cross).view(-1, HEADS, size)
            scores = torch.einsum("bhd,btd->bht", queries, states).masked_fill(~mask.unsqueeze(1), -1e4)
            heads = torch.einsum("bht,btd->bhd", scores.softmax(-1), states).flatten(1)
            pooled = functional.dropout(
                torch.cat([heads, mean, most, asked, asked * mean], -1), settings.dropout, self.training
            )
            hidden = functional.gelu(pooled @ self.hidden + self.hidden_bias, approximate="tanh")
            return (functional.dropout(hidden, settings.dropout, self.training) @ self.out + self.out_bias).squeeze(-1)

    return Net()


def _padded(sequences: Sequence[Sequence[int]]) -> Any:
    torch, _ = libraries()
    ids = torch.full((len(sequences), max(1, *map(len, sequences))), -1, dtype=torch.long)
    for row, sequence in enumerate(sequences):
        ids[row, : len(sequence)] = torch.tensor(list(sequence), dtype=torch.long)
    return ids


class NetTraining:
    """One training of the network on coded rows and pairs (better and worse in turn)."""

    def __init__(
        self, rows: Sequence[_Coded], pairs: Sequence[_Coded], settings: NetSettings, *, seed: int, ranking: float
    ) -> None:
        self.rows, self.pairs, self.settings, self.seed, self.ranking = rows, pairs, settings, seed, ranking
        share = sum(row.label for row in rows) / len(rows)
        self._balance = {1: 0.5 / share, 0: 0.5 / (1 - share)}
        self._asked = {label: [row.question for row in rows if row.label == label] for label in (0, 1)}
        self._asked[0] = [row.question for row in rows if row.ordinary] or self._asked[0]

    def run(self, vectors: NDArray[np.float32], *, step: Step, say: Callable[[str], None]) -> Arrays:
        """Train every epoch that `step` does not already have; returns the parameters."""
        torch, _ = libraries()
        torch.manual_seed(self.seed)
        net = build(vectors, self.settings)
        slow = [parameter for name, parameter in net.named_parameters() if name != "vectors"]
        optimiser = torch.optim.AdamW(
            [
                {"params": slow, "weight_decay": 0.05, "top": self.settings.learning_rate},
                {"params": [net.vectors], "weight_decay": 0.0, "top": self.settings.vector_learning_rate},
            ]
        )
        names = [name for name, _ in net.named_parameters()]

        def epoch(number: int) -> Arrays:
            say(f"  epoch {number + 1} of {self.settings.epochs}: loss {self._epoch(net, optimiser, number):.4f}")
            state = {name: parameter.detach().numpy().copy() for name, parameter in net.named_parameters()}
            for name, parameter in net.named_parameters():
                for key in ("exp_avg", "exp_avg_sq", "step"):
                    state[f"{name}:{key}"] = optimiser.state[parameter][key].numpy().copy()
            return state

        state: Arrays = {}
        for number in range(self.settings.epochs):
            state = step(f"epoch{number}", lambda number=number: epoch(number))
            with torch.no_grad():
                for name, parameter in net.named_parameters():
                    parameter.copy_(torch.tensor(state[name]))
                    optimiser.state[parameter] = {
                        key: torch.tensor(state[f"{name}:{key}"]) for key in ("step", "exp_avg", "exp_avg_sq")
                    }
        return {name: state[name] for name in names}

    def _epoch(self, net: Any, optimiser: Any, number: int) -> float:
        torch, _ = libraries()
        torch.manual_seed(self.seed * 1009 + number)
        rng = random.Random(f"{self.seed}:{number}")
        net.train()
        batches = self._batches(rng)
        total = self.settings.epochs * len(batches)
        losses: list[float] = []
        for index, batch in enumerate(batches):
            done = number * len(batches) + index
            for group in optimiser.param_groups:
                group["lr"] = group["top"] * min(1.0, (done + 1) / 50) * max(0.02, 1 - done / total)
            loss = self._loss(net, batch, rng)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimiser.step()
            losses.append(float(loss.detach()))
        return float(np.mean(losses))

    def _batches(self, rng: random.Random) -> list[list[_Coded]]:
        """Batches of answers of similar length, in random order."""
        size, order = self.settings.batch, rng.sample(list(self.rows), len(self.rows))
        batches: list[list[_Coded]] = []
        for begin in range(0, len(order), 16 * size):
            part = sorted(order[begin : begin + 16 * size], key=lambda row: len(row.answer))
            batches.extend(part[i : i + size] for i in range(0, len(part), size))
        rng.shuffle(batches)
        return batches

    def _loss(self, net: Any, batch: Sequence[_Coded], rng: random.Random) -> Any:
        torch, _ = libraries()
        functional = torch.nn.functional
        texts = [self._changed(row, rng) for row in batch]
        labels = torch.tensor([float(row.label) for row in batch])
        weights = torch.tensor([self._balance[row.label] for row in batch])
        logits = net(_padded([q for q, _ in texts]), _padded([a for _, a in texts]))
        # Labels are softened a little: some are wrong, and confidence is calibrated later anyway.
        each = functional.binary_cross_entropy_with_logits(logits, labels * 0.96 + 0.02, reduction="none")
        loss = (each * weights).mean()
        if self.ranking and self.pairs:
            picked = rng.sample(range(len(self.pairs) // 2), min(self.settings.pairs_a_step, len(self.pairs) // 2))
            both = [self.pairs[2 * i + side] for side in (0, 1) for i in picked]
            longest = self.settings.answer_tokens
            scores = net(_padded([row.question for row in both]), _padded([row.answer[:longest] for row in both]))
            better, worse = scores.chunk(2)
            loss = loss - self.ranking * functional.logsigmoid(worse - better).mean()
        return loss

    def _changed(self, row: _Coded, rng: random.Random) -> tuple[list[int], list[int]]:
        """A row's question and answer, cut, swapped or dropped by chance."""
        answer, question = row.answer[: self.settings.answer_tokens], row.question
        if rng.random() < self.settings.cut_share:
            answer = answer[: rng.randint(min(6, len(answer)), len(answer))]
        chance = 1.0 if row.tied else rng.random()
        if chance < self.settings.swap_share:
            if row.label or row.ordinary:
                question = rng.choice(self._asked[1 - row.label] or [question])
        elif chance < self.settings.swap_share + self.settings.drop_share:
            question = []
        return question, answer


def packed(parameters: Arrays, vocabulary: Sequence[str]) -> Arrays:
    """The parameters as `detectors.attention.AttentionNet` reads them: vectors as int8, the rest as float16."""
    vectors = parameters["vectors"].astype(np.float32)
    scale = (np.abs(vectors).max(1) / 127 + 1e-8).astype(np.float16)
    whole = np.clip(np.rint(vectors / scale.astype(np.float32)[:, None]), -127, 127).astype(np.int8)
    rest: Arrays = {name: array.astype(np.float16) for name, array in parameters.items() if name != "vectors"}
    rest["out"] = rest["out"].ravel()
    text = np.frombuffer("\n".join(vocabulary).encode(), np.uint8)
    return {**rest, "vectors": whole, "scale": scale, "vocabulary": text}
