"""What a request will cost, as far as a provider publishes it: protocols between models and the runner's estimate."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, runtime_checkable

from safesight.core.protocols import PriceList


class ImageTokenRule(Protocol):
    """How many tokens an image of a width and a height takes."""

    @property
    def name(self) -> str: ...

    @property
    def tokens(self) -> Callable[[int, int], int]: ...


class PublishedCosts(Protocol):
    """What a provider publishes of a model's cost."""

    @property
    def listed(self) -> PriceList | None: ...

    @property
    def date(self) -> str: ...

    @property
    def image_rule(self) -> ImageTokenRule | None: ...


@runtime_checkable
class EstimatedModel(Protocol):
    """A model whose cost can be estimated before it is asked."""

    expected: PublishedCosts
