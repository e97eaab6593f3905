"""Input arms of a multi-image case: the same request with its images whole, joined, told, reordered or cut.

An arm changes only how a case is shown, never its question, seed or label, so the arms of one case are
paired. The images of `multi`, `shuffled` and `single` are passed on byte-identical; `stitched` makes one new
lossless PNG by the rule of MIR-SafetyBench for single-image models (arXiv 2601.14127: left to right, 50 px
of white between). Key a sample by its original images and the arm's name, not by the stitched bytes, which
depend on the PNG encoder.
"""

from __future__ import annotations

import io
import random
from collections.abc import Sequence
from typing import Final

from safesight.core.errors import DataError, UnknownName
from safesight.core.messages import Image, ImagePart, Part, TextPart
from safesight.core.records import content_hash
from safesight.media.pixels import decode

ARMS: Final = ("multi", "stitched", "text", "shuffled", "single")
"""Every arm; the first is the default."""

GAP_PX: Final = 50
"""White between neighbours in the `stitched` arm."""


def resolve_arm(name: str) -> str:
    """The arm of that name; "" is the default.

    Raises:
        UnknownName: there is no such arm; the nearest is suggested.
    """
    if name and name not in ARMS:
        raise UnknownName("arm", name, ARMS)
    return name or ARMS[0]


def apply_arm(
    arm: str, *, images: Sequence[Image], descriptions: Sequence[str], prompt: str, seed: int = 0, pair: str = ""
) -> tuple[Part, ...]:
    """The parts of the one user turn that shows a case under `arm`, images first, then the prompt.

    - `multi`: every image in order.
    - `stitched`: the images joined into one, see `stitch`; one image alone is passed on as it is.
    - `text`: no image; one line "Image k: description" for each, then the prompt.
    - `shuffled`: every image, in an order that differs from the original wherever there are two or more.
    - `single`: the first image only.

    Args:
        arm: A name from `ARMS`, or "" for the default.
        images: The case's images in order; read (decoded) by `stitched` only.
        descriptions: One text for each image, in the same order; used by `text` only.
        prompt: The request, as it is.
        seed: Chooses the order of `shuffled`, together with `pair` or else the images' hashes.
        pair: What a case and its twin of other images share: `shuffled` orders both alike.

    Raises:
        UnknownName: there is no such arm.
        DataError: `text` without exactly one description for each image.
        MissingData: `stitched` cannot read an image.
        CorruptData: `stitched` cannot decode an image, or it is too large to decode safely.
    """
    match resolve_arm(arm):
        case "stitched":
            shown: Sequence[Image] = images if len(images) < 2 else [stitch(images)]
        case "text":
            return (TextPart(told(descriptions, count=len(images), prompt=prompt)),)
        case "shuffled":
            shown = [images[i] for i in shuffled_order(images, seed=seed, pair=pair)]
        case "single":
            shown = images[:1]
        case _:
            shown = images
    return (*(ImagePart(image) for image in shown), TextPart(prompt))


def shuffled_order(images: Sequence[Image], *, seed: int = 0, pair: str = "") -> list[int]:
    """Positions of `images` in a seeded order, never the original one where there are two or more.

    The order depends on the seed and the images alone, or on the seed and the name of their pair: it survives a
    reordered data set, and an unsafe case and its benign twin get the same one. Uniform over all orders but the
    original.
    """
    order = list(range(len(images)))
    if len(order) < 2:
        return order
    draw = random.Random(content_hash(seed, pair or [image.sha256 for image in images]))
    original = order.copy()
    while order == original:
        draw.shuffle(order)
    return order


def stitch(images: Sequence[Image], *, gap_px: int = GAP_PX) -> Image:
    """Join images left to right into one lossless PNG on white, tops aligned, original sizes kept.

    Images are upright, their transparent pixels white (see `media.pixels`). `gap_px` separates neighbours; nothing is
    added at the edges.

    Raises:
        DataError: there is no image to join.
        MissingData: an image's bytes cannot be read.
        CorruptData: an image cannot be decoded, or it is too large to decode safely.
    """
    from PIL import Image as Pillow

    if not images:
        raise DataError("expected at least one image to stitch, got none.")
    rasters = [decode(image) for image in images]
    width = sum(raster.width for raster in rasters) + gap_px * (len(rasters) - 1)
    canvas = Pillow.new("RGB", (width, max(raster.height for raster in rasters)), "white")
    left = 0
    for raster in rasters:
        canvas.paste(raster, (left, 0))
        left += raster.width + gap_px
    encoded = io.BytesIO()
    canvas.save(encoded, format="PNG")
    return Image.from_bytes(encoded.getvalue(), label=" + ".join(image.label for image in images))


def told(descriptions: Sequence[str], *, count: int, prompt: str) -> str:
    """The text of the `text` arm: one line "Image k: description" for each of `count` images, then the prompt.

    Raises:
        DataError: there is not exactly one description that says something for each image.
    """
    if len(descriptions) != count or not all(text.strip() for text in descriptions):
        raise DataError(
            f"arm 'text': expected a description for each of {count} images, got {len(descriptions)}"
            f" ({sum(not text.strip() for text in descriptions)} of them blank). Choose another arm."
        )
    lines = [f"Image {k}: {text.strip()}" for k, text in enumerate(descriptions, 1)]
    return "\n".join([*lines, "", prompt])
