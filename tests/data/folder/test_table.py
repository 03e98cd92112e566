import json

import pytest

from keras_t2i.data.folder.table import read_table
from keras_t2i.data.report import Report


def read(tmp_path, name, data):
    path = tmp_path / name
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    report = Report()
    return read_table(path, report), report


def test_json_lines_give_captions_class_split_and_box(tmp_path):
    row = {"file": "a/b.jpg", "captions": ["one", "two"], "class": 3, "split": "Validation"}
    entries, report = read(tmp_path, "c.jsonl", json.dumps(row | {"bbox": [1, 2, 3, 4.5]}))
    entry = entries["a/b.jpg"]
    assert entry.captions == ["one", "two"]
    assert (entry.class_name, entry.split, entry.bbox) == ("3", "val", (1, 2, 3, 4.5))
    assert report.ok


@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_csv_may_be_divided_by_commas_semicolons_and_tabs(tmp_path, mark):
    rows = [["file", "caption", "class"], ["a.jpg", '"a cat, a dog; a bird"', "animals"]]
    entries, report = read(tmp_path, "c.csv", "\n".join(mark.join(row) for row in rows))
    assert entries["a.jpg"].captions == ["a cat, a dog; a bird"]
    assert entries["a.jpg"].class_name == "animals"
    assert report.ok


def test_rows_of_the_same_picture_are_put_together_without_repetition(tmp_path):
    entries, _ = read(tmp_path, "c.csv", "file,caption\na.jpg,one\nb.jpg,x\na.jpg,two\na.jpg,one\n")
    assert entries["a.jpg"].captions == ["one", "two"]


def test_cells_may_hold_lists_boxes_and_brackets(tmp_path):
    text = (
        'file,captions,bbox\na.jpg,"[""one"", ""two""]","[1, 2, 3, 4]"\nb.jpg,[sic] a cat,1 2 3 4\n'
    )
    entries, report = read(tmp_path, "c.csv", text)
    assert entries["a.jpg"].captions == ["one", "two"]
    assert entries["b.jpg"].captions == ["[sic] a cat"]
    assert entries["a.jpg"].bbox == entries["b.jpg"].bbox == (1, 2, 3, 4)
    assert report.ok


def test_other_usual_column_names_are_understood(tmp_path):
    entries, _ = read(tmp_path, "c.csv", "\ufeffFile_Name,Text\na.jpg,a cat\n")
    assert entries["a.jpg"].captions == ["a cat"]
    entries, _ = read(tmp_path, "c.jsonl", '{"image": "a.jpg", "caption": "a cat"}')
    assert entries["a.jpg"].captions == ["a cat"]


def test_names_are_compared_in_nfc_with_slashes(tmp_path):
    decomposed = "e\u0301"
    entries, _ = read(
        tmp_path, "c.jsonl", json.dumps({"file": f".\\x\\{decomposed}.jpg", "text": "e"})
    )
    assert list(entries) == ["x/é.jpg"]


def test_rows_that_are_not_utf8_spoil_no_other(tmp_path):
    rows = b"file,caption\na.jpg,caf\xe9\nb.jpg,tea\n"
    entries, report = read(tmp_path, "c.csv", rows)
    assert list(entries) == ["b.jpg"]
    assert report.undecodable_captions == ["c.csv, line 2"]
    lines = b'{"file": "a.jpg", "text": "caf\xe9"}\n{"file": "b.jpg", "text": "tea"}\n'
    entries, report = read(tmp_path, "c.jsonl", lines)
    assert list(entries) == ["b.jpg"]
    assert report.undecodable_captions == ["c.jsonl, line 1"]


def test_an_emoji_and_chinese_are_good_captions(tmp_path):
    entries, report = read(tmp_path, "c.csv", "file,caption\na.jpg,😀 猫\n")
    assert entries["a.jpg"].captions == ["😀 猫"]
    assert report.ok


def test_empty_captions_are_named(tmp_path):
    entries, report = read(
        tmp_path,
        "c.jsonl",
        '{"file": "a.jpg", "captions": []}\n{"file": "b.jpg", "captions": ["", "x"]}',
    )
    assert entries["a.jpg"].captions == []
    assert entries["b.jpg"].captions == ["x"]
    assert report.empty_captions == ["c.jsonl, line 1: a.jpg", "c.jsonl, line 2: b.jpg"]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("{", "no JSON"),
        ("[1]", "must be an object"),
        ('{"caption": "x"}', "`file` is missing"),
        ('{"file": 7, "caption": "x"}', "`file` is missing"),
        ('{"file": "a.jpg", "caption": {"en": "x"}}', "`captions` must be a text"),
        ('{"file": "a.jpg", "caption": "x", "bbox": [1, 2]}', "`bbox` must be"),
        ('{"file": "a.jpg", "caption": "x", "bbox": [1, 2, 3, NaN]}', "`bbox` must be"),
    ],
)
def test_rows_that_cannot_be_understood_are_named_with_the_reason(tmp_path, line, why):
    good = '{"file": "good.jpg", "caption": "y"}'
    entries, report = read(tmp_path, "c.jsonl", f"{line}\n{good}\n")
    assert list(entries) == ["good.jpg"]
    assert len(report.unusable_rows) == 1
    assert report.unusable_rows[0].startswith("c.jsonl, line 1: ")
    assert why in report.unusable_rows[0]


def test_a_csv_without_the_needed_columns_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"must name the columns.*columns=\['name', 'words'\]"):
        read(tmp_path, "c.csv", "name,words\na.jpg,x\n")
    with pytest.raises(ValueError, match="must name the columns"):
        read(tmp_path, "empty.csv", "")


def test_a_lone_surrogate_in_json_is_no_text(tmp_path):
    entries, report = read(tmp_path, "c.jsonl", '{"file": "a.jpg", "text": "\\ud800"}\n')
    assert not entries
    assert report.undecodable_captions == ["c.jsonl, line 1"]


def test_a_quotation_mark_that_never_closes_is_pointed_at(tmp_path):
    with pytest.raises(ValueError, match="quotation mark that is not closed"):
        read(tmp_path, "c.csv", 'file,caption\na.jpg,"x' + "y" * 200_000)
