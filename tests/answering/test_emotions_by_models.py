"""`facevlm eval dfew` and `mafw` end to end, on small trees: described, inferred, scored by fold, drawn."""

import json
import xml.etree.ElementTree as ET

import pytest

from facevlm.endpoints.scripted_server import ScriptedServer
from facevlm.evaluation.classification import DFEW_LABELS, MAFW_LABELS
from facevlm.prompts import load_prompt
from tests.answering.conftest import COLOURS, colour_of, pictures_of, text_of
from tests.squares import Square, film, still

DESCRIBED = ("Her lip corners rise in a smile.", "He frowns and presses his lips together.", "The face hardly moves.")
TRUTH = {fold: [(3 * (fold - 1) + k + 1, label) for k, label in enumerate((1, 4, 3))] for fold in range(1, 6)}


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode())


@pytest.fixture
def dfew(tmp_path):
    """Five folds of three clips, of one colour for each label; clip 15 is missing."""
    root = tmp_path / "dfew"
    lines = {fold: [f"{video},{label}" for video, label in rows] for fold, rows in TRUTH.items()}
    for fold in TRUTH:
        train = [line for other, found in lines.items() if other != fold for line in found]
        for split, found in (("test", lines[fold]), ("train", [*train, "99,7"])):
            text = "video_name,label\n" + "\n".join(found) + "\n"
            write(root / f"EmoLabel_DataSplit/{split}(single-labeled)/set_{fold}.csv", text)
    (root / "videos").mkdir()
    for rows in TRUTH.values():
        for number, (video, _) in enumerate(rows):
            if video != 15:
                film(root / f"videos/{video}.mp4", 0.2, [Square(COLOURS[number], still(40, 30, 100))])
    return root


def script(body):
    """Describes by colour; infers the emotion of a description: of a frown angry, of a still face nothing readable."""
    last = body["messages"][-1]
    if pictures_of(last):
        return DESCRIBED[colour_of(pictures_of(last)[0])]
    text = text_of(last)
    assert all(label in text for label in DFEW_LABELS)
    return "The emotion is happiness." if "smile" in text else "Angry" if "frowns" in text else "Hard to say."


def report_of(folder):
    return json.loads((folder / "report.json").read_text())


def test_a_model_describes_and_infers(run, dfew, tmp_path):
    pytest.importorskip("openai")
    with ScriptedServer(script) as server:
        asked = ["dfew", "--root", dfew, "--model", "openai:V", "--model-url", server.base_url, "-o", tmp_path / "run"]
        code, out, _ = run(*asked, "--frames", 2)
        assert len(server.requests) == 6  # three colours, three descriptions: what is the same is asked once
        before = [(tmp_path / "run" / name).read_bytes() for name in ("report.json", "samples.jsonl", "confusion.svg")]
        assert run(*asked, "--frames", 2)[0] == 1 and len(server.requests) == 6
    assert before == [(tmp_path / "run" / n).read_bytes() for n in ("report.json", "samples.jsonl", "confusion.svg")]
    report = report_of(tmp_path / "run")
    assert code == 1 and "scored 14 / 15, 1 failed" in out and "always answering 'happy' scores war 33.3" in out
    (failure,) = report["failures"]
    assert failure["id"] == "00015" and "no Clip/clip_224x224/00015 there" in failure["reason"]
    metrics = report["metrics"]
    # four folds of 2 in 3 right, and one of 2 in 2
    assert metrics["war"]["value"] == pytest.approx((4 * 200 / 3 + 100) / 5)
    assert metrics["uar"]["value"] == pytest.approx((4 * 200 / 3 + 100) / 5)
    assert metrics["recall_happy"]["value"] == 100 and metrics["recall_neutral"]["value"] == 0
    assert metrics["recall_fear"]["value"] is None and metrics["war"]["interval"][0] < 80
    assert [fold["unparsed"] for fold in report["folds"]] == [1, 1, 1, 1, 0]
    assert report["confusion"]["unparsed"] == [0, 0, 4, 0, 0, 0, 0]
    rows = [json.loads(line) for line in (tmp_path / "run" / "samples.jsonl").read_text().splitlines()]
    assert rows[0]["prediction"] == DESCRIBED[0] and rows[0]["answer"] == "The emotion is happiness."
    assert (rows[0]["label"], rows[1]["label"], rows[2]["label"]) == ("happy", "angry", None)
    card = report["run_card"]
    assert card["folds"] == [1, 2, 3, 4, 5] and set(card["model"]["prompts"]) == {"describe_emotion", "infer_emotion"}
    picture = ET.fromstring((tmp_path / "run" / "confusion.svg").read_text())
    told = [text.text for text in picture.iter("{http://www.w3.org/2000/svg}text")]
    assert "unreadable" in told and "n = 5" in told and "100" in told


def test_one_fold_by_rule_from_a_file_of_descriptions(run, dfew, tmp_path):
    said = [{"id": f"{video:05d}", "caption": DESCRIBED[k]} for k, (video, _) in enumerate(TRUTH[2])]
    (tmp_path / "said.json").write_text(json.dumps(said))
    code, out, _ = run("dfew", "--root", dfew, "--model", tmp_path / "said.json", "--fold", 2, "-o", tmp_path / "run")
    report = report_of(tmp_path / "run")
    assert code == 0 and "scored 3 / 3" in out and report["run_card"]["folds"] == [2]
    assert report["metrics"]["war"]["value"] == 100 and "rule, grammar" in report["run_card"]["model"]["labels_by"]


def test_answers_in_a_file(run, dfew, tmp_path):
    answers = [{"id": f"{video:05d}", "answer": "sad"} for video, _ in TRUTH[1][:2]]
    (tmp_path / "said.json").write_text(json.dumps(answers))
    code, out, _ = run("dfew", "--root", dfew, "--model", tmp_path / "said.json", "--fold", 1, "-o", tmp_path / "run")
    assert code == 1 and "scored 2 / 3, 1 failed" in out and report_of(tmp_path / "run")["metrics"]["war"]["value"] == 0


def test_two_runs_are_compared_class_by_class(run, dfew, tmp_path):
    for name, answers in (("good", ("happy", "angry", "neutral")), ("bad", ("happy", "sad", "neutral"))):
        rows = [{"id": f"{v:05d}", "answer": answers[k]} for found in TRUTH.values() for k, (v, _) in enumerate(found)]
        (tmp_path / "said.json").write_text(json.dumps(rows))
        asked = ["--model", tmp_path / "said.json", "--name", name, "-o", tmp_path / name]
        assert run("dfew", "--root", dfew, *asked)[0] == 0
    code, out, _ = run("compare", tmp_path / "good", tmp_path / "bad")
    lines = {line.split()[0]: line.split() for line in out.splitlines() if line.startswith(("war", "recall"))}
    assert code == 0 and lines["war"][1:4] == ["100.0000", "66.6667", "-33.3333"]
    assert lines["recall_angry"][3] == "-100.0000" and lines["recall_angry"][-1] == "5"
    assert lines["recall_happy"][3] == "+0.0000" and "uar is left out: it is no mean over clips" in out


def test_our_own_model_infers_from_a_caption_with_half_an_emoji(run, dfew, tmp_path):
    pytest.importorskip("torch")
    said = [{"id": f"{video:05d}", "caption": DESCRIBED[k] + " \ud83d"} for k, (video, _) in enumerate(TRUTH[1])]
    (tmp_path / "said.json").write_text(json.dumps(said))
    asked = ["--model", tmp_path / "said.json", "--infer-by", "chat:tiny", "--answer-tokens", 3, "-o", tmp_path / "run"]
    code, out, _ = run("dfew", "--root", dfew, "--fold", 1, *asked)
    assert code == 0 and "scored 3 / 3" in out


def test_another_model_infers(run, dfew, tmp_path):
    pytest.importorskip("openai")
    said = [{"id": f"{video:05d}", "caption": DESCRIBED[k]} for k, (video, _) in enumerate(TRUTH[1])]
    (tmp_path / "said.json").write_text(json.dumps(said))
    with ScriptedServer(script) as server:
        asked = ["--infer-by", "openai:T", "--model-url", server.base_url, "-o", tmp_path / "run"]
        code, *_ = run("dfew", "--root", dfew, "--model", tmp_path / "said.json", "--fold", 1, *asked)
    report = report_of(tmp_path / "run")
    assert code == 0 and report["run_card"]["model"]["labels_by"]["model"] == "T"
    assert report["metrics"]["war"]["value"] == pytest.approx(200 / 3)


def test_our_own_model_describes_and_infers(run, dfew, squares, told, tmp_path):
    pytest.importorskip("torch")
    asked = ["--model", "chat:tiny", "--fold", 1, "--answer-tokens", 6, "-o", tmp_path / "run"]
    code, out, _ = run("dfew", "--root", dfew, *asked)
    report = report_of(tmp_path / "run")
    assert code == 0 and "scored 3 / 3" in out
    card = report["run_card"]["model"]
    assert set(card["prompts"]) == {"describe_emotion", "infer_emotion"} and card["labels_by"]["model"] == "tiny"
    rows = [json.loads(line) for line in (tmp_path / "run" / "samples.jsonl").read_text().splitlines()]
    assert all(row["answer"] and row["prediction"] for row in rows)
    assert [len(seen) for seen, _ in told] == [1, 1, 1, 0, 0, 0]  # the clip is not seen again
    for row, (_, (message,)) in zip(rows, told[3:], strict=True):
        asked = load_prompt("infer_emotion").fill(caption=row["prediction"].strip(), labels=", ".join(DFEW_LABELS))
        assert message == {"role": "user", "content": [{"type": "text", "text": text} for text in asked]}


def test_our_own_model_infers_from_a_file(run, dfew, tmp_path):
    pytest.importorskip("torch")
    said = [{"id": f"{video:05d}", "caption": DESCRIBED[k]} for k, (video, _) in enumerate(TRUTH[1])]
    (tmp_path / "said.json").write_text(json.dumps(said))
    asked = ["--infer-by", "chat:tiny-facetrack-mm", "--answer-tokens", 6, "--fold", 1, "-o", tmp_path / "run"]
    assert run("dfew", "--root", dfew, "--model", tmp_path / "said.json", *asked)[0] == 0
    assert report_of(tmp_path / "run")["run_card"]["model"]["labels_by"]["model"] == "tiny-facetrack-mm"


def test_mafw_maps_labels_by_name(run, tmp_path):
    root = tmp_path / "mafw"
    for fold in range(1, 6):
        folder = root / f"split/single/no_caption/set_{fold}"
        write(
            folder / "test.txt", f"0000{fold}.mp4 {('anger', 'contempt', 'anxiety', 'happiness', 'fear')[fold - 1]}\r\n"
        )
        write(folder / "train.txt", "00009.mp4 neutral")
    answers = ("Anger.", "contemptuous", "He is anxious.", "<think>sad?</think> Answer: happy", "not fear")
    said = [{"id": f"0000{k}", "answer": answer} for k, answer in enumerate(answers, start=1)]
    (tmp_path / "said.json").write_text(json.dumps(said))
    code, *_ = run("mafw", "--root", root, "--model", tmp_path / "said.json", "-o", tmp_path / "run")
    report = report_of(tmp_path / "run")
    assert code == 0 and report["metrics"]["war"]["value"] == 80 and report["confusion"]["labels"] == list(MAFW_LABELS)


WRONG = {
    "no such fold": (["--fold", "6"], "has no fold 6"),
    "a file answers no questions": (["--infer-by", "model"], "answers no questions about descriptions"),
    "no such model": (["--infer-by", "chatgpt"], "no model 'chatgpt'"),
}


def test_what_cannot_infer_is_told_before_anything_is_described(run, dfew, tmp_path):
    for given in ("model", "describe", "appearance", "chatgpt"):
        code, _, err = run("dfew", "--root", dfew, "--model", "describe", "-o", tmp_path / "run", "--infer-by", given)
        assert code == 2 and "--infer-by" in err and not (tmp_path / "run").exists()


@pytest.mark.parametrize("situation", WRONG)
def test_wrong_usage(situation, run, dfew, tmp_path):
    given, told = WRONG[situation]
    (tmp_path / "said.json").write_text('[{"id": "00001", "caption": "She smiles."}]')
    code, out, err = run("dfew", "--root", dfew, "--model", tmp_path / "said.json", "-o", tmp_path / "run", *given)
    assert code == 2 and out == "" and told in err and len(err.strip().splitlines()) == 1
