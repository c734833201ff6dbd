"""Events are found in signals made by hand: one named situation a row."""

import numpy as np
import pytest

from facevlm.expression.event import ACTIONS, Event, SignalTable
from facevlm.expression.events import find_events
from facevlm.expression.grades import GRADES
from facevlm.expression.signals import SIGNALS

REST = {
    "lid_left": 0.28, "lid_right": 0.28, "brow_inner_left": 0.25, "brow_inner_right": 0.25,
    "brow_outer_left": 0.2, "brow_outer_right": 0.2, "brow_distance": 0.31, "brow_lines": 0.008, "mouth_width": 0.55,
    "lip_height": 0.2, "gaze_y": 0.05, "protrusion": 0.185, "nose_height": 0.44, "size": 150.0,
    "centre_x": 256.0, "centre_y": 256.0,
}  # fmt: skip


def table(duration: float = 6.0, fps: float = 30.0, **moves: list[tuple[float, float, float]]) -> SignalTable:
    """A resting face; `signal=[(t0, t1, change), …]` adds smooth bumps with ramps of 0.1 s."""
    times = np.arange(0, duration, 1 / fps)
    rng = np.random.default_rng(0)
    values = {}
    for name in SIGNALS:
        column = np.full(len(times), REST.get(name, 0.0)) + rng.normal(0, 1e-4, len(times))
        for t0, t1, change in moves.get(name, []):
            rise = np.clip((times - t0) / 0.1, 0, 1) * np.clip((t1 - times) / 0.1, 0, 1)
            column = column + change * rise
        values[name] = column.astype(np.float32)
    return SignalTable(times, np.zeros(len(times), np.int32), values)


def both(signal: str, *bumps: tuple[float, float, float]) -> dict[str, list[tuple[float, float, float]]]:
    return {f"{signal}_left": list(bumps), f"{signal}_right": list(bumps)}


SPEECH = [(0.5 + 0.25 * i, 0.72 + 0.25 * i, 0.12) for i in range(8)]
NOD = [(1.0 + 0.5 * i, 1.4 + 0.5 * i, -9.0) for i in range(3)]
SITUATIONS = {
    "nothing happens": ({}, []),
    "a blink": (both("lid", (2.0, 2.3, -0.26)), [("blink", None)]),
    "two blinks": (both("lid", (2.0, 2.3, -0.26), (3.0, 3.25, -0.25)), [("blink", None), ("blink", None)]),
    "eyes closed for a second": (both("lid", (2.0, 3.2, -0.26)), [("eyes_closed", None)]),
    "a wink of the left eye": ({"lid_left": [(2.0, 2.5, -0.26)]}, [("wink", "right")]),
    "eyes narrow": (both("lid", (2.0, 3.0, -0.10)), [("eyes_squint", None)]),
    "the right eye narrows": ({"lid_right": [(2.0, 3.0, -0.12)]}, [("eyes_squint", "left")]),
    "eyes widen": (both("lid", (2.0, 3.0, 0.07)), [("eyes_widen", None)]),
    "brows go up": ({**both("brow_inner", (2, 3, 0.06)), **both("brow_outer", (2, 3, 0.05))}, [("brow_raise", None)]),
    "brows draw together": (
        {"brow_distance": [(2, 3, -0.03)], **both("brow_inner", (2, 3, -0.015))},
        [("brow_furrow", None)],
    ),
    "lines between the brows": ({"brow_lines": [(2, 3.5, 0.03)]}, [("brow_furrow", None)]),
    "looks to their left": ({"gaze_x": [(2, 3, 0.16)]}, [("gaze_left", "right")]),
    "looks to their right": ({"gaze_x": [(2, 3, -0.16)]}, [("gaze_right", "left")]),
    "looks up": ({"gaze_y": [(2, 3, 0.09)]}, [("gaze_up", None)]),
    "looks down": ({"gaze_y": [(2, 3, -0.09)]}, [("gaze_down", None)]),
    "eyes stay on the camera while the head turns": (
        {"yaw": [(2, 3, 8.0)], "gaze_x": [(2, 3, -0.04)]},
        [],
    ),
    "mouth opens": ({"mouth_aperture": [(2, 3, 0.2)]}, [("mouth_open", None), ("mouth_close", None)]),
    "speaks": ({"mouth_aperture": SPEECH}, [("speaking", None)]),
    "smiles": ({"mouth_width": [(2, 4, 0.14)], **both("corner", (2, 4, 0.05))}, [("smile", None)]),
    "smiles on the left side": (
        {"mouth_width": [(2, 4, 0.03)], "corner_left": [(2, 4, 0.06)], "corner_right": [(2, 4, -0.03)]},
        [("smile", "right")],
    ),
    "presses the lips": ({"lip_height": [(2, 3, -0.05)]}, [("lip_press", None)]),
    "pouts": ({"mouth_width": [(2, 3, -0.1)], "lip_height": [(2, 3, 0.03)]}, [("pout", None)]),
    "corners go down": (both("corner", (2, 3, -0.045)), [("mouth_corner_down", None)]),
    "mouth pulled to their left": (
        {"mouth_shift": [(2, 3, 0.12)], "mouth_width": [(2, 3, -0.05)]},
        [("jaw_sideways", "right")],
    ),
    "turns the head to their left": ({"yaw": [(2, 3.5, 18.0)]}, [("head_turn_left", "right")]),
    "turns the head to their right": ({"yaw": [(2, 3.5, -18.0)]}, [("head_turn_right", "left")]),
    "tilts to their left shoulder": ({"roll": [(2, 3.5, 15.0)]}, [("head_tilt_left", "right")]),
    "lifts the head": ({"pitch": [(2, 3.5, 12.0)]}, [("head_up", None)]),
    "lowers the head": ({"pitch": [(2, 3.5, -12.0)]}, [("head_down", None)]),
    "nods": ({"pitch": NOD}, [("head_nod", None)]),
}


@pytest.mark.parametrize(("moves", "expected"), SITUATIONS.values(), ids=SITUATIONS.keys())
def test_a_situation_gives_its_events(moves, expected):
    events = find_events(table(**moves))
    assert [(e.action, e.image_side) for e in events] == expected


@pytest.mark.parametrize("fps", [16.0, 25.0, 29.97, 30.0])
def test_times_do_not_depend_on_the_frame_rate(fps):
    moves = {"mouth_width": [(2, 4, 0.14)], **both("corner", (2, 4, 0.05)), **both("lid", (1.0, 1.25, -0.26))}
    blink, smile = find_events(table(fps=fps, **moves))
    assert blink.action == "blink" and abs(blink.peak - 1.12) < 0.08
    assert smile.action == "smile" and abs(smile.t0 - 2.05) < 0.1 and abs(smile.t1 - 3.95) < 0.1


def test_a_smile_that_fills_the_clip_is_seen():
    events = find_events(table(mouth_width=[(-1, 9, 0.14)], **both("corner", (-1, 9, 0.05))))
    assert [(e.action, e.t0) for e in events] == [("smile", 0.0)] and events[0].t1 > 5.9


def test_a_narrow_mouth_is_no_pout_and_thin_lips_are_not_pressed():
    assert find_events(table(mouth_width=[(-1, 9, -0.1)], lip_height=[(-1, 9, -0.08)])) == ()


def test_small_faces_are_not_judged_finely():
    moves = {"size": [(-1, 9, -110.0)], "gaze_x": [(2, 3, 0.16)], **both("corner", (2, 3, -0.045))}
    assert find_events(table(**moves)) == ()


def test_hidden_parts_say_nothing():
    t = table(mouth_aperture=[(2, 3, 0.2)])
    hidden = {k: np.where((t.times > 1.5) & (t.times < 3.5), np.nan, v) for k, v in t.values.items() if "mouth" in k}
    assert find_events(SignalTable(t.times, t.shots, {**t.values, **hidden})) == ()


def test_a_cut_ends_events():
    t = table(mouth_width=[(2, 4, 0.14)], **both("corner", (2, 4, 0.05)))
    shots = (t.times >= 3).astype(np.int32)
    smiles = find_events(SignalTable(t.times, shots, t.values))
    assert [e.action for e in smiles] == ["smile", "smile"] and smiles[0].t1 < 3 <= smiles[1].t0


def test_a_way_back_is_no_turn_but_a_sway_is_turns():
    back = find_events(table(yaw=[(2, 3.5, 18.0)]))
    sway = find_events(table(yaw=[(1.0, 1.9, 14.0), (1.8, 2.7, -14.0), (2.6, 3.5, 14.0)]))
    assert [e.action for e in back] == ["head_turn_left"]
    assert {"head_turn_left", "head_turn_right"} <= {e.action for e in sway} and len(sway) >= 3


def test_drift_is_no_turn():
    t = table(duration=12.0)
    values = {**t.values, "yaw": (t.times * 2.0).astype(np.float32)}
    assert find_events(SignalTable(t.times, t.shots, values)) == ()


@pytest.mark.parametrize("seed", range(20))
def test_events_keep_the_promises_of_the_document(seed):
    rng = np.random.default_rng(seed)
    t = table(duration=8.0)
    shaken = {}
    for name, column in t.values.items():
        walk = np.cumsum(rng.normal(0, 0.15, len(column))) * float(np.ptp(column) + 0.02 * np.abs(column).max())
        shaken[name] = (column + walk).astype(np.float32)
    events = find_events(SignalTable(t.times, t.shots, shaken), first_id=5)
    assert [e.id for e in events] == list(range(5, 5 + len(events)))
    last: dict[tuple[str, str | None], Event] = {}
    for e in events:
        assert e.action in ACTIONS and e.strength in ("slight", "clear", "strong") and 0 <= e.score <= 1
        assert 0 <= e.t0 <= e.peak <= e.t1 <= 8.0
        before = last.get((e.action, e.image_side))
        assert before is None or before.t1 < e.t0
        last[e.action, e.image_side] = e


def test_no_signals_no_events():
    empty = SignalTable(np.empty(0), np.empty(0, np.int32), {name: np.empty(0, np.float32) for name in SIGNALS})
    one = SignalTable(
        np.zeros(1), np.zeros(1, np.int32), {n: np.full(1, REST.get(n, 0.0), np.float32) for n in SIGNALS}
    )
    assert find_events(empty) == () and find_events(one) == ()


def test_every_found_action_has_grades():
    assert set(GRADES) <= set(ACTIONS)
    assert all(g.clear < g.strong for g in GRADES.values())
