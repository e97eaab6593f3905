"""What Inspect finds by its entry point: importing this registers every task, scorer and model provider."""

from __future__ import annotations

from inspect_ai.model import ModelAPI, modelapi

from safesight.integrations.inspect.scorers import judged
from safesight.integrations.inspect.tasks import TASKS

__all__ = ["TASKS", "guarded", "judged"]


@modelapi(name="guarded")
def guarded() -> type[ModelAPI]:
    """`guarded/PROVIDER/MODEL`: a guard in front of any model that Inspect knows."""
    from safesight.integrations.inspect.model import GuardedAPI

    return GuardedAPI
