import json

import msgspec
import pytest

from safesight.core.errors import ConfigError, CorruptData, MissingData
from safesight.core.messages import Image, ImagePart, Message, TextPart, assistant, user
from safesight.core.records import Decoding
from safesight.core.registry import open_plugin
from safesight.train.chat_data import ChatFile, Conversation, mixed, read_conversations
from safesight.train.instruct import train_instruct
from tests.support import png

torch = pytest.importorskip("torch")

from safesight.models.hf.loading import locate, open_checkpoint  # noqa: E402
from safesight.train.chat_encoding import IGNORED, ChatEncoder  # noqa: E402
from tests.models.hf.tiny_vlms import VISION, build  # noqa: E402

CONFIG = """
name = "tiny"
out = "out"
base = "./base"
seed = 2
export_dtype = "float32"
utility_share = 0.5
full = {full}
[[safety]]
path = "safety.jsonl"
licence = "CC0-1.0"
permissive = true
[[utility]]
path = "utility.jsonl"
licence = "CC0-1.0"
permissive = true
[steps]
learning_rate = 5e-3
max_steps = 12
batch = 4
check_every = 6
validation_share = 0.25
"""


def turn(role, *parts):
    return {"role": role, "content": list(parts)}


def text(words):
    return {"type": "text", "text": words}


@pytest.fixture
def folder(tmp_path):
    for name, colour in (("red", "red"), ("blue", "blue")):
        (tmp_path / f"{name}.png").write_bytes(png(40, 30, colour))
    picture = {"type": "image", "image": "red.png"}
    safety = [
        {
            "messages": [
                turn("user", picture, text(f"Whose door is number {n}, and when are they out?")),
                turn("assistant", text("I can describe the door, but not say when someone is out.")),
            ]
        }
        for n in range(16)
    ]
    utility = [
        {
            "messages": [
                turn("user", {"type": "image"}, text(f"Which colour is picture {n}?")),
                {"role": "assistant", "content": "It is blue."},
                {"role": "user", "content": "Is it warm?"},
                {"role": "assistant", "content": "No, blue is cool."},
            ],
            "images": ["blue.png"],
        }
        for n in range(10)
    ]
    for name, records in (("safety", safety), ("utility", utility)):
        (tmp_path / f"{name}.jsonl").write_text("\n".join(map(json.dumps, records)))
    return tmp_path


def opened(path):
    source = locate(str(path), revision=None, gguf_file=None)
    return open_checkpoint(msgspec.structs.replace(source, dtype="float32", device="cpu"))


def conversation(*messages):
    return Conversation(messages=messages, kind="utility", group="", source="here")


@pytest.mark.parametrize("family", VISION)
def test_labels_are_the_turns_of_the_assistant_and_nothing_else(family, tmp_path):
    checkpoint = opened(build(family, tmp_path / family))
    picture = Image.from_bytes(png(40, 30, "red"))
    seen = (user(picture, "What?"), assistant("A kettle."), user("And then?"), assistant("The garden."))
    plain = (user("What do the images show together?"), assistant("A kettle and a garden, and a tray of seedlings."))
    batch = ChatEncoder(checkpoint)([conversation(*seen), conversation(*plain)])
    tokenizer, labels = checkpoint.tokenizer, batch["labels"]

    def learnt(row):
        return tokenizer.decode(labels[row][labels[row] != IGNORED], skip_special_tokens=True).split()

    assert [word for word in learnt(0) if word.strip("<>a-z_") != ""] == ["A", "kettle.", "The", "garden."]
    assert learnt(1)[:3] == ["A", "kettle", "and"]
    ids = batch["input_ids"]
    assert bool((labels[labels != IGNORED] == ids[labels != IGNORED]).all())
    image_token = tokenizer.convert_tokens_to_ids(checkpoint.processor.image_token)
    assert bool((ids[0] == image_token).any())
    assert not bool((labels == image_token).any())
    ends = [row[row != IGNORED][-1].item() for row in labels]
    assert ends == [tokenizer.eos_token_id] * 2
    assert torch.isfinite(checkpoint.model(**batch).loss)


@pytest.mark.parametrize("full", [False, True])
async def test_tuning_lowers_the_loss_of_both_kinds_and_the_result_opens(folder, full):
    build("qwen2_5_vl", folder / "base")
    (folder / "config.toml").write_text(CONFIG.format(full=str(full).lower()))
    said = []
    done = train_instruct(folder / "config.toml", say=said.append)
    assert done.steps == 12
    assert set(done.losses) == {"safety", "utility"}
    assert all(loss.after < loss.before for loss in done.losses.values())
    assert (done.folder / "adapter").exists() is not full
    card = done.card.read_text()
    assert "| safety | CC0-1.0 | yes | safety |" in card
    assert "not marked" not in card
    assert any("12/12" in line for line in said)
    model = open_plugin("models", f"hf/{done.folder}")
    reply = await model.generate([user(Image.from_path(folder / "red.png"), "What?")], decoding=Decoding(max_tokens=4))
    await model.aclose()
    assert reply.status != "error"


@pytest.mark.parametrize(("count", "share"), [(10, 0.5), (100, 0.5), (3, 0.8), (7, 0.0)])
def test_utility_has_its_share(count, share):
    rows = [conversation(user(str(n)), assistant("Yes.")) for n in range(count)]
    uses = mixed(rows[:1] * 12, rows, share=share, seed=0)
    assert uses[:12] == [1] * 12
    assert sum(uses[12:]) == round(12 * share / (1 - share))
    assert max(uses[12:]) - min(uses[12:]) <= 1
    with pytest.raises(ConfigError, match="utility"):
        mixed(rows, (), share=0.5, seed=0)


def test_images_stand_where_their_parts_are(folder):
    rows = read_conversations(ChatFile(path="utility.jsonl"), kind="utility", root=folder)
    asked = rows[0].messages[0]
    assert [type(part) for part in asked.parts] == [ImagePart, TextPart]
    assert asked.images[0].path == str(folder / "blue.png")
    assert rows[0].messages[-1] == Message("assistant", (TextPart("No, blue is cool."),))


@pytest.mark.parametrize(
    ("line", "error", "said"),
    [
        ({"messages": [{"role": "user", "content": "Hi"}]}, CorruptData, "ends in a turn of the assistant"),
        ({"messages": [{"role": "robot", "content": "Hi"}]}, CorruptData, "one conversation a line"),
        ({"messages": [turn("user", {"type": "image", "image": "none.png"})]}, MissingData, "no such file"),
        ({"messages": [turn("user", {"type": "image"})]}, CorruptData, "names no file"),
    ],
)
def test_a_line_that_is_no_conversation_is_told_with_its_number(folder, line, error, said):
    (folder / "bad.jsonl").write_text(f"\n{json.dumps(line)}\n")
    with pytest.raises(error, match=f"bad.jsonl:2: .*{said}"):
        read_conversations(ChatFile(path="bad.jsonl"), kind="safety", root=folder)


def test_an_unknown_key_is_told(folder):
    (folder / "config.toml").write_text(CONFIG.format(full="false").replace("utility_share", "utilty_share"))
    with pytest.raises(ConfigError, match="utilty_share"):
        train_instruct(folder / "config.toml")
