"""The model card of a trained detector: data, licences, hashes and figures, written beside the weights."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from safesight.core.files import file_hash
from safesight.train.corpus import Corpus
from safesight.train.settings import DetectorConfig


def write_card(
    path: Path,
    config: DetectorConfig,
    corpus: Corpus,
    *,
    weights: Path,
    threshold: float,
    table: str,
    caveats: Sequence[str] = (),
) -> None:
    """Write a model card; `table` holds the figures on the held-out rows, as Markdown."""
    counts = Counter((row.source, row.licence, row.lang, row.permissive) for row in (*corpus.rows, *corpus.contrast))
    harmful = Counter(
        (row.source, row.licence, row.lang, row.permissive) for row in (*corpus.rows, *corpus.contrast) if row.label
    )
    data = [
        f"| {source} | {lang} | {licence} | {'yes' if free else 'no'} | {n} | {harmful[source, licence, lang, free]} |"
        for (source, licence, lang, free), n in sorted(counts.items())
    ]
    commercial = all(row.permissive for row in (*corpus.rows, *corpus.pairs))
    shown = weights if weights.is_file() else weights / "head.safetensors"
    lines = [
        f"# Harm detector `{config.name}`",
        "",
        f"- Licence of the weights: {config.licence}"
        + ("" if commercial else " (trained on rows that do not say that commercial use is allowed)"),
        f"- Kind: {config.kind}; seed {config.seed}; threshold {threshold:.4f} (harm at or above it is flagged)",
        f"- `{shown.name}`: sha256 `{file_hash(shown)}`",
        f"- Preference pairs: {len(corpus.pairs) // 2}, weight {config.loss.ranking:g}",
        "",
        *(["## Caveats", "", *(f"- {caveat}." for caveat in caveats), ""] if caveats else []),
        "## Training data",
        "",
        "| set | language | licence | commercial use | rows | harmful |",
        "|---|---|---|---|---|---|",
        *data,
        "",
        *([f"{corpus.copies} of these rows are copies with another opening.", ""] if corpus.copies else []),
        "Near-duplicates of held-out rows removed before training: "
        + ", ".join(f"{Path(name).name} {n}" for name, n in corpus.removed.items())
        + ".",
        "",
        *[f"- `{Path(name).name}`: sha256 `{digest}`" for name, digest in corpus.hashes.items()],
        "",
        "## Held-out figures (95 % bootstrap intervals)",
        "",
        table or "No held-out file was given.",
        "",
    ]
    path.write_text("\n".join(lines), encoding="utf-8")
