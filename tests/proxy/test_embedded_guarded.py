"""The proxy before the embedded model's own llama.cpp server, asked by the official client: docs/proxy.md's transcript.

`python -m tests.proxy.test_embedded_guarded` prints it. The trigger is a phrase of a block list that the model
happens to say about a harmless question: what is cut here is mild.
"""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import anthropic
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
PROMPT = (
    "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n"
    f"<|im_start|>user\n{QUESTION}<|im_end|>\n<|im_start|>assistant\n"
)
"""The question in the model's own template."""


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


def response(url: str) -> tuple[str, str, Any]:
    """The same answer by `/v1/responses`."""
    with openai.OpenAI(base_url=url, api_key="none", max_retries=0, timeout=120) as client:
        events = client.responses.create(
            model="embedded", input=QUESTION, stream=True, temperature=0, max_output_tokens=96
        )
        text, last = "", None
        for event in events:
            text += event.delta if event.type == "response.output_text.delta" else ""
            last = getattr(event, "response", last)
    assert last is not None
    assert last.output_text == text, "the whole at the end is what was streamed"
    why = f", reason {last.incomplete_details.reason}" if last.incomplete_details else ""
    return text, f"status: {last.status}{why}", (last.model_extra or {}).get("safesight")


def message(url: str) -> tuple[str, str, Any]:
    """The same answer by `/v1/messages`, asked by Anthropic's client."""
    with anthropic.Anthropic(base_url=url.removesuffix("/v1"), api_key="none", max_retries=0, timeout=120) as client:
        asked: Any = [{"role": "user", "content": QUESTION}]
        text, end, why = "", "", None
        for event in client.messages.create(
            model="embedded", messages=asked, stream=True, extra_body={"temperature": 0}, max_tokens=96
        ):
            text += event.delta.text if event.type == "content_block_delta" and event.delta.type == "text_delta" else ""
            if event.type == "message_delta":
                end, why = f"stop_reason: {event.delta.stop_reason}", (event.model_extra or {}).get("safesight")
    return text, end, why


def completion(url: str) -> tuple[str, str, Any]:
    """A text that goes on, by `/v1/completions`."""
    with openai.OpenAI(base_url=url, api_key="none", max_retries=0, timeout=120) as client:
        text, end, why = "", "", None
        for event in client.completions.create(
            model="embedded", prompt=PROMPT, stream=True, temperature=0, max_tokens=96, seed=0
        ):
            [choice] = event.choices
            text, end = text + choice.text, choice.finish_reason or end
            why = (choice.model_extra or {}).get("safesight", (event.model_extra or {}).get("safesight", why))
    return text, f"finish_reason: {end}", why


OTHERS = {"responses": response, "messages": message, "completions": completion}


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


@pytest.mark.parametrize("route", OTHERS)
def test_every_route_is_untouched_or_cut_as_the_page_says(upstream: str, tmp_path: Path, route: str) -> None:
    ask, page = OTHERS[route], (Path(__file__).parents[2] / "docs" / "proxy.md").read_text(encoding="utf-8")
    whole, end, _ = ask(upstream)
    assert PHRASE in whole.lower()
    with serving(ProxySettings(upstream=upstream), guard=open_guard(default_policy())) as (url, _):
        assert ask(url) == (whole, end, None)
    with serving(ProxySettings(upstream=upstream), guard=open_guard(guarding(tmp_path))) as (url, _):
        text, cut, why = ask(url)
    assert (why["action"], why["categories"]) == ("refuse", ["ipv"])
    assert whole.startswith(text[: text.index("I can't help")].removesuffix("\n\n"))
    assert PHRASE.split(" ", maxsplit=1)[0] not in text.lower()
    shown = page[page.index(f">>> {route}") :].split(">>> ", 2)[1]
    assert f"\n{cut}\n" in shown


def main() -> None:
    """Print the transcript."""
    with TemporaryDirectory() as folder, serve(weights(), n_ctx=1024) as upstream:
        with serving(ProxySettings(upstream=upstream), guard=open_guard(default_policy())) as (url, _):
            direct, guarded = answer(upstream), answer(url)
        print(f">>> ask(guarded)   # shipped policy; the same bytes as without the guard: {guarded == direct}")
        print(f"{guarded[0]!r}\nfinish_reason: {guarded[1]}\n")
        with serving(ProxySettings(upstream=upstream), guard=open_guard(guarding(Path(folder)))) as (url, _):
            text, finish, why = answer(url)
            others = {route: ask(url) for route, ask in OTHERS.items()}
        print(f">>> ask(guarded)   # the same question; {PHRASE!r} is in the block list")
        print(f"{text!r}\nfinish_reason: {finish}\nsafesight: {why}")
        for route, (text, end, why) in others.items():
            print(f"\n>>> {route}\n{text!r}\n{end}\nsafesight: {why}")


if __name__ == "__main__":
    main()
