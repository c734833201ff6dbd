"""`facevlm eval fec-bench --model …` end to end: vision endpoints, image-text models, the describe engine."""

import json
import os
import signal
import subprocess
import sys
from types import ModuleType

import pytest

from facevlm.answering.image_text_model import _metadata, folder_hash
from facevlm.endpoints.scripted_server import Answer, ScriptedServer
from tests.answering.conftest import SAID, captioner, colour_of, pictures_of, text_of
from tests.answering.tiny_models import tiny_llava, tiny_qwen2_vl
from tests.cli.conftest import scripted_describe
from tests.squares import film


def report_of(folder):
    return json.loads((folder / "report.json").read_text())


@pytest.fixture
def arguments(clips, tmp_path):
    """All but the model and the folder of the run."""
    return ["fec-bench", "--references", tmp_path / "references.json", "--videos", clips, "--frames", 3, "--batch", 2]


def test_a_vision_endpoint(run, arguments, tmp_path):
    pytest.importorskip("openai")
    with ScriptedServer(captioner) as server:
        asked = [*arguments, "--model", "openai:org/V", "--model-url", server.base_url, "-o", tmp_path / "run"]
        code, out, _ = run(*asked)
        assert len(server.requests) == 3 and len(pictures_of(server.requests[0]["messages"][-1])) == 3
        assert run(*asked)[0] == 1 and len(server.requests) == 3  # nothing is asked twice
    report = report_of(tmp_path / "run")
    assert code == 1 and "scored 3 / 4, 1 failed" in out and "4.mp4: no such file" in out
    (failure,) = report["failures"]
    assert failure["id"] == "3" and failure["metrics"] == "all"
    rows = [json.loads(line) for line in (tmp_path / "run" / "samples.jsonl").read_text().splitlines()]
    assert [row["prediction"] for row in rows[:3]] == list(SAID)
    assert rows[0]["values"]["tem_grammar"] == 1.0 > rows[2]["values"]["tem_grammar"]
    card = report["run_card"]["model"]
    assert (
        card["answerer"]["model"] == "org/V" and card["answerer"]["frames"] == 3 and "JPEG" in card["answerer"]["crops"]
    )
    assert set(card["prompts"]) == {"describe_faces"} and report["run_card"]["zero_shot"] is None


def test_examples_are_shown_before_the_question(run, arguments, examples, tmp_path):
    pytest.importorskip("openai")
    with ScriptedServer(captioner) as server:
        shots = ["--shots", 2, "--examples", examples, "--model", "openai:V"]
        assert run(*arguments, *shots, "--model-url", server.base_url, "-o", tmp_path / "run")[0] == 1
    talks = [body["messages"] for body in server.requests]
    assert all([turn["role"] for turn in talk] == ["system", *["user", "assistant"] * 2, "user"] for talk in talks)
    for talk in talks:
        assert text_of(talk[1]) == text_of(talk[3]) == text_of(talk[5])
        for question, answer in ((talk[1], talk[2]), (talk[3], talk[4])):
            assert answer["content"] == f"She nods {colour_of(pictures_of(question)[0])} times."
    shown = report_of(tmp_path / "run")["run_card"]["model"]["examples"]
    assert len(shown) == 2 and all(one["caption"].startswith("She nods") for one in shown)


def test_killed_and_started_again_it_gives_the_same_bytes(arguments, tmp_path):
    pytest.importorskip("openai")
    started = []

    def script(body):
        if started and len(server.requests) == 3:
            os.kill(started.pop(), signal.SIGKILL)
        return captioner(body)

    def go(folder, *, killed):
        command = [sys.executable, "-m", "facevlm", "eval", *map(str, arguments), "--batch", "1"]
        command += ["--model", "openai:V", "--model-url", server.base_url, "-o", str(folder)]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        started[:] = [process.pid] if killed else []
        return process.wait(60)

    with ScriptedServer(script) as server:
        assert go(tmp_path / "killed", killed=True) == -signal.SIGKILL
        kept = (tmp_path / "killed" / "descriptions.jsonl").read_text()
        assert len(kept.splitlines()) == 3 and not (tmp_path / "killed" / "report.json").exists()
        with (tmp_path / "killed" / "descriptions.jsonl").open("a") as file:
            file.write('{"id": "2", "ques')  # as if it had been killed while writing
        assert go(tmp_path / "killed", killed=False) == 1 and len(server.requests) == 4
        assert go(tmp_path / "whole", killed=False) == 1
    for name in ("report.json", "samples.jsonl", "descriptions.jsonl"):
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_what_failed_is_tried_again(run, arguments, tmp_path):
    pytest.importorskip("openai")
    ill = [True]

    def script(body):
        return (
            Answer(status=400) if ill[0] and colour_of(pictures_of(body["messages"][-1])[0]) == 1 else captioner(body)
        )

    with ScriptedServer(script) as server:
        asked = [*arguments, "--model", "openai:V", "--model-url", server.base_url, "-o", tmp_path / "run"]
        code, out, _ = run(*asked)
        assert code == 1 and "scored 2 / 4, 2 failed" in out and "status 400" in out
        ill[0] = False
        assert "scored 3 / 4, 1 failed" in run(*asked)[1]


def test_a_model_s_budget_stops_and_a_new_one_goes_on(run, arguments, tmp_path):
    pytest.importorskip("openai")
    with ScriptedServer(captioner) as server:
        asked = [
            *arguments,
            "--model",
            "openai:V",
            "--model-url",
            server.base_url,
            "-o",
            tmp_path / "run",
            "--batch",
            1,
        ]
        code, out, err = run(*asked, "--max-tokens", 5)
        assert code == 1 and out == "" and "is spent" in err and len(server.requests) == 1
        assert "scored 3 / 4" in run(*asked)[1] and len(server.requests) == 3


def test_our_own_models(run, arguments, tmp_path, squares):
    pytest.importorskip("torch")
    asked = [*arguments, "--model", "chat:tiny", "--answer-tokens", 5, "-o", tmp_path / "run"]
    code, out, _ = run(*asked)
    assert code == 1 and "4.mp4: no such file" in out
    card = report_of(tmp_path / "run")["run_card"]["model"]["answerer"]
    assert (card["model"], card["revision"], card["frames"]) == ("tiny", "random weights", 8)
    first = (tmp_path / "run" / "descriptions.jsonl").read_text()
    assert run(*asked)[1] == out and (tmp_path / "run" / "descriptions.jsonl").read_text() == first


def test_what_was_seen_is_kept_for_other_models(run, arguments, tmp_path, squares):
    pytest.importorskip("torch")
    for model in ("chat:tiny", "chat:tiny-facetrack-mm", "describe"):
        asked = [*arguments, "--model", model, "--answer-tokens", 5, "--saved", tmp_path / "saved"]
        assert run(*asked, "-o", tmp_path / model.replace(":", "-"))[0] == 1
        assert len(list((tmp_path / "saved").iterdir())) == 3  # one of each clip
    (tmp_path / "file").write_text("")
    code, _, err = run(*arguments, "--model", "describe", "--saved", tmp_path / "file", "-o", tmp_path / "x")
    assert code == 1 and "is a file, not a folder" in err and not (tmp_path / "x").exists()


def test_a_clip_without_a_face_is_noted(run, arguments, clips, tmp_path, squares):
    pytest.importorskip("torch")
    film(clips / "DFEW/2.mp4", 0.4, [])
    asked = [*arguments, "--model", "chat:tiny-facetrack-mm", "--answer-tokens", 5, "-o", tmp_path / "run"]
    code, out, _ = run(*asked)
    report = report_of(tmp_path / "run")
    assert code == 1 and "scored 3 / 4" in out and "1 of 4: No face was seen: the model was shown" in out
    assert list(report["notes"]) == ["1"] and report["notes"]["1"].startswith("No face was seen")
    assert run(*asked)[1] == out and report_of(tmp_path / "run") == report  # notes are kept with the answers


def test_our_own_models_are_shown_examples(run, arguments, examples, told, tmp_path, squares):
    pytest.importorskip("torch")
    asked = [*arguments, "--model", "chat:tiny-facetrack-mm", "--answer-tokens", 5]
    code, out, _ = run(*asked, "--shots", 2, "--examples", examples, "-o", tmp_path / "shots")
    assert code == 1 and "scored 3 / 4, 1 failed" in out
    assert len(report_of(tmp_path / "shots")["run_card"]["model"]["examples"]) == 2
    assert len(told) == 3 and len({id(clip) for seen, _ in told for clip in seen}) == 2 + 3  # examples are seen once
    for seen, talk in told:
        assert [message["role"] for message in talk] == ["user", "assistant", "user", "assistant", "user"]
        assert [[part["type"] for part in message["content"]].count("video") for message in talk[::2]] == [1, 1, 1]
        for clip, answer in zip(seen[:2], talk[1::2], strict=True):
            assert answer["content"] == f"She nods {colour_of(clip.clip.frames[0])} times."


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    pytest.importorskip("torch")
    return tiny_llava(tmp_path_factory.mktemp("models") / "tiny")


def test_an_image_text_model(run, arguments, tiny, tmp_path):
    asked = [*arguments, "--model", f"hf:{tiny}", "--answer-tokens", 5, "--device", "cpu"]
    assert run(*asked, "-o", tmp_path / "two at a time")[0] == 1
    code, out, _ = run(*asked, "-o", tmp_path / "one", "--batch", 1, "--name", "tiny LLaVA")
    assert code == 1 and "scored 3 / 4, 1 failed" in out and "tiny LLaVA" in out
    said = []
    for name in ("two at a time", "one"):
        rows = [json.loads(line) for line in (tmp_path / name / "samples.jsonl").read_text().splitlines()]
        said.append([row.get("prediction") for row in rows])
    assert said[0] == said[1] and len(set(said[0][:3])) > 1  # padding changes nothing, pictures do
    card = report_of(tmp_path / "one")["run_card"]
    assert card["model"]["answerer"]["revision"] and card["model"]["answerer"]["decoding"] == "greedy"
    assert card["packages"]["transformers"] and "Pil" in card["model"]["answerer"]["crops"]


def test_frames_as_a_video(run, arguments, tmp_path):
    pytest.importorskip("torchvision", reason="processors for videos need torchvision")
    asked = [*arguments, "--answer-tokens", 5, "--device", "cpu", "-o", tmp_path / "run"]
    code, out, _ = run(*asked, "--model", f"hf-video:{tiny_qwen2_vl(tmp_path / 'qwen')}")
    assert code == 1 and "scored 3 / 4, 1 failed" in out
    card = report_of(tmp_path / "run")["run_card"]["model"]["answerer"]
    assert "Qwen2VLVideoProcessor" in card["crops"] and card["frames shown as"] == "a video, with their times"


def test_frames_as_a_video_need_torchvision(run, arguments, tmp_path, monkeypatch):
    pytest.importorskip("torch")
    monkeypatch.setattr("transformers.utils.is_torchvision_available", lambda: False)
    model = tiny_qwen2_vl(tmp_path / "qwen")
    code, out, err = run(*arguments, "--device", "cpu", "-o", tmp_path / "run", "--model", f"hf-video:{model}")
    assert code == 1 and out == "" and "need torchvision" in err and f"or give hf:{model}" in err


def test_each_frame_of_a_video_has_its_time():
    assert _metadata([0.04, 1.5, 3.9604]) == {
        "fps": 1000.0,
        "frames_indices": [40, 1500, 3960],
        "total_num_frames": 3961,
    }


def test_the_revision_of_a_folder_is_all_that_makes_its_answers(tmp_path):
    for name in ("config.json", "model.safetensors", "chat_template.jinja", "notes.md"):
        (tmp_path / name).write_text("a")
    before = folder_hash(str(tmp_path))
    (tmp_path / "notes.md").write_text("b")
    assert folder_hash(str(tmp_path)) == before
    (tmp_path / "chat_template.jinja").write_text("b")
    assert folder_hash(str(tmp_path)) != before


def test_a_model_with_a_part_for_videos_needs_no_torchvision(run, arguments, tmp_path):
    pytest.importorskip("torch")
    asked = [*arguments, "--model", f"hf:{tiny_qwen2_vl(tmp_path / 'qwen')}", "--answer-tokens", 5, "--device", "cpu"]
    code, out, _ = run(*asked, "-o", tmp_path / "run")
    assert code == 1 and "scored 3 / 4, 1 failed" in out
    assert "Qwen2VLImageProcessorPil" in report_of(tmp_path / "run")["run_card"]["model"]["answerer"]["crops"]


def test_models_that_cannot_be_loaded(run, arguments, tmp_path):
    pytest.importorskip("torch")
    (tmp_path / "empty").mkdir()
    code, _, err = run(*arguments, "--model", f"hf:{tmp_path / 'empty'}", "-o", tmp_path / "run")
    assert code == 1 and "cannot be loaded as an image-text model" in err
    bare = tiny_llava(tmp_path / "bare", template=False)
    code, _, err = run(*arguments, "--model", f"hf:{bare}", "-o", tmp_path / "run")
    assert code == 1 and "no chat template" in err


def test_the_describe_engine(run, arguments, clips, tmp_path, monkeypatch):
    module = ModuleType("facevlm.describing")
    module.describe = scripted_describe  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "facevlm.describing", module)
    for name, script in ((1, "one"), (2, "no"), (3, "broken")):
        (clips / f"DFEW/{name}.mp4").write_text(script)
    code, out, _ = run(*arguments, "--model", "describe", "-o", tmp_path / "run")
    report = report_of(tmp_path / "run")
    assert code == 1 and "scored 1 / 4, 3 failed" in out
    reasons = {row["id"]: row["reason"] for row in report["failures"]}
    assert "no face was found" in reasons["1"] and "is no video" in reasons["2"] and "no such file" in reasons["3"]
    card = report["run_card"]["model"]
    assert card["answerer"]["model"] == "facevlm describe" and card["prompts"] == {}  # it is sent none


def test_a_zero_shot_verdict(run, arguments, tmp_path):
    manifest = tmp_path / "trained.jsonl"
    row = {"source_dataset": "dfew", "source_clip_id": "00002"}
    for name, rows, verdict in (
        ("leak", [row], "not zero-shot"),
        ("clean", [row | {"source_clip_id": "00099"}], "zero-shot"),
        ("untold", [{"caption": "He nods."}], "cannot be told"),
    ):
        manifest.write_text("".join(json.dumps(one) + "\n" for one in rows))
        (tmp_path / "said.json").write_text(json.dumps([{"id": "0", "caption": SAID[0]}]))
        chosen = ["--model", tmp_path / "said.json", "--trained-on", manifest, "-o", tmp_path / name]
        _, out, _ = run(*arguments[:3], *chosen)
        assert report_of(tmp_path / name)["run_card"]["zero_shot"]["verdict"] == verdict and verdict in out
    assert report_of(tmp_path / "leak")["run_card"]["zero_shot"]["shared_clips"] == 1


WRONG = {
    "no such model": (["--model", "gpt-4o"], "no such file"),
    "a model without a name": (["--model", "openai:"], "no model"),
    "vectors describe nothing": (["--model", "appearance"], "no model 'appearance' for this"),
    "a variant of the engine": (["--model", "describe:fast"], "no variants"),
    "shots without examples": (["--model", "openai:V", "--shots", "2"], "belong together"),
    "shots for a file": (["--model", "SAID", "--shots", "2", "--examples", "SAID"], "is shown no examples"),
    "shots for the engine": (
        ["--model", "describe", "--shots", "1", "--examples", "SAID"],
        "describe is shown no examples",
    ),
    "examples for vectors": (["--model", "appearance", "--examples", "SAID"], "appearance is shown no examples"),
}


@pytest.mark.parametrize("situation", WRONG)
def test_wrong_usage(situation, run, arguments, tmp_path):
    given, told = WRONG[situation]
    (tmp_path / "said.json").write_text(json.dumps([{"id": "0", "caption": SAID[0]}]))
    given = [str(tmp_path / "said.json") if word == "SAID" else word for word in given]
    code, out, err = run(*arguments, *given, "-o", tmp_path / "run")
    assert code in (1, 2) and out == "" and told in err and len(err.strip().splitlines()) == 1


def test_captions_of_the_benchmark_are_no_examples(run, arguments, tmp_path):
    shots = ["--shots", 1, "--examples", tmp_path / "references.json"]
    code, _, err = run(*arguments, "--model", "openai:V", *shots, "-o", tmp_path / "run")
    assert code == 2 and "captions of the benchmark" in err


EXAMPLES = {
    "a clip of the benchmark": ({"video": "own/DFEW/1.mp4"}, 2, "the clip of x is one of the benchmark"),
    "a link to a clip of the benchmark": ({"video": "link.mp4"}, 2, "the clip of x is one of the benchmark"),
    "a clip that is not there": ({"video": "9.mp4"}, 1, "example x cannot be shown: "),
    "a clip that cannot be decoded": ({"video": "broken.mp4"}, 1, "example x cannot be shown: "),
    "an empty caption": ({"caption": " "}, 2, "the caption of x is empty"),
    "no caption": ({"caption": None}, 2, "holds 0 captions"),
}


@pytest.mark.parametrize("situation", EXAMPLES)
def test_examples_that_cannot_be_shown_are_told_before_anything_is_asked(
    situation, run, arguments, clips, examples, tmp_path
):
    pytest.importorskip("openai")
    changed, wanted, told = EXAMPLES[situation]
    (examples.parent / "own").symlink_to(clips, target_is_directory=True)
    (examples.parent / "link.mp4").symlink_to(clips / "DFEW/2.mp4")
    (examples.parent / "broken.mp4").write_text("no video")
    examples.write_text(json.dumps([{"id": "x", "video": "0.mp4", "caption": "She nods."} | changed]))
    with ScriptedServer(captioner) as server:
        asked = [*arguments, "--model", "openai:V", "--model-url", server.base_url, "-o", tmp_path / "run"]
        code, _, err = run(*asked, "--shots", 1, "--examples", examples)
    assert code == wanted and told in err and not server.requests and not (tmp_path / "run").exists()


def test_a_folder_with_answers_of_another_model_is_refused(run, arguments, tmp_path):
    pytest.importorskip("openai")
    with ScriptedServer(captioner) as server:
        asked = [*arguments, "--model-url", server.base_url, "-o", tmp_path / "run"]
        run(*asked, "--model", "openai:V")
        for other in (["--model", "openai:W"], ["--model", "openai:V", "--frames", 2]):
            code, _, err = run(*asked, *other)
            assert code == 2 and "another model" in err
