"""Opens models on the mock server with waits too short to notice."""

from __future__ import annotations

from typing import Any

from safesight.models.openai.model import OpenAIModel
from safesight.net.endpoint import Endpoint
from safesight.net.faults import Address
from safesight.net.retry import Backoff
from safesight.wire.chat_request import RequestLayout
from tests.models.mock_openai import MockOpenAI

KEY = "sk-mock-0123456789"


def quick(
    server: MockOpenAI, *, attempts: int = 3, timeout_s: float = 10.0, url: str | None = None, **settings: Any
) -> OpenAIModel:
    """A model on `server` that waits a millisecond between attempts."""
    address = Address(url=url or server.url, model="mock", key_env="MOCK_KEY", has_key=True)
    backoff = Backoff(attempts=attempts, base_s=0.001, cap_s=0.002)
    endpoint = Endpoint(address, key=KEY, timeout_s=timeout_s, backoff=backoff)
    return OpenAIModel(endpoint, RequestLayout(model="mock"), name="mock", fingerprint="f", **settings)
