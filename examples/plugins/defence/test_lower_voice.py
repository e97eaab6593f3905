from safesight.core.registry import open_plugin
from safesight.testing import check_defence


async def test_it_keeps_a_defences_contract() -> None:
    defence = open_plugin("defences", "lower_voice")
    assert defence is not None
    await check_defence(defence)
