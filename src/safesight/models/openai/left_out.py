"""Settings that a provider refuses: learned from its own error, left out from then on, and told to the run.

Invariant: a setting is left out only after a refusal that names it, never by guessing from a model's name, so a model
that takes it is always given it. OpenAI's reasoning models refuse `temperature`, `top_p`, `logprobs` and `max_tokens`
(they want `max_completion_tokens`); strict servers refuse `seed` or one of the two repetition penalties.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from safesight.net.faults import Fault
from safesight.wire.chat_request import RequestLayout

_REFUSES: Final = re.compile(
    r"unsupported|not (?:be )?supported|(?:does|do)(?: not|n't) (?:support|accept|allow)|unrecogni[sz]ed"
    r"|unknown|unexpected"
    r"|extra_?(?:\s?(?:inputs?|fields?|forbidden))|not (?:permitted|allowed|available|a valid (?:field"
    r"|parameter))|cannot find field"
    r"|only the default|only \S{1,6} is (?:allowed|supported|accepted)|(?:must|should) be 1\b(?!\.?\d)"
    r"|is not (?:configurable|adjustable)|(?:cannot|can't|can not) (?:both )?be (?:used|specified|set|combined)"
    r"|cannot both"
    r"|deprecated|incompatible|(?:may|can|must) only be (?:set to )?\S|no longer (?:accepted|supported|available)"
    r"|additional propert|no such (?:field|parameter)|invalid (?:field|parameter|argument)|use '?max_"
    r"|不(?:被|受)?支持|无效参数",
    re.IGNORECASE,
)
_LIMITS: Final = ("max_tokens", "max_completion_tokens")
_INSIDE: Final = {"include_usage": "stream_options"}


class LeftOut:
    """What one endpoint and model refuse; `layout` is how its requests are written now.

    Args:
        layout: the request's shape before anything is known.
    """

    def __init__(self, layout: RequestLayout) -> None:
        self.layout = layout
        self.reasons: dict[str, str] = {}
        """Setting -> what the provider said of it, for the run file."""

    @property
    def names(self) -> frozenset[str]:
        """Fields that are no longer sent."""
        return frozenset(self.reasons)

    def learn(self, fault: Fault, sent: Sequence[str]) -> bool:
        """Whether a request with the fields `sent` is worth sending again, written anew.

        Args:
            fault: what came of it.
            sent: names of the settings it had.
        """
        if fault.kind != "failed":
            return False
        problem = fault.problem
        name = _blamed(problem.param, problem.message, sent)
        if not name or not (_REFUSES.search(problem.message) or problem.codes & _CODES):
            return False
        if name in _LIMITS and self._other_limit(name):
            return True
        self.reasons.setdefault(name, problem.message)
        return True

    def _other_limit(self, refused: str) -> bool:
        """Name the token limit by its other name; False when both were refused."""
        if self.layout.limit_field != refused:
            return refused not in self.reasons  # another request in flight has found out
        other = _LIMITS[1 - _LIMITS.index(refused)]
        if self.layout.limit_refused:
            return False
        self.layout = msgspec.structs.replace(self.layout, limit_field=other, limit_refused=refused)
        return True

    def words(self) -> Mapping[str, str]:
        """What a run file keeps: each setting left out or renamed, and why."""
        renamed = {self.layout.limit_refused: f"sent as {self.layout.limit_field}"} if self.layout.limit_refused else {}
        return {**renamed, **self.reasons}


_WORD: Final = re.compile(r"\w+")
_CODES: Final = frozenset({"unsupported_value", "unsupported_parameter", "unknown_parameter", "extra_forbidden"})


def _blamed(param: str, message: str, sent: Sequence[str]) -> str:
    """The sent setting that an error is about: its `param`, else the last one its sentence names."""
    for name in _WORD.findall(param):
        known = str(_INSIDE.get(name, name))
        if known in sent:
            return known
    named = [str(_INSIDE.get(word, word)) for word in _WORD.findall(message)]
    # "Use max_completion_tokens instead of max_tokens": only what was sent can be to blame.
    return next((name for name in reversed(named) if name in sent), "")
