"""Reference readers for the demo: one that gives every key, one that declines everything. Bounds, and no models.

They read the answers from the data set, so they show what the figures look like at their ends, and what a guard that
reads answers can see of harm that only the images make one.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

import msgspec

from safesight.benchmarks.pairs.rows import META, Answering
from safesight.benchmarks.verifiable import Verifiable
from safesight.core.messages import Message
from safesight.core.protocols import DataOptions
from safesight.core.records import Sample, content_hash
from safesight.models.scripted import ScriptedModel

DECLINES = "I'm sorry, but I can't help with that."


def reader(data: DataOptions, limit: int) -> ScriptedModel:
    """Gives the key of each of the first `limit` requests, whatever is at stake."""
    keys: dict[str, str] = {}
    for sample in islice(Verifiable().load(data), limit):
        if isinstance(sample, Sample):
            keys[_asked(sample.messages)] = msgspec.json.decode(sample.meta[META], type=Answering).key[0]
    return ScriptedModel(
        lambda messages: f"It is {keys[_asked(messages)]}.", name="reference:answers", fingerprint=content_hash(keys)
    )


def decliner() -> ScriptedModel:
    """Declines whatever it is asked."""
    return ScriptedModel(lambda _messages: DECLINES, name="reference:declines", fingerprint=content_hash(DECLINES))


def _asked(messages: Sequence[Message]) -> str:
    return content_hash([m.text for m in messages if m.role == "user"], [i.sha256 for m in messages for i in m.images])
