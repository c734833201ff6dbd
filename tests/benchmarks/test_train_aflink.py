"""What the trainer of AFLink says of files it cannot use; one line, before any training."""

import sys

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the extra `models`")
pytest.importorskip("safetensors", reason="needs the extra `models`")

from benchmarks.train_aflink import main, read_tracks

LINES = "".join(f"{k},1,{100 + k},50,40,50,1,-1,-1,-1\n" for k in range(1, 31))
WRONG = {
    # what is in the file, the output -> what is said
    "empty": ("", "a.safetensors", "gt.txt: is empty"),
    "blank": ("\n \n", "a.safetensors", "gt.txt: is empty"),
    "words": ("frame,id,x,y,w,h\n", "a.safetensors", "gt.txt: no MOTChallenge text"),
    "five columns": ("1,1,2,3,4\n", "a.safetensors", "gt.txt: no MOTChallenge text"),
    "uneven": ("1,1,2,3,4,5\n2,1\n", "a.safetensors", "gt.txt: no MOTChallenge text"),
    "not a number": ("1,1,nan,3,4,5\n", "a.safetensors", "gt.txt: no MOTChallenge text"),
    "no such file": (None, "a.safetensors", "gt.txt: cannot be read: No such file"),
    "tracks too short": ("1,1,2,3,4,5\n", "a.safetensors", "no track has 20 boxes"),
    "no such folder": (LINES, "absent/a.safetensors", "a.safetensors: the folder does not exist (create"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_cannot_be_used_is_said(name, tmp_path, monkeypatch):
    text, output, says = WRONG[name]
    if text is not None:
        (tmp_path / "gt.txt").write_text(text)
    monkeypatch.setattr(sys, "argv", ["train_aflink.py", str(tmp_path / "gt.txt"), "-o", str(tmp_path / output)])
    with pytest.raises(SystemExit) as left:
        main()
    assert str(left.value.code).startswith("error: ") and says in str(left.value.code)
    assert not list(tmp_path.glob("*.safetensors"))


def test_tracks_are_read_in_order_of_time(tmp_path):
    (tmp_path / "gt.txt").write_text("".join(reversed(LINES.splitlines(keepends=True))))
    (track,) = read_tracks(tmp_path / "gt.txt", 2.0)
    np.testing.assert_array_equal(track[:, 0], 2 * np.arange(1, 31))
    assert track[0].tolist() == [2, 101, 50, 40, 50]
