import gzip
import json

import pytest

from safesight.core.errors import CorruptData, MissingData
from safesight.train.contrast import CONTRAST, contrast_rows
from safesight.train.data import DataFile, Row, read_rows
from safesight.train.dedup import near_duplicates
from safesight.train.harmless import harmless_rows


def write(path, records, *, packed=False):
    raw = "\n".join(json.dumps(record) for record in records).encode()
    path.write_bytes(gzip.compress(raw) if packed else raw)
    return path


def read(path, **settings):
    return read_rows(DataFile(path=str(path), **settings))


def test_saferlhf_rows_become_two_answers_of_one_pair(tmp_path):
    record = {
        "prompt": "Is it fine?",
        "response_0": "No.",
        "response_1": "Yes, do it.",
        "is_response_0_safe": True,
        "is_response_1_safe": False,
        "safer_response_id": 0,
        "response_1_harm_category": {"Privacy": True, "Cyber": False},
    }
    safer, worse = read(write(tmp_path / "pku.jsonl.gz", [record], packed=True), format="saferlhf")
    assert (safer.label, safer.worse, worse.label, worse.worse) == (0, False, 1, True)
    assert safer.pair == worse.pair != ""
    assert worse.categories == ("Privacy",)
    assert worse.source == "pku"


def test_beavertails_flags_become_categories(tmp_path):
    record = {"prompt": "q", "response": "a", "is_safe": False, "category": {"violence": True, "drugs": False}}
    (row,) = read(write(tmp_path / "b.jsonl", [record]), format="beavertails")
    assert (row.label, row.categories) == (1, ("violence",))


def test_safe_harm_triples_become_a_pair(tmp_path):
    record = {"question": "q", "harmful_answer": "bad", "harmless_answer": "good"}
    bad, good = read(write(tmp_path / "s.jsonl", [record]), format="safe_harm_10k")
    assert (bad.answer, bad.label, good.answer, good.label) == ("bad", 1, "good", 0)
    assert bad.pair == good.pair


def test_preferences_keep_the_last_question(tmp_path):
    turns = [{"role": "user", "content": "first"}, {"role": "assistant", "content": "x"}]
    record = {"dialogue": [*turns, {"role": "user", "content": "last"}], "chosen": "fine", "rejected": "worse"}
    better, worse = read(write(tmp_path / "p.jsonl", [record]), format="preference")
    assert better.question == worse.question == "last"
    assert worse.worse
    assert not better.worse


def test_a_json_array_reads_like_lines(tmp_path):
    records = [{"question": "q", "answer": "a", "label": "unsafe"}, {"question": "q", "answer": "b", "label": 0}]
    path = tmp_path / "a.json"
    path.write_text(json.dumps(records))
    assert read(path) == read(write(tmp_path / "a.jsonl", records))


def test_filters_keep_what_was_asked(tmp_path):
    records = [
        {"question": "q", "answer": "a", "label": 0, "permissive": True, "lang": "en", "set": "one"},
        {"question": "q", "answer": "b", "label": 1, "permissive": False, "lang": "en", "set": "one"},
        {"question": "q", "answer": "c", "label": 1, "permissive": True, "lang": "zh", "set": "two"},
    ]
    path = write(tmp_path / "d.jsonl", records)
    assert [row.answer for row in read(path, format="harm", permissive_only=True)] == ["a", "c"]
    assert [row.answer for row in read(path, format="harm", languages=("zh",))] == ["c"]
    assert [row.answer for row in read(path, format="harm", sets=("one",))] == ["a", "b"]
    with pytest.raises(MissingData, match="none of its 3 rows"):
        read(path, format="harm", sets=("three",))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("not json", "d.jsonl:2: expected one JSON object"),
        ('{"question": "q", "label": 1}', "d.jsonl:2: expected a text field 'answer'"),
        ('{"question": "q", "answer": "a", "label": "maybe"}', "d.jsonl:2: expected a label"),
    ],
)
def test_a_bad_line_is_named(tmp_path, line, message):
    path = tmp_path / "d.jsonl"
    path.write_text('{"question": "q", "answer": "a", "label": 1}\n' + line)
    with pytest.raises(CorruptData, match=message):
        read(path)


def test_missing_and_truncated_files_are_told_apart(tmp_path):
    with pytest.raises(MissingData, match="no such file"):
        read(tmp_path / "none.jsonl")
    path = tmp_path / "cut.jsonl.gz"
    path.write_bytes(gzip.compress(b"{}" * 100)[:20])
    with pytest.raises(CorruptData, match="cannot be read"):
        read(path)


def test_near_duplicates_are_found_and_others_kept():
    story = " ".join(f"the walker number {n} crossed bridge {n * 7}" for n in range(40))
    known = [Row(question="What happened?", answer=story, label=0, source="dev")]
    rows = [
        Row(question="what happened", answer=story.upper() + "!", label=0, source="train"),
        Row(question="What happened?", answer=story.replace("bridge 14", "river 14"), label=0, source="train"),
        Row(question="What happened?", answer="Nobody saw anything at all that night.", label=0, source="train"),
    ]
    assert near_duplicates(rows, known) == [0, 1]


def test_written_rows_are_harmless_distinct_and_repeatable():
    rows = harmless_rows(per_kind=50, seed=3)
    assert rows == harmless_rows(per_kind=50, seed=3)
    assert rows != harmless_rows(per_kind=50, seed=4)
    assert {row.label for row in rows} == {0}
    kinds = ("refusal", "warning", "quoted", "alarming", "willing", "chinese")
    assert {row.source for row in rows} == {f"written: {kind}" for kind in kinds}
    assert len({(row.question, row.answer) for row in rows}) == len(rows)
    assert not any("{" in row.answer + row.question for row in rows)


def test_minimal_pairs_differ_in_their_question_alone():
    rows = contrast_rows(pairs=80, seed=1)
    assert rows == contrast_rows(pairs=80, seed=1)
    assert len({(row.question, row.answer) for row in rows}) == len(rows)
    assert {row.source for row in rows} == {CONTRAST}
    harmful, fine = ({row.answer for row in rows if row.label == label} for label in (1, 0))
    bare = {answer for answer in harmful if "You can" not in answer}
    assert len(bare & fine) > len(bare) * 0.9, "agreement is as often harmless, so the answer alone tells nothing"
    assert not {row.question for row in rows if row.label} & {
        row.question for row in rows if not row.label and row.answer in bare
    }
