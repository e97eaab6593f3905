"""`/v1/moderations`: the guard's detectors behind OpenAI's shape, images included.

Our hazards (MLCommons AILuminate) are mapped to OpenAI's category names in one table; the `safesight` field
of each result keeps the calibrated score and the hazards themselves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from safesight.core.messages import Image, user
from safesight.guard.findings import Checked
from safesight.guard.guard import Guard
from safesight.proxy.chat_request import ContentPart, read_parts
from safesight.proxy.images import BadRequestError, read_images
from safesight.proxy.settings import Limits

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


class _Request(msgspec.Struct):
    input: str | list[str | ContentPart]
    model: str = "safesight"


async def answer(guard: Guard, raw: bytes, limits: Limits, *, fetcher: Fetcher | None) -> bytes:
    """Score a moderation request.

    Raises:
        BadRequestError: it is not one, or a detector broke (status 503): a broken check is never "not flagged".
    """
    try:
        request = msgspec.json.decode(raw, type=_Request)
        results = [await _score(guard, item, limits, fetcher=fetcher) for item in _items(request.input)]
    except (msgspec.DecodeError, ValueError) as error:
        raise BadRequestError(f"expected a moderation request: {error}") from None
    return msgspec.json.encode({"id": "modr-safesight", "model": request.model, "results": results})


def _items(given: str | list[str | ContentPart]) -> list[str | list[ContentPart]]:
    """A string or a list of parts is one item; a list of strings is one item each."""
    if isinstance(given, str):
        return [given]
    parts = [part for part in given if isinstance(part, ContentPart)]
    return [parts] if parts else [text for text in given if isinstance(text, str)]


async def _score(
    guard: Guard, item: str | list[ContentPart], limits: Limits, *, fetcher: Fetcher | None
) -> dict[str, object]:
    turn = read_parts("user", item)
    found = await read_images([turn], limits, fetcher=fetcher)
    parts = [part if isinstance(part, str) else found[part] for part in turn.parts]
    images = tuple(part for part in parts if isinstance(part, Image))
    text = "\n".join(part for part in parts if isinstance(part, str))
    verdicts: list[Checked] = []
    if images:
        # Reads the text in the images, and asks the policy's detector of images.
        request = await guard.read([user(*parts)])
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
    kinds = ["text", *(["image"] if images else [])]
    return {
        "flagged": flagged,
        "categories": {name: flagged and score >= 0.5 for name, score in scores.items()},
        "category_scores": scores,
        "category_applied_input_types": dict.fromkeys(scores, kinds),
        "safesight": {
            "harm": max((verdict.harm for verdict in verdicts if verdict.harm is not None), default=None),
            "hazards": hazards,
        },
    }
