"""Tunes a Transformers backbone as a harm detector: steps, checkpoints, early stopping, calibration, export.

Invariant: a step depends on the configuration, its number and the state before it, and on nothing else (batches and
dropout are seeded by the step), so a run killed and resumed ends at the same weights as one that was not.

Written: a folder that `detectors.backbone` opens, adapters merged, `detector.json` last.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from safesight.core.errors import ConfigError
from safesight.detectors.backbone import encode, libraries, pieces, pooled, token_logits
from safesight.detectors.tuned_head import TunedHead
from safesight.train import calibration
from safesight.train.backbone import open_backbone, ranking_loss, row_loss
from safesight.train.contrast import CONTRAST
from safesight.train.corpus import Corpus, Say, Trained, benign_sources, fold_of, set_name
from safesight.train.data import Row, prefix
from safesight.train.settings import DetectorConfig

Floats = NDArray[np.float64]


def _split(rows: Sequence[Row], config: DetectorConfig) -> tuple[list[Row], list[Row]]:
    """Rows to tune on; and rows to validate and calibrate on: a part of the questions, and the sets left out whole."""
    parts = max(2, round(1 / config.backbone.validation_share))
    held = [fold_of(row.question, folds=parts) == 0 or set_name(row) in config.calibration.left_out for row in rows]
    return [row for row, out in zip(rows, held, strict=True) if not out], [
        row for row, out in zip(rows, held, strict=True) if out
    ]


def _told(pairs: Sequence[Row], config: DetectorConfig) -> tuple[Row, ...]:
    """Pairs whose question is not among the validated ones.

    Raises:
        ConfigError: there are none.
    """
    parts = max(2, round(1 / config.backbone.validation_share))
    kept = [
        row
        for better, worse in zip(pairs[0::2], pairs[1::2], strict=True)
        if fold_of(better.question, folds=parts)
        for row in (better, worse)
    ]
    if not kept:
        raise ConfigError("backbone.by_pairs: expected pairs to train on ([[pairs]]), got none.")
    return tuple(kept)


class BackboneRun:
    """One training run: parameters, optimiser and the number of steps done."""

    def __init__(self, config: DetectorConfig, corpus: Corpus, *, folder: Path) -> None:
        torch, _ = libraries()
        self.config = config
        self.settings = config.backbone
        told, self.held = _split(corpus.rows, config)
        self.rows = [*told, *corpus.contrast]
        self.pairs = _told(corpus.pairs, config) if self.settings.by_pairs else corpus.pairs
        self.folder = folder
        torch.manual_seed(config.seed)
        self.model, self.tokenizer = open_backbone(self.settings)
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        width = self.model.config.hidden_size
        self.head = torch.nn.Linear(width, 1, bias=False).to(self.device)
        self.model.to(self.device)
        tuned = [p for p in self.model.parameters() if p.requires_grad]
        groups = [
            {"params": tuned, "lr": self.settings.learning_rate, "initial": self.settings.learning_rate},
            {
                "params": list(self.head.parameters()),
                "lr": self.settings.head_learning_rate,
                "initial": self.settings.head_learning_rate,
            },
        ]
        self.optimiser = torch.optim.AdamW(groups, weight_decay=self.settings.weight_decay)
        self.parameters = [*tuned, *self.head.parameters()]
        self.done = 0
        self.best = math.inf
        self.stale = 0
        self.ordinary = set(benign_sources(self.rows))
        self.questions = {
            1: [row.question for row in self.rows if row.label],
            0: [row.question for row in self.rows if set_name(row) in self.ordinary],
        }
        positives = sum(row.label for row in self.rows) / max(1, len(self.rows))
        self.balance = {1: 0.5 / max(positives, 1e-6), 0: 0.5 / max(1 - positives, 1e-6)}
        if not self.settings.class_weights:
            self.balance = {1: 1.0, 0: 1.0}

    @property
    def steps(self) -> int:
        """Steps of the whole run, if nothing stops it early."""
        if self.settings.by_pairs:
            return self.settings.epochs * math.ceil(len(self.pairs) / 2 / self.settings.pairs_a_step)
        return self.settings.epochs * math.ceil(len(self.rows) / self.settings.batch)

    def batches(self) -> Iterator[list[Row]]:
        """The batches of the steps still to do: rows, or with `by_pairs` better and worse answers in turn."""
        if self.settings.by_pairs:
            yield from self._pair_batches()
            return
        size = self.settings.batch
        an_epoch = math.ceil(len(self.rows) / size)
        for epoch in range(self.done // an_epoch, self.settings.epochs):
            order = random.Random(f"{self.config.seed}:{epoch}").sample(range(len(self.rows)), len(self.rows))
            skip = self.done - epoch * an_epoch
            batches = self._alike(order)
            random.Random(f"{self.config.seed}:{epoch}:batches").shuffle(batches)
            yield from batches[skip:]

    def _pair_batches(self) -> Iterator[list[Row]]:
        size, count = self.settings.pairs_a_step, len(self.pairs) // 2
        for number in range(self.done, self.steps):
            epoch, at = divmod(number, math.ceil(count / size))
            order = random.Random(f"{self.config.seed}:{epoch}").sample(range(count), count)
            yield [self.pairs[2 * i + side] for i in order[at * size : (at + 1) * size] for side in (0, 1)]

    def _alike(self, order: Sequence[int]) -> list[list[Row]]:
        """Batches of answers of similar length: less padding to compute."""
        size, batches = self.settings.batch, list[list[Row]]()
        for begin in range(0, len(order), 16 * size):
            part = sorted((self.rows[i] for i in order[begin : begin + 16 * size]), key=lambda row: len(row.answer))
            batches.extend(part[i : i + size] for i in range(0, len(part), size))
        return batches

    def piece(self, question: str, answer: str) -> tuple[list[int], int]:
        """What training shows of a row: its first piece."""
        return pieces(self.tokenizer, question, answer, max_tokens=self.settings.max_tokens, bos=self.settings.bos)[0]

    def logits(self, sequences: Sequence[tuple[list[int], int]]) -> tuple[Any, Any]:
        """Token logits and the batch they belong to."""
        torch, _ = libraries()
        batch = encode(sequences).to(self.device)
        with torch.autocast(self.device, torch.bfloat16, enabled=self.settings.bf16):
            return token_logits(self.model, self.head, batch), batch

    def step(self, rows: Sequence[Row]) -> float:
        """One optimiser step; returns its loss."""
        torch, _ = libraries()
        torch.manual_seed(self.config.seed * 1_000_003 + self.done)
        rng = random.Random(f"{self.config.seed}:step:{self.done}")
        self.model.train()
        texts = [self.piece(self._asked(row, rng), self._cut(row.answer, rng)) for row in rows]
        labels = torch.tensor([float(row.label) for row in rows], device=self.device)
        weights = torch.tensor([self.balance[row.label] for row in rows], device=self.device)
        logits, batch = self.logits(texts)
        loss = self.config.loss.bce * row_loss(logits, batch, labels, weights, pooling=self.settings.pooling)
        if self.settings.by_pairs:
            # The paper sums both answers' BCE, `row_loss` is their mean.
            z = pooled(logits, batch, pooling=self.settings.pooling)
            loss = 2 * loss + self.config.loss.ranking * ranking_loss(z[0::2], z[1::2])
        elif self.config.loss.ranking and self.pairs:
            picked = rng.sample(range(len(self.pairs) // 2), min(self.settings.pairs_a_step, len(self.pairs) // 2))
            both = [self.pairs[2 * i + side] for side in (0, 1) for i in picked]
            logits, batch = self.logits([self.piece(row.question, row.answer) for row in both])
            better, worse = pooled(logits, batch, pooling=self.settings.pooling).chunk(2)
            loss = loss + self.config.loss.ranking * ranking_loss(better, worse)
        done = self.done / max(1, self.steps)
        scale = min(1.0, (self.done + 1) / max(1.0, self.settings.warmup * self.steps)) * (1 - done)
        for group in self.optimiser.param_groups:
            group["lr"] = group["initial"] * scale
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.parameters, 1.0)
        self.optimiser.step()
        self.done += 1
        return float(loss.detach())

    def _asked(self, row: Row, rng: random.Random) -> str:
        """The row's question, or by chance one of the other kind: the label follows what the answer does."""
        swappable = row.source != CONTRAST and (row.label or set_name(row) in self.ordinary)
        if not swappable or rng.random() >= self.settings.swap_share:
            return row.question
        return rng.choice(self.questions[1 - row.label] or [row.question])

    def _cut(self, answer: str, rng: random.Random) -> str:
        return answer if rng.random() >= self.settings.prefix_share else prefix(answer, rng)

    def scores(self, rows: Sequence[Row], *, window: int = 0) -> Floats:
        """Logits (n,) as in training; with a `window`, as at run time: of whole answers, at their worst piece."""
        torch, _ = libraries()
        self.model.eval()
        parts: list[tuple[int, tuple[list[int], int]]] = []
        for i, row in enumerate(rows):
            whole = (
                pieces(self.tokenizer, row.question, row.answer, max_tokens=window, bos=self.settings.bos)
                if window
                else []
            )
            parts.extend((i, piece) for piece in whole or [self.piece(row.question, row.answer)])
        parts.sort(key=lambda part: len(part[1][0]))
        found = np.full(len(rows), -np.inf)
        with torch.inference_mode():
            for start in range(0, len(parts), self.settings.batch):
                chunk = parts[start : start + self.settings.batch]
                logits, batch = self.logits([piece for _, piece in chunk])
                values = pooled(logits, batch, pooling=self.settings.pooling).float().cpu().numpy()
                np.maximum.at(found, [i for i, _ in chunk], values)
        return found

    def validate(self) -> float:
        """Balanced BCE on the held rows."""
        z = self.scores(self.held)
        y = np.array([row.label for row in self.held], np.float64)
        losses = np.logaddexp(0, z) - y * z
        return float(np.mean([losses[y == c].mean() for c in (0, 1) if (y == c).any()]))

    def save(self, path: Path) -> None:
        """Write parameters and optimiser state, atomically (safetensors: nothing in it can execute)."""
        from safetensors.torch import save_file

        torch, _ = libraries()
        tensors: dict[str, Any] = {}
        for number, parameter in enumerate(self.parameters):
            tensors[f"p{number}"] = parameter.detach().cpu().contiguous()
            for key, value in self.optimiser.state.get(parameter, {}).items():
                tensors[f"o{number}.{key}"] = torch.as_tensor(value).detach().cpu().contiguous()
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(path.name + ".part")
        counts = {"done": str(self.done), "best": repr(self.best), "stale": str(self.stale)}
        save_file({name: tensor.clone() for name, tensor in tensors.items()}, part, metadata=counts)
        part.replace(path)

    def load(self, path: Path, *, only_parameters: bool = False) -> None:
        """Read what `save` wrote."""
        from safetensors import safe_open

        torch, _ = libraries()
        with safe_open(path, framework="pt") as file, torch.no_grad():
            for number, parameter in enumerate(self.parameters):
                parameter.copy_(file.get_tensor(f"p{number}"))
            if only_parameters:
                return
            counts = file.metadata()
            names = list(file.keys())
            for number, parameter in enumerate(self.parameters):
                mine = [name for name in names if name.startswith(f"o{number}.")]
                if mine:
                    state = {name.split(".", 1)[1]: file.get_tensor(name) for name in mine}
                    self.optimiser.state[parameter] = {
                        key: value if key == "step" else value.to(self.device) for key, value in state.items()
                    }
        self.done, self.best, self.stale = int(counts["done"]), float(counts["best"]), int(counts["stale"])


def train_backbone(config: DetectorConfig, corpus: Corpus, *, folder: Path, state: Path, say: Say) -> Trained:
    """Tune, stop early, calibrate on the held rows and export to `folder / config.name`."""
    run = BackboneRun(config, corpus, folder=folder)
    last, best = state / "last.safetensors", state / "best.safetensors"
    if last.exists():
        run.load(last)
        say(f"resumed at step {run.done} of {run.steps}")
    losses: list[float] = []
    for rows in run.batches():
        if run.stale >= run.settings.patience:
            say(f"stopped at step {run.done}: no better for {run.stale} validations")
            break
        losses.append(run.step(rows))
        if run.done % run.settings.check_every == 0 or run.done == run.steps:
            loss = run.validate()
            run.stale = 0 if loss < run.best else run.stale + 1
            if loss < run.best:
                run.best = loss
                run.save(best)
            run.save(last)
            say(f"step {run.done}/{run.steps}: loss {np.mean(losses):.4f}, validation {loss:.4f}")
            losses.clear()
    run.load(best, only_parameters=True)
    head = _calibrated(run, config)
    _export(run, head, folder / config.name)
    for path in (last, best):
        path.unlink(missing_ok=True)
    return Trained(weights=folder / config.name, threshold=head.threshold, rows=len(run.rows), removed=corpus.removed)


def _calibrated(run: BackboneRun, config: DetectorConfig) -> TunedHead:
    window = run.settings.window or run.settings.max_tokens
    z = run.scores(run.held, window=window)
    labels = np.array([row.label for row in run.held], np.float64)
    temperature, knots = 1.0, list[tuple[float, float]]()
    if config.calibration.method == "isotonic":
        x, y = calibration.isotonic(z, labels)
        harm, knots = np.interp(z, x, y), list(zip(x.tolist(), y.tolist(), strict=True))
    else:
        temperature = calibration.temperature(z, labels)
        harm = expit(z / temperature)
    source = np.array([set_name(row) for row in run.held])
    groups = {name: harm[source == name] for name in benign_sources([*run.rows, *run.held]) if name in source}
    return TunedHead(
        pooling=run.settings.pooling,
        max_tokens=window,
        temperature=temperature,
        knots=tuple(knots),
        threshold=calibration.budget_threshold(
            groups or {"harmless": harm[labels == 0]}, fpr=config.calibration.benign_fpr
        ),
        licence=config.licence,
        bos=run.settings.bos,
        trained={"name": config.name, "backbone": run.settings.model, "steps": str(run.done)},
    )


def _export(run: BackboneRun, head: TunedHead, folder: Path) -> None:
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    model = run.model.merge_and_unload() if run.settings.lora is not None else run.model
    model.save_pretrained(folder / "backbone")
    run.tokenizer.save_pretrained(folder / "tokenizer")
    save_file({"weight": run.head.weight.detach().cpu().contiguous()}, folder / "head.safetensors")
    (folder / "detector.json").write_bytes(msgspec.json.format(msgspec.json.encode(head)))
