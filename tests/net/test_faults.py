from __future__ import annotations

import json
import re
from typing import Any

import pytest

from safesight.core.errors import ModelError
from safesight.net.faults import Address, Fault, body_fault, status_fault

ADDRESS = Address(url="http://host/v1", model="m-1", key_env="MY_KEY", has_key=True)


def fault(status: int, body: Any = None, headers: dict[str, str] | None = None) -> Fault:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return status_fault(status, headers or {}, raw, ADDRESS)


def error(message: str = "no", **fields: Any) -> dict[str, Any]:
    return {"error": {"message": message, **fields}}


@pytest.mark.parametrize("status", [408, 409, 425, 429, 500, 502, 503, 504, 520, 529])
def test_what_may_pass_is_retried(status: int):
    found = fault(status, error("busy"), {"retry-after": "2"})
    assert (found.kind, found.retry_after_s, found.pressure) == ("retry", 2.0, status in {429, 503, 529})
    assert "busy" in found.message


@pytest.mark.parametrize("status", [400, 413, 415, 422, 501])
def test_what_stays_wrong_for_this_request_fails(status: int):
    assert fault(status, error("bad")).kind == "failed"


def test_too_large_says_what_to_do():
    assert "max_side" in fault(413, b"<html>").message


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, error(code="content_filter", innererror={"code": "ResponsibleAIPolicyViolation"})),
        (400, error(code="400", innererror={"code": "ResponsibleAIPolicyViolation"})),
        (400, error(code="content_policy_violation")),
        (400, error("litellm.ContentPolicyViolationError: AzureException", code="400")),
        (400, error(code="data_inspection_failed", type="data_inspection_failed")),
        (400, error("Content Exists Risk", code="invalid_request_error")),
        (400, {"detail": "Content Exists Risk"}),
        (400, error("Model request blocked by guardrail", type="guardrail_blocked")),
        (400, error("This prompt contains sensitive words that violate Google's Responsible AI practices.")),
        (400, error("The image contains content that is not allowed by our safety system")),
        (400, error("当前内容可能违反相关法律法规，请修改后重试", code="risk_control")),
        (451, error("Unavailable: content moderation")),
        (400, error(code="1301")),
        (403, error(code=403, metadata={"reasons": ["violence"], "flagged_input": "..."})),
        (451, error(code="content_filter")),
        (400, error("Gemini blocked the request: PROHIBITED_CONTENT", code=400)),
        (400, error("Your prompt was flagged as potentially violating our usage policy.", code="invalid_prompt")),
        (400, error("Invalid prompt: we've limited access to this content for safety reasons.")),
        (400, error("Your request was rejected as a result of our safety system.", code="moderation_blocked")),
        (400, error("Output data may contain inappropriate content.", code="400")),
        (400, error("Output blocked by content filtering policy", type="invalid_request_error")),
        (400, error("finish reason: IMAGE_SAFETY")),
        (400, error("系统检测到输入或生成内容可能包含不安全或敏感内容", code="1301")),
        (500, error(code="content_filter")),
    ],
)
def test_a_providers_block_is_a_block(status: int, body: Any):
    assert fault(status, body).kind == "blocked"


@pytest.mark.parametrize(
    "word",
    [
        "filter",
        "illegal",
        "sorry",
        "blocked",
        "policy",
        "safety",
        "recitation",
        "flagged",
        "refusal",
        "safety_settings",
    ],
)
def test_a_word_in_an_error_is_no_block(word: str):
    assert fault(400, error(f"parameter {word} is unknown")).kind == "failed"


@pytest.mark.parametrize(
    ("status", "body", "says"),
    [
        (401, error("bad key sk-secret"), "MY_KEY was refused"),
        (403, error("no access to model"), "MY_KEY.*no access to model"),
        (403, b"<html>", "MY_KEY"),
        (404, error("model m-1 does not exist"), "'m-1'.*model m-1 does not exist"),
        (404, b"", "usually /v1"),
        (405, b"", "usually /v1"),
        (402, error("balance"), "no credit"),
        (429, error(code="insufficient_quota"), "no credit"),
        (400, error("Your credit balance is too low to access the API.", type="invalid_request_error"), "no credit"),
        (400, error("Access denied", code="Arrearage"), "no credit"),
        (429, error("账户余额不足", code="1113"), "no credit"),
        (429, error("Rate limit exceeded: free-models-per-day."), "used up.*resume"),
        (429, error("Limit on requests per day (RPD): 200. Please try again in 7m12s."), "used up.*resume"),
        (
            429,
            [
                error(
                    "Quota exceeded",
                    details=[{"violations": [{"quotaId": "GenerateRequestsPerDay-FreeTier"}]}, {"retryDelay": "25s"}],
                )
            ],
            "used up.*resume",
        ),
        (429, error("slow down", retry_after=7200), "wait 2.0 hours"),
    ],
)
def test_what_no_request_can_mend_stops_the_run(status: int, body: Any, says: str):
    with pytest.raises(ModelError, match=says) as caught:
        fault(status, body)
    assert "sk-secret" not in str(caught.value)


def test_a_missing_key_is_said_to_be_missing():
    address = Address(url="http://host/v1", model="m", key_env="MY_KEY", has_key=False)
    with pytest.raises(ModelError, match="MY_KEY is not set: set it"):
        status_fault(401, {}, b"", address)


def test_a_redirect_says_where():
    with pytest.raises(ModelError, match="https://host/v1"):
        fault(308, b"", {"location": "https://host/v1"})


@pytest.mark.parametrize(
    ("body", "kind", "pressure"),
    [
        ({"message": "upstream", "code": 502}, "retry", False),
        ({"message": "slow down", "code": 429}, "retry", True),
        ({"message": "bad request", "code": 400}, "failed", False),
        ({"message": "x", "code": "content_filter"}, "blocked", False),
        ({"message": "x"}, "retry", False),
        ("something broke", "retry", False),
        (["odd"], "retry", False),
    ],
)
def test_errors_inside_a_good_status(body: Any, kind: str, pressure: bool):
    found = body_fault(body, ADDRESS)
    assert (found.kind, found.pressure) == (kind, pressure)


def test_a_bad_key_inside_a_good_status_stops_the_run():
    with pytest.raises(ModelError, match="MY_KEY"):
        body_fault({"message": "x", "code": 401}, ADDRESS)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ([{"error": {"message": "in a list", "status": "INVALID_ARGUMENT"}}], "in a list"),
        ({"detail": [{"loc": ["body", "messages"], "msg": "field required", "input": "x" * 999}]}, "field required"),
        ({"error": "a plain string"}, "a plain string"),
        ({"object": "error", "message": "vLLM's own shape", "code": 400}, "vLLM's own shape"),
        (
            {"message": {"detail": [{"loc": ["body", "seed"], "msg": "Extra inputs are not permitted"}]}},
            "body.seed: Extra",
        ),
        ({"error": {"message": {"message": "one deeper"}}}, "one deeper"),
        ({"detail": {"error": {"msg": "three deep"}}}, "three deep"),
        ({"detail": [{"loc": ["a"], "msg": "m1"}, {"loc": ["b"], "msg": "m2"}]}, "a: m1; b: m2"),
        (b"<html>", "an HTML page"),
        (b"\xff", "HTTP 400"),
        (b"[]", "HTTP 400"),
        (b"3", "HTTP 400"),
    ],
)
def test_every_shape_of_error_is_read(body: Any, says: str):
    assert says in fault(400, body).message


def test_a_long_error_is_cut():
    assert len(fault(400, error("x" * 100_000)).message) < 400


def test_a_wait_told_in_the_body_is_kept_and_the_headers_word_comes_first():
    body = error("Quota exceeded. Please retry in 25s.", details=[{"retryDelay": "25s"}])
    assert fault(429, [body]).retry_after_s == 25.0
    assert fault(429, [body], {"retry-after": "3"}).retry_after_s == 3.0


@pytest.mark.parametrize(
    ("status", "said", "advice"),
    [
        (400, "At most 1 image(s) may be provided in one request.", "limit-mm-per-prompt.*stitched"),
        (400, "You may provide at most 2 image(s) per prompt; too many images", "limit-mm-per-prompt"),
        (500, "image input is not supported - hint: you may need to provide the mmproj", "--mmproj.*images=ocr"),
        (500, "this model is missing data required for image input", "images=ocr"),
        (400, "m-1 is not a multimodal model", "images=ocr"),
        (404, "No endpoints found that support image input", "images=ocr"),
        (422, "unknown variant `image_url`, expected `text`", "images=ocr"),
        (400, "This model's maximum context length is 2048 tokens.", "max_side"),
        (413, "", "max_side"),
    ],
)  # fmt: skip
def test_errors_that_every_picture_meets_come_with_advice_and_are_not_repeated(status: int, said: str, advice: str):
    found = fault(status, error(said))
    assert found.kind == "failed"
    assert re.search(advice, found.message)
