"""The model card of a tuned chat model: data, licences, hashes, settings and losses, written beside the weights."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from safesight.core.files import file_hash
from safesight.train.chat_data import Conversation
from safesight.train.tuning import TunedChat


def write_generator_card(
    done: TunedChat,
    *,
    title: str,
    config: Any,
    rows: Sequence[Conversation],
    files: Mapping[str, str],
    notes: Sequence[str],
) -> None:
    """Write a model card; `files` are SHA-256 by path, `rows` what was trained on (repeats included)."""
    counts = Counter((row.source, row.licence, row.permissive, row.kind) for row in rows)
    commercial = all(row.permissive for row in rows)
    settings = msgspec.to_builtins(config)
    tuned = "every weight" if settings.get("full") else "low-rank adapters, merged"
    weights = sorted(done.folder.rglob("*.safetensors"))
    lines = [
        f"# {title}",
        "",
        f"- Licence of the weights: {config.licence}"
        + ("" if commercial else " (trained on rows not marked as free for commercial use)"),
        f"- Base: {config.base}; tuned: {tuned}; {done.steps} steps; seed {config.seed}",
        *[f"- `{path.relative_to(done.folder)}`: sha256 `{file_hash(path)}`" for path in weights],
        "",
        "## Training data",
        "",
        "| set | licence | commercial use | kind | rows |",
        "|---|---|---|---|---|",
        *[
            f"| {s} | {lic} | {'yes' if free else 'no'} | {k} | {n} |"
            for (s, lic, free, k), n in sorted(counts.items())
        ],
        "",
        *notes,
        "",
        *[f"- `{name.rsplit('/', 1)[-1]}`: sha256 `{digest}`" for name, digest in files.items()],
        "",
        "## Loss on held rows (nats per token of the assistant)",
        "",
        "| kind | rows | before | after |",
        "|---|---|---|---|",
        *[f"| {k} | {loss.rows} | {loss.before:.4f} | {loss.after:.4f} |" for k, loss in done.losses.items()],
        "",
        "A falling loss says that the data were learnt, not that the model is safe: measure it with `safesight run`.",
        "",
        "## Configuration",
        "",
        "```json",
        msgspec.json.format(msgspec.json.encode(settings)).decode(),
        "```",
        "",
    ]
    done.card.write_text("\n".join(lines), encoding="utf-8")
