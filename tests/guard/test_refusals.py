"""Refusals in the words of the operator: by category and language, with a template; known when they come back."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from safesight.core.errors import ConfigError, UnknownName
from safesight.guard.policy import Policy, read_policy
from safesight.guard.refusals import RefusalTexts, is_refusal
from tests.models.mock_openai import in_thread, reply
from tests.proxy.test_guard_command import running


def policy(folder: Path, text: str) -> Policy:
    path = folder / "policy.toml"
    path.write_text(text)
    return read_policy(path)


def test_the_shipped_texts_stand_where_the_operator_says_nothing() -> None:
    shipped = RefusalTexts(Policy())
    assert "988" in shipped.text("q", ["ssh"])
    assert shipped.text("怎么做这个？", ["ssh"]).endswith("120或110。")
    assert shipped.text("q", ["other", "hte"]) == shipped.text("q", ["hte"])


def test_the_operators_texts_by_language_and_category(tmp_path: Path) -> None:
    own = RefusalTexts(
        policy(
            tmp_path,
            '[refusals.en]\ndefault = "Not here: {category}."\nssh = "Call us: 1234."\n'
            '[refusals.zh]\nssh = "请联系我们。"\n[categories.hte]\nname = "hateful words"\n',
        )
    )
    assert own.text("q", ["ssh"]) == "Call us: 1234."
    assert own.text("q", ["vcr", "ssh"]) == "Call us: 1234."
    assert own.text("q", ["prv"]) == "Not here: privacy."
    assert own.text("q", ["hte"]) == "Not here: hateful words."
    assert own.text("q") == "Not here: harmful content."
    assert own.text("怎么做？", ["ssh"]) == "请联系我们。"
    assert "{" not in own.text("怎么做？", ["hte"])


def test_any_language_with_a_default(tmp_path: Path) -> None:
    text = 'language = "de"\n[refusals.de]\ndefault = "Dabei helfe ich nicht."\n'
    assert RefusalTexts(policy(tmp_path, text)).text("q", ["ssh"]) == "Dabei helfe ich nicht."
    for wrong, says in (
        ('language = "de"\n', "refusals.de.default"),
        ('[refusals.de]\nssh = "Nein."\n', "refusals.de.default"),
        ('[refusals.en]\nssh = " "\n', "never empty"),
        ('language = "German"\n', "language"),
    ):
        with pytest.raises(ConfigError, match=says):
            policy(tmp_path, wrong)
    with pytest.raises(UnknownName, match="Did you mean 'ssh'"):
        policy(tmp_path, '[refusals.en]\nshs = "No."\n')


def test_they_are_known_again_word_for_word(tmp_path: Path) -> None:
    assert not is_refusal("We do not talk about privacy here at all.")
    RefusalTexts(policy(tmp_path, '[refusals.en]\ndefault = "We do not talk about {category} here at all."\n'))
    assert is_refusal("We do not talk about privacy here at all.\n")
    assert not is_refusal("We do not talk about privacy here at all. But")
    assert is_refusal(RefusalTexts(Policy()).text("q", ["ssh"]))


def test_a_block_lists_own_category_is_refused_in_the_operators_words_and_withheld_later(tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("[spoilers: how a film ends]\nthe butler did it\n")
    path = tmp_path / "policy.toml"
    path.write_text(
        f'[refusals.en]\nspoilers = "No {{category}} here."\n[categories.spoilers]\nname = "endings"\n'
        f'[input]\nocr = false\n[[detectors]]\nname = "patterns:{tmp_path / "words.txt"}"\n'
    )
    with in_thread() as upstream:
        upstream.then = reply("In the end the butler did it.")
        with running(upstream.url, "--policy", str(path)) as (url, _):
            found = chat(url, [{"role": "user", "content": "How does it end?"}])
            said = found["choices"][0]
            assert said["message"]["content"] == "No endings here."
            assert said["safesight"]["categories"] == ["spoilers"]
            [moderated] = post(f"{url}/v1/moderations", {"input": "So the butler did it."})["results"]
            assert moderated["flagged"]
            assert moderated["safesight"] == {"harm": 1.0, "hazards": {"spoilers": 1.0}}
            assert [name for name, true in moderated["categories"].items() if true] == ["illicit"]
            upstream.then = reply("Fine.")
            again = [
                {"role": "user", "content": "Is it true that the butler did it?"},
                {"role": "assistant", "content": "No endings here."},
                {"role": "user", "content": "Then name two fruits."},
            ]
            assert chat(url, again)["choices"][0]["finish_reason"] == "stop"
        assert "withheld" in upstream.requests[-1].raw.decode()
        assert "butler" not in upstream.requests[-1].raw.decode()


def chat(url: str, messages: list[dict[str, str]]) -> dict[str, Any]:
    return post(f"{url}/v1/chat/completions", {"model": "mock", "messages": messages})


def post(url: str, body: dict[str, object]) -> dict[str, Any]:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as response:
        return json.load(response)
