"""`/v1/moderations`: the guard's detectors behind OpenAI's shape, images included.

Our hazards (MLCommons AILuminate) are mapped to OpenAI's category names in one table; the `safesight` field
of each result keeps the calibrated score and the hazards themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, cast

import msgspec

from safesight.core.errors import Overloaded
from safesight.core.messages import Image, user
from safesight.guard.findings import Checked
from safesight.guard.guard import Guard
from safesight.proxy.conversation import RemoteImage, Spoken, read_parts
from safesight.proxy.errors import BadRequestError
from safesight.proxy.images import overloaded, read_images
from safesight.proxy.settings import Limits
from safesight.wire.plain import read_plain

if TYPE_CHECKING:
    from safesight.proxy.fetch import Fetcher


OPENAI: Final[dict[str, tuple[str, ...]]] = {
    "harassment": (),
    "harassment/threatening": (),
    "hate": ("hte",),
    "hate/threatening": (),
    "illicit": ("ncr", "prv", "ipv", "dfm", "spc"),
    "illicit/violent": ("vcr", "iwp"),
    "self-harm": ("ssh",),
    "self-harm/intent": (),
    "self-harm/instructions": (),
    "sexual": ("src", "sxc"),
    "sexual/minors": ("cse",),
    "violence": ("vcr",),
    "violence/graphic": (),
}
"""OpenAI's category names and the hazards that count towards them; () where our taxonomy is coarser."""


UNNAMED: Final = "illicit"
"""The name for harm of no category: a client that looks for the reason of a flag finds one."""


async def answer(
    guard: Guard, raw: bytes, limits: Limits, *, fetcher: Fetcher | None, client: str | None = None
) -> bytes:
    """Score a moderation request.

    Raises:
        BadRequestError: it is not one, or a detector broke (status 503): a broken check is never "not flagged".
    """
    try:
        request = read_plain(raw)
        if not isinstance(request, dict):
            raise ValueError(f"got {type(request).__name__}.")
        fields = cast("dict[str, Any]", request)
        turns = [read_parts("user", item) for item in _items(fields.get("input"))]
    except ValueError as error:
        raise BadRequestError(f"expected a moderation request: {error}") from None
    images = await read_images(turns, limits, fetcher=fetcher)
    try:
        results = [await _score(guard, turn, images, client=client) for turn in turns]
    except Overloaded as error:
        raise overloaded(error) from None
    model = fields.get("model")
    return msgspec.json.encode(
        {"id": "modr-safesight", "model": model if isinstance(model, str) else "safesight", "results": results}
    )


def _items(given: object) -> list[object]:
    """A list of strings is one item each; a string, or a list with parts in it, is one item, all of it judged."""
    if isinstance(given, str):
        return [given]
    if not isinstance(given, list) or not given:
        raise ValueError("`input` must be a string, a list of strings, or a list of text and image_url parts.")
    items = cast("list[object]", given)
    return items if all(isinstance(item, str) for item in items) else [items]


async def _score(
    guard: Guard, turn: Spoken, found: Mapping[bytes | RemoteImage, Image], *, client: str | None
) -> dict[str, object]:
    parts = [part if isinstance(part, str) else found[part] for part in turn.parts]
    images = tuple(part for part in parts if isinstance(part, Image))
    text = "\n".join((*(part for part in parts if isinstance(part, str)), *turn.beside))
    verdicts: list[Checked] = []
    if images:
        # Reads the text in the images, and asks the policy's detector of images.
        request = await guard.read([user(*parts, *turn.beside)], client=client)
        text = request.question
        verdicts.append(request.checked)
    verdicts.append(await guard.check("", text, images=images))
    decisions = [verdict.decision for verdict in verdicts if verdict.decision is not None]
    if any(decision.cause == "error" for decision in decisions):
        raise BadRequestError(
            "a check broke (a detector, or reading an image); nothing can be said about this input.",
            status=503,
            code="detector_error",
        )
    hazards: dict[str, float] = {}
    for verdict in verdicts:
        hazards |= {code: max(score, hazards.get(code, 0.0)) for code, score in verdict.categories.items()}
    scores = {name: max((hazards.get(code, 0.0) for code in codes), default=0.0) for name, codes in OPENAI.items()}
    flagged = any(decision.action != "release" for decision in decisions)
    harm = max((verdict.harm for verdict in verdicts if verdict.harm is not None), default=None)
    named = {name for name, score in scores.items() if flagged and score >= 0.5}
    if flagged and not named:
        best = max(scores, key=lambda name: scores[name])
        named = {best if scores[best] > 0 else UNNAMED}
        scores |= {name: max(scores[name], harm or 0.0) for name in named}
    kinds = ["text", *(["image"] if images else [])]
    return {
        "flagged": flagged,
        "categories": {name: name in named for name in scores},
        "category_scores": scores,
        "category_applied_input_types": dict.fromkeys(scores, kinds),
        "safesight": {
            "harm": harm,
            "hazards": hazards,
        },
    }
