"""A chat request as the proxy reads it: the conversation the guard is to judge; the upstream gets the original bytes.

Sans-IO. What cannot be judged (audio, files) is refused, never passed on unseen.
"""

from __future__ import annotations

import msgspec

from safesight.core.messages import Image, Message, user


class _Url(msgspec.Struct):
    url: str


class ContentPart(msgspec.Struct):
    """One part of a message's content list."""

    type: str
    text: str | None = None
    image_url: _Url | str | None = None
    refusal: str | None = None


class _Message(msgspec.Struct):
    role: str
    content: str | list[ContentPart] | None = None


class _StreamOptions(msgspec.Struct):
    include_usage: bool = False


class ChatRequest(msgspec.Struct):
    """What the guard needs of a request; the upstream gets the original bytes."""

    messages: list[_Message]
    model: str = ""
    stream: bool | None = False
    n: int | None = 1
    stream_options: _StreamOptions | None = None


_decode_request = msgspec.json.Decoder(ChatRequest).decode


def read_request(raw: bytes) -> ChatRequest:
    """Decode a chat request.

    Raises:
        ValueError: it is not one; says what is wrong.
    """
    try:
        return _decode_request(raw)
    except msgspec.DecodeError as error:
        raise ValueError(f"expected a chat completion request: {error}") from None


class RemoteImage(msgspec.Struct, frozen=True):
    """An image part that names a URL instead of carrying its bytes."""

    url: str


class Spoken(msgspec.Struct, frozen=True):
    """One message's role and its parts in order: text, encoded images, or URLs."""

    role: str
    parts: tuple[str | bytes | RemoteImage, ...]


def spoken(request: ChatRequest) -> list[Spoken]:
    """The conversation of a request, image data still encoded (`data:` URLs become bytes in `decode_images`).

    Raises:
        ValueError: a part is of a type the guard cannot read (audio, files): it must not pass unseen.
    """
    return [read_parts(message.role, message.content) for message in request.messages]


def read_parts(role: str, content: str | list[ContentPart] | None) -> Spoken:
    """One turn's content as parts; raises ValueError like `spoken`."""
    return Spoken(role, (content,) if isinstance(content, str) else tuple(map(_part, content or ())))


def _part(part: ContentPart) -> str | bytes | RemoteImage:
    if part.type == "image_url" and part.image_url is not None:
        url = part.image_url if isinstance(part.image_url, str) else part.image_url.url
        if not url.startswith("data:"):
            return RemoteImage(url)
        header, comma, data = url.partition(",")
        if not comma or not header.endswith(";base64"):
            raise ValueError("expected image data URLs as data:image/...;base64,...")
        return data.encode()
    if part.type in ("text", "refusal"):
        return part.text or part.refusal or ""
    raise ValueError(
        f"content parts of type {part.type!r} are not guarded, so they are not let through; send text or image_url"
    )


def to_messages(conversation: list[Spoken], images: dict[bytes | RemoteImage, Image]) -> list[Message]:
    """The conversation as core messages; tool and developer turns keep their place as user and system turns."""
    roles = {"system": "system", "developer": "system", "assistant": "assistant"}
    return [
        Message(
            roles.get(turn.role, "user"),  # type: ignore[arg-type]  # the dict's values are roles
            user(*(part if isinstance(part, str) else images[part] for part in turn.parts)).parts,
        )
        for turn in conversation
    ]
