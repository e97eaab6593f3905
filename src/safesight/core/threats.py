"""What is attacked, how, and where a defence stands: the surveys' taxonomies as one table over the plugins that ship.

Plugins of others declare theirs (`attacks_of`, `stages_of`).

The kinds follow the surveys of attacks and defences on multimodal models (Liu et al., Safety of Multimodal Large
Language Models on Images and Text, 2024; Ye et al., A Survey of Safety on Large Vision-Language Models, 2025), cut to
what is measured or stopped here; docs/threat-model.md says what is not.
"""

from __future__ import annotations

from typing import Final, Literal

from safesight.core import registry

ATTACKS: Final[dict[str, str]] = {
    "direct": "a harmful request in plain words",
    "typographic": "the request is written into the image",
    "relevant image": "an image that shows what the request is about lowers the guard",
    "cross-modal": "text and image are harmless alone and harmful together",
    "multi-image": "the intent is spread over several images and their relation",
    "text jailbreak": "role play, templates, persuasion or code around the request",
    "injection": "instructions to the model inside what it reads (images, tool results, documents)",
    "alarming": "no attack: harmless requests that look harmful, to see over-refusal",
}
"""Kind of attack to its description."""

STAGES: Final[dict[str, str]] = {
    "prompt": "words before the conversation",
    "input": "reads the request and its images before the model does",
    "output": "reads the answer while it is written, before the client does",
    "rewrite": "replaces a flagged answer by a harmless one",
}
"""Where in an exchange a defence stands; alignment by training is the fifth, done by `safesight train`."""

BENCHMARKS: Final[dict[str, tuple[str, ...]]] = {
    "choice": (),
    "figstep": ("typographic", "direct"),
    "holisafe": ("cross-modal", "direct", "alarming"),
    "jailbreakv": ("text jailbreak", "typographic", "relevant image"),
    "mir_safetybench": ("multi-image", "cross-modal"),
    "mis": ("multi-image", "cross-modal"),
    "mllmguard": ("direct", "relevant image", "text jailbreak"),
    "mm_safetybench": ("typographic", "relevant image", "direct"),
    "mossbench": ("alarming",),
    "mssbench": ("cross-modal", "alarming"),
    "msts": ("cross-modal",),
    "orbench": ("alarming", "direct"),
    "siuo": ("cross-modal",),
    "starter": ("multi-image", "alarming"),
    "verifiable": ("multi-image", "cross-modal", "alarming"),
    "vlguard": ("relevant image", "direct", "alarming"),
    "vlsbench": ("cross-modal", "relevant image"),
    "xstest": ("alarming", "direct"),
}
"""What each benchmark puts to a model; utility sets put no attack."""

DEFENCES: Final[dict[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "none": ((), ()),
    "safety_prompt": (("prompt",), ("direct", "typographic", "relevant image")),
    "self_check": (("output", "rewrite"), ("direct", "typographic", "relevant image", "cross-modal")),
    "protector_block": (("input", "output"), ("direct", "typographic", "text jailbreak", "injection", "multi-image")),
    "protector_rewrite": (
        ("input", "output", "rewrite"),
        ("direct", "typographic", "text jailbreak", "injection", "multi-image"),
    ),
    "paper_faithful": (("output", "rewrite"), ("direct", "typographic", "relevant image")),
}
"""Where each defence stands, and against what it is meant; what it stops is for a run to say."""

DETECTORS: Final[dict[str, tuple[str, ...]]] = {
    "cascade": ("input", "output"),
    "embedded": ("output",),
    "generative": ("input", "output"),
    "hf": ("output",),
    "mean": ("output",),
    "moderation": ("input", "output"),
    "patterns": ("input", "output"),
    "requests": ("input",),
    "stakes": ("input",),
    "tuned": ("output",),
}
"""What each detector is made to read; any can be asked about either."""


def attacks_of(kind: Literal["benchmarks", "defences"], name: str) -> tuple[str, ...]:
    """Attacks that a benchmark puts, or a defence is meant against: the table's for ours, else what it declares itself.

    A plugin declares `attacks = ("multi-image",)` in its class, or `ATTACKS = (...)` in the module of its factory.

    Raises:
        UnknownName: no plugin of that name.
    """
    ours = BENCHMARKS.get(name) if kind == "benchmarks" else DEFENCES.get(name, (None, None))[1]
    return registry.declared(kind, name, "attacks") if ours is None else ours


def stages_of(kind: Literal["defences", "detectors"], name: str) -> tuple[str, ...]:
    """Where a defence or detector stands: the table's word for ours, else what it declares itself as `stages`.

    Raises:
        UnknownName: no plugin of that name.
    """
    ours = DETECTORS.get(name) if kind == "detectors" else DEFENCES.get(name, (None, None))[0]
    return registry.declared(kind, name, "stages") if ours is None else ours


def having(kind: Literal["benchmarks", "defences", "detectors"], *, attack: str = "", stage: str = "") -> list[str]:
    """Installed plugins with this attack or at this stage, sorted."""
    return [
        name
        for name in registry.names(kind)
        if (attack and kind != "detectors" and attack in attacks_of(kind, name))
        or (stage and kind != "benchmarks" and stage in stages_of(kind, name))
    ]
