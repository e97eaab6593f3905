"""A defence in one module: what the model shouts is said quietly, and the reply says that it was changed."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from safesight.core.config import PluginName
from safesight.core.protocols import Model
from safesight.core.records import JUDGED, Decoding, GuardEvent, Reply, Sample, content_hash

STAGES = ("output", "rewrite")


class LowerVoice:
    """Answers through the model, in lower case."""

    name = "lower_voice"
    fingerprint = content_hash("lower_voice", 1)
    detector_fingerprints: tuple[str, ...] = ()

    async def respond(self, model: Model, sample: Sample, *, decoding: Decoding) -> Reply:
        """Answer; a reply that failed stays as it is."""
        reply = await model.generate(sample.messages, decoding=decoding)
        quiet = reply.text.lower()
        if reply.status not in JUDGED or quiet == reply.text:
            return reply
        event = GuardEvent(kind="rewrite", action="rewrite", end=len(reply.text))
        return msgspec.structs.replace(reply, text=quiet, guard_events=(*reply.guard_events, event))

    async def aclose(self) -> None:
        """Nothing to close."""


def open_lower_voice(rest: str, options: Mapping[str, str]) -> LowerVoice:
    """Lower voice: says quietly what the model shouts; an example.

    Raises:
        UnknownName: an option was given; there is none.
    """
    PluginName("lower_voice", rest, dict(options)).reject_unknown(())
    return LowerVoice()
