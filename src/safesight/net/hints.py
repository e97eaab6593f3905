"""What to do about errors that every request with a picture will meet again; "" where nothing is known to help.

Sentences as vLLM, llama.cpp, Ollama, OpenAI, OpenRouter and DeepSeek write them; each hint names a setting that exists.
"""

from __future__ import annotations

import re
from typing import Final

_OCR: Final = "or add ?images=ocr to the model's name: the pictures' text is then read here and sent as words"
_HINTS: Final[tuple[tuple[re.Pattern[str], str], ...]] = (
    (
        re.compile(
            r"at most \d+ (?:image|video|picture|multi-?modal)|too many images|(?:multiple|more than one|>1) images? "
            r"(?:is|are) not supported|only (?:one|1|a single) image",
            re.IGNORECASE,
        ),
        "This server takes fewer pictures a request: start vLLM with --limit-mm-per-prompt '{\"image\": 8}', "
        "or use an arm with one picture (--arm stitched), where the benchmark has it",
    ),
    (
        re.compile(
            r"mmproj|image input is not supported|missing data required for image input|clip model|vision projector",
            re.IGNORECASE,
        ),
        f"The model runs without its image projector: start llama-server with --mmproj FILE, {_OCR}",
    ),
    (
        re.compile(
            r"not a multi-?modal|does(?: not|n't) support (?:image|vision|multi-?modal)"
            r"|no endpoints found that support image"
            r"|image_url is only supported by certain|unknown variant `?image_url|(?:image|vision"
            r"|multimodal) (?:inputs?|content)"
            r"(?: is| are)? not (?:supported|allowed|enabled)|only supports? text|text-only model"
            r"|content type '?image_url",
            re.IGNORECASE,
        ),
        f"This model reads no pictures: choose one that does, {_OCR}",
    ),
    (
        re.compile(
            r"maximum context length|context (?:size|length|window) (?:is |was )?(?:exceeded|too)"
            r"|exceeds? the (?:available )?context"
            r"|prompt is too long|input is too long",
            re.IGNORECASE,
        ),
        "The request is longer than the model's context: make the pictures smaller (?max_side=768), the answer shorter "
        "(--max-tokens), or give the server a longer context (vLLM --max-model-len, llama-server -c)",
    ),
)


def hint(status: int, message: str) -> str:
    """Advice for an error that asking again cannot mend; "" when there is none."""
    if status in {401, 402, 403, 429}:
        return ""
    for pattern, advice in _HINTS:
        if pattern.search(message):
            return advice
    if status == 413:
        return "The images are too large for this server; ?max_side=1024 makes them smaller"
    return ""
