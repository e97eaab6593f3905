"""Samples and replies between SafeSight's records and Inspect's.

A sample travels whole in the Inspect sample's metadata, under `safesight`, its images by hash; their bytes are the
input's. Images that lie in files are named by path, which Inspect reads when it asks; others are data URLs.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
from inspect_ai.dataset import Sample as InspectSample
from inspect_ai.model import (
    ChatMessage,
    ChatMessageAssistant,
    ChatMessageSystem,
    ChatMessageUser,
    Content,
    ContentImage,
    ContentReasoning,
    ContentText,
    ModelOutput,
)

from safesight.core.messages import Image, ImagePart, Message, TextPart
from safesight.core.records import JUDGED, Reply, Sample, Status, Usage, sample_key

KEY: Final = "safesight"
_KINDS: Final = {"system": ChatMessageSystem, "assistant": ChatMessageAssistant, "user": ChatMessageUser}
_STATUS: Final[dict[str, Status]] = {"max_tokens": "truncated", "model_length": "truncated"}


def to_inspect(sample: Sample) -> InspectSample:
    """A sample as Inspect asks it."""
    return InspectSample(
        id=sample.key,
        input=to_chat(sample.messages),
        target=sample.target or "",
        metadata={
            "group": sample.group,
            "category": sample.category,
            "cluster": sample.cluster,
            "benign": sample.benign,
            KEY: msgspec.to_builtins(sample.reference()),
        },
    )


def to_chat(messages: Sequence[Message]) -> list[ChatMessage]:
    """A conversation as Inspect's messages."""
    return [_KINDS[message.role](content=[_content(part) for part in message.parts]) for message in messages]


def _content(part: TextPart | ImagePart) -> Content:
    if isinstance(part, TextPart):
        return ContentText(text=part.text)
    image = part.image
    if image.path is not None and Path(image.path).is_file():
        return ContentImage(image=str(Path(image.path).absolute()))
    if image.data is None:
        return ContentText(text=f"(image {image.sha256}, whose bytes are elsewhere)")
    return ContentImage(image=f"data:{image.media_type};base64,{base64.b64encode(image.data).decode()}")


def to_sample(metadata: dict[str, Any], said: str | list[ChatMessage]) -> Sample:
    """The sample that Inspect asked: ours with the input's image bytes, or one made from another task's input."""
    if KEY not in metadata:
        return _foreign(metadata, said)
    ours = msgspec.convert(metadata[KEY], Sample)
    images = iter(list(_images(said)))
    messages = tuple(
        Message(m.role, tuple(ImagePart(next(images, p.image)) if isinstance(p, ImagePart) else p for p in m.parts))
        for m in ours.messages
    )
    return msgspec.structs.replace(ours, messages=messages)


def _foreign(metadata: dict[str, Any], said: str | list[ChatMessage]) -> Sample:
    turns = [ChatMessageUser(content=said)] if isinstance(said, str) else said
    messages = tuple(_message(turn) for turn in turns)
    question = "\n".join(message.text for message in messages if message.role == "user")
    pictures = tuple(image for message in messages for image in message.images)
    key = sample_key("inspect", "", [[message.role, message.text] for message in messages], pictures)
    return Sample(
        key=key,
        benchmark="inspect",
        messages=messages,
        question=question,
        category=str(metadata.get("category") or ""),
        group=str(metadata.get("group") or ""),
        cluster=str(metadata.get("cluster") or key),
    )


def _message(turn: ChatMessage) -> Message:
    role = turn.role if turn.role in ("system", "assistant") else "user"
    content = [ContentText(text=turn.content)] if isinstance(turn.content, str) else turn.content
    parts = [_part(part) for part in content]
    return Message(role, tuple(part for part in parts if part is not None))


def _part(part: Content) -> TextPart | ImagePart | None:
    if isinstance(part, ContentImage):
        image = _image(part.image)
        return ImagePart(image) if image is not None else None
    return TextPart(part.text) if isinstance(part, ContentText) else None


def _images(said: str | list[ChatMessage]) -> Iterator[Image]:
    for turn in [] if isinstance(said, str) else said:
        for part in turn.content if isinstance(turn.content, list) else []:
            if isinstance(part, ContentImage) and (image := _image(part.image)) is not None:
                yield image


def _image(source: str) -> Image | None:
    """An image's bytes; None where a log kept only a reference to them."""
    if not source.startswith("data:"):
        return Image.from_path(source) if Path(source).is_file() else None
    try:
        return Image.from_bytes(base64.b64decode(source.partition(",")[2], validate=True))
    except binascii.Error:
        return None


def to_reply(output: ModelOutput, *, error: str = "") -> Reply:
    """A model's output as a reply: what was filtered and left nothing is blocked, and nothing at all is empty."""
    if error or not output.choices:
        return Reply(status="error", error=error or output.error or "no choice", provider_model=output.model)
    text = output.completion
    reason = output.stop_reason
    status = _STATUS.get(reason, "ok")
    if not text.strip():
        status = "blocked" if reason == "content_filter" else "empty"
    usage = output.usage
    content = output.message.content
    thoughts = [p.reasoning for p in content if isinstance(p, ContentReasoning)] if isinstance(content, list) else []
    return Reply(
        status=status,
        text=text if status in JUDGED else "",
        reasoning="\n".join(thoughts),
        finish_reason=reason,
        usage=Usage(prompt_tokens=usage.input_tokens, completion_tokens=usage.output_tokens) if usage else Usage(),
        latency_ms=1e3 * (output.time or 0.0),
        provider_model=output.model,
    )
