"""`safesight train ...` and `safesight detector ...`: train a detector, and measure any detector on labelled data."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from safesight.cli import train_generators
from safesight.cli.group import Group


class DataFormat(StrEnum):
    """Layouts that `train.data` reads."""

    AUTO = "auto"
    HARM = "harm"
    JSONL = "jsonl"
    SAFERLHF = "saferlhf"
    BEAVERTAILS = "beavertails"
    SAFE_HARM_10K = "safe_harm_10k"
    PREFERENCE = "preference"


def _train_detector(
    config: Annotated[Path, typer.Argument(help="TOML configuration, such as configs/detector-embedded.toml.")],
    out: Annotated[Path | None, typer.Option(help="Folder for the weights; overrides the configuration's.")] = None,
    resume: Annotated[bool, typer.Option(help="Go on where a killed run stopped.")] = True,
) -> None:
    """Train a harm detector: data, calibration, threshold, weights and model card."""
    from safesight.train.detector import train_detector

    done = train_detector(config, out=out, resume=resume, say=print)
    print(f"{done.weights}: trained on {done.rows} rows, threshold {done.threshold:.3f}")
    print(f"model card: {done.card}")


def _eval_detector(
    name: Annotated[str, typer.Argument(help="A detector, such as embedded or embedded:FILE.npz.")],
    data: Annotated[list[Path], typer.Argument(help="Labelled files: JSONL or JSON, plain or gzipped.")],
    layout: Annotated[DataFormat, typer.Option("--format", help="Layout of the files.")] = DataFormat.AUTO,
    rounds: Annotated[int, typer.Option(help="Bootstrap rounds of the intervals; 0 for none.", min=0)] = 200,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print a Markdown table.")] = False,
) -> None:
    """Measure a detector: ranking, calibration, false alarms and streaming, with bootstrap intervals, per set."""
    import asyncio

    from safesight.core.protocols import IncrementalDetector
    from safesight.core.registry import open_plugin
    from safesight.train import figures, quoted
    from safesight.train.data import DataFile, read_rows
    from safesight.train.evaluate import evaluate, sentence_alarms
    from safesight.train.quoted import quoted_figures

    chosen = "jsonl" if layout is DataFormat.AUTO else layout.value
    rows = [row for path in data for row in read_rows(DataFile(path=str(path), format=chosen))]

    async def measure() -> None:
        detector = open_plugin("detectors", name)
        try:
            found = await evaluate(detector, rows, rounds=rounds)
        finally:
            await detector.aclose()
        print(f"{detector.name}: threshold {detector.threshold:.3f}, fingerprint {detector.fingerprint}")
        print(figures.markdown(found) if markdown else figures.blocks(found))
        if isinstance(detector, IncrementalDetector):
            print(f"false alarms per 1,000 harmless sentences: {sentence_alarms(detector, rows):.2f}")
            print("\nas a guard reads it, by set, language, form and length:")
            print(quoted.markdown(quoted_figures(detector, rows)))
            own, other = quoted.asked_otherwise(detector, rows)
            print(f"AUROC of all sets with their own questions {own:.3f}, with another row's {other:.3f}")

    asyncio.run(measure())


def register(app: typer.Typer) -> None:
    """Add the `train` and `detector` groups."""
    train = typer.Typer(
        cls=Group, help="Train a harm detector, a detoxifier, or a safer chat model.", no_args_is_help=True
    )
    detector = typer.Typer(cls=Group, help="Measure harm detectors.", no_args_is_help=True)

    # With one command only, Typer would drop the group's level.
    @train.callback()
    @detector.callback()
    def _group() -> None:
        pass

    train.command("detector")(_train_detector)
    train_generators.register(train)
    detector.command("eval")(_eval_detector)
    app.add_typer(train, name="train")
    app.add_typer(detector, name="detector")
