"""What guarding a request of any API needs: its content as turns, and how its reply is read and spoken."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from safesight.proxy.conversation import RemoteImage, RequestContent
from safesight.proxy.judging import AskedReply
from safesight.wire.dialect import Dialect


class ApiRequest(Protocol):
    """One request for an answer."""

    @property
    def stream(self) -> bool:
        """Whether the answer is to be streamed."""
        ...

    @property
    def asked(self) -> AskedReply:
        """What the reply depends on."""
        ...

    def dialect(self) -> Dialect:
        """How its reply is read and spoken; a fresh one each time."""
        ...

    def read(self, *, withhold: bool = False) -> RequestContent:
        """Everything that a server may show the model.

        `withhold`: turns that this guard refused before lose their words, in the request too.

        Raises:
            ValueError: it holds what cannot be judged.
        """
        ...

    def for_upstream(self, raw: bytes, content: RequestContent, urls: Mapping[RemoteImage, str]) -> bytes:
        """The request as the upstream gets it: its own bytes (`raw`) unless turns were withheld or images fetched."""
        ...
