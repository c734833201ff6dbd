"""Scripts and their truth: times, sides, strengths, seeds."""

from itertools import combinations

import numpy as np
import pytest

from facevlm.errors import UsageError
from facevlm.expression.event import ACTIONS
from facevlm.puppet.demo import DURATION, MOVES
from facevlm.puppet.moves import RECIPES, Move
from facevlm.puppet.puppet import Puppet
from facevlm.puppet.script import Idle, Script, random_script
from facevlm.puppet.truth import truth_of
from tests.puppet.conftest import Ruler

STILL = Idle(amount=0.0)


@pytest.mark.parametrize(
    ("move", "signal"),
    [
        (Move("blink", 0.30, 0.62, onset_s=0.10, offset_s=0.14), "eye_left"),
        (Move("smile", 0.20, 0.90, "strong", onset_s=0.25, offset_s=0.30), "mouth_width"),
        (Move("head_turn_right", 0.20, 1.00, "strong", onset_s=0.30, offset_s=0.30), "yaw"),
    ],
    ids=lambda value: value.action if isinstance(value, Move) else "",
)
def test_truth_times_are_those_the_mesh_sees(puppet: Puppet, ruler: Ruler, move: Move, signal: str) -> None:
    script = Script((move,), move.t1 + 0.1, STILL)
    times = np.arange(0, script.duration, 1 / 30)
    seen = np.array([ruler.measure(puppet, script.controls(t))[signal] for t in times])
    change = np.abs(seen - seen[0])
    moving = times[change > 0.15 * change.max()]
    event = next(e for e in truth_of(puppet, script) if e.action == move.action)
    assert abs(moving[0] - event.t0) < 0.1 and abs(moving[-1] - event.t1) < 0.1


SIDES = [
    (Move("head_turn_left", 0, 1), "right"),
    (Move("head_turn_right", 0, 1), "left"),
    (Move("gaze_left", 0, 1), "right"),
    (Move("wink", 0, 1, side="right"), "left"),
    (Move("brow_raise", 0, 1, side="left"), "right"),
    (Move("brow_raise", 0, 1), None),
    (Move("head_up", 0, 1), None),
]


@pytest.mark.parametrize(("move", "image_side"), SIDES, ids=[f"{m.action} {m.side}" for m, _ in SIDES])
def test_the_subjects_left_is_the_pictures_right(move: Move, image_side: str | None) -> None:
    assert move.image_side == image_side


@pytest.mark.parametrize("action", sorted(RECIPES))
def test_each_action_is_a_known_one_and_gets_its_strength(action: str) -> None:
    assert action in ACTIONS
    recipe = RECIPES[action]
    assert [recipe.strength(size) for size in recipe.sizes][:2] == ["slight", "clear"]
    assert recipe.strength(recipe.sizes[2]) == ("clear" if recipe.sizes[1] == recipe.sizes[2] else "strong")


def test_what_is_too_small_to_see_is_not_true(puppet: Puppet) -> None:
    actions = ("head_turn_left", "gaze_up", "brow_raise")
    faint = tuple(Move(action, 0.2, 0.9, "slight", scale=0.15) for action in actions)
    assert truth_of(puppet, Script(faint, 1.0)) == ()


def test_nothing_happens_when_nothing_is_drawn(puppet: Puppet) -> None:
    script = random_script(3, 5.0, actions=())
    assert script.moves == () and truth_of(puppet, script) == ()


def test_the_photos_own_smile_and_teeth_are_true_for_the_whole_clip(smiling: Puppet) -> None:
    found = {event.action: event for event in truth_of(smiling, Script((), 3.0, STILL))}
    assert set(found) == {"smile", "mouth_open"}
    assert all(event.sure and event.t0 == 0 and event.t1 > 2.9 for event in found.values())


def test_an_opening_mouth_is_measured_and_its_closing_noted(puppet: Puppet) -> None:
    script = Script((Move("mouth_open", 0.5, 1.5, "clear"),), 2.0, STILL)
    opening, closing = truth_of(puppet, script)
    assert (opening.action, opening.strength, opening.sure) == ("mouth_open", "clear", True)
    assert 0.5 < opening.t0 < 0.75 and 1.2 < opening.t1 < 1.5
    assert (closing.action, closing.t1) == ("mouth_close", opening.t1)


@pytest.mark.parametrize(
    ("offset_s", "duration", "sure"),
    [
        pytest.param(0.12, 2.0, True, id="it shuts at once and stays shut"),
        pytest.param(0.8, 2.5, False, id="it shuts slowly"),
        pytest.param(0.12, 1.6, False, id="the clip ends before it is known to stay shut"),
    ],
)
def test_a_mouth_closes_for_sure_where_it_snaps_shut(
    puppet: Puppet, offset_s: float, duration: float, sure: bool
) -> None:
    script = Script((Move("mouth_open", 0.5, 1.5, "strong", offset_s=offset_s),), duration, STILL)
    assert [event.sure for event in truth_of(puppet, script) if event.action == "mouth_close"] == [sure]


def test_the_same_seed_gives_the_same_script() -> None:
    assert random_script(11, 20.0) == random_script(11, 20.0)
    assert random_script(11, 20.0) != random_script(12, 20.0)


def test_moves_of_one_region_never_overlap_and_all_actions_appear() -> None:
    drawn = set()
    for seed in range(30):
        script = random_script(seed, 12.0)
        drawn |= {move.action for move in script.moves}
        for a, b in combinations(script.moves, 2):
            if ACTIONS[a.action].region == ACTIONS[b.action].region:
                assert max(a.t0, b.t0) > min(a.t1, b.t1)
        assert all(move.t0 > 0 and move.t1 < 12.0 for move in script.moves)
    assert drawn == set(RECIPES)


def test_idle_motion_and_drift_stay_below_any_event() -> None:
    script = Script((), 30.0, Idle(seed=5, amount=1.6, drift=3.0))
    yaw = [script.controls(t).yaw for t in np.arange(0, 30, 0.1)]
    assert 0.5 < max(np.abs(yaw)) < 0.6 * RECIPES["head_turn_left"].sizes[0]


def test_the_demo_fits_its_duration() -> None:
    assert max(move.t1 for move in MOVES) < DURATION


MISTAKES = [
    ("unknown action", lambda: Move("frown", 0, 1), "cannot do"),
    ("tongue", lambda: Move("tongue_out", 0, 1), "cannot do"),
    ("unknown strength", lambda: Move("smile", 0, 1, "huge"), "strength"),
    ("wink without side", lambda: Move("wink", 0, 1), "needs a side"),
    ("side of a nod", lambda: Move("head_nod", 0, 1, side="left"), "one side"),
    ("no time", lambda: Move("smile", 1, 1), "lasts no time"),
    ("unknown action drawn", lambda: random_script(1, 5, actions=["grin"]), "cannot do"),
    ("no duration", lambda: random_script(1, 0), "duration"),
]


@pytest.mark.parametrize(("make", "words"), [m[1:] for m in MISTAKES], ids=[m[0] for m in MISTAKES])
def test_mistakes_are_named(make: object, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        make()  # type: ignore[operator]
