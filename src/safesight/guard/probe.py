"""Asks a policy's guard models, before anything is guarded, whether they answer as the guards they are said to be."""

from __future__ import annotations

from safesight.core.protocols import ProbedDetector
from safesight.core.registry import open_plugin
from safesight.guard.policy import Policy


async def probe_policy(policy: Policy) -> list[str]:
    """Probe every detector of `policy` that can be; returns their names, [] where none can.

    Raises:
        DetectorError: one cannot be asked, or does not answer as its guard does.
        UnknownName, ConfigError, MissingExtra: one cannot be opened.
    """
    probed: list[str] = []
    for name in dict.fromkeys([*(rule.name for rule in policy.detectors), policy.input.image_detector]):
        if not name:
            continue
        detector = open_plugin("detectors", name)
        try:
            if isinstance(detector, ProbedDetector):
                await detector.probe()
                probed.append(name)
        finally:
            await detector.aclose()
    return probed
