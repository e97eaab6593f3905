from safesight.core.registry import open_plugin
from safesight.testing import check_model


async def test_it_keeps_a_models_contract() -> None:
    await check_model(open_plugin("models", "parrot"))
