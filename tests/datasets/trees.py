"""Small trees in the layouts of the datasets, with the oddities of real ones planted; media are empty files."""

import json
from pathlib import Path


def write(path: Path, text: str = "", *, encoding: str = "utf-8") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode(encoding))
    return path


def media(root: Path, *names: str) -> None:
    for name in names:
        write(root / name)


def frames(folder: Path, numbers, form: str = "{}.jpg") -> None:
    for number in numbers:
        write(folder / form.format(number))


def celebvhq(root: Path) -> None:
    attributes = {"appearance": [0, 1] + [0] * 38, "action": [1] + [0] * 34}
    still = {"sep_flag": False, "labels": "neutral"}
    moving = {"sep_flag": True, "labels": [{"emotion": "happy", "start_sec": 0, "end_sec": 1.5}]}
    box = {"top": 0.1, "bottom": 0.6, "left": 0.2, "right": 0.7}
    clips = {
        key: {
            "ytb_id": video,
            "duration": {"start_sec": 47.0, "end_sec": 50.5},
            "bbox": box,
            "attributes": attributes | {"emotion": emotion},
            "version": "v0.1",
        }
        for key, video, emotion in (
            ("-GHMHbLRtJg_47_0", "-GHMHbLRtJg_47", still),
            ("abc_1", "abc", moving),
            ("gone_2", "gone", still),
        )
    }
    names = {"appearance_mapping": [f"look {k}" for k in range(40)], "action_mapping": [f"act {k}" for k in range(35)]}
    write(root / "celebvhq_info.json", json.dumps({"meta_info": names, "clips": clips}))
    media(root, "downloaded_celebvhq/processed/-GHMHbLRtJg_47_0.mp4", "downloaded_celebvhq/raw/abc.mp4")
    media(root, "downloaded_celebvhq/processed/._abc_1.mp4", "downloaded_celebvhq/processed/extra_3.mp4")


def ffpp(root: Path, *, compression: str = "c23", youtube: str = "youtube/") -> None:
    for name, pairs in (("train", [["000", "001"]]), ("val", []), ("test", [["002", "003"]])):
        write(root / f"splits/{name}.json", json.dumps(pairs))
    write(root / "splits/conversion_dict.json", json.dumps({"000": "-xyz 0", "001": "other 0", "002": "-xyz 1"}))
    originals, fakes = f"original_sequences/{youtube}{compression}/videos", "manipulated_sequences"
    media(root, *(f"{originals}/{name}.mp4" for name in ("000", "001", "002", "900")))
    media(root, *(f"{fakes}/Deepfakes/{compression}/videos/{name}.mp4" for name in ("000_001", "001_000", "002_003")))
    media(root, f"{fakes}/DeepFakeDetection/{compression}/videos/01_02__talk__ABCDEFGH.mp4")


def hmdb51(root: Path) -> None:
    clips = {
        "smile": [
            "Film_#1_(x)_smile_h_nm_np1_fr_goo_0.avi",
            "B_smile_u_cm_np1_le_bad_1.avi",
            "C_smile_f_cm_np2_ba_med_2.avi",
        ],
        "brush_hair": ["D_brush_hair_h_nm_np1_fr_goo_0.avi"],
    }
    for name, videos in clips.items():
        media(root, *(f"hmdb51_org/{name}/{video}" for video in videos[:2]))
        for fold in (1, 2, 3):
            lines = "".join(f"{video} {(k + fold) % 3} \n" for k, video in enumerate(videos))
            write(root / f"testTrainMulti_7030_splits/{name}_test_split{fold}.txt", lines)
    for name in ("chew", "drink", "eat", "kiss", "laugh", "smoke", "talk"):  # classes without a clip
        for fold in (1, 2, 3):
            write(root / f"testTrainMulti_7030_splits/{name}_test_split{fold}.txt")


def ytf(root: Path) -> None:
    for person, video, numbers in (
        ("Richard_Gere", 1, range(5, 13)),
        ("Richard_Gere", 3, [*range(7, 11), *range(20, 24)]),
        ("Ann_Veneman", 0, range(1, 9)),
        ("Ann_Veneman", 4, range(1, 9)),
        ("Jo_Doe", 2, range(1, 5)),
    ):
        frames(root / f"frame_images_DB/{person}/{video}", numbers, f"{video}.{{}}.jpg")
    line = "Richard_Gere\\3\\3.7.jpg,0,262,165,132,132,0.0,1\r\n"
    write(root / "frame_images_DB/Richard_Gere.labeled_faces.txt", line)
    header = "split number, pair number, first name, second name, is same\n"
    write(root / "splits.txt", header + "1, 1, Richard_Gere/1, Richard_Gere/3, 1\n2, 1, Jo_Doe/2, Ann_Veneman/0, 0\n")


def dfew(
    root: Path, *, first: int = 1, form: str = "EmoLabel_DataSplit/{split}(single-labeled)/set_{fold}.csv"
) -> None:
    for fold in range(1, 6):
        write(root / form.format(split="train", fold=fold), f"video_name,label\r\n1,{first}\r\n2,{first + 6}\r\n")
        write(root / form.format(split="test", fold=fold), f"\ufeffvideo_name,label\n3,{first}\n4,{first + 5}\n")
    for name in ("00001", "00002", "00003", "00009"):
        frames(root / f"Clip/clip_224x224/{name}", (1, 2))


def mafw(root: Path) -> None:
    captions = "00025.mp4\tanger\t他很生气，皱眉\tHe is angry, he frowns.\r\n"
    for protocol, label in (("single", "anger"), ("compound", "anger_disgust_anxiety")):
        for fold in range(1, 6):
            folder = root / f"split/{protocol}/no_caption/set_{fold}"
            write(folder / "train.txt", f"00025.mp4 {label}\r\n00026.mp4 neutral")
            write(folder / "test.txt", "10849.mp4 disappointment\r\n")
            write(root / f"split/{protocol}/with_caption/set_{fold}/train.txt", captions, encoding="gb18030")
            write(root / f"split/{protocol}/with_caption/set_{fold}/test.txt", "")
    media(root, "clips/00025.mp4", "clips/00026.mp4", "clips/00099.mp4", "clips/Thumbs.db")


def afewva(root: Path, *, zips: str = "") -> None:
    for clip, actor in (("001", "Actor A"), ("002", None)):
        keys = {f"{k:05d}": {"valence": 3, "arousal": -10, "landmarks": [[0.0, 0.0]] * 68} for k in (0, 2)}
        document = {"video_id": clip, "frames": keys} | ({"actor": actor} if actor else {})
        write(root / f"{zips}{clip}/{clip}.json", json.dumps(document))
        frames(root / f"{zips}{clip}", (0, 1, 2), "{:05d}.png")


def caer(root: Path) -> None:
    media(root, *(f"{s}/{e}/0001.avi" for s in ("train", "validation", "test") for e in ("Anger", "Surprise")))


def ferv39k(root: Path) -> None:
    write(root / "4_setups/All_scenes/train_All.csv", "Action/Happy/0015 Happy\nDailyLife/Happy/0015 Happy\n")
    write(root / "4_setups/All_scenes/test_All.csv", "path,id\nAction/Angry/0001,0\n")
    media(root, "0_7_LabelClips/Action/Happy/0015.mp4", "0_7_LabelClips/Action/Fear/0002.mp4")
    frames(root / "2_ClipsforFaceCrop/DailyLife/Happy/0015", (1, 2))


def mer2023(root: Path) -> None:
    write(root / "train-label.csv", "name,discrete,valence\nsample_00000001,worried,-2.5\nsample_00000002,happy,3\n")
    media(root, "train/sample_00000001.avi", "train/sample_00000009.mp4", "test1/sample_00000005.mp4")


def mer2024(root: Path) -> None:
    write(root / "label-disdim.csv", "name,discrete,valence,extra\nsamplenew_00035806,neutral,0.5,x\n")
    media(root, "video-labeled/samplenew_00035806.mp4")


def ravdess(root: Path) -> None:
    media(root, "Actor_01/01-01-06-01-02-01-01.mp4", "Actor_01/02-01-06-01-02-01-01.mp4")
    media(root, "Actor_02/01-02-03-02-01-01-02.mp4", "Actor_02/01-01-03-01-01-01-01.mp4", "Actor_02/notes.mp4")
    media(root, "Actor_02/03-01-01-01-01-01-02.wav")


def emer(root: Path) -> None:
    v2 = '\ufeffname,chinese,english\nsample_00000648,"他\n笑","He\nsmiles, a bit"\nsample_00000649,a,b\n'
    write(root / "EMER/dataset-v2/final-EMER-reason.csv", v2)
    write(root / "EMER/dataset-v1/gt-eng.csv", "names,emotions,subtitles,reasons\nsample_00000648,happy,hi,smiles\n")
    media(root, "train/sample_00000648.mp4")


DFEC_VIDEOS = {
    "CAER_mp4/train/Surprise/0932.mp4": ("caer", "train/Surprise/0932"),
    "RAVDESS/data/Actor_05/02-01-06-01-02-01-05.mp4": ("ravdess", "02-01-06-01-02-01-05"),
    "DFEW/videos/2961.mp4": ("dfew", "02961"),
    "MER24/video-labeled/sample_00001837.mp4": ("mer2024", "sample_00001837"),
    "MAFW/videos/00151.mp4": ("mafw", "00151"),
    "AFEW-VA/videos/460.mp4": ("afewva", "460"),
    "FERV39k/videos/0_7_LabelClips_Conflict_Angry_0305.mp4": ("ferv39k", "Conflict/Angry/0305"),
    "Elsewhere/1.mp4": None,
}


def dfec(root: Path) -> None:
    rows = [{"id": str(k), "video": video, "caption": "He\nblinks."} for k, video in enumerate(DFEC_VIDEOS)]
    write(root / "test.json", json.dumps([*rows, {**rows[0], "video": "DFEW/videos/7.mp4"}]))
    media(root, "CAER_mp4/train/Surprise/0932.mp4", "DFEW/videos/7.mp4")


TREES = {
    "celebvhq": celebvhq,
    "ffpp": ffpp,
    "hmdb51": hmdb51,
    "ytf": ytf,
    "dfew": dfew,
    "mafw": mafw,
    "afewva": afewva,
    "caer": caer,
    "ferv39k": ferv39k,
    "mer2023": mer2023,
    "mer2024": mer2024,
    "ravdess": ravdess,
    "emer": emer,
    "dfec": dfec,
}
