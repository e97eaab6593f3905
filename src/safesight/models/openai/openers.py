"""Opens OpenAI-compatible endpoints by name: `openai/MODEL`, `http://host:port/v1#MODEL`, `https://...`.

Invariant: a name never holds a key (names are kept in run files); keys come from the environment only.
"""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from typing import Literal
from urllib.parse import urlencode, urlsplit

import msgspec

from safesight.core.config import PluginName, convert
from safesight.core.errors import ConfigError, ModelError
from safesight.core.records import content_hash
from safesight.media.ocr import OcrSettings, shared_reader
from safesight.models.openai.batches import OpenAIBatchModel
from safesight.models.openai.image_tokens import rule_of
from safesight.models.openai.model import CHAT, OpenAIModel
from safesight.models.openai.pricing import expected, read_prices
from safesight.models.openai.writing import ChatWriter
from safesight.net.body import read_all
from safesight.net.endpoint import Endpoint
from safesight.net.faults import Address, Fault
from safesight.net.retry import Backoff
from safesight.wire.chat_reply import read_models
from safesight.wire.chat_request import RequestLayout, check_template_kwargs


class _Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    detail: Literal["auto", "low", "high", "original"] | None = None
    max_side: int | None = None
    images: Literal["send", "ocr"] = "send"
    stream: bool = False
    timeout_s: float = 600.0
    retries: int = 5
    price_in: float | None = None
    price_out: float | None = None
    image_tokens: str | None = None
    key_env: str | None = None
    batch: bool = False
    batch_size: int = 50_000
    batch_price: float = 0.5
    batch_poll_s: float = 30.0
    name: str | None = None
    chat_template_kwargs: str = ""
    reasoning_effort: Literal["", "none", "minimal", "low", "medium", "high"] = ""

    def check(self, where: str) -> None:
        for name, value, least in (
            ("timeout_s", self.timeout_s, 0.001),
            ("retries", self.retries, 0),
            ("max_side", self.max_side, 16),
            ("batch_size", self.batch_size, 1),
            ("batch_price", self.batch_price, 0),
            ("batch_poll_s", self.batch_poll_s, 0.01),
        ):
            if value is not None and not value >= least:
                raise ConfigError(f"{where}: expected {name} of at least {least}, got {value}.")
        if self.batch and self.stream:
            raise ConfigError(f"{where}: a batch cannot be streamed; leave out one of batch and stream.")
        if self.name is not None and not (self.name.strip() and self.name.isprintable() and len(self.name) <= 80):
            raise ConfigError(f"{where}: expected a name of 1 to 80 printable characters, got {self.name!r}.")
        check_template_kwargs(self.chat_template_kwargs, where=where)

    def told(self) -> tuple[str, ...]:
        """Settings of later versions that change answers; () where none is set, so that older fingerprints hold."""
        given = (("template", self.chat_template_kwargs), ("effort", self.reasoning_effort))
        return tuple(part for name, value in given if value for part in (name, value))


def open_openai(rest: str, options: dict[str, str]) -> OpenAIModel | OpenAIBatchModel:
    """OpenAI's API, or a compatible one at OPENAI_BASE_URL; key in OPENAI_API_KEY.

    Options: `detail` (of images), `max_side` (pixels; makes images smaller), `images=ocr` (a text-only server is
    told what OCR reads in them, as `embedded` is), `stream`, `timeout_s`, `retries`,
    `price_in` and `price_out` (USD per million tokens), `image_tokens` (for `--dry-run`: openai-tiles:BASE+TILE,
    openai-patches:FACTOR, anthropic, gemini or a number), `key_env` (name of the key's variable), `batch` (ask by the
    provider's batch endpoint, at `batch_price` = 0.5 of these prices; `batch_size`, `batch_poll_s`), `name` (what
    tables, reports and the run file call the model in place of this address), `reasoning_effort`,
    `chat_template_kwargs` (a JSON object for the server's chat template).

    Raises:
        ConfigError: the name or an option is malformed.
    """
    base = os.environ.get("OPENAI_BASE_URL") or "https://api.openai.com/v1"
    if not rest:
        raise ConfigError("openai: expected a model's name, such as 'openai/gpt-4o', got none.")
    return _open("openai", base, rest, rest, options, key_env="OPENAI_API_KEY", limit_field="max_completion_tokens")


def open_http(rest: str, options: dict[str, str]) -> OpenAIModel | OpenAIBatchModel:
    """Any OpenAI-compatible server by URL, as `http://host:port/v1#model`; key in SAFESIGHT_API_KEY.

    Without a model the server is asked which one it serves. Options as for `openai`.

    Raises:
        ConfigError: the URL or an option is malformed.
        ModelError: the server does not say which model it serves.
    """
    return _open_url("http", rest, options)


def open_https(rest: str, options: dict[str, str]) -> OpenAIModel | OpenAIBatchModel:
    """Any OpenAI-compatible server by URL, as `https://host/v1#model`; key in SAFESIGHT_API_KEY.

    Without a model the server is asked which one it serves. Options as for `openai`.

    Raises:
        ConfigError: the URL or an option is malformed.
        ModelError: the server does not say which model it serves.
    """
    return _open_url("https", rest, options)


def _open_url(scheme: str, rest: str, options: dict[str, str]) -> OpenAIModel | OpenAIBatchModel:
    base, _, model = rest.partition("#")
    return _open(
        scheme, f"{scheme}:{base}", model, rest, options, key_env="SAFESIGHT_API_KEY", limit_field="max_tokens"
    )


def _open(
    scheme: str, base: str, model: str, rest: str, options: dict[str, str], *, key_env: str, limit_field: str
) -> OpenAIModel | OpenAIBatchModel:
    PluginName(scheme, rest, options).reject_unknown(_Options.__struct_fields__)
    name = f"{scheme}{'/' if scheme == 'openai' else ':'}{rest}" + (f"?{urlencode(options)}" if options else "")
    chosen = convert(options, _Options, where=name)
    chosen.check(name)
    prices = read_prices(chosen.price_in, chosen.price_out, where=name)
    url = _base_url(base)
    rule = None
    if chosen.images == "send":
        rule = rule_of(model, named=chosen.image_tokens, detail=chosen.detail, max_side=chosen.max_side, where=name)
    costs = expected(
        model,
        at_openai=url == "https://api.openai.com/v1",
        share=chosen.batch_price if chosen.batch else 1.0,
        image_rule=rule,
    )
    key = _key(chosen.key_env or key_env, required=chosen.key_env is not None)
    address = Address(url=url, model=model, key_env=chosen.key_env or key_env, has_key=key is not None)

    def connect(to: Address) -> Endpoint:
        return Endpoint(to, key=key, timeout_s=chosen.timeout_s, backoff=Backoff(attempts=chosen.retries + 1))

    if not model:
        model = _served_model(connect(address), url)
        address = msgspec.structs.replace(address, model=model)
    reader = shared_reader(OcrSettings()) if chosen.images == "ocr" else None
    reading = () if reader is None else ("ocr", reader.fingerprint)
    layout = RequestLayout(
        model=model,
        detail=chosen.detail,
        limit_field=limit_field,
        template_kwargs=chosen.chat_template_kwargs,
        reasoning_effort=chosen.reasoning_effort,
    )
    # Not the key, timeout, retries, streaming, batches or prices: none of them changes an answer.
    fingerprint = content_hash("openai_api", url, model, chosen.detail, chosen.max_side, *reading, *chosen.told())
    name = chosen.name or name
    if chosen.batch:
        return OpenAIBatchModel(
            connect(address),
            ChatWriter(layout, max_side=chosen.max_side, reader=reader),
            name=name,
            fingerprint=fingerprint,
            prices=prices.at(chosen.batch_price) if prices else None,
            expected=costs,
            batch_size=chosen.batch_size,
            poll_s=chosen.batch_poll_s,
        )
    return OpenAIModel(
        connect(address),
        layout,
        name=name,
        fingerprint=fingerprint,
        streaming=chosen.stream,
        max_side=chosen.max_side,
        prices=prices,
        expected=costs,
        reader=reader,
    )


def _base_url(text: str) -> str:
    url = text.rstrip("/").removesuffix(CHAT)
    try:
        parts = urlsplit(url)
        usable = bool(parts.hostname) and parts.scheme in {"http", "https"} and (parts.port or 1) > 0
    except ValueError:
        usable, parts = False, None
    if not usable or parts is None:
        raise ConfigError(f"expected a URL such as 'http://127.0.0.1:8000/v1#model', got {text!r}.")
    if parts.username or parts.password:
        raise ConfigError(
            f"expected the URL of {parts.hostname} without user or password: names are kept in run files. "
            "Put the key into SAFESIGHT_API_KEY, or name its variable with ?key_env=NAME."
        )
    return url


def _key(variable: str, *, required: bool) -> str | None:
    key = os.environ.get(variable, "").strip()
    if not key and required:
        raise ConfigError(f"expected an API key in the environment variable {variable!r} (key_env), which is not set.")
    if not key.isascii() or not key.isprintable():
        raise ConfigError(f"expected an API key in {variable!r}, got something that no HTTP header can carry.")
    return key or None


def _served_model(endpoint: Endpoint, url: str) -> str:
    """Ask which model is served; in its own thread, as the caller may be inside an event loop."""

    async def ask() -> bytes:
        try:
            return (await endpoint.ask("/models", None, read_all)).value
        except (Fault, ModelError) as error:
            raise ModelError(f"{str(error).rstrip('.')}. Or name the model, as in {url}#MODEL.") from error
        finally:
            await endpoint.aclose()

    with ThreadPoolExecutor(1) as thread:
        raw = thread.submit(asyncio.run, ask()).result()
    try:
        names = read_models(raw)
    except ValueError as error:
        raise ModelError(f"{url}/models: {error}. Name the model, as in {url}#MODEL.") from None
    if len(names) != 1:
        served = ", ".join(sorted(names)[:8]) or "none"
        raise ModelError(
            f"{url} serves {len(names)} models ({served}). Name one, as in {url}#{(names or ['MODEL'])[0]}."
        )
    return names[0]
