"""How well faces are tracked: HOTA, IDF1, MOTA and identity switches on filmed scenes with exact truth, against peers.

    make .venv-tracking/ready
    .venv-tracking/bin/python benchmarks/tracking/run.py --photos DIR [--cache DIR] [--jobs 2]
    .venv-tracking/bin/python benchmarks/tracking/run.py --photos DIR --tune 16      (settings of the peers, kept)
    .venv-tracking/bin/python benchmarks/tracking/run.py --photos DIR --constants    (ours moved one by one)

36 scene scripts times seeds (`scenes.py`) are filmed and looked at once, then every tracker runs on the same detections
(`clip.py`). Results go to benchmarks/results/tracking.json and tracking.txt, of --constants, which looks at the tuning
seeds alone, to tracking_constants.json and tracking_constants.txt. Without --photos all people are variants
of the one portrait that scikit-image ships, and the results are only printed.
"""

import argparse
import json
import multiprocessing
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

import cv2  # noqa: E402
import numpy as np  # noqa: E402

from benchmarks.machine import keep, machine  # noqa: E402
from benchmarks.tracking.clip import Clip, Runs, load  # noqa: E402
from benchmarks.tracking.film import SEEDS  # noqa: E402
from benchmarks.tracking.look import clips  # noqa: E402
from benchmarks.tracking.ours import DEFAULT, OURS, PARTS, constants  # noqa: E402
from benchmarks.tracking.peers import Settings, draw, peer, peers  # noqa: E402
from benchmarks.tracking.scenes import SCENES  # noqa: E402
from benchmarks.tracking.scoring import FIGURES, MIN_VISIBLE, Score, score, together  # noqa: E402
from benchmarks.tracking.tables import Results, by_scene, summary, totals  # noqa: E402

HEAD = f"""Faces of which less than {MIN_VISIBLE:.0%} can be seen are ignored. Intervals are of a bootstrap over scenes.
facevlm gives ids after the last frame, people who came back re-linked; "live ids" are what a viewer sees meanwhile, as
are those of all peers (SORT, ByteTrack, OC-SORT, BoT-SORT; with a star: tuned on the tuning seeds). "true ids" is the
bound that the detections set. "with" and "without" switch one part of StrongSORT: a lead above 0 speaks for our way."""
TUNED = Path(__file__).parent / "tuned.json"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, help="folder of photos with faces, one person each")
    parser.add_argument("--cache", type=Path, default=ROOT / "build" / "bench-tracking", help="where clips are kept")
    parser.add_argument("--scenes", help="only these, with commas; results are then only printed")
    parser.add_argument("--trackers", help="only those whose names begin with one of these, with commas; only printed")
    parser.add_argument("--splits", default="test,tune", help="which of test and tune")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument(
        "--tune", type=int, metavar="DRAWS", help="tune the peers on the tuning seeds and keep the best"
    )
    parser.add_argument("--constants", action="store_true", help="move constants of ours on the tuning seeds")
    args = parser.parse_args()
    where = machine()
    where["command"] = where["command"].replace(str(args.photos), "DIR")
    names = args.scenes.split(",") if args.scenes else list(SCENES)
    unknown = [name for name in names if name not in SCENES]
    if unknown:
        parser.error(f"no scene {unknown[0]!r}; there are {', '.join(SCENES)}")
    if args.tune:
        tune(clips(args.photos, args.cache, "tune", names=names, jobs=args.jobs), args.tune, args.jobs)
        return
    if args.constants:
        paths = clips(args.photos, args.cache, "tune", names=names, jobs=args.jobs)
        rows = summary(*run_all(paths, ["facevlm", *constants(DEFAULT)], args.jobs))
        text = f"TUNE: {len(names)} scenes, seeds {', '.join(map(str, SEEDS['tune']))}\n\n{totals(rows)}"
        if args.scenes or not args.photos:
            print(text)
        else:
            keep("tracking_constants", where, rounded(rows), text)
        return
    wanted = [
        name for name in trackers() if not args.trackers or name.startswith(tuple(args.trackers.split(",")))
    ]  # fmt: skip
    texts, kept = [], {}
    for split in args.splits.split(","):
        paths = clips(args.photos, args.cache, split, names=names, jobs=args.jobs)
        results, milliseconds = run_all(paths, wanted, args.jobs)
        rows = summary(results, milliseconds)
        texts.append(
            f"{split.upper()}: {len(names)} scenes, seeds {', '.join(map(str, SEEDS[split]))}\n\n{totals(rows)}"
        )
        whole = [name for name in wanted if not any(name.endswith(f" {part}") for part in PARTS)]
        texts += [f"{figure} by scene, {split}\n\n{by_scene(results, whole, figure)}" for figure in FIGURES]
        kept[split] = {
            "total": rows,
            "scenes": {t: {s: together(v).figures for s, v in of.items()} for t, of in results.items()},
        }
    text = "\n\n".join([HEAD, *texts])
    if args.scenes or args.trackers or args.splits != "test,tune" or not args.photos:
        print(text)
    else:
        keep("tracking", where, rounded(kept), text)


def rounded(results: Any) -> Any:
    """The same with three decimals."""
    if isinstance(results, dict):
        return {key: rounded(value) for key, value in results.items()}
    if isinstance(results, list):
        return [rounded(value) for value in results]
    return round(results, 3) if isinstance(results, float) else results


def trackers() -> dict[str, Runs]:
    """All trackers by name, ours first, the bound that these detections set last."""
    tuned = json.loads(TUNED.read_text()) if TUNED.exists() else {}
    published = {name: peer(name) for name in peers()}
    best = {f"{name} tuned": peer(name, settings) for name, settings in tuned.items()}
    return {**OURS, **published, **best, "true ids": true_ids}


def true_ids(clip: Clip) -> np.ndarray:
    """Every detection of a true face (IoU of at least 0.5) with the person's number: no tracker can do better."""
    from scipy.optimize import linear_sum_assignment

    from benchmarks.tracking.scoring import SAME, overlaps

    rows = []
    for number, _, _, faces in clip:
        there = clip.truth.frames == number
        people, (shared, _) = clip.truth.people[there], overlaps(clip.truth.boxes[there], faces.boxes)
        for person, face in zip(*linear_sum_assignment(-np.where(shared >= SAME, shared, 0)), strict=True):
            if shared[person, face] >= SAME:
                rows.append((number, people[person], *faces.boxes[face]))
    return np.array(rows, np.float64).reshape(-1, 6)


def run_all(paths: list[Path], names: list[str], jobs: int) -> tuple[Results, dict[str, float]]:
    """Every tracker on every clip: scores, and milliseconds per face of each."""
    results: Results = {name: {} for name in names}
    seconds, faces = dict.fromkeys(names, 0.0), 0
    with multiprocessing.get_context("spawn").Pool(jobs, cv2.setNumThreads, (1,)) as pool:
        for scene, count, scores in pool.imap(_run_clip, [(path, names) for path in paths]):
            faces += count
            for name, (result, spent) in scores.items():
                results[name].setdefault(scene, []).append(result)
                seconds[name] += spent
    return results, {name: 1000 * spent / faces for name, spent in seconds.items()}


def _run_clip(task: tuple[Path, list[str]]) -> tuple[str, int, dict[str, tuple[Score, float]]]:
    path, names = task
    clip, known, scores = load(path), {**trackers(), **constants(DEFAULT)}, {}
    assert len(clip.images) == len(clip.times), path  # decoded before anything is timed
    for name in names:
        start = time.process_time()
        rows = known[name](clip)
        spent = time.process_time() - start
        scores[name] = score(clip.truth, rows, len(clip.times)), spent
    return clip.name, sum(map(len, clip.faces)), scores


def tune(paths: list[Path], draws: int, jobs: int) -> None:
    """Try published, kept and random settings; keep those with the best mean of HOTA and IDF1 in `TUNED`."""
    rng = np.random.default_rng()
    before = json.loads(TUNED.read_text()) if TUNED.exists() else {}
    choices = {
        name: [{}, {"cuts": True}, before.get(name, {}), *(draw(name, rng) for _ in range(draws))] for name in peers()
    }
    tried: dict[str, list[list[Score]]] = {name: [[] for _ in of] for name, of in choices.items()}
    with multiprocessing.get_context("spawn").Pool(jobs, cv2.setNumThreads, (1,)) as pool:
        for done, scores in enumerate(pool.imap(_try_all, [(path, choices) for path in paths]), 1):
            print(f"\rtuned on {done} of {len(paths)} clips", end="", file=sys.stderr)
            for name, of in scores.items():
                for number, result in enumerate(of):
                    tried[name][number].append(result)
    print(file=sys.stderr)
    best = {}
    for name, of in tried.items():
        figures = [together(scores).figures for scores in of]
        means = [(f["HOTA"] + f["IDF1"]) / 2 for f in figures]
        top = int(np.argmax(means))
        best[name] = choices[name][top]
        print(f"{name}: published {means[0]:.1f}, with cuts {means[1]:.1f}, best of {len(means)} {means[top]:.1f}")
    TUNED.write_text(json.dumps(best, indent=1) + "\n")


def _try_all(task: tuple[Path, dict[str, list[Settings]]]) -> dict[str, list[Score]]:
    path, choices = task
    clip = load(path)
    return {
        name: [score(clip.truth, peer(name, settings)(clip), len(clip.times)) for settings in of]
        for name, of in choices.items()
    }


if __name__ == "__main__":
    main()
