import os
import pickle
import zipfile

import numpy as np
import pytest

from keras_t2i.checkpoints.torch_file import MAGIC, read_state_dict

EXPECTED = {
    "plain": np.arange(24, dtype=np.float32).reshape(4, 6),
    "view": np.arange(24, dtype=np.float32).reshape(4, 6)[1:3, ::2].T,
    "half": np.array([0.5, -2.0], np.float16),
    "brain": np.array([0.5, -2.0], np.float32),
    "long": np.array(7, np.int64),
    "empty": np.zeros((0, 3), np.float32),
    "parameter": np.ones(2, np.float64),
}


@pytest.mark.parametrize("name", ["zip.pth", "legacy.pth"])
def test_reads_what_torch_wrote_in_either_format(reference_folder, name):
    found = read_state_dict(reference_folder / name)
    assert set(found) == set(EXPECTED)
    for key, expected in EXPECTED.items():
        assert found[key].dtype == expected.dtype, key
        np.testing.assert_array_equal(found[key], expected)


def write_zip(path, content, names=("archive/data.pkl",)):
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, content)


@pytest.mark.parametrize("function", [os.system, eval, pickle.loads])
def test_a_pickle_that_calls_a_function_is_refused_and_not_run(tmp_path, harmful, function):
    mark = tmp_path / "harm"
    call = harmful(function, f"open({str(mark)!r}, 'w')")
    write_zip(tmp_path / "harmful.pth", pickle.dumps({"w": call}))
    legacy = [MAGIC, 1001, {"little_endian": True}, {"w": call}, []]
    (tmp_path / "legacy.pth").write_bytes(b"".join(pickle.dumps(part) for part in legacy))
    for name in ("harmful.pth", "legacy.pth"):
        with pytest.raises(ValueError, match="which is not needed for tensors"):
            read_state_dict(tmp_path / name)
    assert not mark.exists()


def test_no_opcode_reaches_a_function(crafted, tmp_path):
    write_zip(tmp_path / "new.pth", crafted)
    version = pickle.dumps(MAGIC) + pickle.dumps(1001) + pickle.dumps({"little_endian": True})
    for name, content in (("old.pth", crafted), ("later.pth", version + crafted)):
        (tmp_path / name).write_bytes(content)
    for name in ("new.pth", "old.pth", "later.pth"):
        with pytest.raises(ValueError, match=name):
            read_state_dict(name)
    assert not (tmp_path / "harm").exists()


def test_damaged_files_are_errors(tmp_path, reference_folder):
    whole = (reference_folder / "legacy.pth").read_bytes()
    for length in (0, 10, 200, len(whole) - 20):
        (tmp_path / "cut.pth").write_bytes(whole[:length])
        with pytest.raises(ValueError, match="cut.pth"):
            read_state_dict(tmp_path / "cut.pth")


def test_a_tensor_beyond_its_data_is_an_error(tmp_path, reference_folder):
    with zipfile.ZipFile(reference_folder / "zip.pth") as source:
        parts = {name: source.read(name) for name in source.namelist()}
    with zipfile.ZipFile(tmp_path / "short.pth", "w") as target:
        for name, content in parts.items():
            target.writestr(name, content[:4] if name.endswith("data/0") else content)
    with pytest.raises(ValueError, match="reaches beyond its data"):
        read_state_dict(tmp_path / "short.pth")


def rewritten(path, old, new, *, compression=zipfile.ZIP_STORED):
    """The archive with some bytes of its program replaced."""
    with zipfile.ZipFile(path) as source:
        parts = {name: source.read(name) for name in source.namelist()}
    assert old in parts["archive/data.pkl"]
    parts["archive/data.pkl"] = parts["archive/data.pkl"].replace(old, new)
    with zipfile.ZipFile(path, "w", compression) as target:
        for name, content in parts.items():
            target.writestr(name, content)
    return path


def opcodes(value):
    return pickle.dumps(value, 2)[2:-1]


def test_a_tensor_has_no_more_numbers_than_are_stored(tmp_path, write_pth):
    path = write_pth(tmp_path / "small.pth", {"a": np.ones(1)})
    claimed = opcodes((10**6, 10**4)) + opcodes((0, 0))
    rewritten(path, opcodes((1,)) * 2, claimed)
    with pytest.raises(ValueError, match="has 10,000,000,000 numbers where 1 are stored"):
        read_state_dict(path)


def test_an_archive_is_no_larger_than_its_file(tmp_path, write_pth):
    path = write_pth(tmp_path / "zeros.pth", {"a": np.zeros(10**5)})
    rewritten(path, b"}", b"}", compression=zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < 2000
    with pytest.raises(ValueError, match="holds more than its size"):
        read_state_dict(path)


def test_tensors_of_one_storage_share_its_memory(tmp_path, write_pth):
    path = write_pth(tmp_path / "tied.pth", {"a": np.arange(9.0), "b": np.zeros(9)})
    found = read_state_dict(rewritten(path, b"X\x01\x00\x00\x001", b"X\x01\x00\x00\x000"))
    np.testing.assert_array_equal(found["b"], np.arange(9.0))
    assert np.shares_memory(found["a"], found["b"])
    assert not found["a"].flags.writeable


def refuse(path, message):
    with pytest.raises(ValueError, match=message):
        read_state_dict(path)


def test_many_axes_are_refused_before_they_are_copied(tmp_path, write_pth, peak_of):
    # The shape is made once, and each further tensor names it by two bytes.
    arrays = {str(number): np.ones(1) for number in range(300)}
    path = write_pth(tmp_path / "axes.pth", arrays)
    shape = opcodes((1,))
    many = b"(" + opcodes(1) * 20_000 + b"tq\x07"
    rewritten(path, shape + shape, b"h\x07h\x07")
    rewritten(path, b"\x80\x02}(", b"\x80\x02" + many + b"0}(")
    assert path.stat().st_size < 200_000
    assert peak_of(lambda: refuse(path, "too many axes")) < 2**21


def test_large_numbers_of_remembered_objects_take_no_memory(tmp_path, write_pth, peak_of):
    # LONG_BINPUT 2**23: a list of so many would have 128 MB.
    path = write_pth(tmp_path / "large.pth", {"a": np.ones(1)})
    rewritten(path, b"\x80\x02}(", b"\x80\x02}r\x00\x00\x80\x00(")
    assert peak_of(lambda: read_state_dict(path)) < 2**21


def test_a_tensor_has_up_to_eight_axes(tmp_path, write_pth):
    found = read_state_dict(write_pth(tmp_path / "eight.pth", {"a": np.ones((1,) * 8)}))
    assert found["a"].shape == (1,) * 8
    with pytest.raises(ValueError, match="too many axes"):
        read_state_dict(write_pth(tmp_path / "nine.pth", {"a": np.ones((1,) * 9)}))


def test_the_name_of_a_storage_is_not_made_of_other_objects(tmp_path, write_pth, peak_of):
    # A tuple of two, each of which is a tuple of two, and so on: its text would have 2**22 parts.
    doubling = b"(tq\x00" + b"".join(
        b"0h%ch%c\x86q%c" % (number, number, number + 1) for number in range(22)
    )
    path = write_pth(tmp_path / "text.pth", {"a": np.ones(1)})
    rewritten(path, opcodes("0"), doubling)
    assert peak_of(lambda: refuse(path, "no name")) < 2**21


def test_a_tensor_lies_in_a_storage_of_the_file(tmp_path, write_pth):
    path = write_pth(tmp_path / "tuple.pth", {"a": np.ones(1)})
    rewritten(path, b"tQ", b"t")
    with pytest.raises(ValueError, match="lies in no storage"):
        read_state_dict(path)


@pytest.mark.parametrize("name", [7, None, ("a",)])
def test_names_that_are_no_strings_are_an_error(tmp_path, write_pth, name):
    path = write_pth(tmp_path / "names.pth", {"a": np.ones(1), "b": np.ones(1)})
    rewritten(path, opcodes("b"), opcodes(name))
    with pytest.raises(ValueError, match=r"names\.pth \(it holds no tensors by name\)"):
        read_state_dict(path)


@pytest.mark.parametrize("content", [{}, {"note": "text"}, [1, 2], 3])
def test_a_pickle_without_tensors_is_an_error(tmp_path, content):
    write_zip(tmp_path / "other.pth", pickle.dumps(content))
    with pytest.raises(ValueError, match="other.pth"):
        read_state_dict(tmp_path / "other.pth")


def test_other_archives_are_errors(tmp_path):
    write_zip(tmp_path / "other.zip", b"text", names=("readme.txt",))
    with pytest.raises(ValueError, match="no PyTorch state dict"):
        read_state_dict(tmp_path / "other.zip")


def test_a_missing_file_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_state_dict(tmp_path / "none.pth")


def test_files_written_without_pytorch_are_read(tmp_path, write_pth):
    arrays = {"a.weight": np.arange(6.0).reshape(2, 3), "b": np.array(4.0), "c": np.zeros((0, 2))}
    found = read_state_dict(write_pth(tmp_path / "a.pth", arrays))
    assert list(found) == list(arrays)
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array.astype(np.float32))


def test_tensors_of_pytorch_before_0_4_are_read(tmp_path, write_pth):
    path = write_pth(tmp_path / "old.pth", {"a": np.arange(3.0)})
    rewritten(path, b"_rebuild_tensor_v2", b"_rebuild_tensor")
    np.testing.assert_array_equal(read_state_dict(path)["a"], [0.0, 1.0, 2.0])


def test_attributes_of_a_place_cannot_be_changed_by_the_file(tmp_path, write_pth):
    # BUILD, with which a pickle sets attributes: else it could look beside its own data.
    whole = write_pth(tmp_path / "whole.pth", {"a": np.arange(3.0)})
    with zipfile.ZipFile(whole) as source:
        program = source.read("archive/data.pkl")
    crafted = program.removesuffix(b"u.") + b"}X\x06\x00\x00\x00offsetJ\xff\xff\xff\x7fsbu."
    write_zip(tmp_path / "crafted.pth", crafted)
    with pytest.raises(ValueError, match="crafted.pth"):
        read_state_dict(tmp_path / "crafted.pth")
