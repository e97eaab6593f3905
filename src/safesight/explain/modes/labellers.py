"""Who sorts safe answers into modes: rules without a model, or any model by a versioned rubric.

Invariant: an answer cannot pose as the labeller's instructions (its delimiters carry a code that the material does
not contain), the model's last `MODE:` line counts, and off-menu text is `unparsed`. A call that failed has `error`
set and is tried again. An edited prompt is a new file with a new hash.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from contextlib import nullcontext
from functools import cache
from importlib.resources import files
from typing import Final, Protocol

from safesight.core.fence import nonce, substitute
from safesight.core.messages import user
from safesight.core.protocols import Model
from safesight.core.records import Case, Decoding, Mode, ModeLabel, content_hash
from safesight.core.registry import open_plugin
from safesight.explain.modes.rules import RULES_HASH, label_text
from safesight.judges.rubric import shorten

RULES: Final = "rules"
PROMPT: Final = "modes-v1"
MAX_TOKENS: Final = 1024
MAX_CHARS: Final = 24_000

_STATED = re.compile(r"\bmode\W{1,8}(CR|HM|IR|CE)\b(?!\s*(?:or\b|[/|,]))", re.IGNORECASE)
_BARE = re.compile(r"^\W*(CR|HM|IR|CE)\W*$")
_MENU: Final = ["CR", "IR", "HM", "CE"]
"""The prompt's last lines; a labeller that ends by repeating them has not chosen."""
_MODES: Final[dict[str, Mode]] = {"CR": "CR", "HM": "HM", "IR": "IR", "CE": "CE"}


class Labeller(Protocol):
    """Sorts safe answers; one label for each case, in order."""

    name: str
    prompt_hash: str
    """Changes when the labels could change by the labeller's own doing: rules, prompt, model, decoding."""

    async def label(self, cases: Sequence[Case]) -> list[ModeLabel]:
        """Label answers; a broken call is a label with `error` set."""
        ...

    async def aclose(self) -> None: ...


class RulesLabeller:
    """The rules of `modes_rules`: no model, no network; weak."""

    name = RULES

    def __init__(self) -> None:
        self.prompt_hash = RULES_HASH

    async def label(self, cases: Sequence[Case]) -> list[ModeLabel]:
        """Label by rule; the rationale names the rule."""
        labels = []
        for case in cases:
            found = label_text(
                case.response.reply.text,
                question=case.sample.question,
                prompt=case.sample.text,
                descriptions=_descriptions(case),
            )
            labels.append(_label(case, self, found.mode, rationale=found.rule))
        return labels

    async def aclose(self) -> None:
        """Nothing to close."""


class ModelLabeller:
    """A chat model that sorts by the rubric `prompts/modes-v1.md`; it sees text only.

    Args:
        model: the model to ask; closed with the labeller.
        name: the labeller's name in tables; by default the model's.
    """

    def __init__(self, model: Model, *, name: str = "") -> None:
        self.name = name or model.name
        self._model = model
        self._decoding = Decoding(temperature=0.0, max_tokens=MAX_TOKENS)
        self.prompt_hash = content_hash(prompt_template(), model.fingerprint, self._decoding, MAX_CHARS)
        self._gate = asyncio.Semaphore(model.max_concurrency) if model.max_concurrency else nullcontext()

    async def label(self, cases: Sequence[Case]) -> list[ModeLabel]:
        """Ask about every case at once, no more at a time than the model can use.

        Raises:
            ModelError: the model can never answer.
        """
        return list(await asyncio.gather(*(self._one(case) for case in cases)))

    async def _one(self, case: Case) -> ModeLabel:
        async with self._gate:
            reply = await self._model.generate([user(fill_prompt(case))], decoding=self._decoding)
        if reply.status == "error":
            return _label(case, self, "unparsed", error=reply.error or "the labelling model failed")
        rationale = reply.text.strip() or f"the labelling model's reply is {reply.status!r}"
        return _label(case, self, read_mode(reply.text), rationale=rationale)

    async def aclose(self) -> None:
        """Close the model."""
        await self._model.aclose()


def open_labeller(name: str) -> Labeller:
    """`rules`, or any model of `safesight list`.

    Raises:
        UnknownName: no model of that name.
    """
    return RulesLabeller() if name == RULES else ModelLabeller(open_plugin("models", name), name=name)


@cache
def prompt_template() -> str:
    """The rubric as it is in the package."""
    return (files("safesight.explain.modes") / "prompts" / f"{PROMPT}.md").read_text(encoding="utf-8")


def fill_prompt(case: Case) -> str:
    """The whole prompt for one case, with delimiters that none of its texts can contain."""
    answer, _ = shorten(case.response.reply.text, MAX_CHARS)
    material = {
        "question": case.sample.question,
        "prompt": case.sample.text,
        "descriptions": _descriptions(case) or "(none given)",
        "answer": answer,
    }
    return substitute(prompt_template(), {**material, "nonce": nonce(*material.values())})


def read_mode(text: str) -> Mode:
    """The last mode that a labeller states, or a bare one; anything off the menu, or the menu recited, is unparsed."""
    found = [mode.upper() for mode in _STATED.findall(text)] or [m[1] for m in [_BARE.match(text)] if m]
    return _MODES[found[-1]] if found and found[-4:] != _MENU else "unparsed"


def _descriptions(case: Case) -> str:
    return case.sample.meta.get("image_descriptions", "")


def _label(case: Case, labeller: Labeller, mode: Mode, *, rationale: str = "", error: str = "") -> ModeLabel:
    return ModeLabel(
        response_key=case.response.key,
        sample_key=case.sample.key,
        labeller=labeller.name,
        mode=mode,
        rationale=rationale,
        prompt_hash=labeller.prompt_hash,
        error=error,
    )
