"""A moderation endpoint of OpenAI's shape (`POST /moderations`), by URL.

Request and reply follow https://platform.openai.com/docs/api-reference/moderations: `input` is a string, or text
and image parts; each result has `flagged`, `categories` and `category_scores`. Scores of such services are not
calibrated to one threshold, so harm is the highest score moved to at least 0.5 where the service flags and below it
where it does not: the service's own decision stands at this detector's threshold. The question goes with the answer.
"""

from __future__ import annotations

import asyncio
import base64
import math
import os
from collections.abc import Sequence
from typing import Final

import aiohttp
import msgspec

from safesight.core.config import PluginName, convert
from safesight.core.errors import ConfigError, DetectorError
from safesight.core.protocols import Repertoire
from safesight.core.records import Exchange, Harm, content_hash
from safesight.core.taxonomy import OTHER
from safesight.detectors.visible import visible

CATEGORIES: Final[dict[str, str]] = {
    "harassment": OTHER,
    "harassment/threatening": "vcr",
    "hate": "hte",
    "hate/threatening": "hte",
    "illicit": "ncr",
    "illicit/violent": "vcr",
    "self-harm": "ssh",
    "self-harm/intent": "ssh",
    "self-harm/instructions": "ssh",
    "sexual": "sxc",
    "sexual/minors": "cse",
    "violence": "vcr",
    "violence/graphic": "vcr",
}
"""The service's categories in the shared taxonomy; others count as `other`."""
_UNDER: Final = math.nextafter(0.5, 0.0)
_AT_ONCE: Final = 8


class _Result(msgspec.Struct):
    flagged: bool
    category_scores: dict[str, float] = {}


class _Body(msgspec.Struct):
    results: list[_Result]


class _Options(msgspec.Struct, forbid_unknown_fields=True):
    timeout_s: float = 30.0
    key_env: str = "OPENAI_API_KEY"


class Moderation:
    """Asks a moderation endpoint about each exchange."""

    judges_requests = True

    def __init__(self, url: str, *, model: str = "", timeout_s: float = 30.0, key: str = "") -> None:
        self.name = f"moderation:{url}" + (f"#{model}" if model else "")
        self.fingerprint = content_hash("moderation", url, model)
        self.threshold = 0.5
        self.repertoire = Repertoire(categories=frozenset((*CATEGORIES.values(), OTHER)))
        self._url = f"{url.rstrip('/')}/moderations"
        self._model = model
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)
        self._key = key
        self._session: aiohttp.ClientSession | None = None

    async def score(self, exchanges: Sequence[Exchange]) -> list[Harm]:
        """Score exchanges, several requests at a time.

        Raises:
            DetectorError: the endpoint cannot be reached, refuses, or answers something else.
        """
        limit = asyncio.Semaphore(_AT_ONCE)

        async def one(exchange: Exchange) -> Harm:
            async with limit:
                return await self._ask(visible(exchange))

        return list(await asyncio.gather(*(one(exchange) for exchange in exchanges)))

    async def aclose(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _ask(self, exchange: Exchange) -> Harm:
        body = msgspec.json.encode({"input": await _input(exchange)} | ({"model": self._model} if self._model else {}))
        try:
            async with self._connect().post(self._url, data=body) as response:
                raw = await response.read()
                if response.status != 200:
                    raise DetectorError(f"{self.name}: expected status 200, got {response.status}.")
            return read_result(msgspec.json.decode(raw, type=_Body).results[0])
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise DetectorError(f"{self.name}: cannot be asked: {type(error).__name__}.") from None
        except (msgspec.DecodeError, UnicodeDecodeError, IndexError) as error:
            raise DetectorError(f"{self.name}: expected a moderation result: {error}.") from None

    def _connect(self) -> aiohttp.ClientSession:
        if self._session is None:
            headers = {"Content-Type": "application/json"}
            if self._key:
                headers["Authorization"] = f"Bearer {self._key}"
            self._session = aiohttp.ClientSession(timeout=self._timeout, headers=headers)
        return self._session


async def _input(exchange: Exchange) -> object:
    text = f"{exchange.question}\n\n{exchange.answer}" if exchange.answer else exchange.question
    if not exchange.images:
        return text
    parts: list[object] = [{"type": "text", "text": text}]
    for image in exchange.images:
        data = await asyncio.to_thread(lambda image=image: base64.b64encode(image.read()).decode())
        parts.append({"type": "image_url", "image_url": {"url": f"data:{image.media_type};base64,{data}"}})
    return parts


def read_result(result: _Result) -> Harm:
    """One result as harm in [0, 1] with the service's own flag at 0.5."""
    highest = max(result.category_scores.values(), default=1.0 if result.flagged else 0.0)
    harm = max(highest, 0.5) if result.flagged else min(highest, _UNDER)
    categories: dict[str, float] = {}
    for name, score in result.category_scores.items():
        code = CATEGORIES.get(name, OTHER)
        bounded = score if result.flagged else min(score, _UNDER)
        categories[code] = max(bounded, categories.get(code, 0.0))
    return Harm(harm=harm, categories=categories)


def open_detector(rest: str, options: dict[str, str]) -> Moderation:
    """Moderation endpoint of OpenAI's shape by URL: `moderation:https://api.openai.com/v1#omni-moderation-latest`.

    Options: `timeout_s`, `key_env` (name of the key's variable, OPENAI_API_KEY).

    Raises:
        ConfigError: no URL, or an option is malformed.
    """
    PluginName("moderation", rest, options).reject_unknown(_Options.__struct_fields__)
    chosen = convert(options, _Options, where=f"moderation:{rest}")
    url, _, model = rest.partition("#")
    if not url.startswith(("http://", "https://")):
        raise ConfigError(f"moderation: expected a URL such as 'moderation:http://host:8000/v1#model', got {rest!r}.")
    return Moderation(url, model=model, timeout_s=chosen.timeout_s, key=os.environ.get(chosen.key_env, ""))
