"""Training drawings: the k-th is the seed's, the caption is true of the page, and nothing of the test sets is in it."""

from __future__ import annotations

import ast
import inspect
import re

import numpy as np
import pytest
from PIL import ImageColor

from safesight.benchmarks.drawing.pen import Pen
from safesight.benchmarks.drawing.shapes import COLOURS, SHAPES
from safesight.benchmarks.pairs import category, keys, relations
from safesight.benchmarks.starter import Starter
from safesight.benchmarks.verifiable import Verifiable
from safesight.core.protocols import DataOptions
from safesight.core.records import Sample
from safesight.train import vision_drawings
from safesight.train.vision_drawings import THINGS, WORDS, Drawings

FORM = re.compile(r"( (big|small) \S+| \S+ \S+)((,)( \S+ \S+)){0,3}\.+")


def caption(drawings: Drawings, index: int) -> str:
    return "".join(drawings.draw(index).words)


@pytest.fixture(scope="module")
def texts() -> set[str]:
    """Prompts, intents and page descriptions of the two default sets, and every text quoted as standing on a page."""
    samples = [
        item
        for dataset in (Verifiable(), Starter())
        for item in dataset.load(DataOptions(arm="text"))
        if isinstance(item, Sample)
    ]
    assert len(samples) > 2 * 1080
    whole = {text for s in samples for text in (s.question, *(m.text for m in s.messages))}
    lines = {line for s in samples for line in s.meta["image_descriptions"].splitlines()}
    quoted = {inner for line in lines for inner in re.findall(r"“([^”]+)”", line)}
    assert min(len(whole), len(lines), len(quoted)) > 200
    return whole | lines | quoted


def words_of(text: str) -> list[str]:
    """Words and marks: "blue cross → brown cross" is a page of verifiable, "blue cross, brown cross" a caption."""
    return re.findall(r"\w+|[^\w\s]", text.lower().rstrip(" ."))


def test_the_kth_drawing_depends_on_the_seed_and_k_alone() -> None:
    forwards = [Drawings(side=64, tokens=16, seed=5).draw(k) for k in range(12)]
    backwards = Drawings(side=64, tokens=16, seed=5)
    for k in reversed(range(12)):
        again = backwards.draw(k)
        assert again.words == forwards[k].words
        assert np.array_equal(again.pixels, forwards[k].pixels)
    other = [Drawings(side=64, tokens=16, seed=6).draw(k) for k in range(12)]
    assert sum(np.array_equal(a.pixels, b.pixels) for a, b in zip(forwards, other, strict=True)) == 0
    assert [d.words for d in other] != [d.words for d in forwards]


def test_lone_things_come_first() -> None:
    drawings = Drawings(side=64, tokens=16, seed=1, lone_until=20)
    counts = [caption(drawings, k).count(",") + 1 for k in range(160)]
    assert set(counts[:20]) == {1}
    assert set(counts[20:60]) == {1, 2}
    assert set(counts[60:]) == {1, 2, 3, 4}


def test_captions_have_the_form_and_the_colour_is_on_the_page() -> None:
    drawings = Drawings(side=96, tokens=16, seed=2)
    for k in range(60):
        drawn = drawings.draw(k)
        assert drawn.pixels.shape == (96, 96, 3)
        assert len(drawn.words) == 16
        assert FORM.fullmatch("".join(drawn.words)), drawn.words
        assert set(drawn.words) <= set(WORDS)
        for word in {w.strip() for w in drawn.words} & set(COLOURS):
            near = np.abs(drawn.pixels.astype(int) - ImageColor.getrgb(COLOURS[word][0])).max(axis=2) < 12
            assert near.sum() > 10, (k, word)


def test_no_text_of_the_test_sets_can_be_a_caption(texts: set[str]) -> None:
    known = {word.strip() for word in WORDS}
    sayable = {text for text in texts if words_of(text) and set(words_of(text)) <= known}
    # A lone word on a page ("house") is not a caption either, which has two words at least.
    assert {text for text in sayable if len(words_of(text)) > 1} == set()


def test_no_caption_is_the_listing_of_a_whole_page(texts: set[str]) -> None:
    pages = {" ".join(words_of(text)) for text in texts}
    drawings = Drawings(side=32, tokens=16, seed=11)
    assert not {" ".join(words_of(caption(drawings, k))) for k in range(400)} & pages


def test_no_name_of_the_test_sets_is_a_word(texts: set[str]) -> None:
    pools = (keys.NAMES, keys.PLACES, relations.PEOPLE, category.OWNERS, category.MEN)
    names = {name.lower() for pool in pools for language in pool.values() for name in language}
    # In starter a name is a capitalised word in the middle of a sentence; verifiable's drawn marks are no names.
    names |= {w.lower() for text in texts for w in re.findall(r"(?<=[a-z,] )[A-Z][a-z]+", text)} - {*COLOURS, *SHAPES}
    assert {"amina", "dora", "lumo"} <= names
    assert not names & {word.strip() for word in WORDS}


def test_no_layout_of_the_test_sets_is_reachable_and_no_letter_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    tree = ast.parse(inspect.getsource(vision_drawings))
    used = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module}
    drawing = {f"safesight.benchmarks.drawing.{name}" for name in ("icons", "pen", "shapes")}
    assert {name for name in used if name.startswith("safesight.")} == drawing
    lettered: list[str] = []
    monkeypatch.setattr(Pen, "lines", lambda *_, **__: lettered.append("lines"))
    vision_drawings.mark_sprite.cache_clear()
    for name, colour in [*((icon, "") for icon in THINGS), *((s, c) for s in SHAPES for c in COLOURS)]:
        vision_drawings.mark_sprite(name, colour, "#ffffff")
    assert lettered == []
    vision_drawings.mark_sprite.cache_clear()


def test_too_few_tokens_for_a_caption_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 12 image tokens"):
        Drawings(side=32, tokens=9, seed=0)
