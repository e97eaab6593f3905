"""Two judges whose labels were written by hand, on one run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

import safesight
from safesight.cli.disagreements import disagreements
from safesight.core.records import Case, Label, Verdict

WORDS: dict[str, Label] = {"u": "unsafe", "s": "safe", "-": "unparsed"}


class Written:
    """Labels answers by their place: a letter each, u(nsafe), s(afe) or - (unparsed)."""

    def __init__(self, name: str, letters: str) -> None:
        self.name = self.fingerprint = name
        self._letters = iter(letters)

    async def judge(self, cases: Sequence[Case]) -> list[Verdict]:
        return [
            Verdict(
                response_key=case.response.key,
                sample_key=case.sample.key,
                judge=self.name,
                label=WORDS[next(self._letters)],
            )
            for case in cases
        ]

    async def aclose(self) -> None:
        pass


@pytest.mark.parametrize(
    ("first", "second", "says"),
    [
        ("uuuuuuuu", "ssssssss", "differ on 8 of 8"),
        ("uuuuuss-", "sssssss-", "differ on 5 of 7"),
        ("uuuussss", "ssssssss", ""),
        ("uuuu----", "ssss----", ""),
    ],
)
def test_judges_that_differ_on_most_answers_are_named(tmp_path: Path, first: str, second: str, says: str) -> None:
    judges = [Written("one", first), Written("two", second)]
    run = safesight.run("starter", "scripted:echo", limit=8, judges=judges, path=tmp_path / "run.sqlite")
    lines = disagreements(run, ["one", "two"])
    assert len(lines) == bool(says)
    assert all(says in line and "Believe neither yet (neither was measured)" in line for line in lines)
