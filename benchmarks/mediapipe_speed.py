"""Our whole per-frame pipeline against MediaPipe's FaceMesh pipeline, on the same clips, in one run, alternating.

    python benchmarks/mediapipe_speed.py [--clips DIR] [--made DIR] [--oracle .venv-mediapipe/bin/python] [--rounds 3]

Ours is `perceive` with all defaults: decoding, shots, detection, mesh, appearance, occlusion, tracks. MediaPipe's is
FaceMesh 0.10.21 with refine_landmarks, as video, up to 8 faces, on frames decoded by the same FFmpeg. "wall" is the
time of the whole loop; "faces" is without decoding: for MediaPipe the time in `process`, for ours the time in
`FaceFinder`, tracking included; "cpu" is the processor time of all threads in the loop. The first frame, in which
both start their networks, is not timed; the fastest of the rounds counts. "a face" is wall time per face seen. A frame
has a face when any is seen; where the true boxes are known (puppets), "faces found" is the share of the true faces with
a mesh centred in their box, and "false" is the number of meshes per frame centred in none.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
from clips import find_clips
from machine import keep, machine

OURS = """
import json, sys, time
import scipy.cluster.vq, scipy.optimize  # imported late by us; MediaPipe's imports are not counted either
from facevlm import perceive
from facevlm.perceiving import FaceFinder
clip = sys.argv[1]
spent = [0.0]
def timed(work):
    def work_timed(self, *arguments):
        start = time.perf_counter()
        result = work(self, *arguments)
        spent[0] += time.perf_counter() - start
        return result
    return work_timed
FaceFinder.observe, FaceFinder.follow = timed(FaceFinder.observe), timed(FaceFinder.follow)
perception, seen = perceive(clip), []
for moment in perception:
    if not seen:
        start, cpu, spent[0] = time.perf_counter(), time.process_time(), 0.0
    seen.append([(face.track_id, face.box.tolist()) for face in moment.faces])
wall, cpu = time.perf_counter() - start, time.process_time() - cpu
people = {part for track in perception.tracks for part in track.parts}
faces = [[box for track_id, box in frame if track_id in people] for frame in seen]
print(json.dumps({"frames": len(faces), "faces_s": spent[0], "wall_s": wall, "cpu_s": cpu, "faces": faces}))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=Path, help="folder of clips; default puppets")
    parser.add_argument("--made", type=Path, default=Path("build/bench-clips"), help="where puppets are filmed")
    parser.add_argument("--oracle", default=".venv-mediapipe/bin/python", help="Python with mediapipe 0.10.21")
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    where, rows = machine(), []
    worker = str(Path(__file__).with_name("mediapipe_worker.py"))
    for clip in find_clips(args.clips, args.made):
        runs: dict[str, list[dict]] = {"ours": [], "mediapipe": []}
        for _ in range(args.rounds):
            runs["ours"].append(answer([sys.executable, "-c", OURS, str(clip)]))
            runs["mediapipe"].append(answer([args.oracle, worker, "time", str(clip)]))
        for name, results in runs.items():
            rows.append({"clip": clip.name, "pipeline": name} | summary(results, true_boxes(clip)))
    keep("mediapipe_speed", where, rows, table(rows))


def answer(command: list[str]) -> dict:
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def true_boxes(clip: Path) -> list[dict[str, list[float]]] | None:
    path = clip.with_suffix(".boxes.json")
    return json.loads(path.read_text()) if path.exists() else None


def summary(results: list[dict], truth: list[dict] | None) -> dict:
    frames, faces = results[0]["frames"], results[0]["faces"]
    row = {
        "frames": frames,
        "wall_ms": min(r["wall_s"] for r in results) / (frames - 1) * 1000,
        "faces_ms": min(r["faces_s"] for r in results) / (frames - 1) * 1000,
        "cpu_ms": min(r["cpu_s"] for r in results) / (frames - 1) * 1000,
        "frames_with_face": sum(1 for boxes in faces if boxes) / frames,
        "faces_per_frame": sum(len(boxes) for boxes in faces) / frames,
    }
    if truth is not None and len(truth) == frames:
        found = wanted = false = 0
        for boxes, true in zip(faces, truth, strict=True):
            centres = [np.add(box[:2], box[2:]) / 2 for box in boxes]
            wanted += len(true)
            found += sum(any(_inside(c, box) for c in centres) for box in true.values())
            false += sum(not any(_inside(c, box) for box in true.values()) for c in centres)
        row |= {"faces_found": found / max(wanted, 1), "false_per_frame": false / frames}
    return row


def per_face(row: dict) -> str:
    """Milliseconds of wall time per face seen; "-" where none is."""
    return f"{row['wall_ms'] / row['faces_per_frame']:.1f}" if row["faces_per_frame"] else "-"


def _inside(point: np.ndarray, box: list[float]) -> bool:
    return box[0] <= point[0] <= box[2] and box[1] <= point[1] <= box[3]


def table(rows: list[dict]) -> str:
    head = f"{'clip':22s} {'pipeline':10s} {'frames':>6s} {'wall ms':>8s} {'faces ms':>9s} {'cpu ms':>7s} "
    lines = [head + f"{'a face':>7s} {'with face':>10s} {'faces/fr.':>10s} {'faces found':>12s} {'false':>6s}"]
    for row in rows:
        line = f"{row['clip']:22s} {row['pipeline']:10s} {row['frames']:6d} {row['wall_ms']:8.1f} "
        line += f"{row['faces_ms']:9.1f} {row['cpu_ms']:7.1f} {per_face(row):>7s} {row['frames_with_face']:10.1%}"
        line += f" {row['faces_per_frame']:10.2f}"
        if "faces_found" in row:
            line += f" {row['faces_found']:12.1%} {row['false_per_frame']:6.2f}"
        lines.append(line)
    for key, label in (("wall_ms", "whole loop"), ("faces_ms", "without decoding"), ("cpu_ms", "processor time")):
        ratios = [theirs[key] / ours[key] for ours, theirs in zip(rows[::2], rows[1::2], strict=True)]
        spread = f"{min(ratios):.2f} to {max(ratios):.2f}, median {np.median(ratios):.2f}"
        lines.append(f"{label}: ours is {spread} times as fast as MediaPipe's FaceMesh")
    ours, theirs = (sum(r["wall_ms"] * r["frames"] for r in rows[k::2]) / 1000 for k in (0, 1))
    ratio = theirs / ours
    lines.append(f"all clips: ours {ours:.2f} s, MediaPipe's FaceMesh {theirs:.2f} s, {ratio:.2f} times as fast")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
