"""Small JPEG copies of the runs' images for the page, within a size budget.

Invariant: an image is used only when its file still has the bytes that were hashed; the others are shown by name.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable

from safesight.core.errors import DataError
from safesight.core.messages import Image
from safesight.core.records import Case
from safesight.media.pixels import decode

SIDE = 220
"""Longest side of a thumbnail in pixels: enough to recognise, too small to read an instruction off."""


def thumbnails(cases: Iterable[Case], *, budget: int) -> dict[str, str]:
    """Data URLs by image hash, in case order, until `budget` characters are spent; 0 makes none."""
    found: dict[str, str] = {}
    tried: set[str] = set()
    spent = 0
    for image in (image for case in cases for image in case.sample.images):
        if spent >= budget:
            break
        if image.sha256 not in tried:
            tried.add(image.sha256)
            url = _thumbnail(image)
            if url:
                found[image.sha256] = url
                spent += len(url)
    return found


def _thumbnail(image: Image) -> str:
    try:
        small = decode(image, draft_px=SIDE)
    except DataError:
        return ""
    small.thumbnail((SIDE, SIDE))
    out = io.BytesIO()
    small.save(out, "JPEG", quality=55, optimize=True)
    return "data:image/jpeg;base64," + base64.b64encode(out.getvalue()).decode()
