"""The organism in Transformers: the same GGUF files, read into torch, as a second engine beside llama.cpp.

Invariant: prompt, pictures and weights are those of `models.organism`; nothing is trained or rounded anew. llama.cpp
multiplies SmolLM2's four-bit weights by eight-bit activations and torch by full ones, so log-probabilities differ by
some hundredths; answers seldom do (docs/organism.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from safesight.core.messages import ImagePart, Message
from safesight.media.ocr import OcrReader
from safesight.media.pixels import decode
from safesight.models.llama.mmproj import TowerShape, mmproj_names
from safesight.models.organism import ADAPTER, MMPROJ, framed
from safesight.train import vision_tower
from safesight.train.organism import language
from safesight.train.organism_adapter import ALPHA, PLACES


class OrganismTwin:
    """SmolLM2, tower and adapter in torch, float32.

    Args:
        folder: what `organism:FOLDER` loads.

    Raises:
        MissingExtra: torch, transformers or gguf is not installed.
        OSError: a file is missing.
    """

    def __init__(self, folder: Path) -> None:
        self._model, self._tokenizer = language(half=False)
        read_adapter(folder / ADAPTER, self._model)
        self._vision, self._shape = read_tower(folder / MMPROJ)

    async def first(self, messages: Sequence[Message], reader: OcrReader | None) -> dict[str, float]:
        """Log-probability of every token as the answer's first, by its text."""
        import torch

        embedded = self.embedded(await framed(messages, reader))
        with torch.no_grad():
            scores = self._model(inputs_embeds=embedded).logits[0, -1].log_softmax(-1)
        return {self._tokenizer.decode([i]): float(x) for i, x in enumerate(scores.tolist())}

    def embedded(self, messages: Sequence[Message]) -> Any:
        """Framed messages through the chat template as embeddings, (1, tokens, hidden); pictures by the tower."""
        import torch

        pieces: list[Any] = []
        table = self._model.get_input_embeddings()
        for text, picture in _template(messages):
            if picture is None:
                ids = self._tokenizer(text, add_special_tokens=False, return_tensors="pt")["input_ids"]
                pieces.append(table(ids))
            else:
                pixels = vision_tower.normalised(np.asarray(decode(picture.image))[None], self._shape)
                with torch.no_grad():
                    pieces.append(self._vision(torch.from_numpy(pixels)))
        return torch.cat(pieces, dim=1)


def _template(messages: Sequence[Message]) -> list[tuple[str, ImagePart | None]]:
    """SmolLM2's chat template as runs of text and pictures; two texts are joined by a line break, as llama.cpp does."""
    runs: list[tuple[str, ImagePart | None]] = []
    text = ""
    for message in messages:
        text += f"<|im_start|>{message.role}\n"
        after_text = False
        for part in message.parts:
            if isinstance(part, ImagePart):
                runs += [(text, None), ("", part)]
                text, after_text = "", False
            else:
                text += ("\n" if after_text else "") + part.text
                after_text = True
        text += "<|im_end|>\n"
    return [*runs, (f"{text}<|im_start|>assistant\n", None)]


def read_tower(path: Path) -> tuple[Any, TowerShape]:
    """Tower and projector of an mmproj GGUF in torch, and their sizes.

    Raises:
        MissingExtra: torch, transformers or gguf is not installed.
        OSError: the file is missing.
    """
    import torch
    from gguf import GGUFReader

    reader: Any = GGUFReader(str(path))

    def number(key: str) -> Any:
        return reader.fields[f"clip.vision.{key}"].parts[-1][0]

    def numbers(key: str) -> tuple[float, ...]:
        field = reader.fields[f"clip.vision.{key}"]
        return tuple(float(field.parts[i][0]) for i in field.data)

    shape = TowerShape(
        image_size=int(number("image_size")),
        patch_size=int(number("patch_size")),
        hidden=int(number("embedding_length")),
        heads=int(number("attention.head_count")),
        layers=int(number("block_count")),
        feed_forward=int(number("feed_forward_length")),
        embedding=int(number("projection_dim")),
        norm_epsilon=float(number("attention.layer_norm_epsilon")),
        mean=numbers("image_mean"),  # pyright: ignore[reportArgumentType]
        std=numbers("image_std"),  # pyright: ignore[reportArgumentType]
    )
    vision = vision_tower.build(shape)
    names = mmproj_names(shape.layers)
    held = {names[t.name]: torch.from_numpy(np.array(t.data, dtype=np.float32)) for t in reader.tensors}
    inner = any(name.startswith("tower.vision_model.") for name in vision.state_dict())
    named = {n.replace("tower.", "tower.vision_model.") if inner else n: t for n, t in held.items()}
    vision.load_state_dict(named, strict=False)
    return vision.eval(), shape


def read_adapter(path: Path, model: Any) -> None:
    """Add the adapter of a GGUF that `write_adapter` wrote to a Llama's weights.

    Raises:
        OSError: the file is missing.
    """
    import torch
    from gguf import GGUFReader

    reader: Any = GGUFReader(str(path))
    held = {t.name: torch.from_numpy(np.array(t.data, dtype=np.float32)) for t in reader.tensors}
    heads = {"attn_q": model.config.num_attention_heads, "attn_k": model.config.num_key_value_heads}
    places = {short: long for long, short in PLACES.items()}
    for name, down in held.items():
        if not name.endswith(".lora_a"):
            continue
        _, layer, part, _, _ = name.split(".")
        up = held[name.removesuffix("a") + "b"]
        if part in heads:
            rows, rank = up.shape
            up = up.reshape(heads[part], rows // heads[part] // 2, 2, rank).swapaxes(1, 2).reshape(rows, rank)
        weight = model.model.layers[int(layer)].get_submodule(places[part]).weight
        weight.data += (ALPHA * (up @ down)).to(weight.dtype)
