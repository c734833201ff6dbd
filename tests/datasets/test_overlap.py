"""Leaks: what benchmark and training share decides whether a result may be called zero-shot."""

import json

import pytest

from facevlm.datasets.manifest import as_row, json_lines, read_manifest
from facevlm.datasets.overlap import overlap
from facevlm.datasets.readers import DATASETS
from facevlm.datasets.record import Clip
from facevlm.errors import DatasetError
from tests.datasets.trees import TREES, write

YOUTUBE = ("youtube:x",)
FAKE, ORIGINAL = Clip("ffpp", "Deepfakes/071_054"), Clip("ffpp", "original/054")
SITUATIONS = [
    ("another dataset", Clip("dfew", "00001"), Clip("mafw", "00001"), "zero-shot", 0),
    ("another clip of the dataset", Clip("dfew", "00001"), Clip("dfew", "00002"), "zero-shot", 0),
    ("the same clip", Clip("dfew", "00001"), Clip("dfew", "00001", fold=3), "not zero-shot", 1),
    ("zeros tell clips apart", Clip("ytf", "A/1"), Clip("ytf", "A/01"), "zero-shot", 0),
    ("taken over by DFEC", Clip("dfec", "7", parent=("dfew", "02961")), Clip("dfew", "02961"), "not zero-shot", 1),
    ("trained on DFEC", Clip("mafw", "00151"), Clip("dfec", "7", parent=("mafw", "00151")), "not zero-shot", 1),
    (
        "EMER, trained on MER2024",
        Clip("emer", "s1", parent=("mer2023", "s1")),
        Clip("mer2024", "s1"),
        "not zero-shot",
        1,
    ),
    (
        "the silent copy of a take",
        Clip("ravdess", "02-01-06-01-02-01-01"),
        Clip("ravdess", "01-01-06-01-02-01-01"),
        "not zero-shot",
        1,
    ),
    ("an original, trained on its fake", ORIGINAL, FAKE, "not zero-shot", 1),
    ("a fake of a sequence trained on", FAKE, ORIGINAL, "not zero-shot", 1),
    ("fakes of other sequences", FAKE, Clip("ffpp", "Deepfakes/000_001"), "zero-shot", 0),
    ("the same person", Clip("ytf", "A/1", identity="A"), Clip("ytf", "A/2", identity="A"), "not zero-shot", 0),
    ("a name in two datasets", Clip("ytf", "A/1", identity="1"), Clip("afewva", "001", identity="1"), "zero-shot", 0),
    (
        "an actor under another dataset's name",
        Clip("dfec", "1", parent=("ravdess", "02-01-06-01-02-01-05")),
        Clip("ravdess", "01-01-03-01-01-01-05", identity="Actor_05"),
        "not zero-shot",
        0,
    ),
    ("one source video", Clip("celebvhq", "a", group=YOUTUBE), Clip("ffpp", "x/1", group=YOUTUBE), "cannot be told", 0),
]


@pytest.mark.parametrize(
    ("situation", "tested", "trained", "verdict", "shared"), SITUATIONS, ids=[s[0] for s in SITUATIONS]
)
def test_overlap(situation, tested, trained, verdict, shared):
    found = overlap([tested, tested], [trained])
    assert (found.verdict, len(found.shared_clips), found.benchmark_clips) == (verdict, shared, 1)


def test_what_is_shared_is_named():
    found = overlap(
        [Clip("ytf", "A/1", identity="A", group=("ytf:A",)), Clip("ytf", "B/1", identity="B")],
        [Clip("ytf", "A/1", identity="A", group=("ytf:A",)), Clip("dfew", "1")],
    )
    assert (found.shared_clips, found.shared_identities, found.shared_groups) == (("ytf:A/1",), ("ytf:A",), ("ytf:A",))
    assert (found.shared_datasets, found.identities_known, found.training_clips) == (("ytf",), 2, 2)


@pytest.mark.parametrize(
    ("situation", "benchmark", "without", "verdict"),
    [
        ("training rows of unknown origin", [Clip("dfew", "1")], 1, "cannot be told"),
        ("a leak is a leak all the same", [Clip("mafw", "1")], 1, "not zero-shot"),
        ("no clip in the benchmark", [], 0, "cannot be told"),
    ],
)
def test_what_cannot_be_told(situation, benchmark, without, verdict):
    assert overlap(benchmark, [Clip("mafw", "1")], without_origin=without).verdict == verdict


def test_an_empty_manifest_proves_nothing():
    assert overlap([Clip("dfew", "1")], []).verdict == "cannot be told"


@pytest.mark.parametrize("name", DATASETS)
def test_rows_come_back(name, tmp_path):
    TREES[name](tmp_path)
    clips = list(DATASETS[name].read(tmp_path))
    path = write(tmp_path / "rows.jsonl", "".join(json_lines(as_row(clip) for clip in clips)))
    rows, without = read_manifest(path)
    assert without == 0
    assert [(r.source_dataset, r.source_clip_id, r.identity, r.group, r.parent) for r in rows] == [
        (c.source_dataset, c.source_clip_id, c.identity, c.group, c.parent) for c in clips
    ]
    assert overlap(clips, rows).verdict == "not zero-shot"


def test_a_file_name_that_is_no_utf_8_comes_back(tmp_path):
    path = write(tmp_path / "rows.jsonl", "".join(json_lines([as_row(Clip("ytf", "\udcff/1"))])))
    assert read_manifest(path)[0][0].source_clip_id == "\udcff/1"


def test_pairs_are_two_clips_and_rows_without_origin_are_counted(tmp_path):
    a, b = ({"source_dataset": "ytf", "source_clip_id": name, "identity": "x"} for name in ("A/1", "B/1"))
    text = "\n".join(map(json.dumps, [{"a": a, "b": b}, {"caption": "?"}, {"source_dataset": "ytf"}]))
    rows, without = read_manifest(write(tmp_path / "pairs.jsonl", text))
    assert ([row.source_clip_id for row in rows], without) == (["A/1", "B/1"], 2)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("{", "line 1: is no JSON"),
        ("[]", "is no JSON object"),
        ('{"source_dataset": "dfew", "source_clip_id": 1}', "clip ids are text"),
        ('{"source_dataset": "dfew", "source_clip_id": "1", "group": "x"}', "group is no list"),
        ('{"source_dataset": "dfew", "source_clip_id": "1", "parent": ["x"]}', "parent is no"),
    ],
)
def test_a_broken_manifest(tmp_path, line, told):
    with pytest.raises(DatasetError, match=told):
        read_manifest(write(tmp_path / "m.jsonl", line))


def test_a_manifest_that_is_not_there(tmp_path):
    with pytest.raises(DatasetError, match=r"m\.jsonl: cannot be read"):
        read_manifest(tmp_path / "m.jsonl")
