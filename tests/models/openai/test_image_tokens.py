"""Tokens of images against the examples in the providers' own guides."""

from __future__ import annotations

import pytest

from safesight.core.errors import ConfigError
from safesight.models.openai.image_tokens import area, crops, patches, rule_of, tiles

# platform.openai.com/docs/guides/images-vision, "Calculating costs": GPT-4o, and the patches of GPT-4.1 mini.
OPENAI_TILES = [(1024, 1024, 765), (2048, 4096, 1105), (512, 512, 255)]
OPENAI_PATCHES = [(1024, 1024, 1024), (1800, 2400, 1452)]
# docs.claude.com, "Vision": sizes with their approximate tokens.
ANTHROPIC = [(200, 200, 54), (1000, 1000, 1334), (1092, 1092, 1590)]
# ai.google.dev, "Understand and count tokens" and "Image understanding": small images, and 960 x 540 in six tiles.
GEMINI = [(384, 384, 258), (960, 540, 6 * 258)]


@pytest.mark.parametrize(("width", "height", "expected"), OPENAI_TILES)
def test_openai_tiles(width: int, height: int, expected: int) -> None:
    assert tiles(width, height, 85, 170) == expected


@pytest.mark.parametrize(("width", "height", "expected"), OPENAI_PATCHES)
def test_openai_patches(width: int, height: int, expected: int) -> None:
    assert patches(width, height) == expected


@pytest.mark.parametrize(("width", "height", "expected"), ANTHROPIC)
def test_anthropic(width: int, height: int, expected: int) -> None:
    assert area(width, height) == pytest.approx(expected, abs=1)


@pytest.mark.parametrize(("width", "height", "expected"), GEMINI)
def test_gemini(width: int, height: int, expected: int) -> None:
    assert crops(width, height) == expected


@pytest.mark.parametrize(
    ("model", "detail", "expected"),
    [
        ("gpt-4o", None, 765),
        ("gpt-4o-2024-11-20", "high", 765),
        ("gpt-4o", "low", 85),
        ("gpt-4.1-mini", None, 1659),  # 1,024 x 1.62
        ("anthropic/claude-3-7-sonnet", None, 1399),
        ("gemini-2.5-flash", None, 4 * 258),
    ],
)
def test_known_models_have_their_providers_rule(model: str, detail: str | None, expected: int) -> None:
    rule = rule_of(model, named=None, detail=detail, where="m")
    assert rule is not None
    assert rule.tokens(1024, 1024) == expected


def test_what_is_not_known_stays_unknown_and_can_be_named() -> None:
    assert rule_of("qwen2.5-vl", named=None, detail=None, where="m") is None
    assert rule_of("claude-opus-4-8", named=None, detail=None, where="m") is None  # its guide's rule was not read
    named = rule_of("qwen2.5-vl", named="1280", detail=None, where="m")
    assert named is not None
    assert named.tokens(9, 9) == 1280
    small = rule_of("gpt-4o", named=None, detail=None, max_side=512, where="m")
    assert small is not None
    assert small.tokens(2048, 2048) == 255
    for wrong in ("openai", "openai-tiles:85", "openai-patches:x", "gemini:2"):
        with pytest.raises(ConfigError, match="image_tokens: expected openai-tiles:BASE"):
            rule_of("m", named=wrong, detail=None, where="m")
