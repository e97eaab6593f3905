"""One example of every registered plugin, opened for the contract suites; a plugin without one fails a test.

What needs weights that cannot be had here is checked where its stand-in is built: `ELSEWHERE` names that test, which
calls the same suite.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Final

from PIL import Image as Pillow

from safesight.core.protocols import DataOptions
from tests.benchmarks.layouts import MADE
from tests.support import SHARED

ELSEWHERE: Final = {
    ("models", "gguf"): "tests/models/llama/test_model.py",
    ("models", "hf"): "tests/models/hf/test_model.py",
    ("detectors", "hf"): "tests/detectors/test_classifier.py",
    ("detectors", "tuned"): "tests/train/test_backbone.py",
    ("judges", "guardrank"): "tests/judges/test_guardrank.py",
}
"""Kind and name of a plugin to the test that runs its suite on a stand-in."""


def words(folder: Path) -> str:
    """A block list as a detector's name."""
    path = folder / "patterns.txt"
    path.write_text("[hte]\nsome mild phrase\n")
    return f"patterns:{path}"


def policy(folder: Path) -> str:
    """A policy over that block list, as a file."""
    path = folder / "policy.toml"
    path.write_text(f'[[detectors]]\nname = "{words(folder)}"\n[input]\nocr = false\n')
    return str(path)


def picture(seed: int = 0, *, size: tuple[int, int] = (12, 8), kind: str = "PNG") -> bytes:
    """A plain picture; every seed gives other bytes."""
    out = io.BytesIO()
    Pillow.new("RGB", size, (seed * 53 % 256, seed * 97 % 256, seed // 7 % 256)).save(out, format=kind)
    return out.getvalue()


def _mir(folder: Path) -> DataOptions:
    from tests.benchmarks.test_mir_safetybench import as_parquet, rows

    return DataOptions(source=as_parquet(folder / "mir", rows(picture, each=1)))


def _mllmguard(folder: Path) -> DataOptions:
    from tests.benchmarks.test_mllmguard import make

    (folder / "mllmguard").mkdir()
    return DataOptions(source=make(folder / "mllmguard", picture, each=1))


def _choice(folder: Path) -> DataOptions:
    from tests.benchmarks.test_choice import own

    (folder / "choice").mkdir()
    return DataOptions(source=own(folder / "choice", picture))


def _listed(name: str) -> Callable[[Path], DataOptions]:
    return lambda folder: MADE[name](folder / name, picture)


def _verifiable(folder: Path) -> DataOptions:
    from safesight.benchmarks.pairs.items import Dials
    from safesight.benchmarks.pairs.rows import write_set

    write_set(folder / "verifiable", pairs=2, seed=1, dials=Dials())
    return DataOptions(source=folder / "verifiable")


def _shared(name: str, *, tiny: bool = False, arm: str = "") -> Callable[[Path], DataOptions | None]:
    def find(folder: Path) -> DataOptions | None:
        found = SHARED / "data" / name
        return DataOptions(source=found, tiny=tiny, arm=arm) if found.is_dir() else None

    return find


BENCHMARKS: Final[dict[str, Callable[[Path], DataOptions | None]]] = {
    "choice": _choice,
    "figstep": _shared("figstep", tiny=True),
    "mir_safetybench": _mir,
    "mllmguard": _mllmguard,
    "mm_safetybench": _shared("mm_safetybench", tiny=True, arm="text"),
    "starter": lambda _folder: DataOptions(),
    **{name: _listed(name) for name in MADE},
    "verifiable": _verifiable,
}
"""Where each benchmark's data is; None where it lies outside the project and is not here."""

JUDGES: Final = {
    "detector": "detector:embedded",
    "exact": "exact",
    "harmbench": "harmbench:scripted:echo",
    "refusal": "refusal",
    "rubric": "rubric:scripted:echo?rubric=legal",
}

DETECTORS: Final[dict[str, Callable[[Path], str]]] = {
    "cascade": lambda folder: f"cascade:{words(folder)},embedded",
    "embedded": lambda _folder: "embedded",
    "mean": lambda _folder: "mean:embedded,embedded",
    "patterns": words,
    "stakes": lambda _folder: "stakes",
}

SERVED: Final = {
    ("models", "http"): "{url}#mock",
    ("models", "https"): "{url}#mock",
    ("models", "openai"): "openai/mock",
    ("detectors", "generative"): "generative:{url}#mock?format=llama-guard-3",
    ("detectors", "moderation"): "moderation:{url}#mock",
}
"""Plugins that ask a server; `https` is opened as `http`, which is the same code (TLS has a test of its own)."""


def papers_policy(folder: Path) -> Path:
    """A policy with a one-logit head on the answer alone, as `paper_faithful` wants it; the head is untrained."""
    from tests.detectors.test_classifier import decoder, tokenizer

    decoder(1).save_pretrained(folder / "head")
    tokenizer().save_pretrained(folder / "head")
    path = folder / "paper.toml"
    path.write_text(f'[[detectors]]\nname = "hf:{folder / "head"}?layout=answer"\n')
    return path


DEFENCES: Final[dict[str, Callable[[Path], str]]] = {
    "paper_faithful": lambda folder: f"paper_faithful:{papers_policy(folder)}",
    "protector_block": lambda folder: f"protector_block:{policy(folder)}",
    "protector_rewrite": lambda folder: f"protector_rewrite:{policy(folder)}",
    "safety_prompt": lambda _folder: "safety_prompt",
    "self_check": lambda _folder: "self_check",
}
