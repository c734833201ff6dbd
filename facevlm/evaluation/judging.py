"""Judge many captions at a time: what it cannot tell of one is a failure of that score, and the rest goes on."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from facevlm.endpoints.model_client import ModelClient
from facevlm.errors import ReplyError
from facevlm.evaluation.autodq import autodq_of_pair
from facevlm.evaluation.judges import Judge, RuleJudge
from facevlm.evaluation.metrics import judged_name
from facevlm.evaluation.model_judge import PROMPTS, ModelJudge
from facevlm.evaluation.scores import f_measure
from facevlm.evaluation.tem import tem_of_pair
from facevlm.evaluation.video_chatgpt import DIMENSIONS, align, rate

AUTODQ = ("autodq_p", "autodq_r", "autodq_f")
TEM = ("tem", "tem_ref", "tem_max")


@dataclass(frozen=True)
class Sample:
    """One prediction and its reference; a second prediction is for the score of consistency."""

    id: str
    prediction: str
    reference: str
    second_prediction: str | None = None


@dataclass(frozen=True)
class JudgedSample:
    """What was judged of one sample.

    Attributes:
        id: Of the sample.
        values: Name of the score -> value.
        failures: Name of the score -> why there is none.
        aligned: The prediction as it was rated, None where nothing was rewritten.
        kept: Why a prediction was rated as it was although it should have been rewritten.
    """

    id: str
    values: dict[str, float] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    aligned: str | None = None
    kept: str | None = None


class Judging:
    """The scores of one judge, by their full names.

    Args:
        client: A language model; None for the grammar, which rates nothing but events.
        align: How predictions are rewritten before they are rated; see `video_chatgpt.align`.
        seed: Sent with each request.
    """

    def __init__(self, client: ModelClient | None = None, *, align: str = "none", seed: int = 0) -> None:
        self.client, self.align, self.seed = client, align, seed
        self.by_events: Judge = ModelJudge(client, events="tem", seed=seed) if client else RuleJudge()
        self.by_entailment: Judge = ModelJudge(client, events="autodq", seed=seed) if client else self.by_events
        self._full = {name: judged_name(name, self.by_events) for name in (*AUTODQ, *TEM, *DIMENSIONS)}

    @property
    def names(self) -> tuple[str, ...]:
        """The scores that this judge can give."""
        dimensions = tuple(DIMENSIONS) if self.client else ()
        return tuple(self._full[name] for name in (*AUTODQ, *TEM, *dimensions))

    @property
    def prompts(self) -> tuple[str, ...]:
        """What may be sent to the judge."""
        rewriting = () if self.align == "none" else (f"format_alignment_{self.align}",)
        return (*PROMPTS, *(f"video_chatgpt_{name}" for name in DIMENSIONS), *rewriting)

    def judge(self, sample: Sample, names: Sequence[str]) -> JudgedSample:
        """Judge one sample; scores that come together (precision, recall and F) are given together.

        Raises:
            BudgetError: The budget is spent.
            InputError: The judge cannot be used at all.
        """
        values: dict[str, float] = {}
        failures: dict[str, str] = {}

        def attempt(plain: Sequence[str], score: Callable[[], Sequence[float]]) -> None:
            wanted = [self._full[name] for name in plain]
            if not set(wanted) & set(names):
                return
            try:
                values.update(zip(wanted, score(), strict=True))
            except ReplyError as error:
                failures.update(dict.fromkeys(wanted, str(error)))

        attempt(AUTODQ, lambda: self._autodq(sample))
        attempt(TEM, lambda: self._tem(sample))
        if self.client is None or not {self._full[name] for name in DIMENSIONS} & set(names):
            return JudgedSample(sample.id, values, failures)
        try:
            aligned = align(self.client, sample.prediction, sample.reference, mode=self.align, seed=self.seed)
        except ReplyError as error:
            failures.update({self._full[name]: str(error) for name in DIMENSIONS if self._full[name] in names})
            return JudgedSample(sample.id, values, failures)
        for name in DIMENSIONS:
            attempt([name], lambda name=name: [self._rate(name, aligned.text, sample)])  # type: ignore[misc]
        return JudgedSample(
            sample.id, values, failures, None if self.align == "none" or aligned.kept else aligned.text, aligned.kept
        )

    def _autodq(self, sample: Sample) -> tuple[float, float, float]:
        precision, recall = autodq_of_pair(sample.prediction, sample.reference, judge=self.by_entailment)
        return precision, recall, f_measure(precision, recall)

    def _tem(self, sample: Sample) -> tuple[float, float, float]:
        result = tem_of_pair(sample.prediction, sample.reference, judge=self.by_events)
        return result.tem, result.tem_ref, result.tem_max

    def _rate(self, name: str, prediction: str, sample: Sample) -> float:
        assert self.client is not None
        second = sample.second_prediction
        return float(rate(self.client, name, prediction, sample.reference, second_prediction=second, seed=self.seed))


def judge_samples(
    samples: Sequence[Sample],
    judging: Judging,
    *,
    names: Sequence[str],
    concurrency: int = 1,
    on_progress: Callable[[], None] = lambda: None,
) -> list[JudgedSample]:
    """Judge samples, several at a time; the results are in the order of the samples.

    Args:
        samples: What to judge.
        judging: Who judges.
        names: Full names of the scores.
        concurrency: Samples at a time.
        on_progress: Called after each sample, from any thread.

    Raises:
        BudgetError: The budget is spent; what is under way is finished first. So of all other errors but ReplyError.
    """
    stopped = threading.Event()

    def work(sample: Sample) -> JudgedSample:
        if stopped.is_set():
            return JudgedSample(sample.id)  # never seen: the error that stopped the run is raised
        done = judging.judge(sample, names)
        on_progress()
        return done

    with ThreadPoolExecutor(concurrency) as pool:
        futures = [pool.submit(work, sample) for sample in samples]
        try:
            return [future.result() for future in futures]
        finally:
            stopped.set()
            pool.shutdown(wait=False, cancel_futures=True)
