"""What is compared in each golden file of metrics: pattern of file names -> check."""

import ast
import fnmatch
import importlib.util
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np

from facevlm.errors import ReplyError
from facevlm.evaluation import (
    RuleJudge,
    bleu,
    cider_d,
    classification_scores,
    fold_scores,
    rouge_l,
    rouge_score_l,
    tem_from_relations,
    verification_scores,
)
from facevlm.evaluation import autodq as _autodq  # noqa: F401  (the package must offer it)
from facevlm.evaluation.autodq import autodq_from_verdicts
from facevlm.evaluation.events import NONE, OPPOSITE, SAME
from facevlm.evaluation.judge_replies import parse_emer_score, parse_events, parse_score, parse_verdicts
from facevlm.evaluation.scores import event_scores, f_measure
from facevlm.evaluation.tem import CONVENTIONS
from facevlm.evaluation.tem import gather as gather_tem
from facevlm.evaluation.tokens import ptb_tokens, regex_tokens
from facevlm.evaluation.verification import parse_same
from tests.parity.metrics_golden import MetricsGolden, folder, load

RELATIONS = {"same": SAME, "none": NONE, "opposite": OPPOSITE}
METEOR = "METEOR: no maintained library gives the METEOR 1.5 numbers without Java"
ATTEMPTS = 10  # of Tarsier, per stage


def text_values(predictions, references, *, samples=True):
    """All text metrics under the names of the golden files: name -> (corpus, per sample)."""
    rouge, one_to_four = rouge_score_l(predictions, references), bleu(predictions, references)
    found = {
        "cider_ptb": cider_d(predictions, references),
        "cider_regex": cider_d(predictions, references, tokenizer=regex_tokens),
        "cider_ptb_no_length_penalty": cider_d(predictions, references, length_penalty=False),
        "rouge_l_coco_ptb": rouge_l(predictions, references),
        "rouge_l_coco_regex": rouge_l(predictions, references, tokenizer=regex_tokens),
        "rouge_score_L_f": rouge.f1,
        "rouge_score_L_p": rouge.precision,
        "rouge_score_L_r": rouge.recall,
        **{f"bleu_{n}_ptb": scores for n, scores in enumerate(one_to_four, start=1)},
    }
    if importlib.util.find_spec("rouge_score"):  # the extra `rouge`
        found["rouge_score_L_stem_f"] = rouge_score_l(predictions, references, stem=True).f1
        found["rouge_score_Lsum_f"] = rouge_score_l(predictions, references, variant="rougeLsum").f1
    return found


def _compare_text(golden, values, wanted, *, at):
    for name in wanted["corpus"]:
        if name == "meteor_ptb":
            golden.not_offered(f"{at}corpus.{name}", METEOR)
        elif name in values:
            golden.compare(f"{at}corpus.{name}", values[name].corpus, wanted["corpus"][name])
    for name in wanted.get("per_sample", {}):
        if name == "meteor_ptb":
            golden.not_offered(f"{at}per_sample.{name}", METEOR)
        elif name in values:
            golden.compare(f"{at}per_sample.{name}", values[name].per_sample, wanted["per_sample"][name])


@cache
def _values_of_kind(name):
    data, captions = load(name), load(str(Path(name).parent / "references.json"))["caption"]
    return text_values(data["prediction"], [captions[i] for i in data["ids"]])


def references(golden):
    golden.use("source", "n", "ids", "video", "caption")
    golden.compare_words("ids", golden.data["ids"], golden.data["caption"])


def reference_tokens(golden):
    captions = load(str(Path(golden.name).parent / "references.json"))["caption"]
    for name, tokens in golden.data.items():
        golden.compare_words(name, [" ".join(ptb_tokens(captions[name]))], [tokens])


def prediction_kind(golden):
    data = golden.data
    golden.use("kind", "ids", "prediction", "note")
    tokens = [" ".join(ptb_tokens(caption)) for caption in data["prediction"]]
    golden.compare_words("prediction_tokens_ptb", tokens, data["prediction_tokens_ptb"])
    _compare_text(golden, _values_of_kind(golden.name), data, at="")


def summary(golden):
    for kind, wanted in golden.data.items():
        name = str(Path(golden.name).parent / f"{kind}.json")
        if (folder() / name).is_file():
            for key, value in wanted.items():
                if key == "meteor_ptb":
                    golden.not_offered(f"{kind}.{key}", METEOR)
                elif key in (values := _values_of_kind(name)):
                    golden.compare(f"{kind}.{key}", values[key].corpus, value)


def summary_of_all(golden):
    """Of these kinds only those can be made again that need no random draw: the rest is for orientation."""
    captions = load("text/references.json")["caption"]
    told = list(captions.values())
    made = {"identical": told, "all_empty": [""] * len(told)}
    for kind, wanted in golden.data.items():
        values = text_values(made[kind], told) if kind in made else {}
        for key, value in wanted.items():
            if key in values:
                golden.compare(f"{kind}.{key}", values[key].corpus, value)
            elif kind not in made:
                golden.not_offered(f"{kind}.{key}", "the predictions are not in the folder")


def micro_text(golden):
    data = golden.data
    golden.use("note", "ids")
    told = [data["references"][name] for name in data["ids"]]
    said = [data["prediction"][name] for name in data["ids"]]
    golden.use("references", "prediction")
    for name in data["ids"]:
        tokens = [" ".join(ptb_tokens(caption)) for caption in data["references"][name]]
        golden.compare_words(f"reference_tokens_ptb.{name}", tokens, data["reference_tokens_ptb"][name])
        tokens = [" ".join(ptb_tokens(data["prediction"][name]))]
        golden.compare_words(f"prediction_tokens_ptb.{name}", tokens, [data["prediction_tokens_ptb"][name]])
    _compare_text(golden, text_values(said, told), data, at="")


def degenerate(golden):
    for name, case in golden.data.items():
        golden.use(f"{name}.note")
        if "reference" in case:
            golden.use(f"{name}.reference", f"{name}.prediction")
            said, told = [case["prediction"]], [case["reference"]]
        else:
            golden.use(f"{name}.references", f"{name}.predictions")
            said, told = case["predictions"], case["references"]
        _compare_text(golden, text_values(said, told), case, at=f"{name}.")


def edge_tokens(golden):
    golden.use("note", "cases[].text")
    cases = golden.data["cases"]
    got = [" ".join(ptb_tokens(case["text"])) for case in cases]
    golden.compare_words("cases[].tokens", got, [case["tokens"] for case in cases])


def tem_cases(golden):
    data = golden.data
    golden.use("definitions", "seed", "cases[].id", "cases[].why", "cases[].pred_events", "cases[].ref_events")
    golden.use("cases[].relation", "cases[].missing_pairs", "cases[].m", "cases[].n")
    results = {convention: [] for convention in CONVENTIONS}
    for case in data["cases"]:
        wanted = case["expected"]
        rows = [[RELATIONS[word] for word in row] for row in case["relation"]]
        matrix = np.array(rows, dtype=np.int8).reshape(wanted["m"], wanted["n"])
        for convention in CONVENTIONS:
            result = tem_from_relations(matrix, convention=convention)
            results[convention].append(result)
            _compare_tem(golden, result, wanted, convention)
    if "aggregate" in data:
        _compare_tem_corpus(golden, results, data["aggregate"])


def _compare_tem(golden, result, wanted, convention):
    m, n = result.relations.shape
    matched = result.one_to_one
    one = (1.0, 1.0) if m == n == 0 else (matched / m if m else 0.0, matched / n if n else 0.0)
    counts = {
        **{"m": m, "n": n, "lcs_len": result.lcs, "matched_pred": result.matched_predicted},
        **{"matched_ref": result.matched_reference, "one_to_one": matched},
        "contradicted_pred": result.contradicted_predicted,
    }
    shares = {"precision": result.precision, "recall": result.recall, "f1": result.f1}
    shares |= {"tem_paper": result.tem, "tem_ref": result.tem_ref, "tem_max": result.tem_max}
    shares |= {"lcs_over_m": result.lcs_share, "lcs_over_n": result.lcs_share_ref}
    shares["lcs_over_max"] = result.lcs_share_max
    one_to_one = {"precision": one[0], "recall": one[1], "f1": f_measure(*one)}
    for name in counts.keys() & wanted.keys():
        golden.compare(f"cases[].expected.{name}", counts[name], wanted[name])
    for group, values in ((convention, shares), ("one_to_one_prf", one_to_one)):
        for name in values.keys() & wanted[group].keys():
            golden.compare(f"cases[].expected.{group}.{name}", values[name], wanted[group][name])


def _compare_tem_corpus(golden, results, wanted):
    for convention, each in results.items():
        scores = gather_tem(each)
        lcs = float(np.mean([r.lcs_share for r in each]))
        values = {
            **{"mean_precision": scores.precision.corpus, "mean_recall": scores.recall.corpus},
            **{"f1_of_means": scores.f1.corpus, "mean_f1": scores.f1.per_sample.mean(), "mean_lcs_over_m": lcs},
            **{"mean_tem_paper": scores.tem.corpus, "mean_tem_ref": scores.tem_ref.corpus},
            **{"mean_tem_max": scores.tem_max.corpus, "tem_paper_from_means": scores.tem_from_means},
        }
        for name in values.keys() & wanted[convention].keys():
            golden.compare(f"aggregate.{convention}.{name}", values[name], wanted[convention][name])
    each = results[CONVENTIONS[0]]
    precision = sum(r.matched_predicted for r in each) / sum(r.relations.shape[0] for r in each)
    recall = sum(r.matched_reference for r in each) / sum(r.relations.shape[1] for r in each)
    values = {"precision": precision, "recall": recall, "f1": f_measure(precision, recall)}
    for name in values.keys() & wanted["micro"].keys():
        golden.compare(f"aggregate.micro.{name}", values[name], wanted["micro"][name])


def relation_pairs(golden):
    """Hand labels: at least 34 of 36 must agree, in any other file the same share."""
    golden.use("note", "pairs[].a", "pairs[].b")
    judge, agreed = RuleJudge(), 0
    for pair in golden.data["pairs"]:
        relations = judge.relate(judge.extract(pair["a"]), judge.extract(pair["b"]))
        found = SAME if (relations == SAME).any() else OPPOSITE if (relations == OPPOSITE).any() else NONE
        agreed += found == RELATIONS[pair["label"]]
    total = len(golden.data["pairs"])
    golden.compare("pairs[].label", total - agreed, 0, tolerance=total * 2 / 36)


def canned_judge(golden):
    golden.use("reference", "reply_rule", "reference_table", "cases[].id", "cases[].why")
    golden.use("cases[].prediction", "cases[].response")
    pairs = []
    for case in golden.data["cases"]:
        calls = {"extract": 0, "judge": 0}
        pair = _tarsier(case, calls)
        wanted = case["expected"]
        golden.compare("cases[].expected.success", pair is not None, wanted["success"])
        golden.compare("cases[].expected.precision", pair[0] if pair else None, wanted["precision"])
        golden.compare("cases[].expected.recall", pair[1] if pair else None, wanted["recall"])
        golden.compare("cases[].expected.n_extract_calls", calls["extract"], wanted["n_extract_calls"])
        golden.compare("cases[].expected.n_judge_calls", calls["judge"], wanted["n_judge_calls"])
        pairs += [pair] if pair else []
    golden.use(*(f"cases[].{kind}" for kind in ("extract_pred", "extract_ref", "judge_recall", "judge_precision")))
    scores, share = event_scores(pairs), len(pairs) / len(golden.data["cases"])
    values = {
        **{"n_success": len(pairs), "n_failed": len(golden.data["cases"]) - len(pairs)},
        **{"mean_recall": scores.recall.corpus, "mean_precision": scores.precision.corpus},
        **{"f1_of_means": scores.f1.corpus, "mean_of_sample_f1": scores.f1.per_sample.mean()},
        "f1_of_means_failed_as_zero": f_measure(scores.precision.corpus * share, scores.recall.corpus * share),
    }
    for name, wanted in golden.data["aggregate"].items():
        if name in values:
            golden.compare(f"aggregate.{name}", values[name], wanted)


def _tarsier(case, calls):
    """One sample as Tarsier runs it: replies in order, the last one again, up to ten tries a stage."""

    def ask(replies, parse, stage):
        for attempt in range(ATTEMPTS):
            calls[stage] += 1
            try:
                return parse(replies[min(attempt, len(replies) - 1)])
            except ReplyError:
                continue
        return None

    said, told = (ask(case[f"extract_{side}"], parse_events, "extract") for side in ("pred", "ref"))
    # A side without events is judged as one pseudo event, and the verdict is ignored.
    recall = ask(case["judge_recall"], lambda reply: parse_verdicts(reply, count=max(len(told), 1)), "judge")
    if recall is None:
        return None
    precision = ask(case["judge_precision"], lambda reply: parse_verdicts(reply, count=max(len(said), 1)), "judge")
    if precision is None:
        return None
    return autodq_from_verdicts(precision[: len(said)], recall[: len(told)])


def score_replies(golden):
    data = golden.data
    golden.use("note", "video_chatgpt[].raw", "emer[].raw")
    recommended = [_score_or_none(parse_score, row["raw"]) for row in data["video_chatgpt"]]
    golden.compare_words(
        "video_chatgpt[].recommended", recommended, [row["recommended"] for row in data["video_chatgpt"]]
    )
    for row, ours in zip(data["video_chatgpt"], recommended, strict=True):
        theirs = row["lmms_eval_reference"]  # 0 where it cannot read, and nothing is refused
        differs = theirs != ours and theirs != 0 and 0 <= theirs <= 5
        golden.compare("video_chatgpt[].lmms_eval_reference", float(differs), 0.0)
        outcome = row["video_chatgpt_reference"]["outcome"]
        differs = isinstance(outcome, int) and outcome != ours and 0 <= outcome <= 5
        golden.compare("video_chatgpt[].video_chatgpt_reference", float(differs), 0.0)
        assert row["video_chatgpt_reference"]["stored"] == _is_literal(row["raw"])
    for row in data["emer"]:
        outcome, ours = row["affectgpt_reference"]["outcome"], _score_or_none(parse_emer_score, row["raw"])
        refused = not isinstance(outcome, float) or not 1 <= outcome <= 10 or "-" in row["raw"]  # a range is no score
        golden.compare("emer[].affectgpt_reference", 0.0 if refused or ours == outcome else 1.0, 0.0)
        if not isinstance(outcome, float):
            golden.compare("emer[].affectgpt_reference", ours, None)


def _score_or_none(parse, reply):
    try:
        return parse(reply)
    except ReplyError:
        return None


def _is_literal(reply):
    try:
        ast.literal_eval(reply)
    except (SyntaxError, ValueError):
        return False
    return True


def uar_war(golden):
    golden.use("reference", "unit", "cases[].id", "cases[].why", "cases[].labels", "cases[].y_true", "cases[].y_pred")
    for case in golden.data["cases"]:
        labels, wanted = case["labels"], case["expected"]
        scores = classification_scores(case["y_true"], case["y_pred"], labels=labels)
        classes = set(case["y_true"]) | set(case["y_pred"])  # HumanOmni's script adds a class per stray answer
        values = {
            **{"n": scores.n, "war": scores.war, "uar_present_classes": scores.uar},
            **{"uar_all_labels": scores.uar_all_labels, "macro_f1_labels": scores.macro_f1},
            **{"out_of_label_predictions": scores.stray, "confusion": scores.confusion},
            **{"sklearn_balanced_accuracy": scores.uar, "humanomni_war": scores.war, "r1omni_uar": scores.uar},
            "humanomni_uar": float(np.nansum(scores.recall)) / len(classes),
        }
        for name, value in values.items():
            golden.compare(f"cases[].expected.{name}", value, wanted[name])
        for name, found in (("recall_per_label", scores.recall), ("support", scores.support)):
            golden.compare(f"cases[].expected.{name}", found, [wanted[name][label] for label in labels])


def five_fold(golden):
    data, wanted = golden.data, golden.data["expected"]
    golden.use("labels", "folds")
    scores = fold_scores([(fold["y_true"], fold["y_pred"]) for fold in data["folds"]], labels=data["labels"])
    values = {
        "fold_war": [fold.war for fold in scores.folds],
        "fold_uar": [fold.uar for fold in scores.folds],
        **{"mean_of_folds_war": scores.war, "mean_of_folds_uar": scores.uar},
        **{"pooled_war": scores.pooled.war, "pooled_uar": scores.pooled.uar},
    }
    for name, value in values.items():
        golden.compare(f"expected.{name}", value, wanted[name])


def verification(golden):
    golden.use("cases[].id", "cases[].why", "cases[].same_person", "cases[].raw_answers")
    for case in golden.data["cases"]:
        golden.compare_words("cases[].parsed", [parse_same(answer) for answer in case["raw_answers"]], case["parsed"])
        scores, wanted = verification_scores(case["same_person"], case["parsed"]), case["expected"]
        values = {
            **{"n": scores.n, "accuracy": scores.accuracy, "unparsed": scores.unparsed},
            **{"accuracy_answered_only": scores.accuracy_answered, "balanced_accuracy": scores.balanced_accuracy},
            **{"true_positive_rate": scores.true_positive_rate, "true_negative_rate": scores.true_negative_rate},
            "always_same_baseline": scores.always_same,
        }
        for name, value in values.items():
            golden.compare(f"cases[].expected.{name}", value, wanted[name])


CHECKS: dict[str, Callable[[MetricsGolden], None]] = {
    "text/references.json": references,
    "text/reference_tokens_ptb.json": reference_tokens,
    "text/summary.json": summary,
    "text/*.json": prediction_kind,
    "all*_summary.json": summary_of_all,
    "micro/micro_text.json": micro_text,
    "micro/degenerate.json": degenerate,
    "micro/ptb_edge_tokens.json": edge_tokens,
    "tem/relation_pairs.json": relation_pairs,
    "tem/*.json": tem_cases,
    "autodq/*.json": canned_judge,
    "judge_parsing/*.json": score_replies,
    "classification/uar_war*.json": uar_war,
    "classification/five_fold*.json": five_fold,
    "classification/verification*.json": verification,
}


def check_for(name: str) -> Callable[[MetricsGolden], None] | None:
    """The check of a file, None when there is none."""
    return next((check for pattern, check in CHECKS.items() if fnmatch.fnmatch(name, pattern)), None)
