"""Tracking at 16 frames a second as multiples of real time, without and with saved faces; and a long run killed again.

    python benchmarks/long_video.py [--minutes 1] [--rounds 2] [--kills 3] [--made DIR]

Each run is a process of its own, `facevlm track --fps 16`, imports included. "fresh" keeps nothing; "writing"
keeps what it sees; "saved" finds all of it. "x real time" is of wall time, and suffers from other work on the machine;
"x per core" is of processor time, all threads together, which suffers less. The fastest round counts.

The clip with cuts is a loop of two scenes. Its run is killed by SIGKILL at even shares of the time that a whole run
took, each time started anew with the same folder, and then left alone: its tracks must be those of an uninterrupted
run, byte for byte, and no shot that was finished may have been written again.
"""

import argparse
import filecmp
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
from clips import film, film_wide, loop
from machine import keep, machine

GOALS = {"one face, 512x512": 4.0, "four faces, 1280x720": 1.5}  # multiples of real time
FACE_PX = 180  # height of each of the four faces
FPS = "16"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=1.0, help="length of each looped clip")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--made", type=Path, default=Path("build/bench-clips"), help="where puppets are filmed")
    args = parser.parse_args()
    where = machine()
    one, four, cuts = film(args.made)[0], args.made / f"wide_{FACE_PX}px.mp4", args.made / "cuts.mp4"
    if not four.exists():
        film_wide(four, FACE_PX)
    if not cuts.exists():
        film_cuts(cuts)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clips = {
            what: loop(clip, args.minutes, folder / clip.name) for what, clip in zip(GOALS, (one, four), strict=True)
        }
        speeds = [speed(what, clip, folder, args.rounds) for what, clip in clips.items()]
        killed = kill(loop(cuts, args.minutes, folder / cuts.name), folder, args.kills)
    keep("long_video", where, {"speed": speeds, "killed": killed}, table(speeds, killed))


def film_cuts(path: Path) -> None:
    """One person before two walls, 512x512, twice 2 s."""
    from facevlm.puppet.demo import astronaut
    from facevlm.puppet.puppet import Puppet
    from facevlm.puppet.record import write_clip
    from facevlm.puppet.scene import Actor, Key, Scene, Shot
    from facevlm.puppet.script import random_script

    puppet = Puppet.from_photo(astronaut(), size=320)
    shots = []
    for number, x in enumerate((0.35, 0.65)):
        coarse = np.random.default_rng(number).integers(0, 200, (6, 6, 3), dtype=np.uint8)
        wall = cv2.resize(coarse, (512, 512), interpolation=cv2.INTER_NEAREST)
        actor = Actor("person", puppet, random_script(number, 4.0, rate=0.6), (Key(0, x, 0.5, 0.35),))
        shots.append(Shot(2.0 * (number + 1), (actor,), wall))
    write_clip(path, Scene(tuple(shots), (512, 512)))


def command(clip: Path, output: Path, saved: Path | None = None) -> list[str]:
    line = [sys.executable, "-m", "facevlm", "track", os.fspath(clip), "--fps", FPS, "--quiet", "-o", os.fspath(output)]
    return line if saved is None else [*line, "--saved", os.fspath(saved)]


def timed(line: list[str]) -> tuple[float, float, float]:
    """Seconds of wall and of processor time of a command, and its peak memory in MiB."""
    start = time.perf_counter()
    process = subprocess.Popen(line)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(line)} ended with {process.returncode}")
    peak = used.ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 2**20
    return time.perf_counter() - start, used.ru_utime + used.ru_stime, peak


def speed(what: str, clip: Path, folder: Path, rounds: int) -> dict:
    from facevlm.exports.tracks_document import read_tracks

    saved, fresh_tracks, saved_tracks = folder / f"seen {clip.stem}", folder / "fresh.json", folder / "saved.json"
    runs = {
        "fresh": [timed(command(clip, fresh_tracks)) for _ in range(rounds)],
        "writing": [timed(command(clip, saved_tracks, saved))],
        "saved": [timed(command(clip, saved_tracks, saved)) for _ in range(rounds)],
    }
    document = read_tracks(fresh_tracks)
    seconds = document.shots[-1][1] - document.shots[0][0]
    frames = len({frame.index for person in document.people for frame in person.frames})
    return {
        "clip": what,
        "seconds": round(seconds, 2),
        "frames_with_faces": frames,
        "faces_per_frame": round(sum(len(person.frames) for person in document.people) / frames, 2),
        "saved_mb_per_minute": round(sum(p.stat().st_size for p in saved.rglob("*.npz")) / 1e6 / seconds * 60, 1),
        "equal": filecmp.cmp(fresh_tracks, saved_tracks, shallow=False),
        "wall_s": {way: [wall for wall, _, _ in times] for way, times in runs.items()},
        "cpu_s": {way: [cpu for _, cpu, _ in times] for way, times in runs.items()},
        "peak_mib": {way: max(peak for _, _, peak in times) for way, times in runs.items()},
        "times_real": {way: seconds / min(wall for wall, _, _ in times) for way, times in runs.items()},
        "per_core": {way: seconds / min(cpu for _, cpu, _ in times) for way, times in runs.items()},
    }


def kill(clip: Path, folder: Path, kills: int) -> dict:
    """Kill a run several times; what each kill left, and whether the end is as if nothing had happened."""
    saved, whole, result = folder / "seen killed", folder / "whole.json", folder / "killed.json"
    wall, _, _ = timed(command(clip, whole))
    kept: dict[str, int] = {}
    left = []
    for _ in range(kills):
        process = subprocess.Popen(command(clip, result, saved))
        time.sleep(wall / (kills + 1))
        process.kill()
        ended = process.wait()
        now = finished(saved)
        if ended != -9 or any(now.get(name) != at for name, at in kept.items()):
            raise SystemExit(f"the run ended with {ended}, or a finished shot was written again: {kept} then {now}")
        kept = now
        left.append(len(kept))
    rest, _, _ = timed(command(clip, result, saved))
    now = finished(saved)
    return {
        "minutes": round(clip_minutes(result), 2),
        "shots": len(now),
        "whole_run_s": wall,
        "finished_shots_after_each_kill": left,
        "last_run_s": rest,
        "written_again": sum(now[name] != at for name, at in kept.items()),
        "equal": filecmp.cmp(whole, result, shallow=False),
        "left_behind": len(list(saved.rglob(".shot-*"))),
    }


def finished(saved: Path) -> dict[str, int]:
    """Name -> time written, of each finished shot."""
    return {path.name: path.stat().st_mtime_ns for path in saved.glob("*/shot-*.npz")}


def clip_minutes(tracks: Path) -> float:
    from facevlm.exports.tracks_document import read_tracks

    return read_tracks(tracks).shots[-1][1] / 60


def table(speeds: list[dict], killed: dict) -> str:
    lines = [f"{'':22s} {'':8s} {'x real time':>11s} {'x per core':>11s} {'peak MiB':>9s} {'MB/min kept':>12s}"]
    for row in speeds:
        for way in ("fresh", "writing", "saved"):
            numbers = f"{row['times_real'][way]:11.1f} {row['per_core'][way]:11.1f} {row['peak_mib'][way]:9.0f}"
            size = "" if way == "fresh" else f" {row['saved_mb_per_minute']:12.1f}"
            lines.append(f"{row['clip']:22s} {way:8s} {numbers}{size}")
    for row in speeds:
        goal, wall, cpu = GOALS[row["clip"]], row["times_real"]["fresh"], row["per_core"]["fresh"]
        state = f"{'reached' if wall >= goal else 'missed'} ({wall:.1f} by wall time, {cpu:.1f} by processor time)"
        same = "the same tracks from saved faces" if row["equal"] else "OTHER TRACKS from saved faces"
        faces = f"{row['faces_per_frame']:g} faces a frame, {row['seconds']:g} s"
        lines.append(f"{row['clip']}: goal {goal:g} times real time: {state}; {faces}; {same}")
    same = "the same tracks" if killed["equal"] else "OTHER TRACKS"
    after = killed["finished_shots_after_each_kill"]
    lines.append(
        f"killed {len(after)} times, {killed['shots']} shots: {after} finished after each kill, "
        f"{killed['written_again']} written again, {killed['left_behind']} unfinished left, {same}; "
        f"last run {killed['last_run_s']:.1f} s, a whole run {killed['whole_run_s']:.1f} s"
    )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
