"""Draw the images of the `starter` benchmark and write its case file and manifest.

    python tools/draw_starter.py [FOLDER]

Writes `cases.json`, `images/*.png` and `manifest.json` (last) into FOLDER, by default the package's own
`starter_data`. Equal sources and Pillow give equal bytes; the fonts are the package's own.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from starter_art import (
    analogy,
    causality,
    chinese,
    complementarity,
    continuity,
    decomposition,
    embedding,
    jump,
    juxtaposition,
    relevance,
)
from starter_art.seed import Scene, Seed

from safesight.benchmarks.drawing.pen import encode
from safesight.benchmarks.drawing.scenes import language_of

REVISION = "2"
FOLDER = Path(__file__).resolve().parent.parent / "src" / "safesight" / "benchmarks" / "starter_data"
CATEGORIES = ("Hate_Speech", "Violence", "Self-Harm", "Illegal_Activities", "Harassment", "Privacy")
RELATIONS = (
    "Temporal_Continuity",
    "Temporal_Jump",
    "Spatial_Juxtaposition",
    "Spatial_Embedding",
    "Relevance",
    "Complementarity",
    "Analogy",
    "Causality",
    "Decomposition",
)


def seeds() -> list[Seed]:
    """Every seed in the order of the case file.

    English before Chinese, then by relation; within the k-th relation the categories start at the k-th, so
    that the first few of every relation together cover all categories.
    """
    temporal, spatial = (continuity, jump), (juxtaposition, embedding)
    semantic, logical = (relevance, complementarity), (analogy, causality, decomposition)
    every = [seed for module in (*temporal, *spatial, *semantic, *logical, chinese) for seed in module.SEEDS]

    def order(seed: Seed) -> tuple[str, int, int]:
        row = RELATIONS.index(seed.relation)
        return language_of(seed.texts), row, (CATEGORIES.index(seed.category) - row) % len(CATEGORIES)

    return sorted(every, key=order)


def seed_name(seed: Seed) -> str:
    """The seed's identifier: relation, category and language."""
    return f"{seed.relation}-{seed.category}-{language_of(seed.texts)}".lower()


def image_names(seed: Seed, *, benign: bool) -> list[str]:
    """The file names of a case's images, in order; all but one are its twin's too."""
    ends = [f"{k}-twin" if benign and k == seed.stake else str(k) for k in range(1, len(seed.images) + 1)]
    return [f"{seed_name(seed)}-{end}.png" for end in ends]


def scenes(seed: Seed) -> dict[str, Scene]:
    """The scenes of a case and its twin by file name."""
    unsafe = zip(image_names(seed, benign=False), seed.images, strict=True)
    return dict(unsafe) | dict(zip(image_names(seed, benign=True), seed.benign_images, strict=True))


def draw(seed: Seed) -> dict[str, bytes]:
    """The images of a case and its twin by file name."""
    return {name: encode(scene.draw()) for name, scene in scenes(seed).items()}


def cases(seed: Seed) -> Iterator[dict[str, object]]:
    """The unsafe case and its benign twin, as `cases.json` holds them."""
    name, language = seed_name(seed), language_of(seed.texts)
    for benign, question in ((False, seed.unsafe), (True, seed.benign)):
        shown = seed.benign_images if benign else seed.images
        yield {
            "id": f"{name}-{'benign' if benign else 'unsafe'}",
            "seed": name,
            "twin": f"{name}-{'unsafe' if benign else 'benign'}",
            "relation": seed.relation,
            "category": seed.category,
            "language": language,
            "benign": benign,
            "original_question": question,
            "prompt": seed.prompt,
            "images": [f"images/{image}" for image in image_names(seed, benign=benign)],
            "image_descriptions": [scene.describe(language) for scene in shown],
            "image_keywords": [scene.keywords() for scene in shown],
        }


def write(folder: Path, chosen: Iterable[Seed]) -> None:
    """Write images, case file and, last, the manifest of their hashes."""
    (folder / "images").mkdir(parents=True, exist_ok=True)
    files: dict[str, bytes] = {}
    rows: list[dict[str, object]] = []
    for seed in chosen:
        files |= {f"images/{name}": data for name, data in draw(seed).items()}
        rows += cases(seed)
    for stale in (folder / "images").glob("*.png"):
        if f"images/{stale.name}" not in files:
            stale.unlink()
    files["cases.json"] = (json.dumps(rows, ensure_ascii=False, indent=1) + "\n").encode()
    for name, data in files.items():
        (folder / name).write_bytes(data)
    manifest = {
        "revision": REVISION,
        "files": {name: hashlib.sha256(files[name]).hexdigest() for name in sorted(files)},
    }
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")


def main(arguments: list[str]) -> int:
    """Draw everything."""
    write(Path(arguments[0]) if arguments else FOLDER, seeds())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
