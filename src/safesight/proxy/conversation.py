"""Every string and image of a request that a server may show the model. Sans-IO.

Servers read more than the documented fields: chat templates print names, roles and call ids, tools and schemas
become part of the prompt, and engines add `documents`, `chat_template` and the like. So nothing is left out by its
name: each string and key is read, except at the places of `EXEMPT`, and what cannot be judged (audio, files, token
ids, embeddings) is refused.

    messages[].content               the turn itself; text parts, `thinking` and their kin, images
    messages[].* (name, tool_calls)  stands beside the turn, and is judged with it
    every other field, at any depth  stands beside the conversation: tools, schemas, documents, templates, stops
    EXEMPT                           is for the server, not for the model
    image data                       is decoded (`proxy.images`); the text in it is read by OCR
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, cast

import msgspec

from safesight.core.messages import Image, ImagePart, Message, Part, Role, TextPart
from safesight.wire.plain import strings
from safesight.wire.strings import letters

EXEMPT: Final = frozenset({"model", "user", "safety_identifier", "prompt_cache_key", "stream", "stream_options", "n"})
"""Fields beside the conversation that no server shows to a model: what they hold is not judged."""
UNJUDGED: Final = frozenset(
    {
        *("audio", "audios", "audio_url", "input_audio", "video", "videos", "video_url", "input_video"),
        *("image", "images", "image_url", "image_data", "image_embeds", "audio_embeds", "multi_modal_data"),
        *("file", "files", "file_data", "input_file", "prompt_embeds", "input_embeds"),
        *("input_ids", "prompt_token_ids", "token_ids"),
    }
)
"""Fields whose content this guard cannot judge where it is not a turn's image; refused unless empty."""
_SETTINGS: Final = """
model messages audio frequency_penalty function_call functions logit_bias logprobs max_completion_tokens max_tokens
metadata modalities moderation n parallel_tool_calls prediction presence_penalty prompt_cache_key
prompt_cache_options prompt_cache_retention reasoning_effort response_format safety_identifier seed service_tier
stop store stream stream_options temperature tool_choice tools top_logprobs top_p user verbosity web_search_options
best_of use_beam_search top_k min_p repetition_penalty length_penalty stop_token_ids include_stop_str_in_output
ignore_eos min_tokens skip_special_tokens spaces_between_special_tokens truncate_prompt_tokens prompt_logprobs
allowed_token_ids bad_words echo add_generation_prompt continue_final_message add_special_tokens documents
chat_template chat_template_kwargs mm_processor_kwargs structured_outputs guided_json guided_regex guided_choice
guided_grammar priority request_id return_tokens_as_token_ids return_token_ids cache_salt kv_transfer_params
vllm_xargs regex ebnf json_schema separate_reasoning stream_reasoning repeat_penalty typical_p mirostat mirostat_tau
mirostat_eta dry_multiplier samplers grammar cache_prompt n_predict n_probs id_slot t_max_predict_ms
timings_per_token thinking reasoning extra_body options keep_alive format think enable_thinking thinking_budget
"""
SETTINGS: Final = frozenset(_SETTINGS.split())
"""Names of fields that OpenAI, vLLM, SGLang, llama.cpp and Ollama know; any other is judged, and so are its numbers
where they could be letters."""
SCHEMAS: Final = frozenset(
    {"tools", "functions", "tool_choice", "response_format", "guided_json", "json_schema", "structured_outputs"}
)
"""Fields in which a name of `UNJUDGED` is a property of a schema: their strings are read like any other."""
TEXTS: Final = frozenset(
    {
        *("text", "input_text", "output_text", "refusal", "json"),
        *("thinking", "redacted_thinking", "reasoning", "reasoning_text", "summary_text"),
        *("tool_use", "tool_call", "tool_result", "function_call", "function_call_output"),
    }
)
"""Types of content parts that hold nothing but text; what an answer of any upstream held may come back."""
PICTURES: Final = frozenset({"image_url", "input_image", "image"})
KNOWN_ROLES: Final = frozenset({"system", "developer", "assistant", "user", "tool", "function"})
_ROLES: Final[dict[str, Role]] = {"system": "system", "developer": "system", "assistant": "assistant"}
_DATA_URL: Final = re.compile(r"\bdata:[\w.+-]+/[\w.+-]+[^,\s]{0,80};base64,", re.IGNORECASE)


class RemoteImage(msgspec.Struct, frozen=True):
    """An image part that names a URL instead of carrying its bytes."""

    url: str


class Spoken(msgspec.Struct, frozen=True):
    """One message's role, its content in order (text, encoded images, or URLs), and the texts beside it."""

    role: str
    parts: tuple[str | bytes | RemoteImage, ...]
    beside: tuple[str, ...] = ()


class RequestContent(msgspec.Struct, frozen=True, kw_only=True):
    """Everything of a request that a server may show the model."""

    turns: list[Spoken]
    beside: list[str]
    """Every text of the fields beside the messages."""
    remote: list[tuple[dict[str, Any], str]]
    """Where the body names images by URL: the object and its field."""
    changed: bool
    """Turns were withheld: the body is not the client's any more."""


def to_messages(conversation: RequestContent, images: Mapping[bytes | RemoteImage, Image]) -> list[Message]:
    """The request as core messages; what stands beside turns and conversation is said by the system.

    Tool turns keep their place as user turns: what tools bring is as much asked of the model as what people write.
    """
    said: list[Message] = []
    if conversation.beside:
        said.append(Message("system", (TextPart("\n".join(conversation.beside)),)))
    for turn in conversation.turns:
        role = _ROLES.get(turn.role, "user")
        said.append(Message(role, _parts(turn, images)))
        if turn.beside:
            said.append(Message("system" if role == "user" else role, (TextPart("\n".join(turn.beside)),)))
    return said


def _parts(turn: Spoken, images: Mapping[bytes | RemoteImage, Image]) -> tuple[Part, ...]:
    """A turn's content with its images decoded."""
    return tuple(TextPart(part) if isinstance(part, str) else ImagePart(images[part]) for part in turn.parts)


def read_parts(role: str, content: object) -> Spoken:
    """One turn's content as parts; raises ValueError like `read_conversation`."""
    return read_turn({"role": role, "content": content}, [])


def texts_beside(name: str, value: object) -> Iterator[str]:
    """The texts of one field beside the messages; raises ValueError where it holds what cannot be judged."""
    if name in EXEMPT or name == "messages":
        return
    if name not in SETTINGS:
        yield name
        yield from letters(value)
    if name not in SCHEMAS:
        _judgeable(name, value)
    yield from texts(value, where=name)


def texts(value: object, *, where: str) -> Iterator[str]:
    """Every string and key of a value that says something; one that is JSON itself (arguments of a call) also decoded.

    Raises:
        ValueError: one is a data URL: bytes that cannot be judged there.
    """
    for text in strings(value):
        if not text.strip():
            continue
        if "base64," in text and _DATA_URL.search(text):
            raise ValueError(f"{where!r} holds a data URL, which this guard cannot judge there; send an image part.")
        yield text
        if text.lstrip()[:1] in ("{", "["):
            try:
                inner = json.loads(text)
            except (ValueError, RecursionError):
                continue
            yield from strings(inner)


def _judgeable(name: str, value: object) -> None:
    """Raise where a field holds, at any depth, what no text stands for."""
    if name in UNJUDGED and value:
        raise ValueError(f"{name!r} is not guarded here, so it is not let through; send text or image_url parts.")
    if isinstance(value, dict):
        for key, item in cast("dict[str, object]", value).items():
            _judgeable(key, item)
    elif isinstance(value, list):
        for item in cast("list[object]", value):
            _judgeable("", item)


def read_turn(message: dict[str, Any], remote: list[tuple[dict[str, Any], str]]) -> Spoken:
    """One message: its content in order, and every text beside it; `remote` gets the places of image URLs.

    Raises:
        ValueError: it holds what cannot be judged.
    """
    role, content = message.get("role"), message.get("content")
    beside: list[str] = []
    for name, value in message.items():
        if name == "role":
            beside += [] if isinstance(value, str) and value in KNOWN_ROLES else texts(value, where=name)
        elif name != "content":
            if name not in ("tool_calls", "function_call"):
                _judgeable(name, value)
                beside += letters(value)
            beside += texts(value, where=name)
    parts: list[str | bytes | RemoteImage] = []
    if content is None or isinstance(content, str):
        parts += [content] if content else []
    elif isinstance(content, list):
        for part in cast("list[object]", content):
            parts += _part(part, beside, remote)
    else:
        raise ValueError(f"expected a message's content as a string or a list of parts, got {type(content).__name__}.")
    return Spoken(role if isinstance(role, str) else "", tuple(parts), tuple(beside))


def _part(part: object, beside: list[str], remote: list[tuple[dict[str, Any], str]]) -> list[str | bytes | RemoteImage]:
    if isinstance(part, str):
        return [part]
    if not isinstance(part, dict):
        raise ValueError(f"expected content parts as objects, got {type(part).__name__}.")
    fields = cast("dict[str, Any]", part)
    kind = str(fields.get("type", "text" if "text" in fields else "image_url" if "image_url" in fields else ""))
    if kind in PICTURES:
        return [_picture(fields, beside, remote)]
    if kind not in TEXTS:
        raise ValueError(
            f"content parts of type {kind[:40]!r} are not guarded, so they are not let through; send text or image_url"
        )
    for name, value in fields.items():
        _judgeable(name, value)
    said = fields.get("text")
    beside += texts({name: value for name, value in fields.items() if name not in ("type", "text")}, where=kind)
    return [said] if isinstance(said, str) and said else list(texts(said, where=kind))


def _picture(
    fields: dict[str, Any], beside: list[str], remote: list[tuple[dict[str, Any], str]]
) -> bytes | RemoteImage:
    """An image part in one of the shapes servers take: `image_url` (object or string), `image`, `url`."""
    named = [name for name in ("image_url", "image", "url") if fields.get(name)]
    if len(named) != 1:
        raise ValueError("expected an image part with one image, as {'type': 'image_url', 'image_url': {'url': ...}}.")
    holder, name = fields, named[0]
    if isinstance(fields[name], dict):
        holder, name = cast("dict[str, Any]", fields[name]), "url"
    url = holder.get(name)
    if not isinstance(url, str):
        raise ValueError("expected an image part with a URL as a string.")
    rest = [{k: v for k, v in one.items() if k not in ("type", name, *named)} for one in (fields, holder)]
    for one in rest if holder is not fields else rest[:1]:
        for key, value in one.items():
            _judgeable(key, value)
        beside += texts(one, where="image_url")
    if url[:5].lower() != "data:":
        remote.append((holder, name))
        return RemoteImage(url)
    header, comma, data = url.partition(",")
    if not comma or not header.lower().endswith(";base64"):
        raise ValueError("expected image data URLs as data:image/...;base64,...")
    return data.encode()
