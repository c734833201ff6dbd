"""CIDEr-D, BLEU, ROUGE-L and the tokens they see."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facevlm.errors import InputError, UsageError
from facevlm.evaluation import autodq, bleu, cider_d, rouge_l, rouge_score_l, tem
from facevlm.evaluation.ngrams import count_ngrams
from facevlm.evaluation.rouge import lcs_length, lcs_of_rows
from facevlm.evaluation.tokens import ptb_tokens

SOME = [
    "He blinks twice and smiles.",
    "Her mouth opens slightly, revealing teeth.",
    "The man doesn't move; he looks ahead.",
    "She nods, then nods again.",
]
WORDS = st.lists(st.sampled_from(["he", "she", "blinks", "nods", "twice", "and"]), max_size=12)

TOKENS = {
    "clitics": ("She doesn't, he's, they'd, I'm", "she does n't he 's they 'd i 'm"),
    "hyphens and slashes": ("half-open eyes and/or a 20-year-old", "half-open eyes and/or a 20-year-old"),
    "brackets": ("(really) [x] {y}", "-lrb- really -rrb- -lsb- x -rsb- -lcb- y -rcb-"),
    "numbers": ("3.5mm, 1,000 at 3:7", "3.5 mm 1,000 at 3:7"),
    "curly quotes and dashes": ("The man’s “smile” — a smirk…", "the man 's smile a smirk"),
    "line ends": ("one\rtwo\x0bthree\u2028four\nfive", "one two three four five"),
    "split words": ("cannot gonna", "can not gon na"),
    "only marks": ("... -- ; ,", ""),
}


@pytest.mark.parametrize("situation", TOKENS)
def test_tokens(situation):
    text, wanted = TOKENS[situation]
    assert " ".join(ptb_tokens(text)) == wanted


def test_a_caption_with_line_ends_does_not_shift_the_others():
    broken = [SOME[0].replace(" twice", "\r twice"), *SOME[1:]]
    assert cider_d(broken, SOME).per_sample.tolist() == cider_d(SOME, SOME).per_sample.tolist()


def test_identical_captions_score_the_maximum():
    assert cider_d(SOME, SOME).per_sample == pytest.approx([10.0] * 4)
    assert rouge_l(SOME, SOME).corpus == rouge_score_l(SOME, SOME).f1.corpus == 1.0
    assert [scores.corpus for scores in bleu(SOME, SOME)] == pytest.approx([1.0] * 4)


def test_degenerate_corpora():
    assert cider_d(SOME[:1], SOME[:1]).corpus == 0.0  # one clip: every document frequency is that of all clips
    assert cider_d(["", ""], ["", ""]).corpus == 0.0
    assert rouge_l([""], [""]).corpus == 1.0 and rouge_score_l([""], [""]).f1.corpus == 0.0
    assert [scores.corpus for scores in bleu([""], ["a b c d e"])] == pytest.approx([0.0] * 4)


def test_cider_punishes_another_length_unless_told_not_to():
    longer = [caption + " " + " ".join(["and"] * 30) for caption in SOME]
    assert cider_d(longer, SOME).corpus < 1e-3 < 0.5 < cider_d(longer, SOME, length_penalty=False).corpus


def test_several_references():
    references = [[SOME[k], SOME[(k + 1) % 4]] for k in range(4)]
    assert rouge_l(SOME, references).corpus == 1.0 and bleu(SOME, references)[3].corpus == pytest.approx(1.0)
    assert 5.0 <= cider_d(SOME, references).corpus < 10.0  # the mean over references


def test_a_failure_changes_no_other_clip_s_cider():
    said = [caption.replace("nods", "turns") for caption in SOME]
    whole = cider_d(said, SOME).per_sample
    for kept in ([0], [1, 3], [3, 2, 0]):
        parts = [SOME[k] for k in kept]
        part = cider_d([said[k] for k in kept], parts, reference_set=SOME).per_sample
        assert part == pytest.approx(whole[kept], abs=1e-12) and part.min() > 0
        assert cider_d(parts, parts, reference_set=[[caption] for caption in SOME]).per_sample == pytest.approx(10.0)


NO_TEXT = {
    "a prediction": (["a", None], ["a", "b"], "prediction 1 is no text: None"),
    "not a number": ([float("nan")], ["a"], "prediction 0 is no text: nan"),
    "a reference": (["a", "b"], ["a", None], "the reference of prediction 1 is no text: None"),
    "one of several references": (["a"], [["a", 3]], "the reference of prediction 0 is no text: 3"),
    "bytes": (["a"], [b"a"], "the reference of prediction 0 is no text"),
}


@pytest.mark.parametrize("metric", [cider_d, rouge_l, rouge_score_l, bleu, tem, autodq], ids=lambda one: one.__name__)
@pytest.mark.parametrize("situation", NO_TEXT)
def test_what_is_no_text_is_named(situation, metric):
    said, references, told = NO_TEXT[situation]
    with pytest.raises(InputError, match=told):
        metric(said, references)


REFUSED = [(["a"], ["a", "b"]), ([], []), (["a"], [[]]), ("a", "a"), ({"x": "a"}, {"x": "a"}), (["a"], {"x": "a"})]


@pytest.mark.parametrize("arguments", REFUSED, ids=str)
def test_what_cannot_be_scored_is_refused(arguments):
    for metric in (cider_d, rouge_l, rouge_score_l, bleu, tem, autodq):
        with pytest.raises(InputError):
            metric(*arguments)


@pytest.mark.parametrize("metric", [tem, autodq])
def test_event_metrics_take_one_reference(metric):
    assert metric(["She nods."], [["She nods."]]).f1.corpus == 1.0
    with pytest.raises(InputError, match="prediction 1 has 2 references"):
        metric(["She nods.", "He blinks."], ["She nods.", ["He blinks.", "He smiles."]])


def test_an_unknown_variant_is_refused():
    with pytest.raises(UsageError, match="rougeLsum"):
        rouge_score_l(SOME, SOME, variant="rougeX")


@given(st.lists(WORDS, min_size=1, max_size=5))
def test_ngrams_are_counted(texts):
    for n, counts in enumerate(count_ngrams(texts, order=4), start=1):
        for row, text in zip(counts.toarray(), texts, strict=True):
            grams = [tuple(text[k : k + n]) for k in range(len(text) - n + 1)]
            wanted = sorted(grams.count(gram) for gram in set(grams))
            assert sorted(row[row > 0].tolist()) == wanted


def slow_lcs(same):
    table = np.zeros((same.shape[0] + 1, same.shape[1] + 1), dtype=int)
    for i, j in np.ndindex(*same.shape):
        table[i + 1, j + 1] = table[i, j] + 1 if same[i, j] else max(table[i, j + 1], table[i + 1, j])
    return int(table[-1, -1])


@given(WORDS, WORDS)
def test_common_subsequences(one, other):
    same = np.array([[a == b for b in other] for a in one], dtype=bool).reshape(len(one), len(other))
    assert lcs_length(one, other) == slow_lcs(same)


@given(st.integers(0, 8), st.integers(0, 8), st.randoms(use_true_random=False))
def test_chains_of_any_matches(rows, width, rng):
    same = np.array([[rng.random() < 0.4 for _ in range(width)] for _ in range(rows)], dtype=bool).reshape(rows, width)
    bits = [sum(1 << place for place in np.flatnonzero(row)) for row in same.tolist()] if width else [0] * rows
    assert lcs_of_rows([int(b) for b in bits], width) == slow_lcs(same)


@settings(max_examples=40)
@given(st.lists(st.tuples(WORDS, WORDS), min_size=1, max_size=3))
def test_rouge_score_equals_the_library(pairs):
    library = pytest.importorskip("rouge_score.rouge_scorer").RougeScorer(["rougeL"])
    said, told = [" ".join(a) for a, _ in pairs], [" ".join(b) for _, b in pairs]
    wanted = [library.score(b, a)["rougeL"] for a, b in zip(said, told, strict=True)]
    found = rouge_score_l(said, told)
    assert found.f1.per_sample == pytest.approx([row.fmeasure for row in wanted])
    assert found.precision.per_sample == pytest.approx([row.precision for row in wanted])
    assert found.recall.per_sample == pytest.approx([row.recall for row in wanted])
