"""Any chat model as a judge, by a written rubric; the verdict it closes with counts.

Invariant: what is graded cannot pose as the judge's instructions (see `rubrics`), the model's reasoning trace is
never shown, and an answer off the menu is `unparsed`. A judge that refuses, says nothing or is cut is `unparsed` too;
a call that failed has `error` set and is tried again on resume.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from safesight.core.errors import ConfigError, UnknownName
from safesight.core.messages import Message, user
from safesight.core.protocols import Judge, Model
from safesight.core.records import Case, Decoding, Reply, Verdict, content_hash
from safesight.core.registry import open_plugin
from safesight.judges.asking import JudgeCalls, flag, full_name, left_out, positive
from safesight.judges.rubrics import RULES, Rubric, rubric
from safesight.judges.verdict_text import read_verdict
from safesight.judges.verdicts import broken

MAX_TOKENS: Final = 2048
"""Room for judges that reason before they decide."""
MAX_CHARS: Final = 24_000
"""Longest answer shown whole; of a longer one the middle is left out and the verdict says `truncated`."""


class RubricJudge:
    """A chat model that grades answers by a rubric.

    Args:
        model: the model that judges; closed with the judge.
        rule: a rubric's name; "" takes the sample's own (`meta["rule"]`), else `question`.
        images: show the sample's images to the judge as well.
        max_tokens: longest reply of the judge.
        max_chars: longest answer shown whole.
        name: the judge's name in tables.
    """

    def __init__(
        self,
        model: Model,
        *,
        rule: str = "",
        images: bool = False,
        max_tokens: int = MAX_TOKENS,
        max_chars: int = MAX_CHARS,
        name: str = "",
    ) -> None:
        self.name = name or f"rubric:{model.name}"
        self._model, self._rule, self._images, self._max_chars = model, rule, images, max_chars
        self._decoding = Decoding(temperature=0.0, max_tokens=max_tokens)
        prompts = [rubric(known).sha256 for known in ([rule] if rule else RULES)]
        self.fingerprint = content_hash(
            "rubric-closing-line", model.fingerprint, prompts, images, self._decoding, max_chars
        )
        self._asking = JudgeCalls(self.name, model)

    @property
    def settings_left_out(self) -> Mapping[str, str]:
        """What the judging model's provider refused to be sent."""
        return left_out(self._asking.model)

    async def judge(self, cases: Sequence[Case]) -> list[Verdict]:
        """Grade each answer.

        Raises:
            ModelError: the judging model can never answer.
        """
        return await self._asking.each(cases, self._grade)

    async def _grade(self, case: Case) -> Verdict:
        try:
            used = rubric(self._rule or case.sample.meta.get("rule", "question"))
        except UnknownName as error:
            return broken(case, self.name, str(error))
        answer, cut = shorten(case.response.reply.text, self._max_chars)
        reply = await self._model.generate([self._message(case, used, answer)], decoding=self._decoding)
        if reply.status == "error":
            return broken(case, self.name, reply.error or "the judging model failed", prompt_hash=used.sha256)
        return Verdict(
            response_key=case.response.key,
            sample_key=case.sample.key,
            judge=self.name,
            # What was cut or blocked has no closing line, whatever it says on the way there.
            label=read_verdict(reply.text) if reply.status == "ok" else "unparsed",
            rationale="\n".join(filter(None, (reply.text.strip(), _incomplete(reply)))),
            prompt_hash=used.sha256,
            truncated=cut,
            meta={"rubric": used.name},
        )

    def _message(self, case: Case, used: Rubric, answer: str) -> Message:
        prompt = used.fill(question=case.sample.question, answer=answer)
        return user(*(case.sample.images if self._images else ()), prompt)

    async def aclose(self) -> None:
        """Close the judging model."""
        await self._model.aclose()


def _incomplete(reply: Reply) -> str:
    if reply.status == "ok":
        return ""
    why = f" ({reply.finish_reason})" if reply.finish_reason else ""
    return f"[the judging model's reply is {reply.status!r}{why}]"


def shorten(text: str, limit: int) -> tuple[str, bool]:
    """Keep the first two thirds and the last third of `limit` characters; say how many are left out."""
    if len(text) <= limit:
        return text, False
    tail = limit // 3
    left_out = len(text) - limit
    return f"{text[: limit - tail]}\n[... {left_out} characters left out ...]\n{text[len(text) - tail :]}", True


def open_judge(rest: str, options: dict[str, str]) -> Judge:
    """Any model as judge by rubric: `rubric:MODEL?rubric=general`; MM-SafetyBench's six rules or question-aware.

    Options: `rubric` (default: the sample's own rule, else `question`), `images=1`, `max_tokens`, `max_chars`;
    every other option goes to the model.

    Raises:
        ConfigError: no model is named, or an option has a bad value.
        UnknownName: no such rubric or model.
    """
    if not rest:
        raise ConfigError("expected a judging model, as in 'rubric:openai/gpt-4o', got 'rubric' alone.")
    name, left = full_name(f"rubric:{rest}", options), dict(options)
    rule, images = left.pop("rubric", ""), flag(left, "images", where=name)
    max_tokens = positive(left, "max_tokens", MAX_TOKENS, where=name)
    max_chars = positive(left, "max_chars", MAX_CHARS, where=name)
    if rule:
        rubric(rule)
    # What is left belongs to the model, which rejects what it does not know.
    model = open_plugin("models", full_name(rest, left))
    return RubricJudge(model, rule=rule, images=images, max_tokens=max_tokens, max_chars=max_chars, name=name)
