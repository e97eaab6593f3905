"""Soft-caption targets: ids are Transformers' tokenizer's; captions are cut into words."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from safesight.core.errors import DataError
from safesight.models.embedded import weights
from safesight.train.vision_drawings import WORDS
from safesight.train.vision_words import Words, candidates, caption_words, read_captions

gguf = pytest.importorskip("gguf")


@pytest.fixture(scope="module")
def words() -> Words:
    return Words(weights())


def test_every_word_of_the_drawings_is_the_one_token_the_tokenizer_makes_of_it(words: Words) -> None:
    transformers = pytest.importorskip("transformers")
    tokenizer = transformers.AutoTokenizer.from_pretrained(str(weights().parent), gguf_file=weights().name)
    theirs = [tokenizer(word, add_special_tokens=False)["input_ids"] for word in WORDS]
    assert [[i] for i in words.ids(WORDS)] == theirs
    assert words.table.shape == (len(tokenizer), 576)


@pytest.mark.parametrize("word", ["headscarfed", " qwrtzxv", "two words", ""])
def test_a_word_of_more_tokens_is_named(words: Words, word: str) -> None:
    with pytest.raises(DataError, match="not one token"):
        words.ids([" red", word])


def test_the_candidates_are_the_vocabulary_and_others_drawn_once(words: Words) -> None:
    chosen = candidates(words, WORDS, others=40, seed=1)
    assert chosen[: len(WORDS)] == words.ids(WORDS)
    assert len(set(chosen)) == len(chosen) == len(WORDS) + 40
    assert chosen == candidates(words, WORDS, others=40, seed=1)
    assert chosen != candidates(words, WORDS, others=40, seed=2)
    assert np.isfinite(words.table[chosen]).all()


@pytest.mark.parametrize(
    ("caption", "expected"),
    [
        ("red star", (" red", " star", ".", ".", ".")),
        ("red star, dog.", (" red", " star", ",", " dog", ".")),
        ("", (".",) * 5),
        ("Café 3", (" Café", " 3", ".", ".", ".")),
    ],
)
def test_captions_are_cut_into_words(caption: str, expected: tuple[str, ...]) -> None:
    assert caption_words(caption, 5) == expected


def test_a_caption_too_long_is_shown() -> None:
    with pytest.raises(DataError, match=r"at most 2 words.*got 3: 'a red star'"):
        caption_words("a red star", 2)


@pytest.mark.parametrize(
    ("text", "match"),
    [("", "no captions"), ("{}", "expected lines"), ('{"image": "a.png"}', "caption"), ("not json", "expected lines")],
)
def test_a_bad_caption_file_says_why(tmp_path: Path, text: str, match: str) -> None:
    (tmp_path / "c.jsonl").write_text(text)
    with pytest.raises(DataError, match=match):
        read_captions(tmp_path / "c.jsonl")
