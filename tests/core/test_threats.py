"""Every shipped benchmark, defence and detector has its place in the threat model, and the page names every kind."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from safesight.cli.app import build
from safesight.core import threats
from safesight.core.registry import Kind, _points, names

PAGE = Path(__file__).parents[2] / "docs" / "threat-model.md"


@pytest.mark.parametrize(
    ("kind", "table"),
    [("benchmarks", threats.BENCHMARKS), ("defences", threats.DEFENCES), ("detectors", threats.DETECTORS)],
)
def test_every_plugin_of_ours_is_placed(kind: Kind, table: dict[str, object]):
    ours = {name for name in names(kind) if _points(kind)[name].module.startswith("safesight.")}
    assert ours <= set(table), f"add to core/threats.py: {sorted(ours - set(table))}"


def test_only_known_kinds_and_stages_are_named():
    attacks = {a for found in threats.BENCHMARKS.values() for a in found}
    attacks |= {a for _, found in threats.DEFENCES.values() for a in found}
    stages = {s for found, _ in threats.DEFENCES.values() for s in found}
    stages |= {s for found in threats.DETECTORS.values() for s in found}
    assert attacks <= set(threats.ATTACKS)
    assert stages <= set(threats.STAGES)


def test_the_list_by_attack_names_benchmarks_and_defences():
    shown = CliRunner().invoke(build(), ["list", "--by", "attack", "--format", "markdown"])
    assert shown.exit_code == 0, shown.output
    for attack in threats.ATTACKS:
        assert f"\n| {attack} |" in shown.output
    assert "| figstep, jailbreakv, mm\\_safetybench |" in shown.output
    assert CliRunner().invoke(build(), ["list", "--by", "colour"]).exit_code != 0


PLUGIN = """
STAGES: tuple[str, ...] = ("output",)
ATTACKS = ["direct"]

class Mine:
    \"\"\"Mine: a benchmark of somebody else.\"\"\"
    attacks = ("multi-image", "alarming")

def open_mine(rest, options):
    \"\"\"Mine: a defence.\"\"\"
"""


def test_plugins_of_others_say_where_they_stand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "mine_plugin.py").write_text(PLUGIN + "\nraise RuntimeError('imported')\n")
    held = tmp_path / "mine-1.dist-info"
    held.mkdir()
    (held / "METADATA").write_text("Metadata-Version: 2.1\nName: mine\nVersion: 1\n")
    (held / "entry_points.txt").write_text(
        "[safesight.benchmarks]\nmine = mine_plugin:Mine\n[safesight.defences]\nmine = mine_plugin:open_mine\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    _points.cache_clear()
    try:
        assert "mine" in threats.having("benchmarks", attack="multi-image")
        assert "mine" not in threats.having("benchmarks", attack="direct")
        assert "mine" in threats.having("defences", stage="output")
        assert threats.attacks_of("defences", "mine") == ()  # a list is no tuple, and says nothing
    finally:
        _points.cache_clear()


def test_the_page_says_every_kind_and_what_is_out_of_scope():
    text = PAGE.read_text(encoding="utf-8")
    assert all(f"| {attack} |" in text for attack in threats.ATTACKS)
    assert all(f"| {stage} |" in text for stage in threats.STAGES)
    assert "image generation" in text.lower()
