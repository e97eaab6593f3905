"""SafeSight measures, explains and fixes the safety failures of multimodal LLMs.

What other code may build on stands here; each name is imported when it is first used, so `import safesight` is cheap.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from safesight.core.version import __version__

if TYPE_CHECKING:
    from safesight.analysis.compare import Comparison
    from safesight.analysis.rates import RateTable, rate_table
    from safesight.api import compare, judge, open_guard, report, run
    from safesight.core.errors import SafeSightError
    from safesight.core.messages import Image, Message, user
    from safesight.core.protocols import DataOptions
    from safesight.core.records import Case, Decoding, Exchange, GuardEvent, Harm, Reply, Response, Sample, Verdict
    from safesight.core.registry import open_plugin
    from safesight.core.store import RunStore
    from safesight.explain.entropy.kernel import attention_entropy
    from safesight.explain.entropy.probe import AttentionProbe
    from safesight.guard.guard import Guard
    from safesight.guard.policy import Policy, read_policy
    from safesight.guard.stream import StreamGuard
    from safesight.runner.results import Results

_HOMES = {
    "AttentionProbe": "explain.entropy.probe",
    "Case": "core.records",
    "Comparison": "analysis.compare",
    "DataOptions": "core.protocols",
    "Decoding": "core.records",
    "Exchange": "core.records",
    "Guard": "guard.guard",
    "GuardEvent": "core.records",
    "Harm": "core.records",
    "Image": "core.messages",
    "Message": "core.messages",
    "Policy": "guard.policy",
    "RateTable": "analysis.rates",
    "Reply": "core.records",
    "Response": "core.records",
    "Results": "runner.results",
    "RunStore": "core.store",
    "SafeSightError": "core.errors",
    "Sample": "core.records",
    "StreamGuard": "guard.stream",
    "Verdict": "core.records",
    "attention_entropy": "explain.entropy.kernel",
    "compare": "api",
    "judge": "api",
    "open_guard": "api",
    "open_plugin": "core.registry",
    "rate_table": "analysis.rates",
    "read_policy": "guard.policy",
    "report": "api",
    "run": "api",
    "user": "core.messages",
}
__all__ = [
    "AttentionProbe",
    "Case",
    "Comparison",
    "DataOptions",
    "Decoding",
    "Exchange",
    "Guard",
    "GuardEvent",
    "Harm",
    "Image",
    "Message",
    "Policy",
    "RateTable",
    "Reply",
    "Response",
    "Results",
    "RunStore",
    "SafeSightError",
    "Sample",
    "StreamGuard",
    "Verdict",
    "__version__",
    "attention_entropy",
    "compare",
    "judge",
    "open_guard",
    "open_plugin",
    "rate_table",
    "read_policy",
    "report",
    "run",
    "user",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'safesight' has no attribute {name!r}")
    found = getattr(import_module(f"safesight.{_HOMES[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted(__all__)
