"""The other verbs, and the program as a process: help, version, doctor, weights, track, pipes, signals."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from facevlm.cli import doctor
from facevlm.errors import VideoError
from facevlm.exports.tracks_document import read_tracks
from facevlm.faces import weights
from facevlm.perceiving import PerceptionConfig
from facevlm.tracking.track import TrackSummary
from facevlm.video.clip import DecodeReport, VideoInfo
from tests.faces.scripted_onnx import channel_means, scripted_onnxruntime

ROOT = Path(__file__).parents[2]
HEAVY = ("cv2", "scipy", "av", "numpy", "ai_edge_litert", "pydantic")


def program(*arguments: str, **options) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-m", "facevlm", *arguments], capture_output=True, text=True, **options)


def test_help_lists_the_verbs_and_imports_nothing_heavy():
    code = f"import sys; from facevlm.cli import main; main(['--help']); assert not set({HEAVY}) & set(sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert all(verb in done.stdout for verb in ("describe", "track", "demo", "doctor", "weights"))


def test_version():
    done = program("--version")
    assert done.returncode == 0 and done.stdout.startswith("facevlm ")


@pytest.mark.parametrize("arguments", [[], ["weights"], ["describe"]], ids=str)
def test_without_arguments_the_help_is_shown(run, arguments):
    code, out, err = run(*arguments)
    assert code == 2 and "Usage" in out + err and "error" not in err


def test_an_unknown_verb(run):
    assert run("descibe")[0] == 2


def test_a_reader_that_leaves_early_is_no_error():
    code = "import sys; from facevlm.cli import main; sys.exit(main(['doctor', '--json']))"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        assert process.stderr.read() == b""


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
def test_progress_on_a_terminal_leaves_the_document_alone(clip):
    paths = [clip("a.mp4"), clip("b.mp4", "broken")]
    script = (
        "import sys; from types import ModuleType, SimpleNamespace\n"
        "from facevlm.cli import main; from facevlm.faces import weights; from facevlm.video import probe\n"
        "from tests.cli.conftest import scripted_describe\n"
        "module = ModuleType('facevlm.describing'); sys.modules['facevlm.describing'] = module\n"
        "module.describe = scripted_describe; weights.is_present = lambda name: True\n"
        "probe.probe = lambda clip: SimpleNamespace(duration_s=1.0)\n"
        "sys.exit(main())"
    )
    ours, theirs = os.openpty()
    command = [sys.executable, "-c", script, "describe", *paths, "--format", "json"]
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "200"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=theirs, env=environment, cwd=ROOT) as process:
        os.close(theirs)
        assert json.loads(process.stdout.read())["caption"]
    shown = os.read(ours, 100_000).decode()
    assert process.returncode == 1
    assert "2 clips" in shown and "50%" in shown and "1 of 2 described" in shown
    assert f"\x1b[31merror: {paths[1]}: is no video" in shown


@pytest.mark.skipif(sys.platform == "win32", reason="no POSIX signals")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_it_quietly(tmp_path, number, code):
    script = (
        "import sys, time; from types import ModuleType\n"
        "from facevlm.cli import main; from facevlm.faces import weights\n"
        "module = ModuleType('facevlm.describing'); sys.modules['facevlm.describing'] = module\n"
        "weights.is_present = lambda name: True\n"
        "module.describe = lambda clip, **k: (print('started', flush=True), time.sleep(30))\n"
        "sys.exit(main())"
    )
    command = [sys.executable, "-c", script, "describe", "x.mp4", "-o", str(tmp_path / "x.json")]
    heed = partial(signal.signal, number, signal.SIG_DFL)  # what a shell starts in the background is deaf to Ctrl-C
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, preexec_fn=heed) as process:
        assert process.stdout.readline() == "started\n"
        time.sleep(0.05)
        process.send_signal(number)
        assert process.wait(10) == code
        assert "Traceback" not in process.stderr.read()
    assert list(tmp_path.iterdir()) == []


def test_doctor_finds_all_that_is_needed(run):
    code, out, err = run("doctor", "--json")
    findings = {finding["name"]: finding for finding in json.loads(out)}
    assert (code, err) == (0, "")
    assert findings["numpy"]["ok"] and findings["h264"]["ok"] and findings["mesh_attention"]["ok"]


def test_doctor_names_what_is_missing_and_the_way_to_it(run, tmp_path, monkeypatch):
    monkeypatch.setenv("FACEVLM_CACHE", str(tmp_path))
    monkeypatch.setattr(weights, "is_present", lambda name: False)
    wanted = ["nosuch>=2", "rich>=999", "odd>=1; extra == 'demo'", "own; extra == 'dev'"]
    monkeypatch.setattr(doctor.metadata, "requires", lambda name: wanted)
    code, out, _ = run("doctor", "--json")
    findings = {finding["name"]: finding for finding in json.loads(out)}
    assert code == 1
    assert findings["nosuch"]["mend"] == "run: pip install 'nosuch>=2'"
    assert "too old" in findings["rich"]["value"] and findings["rich"]["needed"]
    assert findings["odd"]["mend"] == "run: pip install 'facevlm[demo]'" and not findings["odd"]["needed"]
    assert "own" not in findings
    assert findings["mesh_attention"]["mend"] == "run: facevlm weights fetch"
    code, out, _ = run("doctor")
    assert code == 1 and "missing: nosuch, rich, blaze_short" in out


def test_weights_are_listed_with_their_licences(run):
    code, out, _ = run("weights", "list")
    assert code == 0 and len(out.splitlines()) == len(weights.WEIGHTS)
    code, out, _ = run("weights", "licenses")
    assert code == 0 and out.count("Apache-2.0") == len(weights.WEIGHTS)


def test_an_unknown_weight(run):
    code, _, err = run("weights", "fetch", "mesh")
    assert code == 2 and "mesh_attention" in err


def scripted_face(track_id, box):
    points = np.linspace(box[:2], box[2:], 478)
    return SimpleNamespace(track_id=track_id, box=box, landmarks=points, presence=0.9, hidden=frozenset())


class ScriptedPerception:
    """Two frames with one face that is kept and one too short to be a face."""

    video = VideoInfo("talk.mp4", 0.08, 640, 480, None, 0, "h264")
    report = DecodeReport(2, 0, 0.04)
    shots = ((0.0, 0.04),)

    def __iter__(self):
        box = np.array([1, 2, 31, 42], np.float32)
        for index in range(2):
            yield SimpleNamespace(index=index, time=index * 0.04, faces=[scripted_face(i, box) for i in (3, 4)])
        self.tracks = [TrackSummary(1, (3,), ((0.0, 0.04),), 2, 0.004, 0.9, True, "the only one", box)]


@pytest.fixture
def perceive(calls, monkeypatch):
    module = ModuleType("facevlm.perceiving")

    def perceive(clip, fps, start, end, config, saved):
        module.detector, module.saved, module.span = config.detector, saved, (start, end)
        module.embedder = config.embedder
        return ScriptedPerception()

    module.perceive = perceive
    module.PerceptionConfig = PerceptionConfig
    monkeypatch.setitem(sys.modules, "facevlm.perceiving", module)
    return module


def test_track_writes_json(run, perceive, tmp_path):
    target = tmp_path / "tracks.json"
    assert run("track", "talk.mp4", "-o", target) == (0, "", "")
    document = read_tracks(target)
    assert [person.track_id for person in document.people] == [1]
    assert len(document.people[0].frames) == 2
    code, out, _ = run("track", "talk.mp4")
    assert code == 0 and out == target.read_text()


def test_track_uses_the_chosen_detector(run, perceive):
    assert run("track", "talk.mp4")[0] == 0 and perceive.detector == "whole"
    assert run("track", "talk.mp4", "--detector", "small")[0] == 0 and perceive.detector == "small"


def test_track_uses_the_chosen_embedder(run, perceive, tmp_path, monkeypatch):
    assert run("track", "talk.mp4")[0] == 0 and perceive.embedder == "descriptor"
    monkeypatch.setitem(sys.modules, "onnxruntime", scripted_onnxruntime(channel_means))
    (tmp_path / "arc.onnx").write_bytes(b"model")
    chosen = f"onnx:{tmp_path / 'arc.onnx'}"
    assert run("track", "talk.mp4", "--embedder", chosen)[0] == 0 and perceive.embedder == chosen
    (tmp_path / "arc.onnx").write_bytes(b"no model")
    code, _, err = run("track", "talk.mp4", "--embedder", chosen)
    assert code == 1 and "arc.onnx: cannot be read as an ONNX model" in err


def test_track_keeps_what_was_seen_where_told(run, perceive, tmp_path):
    assert run("track", "talk.mp4")[0] == 0 and perceive.saved is None
    folder = tmp_path / "new" / "saved"
    assert run("track", "talk.mp4", "--saved", folder)[0] == 0 and perceive.saved == str(folder)


def test_track_looks_at_a_span(run, perceive):
    assert run("track", "talk.mp4")[0] == 0 and perceive.span == (None, None)
    assert run("track", "talk.mp4", "--start", "1:02.5", "--end", "70")[0] == 0 and perceive.span == (62.5, 70.0)


def test_several_clips_are_tracked_into_a_folder(run, perceive, tmp_path):
    for name in ("a.mp4", "b.mp4"):
        (tmp_path / name).write_bytes(b"")
    code, out, err = run("track", tmp_path / "a.mp4", tmp_path / "b.mp4", tmp_path / "gone", "-o", tmp_path / "out")
    assert (code, out) == (0, "") and "3 of 3 tracked" in err
    written = sorted((tmp_path / "out").iterdir())
    assert [path.name for path in written] == ["a.json", "b.json", "gone.json"]
    assert [person.track_id for person in read_tracks(written[0]).people] == [1]
    assert run("track", tmp_path, "-f", "mot", "--fill", "-o", tmp_path / "mot/", "-q") == (0, "", "")
    assert sorted(path.name for path in (tmp_path / "mot").iterdir()) == ["a.txt", "b.txt"]
    code, _, err = run("track", tmp_path)
    assert code == 2 and "add -o FOLDER/" in err


def test_several_clips_at_a_time(run, tmp_path, puppet_clip):
    names = [tmp_path / f"{name}.mp4" for name in "ab"]
    for name in names:
        shutil.copy(puppet_clip.path, name)
    (tmp_path / "c.mp4").write_bytes(b"no video")
    code, _, err = run("track", *names, tmp_path / "c.mp4", "--jobs", 2, "-o", tmp_path / "out", "--end", "1")
    assert code == 1 and "2 of 3 tracked" in err and "c.mp4: " in err
    one, two = (read_tracks(tmp_path / "out" / f"{name}.json") for name in "ab")
    assert one.people == two.people and one.people


def test_track_writes_mot(run, perceive, tmp_path):
    lines = "1,1,1.00,2.00,30.00,40.00,0.9000,-1,-1,-1\n2,1,1.00,2.00,30.00,40.00,0.9000,-1,-1,-1\n"
    assert run("track", "talk.mp4", "--format", "mot") == (0, lines, "")
    assert run("track", "talk.mp4", "-o", tmp_path / "tracks.txt")[0] == 0
    assert (tmp_path / "tracks.txt").read_text() == lines


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["-o", "talk.mp4"], 2, "from which it is made"),
        (["-o", "."], 2, "is a folder"),
        (["-f", "csv"], 2, "choose among json, mot"),
        (["-o", "new/tracks.csv"], 2, "-o new/tracks.csv: no format has the suffix '.csv'"),
        (["--fps", "x"], 2, "--fps"),
        (["--start", "5", "--end", "2"], 2, "give an --end after --start"),
        (["--start", "soon"], 2, "--start"),
        (["--detector", "owl"], 2, "choose among whole, small, scrfd:PATH, yunet:PATH"),
        (["--detector", "yunet:absent.onnx"], 2, "absent.onnx: there is no such detector file"),
        (["--embedder", "arcface"], 2, "choose among descriptor, onnx:PATH"),
        (["--embedder", "onnx:absent.onnx"], 2, "absent.onnx: there is no such embedder file"),
        (["-o", "talk.mp4/x.json"], 1, "is a file, not a folder"),
        (["--saved", "talk.mp4"], 1, "is a file, not a folder"),
        (["--saved", ""], 2, "--saved: the name is empty"),
    ],
)
def test_track_refuses_before_any_work(run, perceive, clip, tmp_path, monkeypatch, arguments, code, says):
    clip()
    monkeypatch.chdir(tmp_path)
    done = run("track", "talk.mp4", *arguments)
    assert done[0] == code and says in done[2] and done[2].count("\n") == 1
    assert not (tmp_path / "new").exists()


def test_track_of_a_bad_clip_is_one_line(run, perceive):
    def fail(clip, fps, start, end, config, saved):
        raise VideoError("no such file", where=clip)

    perceive.perceive = fail
    assert run("track", "x.mp4") == (1, "", "error: x.mp4: no such file\n")


def test_saved_tracks_are_edited_without_the_video(run, perceive, tmp_path):
    target, edited = tmp_path / "tracks.json", tmp_path / "edited.json"
    run("track", "talk.mp4", "-o", target)
    perceive.perceive = None
    assert run("track", "--edit", target, "--main", "1", "-o", edited) == (0, "", "")
    (person,) = read_tracks(edited).people
    assert person.main and person.selection.reason == "Chosen by the user."
    dropped = "track", "--edit", edited, "--drop", "1", "--format", "mot"
    assert run(*dropped) == (0, "", "warning: All people were dropped.\n")
    assert run(*dropped, "--quiet") == (0, "", "")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["talk.mp4", "--edit", "tracks.json"], "do not go together"),
        (["--edit", "tracks.json", "--saved", "seen"], "--saved is for tracking a video"),
        (["--edit", "tracks.json", "--start", "2"], "--start is for tracking a video"),
        (["--edit", "tracks.json", "--end", "2"], "--end is for tracking a video"),
        (["--edit", "tracks.json", "--fps", "banana"], "--fps is for tracking a video"),
        (["--edit", "tracks.json", "--detector", "nope"], "--detector is for tracking a video"),
        (["--edit", "tracks.json", "--fill"], "--fill is for tracking a video"),
        (["--edit", ""], "--edit: the name is empty"),
        (["--edit", "tracks.json", "--drop", "9" * 5000], "is no list of ids"),
        (["-o", "x.json"], "neither a clip nor --edit"),
        (["talk.mp4", "--drop", "2"], "add --edit TRACKS"),
        (["--edit", "tracks.json", "--merge", "2;5"], "is no list of ids"),
        (["--edit", "tracks.json", "--merge", "1,7"], "no person 7 (ids in this file: 1)"),
        (["--edit", "tracks.json", "-o", "tracks.json"], "tracks.json: would overwrite tracks.json, from which"),
    ],
)
def test_edits_that_make_no_sense_are_refused(run, perceive, tmp_path, monkeypatch, arguments, says):
    monkeypatch.chdir(tmp_path)
    run("track", "talk.mp4", "-o", "tracks.json")
    before = (tmp_path / "tracks.json").read_text()
    code, _, err = run("track", *arguments)
    assert code == 2 and says in err and err.count("\n") == 1
    assert (tmp_path / "tracks.json").read_text() == before


def test_gaps_are_filled_when_asked(run, perceive, tmp_path):
    class Blinking(ScriptedPerception):
        shots = ((0.0, 0.16),)

        def __iter__(self):
            yield from super().__iter__()
            yield SimpleNamespace(index=2, time=0.08, faces=[])
            yield SimpleNamespace(index=3, time=0.12, faces=[scripted_face(3, np.array([3, 2, 33, 42]))])

    perceive.perceive = lambda clip, **options: Blinking()
    for options, expected in ((), [0.9, 0.9, 0.9]), (("--fill",), [0.9, 0.9, None, 0.9]):
        assert run("track", "talk.mp4", "-o", tmp_path / "tracks.json", *options)[0] == 0
        (person,) = read_tracks(tmp_path / "tracks.json").people
        assert [frame.presence for frame in person.frames] == expected
