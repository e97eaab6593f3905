"""What decoding somebody else's JSON may raise, in one place, so that no reader forgets the nesting that has no end."""

from __future__ import annotations

from typing import Final

import msgspec

UNDECODABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""No JSON, no UTF-8, or nested more deeply than the interpreter's stack."""
