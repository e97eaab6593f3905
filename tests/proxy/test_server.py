"""The proxy as clients meet it: the official openai client and curl, images, tools, limits, keys, faults."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Generator
from pathlib import Path

import msgspec
import openai
import pytest

from safesight.guard.guard import Guard, open_guard
from safesight.guard.policy import InputRule, Policy, StreamRule, TimeRule
from safesight.proxy.settings import Limits, ProxySettings
from tests.guard.detectors import BAD, BrokenDetector, RunningWordDetector, WordDetector
from tests.models import mock_openai
from tests.models.mock_openai import MockOpenAI, in_thread, raw, reply
from tests.proxy.serving import serving
from tests.support import PNG, png

QUIET = Policy(input=InputRule(ocr=False), time=TimeRule(check_ms=300))
BAD_TEXT = f"A calm start of the answer, long enough to be let out. Then something {BAD} follows, and a benign tail."
ASK = [{"role": "user", "content": "What is shown?"}]


def make_guard(detector: WordDetector | None = None, policy: Policy = QUIET) -> Guard:
    return Guard(policy, detectors=[detector or RunningWordDetector()])


@pytest.fixture
def upstream() -> Generator[MockOpenAI]:
    with in_thread() as server:
        yield server


def client(url: str, key: str = "sk-client") -> openai.OpenAI:
    return openai.OpenAI(base_url=url, api_key=key, max_retries=0, timeout=20)


def metric(url: str, name: str) -> float:
    text = urllib.request.urlopen(f"{url}/metrics", timeout=10).read().decode()
    return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith(name))


def test_an_answer_in_a_language_that_is_not_judged_says_so(upstream: MockOpenAI) -> None:
    german = "Der Kessel steht auf dem Regal, und die Tassen sind noch nicht sauber, aber der Zucker ist schon da."
    upstream.then = reply(german)
    body = json.dumps({"model": "mock", "messages": ASK}).encode()
    for unjudged in ("release", "halt"):
        policy = msgspec.convert({"input": {"ocr": False}, "language": {"unjudged": unjudged}}, Policy)
        with serving(ProxySettings(upstream=upstream.url), guard=open_guard(policy)) as (url, _):
            asked = urllib.request.Request(f"{url}/chat/completions", body, {"content-type": "application/json"})
            if unjudged == "release":
                told = urllib.request.urlopen(asked, timeout=20)
                assert told.headers["x-safesight-unjudged"] == "de"
                assert german in json.load(told)["choices"][0]["message"]["content"]
                assert metric(url.removesuffix("/v1"), 'safesight_unjudged_total{language="de"}') == 1
            else:
                assert german not in urllib.request.urlopen(asked, timeout=20).read().decode()


def test_a_safe_answer_is_untouched_streamed_or_not(upstream: MockOpenAI) -> None:
    text = "Two people talk — 天气很好。 " * 20
    upstream.then = reply(text, chunks=[text[i : i + 7] for i in range(0, len(text), 7)])
    with serving(ProxySettings(upstream=upstream.url), guard=make_guard()) as (url, _):
        with client(url) as asking, client(upstream.url) as direct:
            whole = [c.chat.completions.create(model="mock", messages=ASK) for c in (asking, direct)]
            assert whole[0].model_dump() == whole[1].model_dump()
            streams = [
                list(c.chat.completions.create(model="mock", messages=ASK, stream=True)) for c in (asking, direct)
            ]
            assert [e.model_dump() for e in streams[0]] == [e.model_dump() for e in streams[1]]
        _wait(lambda: metric(url, "safesight_leaked_chars_total") == 0)
        _wait(lambda: metric(url, 'safesight_chars_total{outcome="released"}') == 2 * len(text))


def test_a_flagged_stream_is_cut_replaced_and_ends_parsably(upstream: MockOpenAI) -> None:
    upstream.then = reply(BAD_TEXT, chunks=[BAD_TEXT[i : i + 5] for i in range(0, len(BAD_TEXT), 5)])
    with serving(ProxySettings(upstream=upstream.url), guard=make_guard()) as (url, _), client(url) as asking:
        events = list(asking.chat.completions.create(model="mock", messages=ASK, stream=True))
        text, last = seen(events)
        assert text.startswith("A calm start")
        assert BAD not in text
        assert last.choices[0].finish_reason == "content_filter"
        assert last.model_extra["safesight"]["action"] == "refuse"
        whole = asking.chat.completions.create(model="mock", messages=ASK).choices[0]
        assert (whole.finish_reason, BAD in whole.message.content, "calm" in whole.message.content) == (
            "content_filter",
            False,
            False,
        )


def test_the_upstream_is_aborted_on_a_flag_and_when_the_client_leaves(upstream: MockOpenAI) -> None:
    upstream.then = mock_openai.endless
    with serving(ProxySettings(upstream=upstream.url), guard=make_guard(RunningWordDetector("more more"))) as (url, _):
        with client(url) as asking:
            list(asking.chat.completions.create(model="mock", messages=ASK, stream=True))
        _wait(lambda: upstream.aborted == 1)
    with serving(ProxySettings(upstream=upstream.url), guard=make_guard()) as (url, _):
        with client(url) as asking:
            stream = asking.chat.completions.create(model="mock", messages=ASK, stream=True)
            next(iter(stream))
            left = time.monotonic()
            stream.close()
        _wait(lambda: upstream.aborted == 2)
        assert time.monotonic() - left < 1
        _wait(lambda: metric(url, "safesight_cancelled_total") == 1)


def seen(events: list) -> tuple[str, object]:
    """The text a client saw, and the event that ended the choice."""
    spoken = [e for e in events if e.choices]
    return "".join(e.choices[0].delta.content or "" for e in spoken), spoken[-1]


def _wait(condition, seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_harmful_request_never_shows_the_answer(upstream: MockOpenAI) -> None:
    detector = RunningWordDetector()
    detector.judges_requests = True
    with serving(ProxySettings(upstream=upstream.url), guard=make_guard(detector)) as (url, _), client(url) as asking:
        messages = [{"role": "user", "content": f"Tell me something {BAD}."}]
        choice = asking.chat.completions.create(model="mock", messages=messages).choices[0]
        assert choice.finish_reason == "content_filter"
        events = list(asking.chat.completions.create(model="mock", messages=messages, stream=True))
        assert seen(events)[1].choices[0].finish_reason == "content_filter"
        _wait(
            lambda: metric(url, 'safesight_verdicts_total{action="refuse",category="uncategorised",kind="input"}') == 2
        )


def image_part(data: bytes = PNG) -> dict:
    return {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{base64.b64encode(data).decode()}"}}


def test_images_and_tools_pass_and_are_seen(upstream: MockOpenAI) -> None:
    detector = WordDetector()
    call = {"index": 0, "id": "t1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}
    upstream.then = reply(None, message={"tool_calls": [call]}, finish_reason="tool_calls")
    tools = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]
    with serving(ProxySettings(upstream=upstream.url), guard=make_guard(detector)) as (url, _), client(url) as asking:
        messages = [{"role": "user", "content": [image_part(), {"type": "text", "text": "Look."}]}]
        choice = asking.chat.completions.create(model="mock", messages=messages, tools=tools).choices[0]
        assert choice.message.tool_calls[0].function.arguments == '{"a": 1}'
        assert len(detector.exchanges[-1].images) == 1
        assert upstream.last.json["messages"] == messages
        call["function"]["arguments"] = f'{{"a": "{BAD}"}}'
        choice = asking.chat.completions.create(model="mock", messages=messages, tools=tools).choices[0]
        assert choice.finish_reason == "content_filter"
        assert choice.message.tool_calls is None


def test_several_choices_and_usage(upstream: MockOpenAI) -> None:
    body = {
        "id": "c",
        "object": "chat.completion",
        "created": 1,
        "model": "mock",
        "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
    }
    contents = ["A calm street.", f"A {BAD} street."]
    body["choices"] = [
        {"index": i, "message": {"role": "assistant", "content": c}, "finish_reason": "stop"}
        for i, c in enumerate(contents)
    ]
    upstream.then = raw(json.dumps(body))
    with serving(ProxySettings(upstream=upstream.url), guard=make_guard()) as (url, _), client(url) as asking:
        found = asking.chat.completions.create(model="mock", messages=ASK, n=2)
        assert [c.finish_reason for c in found.choices] == ["stop", "content_filter"]
        assert found.choices[0].message.content == contents[0]
        assert found.usage.total_tokens == 3


def test_curl_works_unchanged(upstream: MockOpenAI) -> None:
    curl = shutil.which("curl")
    assert curl
    body = json.dumps({"model": "mock", "messages": ASK, "stream": True})
    with serving(ProxySettings(upstream=upstream.url), guard=make_guard()) as (url, _):
        command = [curl, "-sS", "-N", f"{url}/chat/completions", "-H", "Content-Type: application/json", "-d", body]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=20)
    assert done.stdout.endswith("data: [DONE]\n\n")


def test_models_moderations_and_health(upstream: MockOpenAI) -> None:
    with serving(ProxySettings(upstream=upstream.url), guard=make_guard()) as (url, _), client(url) as asking:
        assert [m.id for m in asking.models.list()] == ["mock"]
        results = asking.moderations.create(input=["a calm street", f"a {BAD} street"]).results
        assert [r.flagged for r in results] == [False, True]
        parts = asking.moderations.create(input=[{"type": "text", "text": "calm"}, image_part()]).results
        assert len(parts) == 1
        for path in ("healthz", "readyz"):
            assert urllib.request.urlopen(url.replace("/v1", f"/{path}"), timeout=10).status == 200


def status_of(url: str, path: str, body: object, headers: dict[str, str] | None = None) -> tuple[int, str]:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(
        f"{url}{path}", data=data, headers={"Content-Type": "application/json", **(headers or {})}
    )
    try:
        with urllib.request.urlopen(request, timeout=20) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_keys_are_asked_for_and_never_passed_on(upstream: MockOpenAI, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROXY_KEYS", "sk-one, sk-two")
    monkeypatch.setenv("UP_KEY", "sk-upstream")
    settings = ProxySettings(upstream=upstream.url, key_env="PROXY_KEYS", upstream_key_env="UP_KEY")
    with serving(settings, guard=make_guard()) as (url, _):
        assert status_of(url, "/chat/completions", {"model": "m", "messages": ASK})[0] == 401
        with client(url, "sk-wrong") as asking, pytest.raises(openai.AuthenticationError):
            asking.chat.completions.create(model="mock", messages=ASK)
        with client(url, "sk-two") as asking:
            asking.chat.completions.create(model="mock", messages=ASK)
    assert upstream.last.headers["Authorization"] == "Bearer sk-upstream"
    assert upstream.count == 1


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        (b"not json", 400, "expected a chat completion request"),
        ({"messages": [{"role": "user", "content": [{"type": "input_audio", "input_audio": {}}]}]}, 400, "not guarded"),
        (
            {
                "messages": [
                    {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "http://10.0.0.1/x.png"}}]}
                ]
            },
            400,
            "not fetched",
        ),
        ({"messages": [{"role": "user", "content": [image_part(b"no image")]}]}, 400, "cannot be read"),
        ({"messages": [{"role": "user", "content": [image_part(png(300, 300))]}]}, 413, "pixels"),
        ({"messages": [{"role": "user", "content": [image_part()] * 4}]}, 413, "at most 3 images"),
        (b"x" * 200_000, 413, "at most 100000 bytes"),
    ],
)
def test_bad_requests_are_clear_and_never_reach_the_upstream(
    upstream: MockOpenAI, body: object, status: int, says: str
) -> None:
    limits = Limits(max_body_bytes=100_000, max_images=3, max_pixels=10_000)
    with serving(ProxySettings(upstream=upstream.url, limits=limits), guard=make_guard()) as (url, _):
        code, text = status_of(url, "/chat/completions", body)
    assert code == status
    assert says in json.loads(text)["error"]["message"]
    assert upstream.count == 0


def test_only_guarded_routes_exist(upstream: MockOpenAI) -> None:
    with serving(ProxySettings(upstream=upstream.url), guard=make_guard()) as (url, _):
        code, text = status_of(url, "/responses/compact", {"input": "x"})
    assert code == 404
    assert "not guarded" in text
    assert upstream.count == 0


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "[::1]", "169.254.169.254", "192.168.1.1", "localhost", "[::ffff:10.0.0.1]"]
)
def test_private_addresses_are_never_fetched(upstream: MockOpenAI, address: str) -> None:
    port = upstream.url.split(":")[2].split("/")[0]
    part = {"type": "image_url", "image_url": {"url": f"http://{address}:{port}/v1/x.png"}}
    with serving(ProxySettings(upstream=upstream.url, allow_image_urls=True), guard=make_guard()) as (url, _):
        code, text = status_of(url, "/chat/completions", {"messages": [{"role": "user", "content": [part]}]})
    assert code == 400, text
    assert upstream.count == 0


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    "name", ["close", "close_mid_body", "garbage_stream", "html", "malformed", "empty", "failure", "rate_limited"]
)
def test_every_upstream_fault_is_an_error_the_client_understands(
    upstream: MockOpenAI, name: str, *, stream: bool
) -> None:
    behaviour = getattr(mock_openai, name)
    faults = {"close": behaviour, "close_mid_body": behaviour, "failure": None}
    upstream.then = mock_openai.failure(500, "boom") if name == "failure" else faults.get(name) or behaviour()
    with serving(ProxySettings(upstream=upstream.url), guard=make_guard()) as (url, _), client(url) as asking:
        with pytest.raises(openai.APIError):
            list(asking.chat.completions.create(model="mock", messages=ASK, stream=stream))
        _wait(lambda: metric(url, "safesight_leaked_chars_total") == 0)


def test_a_hanging_upstream_ends_after_its_whole_time(upstream: MockOpenAI) -> None:
    upstream.then = mock_openai.hang
    limits = Limits(total_timeout_s=0.2)
    with serving(ProxySettings(upstream=upstream.url, limits=limits), guard=make_guard()) as (url, _):
        assert status_of(url, "/chat/completions", {"model": "m", "messages": ASK})[0] == 504


@pytest.mark.parametrize("how", ["raise", "crash", "short", "nan", "hang"])
@pytest.mark.parametrize("stream", [False, True])
def test_a_broken_detector_lets_nothing_out(upstream: MockOpenAI, how: str, *, stream: bool) -> None:
    upstream.then = reply("An answer nobody has checked.")
    with (
        serving(ProxySettings(upstream=upstream.url), guard=make_guard(BrokenDetector(how))) as (url, _),
        client(url) as asking,
    ):
        if stream:
            events = list(asking.chat.completions.create(model="mock", messages=ASK, stream=True))
            text, last = seen(events)
            assert last.choices[0].finish_reason == "content_filter"
        else:
            choice = asking.chat.completions.create(model="mock", messages=ASK).choices[0]
            text = choice.message.content or ""
            assert choice.finish_reason == "content_filter"
        assert "nobody" not in text
        _wait(lambda: metric(url, "safesight_errors_total") >= 1)


def test_split_utf8_and_ten_megabytes_pass_whole(upstream: MockOpenAI) -> None:
    text = "天气很好。" * 50
    upstream.then = reply(text, chunks=[text], cut=7)
    with serving(ProxySettings(upstream=upstream.url), guard=make_guard()) as (url, _), client(url) as asking:
        events = asking.chat.completions.create(model="mock", messages=ASK, stream=True)
        assert seen(list(events))[0] == text
        upstream.then = reply("calm words " * 900_000)
        assert len(asking.chat.completions.create(model="mock", messages=ASK).choices[0].message.content) == 9_900_000


def test_shadow_mode_counts_and_changes_nothing(upstream: MockOpenAI) -> None:
    upstream.then = reply(BAD_TEXT)
    policy = Policy(shadow=True, input=InputRule(ocr=False))
    with (
        serving(ProxySettings(upstream=upstream.url), guard=make_guard(policy=policy)) as (url, _),
        client(url) as asking,
    ):
        events = list(asking.chat.completions.create(model="mock", messages=ASK, stream=True))
        assert seen(list(events))[0] == BAD_TEXT
        _wait(lambda: metric(url, "safesight_would_block_total") == 1)


def test_audit_holds_hashes_and_texts_only_if_asked(upstream: MockOpenAI, tmp_path: Path) -> None:
    upstream.then = reply(BAD_TEXT)
    for asked in (False, True):
        path = tmp_path / f"audit-{asked}.jsonl"
        settings = ProxySettings(upstream=upstream.url, audit=path, audit_text=asked)
        with serving(settings, guard=make_guard()) as (url, _), client(url) as asking:
            list(asking.chat.completions.create(model="mock", messages=ASK, stream=True))
        (line,) = path.read_text().splitlines()
        entry = json.loads(line)
        assert entry["action"] == "refuse"
        assert entry["withheld_chars"] > 0
        assert "sk-client" not in line
        assert ("What is shown" in line) == ("calm start" in line) == asked


def test_full_and_audit_windows(upstream: MockOpenAI) -> None:
    upstream.then = reply(BAD_TEXT)
    for windows, lets in (("full", False), ("audit", True)):
        policy = Policy(stream=StreamRule(windows=windows), input=InputRule(ocr=False))
        for detector in (RunningWordDetector(), WordDetector()):
            with (
                serving(ProxySettings(upstream=upstream.url), guard=make_guard(detector, policy)) as (url, _),
                client(url) as asking,
            ):
                events = list(asking.chat.completions.create(model="mock", messages=ASK, stream=True))
                text, _ = seen(events)
                assert (text == BAD_TEXT) == lets
                assert ("calm start" in text) == lets


def test_forty_streams_at_once_all_end(upstream: MockOpenAI) -> None:
    upstream.then = reply(BAD_TEXT, chunks=[BAD_TEXT[i : i + 5] for i in range(0, len(BAD_TEXT), 5)])
    ends: list[str] = []
    with serving(ProxySettings(upstream=upstream.url), guard=make_guard()) as (url, _), client(url) as asking:

        def one() -> None:
            events = list(asking.chat.completions.create(model="mock", messages=ASK, stream=True))
            ends.append(seen(events)[1].choices[0].finish_reason)

        threads = [threading.Thread(target=one) for _ in range(40)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert ends == ["content_filter"] * 40


def test_a_wrong_upstream_or_key_variable_fails_at_the_start() -> None:
    from safesight.core.errors import ConfigError
    from safesight.proxy.app import Proxy

    with pytest.raises(ConfigError, match="holds no key"):
        Proxy(ProxySettings(upstream="http://127.0.0.1:1/v1", key_env="NO_SUCH_VARIABLE"))


def test_error_bodies_that_quote_the_model_are_guarded(upstream: MockOpenAI) -> None:
    with serving(ProxySettings(upstream=upstream.url), guard=make_guard()) as (url, _):
        upstream.then = mock_openai.failure(500, "cannot parse: a calm street")
        assert status_of(url, "/chat/completions", {"model": "m", "messages": ASK})[1].find("calm street") > 0
        for stream in (False, True):
            upstream.then = mock_openai.failure(500, f"cannot parse: {BAD_TEXT}")
            status, body = status_of(url, "/chat/completions", {"model": "m", "messages": ASK, "stream": stream})
            assert status == 500
            assert BAD not in body
            assert json.loads(body)["error"]["code"] == "content_filter"


def test_a_good_status_other_than_200_is_no_way_around(upstream: MockOpenAI) -> None:
    body = {"choices": [{"index": 0, "message": {"content": BAD_TEXT}, "text": BAD}], "citations": [BAD]}
    with serving(ProxySettings(upstream=upstream.url), guard=make_guard()) as (url, _):
        upstream.then = raw(json.dumps(body), status=203)
        status, text = status_of(url, "/chat/completions", {"model": "m", "messages": ASK})
        assert (status, BAD in text) == (200, False)
        assert json.loads(text)["choices"][0]["finish_reason"] == "content_filter"
        upstream.then = raw("", status=307, headers={"Location": "http://127.0.0.1:1/"})
        assert status_of(url, "/chat/completions", {"model": "m", "messages": ASK})[0] == 502


def test_a_finished_answer_is_no_cancellation_and_its_connection_is_used_again(upstream: MockOpenAI) -> None:
    with serving(ProxySettings(upstream=upstream.url), guard=make_guard()) as (url, _), client(url) as asking:
        for _ in range(5):
            list(asking.chat.completions.create(model="mock", messages=ASK, stream=True))
            asking.chat.completions.create(model="mock", messages=ASK)
        _wait(lambda: metric(url, "safesight_cancelled_total") == 0)
        _wait(lambda: metric(url, 'safesight_requests_total{route="/chat/completions",status="200"}') == 10)
        _wait(lambda: metric(url, 'safesight_replies_total{action="release"}') == 10)
        assert len(upstream.peers) == 1


def test_shadow_mode_passes_even_what_it_cannot_read(upstream: MockOpenAI) -> None:
    upstream.then = raw(b'data: {"choices": [{"index": 0, "delta": {"audio": {"data": "AAAA"}}}]}\n\ndata: [DONE]\n\n')
    body = {"model": "m", "messages": ASK, "stream": True}
    with serving(ProxySettings(upstream=upstream.url), guard=make_guard()) as (url, _):
        assert "AAAA" not in status_of(url, "/chat/completions", body)[1]
    policy = Policy(shadow=True, input=InputRule(ocr=False))
    with serving(ProxySettings(upstream=upstream.url), guard=make_guard(policy=policy)) as (url, _):
        assert "AAAA" in status_of(url, "/chat/completions", body)[1]
        _wait(lambda: metric(url, "safesight_errors_total") == 1)
