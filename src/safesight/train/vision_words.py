"""Soft-caption targets: the language model's own input embeddings, and captions as words of one token each.

The table is read from the GGUF by the `gguf` package; no torch is needed. Sources: SmolLM2's byte-level BPE, in which a
word's leading space is the letter U+0120.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from safesight.core.errors import DataError, MissingExtra


class CaptionRow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A line of a caption file: an image, relative to the file, and what it shows in a few words."""

    image: str
    caption: str


class Words:
    """Words of one token and their embeddings.

    Args:
        gguf_file: the language model.

    Raises:
        DataError: it is missing or no language model in GGUF.
        MissingExtra: the `gguf` package is not installed.
    """

    def __init__(self, gguf_file: Path) -> None:
        try:
            from gguf import GGUFReader
            from gguf.quants import dequantize
        except ImportError:
            raise MissingExtra("gguf", "train") from None
        try:
            reader: Any = GGUFReader(str(gguf_file))
            field = reader.fields["tokenizer.ggml.tokens"]
            held = {t.name: t for t in reader.tensors}["token_embd.weight"]
        except (OSError, ValueError, KeyError) as error:
            raise DataError(f"{gguf_file}: expected a language model in GGUF: {error}") from None
        pieces = [bytes(field.parts[i]).decode("utf-8", "replace") for i in field.data]
        self._ids = {piece.replace("Ġ", " "): i for i, piece in enumerate(pieces)}
        self.table: npt.NDArray[np.float32] = dequantize(held.data, held.tensor_type)
        """Shape (vocabulary, embedding)."""

    def ids(self, words: Iterable[str]) -> list[int]:
        """Token ids.

        Raises:
            DataError: a word is not one token of this model.
        """
        found: list[int] = []
        for word in words:
            if word not in self._ids:
                raise DataError(f"{word!r} is not one token of the language model; choose another word.")
            found.append(self._ids[word])
        return found


def caption_words(caption: str, tokens: int) -> tuple[str, ...]:
    """A caption cut into words with their leading space, padded with full stops to `tokens`.

    Raises:
        DataError: the caption is longer than that.
    """
    words = [w if w in ",.;:!?" else f" {w}" for w in re.findall(r"[^\W_]+|[,.;:!?]", caption)]
    if len(words) > tokens:
        raise DataError(f"expected at most {tokens} words and marks in a caption, got {len(words)}: {caption!r}")
    return (*words, *["."] * (tokens - len(words)))


def read_captions(path: Path) -> list[CaptionRow]:
    """Rows of a JSONL caption file.

    Raises:
        DataError: the file is missing or malformed.
    """
    try:
        rows = [msgspec.json.decode(line, type=CaptionRow) for line in path.read_bytes().splitlines() if line.strip()]
    except OSError as error:
        raise DataError(f"{path}: {error.strerror or error}") from None
    except msgspec.DecodeError as error:
        raise DataError(f'{path}: expected lines {{"image": ..., "caption": ...}}: {error}') from None
    if not rows:
        raise DataError(f"{path}: no captions.")
    return rows


def candidates(words: Words, vocabulary: Sequence[str], *, others: int, seed: int) -> list[int]:
    """Tokens among which the loss asks for the right one: the vocabulary first, then `others` drawn once by seed."""
    own = words.ids(vocabulary)
    rest = np.random.default_rng(seed).permutation(len(words.table))
    return own + [int(i) for i in rest if int(i) not in set(own)][:others]
