import re

import pytest

from safesight.explain.reference import published, published_benchmark
from tests.support import SHARED

SPEC = SHARED / "spec" / "mir-safetybench.md"


def test_published_tables_are_whole():
    tables = published()
    assert (len(tables.modes), len(tables.control), tables.control_seeds) == (19, 5, 546)
    assert "2601.14127" in tables.source
    assert all(99.9 < 100 * sum(row.shares.values()) < 100.1 for row in tables.modes)


def test_published_tables_are_exactly_the_specs():
    if not SPEC.is_file():
        pytest.skip("needs ../shared/spec")
    text = SPEC.read_text("utf-8")
    rows = re.findall(r"^\| (.+?) \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \|$", text, re.MULTILINE)
    assert [(r.model, r.cr, r.hm, r.ir, r.ce) for r in published().modes] == [
        (name, *map(float, shares)) for name, *shares in rows
    ]
    flat = " ".join(text.split())
    assert all(f"{row.model} {row.single} / {row.multi}" in flat for row in published().control)


def test_mm_safetybenchs_columns_are_the_specs_and_average_as_printed() -> None:
    """Twelve columns of three models; eleven printed averages are their column's mean, one is a misprint."""
    from tests.analysis.test_rates import MISPRINT, PUBLISHED

    found = published_benchmark("mm_safetybench")
    assert found is not None
    short = {"LLaVA-1.5-7B": "llava-7b", "LLaVA-1.5-13B": "llava-13b", "MiniGPT-4": "minigpt-4"}
    for row in found.rates:
        figures, average = PUBLISHED[f"{short[row.model]} {row.arm}"].split(" avg ")
        assert list(row.groups.values()) == [float(figure) for figure in figures.split()]
        assert row.average == float(average)
        if f"{short[row.model]} {row.arm}" != MISPRINT:
            assert sum(row.groups.values()) / 13 == pytest.approx(row.average, abs=0.0051)
    assert len(found.rates) == 12


def test_mirs_two_rates_are_kept_by_arm() -> None:
    found = published_benchmark("mir_safetybench")
    assert found is not None
    assert {(r.model, r.arm): r.average for r in found.rates}["GPT-4o", "multi"] == 65.2
    assert published_benchmark("starter") is None
