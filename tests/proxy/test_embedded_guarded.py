"""The proxy before the embedded model's own llama.cpp server, asked by the official client: docs/proxy.md's transcript.

`python -m tests.proxy.test_embedded_guarded` prints it. The trigger is a phrase of a block list that the model
happens to say about a harmless question: what is cut here is mild.
"""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import openai
import pytest

from safesight.guard.guard import open_guard
from safesight.guard.policy import DetectorRule, Policy, default_policy, validated
from safesight.models.embedded import weights
from safesight.models.llama.model import serve
from safesight.proxy.settings import ProxySettings
from tests.proxy.serving import serving

pytestmark = pytest.mark.slow
QUESTION = "What is the capital of France, and what is it known for?"
PHRASE = "eiffel tower"


def guarding(folder: Path) -> Policy:
    """The shipped policy with a block list beside the embedded detector."""
    words = folder / "words.txt"
    words.write_text(f"[ipv]\n{PHRASE}\n")
    policy = default_policy()
    listed = DetectorRule(name=f"patterns:{words}")
    return validated(msgspec.structs.replace(policy, detectors=(*policy.detectors, listed)))


def answer(url: str) -> tuple[str, str, Any]:
    """Stream an answer: its text, finish reason, and the machine-readable reason where it was cut."""
    with openai.OpenAI(base_url=url, api_key="none", max_retries=0, timeout=120) as client:
        events = client.chat.completions.create(
            model="embedded",
            messages=[{"role": "user", "content": QUESTION}],
            stream=True,
            temperature=0,
            max_tokens=96,
            seed=0,
        )
        text, finish, why = "", "", None
        for event in events:
            for choice in event.choices:
                text += choice.delta.content or ""
                finish = choice.finish_reason or finish
                why = (event.model_extra or {}).get("safesight", why)
    return text, finish, why


@pytest.fixture(scope="module")
def upstream() -> Generator[str]:
    with serve(weights(), n_ctx=1024) as url:
        yield url


def test_a_benign_stream_is_untouched(upstream: str) -> None:
    with serving(ProxySettings(upstream=upstream), guard=open_guard(default_policy())) as (url, _):
        assert answer(url) == answer(upstream)


def test_a_flagged_stream_is_cut_before_the_phrase(upstream: str, tmp_path: Path) -> None:
    whole, finish, _ = answer(upstream)
    assert PHRASE in whole.lower()
    with serving(ProxySettings(upstream=upstream), guard=open_guard(guarding(tmp_path))) as (url, _):
        text, finish, why = answer(url)
    assert finish == "content_filter"
    assert why["action"] == "refuse"
    assert why["categories"] == ["ipv"]
    refusal = text.index("I can't help")
    assert whole.startswith(text[:refusal].removesuffix("\n\n"))
    assert PHRASE.split(" ", maxsplit=1)[0] not in text.lower()


def main() -> None:
    """Print the transcript."""
    with TemporaryDirectory() as folder, serve(weights(), n_ctx=1024) as upstream:
        with serving(ProxySettings(upstream=upstream), guard=open_guard(default_policy())) as (url, _):
            direct, guarded = answer(upstream), answer(url)
        print(f">>> ask(guarded)   # shipped policy; the same bytes as without the guard: {guarded == direct}")
        print(f"{guarded[0]!r}\nfinish_reason: {guarded[1]}\n")
        with serving(ProxySettings(upstream=upstream), guard=open_guard(guarding(Path(folder)))) as (url, _):
            text, finish, why = answer(url)
        print(f">>> ask(guarded)   # the same question; {PHRASE!r} is in the block list")
        print(f"{text!r}\nfinish_reason: {finish}\nsafesight: {why}")


if __name__ == "__main__":
    main()
