"""Trains a vision tower and projector by soft captions: image token k becomes the embedding of the caption's k-th word.

No language model runs while it trains: the loss is cross-entropy over cosines with the words' input embeddings plus the
squared error to them. What comes out is in distribution for the frozen language model from the first step.

Invariant: step k sees drawings that depend on the seed and k alone, and the optimiser is part of the checkpoint, so a
run killed and resumed goes on as one that was not. Held drawings come from another seed.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np

from safesight.core.config import read_toml
from safesight.core.errors import ConfigError, DataError
from safesight.core.messages import Image
from safesight.media.pixels import decode
from safesight.models.embedded import weights
from safesight.models.llama.mmproj import TowerShape, write_mmproj
from safesight.train import vision_tower
from safesight.train.vision_clues import KINDS, PAGE_WORDS
from safesight.train.vision_clues import TOKENS as PAGE_TOKENS
from safesight.train.vision_drawings import SLOTS, WORDS, Drawings, Drawn
from safesight.train.vision_pages import DrawnPage, Pages
from safesight.train.vision_words import Words, candidates, caption_words, read_captions

Say = Callable[[str], None]
MMPROJ: Final = "mmproj.gguf"
_OTHERS: Final = 256
_SHARPNESS: Final = 16.0
"""Scale of the cosines in the cross-entropy."""


class VisionConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A training configuration; `out` and `captions` are relative to the configuration file."""

    name: str
    out: str
    tower: TowerShape = TowerShape()
    language: str = ""
    """GGUF whose embeddings are the target; "" is SmolLM2-135M-Instruct from its package."""
    captions: str = ""
    """JSONL of image and caption, one in ten held apart; "" draws `train.vision_drawings`."""
    pages: bool = False
    """Draw `train.vision_pages`, and teach the middle layer which mark each part of the page holds."""
    full_pages: int = 0
    """Pictures that come first: pages full of marks, on which the middle layer alone learns."""
    again_after: int = 0
    """Pages drawn before they come again, shifted; 0 draws each afresh (half of the time goes into that)."""
    often: dict[str, float] = {}
    """How much more often than others a kind of clue is drawn; some are harder to tell."""
    lone_until: int = 20_000
    """Drawings of one thing that come first (see `Drawings`)."""
    seed: int = 0
    steps: int = 20_000
    batch: int = 64
    learning_rate: float = 1e-3
    warmup: int = 200
    weight_decay: float = 0.01
    squared_error: float = 1.0
    full_stops: float = 1.0
    """What a full stop weighs beside a word: captions are filled up with them."""
    check_every: int = 500
    """Steps between checkpoints, each measured on held pictures."""
    held: int = 512
    keep_at: tuple[int, ...] = ()
    """Steps whose weights are kept beside the last ones, as a family of growing capability."""
    threads: int = 1
    half: bool = False
    """Multiply in bfloat16."""


class VisionFigures(msgspec.Struct, frozen=True, kw_only=True):
    """How well held pictures are told: shares of caption words right."""

    step: int
    loss: float
    words: float
    """Of all words but full stops and commas."""
    captions: float
    """Captions right to the last word."""
    marks: dict[str, float] = {}
    """Of pages: colours and forms that the middle layer tells."""
    by_kind: dict[str, float] = {}


class VisionTrained(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a training."""

    folder: Path
    figures: VisionFigures


def train_vision(
    path: Path, *, out: Path | None = None, resume: bool = True, say: Say = lambda _: None
) -> VisionTrained:
    """Train what a configuration describes; writes vision.safetensors, vision.json and mmproj.gguf to OUT/NAME.

    Raises:
        ConfigError: the configuration has unknown keys or impossible sizes, or a checkpoint of other sizes is there.
        DataError: a caption file, an image or the language model is missing or malformed.
        MissingExtra: torch, transformers or gguf is not installed.
    """
    config = read_toml(path, VisionConfig)
    _check(config, where=path)
    folder = (out or (path.parent / config.out).resolve()) / config.name
    stage = VisionStage(config, folder, root=path.parent)
    if resume:
        stage.restore(say)
    return stage.run(say)


def _check(config: VisionConfig, *, where: Path) -> None:
    """Refuse what could not be trained, before anything is loaded."""
    tower = config.tower
    counts = msgspec.structs.asdict(tower) | {k: getattr(config, k) for k in ("batch", "held", "check_every")}
    small = [k for k, v in counts.items() if isinstance(v, int) and v < 1]
    if small:
        raise ConfigError(f"{where}: expected at least 1 for {', '.join(small)}.")
    if tower.hidden % tower.heads or tower.image_size % tower.patch_size:
        raise ConfigError(f"{where}: heads must divide hidden, and patch_size image_size, got {tower}.")
    least = PAGE_TOKENS if config.pages else 3 * SLOTS
    if not config.captions and tower.tokens < least:
        need = f"{where}: the drawings' captions need {least} image tokens, got {tower.tokens}"
        raise ConfigError(f"{need}. Choose smaller patches.")
    if strange := sorted(config.often.keys() - set(KINDS)):
        raise ConfigError(f"{where}: expected kinds of clue in `often` ({', '.join(KINDS)}), got {', '.join(strange)}.")
    if config.full_pages % config.batch:
        raise ConfigError(f"{where}: full_pages must be a multiple of batch = {config.batch}, got {config.full_pages}.")
    if config.pages and (tower.tokens != PAGE_TOKENS or config.captions):
        need = f"{where}: expected {PAGE_TOKENS} image tokens and no captions with pages = true"
        raise ConfigError(f"{need}, got {tower.tokens} and {config.captions!r}.")


class _Captioned:
    """A user's own pictures, in an order that the index alone decides; one in ten, at least one, is held apart."""

    def __init__(self, path: Path, shape: TowerShape, *, held: bool) -> None:
        rows = read_captions(path)
        if len(rows) < 2:
            raise DataError(f"{path}: expected two captions or more, as one in ten is held apart, got {len(rows)}.")
        self._rows = [row for i, row in enumerate(rows) if (i % 10 == 1) == held]
        self._root, self._shape = path.parent, shape
        self.words = tuple(sorted({w for row in rows for w in caption_words(row.caption, shape.tokens)}))

    def draw(self, index: int) -> Drawn:
        epoch, k = divmod(index, len(self._rows))
        row = self._rows[int(np.random.default_rng(epoch).permutation(len(self._rows))[k])]
        pixels = squared(self._root / row.image, self._shape.image_size)
        return Drawn(pixels, caption_words(row.caption, self._shape.tokens))


def squared(path: Path, side: int) -> Any:
    """A picture padded with white to a square and reduced to `side` pixels; uint8 (side, side, 3).

    Raises:
        DataError: it cannot be read.
    """
    from PIL import ImageOps
    from PIL.Image import Resampling

    square = ImageOps.pad(decode(Image.from_path(path)), (side, side), Resampling.BOX, color="white")
    return np.asarray(square, dtype=np.uint8)


class _Told(NamedTuple):
    """A batch: loss, the words' scores (batch, tokens, candidates) and right places, and whether each mark was told.

    Without captions there are no scores and places, without pages no marks (colour and form, number of marks).
    """

    loss: Any
    scores: Any
    right: Any
    marks: Any


class VisionStage:
    """One training: the module, its optimiser, and where it stands."""

    def __init__(self, config: VisionConfig, folder: Path, *, root: Path) -> None:
        import torch

        torch.set_num_threads(config.threads)
        torch.manual_seed(config.seed)
        self.config, self.folder, self.step = config, folder, 0
        self.vision = vision_tower.fresh(config.tower)
        decay = [p for p in self.vision.parameters() if p.ndim > 1]
        rest = [p for p in self.vision.parameters() if p.ndim <= 1]
        self.cells = vision_tower.cell_reader(config.tower) if config.pages else None
        if self.cells is not None:
            rest += list(self.cells.parameters())
        groups = [{"params": decay, "weight_decay": config.weight_decay}, {"params": rest, "weight_decay": 0.0}]
        self.optimiser = torch.optim.AdamW(groups, lr=config.learning_rate, betas=(0.9, 0.98))
        side, tokens = config.tower.image_size, config.tower.tokens
        self.words = Words(Path(config.language) if config.language else weights())
        width = self.words.table.shape[1]
        if width != config.tower.embedding:
            raise ConfigError(
                f"expected tower.embedding = {width}, the language model's, got {config.tower.embedding}."
            )
        if config.captions:
            self._train, self._held = (
                _Captioned(root / config.captions, config.tower, held=held) for held in (False, True)
            )
            vocabulary = self._train.words
        elif config.pages:
            full, again = config.full_pages, config.again_after
            self._train = Pages(side=side, seed=config.seed, full_until=full, again_after=again, often=config.often)
            self._held = Pages(side=side, seed=config.seed + 1_000_003)
            vocabulary = PAGE_WORDS
        else:
            self._train = Drawings(side=side, tokens=tokens, seed=config.seed, lone_until=config.lone_until)
            self._held = Drawings(side=side, tokens=tokens, seed=config.seed + 1_000_003)
            vocabulary = WORDS
        self._place = {word: i for i, word in enumerate(vocabulary)}
        chosen = candidates(self.words, vocabulary, others=_OTHERS, seed=config.seed)
        self.table = torch.from_numpy(self.words.table[chosen].copy())
        self._weight = torch.ones(len(chosen))
        self._weight[self._place["."]] = config.full_stops
        self._unit = torch.nn.functional.normalize(self.table, dim=-1)
        self._scale = float(self.table.square().mean())

    def told(self, drawn: Sequence[Drawn | DrawnPage]) -> _Told:
        """What the tower says of pictures, and how far that is from their captions and marks."""
        import torch

        pixels = vision_tower.normalised(np.stack([d.pixels for d in drawn]), self.config.tower)
        with torch.autocast("cpu", torch.bfloat16, enabled=self.config.half):
            layers = self.vision.layers(torch.from_numpy(pixels))
            soft = self.vision.told(layers[-1]).float()
            seen = None if self.cells is None else self.cells(layers[len(layers) // 2]).float()
        whole: Any = 0.0
        marks = hits = None
        if seen is not None:
            marks = torch.from_numpy(np.stack([d.cells for d in drawn if isinstance(d, DrawnPage)]))
            whole, hits = vision_tower.cell_loss(seen, marks), vision_tower.marks_right(seen, marks)
        if not all(d.words for d in drawn):
            return _Told(whole, None, None, hits)
        right = torch.tensor([[self._place[w] for w in d.words] for d in drawn])
        scores = torch.nn.functional.normalize(soft, dim=-1) @ self._unit.T * _SHARPNESS
        entropy = torch.nn.functional.cross_entropy(scores.flatten(0, 1), right.flatten(), weight=self._weight)
        error = (soft - self.table[right]).square().mean() / self._scale
        return _Told(whole + entropy + self.config.squared_error * error, scores, right, hits)

    def run(self, say: Say) -> VisionTrained:
        """Go on to the last step; checkpoints and figures on the way."""
        import torch

        config, began, seen = self.config, time.perf_counter(), 0
        figures = self.measure()
        while self.step < config.steps:
            rate = _rate(self.step, config)
            for group in self.optimiser.param_groups:
                group["lr"] = rate
            start = self.step * config.batch
            loss = self.told([self._train.draw(k) for k in range(start, start + config.batch)]).loss
            self.optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self.vision.parameters(), 1.0)
            self.optimiser.step()
            self.step, seen = self.step + 1, seen + config.batch
            if self.step % config.check_every == 0 or self.step == config.steps:
                figures = self.measure()
                self.checkpoint(figures)
                speed = seen / (time.perf_counter() - began)
                say(
                    f"step {self.step}: loss {figures.loss:.3f} (train {float(loss.detach()):.3f}), words "
                    f"{figures.words:.3f}, captions {figures.captions:.3f}, marks {figures.marks}, {speed:.0f} a second"
                )
            if self.step in config.keep_at:
                self.export(self.folder / f"step-{self.step}")
        self.export(self.folder)
        return VisionTrained(folder=self.folder, figures=figures)

    def measure(self) -> VisionFigures:
        """Figures on held pictures."""
        import torch

        losses: list[float] = []
        hits, marks = list[tuple[str, bool]](), list[Any]()
        whole = 0
        inverse = {i: word for word, i in self._place.items()}
        with torch.no_grad():
            for start in range(0, self.config.held, self.config.batch):
                batch = [self._held.draw(k) for k in range(start, min(start + self.config.batch, self.config.held))]
                loss, scores, right, seen = self.told(batch)
                ok = scores.argmax(-1) == right
                losses += [float(loss)] * len(batch)
                marks += [] if seen is None else [seen]
                whole += int(ok.all(-1).sum())
                hits += [(inverse[int(w)], bool(o)) for w, o in zip(right.flatten(), ok.flatten(), strict=True)]
        told = [(word, hit) for word, hit in hits if word not in (".", ",")]
        shares = [round(float(s), 3) for s in torch.cat(marks, 1).float().mean(1)] if marks else []
        return VisionFigures(
            step=self.step,
            loss=float(np.mean(losses)),
            words=float(np.mean([hit for _, hit in told])),
            captions=whole / self.config.held,
            marks=dict(zip(("colour", "form"), shares, strict=True)) if shares else {},
            by_kind={w: round(float(np.mean([h for x, h in told if x == w])), 3) for w in sorted({w for w, _ in told})},
        )

    def checkpoint(self, figures: VisionFigures) -> None:
        """Weights, optimiser and a line of the log; the step is written last."""
        from safetensors.torch import save_file

        state = self.folder / "state"
        state.mkdir(parents=True, exist_ok=True)
        held = {f"w.{n}": p.detach() for n, p in self._named()}
        for name, p in self._named():
            for key, value in self.optimiser.state.get(p, {}).items():
                held[f"o.{key}.{name}"] = value.detach()
        save_file({n: t.clone().contiguous() for n, t in held.items()}, state / f"step-{self.step}.safetensors")
        (state / "step.tmp").write_text(str(self.step), encoding="ascii")
        (state / "step.tmp").replace(state / "step")
        for old in state.glob("step-*.safetensors"):
            if old.name != f"step-{self.step}.safetensors":
                old.unlink()
        with (self.folder / "log.jsonl").open("ab") as log:
            log.write(json.dumps(msgspec.to_builtins(figures)).encode() + b"\n")

    def restore(self, say: Say) -> None:
        """Take up the last checkpoint, where there is one."""
        from safetensors.torch import load_file

        state = self.folder / "state"
        if not (state / "step").is_file():
            return
        self.step = int((state / "step").read_text(encoding="ascii"))
        held = load_file(state / f"step-{self.step}.safetensors")
        for name, p in self._named():
            if f"w.{name}" not in held or held[f"w.{name}"].shape != p.shape:
                raise ConfigError(
                    f"{state}: a checkpoint of a tower of other sizes. Name another `out`, or --no-resume."
                )
            p.data.copy_(held[f"w.{name}"])
            kept = {
                key.split(".")[1]: t for key, t in held.items() if key.startswith("o.") and key.endswith(f".{name}")
            }
            self.optimiser.state[p] = {k: t for k, t in kept.items() if f"o.{k}.{name}" in held}
        say(f"resumed at step {self.step}")

    def _named(self) -> list[tuple[str, Any]]:
        cells = [] if self.cells is None else [(f"cells.{n}", p) for n, p in self.cells.named_parameters()]
        return [*self.vision.named_parameters(), *cells]

    def export(self, folder: Path) -> None:
        """What both engines load."""
        vision_tower.save(self.vision, self.config.tower, folder)
        arrays = {n: t.float().numpy() for n, t in vision_tower.tensors(self.vision).items()}
        write_mmproj(folder / MMPROJ, arrays, self.config.tower, name=self.config.name)


def _rate(step: int, config: VisionConfig) -> float:
    if step < config.warmup:
        return config.learning_rate * (step + 1) / config.warmup
    done = (step - config.warmup) / max(1, config.steps - config.warmup)
    return config.learning_rate * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(1.0, done))))
