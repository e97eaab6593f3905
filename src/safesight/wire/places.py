"""The exact places of the chat protocol that hold no text of a model's, and what makes a string media.

Everything else in a reply is judged, keys included: servers put model-written text into ids, roles, finish reasons and
usage. Exempt are words of the protocol (a closed list, so that nothing can be spelt with them) and ids of a sane shape
in the places of ids. Sources: OpenAI API reference, and recorded replies of vLLM, SGLang, llama.cpp, OpenRouter, Azure.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


KEYS: Final = _words(
    """choices id object created model system_fingerprint service_tier obfuscation usage timings provider
prompt_filter_results prompt_index prompt_token_ids prompt_logprobs kv_transfer_params index finish_reason
native_finish_reason stop_reason matched_stop token_ids content_filter_results content_filter_offsets delta
message logprobs text error role content refusal reasoning reasoning_content reasoning_details tool_calls
function_call function custom name arguments input type annotations citations title url url_citation
start_index end_index audio images image_url prompt_tokens completion_tokens total_tokens
prompt_tokens_details completion_tokens_details cached_tokens audio_tokens reasoning_tokens
accepted_prediction_tokens rejected_prediction_tokens cost cost_details is_byok upstream_inference_cost
upstream_inference_prompt_cost upstream_inference_completions_cost prompt_cache_hit_tokens
prompt_cache_miss_tokens cache_creation_input_tokens cache_read_input_tokens queue_time prompt_time
completion_time total_time cache_n prompt_n prompt_ms prompt_per_token_ms prompt_per_second predicted_n
predicted_ms predicted_per_token_ms predicted_per_second draft_n draft_n_accepted token bytes logprob
top_logprobs tokens token_logprobs text_offset hate self_harm sexual violence jailbreak profanity
protected_material_text protected_material_code filtered severity detected custom_blocklists details code
param status metadata check_offset start_offset end_offset data format signature summary thinking safesight
p video_tokens image_tokens num_sources_used search_context_size x_groq seed x_openrouter"""
)
"""Names of fields."""

WORDS: Final = _words(
    """assistant user system tool developer function custom text chat.completion.chunk chat.completion
text_completion stop length tool_calls function_call content_filter eos eos_token stop_sequence end_turn
max_tokens error abort insufficient_system_resource default auto flex priority scale safe low medium high
reasoning.text reasoning.summary reasoning.encrypted url_citation output_text refusal thinking unknown null
None anthropic-claude-v1 openai-responses-v1 google-gemini-v1"""
)
"""Values of fields."""

FINISHED: Final = frozenset({"stop", "length", "tool_calls", "content_filter", "function_call"})
UNFINISHED: Final = frozenset({"", "null", "None"})
"""Finish reasons of servers that mean none."""

_ID_PARTS: Final = re.compile(r"[-_.:]")
_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,127}")
_ID_WORDS: Final = _words(
    """chatcmpl cmpl chat gen call tool toolu msg resp req run fp fc cht stream completion functions c t mock"""
)


def sane_id(value: object) -> bool:
    """Whether a string has the shape of a server's id: known prefixes and random parts, each with a digit in it."""
    return isinstance(value, str) and _is_id(value)


@lru_cache(maxsize=1024)
def _is_id(value: str) -> bool:
    if not _ID.fullmatch(value):
        return False
    parts = [part for part in _ID_PARTS.split(value) if part]
    return all(part in _ID_WORDS or (any(map(str.isdigit, part)) and not part.isalpha()) for part in parts)


_HELD: Final = frozenset({"audio", "image", "images", "image_url", "video", "videos", "input_audio", "inline_data"})
_ENCODED: Final = frozenset({"b64_json", "image_url", "audio", "input_audio", "inline_data"})


def holds_media(name: str, value: object) -> bool:
    """Whether a field by its name holds what no detector of text can judge; a plain name of a file is a text."""
    return bool(value) and name in (_ENCODED if isinstance(value, str) else _HELD)


MEDIA: Final = _HELD | _ENCODED
"""The names of such fields."""


_DATA_URL: Final = re.compile(r"data:[\w.+-]+/[\w.+-]+[;,]|data:;base64,", re.IGNORECASE)
_MAGIC: Final = tuple(_words("iVBORw0KGgo /9j/ R0lGOD UklGR JVBERi0 SUQz T2dnUw GkXfo AAAAIGZ0eX AAAAHGZ0eX Qk0"))
"""PNG, JPEG, GIF, RIFF, PDF, MP3, Ogg, WebM, MP4, BMP as base64 begins."""
_BASE64: Final = re.compile(r"[A-Za-z0-9+/_-]{16,}={0,2}")


def names_media(text: str) -> bool:
    """Whether a text holds a data URL of any form."""
    return "data:" in text[:1_000_000].lower() and _DATA_URL.search(text) is not None


def is_media(text: str) -> bool:
    """Whether a string is a data URL, or base64 that begins like a picture, sound, film or PDF."""
    stripped = text.strip()
    return names_media(text) or (stripped.startswith(_MAGIC) and _BASE64.match(stripped) is not None)
