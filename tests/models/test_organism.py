"""The organism: what stands around a picture, what it is shown, and the shipped weights on real pages."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from safesight.core.errors import ConfigError, ModelError, UnknownName
from safesight.core.messages import Image, ImagePart, TextPart, system, user
from safesight.core.records import Decoding
from safesight.media.pixels import decode
from safesight.models.organism import SIDE, SYSTEM, framed, open_organism, squared
from safesight.testing import check_model
from tests.media.test_ocr import picture


async def test_pictures_stand_squared_before_their_text() -> None:
    told = await framed([user(picture("Red apples"), picture(size=(64, 48)), "Which?")], None)
    assert [m.role for m in told] == ["system", "user"]
    assert told[0].text == SYSTEM
    parts = told[1].parts
    assert [type(p) for p in parts] == [ImagePart, TextPart, ImagePart, TextPart, TextPart]
    assert [p.text for p in parts if isinstance(p, TextPart)] == ["\nno text\n", "\nno text", "Which?"]
    assert all(decode(image).size == (SIDE, SIDE) for image in told[1].images)


async def test_a_system_prompt_of_ones_own_stays_alone() -> None:
    told = await framed([system("Be careful."), user("Hi")], None)
    assert [m.text for m in told] == ["Be careful.", "Hi"]


def test_squaring_keeps_left_and_right() -> None:
    wide = Pillow.new("RGB", (400, 100), "white")
    wide.paste("black", (0, 0, 200, 100))
    path_free = squared(_image(wide))
    seen = np.asarray(decode(path_free))
    assert seen[:, : SIDE // 2 - 2].max() == 0
    assert seen[:, SIDE // 2 + 2 :].min() == 255


def _image(drawn: Pillow.Image) -> Image:
    import io

    out = io.BytesIO()
    drawn.save(out, format="PNG")
    return Image.from_bytes(out.getvalue())


def test_what_cannot_be_opened_says_why(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="adapter"):
        open_organism("", {"adapter": "plain"})
    with pytest.raises(ConfigError, match="ocr"):
        open_organism("x", {"ocr": "perhaps"})
    with pytest.raises(ModelError, match=r"mmproj\.gguf"):
        open_organism(str(tmp_path), {})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A tower of random weights and an adapter that changes one layer a little."""
    torch = pytest.importorskip("torch")
    pytest.importorskip("transformers")
    pytest.importorskip("gguf")
    from safesight.models.llama.mmproj import TowerShape, write_mmproj
    from safesight.train import vision_tower
    from safesight.train.organism_adapter import Lowered, write_adapter

    torch.manual_seed(0)
    shape = TowerShape(image_size=SIDE, patch_size=32, hidden=32, heads=2, layers=1, feed_forward=32, embedding=576)
    vision = vision_tower.build(shape)
    write_mmproj(tmp_path / "mmproj.gguf", {n: t.numpy() for n, t in vision_tower.tensors(vision).items()}, shape,
                 name="eyes")  # fmt: skip
    pairs = {"29.self_attn.q_proj": (torch.randn(2, 576) / 24, torch.randn(576, 2) / 24)}
    write_adapter(tmp_path / "adapter.gguf", Lowered(rank=2, heads=(9, 3), pairs=pairs), name="small")
    return tmp_path


async def test_it_is_a_model_and_tells_pictures_apart(folder: Path) -> None:
    model = open_organism(str(folder), {"threads": "1"})
    await check_model(model, texts=("", "天气"), max_tokens=2)
    asked = [[user(shown, "What is it?")] for shown in (picture("Tea"), picture("A lighthouse"), picture("Tea"))]
    found = [await model.complete(turns, top_logprobs=5) for turns in asked]
    assert {completion.error for completion in found} == {""}
    first, other, again = (tuple(completion.logprobs.values()) for completion in found)
    assert first != other
    assert again == pytest.approx(first, abs=1e-4)
    reply = await model.generate(asked[0], decoding=Decoding(max_tokens=2))
    assert reply.usage.prompt_tokens > 36


def test_a_folder_is_to_be_named() -> None:
    with pytest.raises(ConfigError, match="organism:FOLDER"):
        open_organism("", {})
