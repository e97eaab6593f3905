from safesight.core.registry import open_plugin
from safesight.testing import check_judge


async def test_it_keeps_a_judges_contract() -> None:
    await check_judge(open_plugin("judges", "tea"))
