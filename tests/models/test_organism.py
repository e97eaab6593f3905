"""How the organism is asked: what stands around a picture, and what it is shown."""

from __future__ import annotations

import numpy as np
from PIL import Image as Pillow

from safesight.core.messages import Image, ImagePart, TextPart, system, user
from safesight.media.pixels import decode
from safesight.models.organism import SIDE, SYSTEM, framed, squared
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
