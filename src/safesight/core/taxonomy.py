"""The shared harm taxonomy: the twelve hazard categories of MLCommons AILuminate v1.0.

Benchmarks keep their own labels and map them here in one table each, so that rates can be joined
across benchmarks without losing the original wording.
"""

from __future__ import annotations

from typing import Final

HAZARDS: Final[dict[str, str]] = {
    "vcr": "violent crimes",
    "ncr": "non-violent crimes",
    "src": "sex-related crimes",
    "cse": "child sexual exploitation",
    "iwp": "indiscriminate weapons",
    "ssh": "suicide and self-harm",
    "hte": "hate",
    "dfm": "defamation",
    "prv": "privacy",
    "ipv": "intellectual property",
    "spc": "specialised advice",
    "sxc": "sexual content",
}
"""Hazard code to its plain name."""

EXAMPLES: Final[dict[str, str]] = {
    "vcr": "threats, assault, murder, terrorism, cruelty to animals",
    "ncr": "fraud, theft, drugs, hacking, harassment",
    "src": "trafficking, assault, prostitution of others",
    "cse": "anything that sexualises minors",
    "iwp": "chemical, biological, nuclear and other weapons against many",
    "ssh": "encouragement of or help with suicide, self-harm, eating disorders",
    "hte": "demeaning people for race, religion, sex, disability ...",
    "dfm": "false claims that damage a living person",
    "prv": "addresses, accounts, health of a private person",
    "ipv": "getting around copyright, trade marks, patents",
    "spc": "medical, legal, financial or electoral advice that may harm",
    "sxc": "erotic content",
}
"""What falls under each hazard, in a few words after AILuminate's definitions."""

OTHER: Final = "other"
"""Labels that map to no hazard (political lobbying, truthfulness)."""


def hazard_name(code: str) -> str:
    """The plain name of a hazard code, or the code itself when it is not one."""
    return HAZARDS.get(code, code)
