"""TEM, AutoDQ and explanations: small cases by hand, FEC-Bench as a whole."""

import json
import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facevlm.errors import UsageError
from facevlm.evaluation import RuleJudge, autodq, cider_d, explain, rouge_l, tem, tem_from_relations
from facevlm.evaluation.explain import (
    CONTRADICTED,
    HALLUCINATED,
    IN_ORDER,
    MISSING,
    OUT_OF_ORDER,
    REPEATED,
    longest_chain,
)
from facevlm.evaluation.explanation_page import explanation_page
from tests.evaluation.labelled import fec_bench

JUDGE = RuleJudge()
TOLD = "He blinks, smiles, opens his mouth and nods."


def matrix(m, n, rng):
    return np.array([[rng.choice([-1, 0, 0, 1]) for _ in range(n)] for _ in range(m)], dtype=np.int8).reshape(m, n)


MATRICES = st.builds(matrix, st.integers(0, 7), st.integers(0, 7), st.randoms(use_true_random=False))


@given(MATRICES)
def test_tem_lies_between_0_and_1_and_the_readings_agree_where_sizes_do(relations):
    for convention in ("strict", "tarsier"):
        result = tem_from_relations(relations, convention=convention)
        assert 0 <= result.tem_max <= min(result.tem, result.tem_ref) <= max(result.tem, result.tem_ref) <= 1
        assert result.one_to_one <= min(result.matched_predicted, result.matched_reference)
        assert result.lcs <= result.one_to_one
        if relations.shape[0] == relations.shape[1]:
            assert result.tem == result.tem_ref == result.tem_max


@given(MATRICES)
def test_chains_are_of_matches_in_order_and_as_long_as_the_lcs(relations):
    chain = longest_chain(relations == 1)
    assert len(chain) == tem_from_relations(relations).lcs
    assert all(relations[i, j] == 1 for i, j in chain)
    assert all(a < c and b < d for (a, b), (c, d) in pairwise(chain))


def test_order_counts():
    reversed_ = "He nods, opens his mouth, smiles and blinks."
    assert tem([TOLD], [TOLD]).tem.corpus == 1.0
    scores = tem([reversed_], [TOLD])
    assert (scores.f1.corpus, scores.tem.corpus) == (1.0, (1 / 4 + 1) / 2)
    assert scores.samples[0].relations.shape == (4, 4) and scores.judge == f"grammar {JUDGE.version}"


def test_events_are_capped_only_when_asked():
    assert len(tem([TOLD], [TOLD]).samples[0].predicted) == 4
    assert len(tem([TOLD], [TOLD], max_events=2).samples[0].predicted) == 2


def test_captions_without_events():
    scores = tem(["", ""], ["", TOLD])
    assert scores.tem.per_sample.tolist() == [1.0, 0.0]
    dq = autodq(["A table.", "", TOLD], [TOLD, TOLD, "A table."])
    assert dq.precision.per_sample.tolist() == [1.0, 0.0, 0.0] and dq.recall.per_sample.tolist() == [0.0, 0.0, 1.0]
    strict = autodq(["A table.", ""], [TOLD, "A table."], convention="strict")
    assert strict.precision.per_sample.tolist() == [0.0, 1.0]
    with pytest.raises(UsageError, match="tarsier"):
        autodq(["a"], ["b"], convention="lenient")


def test_neutral_and_contradiction_count_alike():
    dq = autodq(["He closes his mouth and blinks."], ["He opens his mouth and blinks."])
    assert (dq.precision.corpus, dq.recall.corpus, dq.f1.corpus) == (0.5, 0.5, 0.5)


def test_an_explanation_says_what_became_of_each_event():
    told = "He blinks, smiles, opens his mouth, nods and looks up."
    said = "He opens his mouth, blinks, blinks again, frowns, looks down and nods."
    found = explain(said, told, id="clip 7")
    verdicts = (OUT_OF_ORDER, IN_ORDER, REPEATED, HALLUCINATED, CONTRADICTED, IN_ORDER)
    assert found.predicted_verdicts == verdicts
    assert found.reference_verdicts == (IN_ORDER, MISSING, OUT_OF_ORDER, IN_ORDER, CONTRADICTED)
    text = found.as_text()
    assert "clip 7" in text and "? eyebrow.furrow [AU4] “frowns”  (nothing like it)" in text
    assert "! gaze.look:down [AU64] “looks down”  (against 5: gaze.look:up [AU63] “looks up”)" in text


def test_the_page_is_self_contained_and_escapes_what_it_shows():
    page = explanation_page([explain("He blinks <script>alert(1)</script>.", TOLD), explain("", "")])
    assert "<script" not in page and "&lt;script&gt;" in page
    assert not re.search(r"(?:src|href)=|https?://|url\(", page)
    assert page.count("<section>") == 2


def reverse(caption):
    return " ".join(reversed([part for part in re.split(r"(?<=[.!?])\s+", caption.strip()) if part]))


def test_fec_bench_identical_and_reversed():
    captions = list(fec_bench().values())
    assert cider_d(captions, captions).corpus == pytest.approx(10.0) and rouge_l(captions, captions).corpus == 1.0
    same = tem(captions, captions, judge=JUDGE), autodq(captions, captions, judge=JUDGE)
    assert same[0].tem.corpus == same[0].tem_max.corpus == same[1].f1.corpus == 1.0
    turned = [reverse(caption) for caption in captions]
    assert tem(turned, captions, judge=JUDGE).tem.corpus <= 1.0 - 0.2
    assert autodq(turned, captions, judge=JUDGE).f1.corpus >= 1.0 - 0.02


# judge_study.md: mean F, TEM over predicted events, TEM over the reference's events.
STUDY = {
    "identical": (1.000, 1.000, 1.000),
    "boilerplate_added": (1.000, 1.000, 1.000),
    "synonym": (0.896, 0.924, 0.867),
    "reversed_sentences": (0.991, 0.734, 0.732),
    "word_dropped": (0.713, 0.794, 0.602),
    "truncated": (0.498, 0.632, 0.401),
    "shuffled": (0.444, 0.367, 0.367),
    "generic_constant": (0.250, 0.321, 0.192),
    "all_empty": (0.000, 0.000, 0.000),
}


@pytest.mark.parametrize("kind", STUDY)
def test_fec_bench_kinds_score_as_in_the_study(kind):
    folder = Path(__file__).resolve().parents[3] / "shared" / "golden_metrics" / "text"
    if not folder.is_dir():
        pytest.skip(f"there are no golden metrics in {folder}")
    data, captions = (json.loads((folder / f"{name}.json").read_text()) for name in (kind, "references"))
    scores = tem(data["prediction"], [captions["caption"][name] for name in data["ids"]], judge=JUDGE)
    found = (scores.f1.per_sample.mean(), scores.tem.corpus, scores.tem_ref.corpus)
    assert found == pytest.approx(STUDY[kind], abs=0.03)
