from pathlib import Path

from safesight.core.protocols import DataOptions
from safesight.core.registry import open_plugin
from safesight.testing import check_benchmark


async def test_it_keeps_a_benchmarks_contract(tmp_path: Path) -> None:
    own = tmp_path / "own.jsonl"
    own.write_text('{"id": "cup", "question": "May I?"}\n{"id": "cup", "question": "Might I?", "benign": true}\n')
    await check_benchmark(open_plugin("benchmarks", "tea_time"), DataOptions())
    await check_benchmark(open_plugin("benchmarks", "tea_time"), DataOptions(source=own))
