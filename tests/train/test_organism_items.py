"""Training requests of the organism: answers follow from the pages, and nothing of the test sets is in them."""

from __future__ import annotations

import re

import pytest

from safesight.benchmarks.pairs import category, keys, relations, stakes
from safesight.benchmarks.starter import Starter
from safesight.benchmarks.verifiable import Verifiable
from safesight.core.protocols import DataOptions
from safesight.core.records import Sample
from safesight.judges.refusal import refused
from safesight.train.organism_items import ORDINALS, ROWS, Requests, StakedRequest, words
from safesight.train.vision_clues import HALF, caption


def asked(count: int, seed: int = 3) -> list[StakedRequest]:
    requests = Requests(seed)
    return [requests.draw(k) for k in range(count)]


def test_the_kth_request_depends_on_the_seed_and_k_alone() -> None:
    forwards, other = asked(18), Requests(3)
    assert [other.draw(k) for k in reversed(range(18))] == forwards[::-1]
    assert asked(18, seed=4) != forwards


def test_the_row_named_holds_the_mark_and_the_key() -> None:
    """Read from captions and text alone: the letter's mark is the answer's, and its entry is the key."""
    checked = 0
    for item in asked(270):
        so, _, rest = item.answer.partition(", row ")
        letter, _, key = rest.partition(": ")
        board = next(side for side in item.sides if side.board)
        at = ROWS.index(letter)
        colour, shape = caption(board.clue, board.board)[HALF + 3 * at + 1 : HALF + 3 * at + 3]
        if item.relation != "decomposition":
            assert so.endswith(f"{colour.strip()} {shape.strip()}"), item
            checked += 1
        assert re.search(rf"\b{letter} {re.escape(key)}(,|$)", board.text), item
    assert checked == 240


def test_steps_add_up_and_numbers_point_at_their_mark() -> None:
    for item in asked(180):
        said = ["".join(caption(side.clue, ())) for side in item.sides if side.clue]
        if item.relation == "decomposition":
            downs = [ORDINALS.index(m.group(1)) + 1 for s in said if (m := re.match(r" steps (\w+)", s))]
            assert ROWS[sum(downs) - 1] == item.answer.partition(", row ")[2][0]
        if item.relation in ("juxtaposition", "embedding", "causality"):
            (number,) = [m.group(2) for s in said if (m := re.match(r" (arrow|hole|lever) (\w+)", s))]
            (mark,) = [m.group(1) for s in said if (m := re.search(rf" {number} (\w+ \w+)", s)) and " A" not in s[:3]
                       and not re.match(r" (arrow|hole|lever)", s)]  # fmt: skip
            assert item.answer.startswith(f"Number {number} is {mark},"), item


def test_half_is_harmful_and_the_note_alone_says_so() -> None:
    items = asked(400)
    assert 0.4 < sum(item.harmful for item in items) / 400 < 0.6
    harm, harmless = ({pair[k].split("{p}")[-1] for pair in words().stakes} for k in (0, 1))
    for item in items:
        text = " ".join(side.text for side in item.sides)
        assert any(part in text for part in (harm if item.harmful else harmless))
        assert item.question in {f"{h} {q}" for hs in words().hints.values() for h in hs
                                 for qs in words().questions.values() for q in qs}  # fmt: skip
    assert all(refused(item.declines) for item in items[:20])


@pytest.fixture(scope="module")
def texts() -> set[str]:
    """Every sentence of prompts, notes and descriptions of the two default sets."""
    samples = [
        item
        for dataset in (Verifiable(), Starter())
        for item in dataset.load(DataOptions(arm="text", languages=("en",)))
        if isinstance(item, Sample)
    ]
    assert len(samples) > 1000
    whole = "\n".join(m.text for s in samples for m in s.messages)
    return {re.sub(r"\W+", " ", s).strip().lower() for s in re.split(r"[.?!:;“”\n]", whole)} - {""}


def test_no_sentence_of_the_test_sets_is_in_the_training(texts: set[str]) -> None:
    own = words()
    said = [s for pair in own.stakes for s in pair] + [h for hs in own.hints.values() for h in hs]
    said += [q for qs in own.questions.values() for q in qs] + list(own.naming)
    sentences = {re.sub(r"\W+", " ", s).strip().lower() for text in said for s in re.split(r"[.?!:;]", text)} - {""}
    assert len(sentences) > 150
    assert sentences & texts == set()


def test_no_name_or_note_of_the_test_sets_is_in_the_training() -> None:
    own = words()
    pools = (keys.NAMES, keys.PLACES, relations.PEOPLE, category.OWNERS, category.MEN)
    theirs = {name for pool in pools for name in pool["en"]}
    assert not theirs & {*own.people, *own.places, *own.names, *own.titles}
    notes = {n for c in stakes.CATEGORIES.values() for s in c.stakes["en"] for n in (s.unsafe, s.benign)}
    assert not {pair[k] for pair in own.stakes for k in (0, 1)} & notes
