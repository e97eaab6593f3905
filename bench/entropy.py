"""Time and peak memory of exact attention entropy against plain SDPA and against eager attention maps.

Every figure of a block is measured in the same process run, plain and probed interleaved, and the smallest of
several repeats is kept; times are of the process's own CPU on one thread, because the machine may be shared.
Peak memory is measured in a fresh process each, as the growth of its resident high-water mark.

    OMP_NUM_THREADS=1 python -m bench.entropy            all blocks, a JSON line for each length
    OMP_NUM_THREADS=1 python -m bench.entropy layer      one block: layer, end or gpu

Bars (times plain SDPA): one layer, all rows, 2.2; generated rows only 1.05; end to end 1.15 and 1.1 in memory;
on a GPU 1.15 end to end at 8k tokens of a 7B shape.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from typing import Any

import torch

from bench.harness import contestant, peak_mb

LENGTHS = (1024, 2048, 4096, 8192)
SHAPES = {"16 heads of 64": (16, 16, 64), "28 heads of 128, 4 key heads": (28, 4, 128)}


def interleaved(calls: dict[str, Callable[[], object]], repeats: int) -> dict[str, float]:
    """Smallest CPU seconds of each call, taken in turns."""
    best = dict.fromkeys(calls, float("inf"))
    for _ in range(repeats + 1):
        for name, call in calls.items():
            start = time.process_time()
            call()
            best[name] = min(best[name], time.process_time() - start)
    return best


def qkv(shape: tuple[int, int, int], tokens: int) -> tuple[torch.Tensor, ...]:
    heads, key_heads, dim = shape
    rng = torch.Generator().manual_seed(0)
    return (
        torch.randn(1, heads, tokens, dim, generator=rng),
        torch.randn(1, key_heads, tokens, dim, generator=rng),
        torch.randn(1, key_heads, tokens, dim, generator=rng),
    )


def layer_calls(shape: tuple[int, int, int], tokens: int) -> dict[str, Callable[[], object]]:
    """One layer of prefill: plain, with entropy of every row, of the last row, and by the attention map."""
    from safesight.explain.entropy.kernel import attention_entropy

    q, k, v = qkv(shape, tokens)
    group = shape[0] // shape[1]
    segments = (torch.arange(tokens) * 4) // tokens

    def plain() -> torch.Tensor:
        return torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=group > 1)

    def probe() -> None:
        plain()
        attention_entropy(q, k, causal=True)

    def mass() -> None:
        plain()
        attention_entropy(q, k, causal=True, segments=segments, stats=("mass", "segment_entropy"))

    def last() -> None:
        # Alone: a few hundredths of plain SDPA drown in the noise of a sum.
        attention_entropy(q[:, :, -1:], k, causal=True)

    def eager() -> None:
        wide, deep = k.repeat_interleave(group, 1), v.repeat_interleave(group, 1)
        mask = torch.full((tokens, tokens), torch.finfo(torch.float32).min).triu(1)
        weights = torch.softmax(q @ wide.mT * shape[2] ** -0.5 + mask, -1)
        _ = weights @ deep
        torch.special.entr(weights).sum(-1)

    return {"plain": plain, "probe": probe, "mass": mass, "last": last, "eager": eager}


def layer(repeats: int) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for name, shape in SHAPES.items():
        for tokens in LENGTHS:
            calls = layer_calls(shape, tokens)
            if tokens * tokens * shape[0] * 4 > 4e9:
                # Two float32 maps of this size would not fit beside everything else.
                calls.pop("eager")
            times = interleaved(calls, repeats if tokens <= 2048 else max(1, repeats // 2))
            rows.append(
                {
                    "block": "layer",
                    "shape": name,
                    "tokens": tokens,
                    "plain_ms": 1e3 * times["plain"],
                    **{
                        f"{key}_ratio": value / times["plain"] + (key == "last")
                        for key, value in times.items()
                        if key != "plain"
                    },
                    "peak_mb": {
                        key: child("layer-peak", name, str(tokens), key) for key in ("probe", "eager") if key in calls
                    },
                }
            )
            show(rows[-1])
    return rows


def layer_peak(name: str, tokens: str, which: str) -> dict[str, Any]:
    call = layer_calls(SHAPES[name], int(tokens))
    call["plain"]()
    before = peak_mb()
    call[which]()
    return {"peak_mb": round(peak_mb() - before, 1)}


def qwen(tokens: int, *, attention: str = "sdpa") -> tuple[Any, dict[str, torch.Tensor]]:
    """A random-weight Qwen2.5-VL of about 76 million parameters, and a prompt of `tokens` with two images."""
    import transformers

    config = transformers.Qwen2_5_VLConfig(
        text_config={
            "hidden_size": 512,
            "intermediate_size": 1536,
            "num_hidden_layers": 12,
            "num_attention_heads": 8,
            "num_key_value_heads": 2,
            "vocab_size": 36000,
            "max_position_embeddings": 32768,
            "rope_parameters": {"rope_type": "default", "mrope_section": [8, 12, 12], "rope_theta": 1e6},
            "bos_token_id": 1,
            "eos_token_id": 2,
            "pad_token_id": 0,
        },
        vision_config={
            "depth": 4,
            "hidden_size": 256,
            "intermediate_size": 512,
            "num_heads": 4,
            "patch_size": 14,
            "out_hidden_size": 512,
            "fullatt_block_indexes": [3],
            "window_size": 112,
        },
        image_token_id=100,
        video_token_id=101,
        vision_start_token_id=102,
        vision_end_token_id=103,
        tie_word_embeddings=False,
    )
    torch.manual_seed(0)
    model = transformers.Qwen2_5_VLForConditionalGeneration._from_config(config, attn_implementation=attention).eval()
    side = 2 * int((tokens / 6) ** 0.5)
    per_image = side * side // 4
    image = [102, *[100] * per_image, 103]
    text = list(range(1000, 1000 + tokens - 2 * len(image)))
    ids = torch.tensor([[*image, *image, *text]])
    return model, {
        "input_ids": ids,
        "attention_mask": torch.ones_like(ids),
        "pixel_values": torch.randn(2 * side * side, 3 * 2 * 14 * 14),
        "image_grid_thw": torch.tensor([[1, side, side]] * 2),
        "mm_token_type_ids": (ids == 100).int(),
    }


def generate(model: Any, inputs: dict[str, torch.Tensor], **more: Any) -> Any:
    with torch.inference_mode():
        return model.generate(**inputs, max_new_tokens=32, min_new_tokens=32, do_sample=False, **more)


def end_calls(tokens: int, which: tuple[str, ...]) -> dict[str, Callable[[], object]]:
    from safesight.explain.entropy.probe import AttentionProbe

    model, inputs = qwen(tokens)

    def plain() -> object:
        return generate(model, inputs)

    def probe() -> object:
        with AttentionProbe(model) as listening:
            generate(model, inputs)
        return listening.result

    def mass() -> object:
        with AttentionProbe(model, stats=("mass", "segment_entropy")) as listening:
            generate(model, inputs)
        return listening.result

    def maps() -> object:
        model.set_attn_implementation("eager")
        try:
            out = generate(model, inputs, output_attentions=True, return_dict_in_generate=True)
            return [torch.special.entr(layer[:, :, -1]).sum(-1) for step in out.attentions for layer in step]
        finally:
            model.set_attn_implementation("sdpa")

    every = {"plain": plain, "probe": probe, "mass": mass, "maps": maps}
    return {name: every[name] for name in which}


def end(repeats: int) -> list[dict[str, Any]]:
    """End to end: 2 images, 32 new tokens, entropy of the generated tokens in every layer."""
    rows: list[dict[str, Any]] = []
    for tokens in LENGTHS:
        which = ("plain", "probe", "mass", *(("maps",) if tokens <= 4096 else ()))
        times = interleaved(end_calls(tokens, which), max(1, repeats // (2 if tokens > 2048 else 1)))
        peaks = {name: child("end-peak", str(tokens), name) for name in which}
        rows.append(
            {
                "block": "end",
                "tokens": tokens,
                "plain_s": times["plain"],
                **{f"{key}_ratio": value / times["plain"] for key, value in times.items() if key != "plain"},
                "peak_mb": peaks,
                "memory_ratio": (peaks["probe"] or 0.0) / (peaks["plain"] or 1.0),
            }
        )
        show(rows[-1])
    return rows


def end_peak(tokens: str, which: str) -> dict[str, Any]:
    """Resident high-water mark of a process that loads the model and generates once."""
    end_calls(int(tokens), (which,))[which]()
    return {"peak_mb": round(peak_mb(), 1)}


def gpu(repeats: int) -> list[dict[str, Any]]:
    """A 7B-shaped random-weight language model at 8k tokens in bfloat16, where there is a GPU."""
    if not torch.cuda.is_available():
        return [{"block": "gpu", "skipped": "no CUDA device"}]
    import transformers

    from safesight.explain.entropy.probe import AttentionProbe

    config = transformers.Qwen2Config(
        hidden_size=3584,
        intermediate_size=18944,
        num_hidden_layers=28,
        num_attention_heads=28,
        num_key_value_heads=4,
        vocab_size=152064,
        max_position_embeddings=32768,
    )
    torch.set_default_device("cuda")
    model = transformers.Qwen2ForCausalLM._from_config(config, dtype=torch.bfloat16, attn_implementation="sdpa").eval()
    ids = torch.randint(3, 1000, (1, 8192))

    def timed(call: Callable[[], object]) -> float:
        best = float("inf")
        for _ in range(repeats + 1):
            torch.cuda.synchronize()
            start = time.perf_counter()
            call()
            torch.cuda.synchronize()
            best = min(best, time.perf_counter() - start)
        return best

    def plain() -> None:
        with torch.inference_mode():
            model(input_ids=ids, logits_to_keep=1)

    def probe() -> None:
        with torch.inference_mode(), AttentionProbe(model, rows="all"):
            model(input_ids=ids, logits_to_keep=1)

    found: dict[str, Any] = {"block": "gpu", "device": torch.cuda.get_device_name(), "plain_s": timed(plain)}
    torch.cuda.reset_peak_memory_stats()
    found["probe_ratio"] = timed(probe) / found["plain_s"]
    found["peak_gb"] = torch.cuda.max_memory_allocated() / 2**30
    model.set_attn_implementation("eager")
    try:
        with torch.inference_mode():
            model(input_ids=ids, logits_to_keep=1, output_attentions=True)
        found["maps"] = "fitted"
    except torch.OutOfMemoryError:
        found["maps"] = "out of memory"
    return [found]


def child(*arguments: str) -> float | None:
    """Peak memory of one measurement in a fresh process."""
    found = contestant(sys.executable, "bench.entropy", *arguments)
    return None if found is None else found["peak_mb"]


def show(row: dict[str, Any]) -> None:
    rounded = {key: round(value, 3) if isinstance(value, float) else value for key, value in row.items()}
    print(json.dumps(rounded), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("block", nargs="?", default="all")
    parser.add_argument("rest", nargs="*")
    parser.add_argument("--repeats", type=int, default=4)
    chosen, _ = parser.parse_known_args()
    torch.set_num_threads(1)
    if chosen.block in ("layer-peak", "end-peak"):
        measure = layer_peak if chosen.block == "layer-peak" else end_peak
        print(json.dumps(measure(*chosen.rest)))
        return
    blocks = {"layer": layer, "end": end, "gpu": gpu}
    for name, block in blocks.items():
        # Under `make bench` the argument is the figure's own name: all of it.
        if chosen.block == name or chosen.block not in blocks:
            found = block(chosen.repeats)
            if name == "gpu":
                show(found[0])


if __name__ == "__main__":
    main()
