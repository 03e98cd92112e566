import io
import stat
import tarfile
import zipfile

import pytest

from keras_t2i.data import archive
from keras_t2i.data.archive import is_archive, unpack

FILES = {"cats/tom (1).jpg": b"picture", "cats/tom (1).txt": b"a cat", "é.txt": b"x"}


def make_zip(path, files):
    with zipfile.ZipFile(path, "w") as file:
        for name, data in files.items():
            file.writestr(name, data)
    return path


def make_tar(path, files, kind="w"):
    with tarfile.open(path, kind) as file:
        for name, data in files.items():
            info = name if isinstance(name, tarfile.TarInfo) else tarfile.TarInfo(name)
            info.size = len(data)
            file.addfile(info, io.BytesIO(data))
    return path


def contents(folder):
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.tar", "w"),
        ("a.tar.gz", "w:gz"),
        ("a.tgz", "w:gz"),
        ("a.tar.bz2", "w:bz2"),
        ("a.tar.xz", "w:xz"),
    ],
)
def test_tars_are_unpacked(tmp_path, name, kind):
    unpack(make_tar(tmp_path / name, FILES, kind), tmp_path / "out")
    assert contents(tmp_path / "out") == FILES


def test_zips_are_unpacked(tmp_path):
    unpack(make_zip(tmp_path / "a.zip", FILES), tmp_path / "out")
    assert contents(tmp_path / "out") == FILES


def test_only_pictures_texts_and_tables_are_unpacked(tmp_path):
    passed_over = {"run.sh": b"", "__MACOSX/a.jpg": b"", ".hidden/a.jpg": b"", "a/.DS_Store": b""}
    unpack(make_zip(tmp_path / "a.zip", FILES | passed_over), tmp_path / "out")
    assert contents(tmp_path / "out") == FILES


UNSAFE = ["../evil.txt", "cats/../../evil.txt", "/evil.txt", "..\\evil.txt", "C:/evil.txt"]


@pytest.mark.parametrize("name", UNSAFE)
@pytest.mark.parametrize("make", [make_zip, make_tar])
def test_names_that_lead_out_of_the_folder_are_refused(tmp_path, make, name):
    path = make(tmp_path / f"a.{make.__name__[5:]}", FILES | {name: b"evil"})
    with pytest.raises(ValueError, match="not unpacked, for a member of it is unsafe"):
        unpack(path, tmp_path / "below" / "out")
    assert contents(tmp_path) == {path.name: path.read_bytes()}


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE]
)
def test_links_and_devices_in_tars_are_refused(tmp_path, kind):
    info = tarfile.TarInfo("a.jpg")
    info.type, info.linkname = kind, "/etc/passwd"
    with pytest.raises(ValueError, match="a link or a device"):
        unpack(make_tar(tmp_path / "a.tar", {info: b""}), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_links_in_zips_are_refused(tmp_path):
    info = zipfile.ZipInfo("a.jpg")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    with pytest.raises(ValueError, match="a link or a device"):
        unpack(make_zip(tmp_path / "a.zip", {info: b"/etc/passwd"}), tmp_path / "out")


def test_archives_that_grow_too_much_are_refused_before_anything_is_written(tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "SMALL", 10_000)
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("a.txt", b"\0" * 5_000_000)
    assert path.stat().st_size < 10_000
    with pytest.raises(ValueError, match="holds more than"):
        unpack(path, tmp_path / "out")
    assert list(tmp_path.iterdir()) == [path]


def test_the_largest_size_can_be_set(tmp_path):
    path = make_zip(tmp_path / "a.zip", {"a.txt": b"x" * 100})
    unpack(path, tmp_path / "enough", max_bytes=100)
    with pytest.raises(ValueError, match="holds more than 99 bytes"):
        unpack(path, tmp_path / "out", max_bytes=99)


def test_damaged_archives_are_refused_and_leave_nothing(tmp_path):
    for name in ("a.zip", "a.tar", "a.tar.gz"):
        path = tmp_path / name
        path.write_bytes(b"no archive at all" * 100)
        with pytest.raises(ValueError, match="The archive is damaged"):
            unpack(path, tmp_path / "out")
        path.unlink()
    assert not list(tmp_path.iterdir())


def test_a_damaged_member_leaves_nothing_half_written(tmp_path):
    path = make_zip(tmp_path / "a.zip", {"a.txt": b"first", "b.txt": b"second caption"})
    path.write_bytes(path.read_bytes().replace(b"second", b"secund"))
    with pytest.raises(ValueError, match=r"damaged.*CRC"):
        unpack(path, tmp_path / "out")
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", ["a.zip", "a.tar.gz", "a.tar.bz2", "a.tar.xz"])
def test_a_compressed_member_that_was_altered_is_damage(tmp_path, name):
    text = b"".join(str(number).encode() for number in range(20_000))
    path = tmp_path / name
    if name.endswith(".zip"):
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("a.txt", text)
    else:
        make_tar(path, {"a.txt": text}, f"w:{path.suffix[1:]}")
    whole = path.read_bytes()
    for place in range(100, len(whole) - 100, len(whole) // 20):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 255]) + whole[place + 1 :])
        with pytest.raises(ValueError, match="The archive is damaged"):
            unpack(path, tmp_path / "out")
    assert list(tmp_path.iterdir()) == [path]


def test_a_gzip_that_ends_early_is_damaged(tmp_path):
    path = make_tar(tmp_path / "a.tar.gz", {"a.txt": bytes(range(256)) * 40}, "w:gz")
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(ValueError, match="The archive is damaged"):
        unpack(path, tmp_path / "out")


def test_utf8_names_of_zips_that_do_not_say_so_are_read(tmp_path):
    path = make_zip(tmp_path / "a.zip", {"xx.txt": b"1"})
    path.write_bytes(path.read_bytes().replace(b"xx.txt", "é.txt".encode()))
    unpack(path, tmp_path / "out")
    assert contents(tmp_path / "out") == {"é.txt": b"1"}


def test_an_existing_folder_is_never_touched(tmp_path):
    path = make_zip(tmp_path / "a.zip", FILES)
    with pytest.raises(FileExistsError, match="exists already"):
        unpack(path, tmp_path)


def test_archives_are_known_by_their_names(tmp_path):
    assert is_archive(tmp_path / "A.TAR.GZ")
    assert not is_archive(tmp_path / "a.gz")
