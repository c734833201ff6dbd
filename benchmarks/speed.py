"""How long `facevlm describe` takes: seconds of wall time per second of video, and milliseconds per frame and step.

    python benchmarks/speed.py [--clips DIR] [--made DIR] [--rounds 3] [--goal 0.35]

The goal is for the demo's puppet: one face, 512x512, 30 frames a second, 12 s. "process" is the whole command with all
defaults, JSON and report, as a user starts it; "in process" is `describe` and the report called a second time, with
all imported. The fastest round counts. Steps are timed by wrapping the functions in another run: "decode" is timed
alone, since it runs in a thread of its own beside all others.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from clips import film, find_clips
from machine import keep, machine


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=Path, help="folder of more clips")
    parser.add_argument("--made", type=Path, default=Path("build/bench-clips"), help="where puppets are filmed")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--goal", type=float, default=0.35, help="seconds per second of video, whole process")
    args = parser.parse_args()
    where = machine()
    clips = film(args.made)[:1] + (find_clips(args.clips, args.made) if args.clips else [])
    rows = [measure(clip, args.rounds) for clip in clips]
    keep("speed", where, rows, table(rows, args.goal))


def measure(clip: Path, rounds: int) -> dict:
    from facevlm.video.decode import Video

    with Video.open(clip) as video:
        start = time.perf_counter()
        frames = sum(1 for _ in video.frames())
        decode = time.perf_counter() - start
        seconds = (video.report.last_time or 0.0) * frames / max(frames - 1, 1)
    with tempfile.TemporaryDirectory() as folder:
        whole, cpu, inside = [], [], []
        for _ in range(rounds):
            before = cpu_of_children()
            whole.append(timed(lambda: command(clip, Path(folder))))
            cpu.append(cpu_of_children() - before)
        in_process(clip, Path(folder))  # imports and caches
        for _ in range(rounds):
            inside.append(timed(lambda: in_process(clip, Path(folder))))
        steps, total = in_steps(clip, Path(folder))
    per_frame = {"decode (alone)": decode / frames * 1000}
    per_frame |= {name: spent / frames * 1000 for name, spent in steps.items()}
    return {
        "clip": clip.name,
        "size": f"{video.info.width}x{video.info.height}",
        "frames": frames,
        "seconds": seconds,
        "process_s": whole,
        "process_cpu_s": cpu,
        "in_process_s": inside,
        "process_per_second": min(whole) / seconds,
        "in_process_per_second": min(inside) / seconds,
        "cpu_per_second": min(cpu) / seconds,
        "ms_per_frame": per_frame | {"all steps, in process": total / frames * 1000},
    }


def timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def cpu_of_children() -> float:
    """Processor seconds of all commands run so far: less disturbed by other work on the machine than wall time."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def command(clip: Path, folder: Path) -> None:
    files = ["--format", "json", "-o", str(folder / "out.json"), "--report", str(folder / "out.html")]
    subprocess.run([sys.executable, "-m", "facevlm", "describe", str(clip), *files], check=True, capture_output=True)


def in_process(clip: Path, folder: Path) -> None:
    from facevlm import describe
    from facevlm.exports.html_report import write_html_report
    from facevlm.exports.json_document import write_json

    description = describe(clip)
    write_json(description, folder / "in.json")
    write_html_report(description, folder / "in.html")


def in_steps(clip: Path, folder: Path) -> tuple[Counter, float]:
    """Seconds spent in each step of one run, and in all."""
    from facevlm import describing, perceiving
    from facevlm.exports import html_report, json_document
    from facevlm.expression import events, recorder
    from facevlm.faces import detect, mesh
    from facevlm.video import shots

    spent: Counter = Counter()
    undo = [
        wrap(spent, name, owner, attribute)
        for name, owner, attribute in (
            ("shots (decoding thread)", shots.ShotDetector, "feed"),
            ("detect", detect.WholeFrame, "detect"),
            ("mesh", mesh.AttentionMesh, "fit"),
            ("align and embed", perceiving.FaceFinder, "_with_appearance"),
            ("occlusion", perceiving.OcclusionCue, "look"),
            ("tracking", perceiving.Tracker, "update"),
            ("signals", recorder.SignalRecorder, "__call__"),
            ("filmstrip", describing.FilmstripRecorder, "__call__"),
            ("events", events, "find_events"),
            ("words", describing, "caption_person"),
            ("json", json_document, "to_json"),
            ("report", html_report, "to_html_report"),
        )
    ]
    total = timed(lambda: in_process(clip, folder))
    for restore in undo:
        restore()
    return spent, total


def wrap(spent: Counter, name: str, owner: object, attribute: str) -> Callable[[], None]:
    """Count the time spent in one function; the result undoes it."""
    original = getattr(owner, attribute)

    def counted(*arguments, **options):
        start = time.perf_counter()
        try:
            return original(*arguments, **options)
        finally:
            spent[name] += time.perf_counter() - start

    setattr(owner, attribute, counted)
    return lambda: setattr(owner, attribute, original)


def table(rows: list[dict], goal: float) -> str:
    lines = []
    for row in rows:
        lines.append(f"{row['clip']}: {row['size']}, {row['frames']} frames, {row['seconds']:.1f} s")
        for name, key in (("whole process", "process"), ("in process", "in_process")):
            runs = ", ".join(f"{s:.2f}" for s in row[f"{key}_s"])
            lines.append(f"  {name:14s} {row[f'{key}_per_second']:.3f} s per second of video (runs: {runs} s)")
        lines.append(f"  processor time {row['cpu_per_second']:.3f} s per second of video, all threads of the process")
        lines += [f"  {name:24s} {value:8.2f} ms per frame" for name, value in row["ms_per_frame"].items()]
    first = rows[0]["process_per_second"]
    verdict = "reached" if first <= goal else "MISSED"
    lines.append(f"goal {goal} s per second for {rows[0]['clip']}: {verdict} ({first:.3f})")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
