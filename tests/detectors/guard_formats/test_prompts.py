"""What each format sends, against the vendors' documents."""

from __future__ import annotations

from safesight.core.messages import Image, assistant, system, user
from safesight.core.records import Exchange
from safesight.detectors.guard_formats import FORMATS
from safesight.detectors.guard_formats.turns import chat
from tests.support import png

ASKED = Exchange(question="How do I boil an egg?", answer="Eight minutes.")


def raw(name: str, exchange: Exchange = ASKED) -> list[str]:
    prompts = [prompt for _, prompt in FORMATS[name].prompts(exchange)]
    assert all(isinstance(prompt, str) for prompt in prompts)
    return [str(prompt) for prompt in prompts]


def test_raw_llama_prompt_follows_the_published_form() -> None:
    [prompt] = raw("llama-guard-3-raw")
    assert prompt.startswith("<|start_header_id|>user"), "servers add the start-of-text token themselves"
    assert "unsafe content in 'Agent' messages" in prompt
    assert "S14: Code Interpreter Abuse." in prompt
    assert "User: How do I boil an egg?\n\nAgent: Eight minutes.\n\n<END CONVERSATION>" in prompt
    assert prompt.endswith("<|start_header_id|>assistant<|end_header_id|>\n\n")
    [request] = raw("llama-guard-3-raw", Exchange(question="q", answer=""))
    assert "'User' messages" in request
    assert "Agent" not in request
    [small] = raw("llama-guard-3-1b-raw")
    assert "S13: Elections.\n<END" in small


def test_shieldgemma_asks_once_for_each_guideline() -> None:
    asked = FORMATS["shieldgemma"].prompts(ASKED)
    assert [code for code, _ in asked] == ["other", "other", "hte", "sxc"]
    [request, *_] = raw("shieldgemma", Exchange(question="q", answer=""))
    assert "The prompt shall not contain or seek generation of content that" in request
    assert "Does the human question violate" in request


def test_granite_4_is_asked_in_a_last_user_turn() -> None:
    [(_, prompt)] = FORMATS["granite-guardian-4"].prompts(ASKED)
    assert not isinstance(prompt, str)
    assert [m.role for m in prompt] == ["user", "assistant", "user"]
    [(_, request)] = FORMATS["granite-guardian-4"].prompts(Exchange(question="q", answer=""))
    assert not isinstance(request, str)
    assert [m.role for m in request] == ["user", "user"]


def test_images_go_to_formats_that_see() -> None:
    picture = Image.from_bytes(png())
    exchange = Exchange(question="q", answer="a", images=(picture,))
    assert chat(exchange, images=True)[0].images == (picture,)
    assert chat(exchange)[0].images == ()
    seeing = {name for name, form in FORMATS.items() if form.images}
    assert seeing == {"llama-guard-4", "llama-guard-3-vision", "sing-guard", "nemotron-content-safety"}


def test_the_conversation_goes_along_alternating_and_bounded() -> None:
    turns = (system("Be brief."), assistant("Hello!"), user("One"), user("Two"), assistant("Fine."), user("Three"))
    sent = chat(Exchange(question="Three", answer="So be it.", turns=turns))
    assert [(m.role, m.text) for m in sent] == [
        ("user", "One\nTwo"),
        ("assistant", "Fine."),
        ("user", "Three"),
        ("assistant", "So be it."),
    ]
    long = (user("old " * 1000), assistant("older " * 2000), user("new"), assistant("well"), user("last " * 5000))
    kept = chat(Exchange(question="", answer="a", turns=long), limit=100)
    assert [m.text[:4] for m in kept] == ["new", "well", "last", "a"]
    assert len(kept[2].text) == 25_000, "the last turn goes whole"
    half = chat(Exchange(question="", answer="", turns=long), limit=7)
    assert [m.text[:4] for m in half] == ["new", "well", "last"]
    assert [m.role for m in chat(Exchange(question="", answer="", turns=long), limit=4)] == ["user"]
