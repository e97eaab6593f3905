"""Replays recorded answers through a local model and keeps what its attention did, one probe record each.

Teacher-forced: one forward pass over prompt and recorded answer, no sampling, so the rows are those of the tokens
that were really said. Records are committed one by one and found again by the probe's name, so a killed replay
goes on where it stopped.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from safesight.core.errors import DataError
from safesight.core.messages import Message
from safesight.core.records import Case, Probe
from safesight.core.store import RunStore
from safesight.explain.entropy.probe import AttentionProbe
from safesight.explain.entropy.recorded import Replayed, RestoredImages, spoken
from safesight.explain.entropy.result import ProbeResult
from safesight.explain.entropy.whitebox import WhiteBox, teacher_force

VERSION: Final = 1
"""Changes with what the numbers mean."""

DIGITS: Final = 5
"""Decimals kept; the pass itself is exact to about 1e-5."""


def probe_name(box: WhiteBox) -> str:
    """The name records are kept under: the definition's version, the model and its fingerprint."""
    return f"attention-entropy/{VERSION}:{box.name}:{box.fingerprint[:12]}"


def replay_run(
    store: RunStore,
    box: WhiteBox,
    *,
    limit: int | None = None,
    per_token: bool = True,
    source: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Replayed:
    """Probe every response that has text and no record yet.

    Args:
        store: The run, open for writing.
        box: The model to replay through.
        limit: At most so many responses, in data-set order.
        per_token: Keep entropy of each token too, not only means (grows with layers x heads x tokens).
        source: Where the benchmark's data is, for images the run file does not point to.
        progress: Called with (finished, total).

    Raises:
        ModelError: the model's attention cannot be heard.
    """
    name, report = probe_name(box), Replayed()
    have = {record.response_key for record in store.probes(name)}
    images = RestoredImages(store.manifest, source)
    cases = list(spoken(store, report))[:limit]
    for index, case in enumerate(cases):
        if case.response.key in have:
            report.kept += 1
        else:
            try:
                messages = images.restored(case)
                record = probe_case(box, case, messages, per_token=per_token)
            except DataError:
                report.leave("image missing")
                continue
            store.add(probes=[record])
            report.done += 1
        if progress is not None:
            progress(index + 1, len(cases))
    return report


def probe_case(box: WhiteBox, case: Case, messages: Sequence[Message], *, per_token: bool) -> Probe:
    """One teacher-forced pass: the record of one answer."""
    import torch

    forced = teacher_force(box, messages, case.response.reply)
    listening = AttentionProbe(
        box.checkpoint.model,
        stats=("mass", "segment_entropy"),
        prompt_tokens=forced.prompt_tokens,
        tokenizer=box.checkpoint.tokenizer,
        segments=forced.layout or "auto",
    )
    with torch.inference_mode(), listening:
        box.checkpoint.model(**forced.inputs, use_cache=False)
    values, shape = _values(listening.result, per_token=per_token)
    values["tokens"], shape["tokens"] = [float(forced.answer_tokens)], [1]
    values["context"], shape["context"] = [float(forced.inputs["input_ids"].shape[1])], [1]
    return Probe(
        response_key=case.response.key, sample_key=case.sample.key, probe=probe_name(box), values=values, shape=shape
    )


def _values(result: ProbeResult, *, per_token: bool) -> tuple[dict[str, list[float | None]], dict[str, list[int]]]:
    """Means over tokens, (layers, heads), of one response; entropy by token where asked."""
    means = result.aggregate()
    arrays: dict[str, Any] = {"entropy": means["entropy"][:, 0], "normalised": means["normalised"][:, 0]}
    for index, segment in enumerate(result.segments):
        arrays[f"mass:{segment}"] = means["mass"][:, 0, :, index]
        arrays[f"entropy within:{segment}"] = means["segment_entropy"][:, 0, :, index]
    if per_token:
        arrays["entropy by token"] = result.entropy[:, 0]
        arrays["keys by token"] = result.visible[:, 0, 0].float()
    values = {key: _plain(array.flatten().tolist()) for key, array in arrays.items()}
    return values, {key: list(array.shape) for key, array in arrays.items()}


def _plain(numbers: Sequence[float]) -> list[float | None]:
    return [None if number != number else round(number, DIGITS) for number in numbers]
