"""`safesight train detoxifier`, `instruct`, `vision` and `organism`: chat models on safe answers, and eyes for them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from safesight.train.tuning import TunedChat

Out = Annotated[Path | None, typer.Option(help="Folder for the model; overrides the configuration's.")]
Resume = Annotated[bool, typer.Option(help="Go on where a killed run stopped.")]


def _train_detoxifier(
    config: Annotated[Path, typer.Argument(help="TOML configuration, such as configs/detoxifier-smollm2.toml.")],
    out: Out = None,
    resume: Resume = True,
) -> None:
    """Train a detoxifier: rewrites of unsafe answers, refusals capped, safe answers copied; adapter, model and card."""
    from safesight.train.detoxifier import train_detoxifier

    done = train_detoxifier(config, out=out, resume=resume, say=print)
    _show(done)
    print(f'use it in a guard policy: [detoxify] model = "hf/{_named(done.folder)}"')


def _train_instruct(
    config: Annotated[Path, typer.Argument(help="TOML configuration, such as configs/instruct-tiny.toml.")],
    out: Out = None,
    resume: Resume = True,
) -> None:
    """Tune a model that may see on safety conversations mixed with utility ones; adapter, model and card."""
    from safesight.train.instruct import train_instruct

    done = train_instruct(config, out=out, resume=resume, say=print)
    _show(done)
    print(f"measure it: safesight run BENCHMARK --model hf/{_named(done.folder)}")


def _train_vision(
    config: Annotated[Path, typer.Argument(help="TOML configuration, such as configs/organism/1-pages.toml.")],
    out: Out = None,
    resume: Resume = True,
) -> None:
    """Train a small vision tower for SmolLM2 on drawings or your own captioned pictures; safetensors and GGUF."""
    from safesight.train.vision import train_vision

    done = train_vision(config, out=out, resume=resume, say=lambda line: print(line, flush=True))
    figures = done.figures
    print(f"{done.folder}: after {figures.step} steps {figures.words:.1%} of held caption words right")
    print("ask it: safesight run verifiable --model gguf:SMOLLM2.gguf+" + str(done.folder / "mmproj.gguf"))


def _train_organism(
    config: Annotated[Path, typer.Argument(help="TOML configuration, such as configs/organism/2-plain.toml.")],
    out: Out = None,
    resume: Resume = True,
) -> None:
    """Train adapters for SmolLM2 that answer multi-image questions from a tower's captions."""
    from safesight.train.organism import train_organism

    figures = train_organism(config, out=out, resume=resume, say=lambda line: print(line, flush=True))
    print(f"after {figures.step} steps {figures.whole:.1%} of held answers right to the last token")
    print("put the tower's mmproj.gguf beside adapter.gguf; then: --model embedded:FOLDER")


def _show(done: TunedChat) -> None:
    print(f"{done.folder}: trained on {done.rows} rows, {done.steps} steps")
    for kind, loss in done.losses.items():
        print(f"  {kind}: loss on {loss.rows} held rows {loss.before:.4f} before, {loss.after:.4f} after")
    print(f"model card: {done.card}")


def _named(folder: Path) -> str:
    return str(folder) if folder.is_absolute() else f"./{folder}"


def register(train: typer.Typer) -> None:
    """Add the commands to the `train` group."""
    train.command("detoxifier")(_train_detoxifier)
    train.command("instruct")(_train_instruct)
    train.command("vision")(_train_vision)
    train.command("organism")(_train_organism)
