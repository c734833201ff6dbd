"""Feed damaged videos to facevlm and count what happens: python benchmarks/fuzz_video.py [--level describe] [FOLDER].

Small clips in many containers and codecs are made here (and taken from FOLDER), each is damaged in many ways with a
fixed seed, and each result is read in worker processes: `decode` reads all frames, `describe` runs the command line
`facevlm describe FILE --format json` on clips that show a face. A crash (signal), a hang (time limit), a traceback, or
an error of more than one line is a bug.
"""

import argparse
import json
import multiprocessing
import random
import shutil
import struct
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from multiprocessing.connection import Connection
from pathlib import Path
from queue import SimpleQueue

import av
import numpy as np

MEMORY_LIMIT = 8 * 2**30  # bytes of address space per worker; a picture bomb must not take the machine down
CLIP_SUFFIXES = (".mp4", ".mov", ".mkv", ".webm", ".avi")
SEEDS = {  # file name -> encoder, pixel format, encoder options
    "h264.mp4": ("libx264", "yuv420p", {"bf": "2"}),
    "h264.mkv": ("libx264", "yuv420p", {}),
    "h264.ts": ("libx264", "yuv420p", {"g": "8"}),
    "h264.h264": ("libx264", "yuv420p", {}),
    "h264.flv": ("libx264", "yuv420p", {}),
    "hevc.mp4": ("libx265", "yuv420p10le", {"x265-params": "log-level=none"}),
    "mpeg4.avi": ("mpeg4", "yuv420p", {"bf": "2"}),
    "mpeg4.mov": ("mpeg4", "yuv420p", {}),
    "mjpeg.avi": ("mjpeg", "yuvj420p", {}),
    "vp9.webm": ("libvpx-vp9", "yuv420p", {}),
    "mpeg1.mpg": ("mpeg1video", "yuv420p", {}),
    "gif.gif": ("gif", "rgb8", {}),
    "ffv1.mkv": ("ffv1", "gray", {}),
    "png.mov": ("png", "rgba", {}),
}


def pattern(i: int) -> np.ndarray:
    """Frame i of stripes that move: uint8 (64, 96, 3)."""
    y, x = np.mgrid[:64, :96]
    return np.stack([(x * 2 + i * 5) % 256, (y * 3 - i * 4) % 256, (x + y + i * 7) % 256], -1).astype(np.uint8)


def face(i: int) -> np.ndarray:
    """Frame i of a face that moves: uint8 (192, 240, 3)."""
    import cv2

    from facevlm.puppet.demo import astronaut

    x, y = 100 + i, i // 2
    return cv2.resize(astronaut()[y : y + 256, x : x + 320], (240, 192), interpolation=cv2.INTER_AREA)


PICTURES = {"decode": pattern, "describe": face}


def make_seeds(folder: Path, picture: Callable[[int], np.ndarray]) -> list[Path]:
    """Writes one small clip per entry of `SEEDS` whose encoder this FFmpeg has."""
    images = [picture(i) for i in range(40)]
    paths = []
    for name, (encoder, pixels, options) in SEEDS.items():
        try:
            av.Codec(encoder, "w")
        except av.FFmpegError:
            continue
        with av.open(str(folder / name), "w") as container:
            stream = container.add_stream(encoder, rate=25, options=options)
            stream.height, stream.width = images[0].shape[:2]
            stream.pix_fmt = pixels
            for i, image in enumerate(images):
                frame = av.VideoFrame.from_ndarray(image, format="rgb24")
                frame.pts, frame.time_base = i, Fraction(1, 25)
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        paths.append(folder / name)
    return paths


def truncate(data: bytearray, rng: random.Random) -> bytes:
    return bytes(data[: rng.randrange(1, len(data))])


def flip_bits(data: bytearray, rng: random.Random) -> bytes:
    for _ in range(rng.choice((1, 10, 100, 1000))):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return bytes(data)


def flip_header_bits(data: bytearray, rng: random.Random) -> bytes:
    for _ in range(rng.choice((1, 3, 10))):
        data[rng.randrange(min(512, len(data)))] ^= 1 << rng.randrange(8)
    return bytes(data)


def overwrite_blocks(data: bytearray, rng: random.Random) -> bytes:
    for _ in range(rng.randrange(1, 8)):
        start = rng.randrange(len(data))
        size = min(rng.randrange(1, 400), len(data) - start)
        data[start : start + size] = rng.choice((bytes(size), b"\xff" * size, rng.randbytes(size)))
    return bytes(data)


def remove_middle(data: bytearray, rng: random.Random) -> bytes:
    a, b = sorted(rng.randrange(len(data)) for _ in range(2))
    return bytes(data[:a] + data[b:])


def repeat_middle(data: bytearray, rng: random.Random) -> bytes:
    a, b = sorted(rng.randrange(len(data)) for _ in range(2))
    return bytes(data[:b] + data[a:])


def swap_boxes(data: bytearray, rng: random.Random) -> bytes:
    """Swaps two top-level MP4 boxes, or two equal stretches of another container."""
    boxes, at = [], 0
    while at + 8 <= len(data):
        size = struct.unpack(">I", data[at : at + 4])[0]
        if size < 8 or at + size > len(data):
            break
        boxes.append(bytes(data[at : at + size]))
        at += size
    if len(boxes) < 2:
        step = max(1, len(data) // 8)
        boxes = [bytes(data[i : i + step]) for i in range(0, len(data), step)]
    rng.shuffle(boxes)
    return b"".join(boxes)


def spoil_box(data: bytearray, rng: random.Random) -> bytes:
    """Gives one MP4 box a size of zero, one, or far too much."""
    names = (b"moov", b"trak", b"mdia", b"stbl", b"stts", b"stsz", b"stco", b"ctts", b"elst", b"tkhd", b"mdat", b"avcC")
    places = [data.find(name) for name in names]
    places = [p for p in places if p >= 4] or [rng.randrange(4, len(data))]
    at = rng.choice(places)
    data[at - 4 : at] = struct.pack(">I", rng.choice((0, 1, 4, 7, 9, 2**31, 2**32 - 1)))
    return bytes(data)


def spoil_numbers(data: bytearray, rng: random.Random) -> bytes:
    """Overwrites words with extreme numbers: absurd sizes, counts, time stamps."""
    for _ in range(rng.randrange(1, 12)):
        at = rng.randrange(max(1, min(len(data) - 4, 3000)))
        data[at : at + 4] = struct.pack(">I", rng.choice((0, 1, 2**15, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1)))
    return bytes(data)


def text_header(data: bytearray, rng: random.Random) -> bytes:
    """Puts text in front, or nothing but text."""
    text = rng.choice(
        (b"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nfile:///etc/hostname\n", b"ffconcat version 1.0\nfile x\n",
         b"<html><body>404 not found</body></html>\n", b"WEBVTT\n\n00:00.000 --> 00:01.000\nhello\n", b"hello " * 500)
    )  # fmt: skip
    return text + (bytes(data) if rng.random() < 0.5 else b"")


def foreign_header(data: bytearray, rng: random.Random) -> bytes:
    """Overwrites the beginning with that of another kind of file."""
    heads = (b"RIFF\0\0\1\0AVI LIST", b"GIF89a", b"\x1aE\xdf\xa3", b"\0\0\1\xba", b"FLV\1\5", b"OggS", b"\x89PNG")
    head = rng.choice(heads)
    data[: len(head)] = head
    return bytes(data)


def empty(data: bytearray, rng: random.Random) -> bytes:
    return rng.choice((b"", b"\0", bytes(100), bytes(len(data)), rng.randbytes(len(data))))


DAMAGES: tuple[Callable[[bytearray, random.Random], bytes], ...] = (
    truncate, flip_bits, flip_header_bits, overwrite_blocks, remove_middle, repeat_middle,
    swap_boxes, spoil_box, spoil_numbers, text_header, foreign_header, empty,
)  # fmt: skip


def damaged_clips(seeds: list[Path], folder: Path, count: int, seed: int) -> Iterator[Path]:
    """Writes `count` damaged clips, the kinds of damage in turn; the name tells seed clip and damage."""
    rng = random.Random(seed)
    for i in range(count):
        source, damage = seeds[i // len(DAMAGES) % len(seeds)], DAMAGES[i % len(DAMAGES)]
        path = folder / f"{i:04d}_{damage.__name__}_{source.name}"
        path.write_bytes(damage(bytearray(source.read_bytes()), rng))
        yield path


def decode_worker(pipe: Connection) -> None:
    """Answers each path with (outcome, remark) until told to stop."""
    import resource

    from facevlm.errors import FacevlmError
    from facevlm.video.decode import Video
    from facevlm.video.prefetch import prefetched
    from facevlm.video.sampling import Sampler

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT, MEMORY_LIMIT))
    while (path := pipe.recv()) is not None:
        try:
            with Video.open(path) as video:
                last, shape = -1.0, (video.info.height, video.info.width, 3)
                for frame in prefetched(video.frames(keep=Sampler())):
                    assert frame.time > last, f"time {frame.time} after {last}"
                    assert frame.image.shape == shape, f"image {frame.image.shape}, not {shape}"
                    last = frame.time
            warned = bool(video.report.warnings)
            pipe.send(("good with warnings" if warned else "good", f"{video.report}"))
        except FacevlmError as error:
            pipe.send(("clean error", str(error)))
        except BaseException:
            pipe.send(("TRACEBACK", traceback.format_exc()))


def describe_worker(pipe: Connection) -> None:
    """Answers each path with (outcome, remark) of `facevlm describe PATH --format json`, run in this process."""
    import io
    import resource
    from contextlib import redirect_stderr, redirect_stdout

    from facevlm.cli import main as facevlm

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT, MEMORY_LIMIT))
    while (path := pipe.recv()) is not None:
        out, told = io.StringIO(), io.StringIO()
        try:
            with redirect_stdout(out), redirect_stderr(told):
                code = facevlm(["describe", path, "--format", "json"])
            pipe.send(judged(code, out.getvalue(), told.getvalue()))
        except BaseException:
            pipe.send(("TRACEBACK", traceback.format_exc()))


def judged(code: int, out: str, told: str) -> tuple[str, str]:
    """Judges what the command line printed."""
    if "Traceback" in told or "internal error" in told:
        return "TRACEBACK", told
    if code:
        lines = told.splitlines()
        fine = len([line for line in lines if line.startswith("error: ")]) == 1 and not out
        return ("clean error" if fine else "UNCLEAN ERROR"), f"exit code {code}: {told}"
    try:
        warnings = json.loads(out)["warnings"]
    except (ValueError, KeyError, TypeError):
        return "NO JSON", out[:500]
    return ("good with warnings" if warnings else "good"), "; ".join(warnings)


WORKERS = {"decode": decode_worker, "describe": describe_worker}


class Checker:
    """Checks clips in one worker process, replaced when it dies or hangs."""

    def __init__(self, work: Callable[[Connection], None], limit_s: float) -> None:
        self.work, self.limit_s = work, limit_s
        self.start()

    def start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, other = context.Pipe()
        self.process = context.Process(target=self.work, args=(other,), daemon=True)
        self.process.start()
        other.close()

    def check(self, path: Path) -> tuple[str, str]:
        self.pipe.send(str(path))
        try:
            if self.pipe.poll(self.limit_s):
                return self.pipe.recv()
            outcome = "HANG", f"longer than {self.limit_s} s"
        except EOFError:
            self.process.join(5)
            outcome = "CRASH", f"exit code {self.process.exitcode}"
        self.process.kill()
        self.start()
        return outcome

    def close(self) -> None:
        self.pipe.send(None)
        self.process.join(10)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, help="further clips to damage")
    parser.add_argument("--level", choices=("decode", "describe"), default="decode")
    parser.add_argument("--count", type=int, default=600)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--limit", type=float, default=30.0, help="seconds for one clip")
    parser.add_argument("--keep", type=Path, help="folder for clips with a bad outcome")
    parser.add_argument("--verbose", action="store_true", help="print every outcome")
    options = parser.parse_args()

    checkers: SimpleQueue[Checker] = SimpleQueue()
    for _ in range(options.jobs):
        checkers.put(Checker(WORKERS[options.level], options.limit))

    def check(path: Path) -> tuple[Path, str, str, float]:
        checker, began = checkers.get(), time.monotonic()
        outcome, remark = checker.check(path)
        checkers.put(checker)
        return path, outcome, remark, time.monotonic() - began

    counts: Counter[str] = Counter()
    slowest = (0.0, "")
    with tempfile.TemporaryDirectory() as name, ThreadPoolExecutor(options.jobs) as pool:
        seeds, damaged = Path(name, "seeds"), Path(name, "damaged")
        seeds.mkdir()
        damaged.mkdir()
        clips = make_seeds(seeds, PICTURES[options.level])
        if options.folder:
            clips += sorted(p for p in options.folder.iterdir() if p.suffix in CLIP_SUFFIXES)
        for path, outcome, remark, took in pool.map(check, damaged_clips(clips, damaged, options.count, options.seed)):
            counts[outcome] += 1
            slowest = max(slowest, (took, path.name))
            if outcome.isupper():
                print(f"{outcome} {path.name}\n{remark}", flush=True)
                if options.keep:
                    options.keep.mkdir(parents=True, exist_ok=True)
                    shutil.copy(path, options.keep)
            elif options.verbose:
                print(f"{outcome:18} {took:5.2f} s  {path.name}: {remark}", flush=True)
            path.unlink()
    while not checkers.empty():
        checkers.get().close()
    print(f"{options.level}: {sum(counts.values())} clips, " + ", ".join(f"{n} {k}" for k, n in counts.most_common()))
    print(f"slowest {slowest[0]:.1f} s: {slowest[1]}")
    return 1 if any(outcome.isupper() for outcome in counts) else 0


if __name__ == "__main__":
    sys.exit(main())
