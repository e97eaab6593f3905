"""The guard around a call of your own: judge an answer before it is shown, whatever SDK it came from.

python examples/guard_an_answer.py
"""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

import safesight
from safesight.core.records import Reply

POLICY = """
[[detectors]]
name = "patterns:{words}"
"""


async def protected(guard: safesight.Guard, question: str, answer: str) -> str:
    """What may be shown in place of `answer`, which some SDK call returned for `question`."""
    reply = await guard.protect(Reply(status="ok", text=answer), messages=[safesight.user(question)])
    return reply.text


async def main() -> None:
    """One answer passes; one holds a phrase of the block list and is refused."""
    with tempfile.TemporaryDirectory() as folder:
        words, policy = Path(folder, "words.txt"), Path(folder, "policy.toml")
        words.write_text("[prv]\nlives at 12 Mill Lane\n", encoding="utf-8")
        policy.write_text(POLICY.format(words=words), encoding="utf-8")
        guard = safesight.open_guard(policy)
        print(await protected(guard, "Where is the library?", "Next to the station."))
        print(await protected(guard, "Where is she?", "She lives at 12 Mill Lane."))
        await guard.aclose()


if __name__ == "__main__":
    asyncio.run(main())
