"""Figures and pages: what they show, that they are whole, that names cannot break them."""

import json
import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from facevlm.cli import main
from facevlm.errors import InputError
from facevlm.evaluation.baselines import second_human_captions
from facevlm.evaluation.figures import confusion_svg, radar_svg, roc_svg
from facevlm.evaluation.intervals import class_means_interval
from facevlm.evaluation.term_marks import marked

SVG = "{http://www.w3.org/2000/svg}"
CAPTIONS = {
    "150": "At first, she blinks. Then she smiles.",
    "952": "She smiles, then closes her eyes.",
    "7": "He opens the door. He opens his mouth slightly and looks to the left.",
    "8": "He nods.",
}
VIDEOS = {
    "150": "RAVDESS/data/Actor_05/01-01-06-01-02-01-05.mp4",
    "952": "RAVDESS/data/Actor_05/02-01-06-01-02-01-05.mp4",
    "7": "RAVDESS/data/Actor_05/01-01-06-01-01-01-05.mp4",
    "8": "DFEW/videos/8.mp4",
}


@pytest.fixture
def references(tmp_path):
    rows = [{"id": name, "caption": caption, "video": VIDEOS[name]} for name, caption in CAPTIONS.items()]
    (tmp_path / "ref.json").write_text(json.dumps(rows))
    return str(tmp_path / "ref.json")


def test_a_confusion_matrix():
    text = confusion_svg(np.array([[3, 1], [0, 0]]), ["happy", "<sad>"], unread=[1, 0], title="made <up>")
    told = [one.text for one in ET.fromstring(text).iter(f"{SVG}text")]
    assert {"60", "20", "n = 5", "n = 0", "<sad>", "made <up>", "unreadable"} <= set(told) and told.count("–") == 3


def test_a_roc_curve():
    root = ET.fromstring(roc_svg(np.array([0, 0.5, 1]), np.array([0, 0, 1]), auc=0.75, title="t"))
    (line,) = root.iter(f"{SVG}polyline")
    assert len(line.get("points").split()) == 3 and "0.750" in "".join(root.itertext())


def test_a_radar_plot_breaks_its_line_at_missing_scores():
    root = ET.fromstring(radar_svg("abcd", {"one": [1, 2, None, 4], "two": [1, 1, 1, 1]}, most=[1, 2, 3, 4]))
    lines = [path for path in root.iter("path") if path.get("stroke-width")]
    assert len(lines) == 2 + 4 and len(list(root.iter("circle"))) == 3 + 4


def test_an_interval_of_class_means():
    values, classes = np.array([100.0] * 50 + [0.0] * 5), np.array([0] * 50 + [3] * 5)
    assert class_means_interval(values, classes) == (50.0, 50.0)
    low, high = class_means_interval(np.array([100.0, 0.0] * 20), np.arange(40) % 4 // 2)
    assert low < 50 < high


def test_terms_are_marked_where_the_face_acts():
    runs = marked(CAPTIONS["7"])
    assert "".join(run.text for run in runs) == CAPTIONS["7"]
    found = [(run.text, run.kind) for run in runs if run.kind]
    assert found[:3] == [("opens", "act"), ("mouth", "part"), ("looks", "act")] and found[3][1] == "direction"
    assert marked("") == []
    later = marked("In the following part of the video, he nods.")
    assert [run.text for run in later if run.kind] == ["nods"]


def test_a_second_human_is_scored_on_the_twins_alone(references, tmp_path, capsys):
    assert second_human_captions(CAPTIONS, VIDEOS) == {"150": CAPTIONS["952"], "952": CAPTIONS["150"]}
    with pytest.raises(InputError, match="captioned twice"):
        second_human_captions(CAPTIONS, {"8": VIDEOS["8"]})
    folder = tmp_path / "runs" / "second"
    assert (
        main(["eval", "fec-bench", "--model", "baseline:second-human", "--references", references, "-o", str(folder)])
        == 0
    )
    report = json.loads((folder / "report.json").read_text())
    assert report["n"] == 2 and report["reference_set"].startswith("2 of 4") and "bleu_1" not in report["metrics"]
    assert report["metrics"]["tem_grammar"]["n_scored"] == 2 and 0 < report["metrics"]["rouge_l"]["value"] < 1
    assert "scored 2 / 2" in capsys.readouterr().out
    assert len((folder / "samples.jsonl").read_text().splitlines()) == 2


@pytest.fixture
def runs(references, tmp_path, capsys):
    for name, captions in (("good", CAPTIONS), ("<b>bad</b>", CAPTIONS | {"150": "He talks.", "8": None})):
        said = tmp_path / "said.json"
        said.write_text(json.dumps([{"id": one, "caption": caption} for one, caption in captions.items()]))
        folder = tmp_path / "runs" / re.sub(r"\W", "", name)
        command = [
            "eval",
            "fec-bench",
            "--model",
            str(said),
            "--name",
            name,
            "--references",
            references,
            "-o",
            str(folder),
        ]
        main(command)
    capsys.readouterr()
    return tmp_path / "runs"


def test_captions_side_by_side(runs, references, tmp_path, capsys):
    page = tmp_path / "page.html"
    command = [
        "report",
        "captions",
        str(runs / "good"),
        str(runs / "bbadb"),
        "--references",
        references,
        "-o",
        str(page),
    ]
    assert main([*command, "--most", "2"]) == 0 and capsys.readouterr().out == f"{page}\n"
    text = page.read_text()
    assert text.index("<h2>150</h2>") and text.count("<h2>") == 2  # the clip on which they differ most comes first
    assert '<mark class="act">blinks</mark>' in text and "&lt;b&gt;bad&lt;/b&gt;" in text and "<b>bad" not in text
    assert "tem_ref_grammar" in text and "<script" not in text and not re.search(r"https?://", text)
    assert main([*command, "--id", "8"]) == 0
    assert "no prediction" in page.read_text()
    assert main([*command, "--id", "nobody"]) == 2
    assert main([*command[:-1], references]) == 2 and json.loads((tmp_path / "ref.json").read_text())


def test_the_leaderboard_tells_what_is_zero_shot_and_draws_a_radar(runs, references, tmp_path, capsys):
    manifest = tmp_path / "trained.jsonl"
    manifest.write_text('{"source_dataset": "dfew", "source_clip_id": "00008"}\n')
    said = tmp_path / "said.json"
    command = ["eval", "fec-bench", "--model", str(said), "--references", references, "--trained-on", str(manifest)]
    main([*command, "-o", str(runs / "leaking")])
    assert main(["report", "bench", str(runs)]) == 0
    page = (runs / "leaderboard.html").read_text()
    assert "not zero-shot: trained on 1 of 4 clips" in page and "training data not told" in page
    assert page.count("<svg") == 1 and "2. &lt;b&gt;bad" in page
    assert not re.search(r"https?://", page) and "baseline:second-human" in page
