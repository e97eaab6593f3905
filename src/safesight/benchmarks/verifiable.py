"""`verifiable`: pairs of multi-image requests whose outcome a rule decides; made from a seed, drawn when they are read.

The two variants of a pair share the prompt to the letter and all images but one, which says whether fulfilling harms
somebody; the answer is one key that follows only from combining images. What is released is a seed and the hash of its
rows (`pairs/frozen.json`); docs/verifiable.md says what it measures and what it is not.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache, partial
from importlib.resources import files
from pathlib import Path
from typing import Final

import msgspec

from safesight.benchmarks.arms import ARMS, apply_arm, shuffled_order, told
from safesight.benchmarks.images import image_from_bytes, keep
from safesight.benchmarks.mir_safetybench import FAMILIES, HAZARDS
from safesight.benchmarks.pairs.items import VERSION
from safesight.benchmarks.pairs.rows import META, DrawnSet, PairRow, StoredSet, encoded
from safesight.benchmarks.sources import Place, Samples, check_options, count_problems, records_hash, report
from safesight.core.errors import ConfigError, CorruptData, DataError
from safesight.core.messages import Image, ImagePart, Message, Part, TextPart
from safesight.core.protocols import BrokenItem, DataOptions, DataReport, Metric
from safesight.core.records import Case, Sample, sample_key

NAME: Final = "verifiable"
LANGUAGES: Final = ("en", "zh")
_UNDRAWN: Final = ("text", "blank", "prompt")
"""Arms that show no page of the item."""


class FrozenSet(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A released set: the first `pairs` items of a seed, and the SHA-256 of their rows."""

    pairs: int
    seed: int
    rows: str


class FrozenSets(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`pairs/frozen.json`."""

    version: str
    small: FrozenSet
    full: FrozenSet


class Verifiable:
    """Verifiable: 1,080 drawn multi-image pairs (--tiny: 108), half of each harmful, decided by rule, no judge."""

    name = NAME
    licence = "Apache-2.0"
    citation = "SafeSight verifiable, version 1; relations and categories after MIR-SafetyBench (arXiv 2601.14127)"
    arms = (*ARMS, "blank", "prompt")
    """Beside the usual: blank shows white pages, prompt shows none; both measure what chance gives."""
    default_judge = "exact"
    paper_count = ""
    caveat = "Verifiable is drawn, mild, contextual harm: it complements the published sets and does not replace them."

    def load(self, options: DataOptions) -> Samples:
        """Open the released set (`tiny`: the first 108 pairs), or a folder of `data verifiable --make`.

        Raises:
            MissingData: the folder is not there.
            CorruptData: its rows, or what this version makes of the released seed, are not the named ones.
            UnknownName: no such arm or language.
            ConfigError: a hub revision is asked for.
        """
        arm = check_options(options, benchmark=NAME, arms=self.arms, languages=LANGUAGES, has_tiny=True)
        if options.revision:
            raise ConfigError(f"{NAME} is made from a seed and has no hub revision: leave it out.")
        if options.source is not None:
            if options.tiny:
                raise ConfigError(f"{NAME}: a made set has the size it was made with: leave --tiny out.")
            opened: DrawnSet | StoredSet = StoredSet(options.source)
            revision = StoredSet(options.source).revision
            wanted: dict[str, int] = {}
        else:
            opened, revision, wanted = released(tiny=options.tiny)
        languages = options.languages or LANGUAGES
        rows = [row for row in opened.rows if row.language in languages]
        counts = _counts(rows)
        return Samples(
            revision=revision,
            data_hash=records_hash(rows),
            problems=count_problems(counts, wanted) if languages == LANGUAGES else (),
            counts=counts,
            size=len(rows),
            stream=partial(_samples, rows, opened, arm=arm, seed=options.seed),
        )

    def verify(self, options: DataOptions) -> DataReport:
        """Count the rows and read or draw every image."""
        dataset = self.load(options)
        place = Place(options.source or Path("drawn on demand"), dataset.revision)
        wanted = {} if options.source else _expected(108 if options.tiny else 1080)
        layout = "made" if options.source else "seed"
        return report(dataset, benchmark=NAME, layout=layout, place=place, licence=self.licence, expected=wanted)

    def metrics(self, cases: Sequence[Case]) -> list[Metric]:
        """None here: capability, risk and over-refusal come with intervals from `analysis.outcomes`."""
        return []


@cache
def frozen() -> FrozenSets:
    """The released seeds and hashes."""
    data = (files("safesight.benchmarks") / "pairs" / "frozen.json").read_bytes()
    return msgspec.json.decode(data, type=FrozenSets)


@cache
def released(*, tiny: bool) -> tuple[DrawnSet, str, dict[str, int]]:
    """The released set, its revision and its counts.

    Raises:
        CorruptData: this version makes other rows of the released seed.
    """
    import hashlib

    named = frozen().small if tiny else frozen().full
    drawn = DrawnSet(named.pairs, seed=named.seed)
    if frozen().version != VERSION or hashlib.sha256(encoded(drawn.rows)).hexdigest() != named.rows:
        raise CorruptData(f"{NAME}: these are not the released items of version {frozen().version}. Install it again.")
    return drawn, f"{VERSION}-{named.pairs}", _expected(named.pairs)


def _expected(pairs: int) -> dict[str, int]:
    return {"total": 2 * pairs, "unsafe": pairs, "benign": pairs, "en": pairs, "zh": pairs}


def _counts(rows: Sequence[PairRow]) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for row in rows:
        images = f"{row.answering.images} images"
        counts.update([row.relation, row.category, row.language, "benign" if row.benign else "unsafe", images, "total"])
    return dict(counts)


def _samples(
    rows: Sequence[PairRow], opened: DrawnSet | StoredSet, *, arm: str, seed: int
) -> Iterator[Sample | BrokenItem]:
    for row in rows:
        try:
            shown = () if arm in _UNDRAWN else [keep(image) for image in opened.images(row)]
            yield _sample(row, shown, arm=arm, seed=seed)
        except DataError as error:
            yield BrokenItem(item=row.id, error=error)


def _sample(row: PairRow, images: Sequence[Image], *, arm: str, seed: int) -> Sample:
    content: list[object] = [row]
    if arm == "shuffled":
        content.append(shuffled_order(images, seed=seed, pair=row.pair))
    return Sample(
        # By content and not by pixels: another Pillow compresses the same page to other bytes.
        key=sample_key(NAME, "", content, (), arm),
        benchmark=NAME,
        messages=(Message("user", _parts(row, images, arm=arm, seed=seed)),),
        question=row.intent,
        category=row.category,
        group=row.relation,
        cluster=row.pair,
        benign=row.benign,
        language=row.language,
        arm=arm,
        twin=row.pair,
        meta={
            "hazard": HAZARDS[row.category],
            "family": FAMILIES[row.relation],
            "id": row.id,
            "image_descriptions": "\n".join(row.descriptions),
            META: msgspec.json.encode(row.answering).decode(),
        },
    )


def _parts(row: PairRow, images: Sequence[Image], *, arm: str, seed: int) -> tuple[Part, ...]:
    match arm:
        case "prompt":
            return (TextPart(row.prompt),)
        case "blank":
            return (*(ImagePart(_blank()) for _ in row.descriptions), TextPart(row.prompt))
        case "text":
            return (TextPart(told(row.descriptions, count=len(row.descriptions), prompt=row.prompt)),)
        case _:
            parts = apply_arm(
                arm, images=images, descriptions=row.descriptions, prompt=row.prompt, seed=seed, pair=row.pair
            )
            if arm != "stitched":
                return parts
            return tuple(ImagePart(keep(part.image)) if isinstance(part, ImagePart) else part for part in parts)


@cache
def _blank() -> Image:
    from PIL import Image as Pillow

    from safesight.benchmarks.drawing.pen import HEIGHT, WIDTH

    out = io.BytesIO()
    Pillow.new("RGB", (WIDTH, HEIGHT), "white").save(out, format="PNG")
    return keep(image_from_bytes(out.getvalue(), label="blank"))
