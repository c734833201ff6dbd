"""Scores of captions: text metrics, events judged by a grammar or a model, emotion classes, face verification.

Plain functions over lists of captions; `facevlm score` and `facevlm eval` are their command line.
"""

from facevlm.evaluation.autodq import autodq
from facevlm.evaluation.bleu import bleu
from facevlm.evaluation.cider import cider_d
from facevlm.evaluation.classification import classification_scores, fold_scores
from facevlm.evaluation.explain import explain
from facevlm.evaluation.judges import Judge, RuleJudge
from facevlm.evaluation.model_judge import ModelJudge
from facevlm.evaluation.rouge import rouge_l, rouge_score_l
from facevlm.evaluation.tem import tem, tem_from_relations
from facevlm.evaluation.verification import verification_scores

__all__ = [
    "Judge",
    "ModelJudge",
    "RuleJudge",
    "autodq",
    "bleu",
    "cider_d",
    "classification_scores",
    "explain",
    "fold_scores",
    "rouge_l",
    "rouge_score_l",
    "tem",
    "tem_from_relations",
    "verification_scores",
]
