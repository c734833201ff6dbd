"""Video-ChatGPT scores (Maaz et al. 2023): a language model rates a caption from 0 to 5, in one respect at a time.

Unlike the original a reply that cannot be read is a failure, and never asked for without end; an empty caption scores
0 and is not sent. Before rating, FaceTrack-MM (section 5.2) has the judge rewrite each prediction in the format of its
reference. That shows the reference to whoever rewrites, so it is a choice here, and another one is to rewrite in a
fixed format.
"""

from dataclasses import dataclass

from facevlm.endpoints.asking import ask
from facevlm.endpoints.model_client import ModelClient
from facevlm.errors import ReplyError, UsageError
from facevlm.evaluation.judge_replies import parse_score
from facevlm.evaluation.model_judge import INTEGER, object_schema

DIMENSIONS = {
    "correctness": "are the facts right?",
    "detail": "is it complete and specific?",
    "context": "does it fit theme and mood?",
    "temporal": "is the order of events right?",
    "consistency": "do two answers of the model agree?",
}
QUESTION = (  # HumanOmni's, of the laboratory of FaceTrack-MM
    "Please provide a detailed description of the facial appearance attributes and expression changes of the character "
    "in the video."
)
ALIGNMENTS = ("none", "reference", "neutral")
LONGEST_ALIGNED = 3  # times the original; longer ones have added something
SCORE_SCHEMA = object_schema(score=INTEGER)


@dataclass(frozen=True)
class Aligned:
    """A prediction in the format that it is rated in.

    Attributes:
        text: Rewritten, or as it was.
        kept: Why it is as it was although it should have been rewritten; None where it was rewritten.
    """

    text: str
    kept: str | None = None


def align(client: ModelClient, prediction: str, reference: str, *, mode: str, seed: int = 0) -> Aligned:
    """Rewrite a prediction in another format without changing what it says.

    Args:
        client: Whom to ask.
        prediction: The caption.
        reference: Whose format the mode "reference" takes.
        mode: "none", "reference" (as FaceTrack-MM does), or "neutral": four phases, without sight of the reference.
        seed: Sent along.

    Raises:
        UsageError: No such mode.
        ReplyError: No reply.
    """
    if mode not in ALIGNMENTS:
        raise UsageError(f"no alignment {mode!r}", where="--align", mend=f"choose among {', '.join(ALIGNMENTS)}")
    if mode == "none" or not prediction.strip():
        return Aligned(prediction)
    fields = {"prediction": prediction.strip()} | ({"reference": reference.strip()} if mode == "reference" else {})
    text = ask(client, f"format_alignment_{mode}", fields=fields, parse=str.strip, max_tokens=2048, seed=seed)
    if not text:
        return Aligned(prediction, "the rewritten text was empty")
    if len(text) > LONGEST_ALIGNED * len(prediction):
        return Aligned(prediction, f"the rewritten text was more than {LONGEST_ALIGNED} times as long")
    return Aligned(text)


def rate(
    client: ModelClient,
    dimension: str,
    prediction: str,
    reference: str,
    *,
    question: str = QUESTION,
    second_prediction: str | None = None,
    seed: int = 0,
) -> int:
    """A score from 0 to 5.

    Args:
        client: Whom to ask.
        dimension: A key of `DIMENSIONS`.
        prediction: The caption.
        reference: The true one.
        question: What the model was asked that made the caption.
        second_prediction: Its answer to a similar question, for "consistency" alone.
        seed: Sent along.

    Raises:
        UsageError: No such dimension.
        ReplyError: No usable reply, or no second prediction.
    """
    if dimension not in DIMENSIONS:
        raise UsageError(f"no dimension {dimension!r}", mend=f"choose among {', '.join(DIMENSIONS)}")
    if not prediction.strip():
        return 0
    fields = {"question": question, "prediction": prediction.strip(), "reference": reference.strip()}
    if dimension == "consistency":
        if second_prediction is None:
            raise ReplyError("no second prediction", mend='give each row a "second_caption"')
        fields["second_prediction"] = second_prediction.strip()
    prompt = f"video_chatgpt_{dimension}"
    return ask(client, prompt, fields=fields, parse=parse_score, schema=SCORE_SCHEMA, max_tokens=64, seed=seed)
