"""Files appear whole or not at all, and refusals are one clear sentence."""

import os
import stat

import pytest

from facevlm.errors import OutputError
from facevlm.exports.atomic_file import replacing, write_text


def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path):
    (tmp_path / "a.txt").write_text("old")
    with pytest.raises(KeyboardInterrupt), replacing(tmp_path / "a.txt") as temporary:
        temporary.write_text("half")
        raise KeyboardInterrupt
    assert (tmp_path / "a.txt").read_text() == "old" and len(list(tmp_path.iterdir())) == 1


def test_permissions_and_line_ends_are_kept(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("old")
    path.chmod(0o640)
    write_text("a\r\né\n", path)
    assert path.read_bytes() == "a\r\né\n".encode() and stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link.txt").symlink_to(tmp_path / "real" / "a.txt")
    write_text("new", tmp_path / "link.txt")
    assert (tmp_path / "link.txt").is_symlink() and (tmp_path / "real" / "a.txt").read_text() == "new"


def test_a_pipe_is_written_to_not_replaced():
    write_text("", os.devnull)
    assert not os.path.isfile(os.devnull)  # noqa: PTH113


@pytest.mark.parametrize(
    ("situation", "name", "message"),
    [
        ("a folder", ".", "is a folder"),
        ("in a missing folder", "nowhere/a.txt", "folder does not exist"),
        ("below a file", "file/a.txt", "folder does not exist"),
        ("a name of 300 bytes", "x" * 300, "name too long"),
    ],
)
def test_refusals(situation, name, message, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=message):
        write_text("text", tmp_path / name)
    assert [p.name for p in tmp_path.iterdir()] == ["file"], situation


def test_a_name_of_255_bytes_can_be_written(tmp_path):
    write_text("text", tmp_path / ("é" * 125 + ".json"))
    assert (tmp_path / ("é" * 125 + ".json")).read_text() == "text"
