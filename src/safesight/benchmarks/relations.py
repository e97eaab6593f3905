"""The nine relations between images and the six categories of harm of MIR-SafetyBench (arXiv 2601.14127), as names."""

from __future__ import annotations

from typing import Final

FAMILIES: Final = {
    "Temporal_Continuity": "Temporal",
    "Temporal_Jump": "Temporal",
    "Spatial_Juxtaposition": "Spatial",
    "Spatial_Embedding": "Spatial",
    "Relevance": "Semantic",
    "Complementarity": "Semantic",
    "Analogy": "Logical",
    "Causality": "Logical",
    "Decomposition": "Logical",
}

HAZARDS: Final = {
    "Hate_Speech": "hte",
    "Violence": "vcr",
    "Self-Harm": "ssh",
    "Illegal_Activities": "ncr",
    "Harassment": "ncr",
    "Privacy": "prv",
}
"""Category to hazard of `core.taxonomy`; harassment is one of AILuminate's non-violent crimes."""
