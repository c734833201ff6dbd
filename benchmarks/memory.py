"""Peak memory of `describe`, of `perceive` without and with saved faces, and of `facevlm track`, on 5, 15 and 30
minutes of one looped clip, each in a process of its own.

    python benchmarks/memory.py [--clip FILE] [--minutes 5 15 30] [--fps 30] [--made DIR]

It must be flat: the longest run needs at most a tenth more than the shortest. Results of a clip of your own are kept
under its name.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from clips import film, loop
from machine import keep, machine

FLAT = 0.10
RUNS = ["describe", "perceive", "saved", "track"]  # saved: perceive with a folder, which writes it, then reads it
WORK = """
import json, resource, sys, tempfile
from facevlm import describe, perceive
from facevlm.cli import main
what, clip, fps = sys.argv[1:]
faces = 0
if what == "perceive":
    for moment in perceive(clip, fps=fps):
        faces += len(moment.faces)
elif what == "saved":
    with tempfile.TemporaryDirectory() as folder:
        for _ in ("written", "read"):
            faces = sum(len(moment.faces) for moment in perceive(clip, fps=fps, saved=folder))
elif what == "track":
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/tracks.json"
        assert main(["track", clip, "--fps", fps, "--quiet", "-o", path]) == 0
        with open(path) as file:
            faces = sum(part.count('"presence"') for part in iter(lambda: file.readline(1 << 20), ""))
else:
    def count(moment):
        global faces
        faces += len(moment.faces)
    description = describe(clip, fps=fps, on_moment=count)
    description.to_json()
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
print(json.dumps({"faces": faces, "peak_mib": round(peak / 2**20, 1)}))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clip", type=Path, help="clip to loop; default a puppet, 512x512, 12 s")
    parser.add_argument("--minutes", type=float, nargs="+", default=[5, 15, 30], help="several lengths")
    parser.add_argument("--fps", default="native", help="frames looked at per second, as facevlm describe --fps")
    parser.add_argument("--what", nargs="+", default=RUNS, choices=RUNS)
    parser.add_argument("--made", type=Path, default=Path("build/bench-clips"), help="where puppets are filmed")
    args = parser.parse_args()
    if len(set(args.minutes)) < 2:
        parser.error("--minutes: one length says nothing of growth, give several")
    where, clip = machine(), args.clip or film(args.made)[0]
    name = f"memory_{clip.stem}" if args.clip else "memory"
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for minutes in sorted(args.minutes):
            long = loop(clip, minutes, Path(folder) / f"{minutes:g}.mp4")
            for what in args.what:
                rows.append({"what": what, "minutes": minutes, "fps": args.fps} | measure(what, long, args.fps))
                keep(name, where, rows, table(rows))
            long.unlink()


def measure(what: str, clip: Path, fps: str) -> dict:
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", WORK, what, os.fspath(clip), fps], check=True, stdout=subprocess.PIPE, text=True
    )
    return json.loads(done.stdout.splitlines()[-1]) | {"wall_s": round(time.perf_counter() - start, 1)}


def table(rows: list[dict]) -> str:
    lines = [f"{'':10s} {'minutes':>7s} {'faces':>8s} {'peak MiB':>9s} {'wall s':>8s}"]
    for row in sorted(rows, key=lambda r: (r["what"], r["minutes"])):
        numbers = f"{row['minutes']:7g} {row['faces']:8d} {row['peak_mib']:9.1f} {row['wall_s']:8.1f}"
        lines.append(f"{row['what']:10s} {numbers}")
    for what in sorted({row["what"] for row in rows}):
        peaks = [row["peak_mib"] for row in sorted(rows, key=lambda r: r["minutes"]) if row["what"] == what]
        if len(peaks) < 2:
            continue
        growth = peaks[-1] / peaks[0] - 1
        lines.append(f"{what}: {growth:+.1%} from the shortest to the longest: {'flat' if growth <= FLAT else 'GROWS'}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
