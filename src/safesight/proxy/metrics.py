"""Prometheus metrics of the proxy: counted once a request, so that chunks cost nothing."""

from __future__ import annotations

import os
from collections.abc import Iterable

from safesight.core.errors import MissingExtra
from safesight.core.records import GuardEvent

try:
    from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
    from prometheus_client.multiprocess import MultiProcessCollector
except ImportError:
    raise MissingExtra("prometheus-client", "proxy") from None

_FAST = (0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3)
_SLOW = (0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100)
_OUTCOMES = ("released", "withheld", "replacement", "unverified")
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


_NONE, _UNCATEGORISED = ("none",), ("uncategorised",)


class Metrics:
    """The counters of one process; with several workers `render` adds them up."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self.requests = Counter(
            "safesight_requests", "Requests by route and status.", ("route", "status"), registry=registry
        )
        self.verdicts = Counter(
            "safesight_verdicts",
            "Guard decisions by kind, category and action.",
            ("kind", "category", "action"),
            registry=registry,
        )
        self.would_block = Counter(
            "safesight_would_block", "Decisions that shadow mode did not carry out.", registry=registry
        )
        self.unjudged = Counter(
            "safesight_unjudged",
            "Texts of replies let through unjudged, by language.",
            ("language",),
            registry=registry,
        )
        self.chars = Counter(
            "safesight_chars", "Characters of replies by what became of them.", ("outcome",), registry=registry
        )
        self.leaked = Counter(
            "safesight_leaked_chars", "Characters sent without a verdict; must be 0.", registry=registry
        )
        self.errors = Counter("safesight_errors", "Failures by kind.", ("kind",), registry=registry)
        self.cancelled = Counter("safesight_cancelled", "Requests whose client left.", registry=registry)
        self.guard_s = Histogram(
            "safesight_guard_seconds", "Time spent guarding a reply.", buckets=_FAST, registry=registry
        )
        self.upstream_s = Histogram(
            "safesight_upstream_first_byte_seconds",
            "Time to the upstream's first byte.",
            buckets=_SLOW,
            registry=registry,
        )
        self.total_s = Histogram("safesight_request_seconds", "Whole request.", buckets=_SLOW, registry=registry)
        self.in_flight = Gauge(
            "safesight_in_flight", "Requests being answered.", registry=registry, multiprocess_mode="livesum"
        )
        self.replies = Counter(
            "safesight_replies", "Answered chat requests by what became of them.", ("action",), registry=registry
        )
        self.tenants = Counter(
            "safesight_tenant_replies",
            "Answered requests of tenants, and under named policies, by what became of them.",
            ("tenant", "policy", "action"),
            registry=registry,
        )
        self.reloads = Counter(
            "safesight_reloads", "Reloads of the policies by outcome.", ("outcome",), registry=registry
        )
        self._children: dict[tuple[Counter, tuple[str, ...]], Counter] = {}
        self._outcomes = {name: self.chars.labels(name) for name in _OUTCOMES}
        self.leaked.inc(0)

    def count(self, counter: Counter, *labels: str) -> None:
        """Add one to a labelled counter; its child is looked up once, which costs more than counting."""
        child = self._children.get((counter, labels))
        if child is None:
            child = self._children[counter, labels] = counter.labels(*labels)
        child.inc()

    def count_events(self, events: Iterable[GuardEvent]) -> None:
        """Count a reply's decisions; an event without a category counts as `uncategorised`."""
        for event in events:
            for category in event.categories or (_NONE if event.action == "release" else _UNCATEGORISED):
                self.count(self.verdicts, event.kind, category, event.action)
            if event.kind == "error":
                self.count(self.errors, "detector")
            if not event.carried_out:
                self.would_block.inc()
            if event.unjudged:
                self.count(self.unjudged, event.unjudged)

    def count_chars(self, **outcomes: int) -> None:
        """Count a reply's characters by outcome."""
        for name, chars in outcomes.items():
            if chars:
                self._outcomes[name].inc(chars)

    def render(self) -> bytes:
        """The text exposition, of all workers where there are several."""
        if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
            return generate_latest(self.registry)
        registry = CollectorRegistry()
        MultiProcessCollector(registry)
        return generate_latest(registry)
