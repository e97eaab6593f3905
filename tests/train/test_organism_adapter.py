"""LoRA matrices: beside a layer, merged from their GGUF, and as llama.cpp applies them, they are one thing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
pytest.importorskip("gguf")

from safesight.core.errors import ConfigError  # noqa: E402
from safesight.models.organism_checkpoint import add_adapter  # noqa: E402
from safesight.train.organism_adapter import Adapter, write_adapter  # noqa: E402 - needs torch


def model() -> Any:
    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        hidden_size=32, intermediate_size=64, num_hidden_layers=3, num_attention_heads=4, num_key_value_heads=2,
        vocab_size=20,
    )  # fmt: skip
    return transformers.LlamaForCausalLM(config).eval()


def filled(lora: Adapter) -> Adapter:
    torch.manual_seed(1)
    for _, up in lora.pairs.values():
        up.data.normal_(0, 0.2)
    return lora


def scores(of: Any) -> Any:
    with torch.no_grad():
        return of(torch.arange(8)[None]).logits


def test_beside_and_merged_from_the_file_compute_the_same(tmp_path: Path) -> None:
    beside, merged = model(), model()
    plain = scores(beside)
    lora = filled(Adapter(beside, rank=2, first_layer=1))
    write_adapter(tmp_path / "a.gguf", lora, name="a")
    add_adapter(tmp_path / "a.gguf", merged)
    assert torch.allclose(scores(beside), scores(merged), atol=2e-2)
    assert (scores(beside) - plain).abs().max() > 0.05


def test_a_fresh_adapter_changes_nothing_and_lower_layers_have_none() -> None:
    base = model()
    plain = scores(base)
    lora = Adapter(base, rank=2, first_layer=2)
    assert torch.equal(scores(base), plain)
    assert {name.split(".")[0] for name in lora.pairs} == {"2"}
    assert len(lora.parameters()) == 2 * 7


def test_what_is_saved_is_loaded_with_the_optimiser(tmp_path: Path) -> None:
    first = filled(Adapter(model(), rank=2, first_layer=1))
    optimiser = torch.optim.AdamW(first.parameters(), lr=0.1)
    sum(p.square().sum() for p in first.parameters()).backward()
    optimiser.step()
    first.save(tmp_path / "s.safetensors", optimiser=optimiser)
    second = Adapter(model(), rank=2, first_layer=1)
    resumed = torch.optim.AdamW(second.parameters(), lr=0.1)
    second.load(tmp_path / "s.safetensors", optimiser=resumed)
    for ours, theirs in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(ours, theirs)
        assert torch.equal(optimiser.state[ours]["exp_avg"], resumed.state[theirs]["exp_avg"])


def test_training_goes_on_from_the_file_that_both_engines_load(tmp_path: Path) -> None:
    first = filled(Adapter(model(), rank=2, first_layer=1))
    write_adapter(tmp_path / "a.gguf", first, name="a")
    again = Adapter(model(), rank=2, first_layer=1)
    again.start_from(tmp_path / "a.gguf")
    for ours, theirs in zip(first.parameters(), again.parameters(), strict=True):
        assert torch.allclose(ours, theirs, atol=1e-2)  # the first matrix is kept in 8 bits


@pytest.mark.parametrize(("rank", "first_layer"), [(4, 1), (2, 2)])
def test_an_adapter_of_another_size_is_no_start(tmp_path: Path, rank: int, first_layer: int) -> None:
    write_adapter(tmp_path / "a.gguf", filled(Adapter(model(), rank=2, first_layer=1)), name="a")
    with pytest.raises(ConfigError, match=f"expected rank {rank} from layer {first_layer} on, got rank 2 from layer 1"):
        Adapter(model(), rank=rank, first_layer=first_layer).start_from(tmp_path / "a.gguf")
