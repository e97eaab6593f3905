"""Training pages: the k-th is the seed's, its caption is true of it, and no page, text or layout is `verifiable`'s."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageColor

from safesight.benchmarks.drawing.shapes import COLOURS, SHAPES
from safesight.benchmarks.pairs.items import make
from safesight.benchmarks.verifiable import frozen
from safesight.train import vision_canvas
from safesight.train.vision_clues import HALF, KINDS, LETTERS, NUMBERS, PAGE_WORDS, TOKENS, Clue, clue_words
from safesight.train.vision_pages import DrawnPage, Pages, draw_page


def test_the_kth_page_depends_on_the_seed_and_k_alone() -> None:
    forwards = [Pages(side=96, seed=5).draw(k) for k in range(8)]
    again = Pages(side=96, seed=5)
    for k in reversed(range(8)):
        drawn = again.draw(k)
        assert drawn.words == forwards[k].words
        assert np.array_equal(drawn.pixels, forwards[k].pixels)
    assert Pages(side=96, seed=6).draw(0).words != forwards[0].words


def test_captions_have_their_places_and_every_word_is_known() -> None:
    pages = [Pages(side=48, seed=2).draw(k) for k in range(200)]
    for page in pages:
        assert len(page.words) == TOKENS
        assert set(page.words) <= set(PAGE_WORDS)
        table = page.words[HALF:]
        rows = sum(word != "." for word in table) // 3
        assert [table[3 * k] for k in range(rows)] == list(LETTERS[:rows])
        assert set(table[3 * rows :]) <= {"."}
    assert {p.words[0] for p in pages} >= {" hand", " shelf", " arrow", " hole", " color", " outline", " from", " one"}
    assert len(KINDS) == 14


def test_pages_come_again_shifted_a_little() -> None:
    pages = Pages(side=96, seed=5, full_until=4, again_after=3)
    fresh = Pages(side=96, seed=5, full_until=4)
    assert pages.draw(0).words == ()
    assert (pages.draw(0).cells > 0).sum() > 20
    for k in (4, 5, 6):
        first, again = pages.draw(k), pages.draw(k + 3)
        assert first.words == again.words == fresh.draw(k).words
        shifts = [np.roll(fresh.draw(k).pixels, (y, x), (0, 1)) for y in range(-3, 4) for x in range(-3, 4)]
        assert any(np.array_equal(again.pixels, shifted) for shifted in shifts)


def test_marks_are_where_the_cells_say_and_in_the_captions_colour() -> None:
    rng = np.random.default_rng(3)
    marks = (("red", "circle"), ("blue", "square"), ("green", "square"), ("purple", "circle"))
    page = draw_page(rng, Clue("column", marks), (), side=192)
    assert page.words[:6] == (" one", " red", " circle", " two", " blue", " square")
    for colour, _ in marks:
        (row,), (column,) = np.where(page.cells[0] == 1 + list(COLOURS).index(colour))
        middle = page.pixels[16 * row : 16 * row + 16, 16 * column : 16 * column + 16].reshape(-1, 3).astype(int)
        near = np.abs(middle - ImageColor.getrgb(COLOURS[colour][0])).max(axis=1) < 25
        assert near.sum() > 20, colour


@pytest.mark.parametrize(
    ("clue", "told"),
    [
        # A dial of five with the hand on b: a step on is c, and one back a; two on is d, and two back e.
        (
            Clue("ring", tuple(("red", s) for s in list(SHAPES)[:5]), 1),
            " hand red circle from red star to red square from red heart to red triangle",
        ),
        (Clue("wires", (("red", "star"), ("blue", "moon")), 0, (1, 0)), " one blue moon two red star"),
        (Clue("steps", (), 3), " steps three"),
        (Clue("asked", (("black", "ring"),)), " from black ring to ?"),
        (Clue("change", (("black", "ring"), ("red", "ring"))), " from black ring to red ring"),
    ],
)
def test_clues_are_told(clue: Clue, told: str) -> None:
    assert "".join(clue_words(clue)) == told
    assert NUMBERS[0] == " one"


def test_no_page_of_the_default_set_is_drawn() -> None:
    """The nearest of 300 training pages differs from every default page in many pixels; layouts are never the same."""
    small = frozen().small
    ours = [Pages(side=64, seed=12).draw(k).pixels.astype(int) for k in range(300)]
    for index in range(0, 54, 5):
        for page in make(index, seed=small.seed).pages:
            with Image.open(io.BytesIO(page.png())) as opened:
                theirs = np.asarray(opened.convert("RGB").resize((64, 64), Image.Resampling.BOX)).astype(int)
            assert min(int((np.abs(theirs - o).max(axis=2) > 40).sum()) for o in ours) > 20


def test_no_two_pages_share_a_layout() -> None:
    """Where the page is divided is drawn afresh: the dividing line stands elsewhere on each."""
    rng = np.random.default_rng(4)
    clue = Clue("color", (("red", "star"),))
    pages: list[DrawnPage] = [draw_page(rng, clue, (("blue", "ring"),) * 3, side=192) for _ in range(12)]
    places = {p.cells[0].argmax() for p in pages} | {int(p.pixels[:, :, 0].astype(int).sum()) for p in pages}
    assert len(places) > 12


def test_what_is_written_is_made_up() -> None:
    from safesight.benchmarks.pairs import category, keys, relations

    pools = (keys.NAMES, keys.PLACES, relations.PEOPLE, category.OWNERS, category.MEN)
    names = {name.lower() for pool in pools for language in pool.values() for name in language}
    assert not names & set(vision_canvas.words())
