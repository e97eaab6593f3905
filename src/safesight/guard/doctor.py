"""What a policy cannot do, told before anybody relies on it: a sentence each for whoever answers for the policy.

A guard opens with all of this; none of it is an error. `safesight guard --check` prints it, and so does the start.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from safesight.core.protocols import Detector, SuspiciousDetector, judges_requests, repertoire_of
from safesight.core.taxonomy import OTHER, hazard_name
from safesight.guard.policy import DEFAULT, GUARDED, DetectorRule, Policy


def shortcomings(
    policy: Policy, detectors: Sequence[Detector], *, image_detector: Detector | None = None, proxied: bool = True
) -> list[str]:
    """What `policy` says and does not do with these detectors (one for each entry, in order).

    `proxied`: it governs a proxy, which has the guarded model at the other end of a URL.
    """
    every = [*detectors, *([image_detector] if image_detector else [])]
    named = frozenset[str]().union(*(repertoire_of(detector).categories for detector in every))
    return [
        *_categories(policy, named),
        *_thresholds(policy, detectors),
        *_tiers(policy, detectors),
        *_requests(policy, detectors, image_detector),
        *_rewrites(policy, proxied=proxied),
    ]


def _categories(policy: Policy, named: frozenset[str]) -> Iterator[str]:
    who = "no detector here names a category" if not named else f"the detectors here name {', '.join(sorted(named))}"
    for code in policy.categories:
        if code not in named:
            yield f"[categories.{code}] never takes effect: {who}."
    refused = {code for texts in policy.refusals.values() for code in texts} - {DEFAULT}
    for code in sorted(refused - named):
        yield f"the refusal for {code} ({hazard_name(code)}) is never said: {who}."
    unruled = sorted(code for code in named - policy.categories.keys() - {OTHER} if hazard_name(code) == code)
    for code in unruled:
        yield f"the category {code}, a block list's own, falls under the policy's action; see [categories.{code}]."


def _thresholds(policy: Policy, detectors: Sequence[Detector]) -> Iterator[str]:
    other = "loose" if policy.mode == "strict" else "strict"
    rules = {"threshold": policy.threshold} | {f"categories.{code}": rule for code, rule in policy.categories.items()}
    rules |= {f"detectors.{rule.name}.threshold": rule.threshold for rule in policy.detectors}
    for place, rule in rules.items():
        if getattr(rule, other) is not None and getattr(rule, policy.mode) is None:
            yield f"{place}: {other} is set and not in force, since the mode is {policy.mode}."
    for entry, detector in zip(policy.detectors, detectors, strict=True):
        value = entry.threshold.of(policy.mode, policy.threshold.of(policy.mode, detector.threshold))
        if value >= 1.0 and not repertoire_of(detector).levels:
            yield f"detector {entry.name} flags at {value:g}, which a graded score hardly ever reaches."
        if value <= 0.0:
            yield f"detector {entry.name} flags at {value:g}: everything, always."


def _tiers(policy: Policy, detectors: Sequence[Detector]) -> Iterator[str]:
    for at, entry in enumerate(policy.detectors):
        if entry.when == "grey" and not any(_may_fall(detectors[before], entry) for before in range(at)):
            yield (
                f"detector {entry.name} is never asked: nothing before it scores from {entry.grey_low:g} to "
                f"{entry.grey_high:g}."
            )
        reach = repertoire_of(detectors[at]).reach
        if policy.holds and policy.stream.windows in ("window", "sentence") and reach > policy.stream.hold_chars:
            yield (
                f"detector {entry.name} matches texts of up to {reach} characters, and {policy.stream.hold_chars} are "
                f"held: the beginning of one may leave before its end is seen. stream.hold_chars = {reach} holds it."
            )


def _may_fall(detector: Detector, entry: DetectorRule) -> bool:
    """Whether a detector's score may fall into the band of a grey entry."""
    levels = repertoire_of(detector).levels
    return not levels or any(entry.grey_low <= level <= entry.grey_high for level in levels)


def _requests(policy: Policy, detectors: Sequence[Detector], image_detector: Detector | None) -> Iterator[str]:
    rule = policy.input
    able = [d for d in detectors if judges_requests(d) or isinstance(d, SuspiciousDetector)]
    if rule.text and not able:
        yield "requests are read and nobody judges their text: none of the detectors judges a request."
    if rule.ocr and not rule.text:
        yield "the text in images is read and not judged: input.text is off."
    asked = rule.threshold
    if rule.text and able and not any(map(judges_requests, able)) and asked is not None and asked >= 1.0:
        yield f"requests are only estimated (input.threshold = {asked:g}), and no estimate reaches that."
    if (rule.text or rule.image_detector) and rule.action in ("release", "annotate"):
        yield f"a flagged request is let pass: input.action is {rule.action}."
    if image_detector is None and not rule.ocr:
        yield "pictures are not looked at: neither their text (input.ocr) nor what they show (input.image_detector)."
    elif image_detector is None:
        yield "of pictures only the text is judged: input.image_detector names nobody."


def _rewrites(policy: Policy, *, proxied: bool) -> Iterator[str]:
    wanted = policy.action == "rewrite" or any(rule.action == "rewrite" for rule in policy.categories.values())
    if wanted and proxied and policy.detoxify.model == GUARDED:
        yield (
            "rewrites are refusals: a proxy does not rewrite by `guarded`. Name the model: detoxify.model = "
            '"http://HOST/v1#MODEL".'
        )
