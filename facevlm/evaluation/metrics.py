"""The metrics by name: which there are, and all that are asked for computed on pairs of captions at once."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from facevlm.errors import UsageError
from facevlm.evaluation.autodq import autodq
from facevlm.evaluation.bleu import bleu
from facevlm.evaluation.caption_files import Failure, Pairs
from facevlm.evaluation.cider import cider_d
from facevlm.evaluation.intervals import f_of_means_interval, mean_interval
from facevlm.evaluation.judges import Judge, RuleJudge
from facevlm.evaluation.rouge import rouge_l, rouge_score_l
from facevlm.evaluation.scores import Scores, f_measure, mean_scores
from facevlm.evaluation.tem import tem
from facevlm.evaluation.video_chatgpt import DIMENSIONS

Group = Callable[[Pairs], dict[str, Scores]]

TEXT_GROUPS: dict[tuple[str, ...], Group] = {
    ("cider_d",): lambda pairs: {"cider_d": _cider(pairs)},
    ("cider_no_length_penalty",): lambda pairs: {"cider_no_length_penalty": _cider(pairs, length_penalty=False)},
    ("rouge_l",): lambda pairs: {"rouge_l": rouge_l(pairs.predictions, pairs.references)},
    ("rouge_score_l",): lambda pairs: {"rouge_score_l": rouge_score_l(pairs.predictions, pairs.references).f1},
    ("bleu_1", "bleu_2", "bleu_3", "bleu_4"): lambda pairs: {
        f"bleu_{n}": scores for n, scores in enumerate(bleu(pairs.predictions, pairs.references), start=1)
    },
}
TEXT_METRICS = tuple(name for names in TEXT_GROUPS for name in names)
DESCRIPTIONS = {
    "cider_d": "CIDEr-D, raw (at most 10)",
    "cider_no_length_penalty": "CIDEr-D without its length penalty (at most 10)",
    "rouge_l": "ROUGE-L as COCO computes it",
    "rouge_score_l": "ROUGE-L F1 as rouge-score computes it",
    **{f"bleu_{n}": f"BLEU-{n}, of the corpus" for n in range(1, 5)},
    "autodq_p": "predicted events that the reference entails",
    "autodq_r": "reference events that the prediction entails",
    "autodq_f": "F1 of the two means",
    "tem": "temporal event matching, LCS over predicted events",
    "tem_ref": "TEM, LCS over the reference's events",
    "tem_max": "TEM, LCS over the larger number",
    **{name: "rated 0 to 5, as Video-ChatGPT has it" for name in DIMENSIONS},
}
_JUDGED = ("autodq_p", "autodq_r", "autodq_f", "tem", "tem_ref", "tem_max")


@dataclass(frozen=True)
class Metric:
    """One metric of a run.

    Attributes:
        scores: Of the corpus and of each pair.
        failures_as_zero: The corpus value with 0 for each failure; None for BLEU, which is no mean.
        interval: Bootstrap interval of the corpus value, None where not asked for; None for BLEU.
    """

    scores: Scores
    failures_as_zero: float | None
    interval: tuple[float, float] | None = None


@dataclass(frozen=True)
class Report:
    """Scores of a set of captions.

    Attributes:
        names: The metrics asked for.
        metrics: Name -> metric, in that order; empty where no pair could be scored.
        ids: Of the N scored pairs.
        failures: Ids that could not be scored; they are in no mean.
        tokenizer: Name of the tokenizer of CIDEr, ROUGE-L and BLEU.
        judge: Name and version of the judge, None where no judged metric was asked for.
        n_references: Number of references, scored or not; CIDEr depends on the whole set.
        reference_hash: SHA-256 of their ids and texts.
    """

    names: tuple[str, ...]
    metrics: dict[str, Metric]
    ids: tuple[str, ...]
    failures: tuple[Failure, ...]
    tokenizer: str
    judge: str | None
    n_references: int
    reference_hash: str


def metric_names(judge: Judge) -> tuple[str, ...]:
    """All metrics, the judged ones under the judge's name."""
    return TEXT_METRICS + tuple(judged_name(name, judge) for name in _JUDGED)


def judged_name(name: str, judge: Judge) -> str:
    """ "tem" -> "tem_grammar"; "autodq_p" -> "autodq_grammar_p"."""
    if name.startswith("autodq_"):
        return f"autodq_{judge.name}_{name.removeprefix('autodq_')}"
    return f"{name}_{judge.name}"


def compute(
    pairs: Pairs,
    names: Sequence[str] | None = None,
    *,
    judge: Judge | None = None,
    judged: Mapping[str, Sequence[float]] | None = None,
    intervals: bool = False,
) -> Report:
    """Compute metrics on pairs of captions.

    Args:
        pairs: Predictions and references.
        names: Metrics, of those that `metric_names` lists (with `judged`: the texts' and those); None for all.
        judge: For the judged ones; by default the embedded `RuleJudge`.
        judged: What the judge said already, as `judging.judge_samples` gives it: full name -> value of each pair.
        intervals: Whether to add 95 % bootstrap intervals.

    Raises:
        UsageError: No such metric.
    """
    judge = judge or RuleJudge()
    known = metric_names(judge) if judged is None else (*TEXT_METRICS, *judged)
    wanted = list(dict.fromkeys(names if names is not None else known))
    if unknown := [name for name in wanted if name not in known]:
        raise UsageError(f"no metric {unknown[0]!r}", where="--metrics", mend=f"choose among {', '.join(known)}")
    found: dict[str, Scores] = {}
    told = pairs.reference_set
    if pairs.ids:
        for group, function in TEXT_GROUPS.items():
            if set(group) & set(wanted):
                found |= function(pairs)
        found |= _judged(pairs, wanted, judge) if judged is None else _told(judged, wanted, judge)
    share = len(pairs.ids) / max(len(pairs.ids) + len(pairs.failures), 1)
    metrics = {name: _metric(name, found, judge, share=share, interval=intervals) for name in wanted if found}
    return Report(
        names=tuple(wanted),
        metrics=metrics,
        ids=pairs.ids,
        failures=pairs.failures,
        tokenizer="ptb (without Java)",
        judge=f"{judge.name} {judge.version}" if set(wanted) - set(TEXT_METRICS) else None,
        n_references=len(told),
        reference_hash=hashlib.sha256("\n\0".join((*told, *told.values())).encode()).hexdigest(),
    )


def _cider(pairs: Pairs, *, length_penalty: bool = True) -> Scores:
    told = tuple(pairs.reference_set.values())
    return cider_d(pairs.predictions, pairs.references, reference_set=told, length_penalty=length_penalty)


def _judged(pairs: Pairs, wanted: Sequence[str], judge: Judge) -> dict[str, Scores]:
    found: dict[str, Scores] = {}
    if any(name.startswith("autodq_") for name in wanted):
        result = autodq(pairs.predictions, pairs.references, judge=judge)
        found |= {"autodq_p": result.precision, "autodq_r": result.recall, "autodq_f": result.f1}
    if any(name.startswith("tem_") for name in wanted):
        matched = tem(pairs.predictions, pairs.references, judge=judge)
        found |= {"tem": matched.tem, "tem_ref": matched.tem_ref, "tem_max": matched.tem_max}
    return {judged_name(name, judge): scores for name, scores in found.items()}


def _told(judged: Mapping[str, Sequence[float]], wanted: Sequence[str], judge: Judge) -> dict[str, Scores]:
    precision, recall, f1 = (judged_name(f"autodq_{part}", judge) for part in "prf")
    names = {*wanted, *((precision, recall) if f1 in wanted else ())} & judged.keys()
    found = {name: mean_scores(judged[name]) for name in names}
    if f1 in found:
        found[f1] = Scores(f_measure(found[precision].corpus, found[recall].corpus), found[f1].per_sample)
    return found


def _metric(name: str, found: dict[str, Scores], judge: Judge, *, share: float, interval: bool) -> Metric:
    scores = found[name]
    if name.startswith("bleu_"):
        return Metric(scores, None)
    if name != judged_name("autodq_f", judge):
        return Metric(scores, scores.corpus * share, mean_interval(scores.per_sample) if interval else None)
    precision, recall = (found[judged_name(f"autodq_{part}", judge)] for part in "pr")
    bounds = f_of_means_interval(precision.per_sample, recall.per_sample) if interval else None
    return Metric(scores, f_measure(precision.corpus * share, recall.corpus * share), bounds)


def describe_metric(name: str, judge: Judge) -> str:
    """What a metric is, in a few words."""
    plain = {judged_name(item, judge): item for item in (*_JUDGED, *DIMENSIONS)}.get(name, name)
    return DESCRIPTIONS[plain]


def as_document(report: Report, *, details: bool = False) -> dict[str, object]:
    """The report as JSON: `metrics` (null where nothing was scored), `n_scored`, `n_failed`, `failures`.

    Args:
        report: Of `compute`.
        details: Add the values of each pair, means with failures as zero, and what the run depends on.
    """
    document: dict[str, object] = {
        "metrics": {name: report.metrics[name].scores.corpus if report.metrics else None for name in report.names},
        "n_scored": len(report.ids),
        "n_failed": len(report.failures),
        "failures": [{"id": failure.id, "reason": failure.reason} for failure in report.failures],
    }
    if any(metric.interval for metric in report.metrics.values()):
        document["intervals"] = {name: metric.interval for name, metric in report.metrics.items()}
    if details:
        document["mean_failures_as_zero"] = {name: metric.failures_as_zero for name, metric in report.metrics.items()}
        document["ids"] = list(report.ids)
        document["per_sample"] = {
            name: np.round(metric.scores.per_sample, 9).tolist() for name, metric in report.metrics.items()
        }
        document["run"] = {
            "tokenizer": report.tokenizer,
            "judge": report.judge,
            "n_references": report.n_references,
            "reference_hash": report.reference_hash,
        }
    return document
