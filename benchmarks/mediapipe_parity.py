"""Is our attention mesh, its network cut in two, equal to MediaPipe's own output? Distances of landmarks in pixels.

    python benchmarks/mediapipe_parity.py [--clips DIR] [--made DIR] [--oracle .venv-mediapipe/bin/python] [--frames 60]

MediaPipe 0.10.21 runs its FaceMesh graph on frames of each clip, as still pictures and as video, and tells the region
of interest of every mesh. Ours is fitted in the same frame and region. What is left is the difference of the networks,
of the crop and of the three operators computed in numpy. Goal: within 0.5 pixels of the frame.
"""

import argparse
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from clips import find_clips
from machine import keep, machine

from facevlm.faces.mesh import AttentionMesh, Roi
from facevlm.video.decode import Video

PARTS = {"all 478": slice(0, 478), "irises": slice(468, 478)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=Path, help="folder of clips; default puppets")
    parser.add_argument("--made", type=Path, default=Path("build/bench-clips"), help="where puppets are filmed")
    parser.add_argument("--oracle", default=".venv-mediapipe/bin/python", help="Python with mediapipe 0.10.21")
    parser.add_argument("--frames", type=int, default=60, help="most frames per clip, at even times")
    args = parser.parse_args()
    where, mesh, rows = machine(), AttentionMesh(), []
    with tempfile.TemporaryDirectory() as folder:
        for clip in find_clips(args.clips, args.made):
            frames = even_frames(clip, args.frames)
            given, answer = Path(folder) / "frames.npz", Path(folder) / "oracle.npz"
            np.savez(given, clip=frames)
            worker = str(Path(__file__).with_name("mediapipe_worker.py"))
            subprocess.run([args.oracle, worker, "mesh", given, answer], check=True, stderr=subprocess.DEVNULL)
            with np.load(answer) as oracle:
                for mode in ("still", "video"):
                    theirs, regions = oracle[f"clip/{mode}/landmarks"], oracle[f"clip/{mode}/regions"]
                    rows.append({"clip": clip.name, "mode": mode} | compare(mesh, frames, theirs, regions))
    keep("mediapipe_parity", where, rows, table(rows))


def even_frames(clip: Path, count: int) -> np.ndarray:
    """uint8 (T, H, W, 3) RGB."""
    with Video.open(clip) as video:
        total = sum(1 for _ in video.frames(keep=lambda time: False)) or video.report.frames_decoded
        step, images = max(1, total // count), []
        for number, frame in enumerate(video.frames()):
            if number % step == 0:
                images.append(frame.image)
        return np.stack(images[:count])


def compare(mesh: AttentionMesh, frames: np.ndarray, theirs: np.ndarray, regions: np.ndarray) -> dict:
    """Distances in pixels of the frame between both meshes, in one region."""
    height, width = frames.shape[1:3]
    distances, depths, eyes = [], [], []
    for frame, points, region in zip(frames, theirs, regions, strict=True):
        if np.isnan(region).any():
            continue
        x, y, w, h, angle = region
        assert abs(w * width - h * height) < 1e-2 * w * width, "MediaPipe's region is no square"
        ours = mesh.fit(frame, Roi(x * width, y * height, w * width, angle)).landmarks
        points = points * [width, height, width]
        distances.append(np.linalg.norm(ours[:, :2] - points[:, :2], axis=1))
        depths.append(np.abs(ours[:, 2] - points[:, 2]))
        eyes.append(float(np.linalg.norm(points[33, :2] - points[263, :2])))
    row = {"frames": len(frames), "compared": len(distances)}
    if distances:
        row["eye_distance_px"] = round(float(np.median(eyes)), 1)
        for name, part in PARTS.items():
            pixels = np.stack(distances)[:, part]
            row[name] = {"median": float(np.median(pixels)), "p95": float(np.percentile(pixels, 95)),
                         "max": float(pixels.max())}  # fmt: skip
        row["depth_max"] = float(np.stack(depths).max())
    return row


def table(rows: list[dict]) -> str:
    head = f"{'clip':22s} {'mode':6s} {'compared':>9s} {'eyes px':>8s} {'median':>8s} {'p95':>8s} {'max px':>8s}"
    lines = [head + f" {'iris max':>9s} {'z max':>8s}"]
    for row in rows:
        line = f"{row['clip']:22s} {row['mode']:6s} {row['compared']:4d}/{row['frames']:<4d}"
        if row["compared"]:
            pixels = row["all 478"]
            line += f" {row['eye_distance_px']:8.1f} {pixels['median']:8.4f} {pixels['p95']:8.4f} {pixels['max']:8.4f}"
            line += f" {row['irises']['max']:9.4f} {row['depth_max']:8.4f}"
        lines.append(line)
    worst = max((row["all 478"]["max"] for row in rows if row["compared"]), default=float("nan"))
    lines.append(f"largest distance of any landmark: {worst:.4f} px ({'within' if worst <= 0.5 else 'NOT within'} 0.5)")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
