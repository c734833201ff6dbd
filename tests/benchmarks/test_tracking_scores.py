"""The scorer and the adapters of the tracking benchmark, on made-up tracks with known scores."""

import json

import numpy as np
import pytest

from benchmarks.tracking.clip import Clip, Truth
from benchmarks.tracking.ours import DEFAULT, OURS, PARTS, ablation, constants
from benchmarks.tracking.scoring import bootstrap, score, together
from tests.benchmarks.made_tracks import FRAMES, faces_at, rows_of, standing

trackeval = pytest.importorskip("trackeval", reason="TrackEval lives in .venv-tracking (make bench-tracking)")


def figures(truth: Truth, rows: np.ndarray) -> dict[str, float]:
    return score(truth, rows, FRAMES).figures


def test_perfect_tracks_score_full() -> None:
    truth = standing(3).truth
    found = figures(truth, rows_of(truth))
    assert [found[name] for name in ("HOTA", "IDF1", "MOTA")] == pytest.approx([100, 100, 100])
    assert found["IDSW"] == found["FN"] == found["FP"] == 0


def test_ids_that_swap_half_way_halve_idf1_and_leave_detection() -> None:
    truth = standing(2).truth
    rows = rows_of(truth)
    late = rows[:, 0] >= FRAMES / 2
    rows[late, 1] = 1 - rows[late, 1]
    found = figures(truth, rows)
    assert found["IDF1"] == pytest.approx(50) and found["IDSW"] == 2 and found["DetA"] == pytest.approx(100)
    assert found["AssA"] == pytest.approx(100 / 3)


def test_what_is_missed_and_what_is_false_count() -> None:
    truth = standing(2).truth
    rows = rows_of(truth)
    rows[rows[:, 1] == 1, 2:] += 300  # one person missed, as many false rows
    found = figures(truth, rows)
    assert found["FN"] == found["FP"] == FRAMES and found["MOTA"] == pytest.approx(0)


def test_nothing_found_and_nothing_there() -> None:
    truth, nothing = standing(1).truth, np.zeros((0, 6))
    assert figures(truth, nothing)["HOTA"] == 0 and figures(truth, nothing)["FN"] == FRAMES
    empty = Truth(np.zeros(0, int), np.zeros(0, int), np.zeros((0, 4)), np.zeros(0), ())
    assert figures(empty, rows_of(truth))["FP"] == FRAMES


@pytest.mark.parametrize("situation", ["not followed", "followed", "a part followed"])
def test_hidden_faces_are_ignored_whatever_a_tracker_says_of_them(situation: str) -> None:
    truth = standing(2, hidden=(5, 12)).truth
    rows = rows_of(truth)
    hidden = (rows[:, 1] == 0) & (rows[:, 0] >= 5) & (rows[:, 0] < 12)
    if situation == "not followed":
        rows = rows[~hidden]
    elif situation == "a part followed":
        rows[hidden, 4:] = rows[hidden, 2:4] + 15  # a small box inside the face: IoU below 0.5
    found = figures(truth, rows)
    assert found["HOTA"] == pytest.approx(100) and found["FN"] == found["FP"] == 0


def test_an_id_twice_in_a_frame_is_an_error() -> None:
    truth = standing(2).truth
    rows = rows_of(truth)
    rows[:, 1] = 0
    with pytest.raises(ValueError, match="twice in frame 0"):
        figures(truth, rows)


def test_the_bootstrap_of_every_scene_once_is_the_total() -> None:
    truth = standing(2).truth
    swapped = rows_of(truth)
    swapped[swapped[:, 0] > 12, 1] += 5
    missed = rows_of(truth)[::3]
    scores = {"a": {"x": [score(truth, swapped, FRAMES)], "y": [score(truth, missed, FRAMES)]}}
    total = together([s for of in scores["a"].values() for s in of]).figures
    draws = bootstrap(scores, repeats=200)["a"]
    single = {tuple(together([of[0], of[0]]).figures[n] for n in ("HOTA", "IDF1")) for of in scores["a"].values()}
    both = (total["HOTA"], total["IDF1"])
    seen = list(zip(draws["HOTA"], draws["IDF1"], strict=True))
    assert all(any(np.allclose(pair, one) for one in (*single, both)) for pair in seen)
    assert any(np.allclose(pair, both) for pair in seen)


@pytest.mark.parametrize("name", OURS)
def test_our_trackers_follow_people_who_stand(name: str) -> None:
    clip = standing(3)
    found = figures(clip.truth, OURS[name](clip))
    assert found["IDSW"] == 0 and found["FP"] == 0
    first_frames = 0 if name.startswith("facevlm") else 3 * 2  # until a track is confirmed, where the paper waits
    assert found["FN"] == first_frames


def test_the_ablation_switches_every_part() -> None:
    variants = ablation(DEFAULT, "ours")
    assert len(variants) == len(PARTS) and DEFAULT not in variants.values()
    for name, variant in variants.items():
        assert PARTS[name.split(maxsplit=2)[2]](variant, " with " in name) == variant
    assert len({repr(variant) for variant in variants.values()}) == len(PARTS)


def test_interpolation_fills_the_frames_in_which_a_face_is_hidden() -> None:
    clip = standing(2, hidden=(5, 9))
    rows = OURS["facevlm with GSI"](clip)
    assert sorted(rows[rows[:, 2] < 50, 0]) == list(range(FRAMES))
    assert np.allclose(rows[rows[:, 2] < 50, 2:], [0, 10, 40, 60], atol=0.5)


def test_every_moved_constant_is_another_setting_that_runs() -> None:
    clip, moved = standing(2), constants(DEFAULT)
    assert len({repr(variant) for variant in [DEFAULT, *moved.values()]}) == len(moved) + 1
    for name, variant in moved.items():
        assert figures(clip.truth, variant(clip))["IDSW"] == 0, name


@pytest.mark.parametrize("name", ["SORT", "ByteTrack", "OC-SORT"])
def test_peers_follow_people_who_stand(name: str) -> None:
    pytest.importorskip("trackers", reason="the peers live in .venv-tracking (make bench-tracking)")
    from benchmarks.tracking.peers import draw, peer, peers

    clip = standing(3)
    found = figures(clip.truth, peer(name)(clip))
    assert found["IDSW"] == 0 and found["FP"] == 0 and found["FN"] <= 3 * 3  # until a track counts as one
    drawn = [draw(name, np.random.default_rng(seed)) for seed in range(20)]
    assert {key for settings in drawn for key in settings} == {"cuts", *peers()[name].search_space}
    peer(name, drawn[0])(clip)


def test_a_peer_begins_anew_at_a_cut_only_when_told() -> None:
    pytest.importorskip("trackers", reason="the peers live in .venv-tracking (make bench-tracking)")
    from benchmarks.tracking.peers import peer

    whole = standing(1)
    cut = Clip(whole.name, 0, whole.path, whole.size, whole.times, np.arange(FRAMES) // 10, whole.faces, whole.truth)
    assert len(np.unique(peer("ByteTrack")(cut)[:, 1])) == 1
    assert len(np.unique(peer("ByteTrack", {"cuts": True})(cut)[:, 1])) == 2


def test_kept_settings_of_the_peers_are_theirs() -> None:
    pytest.importorskip("trackers", reason="the peers live in .venv-tracking (make bench-tracking)")
    from benchmarks.tracking.peers import peers
    from benchmarks.tracking.run import TUNED

    kept = json.loads(TUNED.read_text())
    assert set(kept) == set(peers())
    assert all(set(kept[name]) <= {"cuts", *make.search_space} for name, make in peers().items())


def test_true_ids_take_what_detections_there_are() -> None:
    from benchmarks.tracking.run import true_ids

    clip = standing(2, hidden=(5, 12))
    found = figures(clip.truth, true_ids(clip))
    assert found["HOTA"] == pytest.approx(100)
    assert (
        len(true_ids(Clip("x", 0, clip.path, clip.size, clip.times[:1], clip.shots[:1], (faces_at(),), clip.truth)))
        == 0
    )
