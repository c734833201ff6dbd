"""Readers, on small trees in the datasets' own layouts: what a clip is told to be, and what is told of broken trees."""

import json
import random
import shutil
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest

from facevlm.datasets import hmdb51, youtube_faces
from facevlm.datasets.afew_va import AFEW_VA
from facevlm.datasets.dfec import parent_of
from facevlm.datasets.manifest import as_row, json_lines
from facevlm.datasets.readers import DATASETS, dataset_named
from facevlm.datasets.record import SPLITS, read_part
from facevlm.errors import DatasetError, UsageError
from tests.datasets import trees
from tests.datasets.trees import TREES, write

PUBLIC_DFEC = Path(__file__).parents[3] / "shared" / "fec_bench" / "references.json"


@pytest.fixture
def tree(tmp_path):
    def plant(name, **options):
        TREES[name](tmp_path, **options)
        return tmp_path

    return plant


def clips_of(name, root):
    return list(DATASETS[name].read(root))


def one(clips, clip_id, **fields):
    (clip,) = (c for c in clips if c.source_clip_id == clip_id and all(getattr(c, k) == v for k, v in fields.items()))
    return clip


def problems(clips):
    return {clip.source_clip_id: clip.problem for clip in clips if clip.problem}


def test_every_dataset_has_a_tree_here():
    assert TREES.keys() == DATASETS.keys()


@pytest.mark.parametrize("name", DATASETS)
def test_every_reader(name, tree):
    root, dataset = tree(name), DATASETS[name]
    clips = clips_of(name, root)
    rows = Counter((c.source_clip_id, c.fold, c.protocol, c.split) for c in clips if name != "dfec")
    assert clips and all(clip.source_dataset == name == dataset.name for clip in clips)
    assert not rows or max(rows.values()) == 1  # dfec has a planted double
    assert all(clip.split is None or clip.split in SPLITS for clip in clips)
    assert all(clip.path is None or (root / clip.path).exists() for clip in clips)
    assert all((clip.path is not None) or clip.problem for clip in clips)
    assert {clip.fold for clip in clips if clip.fold} == set(dataset.folds)
    if dataset.labels:
        assert {c.labels["label_name"] for c in clips if "label_name" in c.labels and "multi" not in c.labels} <= set(
            dataset.labels
        ) | {"brush_hair"}
    assert clips == clips_of(name, root)


@pytest.mark.parametrize("name", DATASETS)
@pytest.mark.parametrize("situation", ["no such folder", "empty folder"])
def test_without_files_the_error_says_where_they_are_got(name, situation, tmp_path):
    root = tmp_path / "nothing" if situation == "no such folder" else tmp_path
    with pytest.raises(DatasetError) as error:
        clips_of(name, root)
    assert DATASETS[name].apply_at in str(error.value) and str(root) in str(error.value)


def test_an_unknown_dataset():
    with pytest.raises(UsageError, match="choose among dfec"):
        dataset_named("affectnet")


@pytest.mark.parametrize("name", DATASETS)
def test_media_are_never_opened(name, tree, monkeypatch):
    root, opened, really_open = tree(name), set(), Path.open

    def watched(path, *arguments, **options):
        opened.add(path.suffix)
        return really_open(path, *arguments, **options)

    monkeypatch.setattr(Path, "open", watched)
    assert clips_of(name, root)
    assert opened <= {".csv", ".txt", ".json"} and (opened or name in ("caer", "ravdess", "ytf"))


def test_annotations_are_read_as_clips_are_asked_for(tree):
    root = tree("dfew")
    write(root / dfew_list(5), "broken")
    clips = DATASETS["dfew"].read(root)
    assert next(clips).source_clip_id == "00001"  # though the last list is broken
    with pytest.raises(DatasetError, match="set_5"):
        list(clips)


def dfew_list(fold):
    return f"EmoLabel_DataSplit/train(single-labeled)/set_{fold}.csv"


def test_celebvhq(tree):
    clips = clips_of("celebvhq", tree("celebvhq"))
    cut, uncut = one(clips, "-GHMHbLRtJg_47_0"), one(clips, "abc_1")
    assert cut.path == "downloaded_celebvhq/processed/-GHMHbLRtJg_47_0.mp4" and cut.group == ("youtube:-GHMHbLRtJg_47",)
    assert (cut.start_sec, cut.end_sec, cut.bbox, cut.identity) == (47.0, 50.5, (0.2, 0.1, 0.7, 0.6), None)
    assert cut.labels["appearance"] == ("look 1",) and cut.labels["action"] == ("act 0",)
    assert cut.labels["emotion"] == (("neutral", None, None),) and uncut.labels["emotion"] == (("happy", 0.0, 1.5),)
    assert uncut.path == "downloaded_celebvhq/raw/abc.mp4"
    assert problems(clips).keys() == {"abc_1", "gone_2", "extra_3"} and "not cut" in uncut.problem


@pytest.mark.parametrize("youtube", ["youtube/", ""])
@pytest.mark.parametrize("compression", ["c23", "raw", "c0"])
def test_ffpp(tree, compression, youtube):
    clips = clips_of("ffpp", tree("ffpp", compression=compression, youtube=youtube))
    fake, spare = one(clips, "Deepfakes/002_003"), one(clips, "original/900")
    assert (fake.split, fake.labels["label_name"], fake.labels["compression"]) == ("test", "fake", compression)
    assert fake.group == ("ffpp:002", "ffpp:003", "youtube:-xyz")
    assert (spare.split, spare.problem, spare.labels["label_id"]) == (None, None, 0)
    assert one(clips, "DeepFakeDetection/01_02__talk__ABCDEFGH").split is None
    assert problems(clips).keys() == {"original/003", "Deepfakes/003_002"}


def test_hmdb51(tree):
    root = tree("hmdb51")
    clips = clips_of("hmdb51", root)
    first = "Film_#1_(x)_smile_h_nm_np1_fr_goo_0"
    assert [one(clips, first, fold=fold).split for fold in (1, 2, 3)] == ["train", "test", "unused"]
    assert one(clips, first, fold=1).labels == {"label_name": "smile", "visible": "head", "view": "front"}
    assert one(clips, first, fold=1).group == ("hmdb51:Film_#1_(x)",)
    assert problems(clips).keys() == {"C_smile_f_cm_np2_ba_med_2"}
    (brushing, *_) = hmdb51.read(root, classes=["brush_hair"])
    assert (brushing.group, brushing.labels["label_name"]) == (("hmdb51:D",), "brush_hair")
    assert "brush_hair" in hmdb51.class_names(root)


def test_ytf(tree):
    root = tree("ytf")
    clip = one(clips_of("ytf", root), "Richard_Gere/3")
    assert (clip.identity, clip.media, clip.path) == ("Richard_Gere", "frames", "frame_images_DB/Richard_Gere/3")
    assert list(youtube_faces.face_boxes(root, "Richard_Gere")) == [
        ("frame_images_DB/Richard_Gere/3/3.7.jpg", (196.0, 99.0, 328.0, 231.0))
    ]


def test_damaged_official_pairs(tree):
    root, draw = tree("ytf"), random.Random(0)
    text, outcomes = (root / "splits.txt").read_text(), set()
    for _ in range(100):
        place = draw.randrange(len(text))
        (root / "splits.txt").write_text(text[:place] + draw.choice(["", ",", "\n", "x", "7"]) + text[place + 1 :])
        try:
            outcomes.add(len(list(youtube_faces.read_pairs(root))) <= 3)
        except DatasetError:
            outcomes.add("error")
    assert outcomes == {True, "error"}


@pytest.mark.parametrize(
    ("situation", "file", "text", "same"),
    [
        ("with a header", "splits.txt", "split, pair, a, b, same\n1, 1, A/1, A/2, 1\n", True),
        ("without a header", "splits.txt", "1,1,A/1,A/2,0\n", False),
        ("corrected", "splits_corrected.txt", "1, 1, A/1, A/2, 1, 0\n", False),
    ],
)
def test_official_pairs_of_ytf(tmp_path, situation, file, text, same):
    write(tmp_path / file, text)
    assert list(youtube_faces.read_pairs(tmp_path)) == [youtube_faces.OfficialPair("A/1", "A/2", same, 1)]


DERIVED = {"first": 0, "form": "annotation/{split}_set_{fold}.csv"}


@pytest.mark.parametrize("options", [{}, DERIVED], ids=["official labels 1-7", "derived labels 0-6"])
def test_dfew(tree, options):
    root = tree("dfew", **options)
    clips = clips_of("dfew", root)
    first, last = one(clips, "00001", fold=2), one(clips, "00002", fold=2)
    assert first.labels == {"label_id": 1, "label_name": "Happy", "label": "happiness"} and first.split == "train"
    assert (last.labels["label_id"], last.labels["label_name"]) == (7, "Fear")
    assert problems(clips).keys() == {"00004", "00009"}
    assert [c.source_clip_id for c in read_part(DATASETS["dfew"], root, fold=1, split="test")] == ["00003", "00004"]


def test_a_fold_or_split_that_is_not(tmp_path):
    with pytest.raises(UsageError, match="choose among 1, 2, 3, 4, 5"):
        read_part(DATASETS["dfew"], tmp_path, fold=6)
    with pytest.raises(UsageError, match="leave it out"):
        read_part(DATASETS["caer"], tmp_path, fold=1)
    with pytest.raises(UsageError, match="no split 'val'"):
        read_part(DATASETS["caer"], tmp_path, split="val")


def test_mafw(tree):
    clips = clips_of("mafw", tree("mafw"))
    single, compound = (one(clips, "00025", fold=5, protocol=name) for name in ("single", "compound"))
    assert single.labels["caption"] == "He is angry, he frowns." and single.labels["caption_zh"] == "他很生气，皱眉"
    assert (single.labels["label_id"], single.labels["label"]) == (0, "anger")
    assert compound.labels["multi"] == ("anger", "disgust", "anxiety") and "label" not in compound.labels
    assert "caption" not in one(clips, "00026", fold=1, protocol="single").labels
    assert problems(clips).keys() == {"10849", "00099"}


@pytest.mark.parametrize("zips", ["", "01/", "AFEW-VA/01/"])
def test_afewva(tree, zips):
    root = tree("afewva", zips=zips)
    known, unknown = AFEW_VA.read(root)
    assert (known.source_clip_id, known.identity, unknown.identity) == ("001", "Actor A", None)
    assert known.path == f"{zips}001" and known.labels["frames"] == ("00000", "00002")
    assert known.labels["valence"] == (3.0, 3.0) and known.labels["unlabelled_frames"] == ("00001",)
    (root / f"{zips}002/00002.png").unlink()
    assert "00002" in list(AFEW_VA.read(root))[1].problem


def test_mafw_with_one_protocol(tree):
    root = tree("mafw")
    shutil.rmtree(root / "split/compound")
    assert {clip.protocol for clip in clips_of("mafw", root) if clip.protocol} == {"single"}


def test_a_name_that_no_system_takes_is_a_missing_video(tree):
    root = tree("mafw")
    write(root / "split/single/no_caption/set_1/test.txt", f"{'x' * 5000}.mp4 anger\n")
    assert "x" * 5000 in problems(clips_of("mafw", root))


def test_caer(tree):
    clips = clips_of("caer", tree("caer"))
    assert len({clip.source_clip_id for clip in clips}) == 6
    assert one(clips, "validation/Anger/0001").labels == {"label_id": 0, "label_name": "Anger", "label": "anger"}


def test_ferv39k(tree):
    clips = clips_of("ferv39k", tree("ferv39k"))
    video, cropped = one(clips, "Action/Happy/0015"), one(clips, "DailyLife/Happy/0015")
    assert (video.media, cropped.media, cropped.labels["scene"]) == ("video", "frames", "DailyLife")
    derived = one(clips, "Action/Angry/0001")
    assert (derived.split, derived.labels["label_name"], derived.labels["label_id"]) == ("test", "Angry", 3)
    assert problems(clips).keys() == {"Action/Angry/0001", "Action/Fear/0002"}


def test_mer2023(tree):
    clips = clips_of("mer2023", tree("mer2023"))
    clip, hidden = one(clips, "sample_00000001"), one(clips, "sample_00000005")
    assert clip.labels == {"label_id": 4, "label_name": "worried", "label": "worry", "valence": -2.5}
    assert (hidden.split, hidden.label_origin, dict(hidden.labels)) == ("test1", "placeholder", {})
    assert problems(clips).keys() == {"sample_00000002", "sample_00000009"}


def test_ravdess(tree):
    clips = clips_of("ravdess", tree("ravdess"))
    clip, song = one(clips, "01-01-06-01-02-01-01"), one(clips, "01-02-03-02-01-01-02")
    assert clip.identity == "Actor_01" and clip.labels["label"] == "fear" and clip.labels["sex"] == "male"
    assert clip.labels["statement"].startswith("Dogs") and not one(clips, "02-01-06-01-02-01-01").labels["sound"]
    assert (song.labels["vocal"], song.labels["intensity"], song.labels["sex"]) == ("song", "strong", "female")
    assert problems(clips).keys() == {"01-01-03-01-01-01-01", "notes"}


def test_emer(tree):
    clips = clips_of("emer", tree("emer"))
    v2 = one(clips, "sample_00000648", protocol="v2")
    assert v2.labels == {"caption": "He\nsmiles, a bit", "caption_zh": "他\n笑"} and v2.split == "test"
    assert v2.parent == ("mer2023", "sample_00000648")
    assert one(clips, "sample_00000648", protocol="v1").labels["emotions"] == "happy"
    assert "MER2023" in problems(clips)["sample_00000649"]


@pytest.mark.skipif(not PUBLIC_DFEC.is_file(), reason=f"{PUBLIC_DFEC} is absent")
def test_the_public_list_of_dfec(tmp_path):
    shutil.copy(PUBLIC_DFEC, tmp_path / "test.json")
    parents = [clip.parent for clip in clips_of("dfec", tmp_path)]
    sources = {"caer": 146, "ravdess": 142, "dfew": 136, "mer2024": 111, "mafw": 98, "afewva": 91, "ferv39k": 76}
    assert Counter(dataset for dataset, _ in parents) == sources and len(set(parents)) == 800


def test_dfec(tree):
    clips = clips_of("dfec", tree("dfec"))
    assert [clip.parent for clip in clips[:-1]] == list(trees.DFEC_VIDEOS.values())
    assert clips[-1].problem == "id 0 is there twice" and clips[0].problem is None
    assert all(parent_of(video) == parent for video, parent in trees.DFEC_VIDEOS.items())


DFEW_LIST = dfew_list(1)
BROKEN = [
    ("DFEW labels 1-7 mixed with 0-6", "dfew", DFEW_LIST, "video_name,label\n1,0\n2,7\n", "not mixed"),
    ("DFEW label 8", "dfew", DFEW_LIST, "video_name,label\n1,8\n", "labels 8"),
    ("DFEW without a column", "dfew", DFEW_LIST, "clip,label\n1,1\n", "no column video_name"),
    ("DFEW id is no number", "dfew", DFEW_LIST, "video_name,label\nx,1\n", "line 2: video_name is no whole number"),
    ("DFEW row too short", "dfew", DFEW_LIST, "video_name,label\n1\n", "line 2: 1 fields"),
    ("MAFW unknown word", "mafw", "split/single/no_caption/set_1/test.txt", "1.mp4 joy", "line 1: no label 'joy'"),
    ("MAFW caption without tabs", "mafw", "split/single/with_caption/set_1/train.txt", "1.mp4 joy", "between tabs"),
    ("MAFW list in no known encoding", "mafw", "split/single/no_caption/set_1/test.txt", "\udcff", "is no text"),
    ("HMDB51 tag 7", "hmdb51", "testTrainMulti_7030_splits/chew_test_split1.txt", "a.avi 7\n", "tag 0, 1 or 2"),
    ("HMDB51 no tag", "hmdb51", "testTrainMulti_7030_splits/chew_test_split1.txt", "a.avi\n", "no whole number"),
    ("CelebV-HQ cut off", "celebvhq", "celebvhq_info.json", '{"clips": {', "is no JSON"),
    ("CelebV-HQ without names", "celebvhq", "celebvhq_info.json", '{"clips": {}}', "no names in appearance_mapping"),
    ("FF++ ids as numbers", "ffpp", "splits/train.json", "[[0, 1]]", "is no pair of ids"),
    ("FF++ pair in two splits", "ffpp", "splits/val.json", '[["000", "001"]]', "is in val and in train"),
    ("AFEW-VA without frames", "afewva", "001/001.json", "{}", 'no "frames"'),
    ("AFEW-VA beyond the range", "afewva", "001/001.json", '{"frames": {"0": {"valence": 11}}}', "beyond -10"),
    ("AFEW-VA without arousal", "afewva", "001/001.json", '{"frames": {"0": {"valence": 1}}}', "arousal is no number"),
    ("FERV39k without a scene", "ferv39k", "4_setups/All_scenes/test_All.csv", "0015 Happy\n", "no Scene/Emotion"),
    ("MER label of another dataset", "mer2023", "train-label.csv", "name,discrete\na,fear\n", "no label 'fear'"),
    ("MER valence in words", "mer2023", "train-label.csv", "name,discrete,valence\na,sad,low\n", "no number: 'low'"),
    ("EMER of another table", "emer", "EMER/dataset-v2/final-EMER-reason.csv", "name,text\n", "no column chinese"),
    (
        "DFEC path that leads out",
        "dfec",
        "test.json",
        json.dumps([{"id": "1", "video": "../x.mp4", "caption": ""}]),
        "leads out",
    ),
    (
        "DFEC numbers as ids",
        "dfec",
        "test.json",
        json.dumps([{"id": 1, "video": "x.mp4", "caption": ""}]),
        "no texts id",
    ),
]


@pytest.mark.parametrize(("situation", "name", "file", "text", "told"), BROKEN, ids=[row[0] for row in BROKEN])
def test_a_broken_file_is_told_by_name(tree, situation, name, file, text, told):
    root = tree(name)
    (root / file).parent.mkdir(parents=True, exist_ok=True)
    (root / file).write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(DatasetError, match=told) as error:
        clips_of(name, root)
    assert str(root if "leads out" in told else root / file) in str(error.value)


@pytest.mark.parametrize("name", [name for name in DATASETS if name not in ("caer", "ravdess", "ytf")])
def test_damaged_annotations_give_clips_or_a_dataset_error(tree, name):
    root, draw = tree(name), random.Random(0)
    files = sorted(path for path in root.rglob("*") if path.suffix in (".csv", ".txt", ".json") and path.is_file())
    outcomes = set()
    for _ in range(60):
        path = draw.choice(files)
        whole = path.read_bytes()
        place = draw.randrange(len(whole) + 1)
        damage = draw.choice([b"\0", b'"', b",", b"\n", b"\xff", b"[", b"9", b"../", b""])
        path.write_bytes(whole[:place] + damage + whole[place + draw.randrange(6) :])
        try:
            outcomes.add(bool(clips_of(name, root)))
        except DatasetError:
            outcomes.add("error")
        path.write_bytes(whole)
    assert outcomes <= {True, "error"} and "error" in outcomes


@pytest.mark.parametrize("value", [None, 1, "x", [], {}, [1], {"a": 1}, float("nan"), True])
@pytest.mark.parametrize(
    ("name", "file", "keys"),
    [
        ("celebvhq", "celebvhq_info.json", ("meta_info",)),
        ("celebvhq", "celebvhq_info.json", ("meta_info", "action_mapping")),
        ("celebvhq", "celebvhq_info.json", ("clips",)),
        ("celebvhq", "celebvhq_info.json", ("clips", "abc_1")),
        ("celebvhq", "celebvhq_info.json", ("clips", "abc_1", "bbox")),
        ("celebvhq", "celebvhq_info.json", ("clips", "abc_1", "attributes", "emotion")),
        ("celebvhq", "celebvhq_info.json", ("clips", "abc_1", "attributes", "emotion", "labels")),
        ("afewva", "001/001.json", ("frames",)),
        ("afewva", "001/001.json", ("frames", "00000")),
        ("afewva", "001/001.json", ("frames", "00000", "valence")),
        ("ffpp", "splits/train.json", (0,)),
        ("ffpp", "splits/conversion_dict.json", ("000",)),
        ("dfec", "test.json", (0,)),
        ("dfec", "test.json", (0, "video")),
    ],
)
def test_a_value_of_another_kind(tree, name, file, keys, value):
    root = tree(name)
    document = json.loads((root / file).read_text())
    place = document
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = value
    (root / file).write_text(json.dumps(document))
    with suppress(DatasetError):
        assert all(json_lines(as_row(clip) for clip in clips_of(name, root)))
