"""`facevlm describe`: where results go, exit codes, what is refused before any work, one bad clip among good ones."""

import json
from pathlib import Path

import pytest

from facevlm.exports.json_document import read_description

from .conftest import CAPTION


def test_one_clip_is_printed_and_nothing_else(run, clip):
    assert run("describe", clip()) == (0, f"{CAPTION}\n", "")


def test_people_are_told_apart(run, clip):
    code, out, _ = run("describe", clip(script="two"))
    assert code == 0
    assert out.splitlines()[0] == "Person 1 (main character), seen 0.0-2.0 s:"
    assert "Person 2, seen 0.0-2.0 s:" in out


def test_nobody_is_said_so(run, clip):
    assert run("describe", clip(script="no"))[:2] == (0, "No face is seen.\n")


def test_options_reach_describe(run, clip, calls):
    path = clip()
    code, _, err = run(
        *("describe", path, "--who", "320,180.5", "--fps", "16", "--start", "1:02.5", "--end", "90", "--infer")
    )
    assert (code, err) == (0, "")
    wanted = {"who": "320,180.5", "fps": "16", "start": 62.5, "end": 90.0, "infer": True}
    assert {name: calls[0][name] for name in wanted} == wanted
    assert calls[0]["config"].detector == "whole"
    assert run("describe", path, "--detector", "small")[0] == 0
    assert calls[1]["config"].detector == "small"


@pytest.mark.parametrize("name", ["out.json", "out.vtt", "out.srt", "out.eaf", "out.csv", "out.txt"])
def test_the_suffix_of_the_output_chooses_the_format(run, clip, tmp_path, name):
    assert run("describe", clip(), "-o", tmp_path / name) == (0, "", "")
    starts = {"json": "{", "vtt": "WEBVTT", "srt": "1\n", "eaf": "<?xml", "csv": "", "txt": CAPTION}
    assert (tmp_path / name).read_text().startswith(starts[name[4:]])


@pytest.mark.parametrize("format", ["json", "vtt", "srt", "eaf", "csv", "text"])
def test_every_format_can_be_printed(run, clip, format):
    code, out, err = run("describe", clip(), "--format", format)
    assert code == 0 and out and not err


def test_several_clips_go_into_a_folder(run, clip, tmp_path):
    clips = [clip("a.mp4"), clip("b.mov"), clip("c.mkv")]
    code, out, err = run("describe", *clips, "-o", f"{tmp_path / 'new' / 'out'}/", "--format", "json")
    assert (code, out) == (0, "")
    assert sorted(path.name for path in (tmp_path / "new" / "out").iterdir()) == ["a.json", "b.json", "c.json"]
    assert read_description(tmp_path / "new/out/b.json").video.path == clips[1]
    assert "3 of 3 described" in err


def test_several_clips_are_printed_one_after_the_other(run, clip):
    one, two = clip("a.mp4"), clip("b.mp4")
    _, out, _ = run("describe", one, two)
    assert out == f"== {one} ==\n{CAPTION}\n\n== {two} ==\n{CAPTION}\n"


def test_json_of_several_clips_is_one_line_each(run, clip):
    _, out, _ = run("describe", clip("a.mp4"), clip("b.mp4"), "-f", "json")
    assert [Path(json.loads(line)["video"]["path"]).name for line in out.splitlines()] == ["a.mp4", "b.mp4"]


def test_a_folder_gives_its_videos_sorted_and_each_once(run, clip, tmp_path, calls):
    for name in ("in/b.MP4", "in/a.mov", "in/notes.txt", "in/._a.mov", "in/deeper/c.mp4"):
        clip(name)
    code, *_ = run("describe", tmp_path / "in", tmp_path / "in" / "a.mov")
    assert code == 0
    assert [Path(call["clip"]).name for call in calls] == ["a.mov", "b.MP4"]


def test_a_folder_of_one_video_writes_into_a_folder_as_one_of_many_does(run, clip, tmp_path):
    clip("in/a.mp4")
    assert run("describe", tmp_path / "in", "-f", "json", "-o", tmp_path / "out")[0] == 0
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a.json"]


def test_an_empty_folder_does_not_stop_the_rest(run, clip, tmp_path):
    (tmp_path / "empty").mkdir()
    code, out, err = run("describe", tmp_path / "empty", clip("a.mp4"))
    assert code == 1 and CAPTION in out and "no video files directly in this folder" in err and "1 of 2" in err


def test_one_bad_clip_does_not_stop_the_rest(run, clip, tmp_path):
    clips = [clip("a.mp4", "broken"), str(tmp_path / "absent.mp4"), clip("b.mp4", "bug"), clip("c.mp4")]
    code, out, err = run("describe", *clips)
    assert code == 1
    assert CAPTION in out and clips[3] in out
    assert f"error: {clips[0]}: is no video" in err
    assert f"error: {clips[1]}: no such file (check the path)" in err
    assert f"error: {clips[2]}: internal error: ZeroDivisionError: division by zero; please report it" in err
    assert "1 of 4 described" in err


@pytest.mark.parametrize(
    ("script", "code", "line"),
    [
        ("broken", 1, "error: {}: is no video\n"),
        ("nobody there", 2, "error: {}: --who: there is no person 7\n"),
        ("disk full", 1, "error: {}: /tmp/x: No space left on device (free some space or choose another disk)\n"),
        ("big", 1, "error: {}: not enough memory (close other programs, or use fewer --jobs)\n"),
    ],
)
def test_a_failure_is_one_line(run, clip, tmp_path, script, code, line):
    path = clip(script=script)
    assert run("describe", path, "-o", tmp_path / "out.json") == (code, "", line.format(path))
    assert not (tmp_path / "out.json").exists()


def test_a_name_cannot_forge_lines(run, tmp_path):
    code, _, err = run("describe", tmp_path / "a\nerror: \x1b[2Jb.mp4")
    assert code == 1 and err.count("\n") == 1 and "\x1b" not in err


def test_ctrl_c_is_one_line(run, clip, tmp_path):
    assert run("describe", clip(script="interrupt"), "-o", tmp_path / "x.json") == (130, "", "interrupted\n")
    assert [path.name for path in tmp_path.iterdir()] == ["talk.mp4"]


def test_warnings_are_told_unless_quiet(run, clip):
    path = clip(script="damaged")
    assert run("describe", path)[2] == "warning: 3 frames are damaged\n"
    assert run("describe", path, "-q") == (0, f"{CAPTION}\n", "")


REFUSED = {
    "two clips, one name": (["in/a.mp4", "b/a.mov", "-o", "out/"], "would be written here (rename one of the clips)"),
    "names that differ by case": (["in/a.mp4", "b/A.mov", "-o", "out/"], "would be written here"),
    "report name taken twice": (["in/a.mp4", "b/a.mov", "--report", "out/"], "would be written here"),
    "the input as output": (["in/a.mp4", "-o", "in/a.mp4", "-f", "json"], "from which it is made"),
    "the input as overlay": (["in/a.mp4", "--overlay", "in/"], "from which it is made"),
    "the other input as overlay": (["in/a.mp4", "in/b.mp4", "--overlay", "in/"], "from which it is made"),
    "another video as output": (["in/a.mp4", "-o", "in/b.mp4", "-f", "json"], "would overwrite a video"),
    "two results, one name": (["in/a.mp4", "-o", "x.txt", "--report", "x.txt"], "two results would be written here"),
    "several clips, one file": (["in/a.mp4", "in/b.mp4", "-o", "x.json"], "several clips need a folder"),
    "several clips, an old file": (["in/a.mp4", "in/b.mp4", "-o", "old.json"], "this is a file"),
    "several clips as vtt": (["in/a.mp4", "in/b.mp4", "-f", "vtt"], "add -o FOLDER/"),
    "unknown format": (["in/a.mp4", "-f", "xml"], "no format 'xml' (choose among text, json"),
    "unknown suffix": (["in/a.mp4", "-o", "x.docx"], "no format has the suffix '.docx' (add --format"),
    "overlay that is no video": (["in/a.mp4", "--overlay", "x.html"], "no suffix of a video"),
    "who": (["in/a.mp4", "--who", "nobody"], "is no person"),
    "who 0": (["in/a.mp4", "--who", "0"], "is no person"),
    "who point": (["in/a.mp4", "--who", "1,nan"], "is no person"),
    "fps": (["in/a.mp4", "--fps", "0"], "--fps"),
    "start": (["in/a.mp4", "--start", "1:75"], "--start 1:75: is no time"),
    "end": (["in/a.mp4", "--start", "5", "--end", "0:05"], "ends before it starts"),
    "detector": (["in/a.mp4", "--detector", "owl"], "choose among whole, small, scrfd:PATH, yunet:PATH"),
    "detector without a file": (["in/a.mp4", "--detector", "scrfd:"], "no detector 'scrfd:'"),
    "detector whose file is absent": (["in/a.mp4", "--detector", "scrfd:x.onnx"], "x.onnx: there is no such detector"),
    "embedder": (["in/a.mp4", "--embedder", "arcface"], "choose among descriptor, onnx:PATH"),
    "embedder whose file is absent": (["in/a.mp4", "--embedder", "onnx:x.onnx"], "x.onnx: there is no such embedder"),
    "jobs": (["in/a.mp4", "--jobs", "0"], "--jobs"),
    "unknown option": (["in/a.mp4", "--formt", "json"], "--format"),
}


@pytest.mark.parametrize(("arguments", "says"), REFUSED.values(), ids=REFUSED)
def test_wrong_usage_is_refused_before_any_work(run, clip, calls, tmp_path, monkeypatch, arguments, says):
    monkeypatch.chdir(tmp_path)
    for name in ("in/a.mp4", "in/b.mp4", "b/a.mov", "b/A.mov", "old.json"):
        clip(name)
    code, out, err = run("describe", *arguments)
    assert (code, out, calls) == (2, "", [])
    assert err.startswith("error: ") and err.count("\n") == 1
    assert says in err


def test_an_empty_folder_is_an_error(run, tmp_path):
    code, _, err = run("describe", tmp_path)
    assert code == 1
    assert err.startswith(f"error: {tmp_path}: no video files directly in this folder (")


@pytest.mark.parametrize("option", ["-o", "--report", "--overlay"])
def test_a_place_that_cannot_be_written_is_noticed_before_any_work(run, clip, calls, tmp_path, option):
    (tmp_path / "file").write_text("")
    code, out, err = run("describe", clip(), option, tmp_path / "file" / "x.mp4", "-f", "json")
    assert (code, out, calls) == (1, "", [])
    assert err == f"error: {tmp_path / 'file'}: is a file, not a folder (choose another folder)\n"


def test_a_report_comes_with_the_document(run, clip, tmp_path):
    code, out, err = run("describe", clip(), "--report", tmp_path / "report.html")
    assert (code, out, err) == (0, f"{CAPTION}\n", "")
    assert "<html" in (tmp_path / "report.html").read_text()


@pytest.mark.skipif(not Path("/dev/stdout").exists(), reason="no /dev/stdout here")
def test_dev_stdout_is_no_file_to_replace(run, clip):
    code, _, err = run("describe", clip(), "-o", "/dev/stdout", "-f", "json")
    assert (code, err) == (0, "")
