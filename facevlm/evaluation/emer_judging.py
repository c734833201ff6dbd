"""EMER as a benchmark: a language model rates how far clues and labels of each description are the true ones."""

from collections.abc import Sequence

from facevlm.endpoints.model_client import ModelClient
from facevlm.errors import ReplyError
from facevlm.evaluation.emer import PROMPTS, clue_overlap, label_overlap
from facevlm.evaluation.judging import JudgedSample, Judging, Sample

OVERLAPS = {"clue_overlap": clue_overlap, "label_overlap": label_overlap}


class EmerJudging(Judging):
    """The overlaps by their full names, 1 .. 10; see `Judging`.

    Args:
        client: A language model.
        language: Of the descriptions.
        seed: Sent with each request.
    """

    client: ModelClient

    def __init__(self, client: ModelClient, *, language: str = "English", seed: int = 0) -> None:
        super().__init__(client, seed=seed)
        self._language = language

    @property
    def names(self) -> tuple[str, ...]:
        """The scores that this judge gives."""
        return tuple(f"{name}_{self.by_events.name}" for name in OVERLAPS)

    @property
    def prompts(self) -> tuple[str, ...]:
        """What may be sent to the judge."""
        return PROMPTS

    def judge(self, sample: Sample, names: Sequence[str]) -> JudgedSample:
        """Rate one description; see `Judging.judge`."""
        values: dict[str, float] = {}
        failures: dict[str, str] = {}
        for plain, overlap in OVERLAPS.items():
            name = f"{plain}_{self.by_events.name}"
            if name not in names:
                continue
            try:
                said, told = sample.prediction, sample.reference
                values[name] = overlap(self.client, said, told, language=self._language, seed=self.seed)
            except ReplyError as error:
                failures[name] = str(error)
        return JudgedSample(sample.id, values, failures)
