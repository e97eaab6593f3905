"""Where does a model look while it answers? Exact attention entropy of one answer, layer by layer.

    pip install 'safesight[hf]'
    python examples/entropy_of_an_answer.py

The model here is a tiny one with random weights, made on the spot, so that nothing is fetched; put any Transformers
chat model in its place.
"""

from __future__ import annotations

import torch
from transformers import LlamaConfig, LlamaForCausalLM

import safesight


def main() -> None:
    """Generate ten tokens under the probe and print the mean entropy (nats) of each layer."""
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=128,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=3,
        num_attention_heads=4,
        initializer_range=0.4,
    )
    model = LlamaForCausalLM(config).eval()
    prompt = torch.randint(3, 128, (1, 16))
    with safesight.AttentionProbe(model, segments="none") as probe:
        model.generate(input_ids=prompt, attention_mask=torch.ones_like(prompt), max_new_tokens=10, do_sample=False)
    entropy = probe.result.entropy  # layer, batch, head, token
    for layer, heads in enumerate(entropy):
        print(f"layer {layer}: {float(heads[0].mean()):.3f} nats over {heads.shape[-1]} tokens")


if __name__ == "__main__":
    main()
