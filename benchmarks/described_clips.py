"""The captions of `facevlm describe` against captions written by hand, by the rule judge, and why the worst score so.

    python benchmarks/described_clips.py --clips DIR [--page build/described_clips.html]

`DIR/annotations.json` holds per clip a `file`, a reference `caption` and the seconds that were looked at
(`annotated_s`); only those are described. A clip in which no face is annotated has nothing to score and is left out.
"""

import argparse
import json
from pathlib import Path

from machine import keep, machine

from facevlm import describe
from facevlm.evaluation import explain
from facevlm.evaluation.caption_files import pair_captions
from facevlm.evaluation.explanation_page import explanation_page
from facevlm.evaluation.metrics import as_document, compute
from facevlm.exports.atomic_file import write_text

WORST = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=Path, required=True, help="folder with annotations.json and its clips")
    parser.add_argument(
        "--page", type=Path, default=Path("build/described_clips.html"), help="explanations of the worst"
    )
    args = parser.parse_args()
    where = machine()
    rows = [row for row in json.loads((args.clips / "annotations.json").read_text(encoding="utf-8")) if row["people"]]
    said = {row["clip"]: described(args.clips, row) for row in rows}
    pairs = pair_captions(said, {row["clip"]: row["caption"] for row in rows})
    report = compute(pairs, intervals=True)
    explanations = [
        explain(a, b, id=name) for name, a, b in zip(pairs.ids, pairs.predictions, pairs.references, strict=True)
    ]
    worst = sorted(explanations, key=lambda one: one.result.tem)[:WORST]
    args.page.parent.mkdir(parents=True, exist_ok=True)
    write_text(explanation_page(worst), args.page)
    lines = [f"{'metric':26}{'value':>8}   95 % interval"]
    for name, metric in report.metrics.items():
        interval = "{:.3f} - {:.3f}".format(*metric.interval) if metric.interval else ""
        lines.append(f"{name:26}{metric.scores.corpus:8.3f}   {interval}")
    lines += ["", f"{'clip':26}{'tem':>8}{'tem_ref':>9}"]
    lines += [f"{one.id:26}{one.result.tem:8.3f}{one.result.tem_ref:9.3f}" for one in explanations]
    document = as_document(report, details=True) | {"predictions": said}
    keep("described_clips", where, document, "\n".join(lines))


def described(folder: Path, row: dict) -> str:
    start, end = row["annotated_s"]
    return describe(folder / row["file"], start=start, end=end).caption


if __name__ == "__main__":
    main()
