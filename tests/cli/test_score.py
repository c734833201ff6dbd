"""`facevlm score` and `facevlm explain`: the contract of their output, and what is refused."""

import json

import pytest

from facevlm.endpoints.scripted_server import Answer, ScriptedServer
from facevlm.evaluation import RuleJudge
from facevlm.evaluation.caption_files import read_captions
from facevlm.evaluation.metrics import metric_names
from tests.evaluation.grammar_as_model import as_judge

TOLD = {
    "a": "He blinks and smiles.",
    "b": "She opens her mouth and nods.",
    "c": "He looks up slowly.",
    "4": "She talks to someone.",
}


def write(path, captions, *, lines=False):
    rows = [{"id": name, "caption": caption} for name, caption in captions.items()]
    path.write_text("\n".join(map(json.dumps, rows)) if lines else json.dumps(rows))
    return str(path)


@pytest.fixture
def files(tmp_path):
    return write(tmp_path / "pred.jsonl", TOLD, lines=True), write(tmp_path / "ref.json", TOLD)


def test_identical_captions(run, files):
    code, out, _ = run("score", *files, "--json")
    document = json.loads(out)
    assert code == 0 and set(document) == {"metrics", "n_scored", "n_failed", "failures"}
    assert (document["n_scored"], document["n_failed"], document["failures"]) == (4, 0, [])
    assert tuple(document["metrics"]) == metric_names(RuleJudge())
    assert document["metrics"]["cider_d"] == pytest.approx(10.0) and document["metrics"]["tem_grammar"] == 1.0


def test_the_names_of_the_metrics():
    wanted = (
        "cider_d, cider_no_length_penalty, rouge_l, rouge_score_l, bleu_1, bleu_2, bleu_3, bleu_4, autodq_grammar_p, "
    )
    wanted += "autodq_grammar_r, autodq_grammar_f, tem_grammar, tem_ref_grammar, tem_max_grammar"
    assert metric_names(RuleJudge()) == tuple(wanted.split(", "))


def test_missing_ids_are_failures_on_either_side(run, tmp_path):
    said = {"a": TOLD["a"], "b": "", "c": None, "extra": "He nods."}
    pred, ref = write(tmp_path / "p.json", said), write(tmp_path / "r.json", TOLD)
    code, out, _ = run("score", pred, ref, "--metrics", "rouge_l,bleu_1", "--details")
    document = json.loads(out)
    assert code == 1 and (document["n_scored"], document["n_failed"]) == (2, 3)
    reasons = {row["id"]: row["reason"] for row in document["failures"]}
    assert reasons == {"c": "no prediction", "4": "no prediction", "extra": "no reference"}
    assert document["ids"] == ["a", "b"] and document["per_sample"]["rouge_l"] == [1.0, 0.0]
    assert document["mean_failures_as_zero"] == {"rouge_l": pytest.approx(0.2), "bleu_1": None}
    assert document["run"]["judge"] is None


@pytest.mark.parametrize("missing", [["4"], ["a", "c"], ["b", "c", "4"]], ids=len)
def test_missing_captions_change_the_scores_of_no_other(missing, run, tmp_path, files):
    _, ref = files
    asked = (ref, "--metrics", "cider_d,cider_no_length_penalty,rouge_l", "--details")
    said = {name: caption.removesuffix(".") + " and blinks." for name, caption in TOLD.items()}
    whole = json.loads(run("score", write(tmp_path / "all.json", said), *asked)[1])
    some = write(tmp_path / "some.json", {name: text for name, text in said.items() if name not in missing})
    part = json.loads(run("score", some, *asked)[1])
    places = [whole["ids"].index(name) for name in part["ids"]]
    assert part["n_failed"] == len(missing) and part["run"] == whole["run"] and part["run"]["n_references"] == 4
    for name, values in part["per_sample"].items():
        assert values == [whole["per_sample"][name][place] for place in places] and min(values) > 0
    assert "4 references" in run("score", some, *asked[:-1])[1]


def test_lone_surrogates_are_cleaned_where_captions_are_read(run, tmp_path):
    said = write(tmp_path / "p.json", {"a\ud800": "He nods \ud83d twice.", "b": None})  # half an emoji, cut off
    assert "\\ud83d" in (tmp_path / "p.json").read_text()
    assert read_captions(said) == {"a?": "He nods ? twice.", "b": None}
    code, out, _ = run("score", said, said, "--details")
    assert code == 1 and json.loads(out)["ids"] == ["a?"] and json.loads(out)["n_scored"] == 1
    twice = write(tmp_path / "twice.json", {"a\ud800": "He nods.", "a?": "She nods."})
    code, _, err = run("score", twice, twice)
    assert code == 1 and "id a? is there twice" in err


def test_nothing_in_common(run, tmp_path):
    code, out, _ = run("score", write(tmp_path / "p.json", {"x": "a"}), write(tmp_path / "r.json", TOLD), "--json")
    document = json.loads(out)
    assert code == 1 and (document["n_scored"], document["n_failed"]) == (0, 5)
    assert set(document["metrics"].values()) == {None}
    assert "scored 0 / 5" in run("score", str(tmp_path / "p.json"), str(tmp_path / "r.json"))[1]


def test_the_table_and_intervals(run, files):
    code, out, _ = run("score", *files, "--metrics", "tem_grammar,cider_d,autodq_grammar_f", "--intervals")
    assert code == 0 and "tem_grammar" in out and "scored 4 / 4" in out and "1.0000 - 1.0000" in out
    document = json.loads(run("score", *files, "--intervals", "--json")[1])
    assert document["intervals"]["tem_grammar"] == [1.0, 1.0] and document["intervals"]["bleu_1"] is None


def test_numbers_serve_as_ids(run, tmp_path, files):
    (tmp_path / "p.json").write_text('[{"id": 4, "caption": "She talks to someone."}]')
    assert json.loads(run("score", str(tmp_path / "p.json"), files[1], "--json")[1])["n_scored"] == 1


BAD = {
    "no such file": (None, "cannot be read"),
    "not JSON": ("{blink", "line 1: is no JSON"),
    "a list of texts": ('["a"]', 'row 1: no "id"'),
    "no id": ('{"caption": "x"}', 'no "id"'),
    "a document of describe": ('{\n  "schema": "facevlm/description/1",\n  "caption": "x"\n}', 'no "id"'),
    "a caption that is no text": ('{"id": "a", "caption": 3}', "is no text"),
    "an id twice": ('{"id": "a", "caption": "x"}\n{"id": "a", "caption": "y"}', "there twice"),
    "empty": ("", "holds no captions"),
    "an empty list": ("[]", "holds no captions"),
    "bytes": (b"\xff\xfe\x00", "no UTF-8"),
    "deep": ("[" * 100_000, "is no JSON"),
}


@pytest.mark.parametrize("situation", BAD)
def test_bad_files_get_one_line(situation, run, files, tmp_path):
    text, told = BAD[situation]
    path = tmp_path / "bad.json"
    if text is not None:
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    code, out, err = run("score", str(path), files[1])
    assert code == 1 and out == "" and told in err and len(err.strip().splitlines()) == 1


@pytest.mark.parametrize("metrics", ["tem", "cider_d,spice", ""], ids=str)
def test_unknown_metrics_are_wrong_usage(metrics, run, files):
    code, _, err = run("score", *files, "--metrics", metrics)
    assert code == 2 and "tem_grammar" in err and len(err.strip().splitlines()) == 1


def test_explain_prints_the_worst(run, tmp_path, files):
    pred = write(tmp_path / "p.json", TOLD | {"b": "He frowns."})
    code, out, _ = run("explain", pred, files[1], "--worst", "1")
    assert code == 0 and out.startswith("b:\nTEM 0.000") and "eyebrow.furrow" in out
    code, out, _ = run("explain", pred, files[1], "--id", "a", "--id", "c")
    assert code == 0 and out.index("a:") < out.index("c:") and "b:" not in out


def test_explain_tells_what_it_could_not_compare(run, tmp_path, files):
    pred = write(tmp_path / "p.json", {"a": TOLD["a"]})
    code, out, err = run("explain", pred, files[1], "-o", str(tmp_path / "why.html"))
    assert (code, out) == (1, "") and (tmp_path / "why.html").exists()
    assert "3 of 4 captions cannot be compared, such as b: no prediction" in err and err.count("\n") == 1


def test_explain_writes_a_page(run, tmp_path, files):
    code, out, _ = run("explain", *files, "-o", str(tmp_path / "why.html"))
    assert (code, out) == (0, "") and (tmp_path / "why.html").read_text().startswith("<!DOCTYPE html>")


def test_explain_refuses(run, tmp_path, files):
    assert run("explain", *files, "--id", "z")[0] == 2
    assert run("explain", *files, "-o", files[1])[0] == 2
    assert run("explain", *files, "-o", tmp_path)[0] == 1


JUDGE, NAME = "openai:org/Judge 7B", "org-Judge-7B"
SAID = TOLD | {"b": "She nods, then frowns.", "c": "He talks."}


def judged(run, tmp_path, script, *more):
    pytest.importorskip("openai")
    pred, ref = write(tmp_path / "p.json", SAID), write(tmp_path / "r.json", TOLD)
    with ScriptedServer(script) as server:
        asked = ("score", pred, ref, "--judge", JUDGE, "--base-url", server.base_url, *more)
        return *run(*asked)[:2], len(server.requests), asked


def test_a_language_model_judges_under_its_own_name(run, tmp_path):
    code, out, asked, arguments = judged(run, tmp_path, as_judge, "--details", "--intervals")
    document = json.loads(out)
    by_grammar = json.loads(run("score", *arguments[1:3], "--details", "--intervals")[1])
    assert code == 0 and document["n_scored"] == 4 and asked > 0
    assert not any("grammar" in name for name in document["metrics"])
    for name in ("tem", "tem_ref", "autodq_f"):  # the scripted model answers as the grammar would
        wanted = by_grammar["metrics"][name.replace("_f", "_grammar_f") if "dq" in name else f"{name}_grammar"]
        ours = document["metrics"][f"autodq_{NAME}_f" if "dq" in name else f"{name}_{NAME}"]
        assert ours == pytest.approx(wanted)
    assert 0 <= document["metrics"][f"correctness_{NAME}"] <= 5 and document["metrics"]["cider_d"] > 0
    assert f"consistency_{NAME}" not in document["metrics"] and document["run"]["judge"].startswith(NAME)
    assert document["intervals"].keys() == document["metrics"].keys()
    assert list((tmp_path / "replies").rglob("*.json"))
    assert run(*arguments)[1] == out  # from the replies that were kept: the server is gone


def test_what_a_language_model_cannot_judge_is_in_no_mean(run, tmp_path):
    def script(body):
        return Answer(status=400) if "He talks." in body["messages"][-1]["content"] else as_judge(body)

    code, out, _, _ = judged(run, tmp_path, script, "--metrics", f"tem_{NAME},rouge_l", "--details")
    document = json.loads(out)
    assert code == 1 and (document["n_scored"], document["n_failed"]) == (3, 1) and document["ids"] == ["a", "b", "4"]
    assert document["failures"][0]["id"] == "c" and "status 400" in document["failures"][0]["reason"]
    assert document["metrics"]["rouge_l"] == pytest.approx(sum(document["per_sample"]["rouge_l"]) / 3)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--judge", "wizard"], "no judge 'wizard'"),
        (["--metrics", f"tem_{NAME}"], "those of a language model: --judge openai:MODEL"),
        (["--judge", JUDGE, "--metrics", "tem_grammar"], f"tem_{NAME}"),
        (["--judge", JUDGE, "--metrics", f"consistency_{NAME}"], "no metric"),
    ],
)
def test_a_judge_and_its_scores_must_be_there(run, files, more, said):
    code, out, err = run("score", *files, *more)
    assert code == 2 and out == "" and said in err and err.count("\n") == 1
