"""Saved tracks corrected by hand: what is joined, dropped and chosen, and what follows from it."""

import math

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from facevlm.errors import UsageError
from facevlm.exports.documents import TracksDocument
from facevlm.exports.track_edits import Edits, edited, mot_lines, to_text, write_tracks
from facevlm.exports.tracks_document import FaceRow, read_tracks, tracks_json, write_tracks_json
from facevlm.tracking.main_character import choose_main
from facevlm.tracking.track import TrackSummary

VECTORS = {1: [(1.0, 0.0), (0.8, 0.6)], 2: [(0.6, 0.8)], 3: [(0.0, 1.0), (0.0, 1.0)], 4: []}
SEEN = {1: range(0, 20), 2: range(30, 50), 3: range(0, 50), 4: range(10, 14)}  # frames; a cut before frame 25
AREA = {1: 0.10, 2: 0.08, 3: 0.05, 4: 0.001}


def similarity(vectors):
    pairs = [float(np.dot(a, b)) for i, a in enumerate(vectors) for j, b in enumerate(vectors) if i != j]
    return np.mean(pairs) if pairs else math.nan


@pytest.fixture
def saved(two_people, tmp_path):
    """A tracks file of four people."""
    rows = [
        FaceRow(k / 25, k, i, np.array([i, 2, i + 10, 20], np.float32), 0.9)
        for k in range(50)
        for i, frames in SEEN.items()
        if k in frames
    ]
    tracks = [
        TrackSummary(
            i, (i,), ((frames[0] / 25, frames[-1] / 25),), len(frames), AREA[i], similarity(VECTORS[i]), i == 1,
            "first", vectors=len(VECTORS[i]), vector_sum=np.sum(VECTORS[i], axis=0) if VECTORS[i] else None,
        )
        for i, frames in SEEN.items()
    ]  # fmt: skip
    path = tmp_path / "tracks.json"
    shots = ((0.0, 0.96), (1.0, 1.96))
    write_tracks_json(two_people.video, two_people.decoding, path, tracks=tracks, rows=rows, shots=shots)
    return read_tracks(path)


def by_id(document):
    return {person.track_id: person for person in document.people}


def test_joined_people_are_one_in_everything(saved):
    people = by_id(edited(saved, Edits(merge=((2, 1),))))
    assert sorted(people) == [1, 3, 4]
    one = people[1]
    assert one.spans == ((0.0, 0.76), (1.2, 1.96)) and len(one.frames) == 40
    assert [frame.index for frame in one.frames] == [*SEEN[1], *SEEN[2]]
    assert one.area_share == pytest.approx(0.18)
    assert one.selection.similarity == pytest.approx(similarity(VECTORS[1] + VECTORS[2]))
    (join,) = one.joins
    assert (join.former, join.latter, join.how, join.score, join.across_cut) == (1, 2, "user", None, True)


def test_edits_of_edits_are_the_same_as_all_at_once(saved):
    twice = edited(edited(saved, Edits(merge=((1, 2),))), Edits(drop=(4,)))
    once = edited(saved, Edits(merge=((1, 2),), drop=(4,)))
    assert twice.people == once.people and twice.likeness == once.likeness


def test_without_edits_only_the_choice_is_made_anew(saved):
    same = edited(saved, Edits())
    assert by_id(same).keys() == by_id(saved).keys() and same.likeness.track_ids == tuple(
        p.track_id for p in same.people
    )
    for person in same.people:
        assert person.frames == by_id(saved)[person.track_id].frames
        assert person.selection.rank and person.selection.reason != "first"
    assert edited(same, Edits()) == same


SMALL_FACES = [(k**2 / (1920 * 1080), 0.9) for k in (26, 28, 31, 33)]
FEATURES = st.tuples(
    st.one_of(st.floats(1e-5, 1e-3), st.floats(0, 1)),
    st.one_of(st.floats(-1, 1), st.floats(0.85, 1), st.just(math.nan)),
)


def tracked(two_people, features):
    """The document that tracking writes of people with these areas and similarities."""
    choices = choose_main([area for area, _ in features], [alike for _, alike in features])
    tracks = [
        TrackSummary(i, (i,), ((0.0, 1.0),), 25, area, alike, c.main, c.reason, selection=c.selection)
        for i, ((area, alike), c) in enumerate(zip(features, choices, strict=True), start=1)
    ]
    tracks.sort(key=lambda track: (not track.main, -track.area_share, track.track_id))
    text = "".join(tracks_json(two_people.video, two_people.decoding, tracks=tracks, rows=[]))
    return text, TracksDocument.model_validate_json(text)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(FEATURES, max_size=8))
@example(SMALL_FACES)
def test_an_edit_of_nothing_changes_nothing(two_people, features):
    text, document = tracked(two_people, features)
    assert to_text(edited(document, Edits()), format="json") == text
    assert [person.selection.rank for person in document.people] == list(range(1, len(features) + 1))


def test_dropped_people_do_not_count_in_the_choice(saved):
    left = edited(saved, Edits(drop=(1, 2)))
    assert [p.track_id for p in left.people] == [3, 4] and left.people[0].main
    nobody = edited(saved, Edits(drop=(1, 2, 3, 4)))
    assert nobody.people == () and nobody.warnings[-1] == "All people were dropped."
    assert edited(nobody, Edits()) == nobody and "No face was found." not in nobody.warnings


def test_warnings_are_of_the_people_who_are_left(saved):
    says = "The appearance similarity of person {} (how alike the face looks over time) is unknown."
    unknown = {i: says.format(i) for i in (2, 4)}
    assert set(unknown.values()) <= set(saved.warnings)
    left = edited(saved, Edits(merge=((1, 2),)))
    assert unknown[4] in left.warnings and unknown[2] not in left.warnings


def test_the_user_names_the_main_character(saved):
    first, *others = edited(saved, Edits(main=3)).people
    assert first.track_id == 3 and first.main and first.selection.reason == "Chosen by the user."
    assert not any(p.main for p in others)


def test_after_a_choice_of_the_user_ranks_follow_the_document_and_clusters_stay(saved):
    rule, user = edited(saved, Edits()), edited(saved, Edits(main=3))
    assert [person.track_id for person in user.people] == [3, 1, 2, 4]
    assert [person.selection.rank for person in user.people] == [1, 2, 3, 4]
    for i, person in by_id(user).items():
        assert person.selection.cluster == by_id(rule)[i].selection.cluster


KEPT = {
    # edits one after the other -> who is main then, by whom, and whether a warning says that the rule chose anew
    "nothing": ([Edits(main=3), Edits()], [3], "user", False),
    "another dropped": ([Edits(main=3), Edits(drop=(1,))], [3], "user", False),
    "dropped": ([Edits(main=3), Edits(drop=(3,))], [1, 2], "rule", True),
    "dropped, then nothing": ([Edits(main=3), Edits(drop=(3,)), Edits()], [1, 2], "rule", True),
    "dropped, then another named": ([Edits(main=3), Edits(drop=(3,)), Edits(main=2)], [2], "user", False),
    "dropped while another is named": ([Edits(main=3), Edits(drop=(3,), main=4)], [4], "user", False),
    "another named": ([Edits(main=3), Edits(main=2)], [2], "user", False),
    "joined to a smaller id": ([Edits(main=2), Edits(merge=((1, 2),))], [1], "user", False),
    "joined by a larger id": ([Edits(main=1), Edits(merge=((2, 1),)), Edits()], [1], "user", False),
    "joined to others, then dropped": ([Edits(main=2), Edits(merge=((1, 2),)), Edits(drop=(1,))], [3], "rule", True),
    "all dropped": ([Edits(main=3), Edits(drop=(1, 2, 3, 4))], [], "rule", False),
}


@pytest.mark.parametrize("name", KEPT)
def test_a_choice_of_the_user_holds_until_it_is_changed(saved, tmp_path, name):
    steps, mains, by, warned = KEPT[name]
    document = saved
    for edits in steps:
        write_tracks(edited(document, edits), tmp_path / "t.json", format="json")
        document = read_tracks(tmp_path / "t.json")
    assert [person.track_id for person in document.people if person.main] == mains
    assert document.chosen == (mains[0] if by == "user" else None)
    assert all((p.selection.reason == "Chosen by the user.") == (by == "user") for p in document.people if p.main)
    assert any("was dropped; the rule chose anew" in warning for warning in document.warnings) == warned
    assert edited(document, Edits()) == document


WRONG = {
    "unknown": (Edits(drop=(9,)), "no person 9"),
    "unknown main": (Edits(main=9), "ids in this file: 1, 2, 3, 4"),
    "seen at one time": (Edits(merge=((1, 3),)), r"1 and 3 are seen at one time, at 0\.00 s"),
    "named twice": (Edits(merge=((1, 2),), drop=(2,)), "2 is named twice"),
    "alone": (Edits(merge=((1,),)), "alone"),
    "main is gone": (Edits(merge=((1, 2),), main=2), "2 is gone"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_does_not_fit_is_told(saved, name):
    edits, message = WRONG[name]
    with pytest.raises(UsageError, match=message):
        edited(saved, edits)


def with_areas(document, areas):
    people = [p.model_copy(update={"area_share": areas.get(p.track_id, p.area_share)}) for p in document.people]
    return document.model_copy(update={"people": tuple(people)})


def test_people_who_fill_more_than_the_picture_are_not_joined(saved):
    with pytest.raises(UsageError, match=r"persons 1 and 2 together fill more than the whole picture"):
        edited(with_areas(saved, {1: 0.9, 2: 0.9}), Edits(merge=((1, 2),)))
    whole = by_id(edited(with_areas(saved, {1: 0.9, 2: 0.1 + 1e-16}), Edits(merge=((1, 2),))))
    assert whole[1].area_share == pytest.approx(1.0) and whole[1].area_share <= 1.0


def test_someone_of_unknown_area_comes_last_and_says_so(saved):
    document = edited(with_areas(saved, {1: None}), Edits())
    *others, last = document.people
    assert last.track_id == 1 and not last.main and last.area_share is None and last.selection.area_z is None
    assert "share of the picture it fills is unknown" in last.selection.reason and others[0].main
    assert "The area share of person 1 is unknown." in document.warnings
    joined = edited(document, Edits(merge=((1, 2),)))
    assert by_id(joined)[1].area_share is None and edited(document, Edits(main=1)).people[0].track_id == 1


@pytest.mark.parametrize("format", ["json", "mot"])
def test_it_is_written_as_asked(saved, tmp_path, format):
    document = edited(saved, Edits(drop=(3,)))
    write_tracks(document, tmp_path / "out", format=format)
    assert (tmp_path / "out").read_text(encoding="utf-8") == to_text(document, format=format)
    if format == "json":
        assert read_tracks(tmp_path / "out") == document
    else:
        assert next(mot_lines(document)) == "1,1,1.00,2.00,10.00,18.00,0.9000,-1,-1,-1"
        assert len(list(mot_lines(document))) == 44


def test_no_vector_is_in_the_file(saved):
    assert saved.likeness.vectors == (2, 1, 2, 0)
    np.testing.assert_allclose(saved.likeness.products[0], [1.8**2 + 0.36, 1.8 * 0.6 + 0.48, 1.2, 0], atol=1e-4)
