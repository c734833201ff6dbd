"""Situations a tracker must get right, each with the ids it must give."""

import gc
import math
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facevlm.errors import InputError, UsageError
from facevlm.tracking.tracker import Tracker, TrackerConfig

from .moving_faces import SIZE, Actor, face, hidden, look, play, steady

FPS30 = np.arange(0, 3, 1 / 30)


def ids_of(story, person):
    """The ids a person had, in order of appearance."""
    return list(dict.fromkeys(frame[person] for frame in story if person in frame))


def left_to_right(speed, y=300.0, height=100.0):
    return lambda t: (200 + speed * t, y, height)


def right_to_left(speed, y=300.0, height=100.0):
    return lambda t: (1000 - speed * t, y, height)


def behind(path, front, reach=60.0):
    """Unseen while the face in front is nearer than `reach` pixels."""
    return lambda t: None if abs(path(t)[0] - front(t)[0]) < reach else path(t)


def uneven(step, seed=3):
    """Times with steps of 0.5 to 1.5 times `step`."""
    return np.cumsum(np.random.default_rng(seed).uniform(0.5, 1.5, int(3 / step)) * step)


front, back = left_to_right(300), right_to_left(300, y=310, height=90)
ONE_ID_EACH = {
    "stands still": ([Actor(0, steady(400, 300))], FPS30),
    "walks": ([Actor(0, left_to_right(300))], FPS30),
    "runs, seven faces a second": ([Actor(0, lambda t: (100 + 700 * t, 300, 100) if t < 1.6 else None)], FPS30),
    "comes near, doubling each second": ([Actor(0, lambda t: (600, 350, 60 * 2**t))], FPS30),
    "shakes the head hard": ([Actor(0, lambda t: (600 + 40 * math.sin(2 * math.pi * 3 * t), 300, 100))], FPS30),
    "hidden for half a second": ([Actor(0, hidden(steady(400, 300), 1.0, 1.5))], FPS30),
    "walks behind a pillar": ([Actor(0, hidden(left_to_right(300), 1.0, 1.5))], FPS30),
    "two stand side by side": ([Actor(0, steady(400, 300)), Actor(1, steady(490, 300))], FPS30),
    "two pass, both seen": ([Actor(0, left_to_right(300)), Actor(1, right_to_left(300, y=345))], FPS30),
    "two cross, one hidden meanwhile": ([Actor(0, front), Actor(1, behind(back, front))], FPS30),
    "two meet and turn back": (
        [
            Actor(0, lambda t: (550 - 100 * abs(t - 1.5), 300, 100)),
            Actor(1, lambda t: (650 + 100 * abs(t - 1.5), 300, 100)),
        ],
        FPS30,
    ),
    "uneven frame times": ([Actor(0, left_to_right(300)), Actor(1, right_to_left(200, y=500))], uneven(1 / 30)),
    "one frame in four dropped": ([Actor(0, front), Actor(1, behind(back, front))], FPS30[np.arange(90) % 4 > 0]),
    "sixteen per second": ([Actor(0, front), Actor(1, behind(back, front))], np.arange(0, 3, 1 / 16)),
    "eight per second": ([Actor(0, left_to_right(150)), Actor(1, steady(900, 500))], np.arange(0, 3, 1 / 8)),
    "enters late, leaves early": (
        [Actor(0, steady(400, 300)), Actor(1, lambda t: (800, 300, 90) if 1 < t < 2 else None)],
        FPS30,
    ),
}


@pytest.mark.parametrize("situation", ONE_ID_EACH)
@pytest.mark.parametrize("reverse", [False, True], ids=["as found", "reversed"])
def test_one_id_per_person(situation, reverse):
    actors, times = ONE_ID_EACH[situation]
    tracker = Tracker(SIZE)
    story = play(tracker, actors, times, reverse=reverse)
    given_ids = [ids_of(story, a.person) for a in actors]
    assert all(len(ids) == 1 for ids in given_ids), given_ids
    assert sorted(i for ids in given_ids for i in ids) == list(range(1, len(actors) + 1))
    visible = sum(a.path(t) is not None for a in actors for t in times)
    assert sum(map(len, story)) == visible
    assert {s.track_id for s in tracker.finish()} == set(range(1, len(actors) + 1))


@pytest.mark.parametrize("situation", ["two pass, both seen", "hidden for half a second", "walks behind a pillar"])
def test_motion_alone_suffices_without_appearance(situation):
    actors, times = ONE_ID_EACH[situation]
    story = play(Tracker(SIZE), actors, times, looks=False)
    assert all(len(ids_of(story, a.person)) == 1 for a in actors)


def test_a_wrong_hint_loses_against_appearance_and_motion():
    tracker = Tracker(SIZE)
    left, right = face(500, 300, person=0), face(570, 300, person=1)
    for k in range(10):
        first = tracker.update(k / 30, 0, [left, right])
    ids = [f.track_id for f in first]
    swapped = [_carried(left, ids[1]), _carried(right, ids[0])]
    tracked = tracker.update(10 / 30, 0, swapped)
    assert [(f.track_id, f.box[0]) for f in tracked] == [(f.track_id, f.box[0]) for f in first]


DOUBTED = {  # detector's scores in turn (None: it did not look), likeness, seconds, one frame in how many -> a person?
    "sure at once": ([0.95, None, None], None, 0.5, 1, True),
    "likely, and stays": ([0.7, None, None], 0.1, 1.5, 1, True),
    "likely, but gone too soon": ([0.7, None, None], 0.1, 0.5, 1, False),
    "unlikely, but it looks like a face": ([0.65, None, 0.2, None], 0.45, 0.5, 1, True),
    "unlikely, and it looks like none": ([0.65, None, 0.2, None], 0.1, 2.5, 1, False),
    "found once and never again": ([0.9] + [0.0] * 80, 0.1, 2.5, 1, False),
    "likely, but seen in one frame of three": ([0.7], 0.1, 2.5, 3, False),
}


@pytest.mark.parametrize("name", DOUBTED)
def test_what_a_detector_does_not_confirm_is_no_person(name: str) -> None:
    scores, likeness, seconds, every, person = DOUBTED[name]
    tracker, seen = Tracker(SIZE), 0
    for k in range(100):
        faces = []
        if k / 30 <= seconds and k % every == 0:
            score = scores[seen % len(scores)]
            faces = [replace(face(500, 300, person=0), detector_score=score, likeness=likeness)]
            seen += 1
        tracker.update(k / 30, 0, faces)
    assert len(tracker.finish()) == person


@pytest.mark.parametrize(
    ("score", "likeness", "starts"), [(0.7, None, True), (0.55, None, False), (0.55, 0.2, False), (0.55, 0.45, True)]
)
def test_a_face_that_detectors_doubt_starts_if_it_looks_like_one(
    score: float, likeness: float | None, starts: bool
) -> None:
    seen = replace(face(500, 300, person=0), detector_score=score, likeness=likeness)
    assert bool(Tracker(SIZE).update(0.0, 0, [seen])) == starts


@pytest.mark.parametrize(("score", "frames"), [(0.7, 30), (0.95, 2)])
def test_new_faces_are_doubted_for_a_second_or_until_detectors_are_sure(score: float, frames: int) -> None:
    tracker = Tracker(SIZE)
    assert not tracker.doubts(0.0)
    for k in range(60):
        tracker.update(k / 30, 0, [replace(face(500, 300, person=0), detector_score=score)])
        assert tracker.doubts(k / 30) == (k < frames)


def test_another_face_in_the_place_of_a_lost_one_is_another_person():
    tracker = Tracker(SIZE)
    for k in range(10):
        (old,) = tracker.update(k / 30, 0, [face(500, 300, person=0)])
    (new,) = tracker.update(10 / 30, 0, [_carried(face(560, 340, 140, person=1), old.track_id)])
    assert new.track_id != old.track_id


def test_two_meshes_on_one_face_are_one_face_of_the_track_that_expected_it():
    tracker = Tracker(SIZE)
    for k in range(10):
        here, there = tracker.update(k / 30, 0, [face(500, 300, person=0), face(590, 300, person=1)])
    snapped = face(502, 301, person=0)
    tracked = tracker.update(10 / 30, 0, [_carried(face(501, 300), there.track_id), _carried(snapped, here.track_id)])
    assert [f.track_id for f in tracked] == [here.track_id]
    assert set(tracker.predictions(10 / 30)) == {there.track_id}


def test_a_partial_face_inside_a_face_is_dropped():
    tracker = Tracker(SIZE)
    for k in range(10):
        assert len(tracker.update(k / 30, 0, [face(500, 300, 200), face(520, 320, 70, presence=0.9)])) == 1


def test_a_cut_ends_all_tracks():
    tracker = Tracker(SIZE)
    story = play(tracker, [Actor(0, steady(400, 300))], FPS30, shot_of=lambda t: int(t >= 1.5), looks=False)
    assert ids_of(story, 0) == [1, 2]
    assert tracker.predictions(FPS30[-1]) == {}
    summaries = sorted(tracker.finish(), key=lambda s: s.track_id)
    assert [s.spans for s in summaries] == [((0.0, FPS30[44]),), ((FPS30[45], FPS30[89]),)]


def test_a_person_who_comes_back_after_a_cut_is_one_person_with_two_spans():
    tracker = Tracker(SIZE)
    host = Actor(0, lambda t: (400, 300, 200) if t < 1 or t >= 2 else None)
    guest = Actor(1, lambda t: (800, 300, 200) if 1 <= t < 2 else None)
    play(tracker, [host, guest], FPS30, shot_of=int)
    people = {s.track_id: s for s in tracker.finish()}
    assert {i: s.parts for i, s in people.items()} == {1: (1, 3), 2: (2,)}
    assert len(people[1].spans) == 2 and people[1].frames == 60
    assert people[1].similarity == pytest.approx(1.0)
    (join,) = people[1].joins
    assert (join.former, join.latter, join.how, join.across_cut) == (1, 3, "appearance", True)
    assert people[2].joins == () and people[1].selection.rank == 1


def test_hidden_for_longer_than_remembered_gives_a_new_id_and_one_person_at_the_end():
    tracker = Tracker(SIZE)
    story = play(tracker, [Actor(0, hidden(steady(400, 300), 0.8, 2.2))], FPS30)
    assert ids_of(story, 0) == [1, 2]
    (person,) = tracker.finish()
    assert person.parts == (1, 2) and len(person.spans) == 2


def test_a_lost_face_is_predicted_where_it_was_going():
    tracker = Tracker(SIZE)
    path = left_to_right(300)
    play(tracker, [Actor(0, path)], np.arange(0, 1, 1 / 30))
    assert tracker.predictions(1.0) == {}  # it was seen in the last frame
    tracker.update(1.0, 0, [])
    x = [tracker.predictions(t)[1][[0, 2]].mean() for t in (1.0, 1.2)]
    assert x == pytest.approx([path(1.0)[0], path(1.2)[0]], abs=10)
    assert tracker.predictions(3.0) == {}


NO_PERSON = {
    "four frames": [(k / 30, 1.0) for k in range(4)],
    "six frames in a fifth of a second": [(k / 30, 1.0) for k in range(6)],
    "long, of low presence": [(k / 30, 1.0 if k == 0 else 0.55) for k in range(30)],
    "never sure enough to begin": [(k / 30, 0.75) for k in range(30)],
}


@pytest.mark.parametrize("situation", NO_PERSON)
def test_no_person(situation):
    tracker = Tracker(SIZE)
    sights = dict(NO_PERSON[situation])
    for time in FPS30:
        tracker.update(time, 0, [face(500, 300, presence=sights[time])] if time in sights else [])
    assert tracker.finish() == []


def test_a_weak_detection_starts_no_track():
    weak = face(500, 300)
    weak = type(weak)(weak.box, weak.landmarks, weak.presence, 0.52)
    assert Tracker(SIZE).update(0.0, 0, [weak]) == []


@pytest.mark.parametrize("frames", [1, 4])
def test_a_still_or_a_very_short_clip_takes_what_there_is(frames):
    tracker = Tracker(SIZE)
    for k in range(frames):
        tracker.update(k / 30, 0, [face(500, 300, person=0)])
    (person,) = tracker.finish()
    assert person.main and person.frames == frames
    assert person.spans == ((0.0, (frames - 1) / 30),)
    assert math.isnan(person.similarity) == (frames == 1)


def test_a_clip_of_six_frames_needs_no_quarter_second():
    tracker = Tracker(SIZE)
    for k in range(6):
        tracker.update(k / 30, 0, [face(500, 300)])
    assert len(tracker.finish()) == 1


def test_no_face_at_all():
    tracker = Tracker(SIZE)
    for time in FPS30:
        assert tracker.update(time, 0, []) == []
    assert tracker.finish() == [] and Tracker(SIZE).finish() == []


def test_area_is_a_share_of_picture_and_clip_and_similarity_is_that_of_all_pairs():
    tracker = Tracker(SIZE)
    rng = np.random.default_rng(0)
    vectors = []
    for k in range(40):
        vector = look(0) + rng.normal(0, 0.05, 16)
        vectors.append(vector / np.linalg.norm(vector))
        seen = face(1280, 300)  # half of it outside
        seen = type(seen)(seen.box, seen.landmarks, 1.0, 0.9, vectors[-1])
        tracker.update(k / 30, 0, [seen] if k < 30 else [])
    (person,) = tracker.finish()
    assert person.area_share == pytest.approx(30 / 40 * (40 * 100) / (1280 * 720))
    pairs = np.stack(vectors[:30]) @ np.stack(vectors[:30]).T
    assert person.similarity == pytest.approx(pairs[np.triu_indices(30, 1)].mean())
    assert person.first_box == pytest.approx([1240, 250, 1320, 350])


def test_an_occluded_face_gives_no_appearance():
    tracker = Tracker(SIZE)
    for k in range(20):
        seen = face(500, 300, person=0 if k < 10 else 1)
        tracker.update(k / 30, 0, [_with_occlusion(seen, 0.0 if k < 10 else 0.6)])
    (person,) = tracker.finish()
    assert person.frames == 20 and person.similarity == pytest.approx(1.0)


def test_appearance_is_wanted_for_new_crowded_and_unexpected_faces_and_on_schedule():
    tracker = Tracker(SIZE)
    alone, crowd = face(200, 300, person=0), [face(700, 300, person=1), face(750, 300, person=2)]
    assert tracker.wants_appearance(0.0, [alone, *crowd]) == [True, True, True]
    ids = [f.track_id for f in tracker.update(0.0, 0, [alone, *crowd])]
    by_x = sorted(zip([alone, *crowd], sorted(ids), strict=True), key=lambda pair: pair[0].box[0])
    tracked = {f.box[0]: f.track_id for f in tracker.update(1 / 30, 0, [alone, *crowd])}
    carried = [_carried(o, tracked[np.float32(o.box[0])]) for o, _ in by_x]
    assert tracker.wants_appearance(2 / 30, carried) == [False, True, True]
    assert tracker.wants_appearance(0.3, carried[:1]) == [True]
    jumped = _carried(face(270, 300), carried[0].carried_from)
    assert tracker.wants_appearance(2 / 30, [jumped]) == [True]
    assert tracker.wants_appearance(2 / 30, []) == []


def test_an_ended_track_keeps_its_sum_of_vectors_and_little_else():
    tracker, dimension, held = Tracker(SIZE), 2000, []
    seen = replace(face(400, 300), appearance=np.full(dimension, dimension**-0.5, np.float32))
    tracemalloc.start()
    try:
        for shot in range(25):
            for frame in range(40):
                tracker.update(4 * shot + frame / 16, shot, [seen])
            gc.collect()
            held.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    assert len(tracker.finish()[0].parts) == len(held)
    assert np.median(np.diff(held[4:])) < 4 * dimension + 4_000  # of each track; logs grow by leaps


def test_closed_tracks_that_are_no_people_are_forgotten():
    tracker = Tracker(SIZE)
    for k in range(3000):  # a false face every 1.5 seconds
        tracker.update(k / 30, 0, [face(500, 300, person=0)] if k % 45 == 0 else [])
    assert len(tracker._closed) <= 1 and len(tracker._live) <= 1
    assert tracker.finish() == []


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.1, 8))
def test_order_and_size_change_nothing(seed, scale):
    """Any scene of moving, appearing, false and doubled faces: shuffled and scaled, it gives the same ids and boxes."""
    rng = np.random.default_rng(seed)
    plain, other = Tracker((1280, 720)), Tracker((round(1280 * scale) or 1, round(720 * scale) or 1))
    at, speed = rng.uniform(100, 700, (4, 2)), rng.normal(0, 150, (4, 2))
    time = 0.0
    for _ in range(20):
        step = rng.uniform(0.01, 0.12)
        time += step
        at += speed * step
        present = [p for p in range(4) if rng.random() < 0.8]
        scenes = []
        for factor in (1.0, scale):
            faces = [face(*at[p], 80 + 10 * p, person=p, presence=0.9, scale=factor) for p in present]
            scenes.append(faces + faces[:1])
        order = rng.permutation(len(scenes[1]))
        one, two = plain.update(time, 0, scenes[0]), other.update(time, 0, [scenes[1][j] for j in order])
        assert [f.track_id for f in one] == [f.track_id for f in two]
        assert len({f.track_id for f in one}) == len(one)
        for a, b in zip(one, two, strict=True):
            assert b.box == pytest.approx(a.box * scale, rel=1e-4, abs=1e-2)


def test_bad_input_is_told():
    with pytest.raises(UsageError, match="frame size"):
        Tracker((0, 720))
    tracker = Tracker(SIZE, TrackerConfig())
    tracker.update(1.0, 0, [])
    with pytest.raises(InputError, match="time runs back"):
        tracker.update(0.5, 0, [])
    broken = face(math.nan, 300)
    with pytest.raises(InputError, match="not finite"):
        tracker.update(1.5, 0, [broken])


def _carried(seen, track_id):
    return type(seen)(seen.box, seen.landmarks, seen.presence, None, seen.appearance, track_id)


def _with_occlusion(seen, share):
    return type(seen)(seen.box, seen.landmarks, seen.presence, seen.detector_score, seen.appearance, None, share)


def test_without_a_likeness_a_weak_detector_is_believed():
    """Whoever feeds boxes of a plain detector gives no likeness to an average face, so nothing speaks against them."""
    tracker = Tracker(SIZE)
    for k in range(15):
        tracker.update(k / 30, 0, [replace(face(500, 300), detector_score=0.61 if k == 0 else 0.5)])
    assert len(tracker.finish()) == 1
