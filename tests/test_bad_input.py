"""Bad and odd input through the real command line: one clear line or a good result, the right exit code, nothing left.

The situations run in this process with the real networks; only signals need processes of their own.
"""

import os
import signal
import subprocess
import sys
import time
import wave
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from facevlm.cli import main
from facevlm.faces import weights
from tests.small_disk import small_disk

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="links, pipes and signals as POSIX has them"),
    pytest.mark.skipif(not all(map(weights.is_present, weights.WEIGHTS)), reason="run: facevlm weights fetch"),
]

ROOT = Path(__file__).parents[1]
FACE = (240, 192)  # width and height of the clip that shows a face
Run = Callable[..., tuple[int, str, str]]


def write_video(
    path: Path, images: list[np.ndarray], *, encoder: str = "libx264", pixels: str = "yuv420p", size=(64, 48)
) -> Path:
    with av.open(str(path), "w") as out:
        stream = out.add_stream(encoder, rate=25)
        stream.pix_fmt = pixels
        stream.height, stream.width = images[0].shape[:2] if images else size[::-1]
        for number, image in enumerate(images):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            out.mux(stream.encode(frame))
        if images:
            out.mux(stream.encode(None))
        else:
            out.start_encoding()
    return path


def grey(width: int, height: int, count: int = 3) -> list[np.ndarray]:
    return [np.full((height, width, 3), 90 + 20 * number, np.uint8) for number in range(count)]


def faces(count: int) -> list[np.ndarray]:
    """A face that drifts."""
    astronaut = pytest.importorskip("facevlm.puppet.demo").astronaut()
    views = (astronaut[:256, 100 + n % 60 : 420 + n % 60] for n in range(count))
    return [cv2.resize(view, FACE, interpolation=cv2.INTER_AREA) for view in views]


@pytest.fixture(scope="session")
def face_bytes(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return write_video(tmp_path_factory.mktemp("face") / "face.mp4", faces(12)).read_bytes()


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, face_bytes: bytes) -> Path:
    """An empty folder to be in, with the good clip `face.mp4`."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "face.mp4").write_bytes(face_bytes)
    return tmp_path


@pytest.fixture
def run(here: Path, capfd: pytest.CaptureFixture[str]) -> Run:
    """Runs the command line here; gives exit code, standard output and error."""

    def run_it(*arguments: str) -> tuple[int, str, str]:
        code = main(arguments)
        out, err = capfd.readouterr()
        assert "Traceback" not in err and "internal error" not in err
        return code, out, err

    return run_it


def files_in(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir()}


# Files that hold no video: how to make them, what is said.


def sound(path: Path, data: bytes) -> None:
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(8000)
        out.writeframes(bytes(8000))


def flipped(data: bytes) -> bytes:
    """A bit of every third byte from the first box on turned over, so that no box keeps its name."""
    spoilt = bytearray(data)
    for place in range(30, len(spoilt), 3):
        spoilt[place] ^= 1 << place % 8
    return bytes(spoilt)


NO_VIDEO: dict[str, tuple[Callable[[Path, bytes], object], str]] = {
    "missing": (lambda path, data: None, "no such file (check the path)"),
    "a folder without videos": (lambda path, data: path.mkdir(), "no video files directly in this folder ("),
    "empty": (lambda path, data: path.touch(), "is empty (0 bytes) (copy or download it again)"),
    "text": (lambda path, data: path.write_text("hello\n" * 99), "is no video file, or is damaged beyond reading"),
    "a web page": (lambda path, data: path.write_text("<html>404</html>"), "is no video file"),
    "a link to the web": (lambda path, data: path.write_text("#EXTM3U\n#EXTINF:5,\nhttp://x/\n"), "is no video"),
    "truncated before its index": (lambda path, data: path.write_bytes(data[: len(data) // 2]), "is no video file"),
    "bits flipped everywhere": (lambda path, data: path.write_bytes(flipped(data)), "is no video file"),
    "sound only": (sound, "holds sound but no picture (give a file with a video track)"),
    "no frames": (lambda path, data: write_video(path, []), "holds "),
    "a pipe": (lambda path, data: os.mkfifo(path), "is no regular file (save the video to a file first)"),
    "a device": (lambda path, data: path.symlink_to("/dev/zero"), "is no regular file"),
    "a link to itself": (lambda path, data: path.symlink_to(path), "is a link that leads nowhere"),
    "a link to nothing": (lambda path, data: path.symlink_to("nowhere"), "is a link that leads nowhere (give the"),
}


@pytest.mark.parametrize(("make", "says"), NO_VIDEO.values(), ids=NO_VIDEO)
def test_what_is_no_video_is_told_in_one_line(run: Run, here: Path, face_bytes: bytes, make, says: str):
    make(here / "x.mp4", face_bytes)
    before = files_in(here)
    for verb in (["describe", "x.mp4", "-o", "x.json", "--report", "x.html"], ["track", "x.mp4", "-o", "x.json"]):
        code, out, err = run(*verb)
        assert (code, out) == (1, "")
        assert err.startswith("error: x.mp4: ") and err.count("\n") == 1, err
        assert says in err or verb[0] == "track"
    assert files_in(here) == before


# Videos out of the common: how to make them, what is warned of.


def days_claimed(path: Path, data: bytes) -> None:
    """A header that claims days."""
    path.write_bytes(write_video(path, faces(12)).read_bytes().replace(b"00:00:00.480", b"99:00:00.480"))


def cut(path: Path, data: bytes) -> None:
    whole = write_video(path, faces(50)).read_bytes()
    path.write_bytes(whole[: len(whole) * 4 // 5])


def scratched(path: Path, data: bytes) -> None:
    at, length = data.index(b"mdat") + len(data) // 2, len(data) // 5
    path.write_bytes(data[:at] + b"\xff" * length + data[at + length :])


def any_size(width: int, height: int) -> Callable[[Path, bytes], object]:
    return lambda path, data: write_video(path, grey(width, height), encoder="ffv1", pixels="bgr0")


ODD: dict[str, tuple[str, Callable[[Path, bytes], object], str]] = {
    "one frame": ("x.mp4", lambda path, data: write_video(path, faces(1)), ""),
    "no face": ("x.mp4", lambda path, data: write_video(path, grey(64, 48)), "No face was found."),
    "one pixel": ("x.mkv", any_size(1, 1), "No face was found."),
    "3x5": ("x.mkv", any_size(3, 5), "No face was found."),
    "17x33": ("x.mkv", any_size(17, 33), "No face was found."),
    "a line across": ("x.mkv", any_size(2000, 2), "No face was found."),
    "a line down": ("x.mkv", any_size(3, 1500), "No face was found."),
    "cut off": ("x.mkv", cut, "it may be cut short"),
    "scratched": ("x.mp4", scratched, "Damaged frames or packets: "),
    "days claimed": ("x.mkv", days_claimed, "although the file states"),
}


@pytest.mark.parametrize(("name", "make", "warns"), ODD.values(), ids=ODD)
def test_an_odd_video_is_described_with_a_warning(run: Run, here: Path, face_bytes: bytes, name, make, warns):
    make(here / name, face_bytes)
    before = files_in(here)
    code, out, err = run("describe", name, "-o", "d.json", "--report", "r.html", "--overlay", "o.mp4")
    assert (code, out) == (0, "")
    assert warns in err and all(line.startswith("warning: ") for line in err.splitlines())
    assert files_in(here) == before | {"d.json", "r.html", "o.mp4"}


def test_an_8k_picture_is_described(run: Run, here: Path):
    write_video(here / "x.avi", grey(7680, 4320, 1), encoder="mjpeg", pixels="yuvj420p")
    assert run("describe", "x.avi")[0::2] == (0, "warning: No face was found.\n")


def test_every_short_length_is_described(run: Run):
    for frames in range(1, 12):
        code, out, err = run("describe", "face.mp4", "--end", f"{frames / 25 - 0.01}", "-f", "text")
        assert (code, out.startswith("This video")) == (0, True), frames
        too_short = (frames - 1) / 25 < 0.3
        assert ("steady" not in out and "too shortly to tell" in err) if too_short else err == "", frames


# Names.

NAMES = (
    *("two words.mp4", "new\nline.mp4", "<script>alert(1)<_script>.mp4", "-dash.mp4", "--help.mp4", "a:b.mp4"),
    *("http:x.mp4", "%d.mp4", "[x].mp4", "quote'\".mp4", "\x1b[31mred.mp4", "{{7*7}}&amp;.mp4", "smile😀.mp4"),
    *(".mp4", "no_suffix", "n" * 249 + ".mp4", os.fsdecode(b"bad\xff\xfe.mp4")),
)


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_any_name_will_do(run: Run, here: Path, face_bytes: bytes, name: str):
    (here / name).write_bytes(face_bytes)
    for format, place in (("eaf", "-o"), ("csv", "--report")):
        code, _, err = run("describe", "-f", format, "-o", "out/", place, "out/", "--end", "0.01", "--", name)
        assert code == 0 and all(line.startswith("warning: ") for line in err.splitlines())
    stem = Path(name).stem
    assert files_in(here / "out") == {stem + end for end in (".eaf", ".csv", ".html")}
    assert "<script>alert" not in (here / "out" / f"{stem}.html").read_text(encoding="utf-8")


# Arguments that cannot be.

REFUSED = {
    "nobody of that id": (["--who", "7"], "there is no person 7 (ids in this video: 1)"),
    "a negative id": (["--who", "-3"], "--who -3: is no person (give main, all, an id"),
    "an endless id": (["--who", "9" * 5000], "is no person"),
    "fps 0": (["--fps", "0"], "--fps: '0' is no frame rate (give"),
    "fps abc": (["--fps", "abc"], "is no frame rate"),
    "fps 1e9": (["--fps", "1e9"], "is no frame rate"),
    "fps of a billion digits": (["--fps", "1e999999999"], "is no frame rate"),
    "fps not a number": (["--fps", "nan"], "is no frame rate"),
    "start beyond the end": (["--start", "99"], "after the end of the clip"),
    "start negative": (["--start", "-1"], "--start -1: is no time (give seconds"),
    "start not a number": (["--start", "nan"], "is no time"),
    "end at the start": (["--end", "0"], "ends before it starts"),
    "a span between two frames": (["--start", "0.01", "--end", "0.02"], "no frame lies between"),
    "the clip as output": (["-o", "face.mp4", "-f", "json"], "from which it is made"),
    "the clip by another name": (["--overlay", "./sub/../face.mp4"], "from which it is made"),
    "one stem, two clips": (["b/face.mov", "-o", "out/"], "both face.mp4 and b/face.mov would be written here"),
    "stems that differ by case": (["b/FACE.mp4", "-o", "out/"], "would be written here (rename one of the clips)"),
    "no name of a clip": ([""], "CLIP: the name is empty"),
    "no name of an output": (["-o", ""], "-o: the name is empty"),
    "no name of a report": (["--report", ""], "--report: the name is empty"),
}


@pytest.mark.parametrize(("arguments", "says"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_meant_is_refused(run: Run, here: Path, arguments: list[str], says: str):
    before = files_in(here)
    code, out, err = run("describe", "face.mp4", *arguments)
    assert (code, out) == (2, "")
    assert err.startswith("error: ") and err.count("\n") == 1 and len(err) < 300
    assert says in err
    assert files_in(here) == before


# Places that take no file.

UNWRITABLE = {
    "a folder that is a file": (["-o", "face.mp4/x.json"], "error: face.mp4: is a file, not a folder (choose another"),
    "a folder of the system": (["-o", "/proc/x.json"], "error: /proc: cannot write here: "),
    "a name too long": (["-o", "n" * 300 + ".json"], ": File name too long (choose a shorter name)"),
    "an overlay's name too long": (["--overlay", "n" * 300 + ".mp4"], ": File name too long (choose a shorter name)"),
    "a full device": (["-o", "/dev/full", "-f", "json"], "/dev/full: cannot be written: no space left on device (free"),
}


@pytest.mark.skipif(sys.platform != "linux", reason="/proc and /dev/full")
@pytest.mark.parametrize(("arguments", "says"), UNWRITABLE.values(), ids=UNWRITABLE)
def test_what_cannot_be_written_is_told(run: Run, here: Path, arguments: list[str], says: str):
    code, out, err = run("describe", "face.mp4", *arguments)
    assert (code, out) == (1, "")
    assert says in err and err.count("\n") == 1
    assert files_in(here) == {"face.mp4"}


@pytest.mark.parametrize(
    ("arguments", "size"),
    [
        (["-o", "x.json"], 200),
        (["-o", "x.eaf"], 200),
        (["-o", "x.csv"], 100),
        (["--report", "x.html"], 200),
        (["--overlay", "x.mp4"], 200),
    ],
    ids=lambda value: value[1] if isinstance(value, list) else "",
)
def test_a_full_disk_leaves_nothing(run: Run, here: Path, arguments: list[str], size: int):
    with small_disk(size):
        code, out, err = run("describe", "face.mp4", *arguments, "--quiet")
    assert (code, out) == (1, "")
    assert "cannot be written: file too large (free some space" in err and err.count("\n") == 1
    assert files_in(here) == {"face.mp4"}


def test_one_bad_clip_does_not_stop_the_others(run: Run, here: Path, face_bytes: bytes):
    (here / "in").mkdir()
    (here / "in" / "b.mp4").write_text("no video")
    (here / "in" / "c.mp4").write_bytes(face_bytes)
    code, out, err = run("describe", "face.mp4", "in", "-o", "out/", "--report", "out/")
    assert (code, out) == (1, "")
    assert "error: in/b.mp4: is no video file" in err and "2 of 3 described" in err
    assert files_in(here / "out") == {"face.txt", "face.html", "c.txt", "c.html"}


# The program as a process: streams and signals.


def program(*arguments: str, **options) -> subprocess.Popen:
    command = [sys.executable, "-m", "facevlm", *arguments]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        command, stderr=subprocess.PIPE, env=environment, text=True, preexec_fn=hear_signals, **options
    )


def hear_signals() -> None:
    """Under nohup, or in the background of a shell, the tests ignore signals, and so would the program they start."""
    for number in (signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)


STREAMS = {
    "full": ("> /dev/full", 1, "error: standard output: cannot be written: no space left on device (add -o FILE)\n"),
    "closed": (">&-", 1, "error: standard output: cannot be written: bad file descriptor (add -o FILE)\n"),
    "all closed, into a file": ("-o x.json <&- >&- 2>&-", 0, ""),
    "a reader that leaves": ("| head -c 1 > /dev/null; exit ${PIPESTATUS[0]}", 0, ""),
}


@pytest.mark.skipif(sys.platform != "linux", reason="/dev/full, bash")
def test_streams_full_closed_and_left(here: Path):
    started = {}
    for name, (redirection, *_) in STREAMS.items():
        command = f"'{sys.executable}' -m facevlm describe face.mp4 -f json -q --end 0.1 {redirection}"
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        started[name] = subprocess.Popen(
            ["bash", "-c", command], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, env=environment, text=True
        )
    for name, process in started.items():
        _, err = process.communicate(timeout=60)
        assert (process.returncode, err) == STREAMS[name][1:], name
    assert files_in(here) == {"face.mp4", "x.json"}
    assert (here / "x.json").read_text().startswith("{")


def ended(group: int) -> bool:
    """Whether all processes of a group end within some seconds (Python's own helpers notice a little later)."""
    for _ in range(100):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


SIGNALS = {
    "Ctrl-C, two processes": (signal.SIGINT, "2", 130, "interrupted\n"),
    "kill": (signal.SIGTERM, "1", 143, ""),
    "terminal closed": (signal.SIGHUP, "1", 129, ""),
}


def test_a_signal_leaves_nothing(here: Path):
    """The signal comes when the overlay is being written: its temporary file is seen."""
    clip = write_video(here / "long.mp4", faces(200))
    clip.with_name("other.mp4").write_bytes(clip.read_bytes())
    started = {}
    for name, (_, jobs, *_) in SIGNALS.items():
        folder = here / name
        places = ("-o", f"{folder}/", "--report", f"{folder}/", "--overlay", f"{folder}/", "--jobs", jobs)
        started[name] = program("describe", "long.mp4", "other.mp4", *places, start_new_session=True)
    waiting, deadline = set(SIGNALS), time.monotonic() + 60
    while waiting and time.monotonic() < deadline:
        for name in sorted(waiting):
            if list((here / name).glob(".*.mp4")):
                time.sleep(0.1)  # into the writing
                for _ in range(3):  # impatient users press it again
                    os.killpg(started[name].pid, SIGNALS[name][0])
                    time.sleep(0.02)
                waiting.remove(name)
        time.sleep(0.005)
    for name, process in started.items():
        _, err = process.communicate(timeout=20)
        number, _, code, says = SIGNALS[name]
        # The last signal may come after Python gave up its handlers; a shell reports both codes alike.
        assert process.returncode in (code, -number) and err == says, (name, process.returncode, err)
        assert not [file for file in files_in(here / name) if file.startswith(".")], name
        assert ended(process.pid), name
    assert not waiting
