"""A language model as judge: events, AutoDQ, TEM, Video-ChatGPT and EMER scores with scripted replies."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from facevlm.endpoints.scripted_client import ScriptedClient
from facevlm.errors import ReplyError, UsageError
from facevlm.evaluation import RuleJudge, autodq, tem
from facevlm.evaluation.autodq import autodq_of_pair
from facevlm.evaluation.emer import clue_overlap, label_overlap
from facevlm.evaluation.events import CaptionEvent
from facevlm.evaluation.judge_replies import parse_labels, parse_relations
from facevlm.evaluation.model_judge import ModelJudge, judge_name
from facevlm.evaluation.video_chatgpt import DIMENSIONS, align, rate
from tests.evaluation.grammar_as_model import reply

GOLDEN = Path(os.environ.get("FACEVLM_GOLDEN_METRICS") or Path(__file__).parents[3] / "shared" / "golden_metrics")
SAID = ["He blinks, smiles and opens his mouth.", "She looks to the left.", ""]
TOLD = ["He opens his mouth, then he blinks.", "She looks to the right, then nods.", "He nods."]


def test_a_model_that_answers_as_the_grammar_scores_as_the_grammar():
    client = ScriptedClient(lambda request: reply(request.user), model="org/Model 7B")
    judge, grammar = ModelJudge(client), RuleJudge()
    assert (judge.name, judge.version[:8]) == ("org-Model-7B", "prompts ")
    by_model, by_grammar = (tem(SAID, TOLD, judge=one) for one in (judge, grammar))
    assert by_model.tem.per_sample.tolist() == by_grammar.tem.per_sample.tolist()
    for ours, theirs in zip(by_model.samples, by_grammar.samples, strict=True):
        assert np.array_equal(ours.relations, theirs.relations)
    by_model, by_grammar = (autodq(SAID, TOLD, judge=one) for one in (ModelJudge(client, events="autodq"), grammar))
    assert by_model.precision.per_sample.tolist() == by_grammar.precision.per_sample.tolist()
    assert by_model.recall.per_sample.tolist() == by_grammar.recall.per_sample.tolist()
    assert {"tem_events", "tem_relations", "autodq_events", "autodq_verdicts"} == {r.prompt for r in client.requests}


def test_without_text_or_events_nothing_is_asked():
    client = ScriptedClient([])
    judge = ModelJudge(client)
    event = CaptionEvent("he nods")
    assert judge.extract(" \n") == () and judge.relate([], [event]).shape == (0, 1)
    assert judge.entail([], "He nods.").shape == (0,) and judge.entail([event], "").tolist() == [0]
    assert client.requests == []


def test_an_unreadable_reply_is_asked_for_again_with_the_reason():
    client = ScriptedClient(["I see two events.", '{"events": "none"}', '{"events": ["he nods"]}'])
    assert [event.text for event in ModelJudge(client).extract("He nods.")] == ["he nods"]
    first, second, third = client.requests
    assert (first.attempt, second.attempt, third.attempt) == (1, 2, 3)
    assert "no JSON object" in second.user and "no list of events" in third.user and second.user.startswith(first.user)


def test_three_unreadable_replies_are_a_failure():
    client = ScriptedClient(["no"] * 4)
    with pytest.raises(ReplyError, match="in 3 replies to tem_events"):
        ModelJudge(client).extract("He nods.")
    assert len(client.requests) == 3


def test_tarsiers_canned_replies_give_tarsiers_numbers():
    place = GOLDEN / "autodq" / "canned_judge.json"
    if not place.is_file():
        pytest.skip(f"no golden numbers of Tarsier's code in {GOLDEN}; name their folder with FACEVLM_GOLDEN_METRICS")
    for case in json.loads(place.read_text(encoding="utf-8"))["cases"]:
        wanted = case["expected"]
        try:
            found = autodq_of_pair(
                case["prediction"],
                case["response"],
                judge=ModelJudge(ScriptedClient(canned(case)), events="autodq"),
            )
        except ReplyError:
            assert not wanted["success"], case["id"]
        else:
            assert found == pytest.approx((wanted["precision"], wanted["recall"]), abs=1e-6), case["id"]


def canned(case):
    """The replies of one case, in order; the last one of each kind again and again."""
    left = {kind: list(case[kind]) for kind in ("extract_pred", "extract_ref", "judge_recall", "judge_precision")}

    def script(request):
        of_reference = request.user.split("Description:\n")[1].startswith(case["response"])
        if request.prompt == "autodq_events":
            kind = "extract_ref" if of_reference else "extract_pred"
        else:
            kind = "judge_precision" if of_reference else "judge_recall"
        return left[kind].pop(0) if len(left[kind]) > 1 else left[kind][0]

    return script


@pytest.mark.parametrize("model", ["grammar", "Grammar", "rule", "", "//"])
def test_names_that_would_pass_for_the_grammar_are_refused(model):
    with pytest.raises(UsageError):
        judge_name(model)


RELATIONS = {
    '{"pairs": []}': [[0, 0], [0, 0]],
    '{"pairs": [{"predicted": 1, "reference": 2, "relation": "same"}]}': [[0, 1], [0, 0]],
    '```json\n{"pairs": [[2, 1, "Opposite Meaning"], [1, 1, "Similar Meaning"],]}\n```': [[1, 0], [-1, 0]],
    '{"pairs": [[1, 1, "No Relation"], [2, 2, "contradictory"]]}': [[0, 0], [0, -1]],
}


@pytest.mark.parametrize("text", RELATIONS)
def test_relations_are_read(text):
    assert parse_relations(text, predicted=2, reference=2).tolist() == RELATIONS[text]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "same",
        '{"pairs": {}}',
        '{"pairs": [[1, 2]]}',
        '{"pairs": [["1", 2, "same"]]}',
        '{"pairs": [[true, 1, "same"]]}',
        '{"pairs": [[0, 1, "same"]]}',
        '{"pairs": [[3, 1, "same"]]}',
        '{"pairs": [[1, 1, "alike"]]}',
        '{"pairs": [7]}',
    ],
)
def test_other_relations_are_no_relations(text):
    with pytest.raises(ReplyError):
        parse_relations(text, predicted=2, reference=2)


def test_labels_are_read():
    assert parse_labels('{"labels": [" glad ", ""]}') == ["glad"]
    with pytest.raises(ReplyError):
        parse_labels('{"labels": "glad"}')


@pytest.mark.parametrize("dimension", DIMENSIONS)
def test_each_dimension_is_rated(dimension):
    client = ScriptedClient(["{''score': 4.8}"])
    assert rate(client, dimension, "He nods.", "He shakes.", second_prediction="He nods twice.") == 4
    (request,) = client.requests
    assert "He nods." in request.user and "He shakes." in request.user
    assert ("He nods twice." in request.user) == (dimension == "consistency")


def test_what_is_not_rated():
    client = ScriptedClient(['{"score": 6}', "fine", ""])
    assert rate(client, "detail", " ", "He nods.") == 0 and client.requests == []
    with pytest.raises(ReplyError, match="in 3 replies"):
        rate(client, "detail", "He nods.", "He nods.")
    with pytest.raises(ReplyError, match="second_caption"):
        rate(client, "consistency", "He nods.", "He nods.")
    with pytest.raises(UsageError):
        rate(client, "charm", "He nods.", "He nods.")


ALIGNED = {
    "rewritten in the format of the reference": ("reference", "At first, he nods.", ("At first, he nods.", None)),
    "rewritten in the neutral format": ("neutral", " At first, he nods. ", ("At first, he nods.", None)),
    "empty": ("neutral", " ", ("He nods.", "the rewritten text was empty")),
    "far too long": ("reference", "x" * 25, ("He nods.", "the rewritten text was more than 3 times as long")),
}


@pytest.mark.parametrize("situation", ALIGNED)
def test_alignment(situation):
    mode, text, wanted = ALIGNED[situation]
    client = ScriptedClient([text])
    aligned = align(client, "He nods.", "SECRET", mode=mode)
    assert (aligned.text, aligned.kept) == wanted
    assert ("SECRET" in client.requests[0].user) == (mode == "reference")


def test_no_alignment():
    client = ScriptedClient([])
    assert align(client, "He nods.", "x", mode="none").text == "He nods."
    assert align(client, "", "x", mode="neutral").text == "" and client.requests == []
    with pytest.raises(UsageError, match="--align"):
        align(client, "He nods.", "x", mode="both")


def test_emer():
    labels = [json.dumps({"labels": words}) for words in (["glad"], ["happy", "calm"])]
    client = ScriptedClient([*labels, '{"score": 8, "reason": "r"}', "1-10: 7.5"])
    assert label_overlap(client, "He is happy.", "He is glad.") == 8.0
    assert "happy, calm" in client.requests[-1].user and "(true): glad" in client.requests[-1].user
    assert clue_overlap(client, "他很高兴", "他高兴", language="Chinese") == 7.5
    assert "Chinese" in client.requests[-1].user
    assert clue_overlap(client, "", "He is glad.") == 1.0
