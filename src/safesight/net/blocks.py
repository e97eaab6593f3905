"""What a provider's block looks like: finish reasons, error codes and sentences, by any of its names.

Invariant: a name counts whole, never a word inside ordinary talk ("filter", "policy"). Sources: OpenAI and Azure
(`content_filter`, `invalid_prompt`), Gemini's FinishReason and BlockedReason, Bedrock's stop reasons, Anthropic's
`refusal` (a classifier of the provider, https://docs.anthropic.com/en/docs/test-and-evaluate/strengthen-guardrails),
DashScope `data_inspection_failed`, DeepSeek "Content Exists Risk", Zhipu `sensitive` and 1301, Cohere ERROR_TOXIC.
"""

from __future__ import annotations

import re
from typing import Final

_GEMINI: Final = (
    "prohibited_content",
    "recitation",
    "blocklist",
    "spii",
    "image_safety",
    "image_prohibited_content",
    "image_recitation",
    "model_armor",
    "jailbreak",
)
BLOCK_REASONS: Final = frozenset(
    {
        *_GEMINI,
        "safety",
        "content_filter",
        "content_filtered",
        "guardrail_intervened",
        "refusal",
        "sensitive",
        "error_toxic",
        "content_moderation",
        "content_blocked",
        "moderation",
        "blocked",
    }
)
"""Finish reasons with which providers cut or withhold an answer."""

BLOCK_CODES: Final = frozenset(
    {
        *_GEMINI,
        "content_filter",
        "content_blocked",
        "content_moderation",
        "content_policy",
        "content_policy_violation",
        "content_violation",
        "guardrail_blocked",
        "moderationerror",
        "risk_control",
        "contentpolicyviolationerror",
        "responsibleaipolicyviolation",
        "moderation_blocked",
        "data_inspection_failed",
        "datainspectionfailed",
        "invalid_prompt",
        "cyber_policy_violation",
        "1301",
    }
)
"""Error codes and types of blocked requests, in lower case."""

_SENTENCES: Final = re.compile(
    r"content exists risk|content management policy|content filter(?:ing)? policy|contentpolicyviolationerror"
    r"|flagged as potentially violating|violat\w+ (?:of )?our (?:usage|content) polic|limited access to this content"
    r"|rejected (?:as a result of|by) (?:our|the) safety system|(?:data|content"
    r"|image)s? may contain inappropriate content"
    r"|blocked by (?:the |our )?(?:content|safety) filter|blocked (?:due to|for|because of) safety"
    r"|violat\w+ google's responsible ai|not allowed by (?:our|the) safety system|blocked by (?:a |the |our )?guardrail"
    r"|content moderation|blockreason|违反相关法律法规|内容违规|违规内容|不安全或敏感|敏感内容|内容安全(?:审核|检查)",
    re.IGNORECASE,
)
_NAMED: Final = re.compile(rf"\b(?:{'|'.join(name.upper() for name in _GEMINI)})\b")
"""Gemini's reasons in capitals inside a gateway's sentence ("Gemini blocked the request: PROHIBITED_CONTENT")."""
_WORD: Final = re.compile(r"[a-z_]+")


def is_block_reason(finish_reason: str) -> bool:
    """Whether a finish reason is a block: by its whole name, with or without a detail ("content_filter: SPII")."""
    return any(word in BLOCK_REASONS for word in _WORD.findall(finish_reason.lower()))


def is_block_message(message: str) -> bool:
    """Whether an error's sentence says that a provider's filter stopped the request."""
    return bool(_SENTENCES.search(message) or _NAMED.search(message))
