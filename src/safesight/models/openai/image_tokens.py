"""Tokens that an image takes, by its size and the providers' published rules: what `--dry-run` counts.

Rules, as read in the providers' guides:

- `openai-tiles:BASE+TILE` (platform.openai.com/docs/guides/images-vision, "Calculating costs"): fit into 2,048 x 2,048,
  shorter side to 768, BASE and TILE for every 512-pixel square; BASE alone for `detail=low`.
- `openai-patches:FACTOR` (the same page): 32-pixel patches, at most 1,536, times FACTOR.
- `anthropic` (docs.claude.com, "Vision"): width x height / 750 after shrinking to 1,568 pixels and some 1,600 tokens.
- `gemini` (ai.google.dev, "Understand and count tokens"): 258 up to 384 x 384, else 258 for every tile, whose side
  is the shorter side / 1.5, between 256 and 768 pixels.
- a number: so many for each image.

A model that is not in these lists has no rule until `?image_tokens=` names one: the estimate then says "at least".
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from safesight.core.errors import ConfigError

_TILES: Final[Mapping[str, tuple[int, int]]] = {
    "gpt-4o-mini": (2833, 5667),
    "gpt-4o": (85, 170),
    "gpt-4.1": (85, 170),
    "gpt-4-turbo": (85, 170),
    "gpt-5": (70, 140),
    "gpt-5-chat-latest": (70, 140),
    "o1": (75, 150),
    "o3": (75, 150),
}
_PATCHES: Final[Mapping[str, float]] = {
    "gpt-4.1-mini": 1.62,
    "gpt-4.1-nano": 2.46,
    "gpt-5-mini": 1.62,
    "gpt-5-nano": 2.46,
    "o4-mini": 1.72,
}
# Those that the guide's rule was read for; later ones may count otherwise.
_FAMILIES: Final = {
    "anthropic": re.compile(r"claude-(3|(opus|sonnet|haiku)-4(-[015])?(-\d{8})?$)"),
    "gemini": re.compile(r"gemini-2\.[05]"),
}
_DATED: Final = re.compile(r"-\d{4}-\d\d-\d\d$")
_MOST_PATCHES: Final = 1536
_PER_TILE: Final = 258


class ImageRule(msgspec.Struct, frozen=True):
    """How many tokens an image takes, and what the rule is called."""

    name: str
    tokens: Callable[[int, int], int]


def rule_of(
    model: str, *, named: str | None, detail: str | None, max_side: int | None = None, where: str
) -> ImageRule | None:
    """The rule of a model: the one that is `named`, or that its provider publishes; None where neither is known.

    `detail` and `max_side` (pixels; larger images are made smaller before they are sent) are the model's options.

    Raises:
        ConfigError: the name is none of the rules.
    """
    name = named or _published(_DATED.sub("", model.rsplit("/", 1)[-1].lower()))
    if name is None:
        return None
    count = _counter(name, detail=detail)
    if count is None:
        raise ConfigError(
            f"{where}: image_tokens: expected openai-tiles:BASE+TILE, openai-patches:FACTOR, anthropic, gemini or a "
            f"number, got {name!r}."
        )

    def tokens(width: int, height: int) -> int:
        fits = min(1.0, (max_side or math.inf) / max(width, height))
        return count(max(1, round(width * fits)), max(1, round(height * fits)))

    return ImageRule(name, tokens)


def _counter(name: str, *, detail: str | None) -> Callable[[int, int], int] | None:
    kind, _, rest = name.partition(":")
    if name.isdecimal():
        return lambda _width, _height: int(name)
    if kind == "openai-tiles" and (found := re.fullmatch(r"(\d+)\+(\d+)", rest)):
        base, tile = map(int, found.groups())
        return lambda width, height: base if detail == "low" else tiles(width, height, base, tile)
    if kind == "openai-patches" and (found := re.fullmatch(r"\d+(?:\.\d+)?", rest)):
        return lambda width, height: math.ceil(patches(width, height) * float(rest))
    return _PLAIN.get(name)


def _published(model: str) -> str | None:
    if model in _TILES:
        base, tile = _TILES[model]
        return f"openai-tiles:{base}+{tile}"
    if model in _PATCHES:
        return f"openai-patches:{_PATCHES[model]}"
    return next((rule for rule, family in _FAMILIES.items() if family.match(model)), None)


def tiles(width: int, height: int, base: int, tile: int) -> int:
    """OpenAI's 512-pixel squares."""
    fits = min(1.0, 2048 / max(width, height))
    wide, high = width * fits, height * fits
    shrink = min(1.0, 768 / min(wide, high))
    return base + tile * math.ceil(round(wide * shrink, 6) / 512) * math.ceil(round(high * shrink, 6) / 512)


def patches(width: int, height: int) -> int:
    """OpenAI's 32-pixel patches; a larger image is shrunk until whole patches cover it."""
    found = math.ceil(width / 32) * math.ceil(height / 32)
    if found <= _MOST_PATCHES:
        return found
    scale = math.sqrt(32 * 32 * _MOST_PATCHES / (width * height))
    across, down = width * scale / 32, height * scale / 32
    scale *= min(math.floor(across) / across, math.floor(down) / down)
    covered = math.ceil(round(width * scale / 32, 6)) * math.ceil(round(height * scale / 32, 6))
    return min(_MOST_PATCHES, covered)


def area(width: int, height: int) -> int:
    """Anthropic's pixels divided by 750."""
    shrink = min(1.0, 1568 / max(width, height))
    return min(1600, math.ceil(width * shrink * height * shrink / 750))


def crops(width: int, height: int) -> int:
    """Google's tiles."""
    if max(width, height) <= 384:
        return _PER_TILE
    side = min(768, max(256, math.floor(min(width, height) / 1.5)))
    return _PER_TILE * math.ceil(width / side) * math.ceil(height / side)


_PLAIN: Final[Mapping[str, Callable[[int, int], int]]] = {"anthropic": area, "gemini": crops}
