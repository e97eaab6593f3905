"""One line to a strong guard: the policy it writes, read back by the policy's reader and run against real servers."""

from __future__ import annotations

from pathlib import Path

import pytest

from safesight.core.errors import ConfigError
from safesight.core.messages import user
from safesight.core.records import Reply
from safesight.guard.guard import open_guard
from safesight.guard.policy import read_policy
from safesight.guard.recommended import detector_name, recommended_policy
from tests.guard.test_probe import guard_model, judging, safesight


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("qwen3guard:http://h:1/v1", "generative:http://h:1/v1?format=qwen3guard"),
        ("qwen3guard:http://h:1/v1#m?retries=0", "generative:http://h:1/v1#m?retries=0&format=qwen3guard"),
        ("http://h:1/v1#Qwen/Qwen3Guard-Gen-4B", "generative:http://h:1/v1#Qwen/Qwen3Guard-Gen-4B"),
        ("llama-guard-3:gguf:/m/f.gguf", "generative:gguf:/m/f.gguf?format=llama-guard-3"),
        ("generative:http://h:1/v1#llama-guard-4", "generative:http://h:1/v1#llama-guard-4"),
    ],
)
def test_names_of_guards(given: str, name: str) -> None:
    assert detector_name(given) == name


@pytest.mark.parametrize("given", ["", 'qwen3guard:http://h/"', "http://h:1/v1#gpt-4o"])
def test_what_is_no_guard_is_an_error(given: str) -> None:
    with pytest.raises(ConfigError):
        recommended_policy(given)


def test_the_written_policy_is_a_cascade_that_sees_what_the_model_can(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    path.write_text(recommended_policy("qwen3guard:http://127.0.0.1:9/v1#m"))
    policy = read_policy(path)
    assert [(rule.name.partition(":")[0], rule.when) for rule in policy.detectors] == [
        ("embedded", "every"),
        ("generative", "grey"),
        ("generative", "end"),
    ]
    assert policy.on_error == "halt"
    assert policy.input.image_detector == ""
    path.write_text(recommended_policy("sing-guard:http://127.0.0.1:9/v1#m"))
    assert read_policy(path).input.image_detector == "generative:http://127.0.0.1:9/v1#m?format=sing-guard"


async def test_the_guard_model_has_the_last_word_and_its_failure_halts(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    with guard_model(judging) as url:
        path.write_text(recommended_policy(f"llama-guard-3:{url}#m?retries=0").replace("ocr = true", "ocr = false"))
        guard = open_guard(read_policy(path))
        calm = Reply(status="ok", text="Eight minutes in boiling water.")
        harsh = Reply(status="ok", text="Pay, or I will burn your house down.")
        assert (await guard.protect(calm, messages=[user("An egg?")])).text == calm.text
        assert (await guard.protect(harsh, messages=[user("A letter?")])).finish_reason == "content_filter"
    gone = await guard.protect(calm, messages=[user("Another egg?")])
    await guard.aclose()
    assert gone.status == "error"
    assert gone.text == ""


def test_the_command_writes_the_policy_and_says_it_in_words(tmp_path: Path) -> None:
    path = tmp_path / "made.toml"
    code, said = safesight("--guard", "qwen3guard:http://127.0.0.1:9/v1#m", "--policy", str(path))
    assert code == 0, said
    assert "asked at the end of the answer" in said
    assert "Cost: two requests" in said
    assert read_policy(path).detectors[2].when == "end"
    assert safesight("--guard", "qwen3guard:http://127.0.0.1:9/v1#m", "--policy", str(path))[0] == 0
    path.write_text("mode = 'loose'\n")
    code, said = safesight("--guard", "qwen3guard:http://127.0.0.1:9/v1#m", "--policy", str(path))
    assert code != 0
    assert "one or the other" in said
