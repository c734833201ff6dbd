"""The benchmark's text tables: totals with intervals, differences, and every scene."""

from collections.abc import Sequence

import numpy as np

from benchmarks.tracking.scoring import Score, bootstrap, together

Results = dict[str, dict[str, list[Score]]]  # tracker -> scene -> score of each seed


def summary(results: Results, milliseconds: dict[str, float]) -> dict[str, dict[str, float | list[float]]]:
    """tracker -> figures over all clips, 95 % intervals of HOTA and IDF1 over scenes, ms per face and frame."""
    draws = bootstrap(results)
    rows: dict[str, dict[str, float | list[float]]] = {}
    for tracker, of in results.items():
        row: dict[str, float | list[float]] = dict(together([s for scores in of.values() for s in scores]).figures)
        for figure in ("HOTA", "IDF1"):
            row[f"{figure} interval"] = _interval(draws[tracker][figure])
            row[f"{figure} lead interval"] = _interval(draws[next(iter(results))][figure] - draws[tracker][figure])
        row["ms per face"] = milliseconds[tracker]
        rows[tracker] = row
    return rows


def totals(rows: dict[str, dict]) -> str:
    """One line per tracker; the last two columns are how far the first tracker is ahead (95 % interval, same draws)."""
    first = next(iter(rows))
    width = max(map(len, rows))
    head = f"{'':{width}s}  HOTA [95 %]        IDF1 [95 %]        MOTA  IDSW   AssA  DetA    FN    FP  ms/face"
    lines = [head + f"  lead of {first}: HOTA, IDF1"]
    for tracker, row in rows.items():
        spans = [f"{row[figure]:5.1f} [{_span(row[f'{figure} interval'])}]" for figure in ("HOTA", "IDF1")]
        leads = [f"[{_span(row[f'{figure} lead interval'], signed=True)}]" for figure in ("HOTA", "IDF1")]
        lines.append(
            f"{tracker:{width}s}  {spans[0]}  {spans[1]}  {row['MOTA']:5.1f} {row['IDSW']:5d}  {row['AssA']:5.1f} "
            f"{row['DetA']:5.1f} {row['FN']:5d} {row['FP']:5d}  {row['ms per face']:7.3f}"
            + ("" if tracker == first else f"  {leads[0]} {leads[1]}")
        )
    return "\n".join(lines)


def by_scene(results: Results, trackers: Sequence[str], figure: str) -> str:
    """One figure for each scene and tracker."""
    width = max(map(len, next(iter(results.values()))))
    lines = [" " * width + "".join(f"  {name:>10s}" for name in (_short(tracker) for tracker in trackers))]
    for scene in next(iter(results.values())):
        values = [together(results[tracker][scene]).figures[figure] for tracker in trackers]
        lines.append(f"{scene:{width}s}" + "".join(f"  {value:10.1f}" for value in values))
    return "\n".join(lines)


def _short(tracker: str) -> str:
    """At most ten letters; a star for tuned."""
    return tracker.removeprefix("facevlm, ").split(",")[0].replace(" tuned", "*")[:10]


def _interval(values: np.ndarray) -> list[float]:
    return [float(v) for v in np.percentile(values, [2.5, 97.5])]


def _span(interval: list[float], *, signed: bool = False) -> str:
    return " ".join(f"{value:+5.1f}" if signed else f"{value:5.1f}" for value in interval)
