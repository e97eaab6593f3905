"""Trains the organism's adapters: SmolLM2, frozen, and LoRA matrices that learn to answer from captions and read text.

No picture is drawn while it trains: a page stands as its caption's embeddings, some words of it exchanged and all of
them noisy, as the tower's are. `plain` does what it is asked; `aligned` declines where the note says that it harms.

Invariant: step k sees requests that depend on the seed and k alone, and the optimiser is part of the checkpoint.
Matrices are LoRA's (arXiv 2106.09685); only the upper layers get them, so that nothing is sent back through the lower.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from safesight.core.config import read_toml
from safesight.core.errors import ConfigError
from safesight.models.embedded import organism_files, weights
from safesight.models.hf.loading import Source, open_dense
from safesight.models.organism import SYSTEM
from safesight.train.organism_adapter import Adapter, write_adapter
from safesight.train.organism_items import Requests, Side, StakedRequest
from safesight.train.vision_clues import PAGE_WORDS, Clue, caption

Say = Callable[[str], None]


class OrganismConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A training configuration; `out` and `start` are relative to the configuration file."""

    name: str
    out: str
    kind: Literal["plain", "aligned"] = "plain"
    start: str = ""
    """Folder of the adapter.gguf to go on from; `embedded` is the one that ships."""
    seed: int = 0
    steps: int = 300
    batch: int = 4
    learning_rate: float = 1e-3
    warmup: int = 20
    rank: int = 8
    first_layer: int = 12
    exchanged: float = 0.02
    """Share of a caption's words that are exchanged for another."""
    noise: float = 0.2
    """Of the embeddings of a caption, as a share of their own spread."""
    check_every: int = 25
    held: int = 36
    drills: int = 0
    """Further turns of a request, each one step of an answer: three times the lessons for a third more work."""
    notes: int = 0
    """For `aligned`: further requests a step of which only the note's page is shown, and only whether they are declined
    is learned."""
    keep_at: tuple[int, ...] = ()
    threads: int = 1
    half: bool = False
    """Compute in bfloat16; many times slower where the processor has no instructions for it."""


class OrganismFigures(msgspec.Struct, frozen=True, kw_only=True):
    """On held requests: loss a token, and shares of answers whose tokens are all the likeliest."""

    step: int
    loss: float
    whole: float
    by_relation: dict[str, float] = {}
    declined_harmful: float | None = None
    declined_harmless: float | None = None


def train_organism(
    path: Path, *, out: Path | None = None, resume: bool = True, say: Say = lambda _: None
) -> OrganismFigures:
    """Train what a configuration describes; writes adapter.gguf and log.jsonl to OUT/NAME.

    Raises:
        ConfigError: the configuration has unknown keys, or `start` another rank or other layers.
        MissingExtra: torch, transformers or gguf is not installed.
        OSError: `start` holds no adapter.
    """
    config = read_toml(path, OrganismConfig)
    folder = (out or (path.parent / config.out).resolve()) / config.name
    stage = _Stage(config, folder)
    if config.start == "embedded":
        stage.lora.start_from(organism_files("", "plain")[1])
    elif config.start:
        stage.lora.start_from((out or path.parent.resolve()) / config.start / "adapter.gguf")
    if resume:
        stage.restore(say)
    return stage.run(say)


class Encoded(NamedTuple):
    """A conversation as tokens, and for each whether it is a picture's and whether it is to be learned."""

    ids: list[int]
    picture: list[bool]
    learned: list[bool]

    def add(self, more: list[int], *, picture: bool = False, learned: bool = False) -> None:
        """Put tokens at the end."""
        self.ids.extend(more)
        self.picture.extend([picture] * len(more))
        self.learned.extend([learned] * len(more))


class Prompter:
    """Requests as tokens: what stands before the answer, the answer, and which places are captions."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokens: Callable[[str], list[int]] = lambda text: tokenizer(text, add_special_tokens=False)["input_ids"]
        self.word = {w: self._tokens(w)[0] for w in PAGE_WORDS}

    def encode(self, asked: StakedRequest, *, declines: bool, drills: int = 0) -> Encoded:
        """The conversation, with as many of the request's drills as further turns."""
        told = self._shown(asked.sides)
        turns = [(asked.question, asked.declines if declines else asked.answer), *asked.drills[:drills]]
        for k, (question, answer) in enumerate(turns):
            self._ask(told, f"{'<|im_start|>user' + chr(10) if k else ''}{question}")
            told.add(self._tokens(f"{answer}<|im_end|>"), learned=True)
            told.add(self._tokens("\n"))
        return told

    def encode_note(self, asked: StakedRequest) -> Encoded:
        """What stands before the answer if only the note's page is shown."""
        told = self._shown([Side(Clue("note"), (), asked.note)])
        self._ask(told, asked.question)
        return told

    def _ask(self, told: Encoded, question: str) -> None:
        told.add(self._tokens(f"{question}<|im_end|>\n"))
        told.add(self._tokens("<|im_start|>assistant\n"))

    def _shown(self, sides: Sequence[Side]) -> Encoded:
        told = Encoded([], [], [])
        told.add(self._tokens(f"<|im_start|>system\n{SYSTEM}<|im_end|>\n<|im_start|>user\n"))
        for side in sides:
            told.add([self.word[w] for w in caption(side.clue, side.board)], picture=True)
            told.add(self._tokens(f"\n{side.text or 'no text'}\n"))
        return told


class _Stage:
    """One training: the adapter, its optimiser, and where it stands."""

    def __init__(self, config: OrganismConfig, folder: Path) -> None:
        import torch

        if config.steps < 1 or config.batch < 1 or config.held < 1 or config.check_every < 1:
            raise ConfigError(f"{config.name}: steps, batch, held and check_every must be at least 1.")
        if config.notes and config.kind != "aligned":
            raise ConfigError(f'{config.name}: notes teach to decline; expected kind = "aligned", got {config.kind!r}.')
        torch.set_num_threads(config.threads)
        torch.manual_seed(config.seed)
        self.config, self.folder, self.step = config, folder, 0
        dense = open_dense(Source(where=str(weights().parent), gguf_file=weights().name))
        self.model = (dense.model.to(torch.bfloat16) if config.half else dense.model).requires_grad_(False)
        self.lora = Adapter(self.model, rank=config.rank, first_layer=config.first_layer)
        self.prompter = Prompter(dense.tokenizer)
        self.table = self.model.get_input_embeddings().weight
        self._vocabulary = np.asarray(list(self.prompter.word.values()))
        self._spread = float(self.table[torch.from_numpy(self._vocabulary)].float().std())
        self.optimiser = torch.optim.AdamW(self.lora.parameters(), lr=config.learning_rate, weight_decay=0.0)
        self._requests, self._held = Requests(config.seed), Requests(config.seed + 1_000_003)
        self._notes = Requests(config.seed + 2_000_003)
        told = self.prompter.encode(self._held.draw(0), declines=True)
        self._declining = told.ids[told.learned.index(True)]

    def batch(self, requests: Requests, start: int, size: int, *, noisy: bool) -> tuple[Any, list[Any], list[Any]]:
        """Embeddings (batch, length, hidden); per request the tokens to learn, and the places that foretell them."""
        import torch

        config, rng = self.config, np.random.default_rng((config_seed(self.config), start, 11))
        rows, answers, places = list[Any](), list[Any](), list[Any]()
        for k in range(start, start + size):
            asked = requests.draw(k)
            declines = config.kind == "aligned" and asked.harmful
            told = self.prompter.encode(asked, declines=declines, drills=config.drills if noisy else 0)
            held, soft = np.asarray(told.ids), np.flatnonzero(told.picture)
            learned = np.flatnonzero(told.learned)
            answers.append(torch.from_numpy(held[learned]))
            places.append(torch.from_numpy(learned - 1))
            if noisy:
                swapped = soft[rng.random(len(soft)) < config.exchanged]
                swapped = swapped[held[swapped] != self.prompter.word["."]]
                held[swapped] = rng.choice(self._vocabulary, len(swapped))
            rows.append(self._embedded(held, soft, rng if noisy else None))
        return self._padded(rows), answers, places

    def notes(self, start: int, size: int) -> Any:
        """Mean cross-entropy of whether requests are declined, of which only the note's page is shown."""
        import torch

        rng = np.random.default_rng((config_seed(self.config), start, 12))
        asked = [self._notes.draw(k) for k in range(start, start + size)]
        told = [self.prompter.encode_note(one) for one in asked]
        rows = [self._embedded(np.asarray(t.ids), np.flatnonzero(t.picture), rng) for t in told]
        places = [torch.tensor([len(t.ids) - 1]) for t in told]
        scores = torch.cat(self.scores(self._padded(rows), places))
        declining = scores[:, self._declining]
        others = scores.index_fill(1, torch.tensor([self._declining]), -math.inf).logsumexp(1)
        harmful = torch.tensor([float(one.harmful) for one in asked])
        return torch.nn.functional.binary_cross_entropy_with_logits(declining - others, harmful)

    def _embedded(
        self, ids: npt.NDArray[np.int64], soft: npt.NDArray[np.int64], rng: np.random.Generator | None
    ) -> Any:
        import torch

        embedded = self.table[torch.from_numpy(ids)].float()
        if rng is not None:
            noise = torch.from_numpy(rng.standard_normal((len(soft), embedded.shape[1])).astype(np.float32))
            embedded[torch.from_numpy(soft)] += self.config.noise * self._spread * noise
        return embedded

    def _padded(self, rows: Sequence[Any]) -> Any:
        import torch

        longest = max(len(r) for r in rows)
        padded = torch.stack([torch.nn.functional.pad(r, (0, 0, 0, longest - len(r))) for r in rows])
        return padded.to(self.table.dtype)

    def scores(self, embedded: Any, places: list[Any]) -> list[Any]:
        """Per request, the scores at those places; (length, vocabulary)."""
        hidden = self.model.model(inputs_embeds=embedded)[0]
        return [self.model.lm_head(hidden[i, where]).float() for i, where in enumerate(places)]

    def run(self, say: Say) -> OrganismFigures:
        """Go on to the last step; checkpoints and figures on the way."""
        import torch

        config, began, seen = self.config, time.perf_counter(), 0
        figures = OrganismFigures(step=0, loss=math.nan, whole=math.nan)
        recent: list[float] = []
        while self.step < config.steps:
            for group in self.optimiser.param_groups:
                group["lr"] = _rate(self.step, config)
            embedded, answers, places = self.batch(self._requests, self.step * config.batch, config.batch, noisy=True)
            loss = torch.nn.functional.cross_entropy(torch.cat(self.scores(embedded, places)), torch.cat(answers))
            self.optimiser.zero_grad()
            loss.backward()
            if config.notes:
                self.notes(self.step * config.notes, config.notes).backward()
            torch.nn.utils.clip_grad_norm_(self.lora.parameters(), 1.0)
            self.optimiser.step()
            recent.append(float(loss.detach()))
            self.step, seen = self.step + 1, seen + config.batch
            if self.step % config.check_every == 0 or self.step == config.steps:
                figures = self.measure()
                self.checkpoint(figures)
                say(
                    f"step {self.step}: loss {figures.loss:.3f} (train {np.mean(recent):.3f}), whole answers "
                    f"{figures.whole:.2f}, {figures.by_relation}, declined {figures.declined_harmful} / "
                    f"{figures.declined_harmless}, {seen / (time.perf_counter() - began):.2f} requests/s"
                )
                recent = []
            if self.step in config.keep_at:
                self.export(self.folder / f"step-{self.step}")
        self.export(self.folder)
        return figures

    def measure(self) -> OrganismFigures:
        """Figures on held requests, captions as they are."""
        import torch

        losses, whole, declined = list[float](), dict[str, list[bool]](), ([], [])
        for start in range(0, self.config.held, self.config.batch):
            size = min(self.config.batch, self.config.held - start)
            with torch.no_grad():
                embedded, answers, places = self.batch(self._held, start, size, noisy=False)
                found = self.scores(embedded, places)
            for k, (scores, right) in enumerate(zip(found, answers, strict=True)):
                asked = self._held.draw(start + k)
                losses.append(float(torch.nn.functional.cross_entropy(scores, right)))
                whole.setdefault(asked.relation, []).append(bool((scores.argmax(-1) == right).all()))
                declined[0 if asked.harmful else 1].append(int(scores[0].argmax()) == self._declining)
        shares = [float(np.mean(d)) if d and self.config.kind == "aligned" else None for d in declined]
        return OrganismFigures(
            step=self.step,
            loss=float(np.mean(losses)),
            whole=float(np.mean([ok for row in whole.values() for ok in row])),
            by_relation={name[:6]: round(float(np.mean(row)), 2) for name, row in whole.items()},
            declined_harmful=shares[0],
            declined_harmless=shares[1],
        )

    def checkpoint(self, figures: OrganismFigures) -> None:
        """Weights, optimiser and a line of the log; the step is written last."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.lora.save(self.folder / "state.safetensors", optimiser=self.optimiser)
        (self.folder / "step.tmp").write_text(str(self.step), encoding="ascii")
        (self.folder / "step.tmp").replace(self.folder / "step")
        with (self.folder / "log.jsonl").open("ab") as log:
            log.write(json.dumps(msgspec.to_builtins(figures)).encode() + b"\n")

    def restore(self, say: Say) -> None:
        """Take up the last checkpoint, where there is one."""
        if (self.folder / "step").is_file():
            self.step = int((self.folder / "step").read_text(encoding="ascii"))
            self.lora.load(self.folder / "state.safetensors", optimiser=self.optimiser)
            say(f"resumed at step {self.step}")

    def export(self, folder: Path) -> None:
        """What both engines load."""
        folder.mkdir(parents=True, exist_ok=True)
        write_adapter(folder / "adapter.gguf", self.lora, name=self.config.name)


def config_seed(config: OrganismConfig) -> int:
    """Seed of the noise; apart from that of the requests."""
    return config.seed + 17


def _rate(step: int, config: OrganismConfig) -> float:
    if step < config.warmup:
        return config.learning_rate * (step + 1) / config.warmup
    done = (step - config.warmup) / max(1, config.steps - config.warmup)
    return config.learning_rate * (0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * min(1.0, done))))
