"""Figures of runs as SVG, drawn without any library: confusions of classes, ROC curves, radar plots of scores."""

import math
from collections.abc import Mapping, Sequence
from html import escape

import numpy as np

INK, SOFT, RULE, PAPER = "#1d2733", "#5c6a7a", "#d6dce4", "#ffffff"
COLOURS = ("#0f62fe", "#d02670", "#198038", "#8a3ffc", "#b28600", "#007d79")  # told apart by the colour-blind too
FONT = "font-family='system-ui, sans-serif'"
CELL = 58  # pixels
NAMESPACE = "xmlns='http://www.w3.org/2000/svg'"  # needed by a file, not inside HTML


def confusion_svg(counts: np.ndarray, labels: Sequence[str], *, unread: Sequence[int], title: str) -> str:
    """A confusion matrix: each row a true class, in percent of its clips, with a last column of unreadable answers.

    Args:
        counts: int (C, C), rows are the truth.
        labels: Of the classes.
        unread: Answers of each true class that name no class.
        title: Above the picture.
    """
    table = np.column_stack([counts, np.asarray(unread)])
    support = table.sum(axis=1)
    left, top = 110, 128
    width, height = left + CELL * table.shape[1] + 100, top + CELL * len(labels) + 46
    parts = [_text(12, 28, title, size=15, anchor="start", weight=600)]
    parts.append(_text(12, 50, "rows: truth · columns: answer · percent of the row", anchor="start", fill=SOFT))
    for column, name in enumerate((*labels, "unreadable")):
        x = left + CELL * (column + 0.5)
        parts.append(_text(x + 4, top - 10, name, anchor="start", turn=-40))
    for row, name in enumerate(labels):
        y = top + CELL * row
        parts.append(_text(left - 10, y + CELL / 2 + 4, name, anchor="end"))
        parts.append(
            _text(left + CELL * table.shape[1] + 12, y + CELL / 2 + 4, f"n = {support[row]}", anchor="start", fill=SOFT)
        )
        for column, count in enumerate(table[row]):
            share = float(count / support[row]) if support[row] else 0.0
            colour = _shade("#0f62fe" if column < len(labels) else "#6f6f6f", share)
            x = left + CELL * column
            edge = INK if column == row else PAPER
            square = f"x='{x + 1}' y='{y + 1}' width='{CELL - 2}' height='{CELL - 2}'"
            parts.append(f"<rect {square} fill='{colour}' stroke='{edge}'/>")
            told = f"{100 * share:.0f}" if support[row] else "–"
            fill = PAPER if share > 0.55 else INK
            parts.append(_text(x + CELL / 2, y + CELL / 2 + 5, told, size=14, fill=fill))
    return _svg(width, height, parts, title)


def roc_svg(accepted: np.ndarray, wrongly: np.ndarray, *, auc: float, title: str) -> str:
    """A ROC curve.

    Args:
        accepted: float (K,), share of same pairs accepted, in 0 .. 1.
        wrongly: float (K,), share of different pairs accepted.
        auc: Area under the curve, in 0 .. 1.
        title: Above the picture.
    """
    left, top, side = 64, 62, 320
    points = " ".join(
        f"{left + side * x:.1f},{top + side * (1 - y):.1f}" for x, y in zip(wrongly, accepted, strict=True)
    )
    parts = [_text(12, 28, title, size=15, anchor="start", weight=600)]
    parts.append(_text(12, 48, f"area under the curve {auc:.3f}", anchor="start", fill=SOFT))
    for step in range(6):
        share = step / 5
        x, y = left + side * share, top + side * (1 - share)
        parts.append(f"<path d='M{x} {top}V{top + side}M{left} {y}H{left + side}' stroke='{RULE}' fill='none'/>")
        parts.append(_text(x, top + side + 18, f"{share:g}", fill=SOFT))
        parts.append(_text(left - 8, y + 4, f"{share:g}", anchor="end", fill=SOFT))
    parts.append(f"<path d='M{left} {top + side}L{left + side} {top}' stroke='{SOFT}' stroke-dasharray='4 4'/>")
    parts.append(f"<polyline points='{points}' fill='none' stroke='{COLOURS[0]}' stroke-width='2.5'/>")
    parts.append(_text(left + side / 2, top + side + 40, "false accept rate"))
    parts.append(_text(18, top + side / 2, "true accept rate", turn=-90))
    return _svg(left + side + 30, top + side + 56, parts, title)


def radar_svg(axes: Sequence[str], rows: Mapping[str, Sequence[float | None]], *, most: Sequence[float]) -> str:
    """Scores of several models on axes from the middle outwards, to stand in a page; a missing score breaks the line.

    Args:
        axes: Names of at least three scores.
        rows: Model -> a value for each axis, None where it has none; the first six are drawn.
        most: The value at the outer end of each axis.
    """
    radius, centre, top = 150, (340.0, 196.0), 40
    angles = [2 * math.pi * k / len(axes) - math.pi / 2 for k in range(len(axes))]

    def at(k: int, share: float) -> tuple[float, float]:
        return centre[0] + radius * share * math.cos(angles[k]), centre[1] + radius * share * math.sin(angles[k])

    parts = []
    for ring in (0.25, 0.5, 0.75, 1.0):
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in (at(k, ring) for k in range(len(axes))))
        parts.append(f"<polygon points='{points}' fill='none' stroke='{RULE}'/>")
    for k, name in enumerate(axes):
        x, y = at(k, 1.0)
        parts.append(f"<path d='M{centre[0]} {centre[1]}L{x:.1f} {y:.1f}' stroke='{RULE}'/>")
        side = math.cos(angles[k])
        anchor = "middle" if abs(side) < 0.2 else "start" if side > 0 else "end"
        x, y = at(k, 1.09)
        parts.append(_text(x, y + 4, f"{name} ({most[k]:.3g})", anchor=anchor))
    for number, (model, values) in enumerate(list(rows.items())[: len(COLOURS)]):
        colour = COLOURS[number]
        spots = [None if v is None else at(k, min(max(v / most[k], 0.0), 1.0)) for k, v in enumerate(values)]
        for k, spot in enumerate(spots):
            following = spots[(k + 1) % len(spots)]
            if spot and following:
                line = f"M{spot[0]:.1f} {spot[1]:.1f}L{following[0]:.1f} {following[1]:.1f}"
                parts.append(f"<path d='{line}' stroke='{colour}' stroke-width='2' fill='none'/>")
            if spot:
                parts.append(f"<circle cx='{spot[0]:.1f}' cy='{spot[1]:.1f}' r='3.5' fill='{colour}'/>")
        y = top + 356 + 22 * number
        parts.append(f"<rect x='190' y='{y - 11}' width='14' height='14' rx='3' fill='{colour}'/>")
        parts.append(_text(212, y + 1, model, anchor="start"))
    height = top + 366 + 22 * min(len(rows), len(COLOURS))
    return _svg(680, height, parts, "scores of models on several axes", namespace="")


def _svg(width: float, height: float, parts: Sequence[str], title: str, *, namespace: str = NAMESPACE) -> str:
    body = "\n".join(parts)
    return (
        f"<svg {namespace} viewBox='0 0 {width:g} {height:g}' width='{width:g}' "
        f"height='{height:g}' role='img'><title>{escape(title)}</title>\n"
        f"<rect width='100%' height='100%' fill='{PAPER}'/>\n{body}\n</svg>\n"
    )


def _text(
    x: float,
    y: float,
    text: str,
    *,
    size: int = 13,
    anchor: str = "middle",
    fill: str = INK,
    weight: int = 400,
    turn: int = 0,
) -> str:
    turned = f" transform='rotate({turn} {x:.1f} {y:.1f})'" if turn else ""
    style = f"font-size='{size}' font-weight='{weight}' text-anchor='{anchor}' fill='{fill}' {FONT}"
    return f"<text x='{x:.1f}' y='{y:.1f}' {style}{turned}>{escape(text)}</text>"


def _shade(colour: str, share: float) -> str:
    """From nearly white to the colour."""
    strong = [int(colour[k : k + 2], 16) for k in (1, 3, 5)]
    weak = (243, 245, 248)
    return "#" + "".join(f"{round(w + (s - w) * share):02x}" for s, w in zip(strong, weak, strict=True))
