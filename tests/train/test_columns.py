"""Columns of other names, as published sets have them: what each label means is known beforehand."""

import json

import pytest

from safesight.core.errors import ConfigError, CorruptData
from safesight.train.columns import Columns, read_columns
from safesight.train.data import DataFile, read_rows

# Layouts of published sets: BeaverTails has is_safe, WildGuardMix harmful words, ToxicChat a 0/1 named toxicity.
LAYOUTS = [
    ({"prompt": "q", "response": "a", "is_safe": True}, {"label": "is_safe"}, 0),
    ({"prompt": "q", "response": "a", "is_safe": False}, {"label": "is_safe"}, 1),
    ({"prompt": "q", "response": "a", "is_safe": 0}, {"label": "is_safe"}, 1),
    ({"prompt": "q", "response": "a", "harm_label": "unharmful"}, {"label": "harm_label", "unsafe": ("harmful",)}, 0),
    ({"prompt": "q", "response": "a", "harm_label": "harmful"}, {"label": "harm_label"}, 1),
    ({"said": "q", "output": "a", "toxicity": 1}, {"question": "said", "answer": "output", "label": "toxicity"}, 1),
    ({"question": "q", "answer": "a", "label": "Unsafe"}, {}, 1),
    ({"question": "q", "answer": "a", "label": "S1"}, {"unsafe": ("S1", "S2")}, 1),
    ({"question": "q", "answer": "a", "label": "none"}, {"unsafe": ("S1", "S2")}, 0),
    ({"question": "q", "answer": "a", "label": 3}, {"unsafe": (3, 4)}, 1),
]  # fmt: skip


@pytest.mark.parametrize(("record", "columns", "label"), LAYOUTS)
def test_layouts_of_published_sets(tmp_path, record, columns, label):
    path = tmp_path / "d.jsonl"
    path.write_text(json.dumps(record))
    (row,) = read_rows(DataFile(path=str(path), columns=Columns(**columns)))
    assert (row.question, row.answer, row.label) == ("q", "a", label)


@pytest.mark.parametrize(
    ("record", "columns", "says"),
    [
        ({"prompt": "q", "response": "a", "is_safe": True}, {}, 'columns = { label = "is_safe" }'),
        ({"instruction": "q", "output": "a", "label": 1}, {}, 'question = "instruction", answer = "output"'),
        ({"question": "q", "answer": "a", "label": "S1"}, {}, 'columns = { unsafe = ["..."] }'),
        ({"question": "q", "answer": "a", "label": 1}, {"label": "verdict"}, "expected a column 'verdict'"),
        ({"question": "q", "answer": "a", "is_safe": "perhaps"}, {"label": "is_safe"}, "got 'perhaps'"),
        ({"question": "q", "answer": "a", "label": None}, {"unsafe": ("x",)}, "expected a label, got none"),
    ],
)
def test_what_cannot_be_read_says_how_it_could(tmp_path, record, columns, says):
    path = tmp_path / "d.jsonl"
    path.write_text(json.dumps(record))
    with pytest.raises(CorruptData) as caught:
        read_rows(DataFile(path=str(path), columns=Columns(**columns)))
    assert says in str(caught.value)


def test_a_command_line_names_columns():
    assert read_columns(["answer=out", "label=is_safe"], ["x"]) == Columns(answer="out", label="is_safe", unsafe=("x",))
    for text in ("answer", "answer=", "reply=x"):
        with pytest.raises(ConfigError, match="--column: expected question=NAME"):
            read_columns([text])
