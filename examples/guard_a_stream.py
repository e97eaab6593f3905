"""A live answer under guard: what arrives in pieces leaves in pieces, and stops before what is flagged.

python examples/guard_a_stream.py
"""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

import safesight
from safesight.testing import Scripted, ScriptedModel

POLICY = """
[[detectors]]
name = "patterns:{words}"
"""


async def main() -> None:
    """A scripted model says something private after something harmless."""
    said = "The library is next to the station. It opens at nine. She lives at 12 Mill Lane, by the way."
    model = ScriptedModel([Scripted(text=said)], chunk=7)
    with tempfile.TemporaryDirectory() as folder:
        words, policy = Path(folder, "words.txt"), Path(folder, "policy.toml")
        words.write_text("[prv]\nlives at 12 Mill Lane\n", encoding="utf-8")
        policy.write_text(POLICY.format(words=words), encoding="utf-8")
        guard = safesight.open_guard(policy)
        messages = [safesight.user("Where is the library?")]
        stream = guard.stream(messages, model.stream(messages, decoding=safesight.Decoding()))
        async for delta in stream:
            print(delta.text, end="", flush=True)
        print(f"\nstopped: {stream.stop is not None}; events: {[event.action for event in stream.events]}")
        await guard.aclose()


if __name__ == "__main__":
    asyncio.run(main())
