"""Describe a folder of annotated clips, score the events with the folder's own scorer, and say how sure the figures
are.

    python benchmarks/annotated_clips.py --clips DIR [--fps native] [--out DIR]

DIR holds the clips, `annotations.json` (records with `clip` and `file`) and `score.py`, which prints counts per clip
with `--json`. The interval is a bootstrap over clips: 2,000 draws with replacement, 2.5th to 97.5th percentile.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from facevlm import describe

DRAWS = 2000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=Path, required=True)
    parser.add_argument("--fps", default="native")
    parser.add_argument("--out", type=Path, help="where the descriptions are kept; default: nowhere")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        out = args.out or Path(temporary)
        out.mkdir(parents=True, exist_ok=True)
        for record in json.loads((args.clips / "annotations.json").read_text(encoding="utf-8")):
            text = describe(args.clips / record["file"], fps=args.fps).to_json()
            (out / f"{record['clip']}.json").write_text(text, encoding="utf-8")
        command = [sys.executable, str(args.clips / "score.py"), str(out)]
        print(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        scored = json.loads(subprocess.run([*command, "--json"], check=True, capture_output=True, text=True).stdout)
    clips = [np.array([c.get(k, 0) for k in ("found", "missed", "true", "false")]) for c in scored["clips"].values()]
    rng = np.random.default_rng(0)
    draws = [f1(np.sum([clips[i] for i in rng.integers(0, len(clips), len(clips))], axis=0)) for _ in range(DRAWS)]
    low, high = np.percentile(draws, [2.5, 97.5])
    print(f"overall F1 {scored['overall']['f1']:.3f}, 95 % interval over clips {low:.2f} to {high:.2f}")


def f1(counts: np.ndarray) -> float:
    """Of found, missed, true, false; 0 where nothing was sought or found."""
    found, missed, true, false = (float(c) for c in counts)
    recall, precision = found / max(found + missed, 1), true / max(true + false, 1)
    return 2 * precision * recall / max(precision + recall, 1e-9)


if __name__ == "__main__":
    main()
