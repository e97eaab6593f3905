from safesight.core.registry import open_plugin
from safesight.testing import check_detector


async def test_it_keeps_a_detectors_contract() -> None:
    await check_detector(open_plugin("detectors", "shouting"))
