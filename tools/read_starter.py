"""Measure how much of the text in the `starter` images the shipped OCR reads.

    python tools/read_starter.py

Prints, for each language, the share of the drawn words (Chinese: characters and numbers) that occur in what
`safesight.media.ocr` reads from the same image, and every image in which one is missing.
"""

from __future__ import annotations

import re
import sys
import time

from draw_starter import FOLDER, scenes, seeds

from safesight.benchmarks.drawing.scenes import language_of
from safesight.core.messages import Image
from safesight.media.ocr import OcrReader


def units(text: str, language: str) -> list[str]:
    """Words in lower case; for Chinese, single characters and runs of letters or digits."""
    if language == "zh":
        return re.findall(r"[\u4e00-\u9fff]|[a-z0-9]+", text.lower())
    return re.findall(r"[a-z0-9]+", text.lower().replace("'", ""))


def main() -> int:
    """Read every image once."""
    reader = OcrReader()
    found: dict[str, list[int]] = {"en": [0, 0], "zh": [0, 0]}
    images, start = 0, time.perf_counter()
    for seed in seeds():
        language = language_of(seed.texts)
        for name, scene in scenes(seed).items():
            read = set(units(reader.read_sync(Image.from_path(FOLDER / "images" / name)).text, language))
            drawn = units(" ".join(scene.texts()), language)
            missing = [unit for unit in drawn if unit not in read]
            found[language][0] += len(drawn) - len(missing)
            found[language][1] += len(drawn)
            images += 1
            if missing:
                sys.stdout.write(f"{name}: not read: {' '.join(missing)}\n")
    for language, (hits, total) in found.items():
        sys.stdout.write(f"{language}: {hits} of {total} = {hits / total:.1%}\n")
    sys.stdout.write(f"{images} images, {(time.perf_counter() - start) / images:.2f} s each\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
