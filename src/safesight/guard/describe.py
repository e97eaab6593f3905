"""A policy in words, so that whoever answers for it can read what it does."""

from __future__ import annotations

from typing import Final

from safesight.core.taxonomy import hazard_name
from safesight.guard.policy import Action, CategoryRule, DetectorRule, Policy, StreamRule, Threshold

_ACTIONS: Final[dict[Action, str]] = {
    "release": "let it pass",
    "annotate": "let it pass and record the flag",
    "refuse": "stop the answer and put a short refusal in its place",
    "rewrite": "stop the answer and put a re-checked rewrite of the held text in its place",
    "halt": "stop the answer and say nothing more",
}


def _threshold(rule: Threshold | CategoryRule, policy: Policy) -> str:
    value = rule.strict if policy.mode == "strict" else rule.loose
    return "its usual threshold" if value is None else f"{value:g}"


def _windows(stream: StreamRule) -> list[str]:
    if stream.windows == "full":
        return [
            f"Streams: the whole answer is held and checked when it ends (or at {stream.max_held_chars} characters)."
        ]
    ends = f"every {stream.window_chars} characters"
    if stream.windows != "window":
        ends = f"at each sentence end (after {stream.min_chars} characters or more) or after {stream.window_chars}"
    if stream.windows == "audit":
        return [f"Streams: AUDIT ONLY. Text leaves at once; it is checked {ends}, and flags are recorded."]
    return [
        f"Streams: text is checked {ends}; nothing leaves before its verdict.",
        f"The last {stream.hold_chars} verified characters stay held, so that a flag can still take them away.",
        f"A flag counts after {stream.debounce} window(s) in a row; "
        f"a row ends {stream.hysteresis:g} under the threshold.",
    ]


def _detector(rule: DetectorRule, policy: Policy) -> str:
    when = {
        "every": "every window",
        "grey": f"windows scored from {rule.grey_low:g} to {rule.grey_high:g} before it (its verdict counts)",
        "end": "the end of the answer, about all of it",
    }[rule.when]
    own = _threshold(rule.threshold, policy)
    overall = _threshold(policy.threshold, policy)
    at = own if own[0].isdigit() else overall if overall[0].isdigit() else "its own threshold"
    return f"Detector {rule.name}: asked at {when}; flags at {at}."


def _input(policy: Policy) -> str:
    rule = policy.input
    parts = [
        name
        for name, on in (
            ("the text", rule.text),
            ("the text read from its images", rule.ocr),
            (f"the images (by {rule.image_detector})", bool(rule.image_detector)),
        )
        if on
    ]
    if not parts:
        return "Requests: not checked."
    action = "stop" if rule.action == "halt" else rule.action
    turns = "every turn" if rule.turns == "all" else "what follows the last answered turn"
    return (
        f"Requests: {' and '.join(parts)} of {turns} judged within {policy.time.input_ms} ms before anything leaves; "
        f"on a flag: {action}. Over {rule.max_chars:,} characters: refused."
    )


def explain_policy(policy: Policy) -> str:
    """Say what `policy` does, one statement a line."""
    lines = [f"Mode {policy.mode}. On a flag: {_ACTIONS[policy.action]}."]
    if policy.shadow:
        lines.insert(0, "SHADOW MODE: everything below is decided and counted, and nothing is changed or held.")
    lines += [_detector(rule, policy) for rule in policy.detectors]
    for code, rule in sorted(policy.categories.items()):
        action = _ACTIONS[rule.action or policy.action]
        lines.append(
            f"Category {rule.name or hazard_name(code)} ({code}): flags at {_threshold(rule, policy)}; then: {action}."
        )
    if policy.reasoning == "withhold":
        lines.append("A flag in the reasoning leaves the reasoning out; the answer goes on, judged by itself.")
    for language, texts in sorted(policy.refusals.items()):
        lines.append(f"Refusals in {language}: your own for {', '.join(sorted(texts))}.")
    lines += _windows(policy.stream)
    lines.append(_input(policy))
    if policy.on_error == "halt":
        lines.append(f"A detector that breaks or takes over {policy.time.check_ms} ms stops the answer.")
    else:
        lines.append(
            f"FAILS OPEN: where a detector breaks or takes over {policy.time.check_ms} ms, text leaves unverified "
            "(counted and logged)."
        )
    if policy.detoxify.model:
        lines.append(
            f"Rewrites come from {policy.detoxify.model}, are checked again, and are refused after "
            f"{policy.detoxify.tries} tries or {policy.time.rewrite_ms} ms."
        )
    return "\n".join(lines)
