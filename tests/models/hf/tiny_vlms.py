"""Random-weight vision-language models, built from config and saved to a folder as a hub checkpoint looks.

Each has the real architecture, image processor, special tokens and chat template shape of its family; only the
sizes are tiny. A folder opens with the ordinary loading code (`hf/FOLDER`, `from_pretrained`). Nothing is fetched.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import torch
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

CORPUS = (
    "The quick brown fox jumps over the lazy dog. What do the images show together? "
    "They show a kettle, a garden and a tray of seedlings. 一只猫坐在椅子上。"
)

_CHATML = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{% if message['content'] is string %}{{ message['content'] }}"
    "{% else %}{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}IMAGE{% else %}{{ part['text'] }}{% endif %}"
    "{% endfor %}{% endif %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
_TURNS = (
    "{% for message in messages %}{{ message['role'].upper() }}: "
    "{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}IMAGE{% else %}{{ part['text'] }}{% endif %}"
    "{% endfor %}END{% endfor %}{% if add_generation_prompt %}ASSISTANT:{% endif %}"
)


class Checkpoint(NamedTuple):
    """What a folder is made of: config, chat template, and the preprocessing files."""

    config: Any
    template: str
    image_processor: dict[str, Any]
    processor: dict[str, Any]


def build(family: str, folder: Path, *, seed: int = 0, dtype: torch.dtype = torch.float32) -> Path:
    """Save a random-weight model of `family` with its processor files in `folder`; returns the folder."""
    tokens, make = _FAMILIES[family]
    tokenizer = make_tokenizer(tokens)
    made = make(tokenizer)
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save_pretrained(folder)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = _model_class(made.config)(made.config)
        for parameter in model.parameters():
            # Gemma 3 starts its image projector at zero: nothing seen would reach the text.
            if parameter.ndim >= 2 and not parameter.any():
                torch.nn.init.normal_(parameter, std=0.02)
    model = model.to(dtype)
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    model.save_pretrained(folder)
    (folder / "chat_template.jinja").write_text(made.template, encoding="utf-8")
    if made.image_processor:
        _write(folder / "preprocessor_config.json", {**made.image_processor, **made.processor})
        _write(folder / "processor_config.json", made.processor)
    return folder


def families() -> list[str]:
    """The families of the issue first, then what the probes also cover."""
    return list(_FAMILIES)


def make_tokenizer(named: dict[str, str]) -> Any:
    """A byte-level BPE tokenizer of some 400 tokens: eos, pad, and the family's special tokens by name."""
    special = ["<pad>", "<eos>", "<bos>", "<|im_start|>", "<|im_end|>", *named.values()]
    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=list(dict.fromkeys(special)),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    core.train_from_iterator([CORPUS], trainer)
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=core,
        eos_token="<eos>",
        pad_token="<pad>",
        bos_token="<bos>",
        extra_special_tokens=named,
        model_max_length=8192,
    )


def _model_class(config: Any) -> Any:
    return getattr(transformers, config.architectures[0])


def _write(path: Path, values: dict[str, Any]) -> None:
    path.write_text(json.dumps(values), encoding="utf-8")


def _text(vocab: int, **extra: Any) -> dict[str, Any]:
    sizes = {
        "hidden_size": 64,
        "intermediate_size": 96,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 16,
        "vocab_size": vocab,
        "max_position_embeddings": 8192,
    }
    return sizes | {"pad_token_id": 0, "eos_token_id": 1, "bos_token_id": 2} | extra


def _normalised(kind: str, **extra: Any) -> dict[str, Any]:
    return {
        "image_processor_type": kind,
        "image_mean": [0.5, 0.5, 0.5],
        "image_std": [0.5, 0.5, 0.5],
        "do_convert_rgb": True,
        **extra,
    }


def _llava(tokenizer: Any) -> Checkpoint:
    vision = transformers.CLIPVisionConfig(
        hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=2, image_size=28, patch_size=14
    )
    config = transformers.LlavaConfig(
        vision_config=vision,
        text_config=transformers.LlamaConfig(**_text(len(tokenizer))),
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
        image_seq_length=4,
        vision_feature_layer=-1,
        vision_feature_select_strategy="default",
        architectures=["LlavaForConditionalGeneration"],
    )
    return Checkpoint(
        config,
        _TURNS.replace("IMAGE", "<image>\n").replace("END", " "),
        _normalised("CLIPImageProcessor", size={"shortest_edge": 28}, crop_size={"height": 28, "width": 28}),
        {
            "processor_class": "LlavaProcessor",
            "patch_size": 14,
            "vision_feature_select_strategy": "default",
            "num_additional_image_tokens": 1,
            "image_token": "<image>",
        },
    )


def _qwen_tokens(tokenizer: Any) -> dict[str, int]:
    ids = tokenizer.convert_tokens_to_ids
    return {
        "image_token_id": ids("<|image_pad|>"),
        "video_token_id": ids("<|video_pad|>"),
        "vision_start_token_id": ids("<|vision_start|>"),
        "vision_end_token_id": ids("<|vision_end|>"),
    }


_QWEN_TEMPLATE = _CHATML.replace("IMAGE", "<|vision_start|><|image_pad|><|vision_end|>")


def _qwen2_5_vl(tokenizer: Any) -> Checkpoint:
    config = transformers.Qwen2_5_VLConfig(
        text_config=_text(
            len(tokenizer),
            rope_parameters={"rope_type": "default", "mrope_section": [2, 3, 3], "rope_theta": 1e6},
        ),
        vision_config={
            "depth": 2,
            "hidden_size": 32,
            "intermediate_size": 48,
            "num_heads": 2,
            "patch_size": 14,
            "out_hidden_size": 64,
            "fullatt_block_indexes": [1],
            "window_size": 56,
        },
        architectures=["Qwen2_5_VLForConditionalGeneration"],
        **_qwen_tokens(tokenizer),
    )
    return Checkpoint(
        config,
        _QWEN_TEMPLATE,
        _normalised(
            "Qwen2VLImageProcessor",
            patch_size=14,
            temporal_patch_size=2,
            merge_size=2,
            min_pixels=28 * 28,
            max_pixels=84 * 84,
        ),
        {"processor_class": "Qwen2_5_VLProcessor"},
    )


def _qwen3_vl(tokenizer: Any) -> Checkpoint:
    config = transformers.Qwen3VLConfig(
        text_config=_text(
            len(tokenizer),
            rope_parameters={"rope_type": "default", "mrope_section": [2, 3, 3], "rope_theta": 1e6},
        ),
        vision_config={
            "depth": 2,
            "hidden_size": 32,
            "intermediate_size": 48,
            "num_heads": 2,
            "patch_size": 16,
            "out_hidden_size": 64,
            "num_position_embeddings": 64,
            "deepstack_visual_indexes": [0],
        },
        architectures=["Qwen3VLForConditionalGeneration"],
        **_qwen_tokens(tokenizer),
    )
    return Checkpoint(
        config,
        _QWEN_TEMPLATE,
        _normalised(
            "Qwen2VLImageProcessor",
            patch_size=16,
            temporal_patch_size=2,
            merge_size=2,
            size={"shortest_edge": 32 * 32, "longest_edge": 96 * 96},
        ),
        {"processor_class": "Qwen3VLProcessor"},
    )


def _gemma3(tokenizer: Any) -> Checkpoint:
    ids = tokenizer.convert_tokens_to_ids
    config = transformers.Gemma3Config(
        text_config=_text(
            len(tokenizer),
            num_hidden_layers=4,
            sliding_window=16,
            layer_types=["sliding_attention", "full_attention"] * 2,
            query_pre_attn_scalar=16,
        ),
        vision_config={
            "hidden_size": 32,
            "intermediate_size": 48,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "image_size": 56,
            "patch_size": 14,
        },
        mm_tokens_per_image=4,
        image_token_index=ids("<image_soft_token>"),
        boi_token_index=ids("<start_of_image>"),
        eoi_token_index=ids("<end_of_image>"),
        architectures=["Gemma3ForConditionalGeneration"],
    )
    template = (
        "{{ bos_token }}{% for message in messages %}<start_of_turn>"
        "{{ 'model' if message['role'] == 'assistant' else message['role'] }}\n"
        "{% for part in message['content'] %}"
        "{% if part['type'] == 'image' %}<start_of_image>{% else %}{{ part['text'] }}{% endif %}"
        "{% endfor %}<end_of_turn>\n{% endfor %}{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}"
    )
    return Checkpoint(
        config,
        template,
        _normalised("Gemma3ImageProcessor", size={"height": 56, "width": 56}),
        {"processor_class": "Gemma3Processor", "image_seq_length": 4},
    )


def _smolvlm(tokenizer: Any) -> Checkpoint:
    config = transformers.SmolVLMConfig(
        text_config=transformers.LlamaConfig(**_text(len(tokenizer))),
        vision_config={
            "hidden_size": 32,
            "intermediate_size": 48,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "image_size": 56,
            "patch_size": 14,
        },
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
        scale_factor=2,
        pad_token_id=0,
        architectures=["SmolVLMForConditionalGeneration"],
    )
    return Checkpoint(
        config,
        _TURNS.replace("IMAGE", "<image>").replace("END", "<end_of_utterance>\n"),
        _normalised(
            "SmolVLMImageProcessor",
            size={"longest_edge": 112},
            max_image_size={"longest_edge": 56},
            do_image_splitting=True,
        ),
        {"processor_class": "SmolVLMProcessor", "image_seq_len": 4},
    )


def _internvl(tokenizer: Any) -> Checkpoint:
    config = transformers.InternVLConfig(
        text_config=transformers.Qwen2Config(**_text(len(tokenizer))),
        vision_config={
            "hidden_size": 32,
            "intermediate_size": 48,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "image_size": [56, 56],
            "patch_size": [14, 14],
        },
        image_token_id=tokenizer.convert_tokens_to_ids("<IMG_CONTEXT>"),
        image_seq_length=4,
        downsample_ratio=0.5,
        architectures=["InternVLForConditionalGeneration"],
    )
    return Checkpoint(
        config,
        _CHATML.replace("IMAGE", "<IMG_CONTEXT>\n"),
        _normalised(
            "GotOcr2ImageProcessor",
            size={"height": 56, "width": 56},
            crop_to_patches=True,
            min_patches=1,
            max_patches=3,
        ),
        {"processor_class": "InternVLProcessor", "image_seq_length": 4},
    )


def _text_only(tokenizer: Any) -> Checkpoint:
    config = transformers.LlamaConfig(**_text(len(tokenizer)), architectures=["LlamaForCausalLM"])
    return Checkpoint(config, _CHATML.replace("IMAGE", ""), {}, {})


_QWEN_TOKENS = {
    "vision_start_token": "<|vision_start|>",
    "vision_end_token": "<|vision_end|>",
    "image_token": "<|image_pad|>",
    "video_token": "<|video_pad|>",
}
_FAMILIES: dict[str, tuple[dict[str, str], Callable[[Any], Checkpoint]]] = {
    "llava": ({"image_token": "<image>"}, _llava),
    "qwen2_5_vl": (_QWEN_TOKENS, _qwen2_5_vl),
    "qwen3_vl": (_QWEN_TOKENS, _qwen3_vl),
    "gemma3": (
        {
            "boi_token": "<start_of_image>",
            "eoi_token": "<end_of_image>",
            "image_token": "<image_soft_token>",
            "turn_token": "<start_of_turn>",
            "turn_end_token": "<end_of_turn>",
        },
        _gemma3,
    ),
    "smolvlm": (
        {
            "image_token": "<image>",
            "fake_image_token": "<fake_token_around_image>",
            "global_image_token": "<global-img>",
            "end_of_utterance_token": "<end_of_utterance>",
            "row_1_col_1": "<row_1_col_1>",
        },
        _smolvlm,
    ),
    "internvl": (
        {
            "start_image_token": "<img>",
            "end_image_token": "</img>",
            "context_image_token": "<IMG_CONTEXT>",
            "video_token": "<video>",
        },
        _internvl,
    ),
    "text": ({}, _text_only),
}
VISION = tuple(name for name in _FAMILIES if name != "text")
