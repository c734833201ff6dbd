"""How well events are found on puppets, and the calibration of their scores.

    python benchmarks/puppet_events.py film  --photos DIR --out CACHE --split train|test --clips 60
    python benchmarks/puppet_events.py score --out CACHE --split test [--json FILE]
    python benchmarks/puppet_events.py calibrate --out CACHE        (fits on train, reports on test, writes the
    package's file)

`film` animates photos with random scripts, finds the faces as `facevlm describe` does and keeps signals and ground
truth, so that the other commands take seconds. Photos whose position in the sorted folder is even are for training,
the others for testing; seeds differ too. Found and true are counted as in the annotated clips' scorer: an event of
the truth is found where events of an accepted action, widened by 0.2 s, cover 30 % of it; an event is true where half
of it lies in the truth.
"""

import argparse
import json
import multiprocessing
from collections import Counter, defaultdict
from pathlib import Path

import cv2
import numpy as np

from facevlm.expression.calibration import CALIBRATION_FILE, features, fit
from facevlm.expression.event import Event, SignalTable
from facevlm.expression.events import find_graded
from facevlm.expression.signals import SIGNALS

TOLERANCE = 0.2  # seconds
SECONDS, RATE = 8.0, 1.2
UNSEEN = {"cheek_puff", "nose_wrinkle"}  # the mesh does not show them (docs/actions.md)
ACCEPT = {
    "blink": {"blink", "eyes_closed"},
    "eyes_closed": {"eyes_closed", "blink", "eyes_squint"},
    "mouth_open": {"mouth_open", "speaking", "laugh"},
    "speaking": {"speaking", "mouth_open"},
    "smile": {"smile", "laugh"},
    "laugh": {"laugh", "smile"},
    "head_turn_left": {"head_turn_left", "head_shake"},
    "head_turn_right": {"head_turn_right", "head_shake"},
    "head_up": {"head_up", "head_nod"},
    "head_down": {"head_down", "head_nod"},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["film", "score", "calibrate"])
    parser.add_argument("--photos", type=Path, help="folder of photos with faces")
    parser.add_argument("--out", type=Path, required=True, help="cache folder")
    parser.add_argument("--split", choices=["train", "test"], default="test")
    parser.add_argument("--clips", type=int, default=60)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--actions", help="only these, with commas: for more instances of rare ones")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--page", type=Path, help="docs/actions.md: put the table between its marks")
    args = parser.parse_args()
    if args.command == "film":
        photos = sorted(args.photos.iterdir())[0 if args.split == "train" else 1 :: 2]
        first = 1000 if args.split == "train" else 2000
        tasks = [(photos[i % len(photos)], first + i, args.out / args.split, args.actions) for i in range(args.clips)]
        (args.out / args.split).mkdir(parents=True, exist_ok=True)
        with multiprocessing.get_context("spawn").Pool(args.jobs) as pool:
            for line in pool.imap_unordered(film, tasks):
                print(line, flush=True)
    elif args.command == "score":
        rows = table_of(load(args.out / args.split))
        show(rows)
        if args.page:
            args.page.write_text(with_table(args.page.read_text(encoding="utf-8"), rows, args), encoding="utf-8")
        if args.json:
            args.json.write_text(json.dumps(rows, indent=1) + "\n")
    else:
        calibrate(args.out)


def film(task: tuple[Path, int, Path, str | None]) -> str:
    """Animate one photo, follow the face, keep signals and truth."""
    from facevlm.errors import FacevlmError
    from facevlm.expression.recorder import SignalRecorder
    from facevlm.perceiving import FaceFinder, PerceptionConfig
    from facevlm.puppet.moves import RECIPES
    from facevlm.puppet.puppet import Puppet
    from facevlm.puppet.scene import Film, Scene
    from facevlm.puppet.script import random_script
    from facevlm.tracking.track import Moment
    from facevlm.video.clip import Frame

    photo, seed, out, wanted = task
    actions = set(wanted.split(",")) if wanted else set(RECIPES) - UNSEEN
    seed += 500 if wanted else 0
    target = out / f"{seed}.npz"
    if target.exists():
        return f"{seed} kept"
    image = cv2.imread(str(photo))
    if image is None:
        return f"{seed} {photo.name}: no picture"
    try:
        puppet = Puppet.from_photo(cv2.cvtColor(image, cv2.COLOR_BGR2RGB))
    except FacevlmError as error:
        return f"{seed} {photo.name}: {error}"
    rng = np.random.default_rng(seed)
    scene = Scene.of(
        puppet,
        random_script(seed, SECONDS, rate=RATE, actions=actions),
        film=Film(
            noise=float(rng.uniform(0, 5)),
            light=float(rng.uniform(0.6, 1.1)),
            blur=float(rng.uniform(0, 0.8)),
            seed=seed,
        ),
    )
    recorder, frames = SignalRecorder(), []
    finder = FaceFinder(puppet.size, PerceptionConfig())
    for i, frame in enumerate(scene.frames()):
        faces = finder.look(Frame(i, frame.time, frame.image), 0)
        recorder(Moment(i, frame.time, 0, frame.image, tuple(faces)))
        frames.append(frame)
    people = finder.tracker.finish()
    if not people:
        return f"{seed} {photo.name}: no face followed"
    table = recorder.table(people[0].parts)
    truth = [event.record("A") for event in scene.truth(frames)["A"]]
    np.savez(target, times=table.times, shots=table.shots, photo=photo.name, truth=json.dumps(truth), **table.values)
    return f"{seed} {photo.name}: {len(truth)} events"


def load(folder: Path) -> list[tuple[SignalTable, list[dict]]]:
    """All cached clips: signals and truth."""
    clips = []
    for path in sorted(folder.glob("*.npz")):
        with np.load(path, allow_pickle=False) as data:
            values = {k: data[k] for k in data.files if k not in ("times", "shots", "photo", "truth")}
            values |= {name: np.full(len(data["times"]), np.nan, np.float32) for name in SIGNALS if name not in values}
            clips.append((SignalTable(data["times"], data["shots"], values), json.loads(str(data["truth"]))))
    return clips


def judged(events: list[Event], truth: list[dict]) -> list[bool]:
    """Which events are true."""
    return [
        inside((e.t0, e.t1), [t for t in truth if accepted(t["action"], e.action) and agree(t, e)]) >= 0.5
        for e in events
    ]


def accepted(true: str, found: str) -> bool:
    return found in ACCEPT.get(true, {true})


def agree(truth: dict, event: Event) -> bool:
    return not (truth.get("image_side") and event.image_side) or truth["image_side"] == event.image_side


def inside(span: tuple[float, float], others: list[dict]) -> float:
    """Share of a span inside others widened by the tolerance."""
    start, stop = span[0], max(span[1], span[0] + 1e-3)
    covered, end = 0.0, start
    for a, b in sorted((o["t0"] - TOLERANCE, o["t1"] + TOLERANCE) for o in others):
        a, b = max(a, end), min(b, stop)
        if b > a:
            covered, end = covered + b - a, b
    return covered / (stop - start)


def table_of(clips: list[tuple[SignalTable, list[dict]]]) -> dict[str, dict]:
    """Recall (of sure, clear or strong events), precision and counts per action."""
    counts: dict[str, Counter] = defaultdict(Counter)
    for table, truth in clips:
        events = [event for event, _ in find_graded(table)]
        for event, good in zip(events, judged(events, truth), strict=True):
            counts[event.action]["true" if good else "false"] += 1
        for t in truth:
            if not t["sure"] or t["strength"] == "slight":
                continue
            fitting = [{"t0": e.t0, "t1": e.t1} for e in events if accepted(t["action"], e.action) and agree(t, e)]
            counts[t["action"]]["found" if inside((t["t0"], t["t1"]), fitting) >= 0.3 else "missed"] += 1
    rows = {}
    for action in sorted(counts):
        c = counts[action]
        sought, made = c["found"] + c["missed"], c["true"] + c["false"]
        rows[action] = {
            "instances": sought,
            "recall": c["found"] / sought if sought else None,
            "found_events": made,
            "precision": c["true"] / made if made else None,
        }
    return rows


def show(rows: dict[str, dict]) -> None:
    print(f"{'action':18s} instances recall  events precision")
    for action, r in rows.items():
        recall, precision = (f"{r[k]:6.2f}" if r[k] is not None else "   -  " for k in ("recall", "precision"))
        print(f"{action:18s} {r['instances']:9d} {recall} {r['found_events']:7d} {precision}")


def with_table(page: str, rows: dict[str, dict], args: argparse.Namespace) -> str:
    """The page with the measured table between its marks."""
    head, rest = page.split("<!-- measured:")
    mark, tail = rest.split("-->", 1)[0], rest.split("<!-- /measured -->")[1]
    clips = len(list((args.out / args.split).glob("*.npz")))
    lines = [
        f"{clips} puppet clips of {SECONDS:g} s from photos not used for fitting; recall is of clear and strong ones.",
        "",
        "| action | instances | recall | events | precision |",
        "|---|--:|--:|--:|--:|",
    ]
    for action, r in rows.items():
        recall, precision = ("–" if r[k] is None else f"{r[k]:.2f}" for k in ("recall", "precision"))
        lines.append(f"| `{action}` | {r['instances']} | {recall} | {r['found_events']} | {precision} |")
    return f"{head}<!-- measured:{mark}-->\n" + "\n".join(lines) + f"\n<!-- /measured -->{tail}"


def calibrate(out: Path) -> None:
    """Fit scores on the training puppets, report the expected calibration error on the unseen ones."""
    samples = {split: _samples(load(out / split)) for split in ("train", "test")}
    model = fit(*samples["train"])
    CALIBRATION_FILE.write_text(json.dumps(model, indent=1) + "\n")
    from facevlm.expression.calibration import score

    for split, (rows, actions, good) in samples.items():
        scores = np.array([score(x, a) for x, a in zip(rows, actions, strict=True)])
        error = expected_calibration_error(scores, good)
        print(f"{split}: {len(scores)} events, {np.mean(good):.2f} true, ECE {error:.3f}")


def _samples(clips: list[tuple[SignalTable, list[dict]]]) -> tuple[np.ndarray, list[str], np.ndarray]:
    rows, actions, good = [], [], []
    for table, truth in clips:
        pairs = find_graded(table)
        for (event, graded), is_true in zip(pairs, judged([e for e, _ in pairs], truth), strict=True):
            rows.append(features(graded, table))
            actions.append(event.action)
            good.append(is_true)
    return np.array(rows), actions, np.array(good)


def expected_calibration_error(scores: np.ndarray, good: np.ndarray, bins: int = 10) -> float:
    """Mean gap of score and share of true events over equal-width bins, weighted by their size (Guo et al. 2017)."""
    number = np.minimum((scores * bins).astype(int), bins - 1)
    gaps = [abs(scores[number == b].mean() - good[number == b].mean()) * (number == b).mean() for b in set(number)]
    return float(sum(gaps))


if __name__ == "__main__":
    main()
