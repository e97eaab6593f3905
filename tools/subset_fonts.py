"""Cut the pen's fonts down to what is drawn: Latin, and the Chinese characters of our own texts.

    python tools/subset_fonts.py      (needs fontTools, fonts-dejavu-core and fonts-noto-cjk)

Writes src/safesight/benchmarks/drawing/fonts. Run it again when a Chinese text gains a character; a test says so.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "src" / "safesight" / "benchmarks" / "drawing" / "fonts"
SOURCES = {
    "DejaVuSans.ttf": ("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf", 0),
    "DejaVuSans-Bold.ttf": ("/usr/share/fonts/truetype/dejavu/DejaVuSans-Bold.ttf", 0),
    "NotoSansSC-Regular.otf": ("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc", 2),
    "NotoSansSC-Bold.otf": ("/usr/share/fonts/opentype/noto/NotoSansCJK-Bold.ttc", 2),
}
LATIN = "".join(map(chr, [*range(0x20, 0x7F), *range(0xA0, 0x180)])) + "–—‘’“”„…•→←↑↓×✓✗€"
_WIDE = re.compile(r"[\u2e80-\u9fff\uff00-\uffef\u3000-\u303f]")


def chinese() -> str:
    """Every wide character in the sources of drawings."""
    folders = (ROOT / "tools" / "starter_art", ROOT / "src" / "safesight" / "benchmarks" / "drawing",
               ROOT / "src" / "safesight" / "benchmarks" / "pairs")  # fmt: skip
    texts = (path.read_text(encoding="utf-8") for folder in folders for path in folder.glob("*.py"))
    return "".join(sorted(set(_WIDE.findall("".join(texts)))))


def main() -> int:
    """Cut all four."""
    OUT.mkdir(exist_ok=True)
    for name, (source, face) in SOURCES.items():
        options = subset.Options(hinting=True, legacy_kern=True, layout_features=[], name_IDs=[0, 1, 2, 13, 14],
                                 notdef_outline=True,
                                 drop_tables=["GSUB", "GPOS", "GDEF", "vhea", "vmtx", "VORG"])  # fmt: skip
        cutter = subset.Subsetter(options)
        cutter.populate(text=LATIN + (chinese() if "Noto" in name else ""))
        font = TTFont(source, fontNumber=face)
        cutter.subset(font)
        font.save(OUT / name)
        sys.stdout.write(f"{name}: {(OUT / name).stat().st_size:,} bytes\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
