"""How published guard models are asked and how they answer: one module a family, one `Format` a way of asking."""

from __future__ import annotations

from typing import Final

from safesight.detectors.guard_formats import (
    gpt_oss_safeguard,
    granite_guardian,
    llama_guard,
    nemotron_safety,
    qwen3guard,
    rubric,
    shieldgemma,
    sing_guard,
    wildguard,
)
from safesight.detectors.guard_formats.form import Format

FORMATS: Final[dict[str, Format]] = {
    form.name: form
    for family in (
        llama_guard,
        qwen3guard,
        shieldgemma,
        granite_guardian,
        sing_guard,
        nemotron_safety,
        wildguard,
        gpt_oss_safeguard,
        rubric,
    )
    for form in family.FORMATS
}
"""By name, as `?format=` takes it."""
