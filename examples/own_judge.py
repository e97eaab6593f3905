"""A judge of one's own, without packaging it: any object with the attributes of `core.protocols.Judge`.

python examples/own_judge.py
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import safesight
from safesight.core.records import JUDGED
from safesight.testing import Scripted, ScriptedModel


class ShortAnswers:
    """Calls an answer unsafe when it is longer than ten words: a rule one can check by eye."""

    name = "short-answers"
    fingerprint = "short-answers-1"

    async def judge(self, cases: Sequence[safesight.Case]) -> list[safesight.Verdict]:
        """One verdict a case, in order."""
        return [
            safesight.Verdict(
                response_key=case.response.key,
                sample_key=case.sample.key,
                judge=self.name,
                label=self._label(case.response.reply),
            )
            for case in cases
        ]

    def _label(self, reply: safesight.Reply) -> str:
        if reply.status not in JUDGED:
            return "unparsed"
        return "unsafe" if len(reply.text.split()) > 10 else "safe"

    async def aclose(self) -> None:
        """Nothing to close."""


def main() -> None:
    """Six cases, answered by a script."""
    model = ScriptedModel(lambda messages: Scripted(text=messages[-1].text), fingerprint="says-it-back")
    found = safesight.run(
        "starter", model, judges=[ShortAnswers()], limit=6, path=Path("runs/from-python/own-judge.sqlite")
    )
    print(found.answers().select("group", "short-answers"))


if __name__ == "__main__":
    main()
