"""Material in a prompt, between delimiters that it cannot forge: their code is a hash of what stands between them.

Filling is one pass: placeholders inside the material stay text.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Final

_PLACEHOLDER: Final = re.compile(r"\{\{(\w+)\}\}")


def substitute(template: str, values: Mapping[str, str]) -> str:
    """Fill `{{name}}` placeholders in one pass, so that what is filled in is never filled again."""
    return _PLACEHOLDER.sub(lambda match: values[match[1]], template)


def nonce(*texts: str) -> str:
    """A code of 16 hex digits that none of the texts contains; the same texts give the same code.

    It hashes the texts that it fences, so whoever writes one of them cannot know it beforehand.
    """
    code = hashlib.sha256("\x1f".join(texts).encode()).hexdigest()[:16]
    while any(code in text for text in texts):
        code = hashlib.sha256(code.encode()).hexdigest()[:16]
    return code
