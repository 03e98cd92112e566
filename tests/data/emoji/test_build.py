import io
import json
import tarfile

import numpy as np
import pytest
from PIL import Image

from keras_t2i.data.emoji.archive import LINES, PLAIN_SHEET, TONED_SHEET, cut_sheet
from keras_t2i.data.emoji.build import build

COLOURS = {"red": None, "dark red": 5, "blue": None, "azure": None}


def line(name, tone):
    base = "RED" if "red" in name else name.upper()
    return {
        "id": name,
        "file": f"{name}.png",
        "name": name,
        "tags": ["colour"],
        "group": "symbols",
        "subgroup": "colours",
        "base": base,
        "skin_tone": tone,
        "native_size": [256, 256],
    }


@pytest.fixture
def pack(tmp_path):
    lines = [line(name, tone) for name, tone in COLOURS.items()]
    (tmp_path / "captions.jsonl").write_text("\n".join(map(json.dumps, lines)))
    painted = {"red": "red", "dark red": "maroon", "blue": "blue", "azure": "blue"}
    with tarfile.open(tmp_path / "images.tar", "w") as archive:
        for name, colour in painted.items():
            data = io.BytesIO()
            Image.new("RGB", (128, 128), colour).save(data, "PNG")
            info = tarfile.TarInfo(f"{name}.png")
            info.size = len(data.getvalue())
            archive.addfile(info, io.BytesIO(data.getvalue()))
    return tmp_path


def test_a_pack_becomes_sheets_and_lines(pack, tmp_path):
    folder = tmp_path / "built"
    folder.mkdir()
    build(pack, folder)
    lines = [json.loads(text) for text in (folder / LINES).read_text().splitlines()]
    assert [line["name"] for line in lines] == ["red", "blue", "azure", "dark red"]
    assert [line["content"] for line in lines] == ["red", "blue", "blue", "red"]
    plain = cut_sheet(np.asarray(Image.open(folder / PLAIN_SHEET)))
    toned = cut_sheet(np.asarray(Image.open(folder / TONED_SHEET)))
    expected = [(255, 0, 0), (0, 0, 255), (0, 0, 255), (255, 255, 255)]
    np.testing.assert_allclose(plain[:4].mean((1, 2)), expected, atol=4)
    np.testing.assert_allclose(toned[0].mean((0, 1)), (128, 0, 0), atol=4)
