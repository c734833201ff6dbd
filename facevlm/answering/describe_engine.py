"""The describe engine as answerer: the caption of a clip's main character, whatever is asked."""

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

from facevlm.errors import FacevlmError, ReplyError, VideoError
from facevlm.evaluation.answers import Question

WHO = "main"


class DescribeEngine:
    """Answers with captions of `facevlm describe`; see `Answerer`.

    Args:
        infer: Whether captions add inferred feelings in [brackets], for emotion classes.
        saved: Folder in which is kept what is seen of faces, as for `perceive`.
    """

    group = 1

    def __init__(self, *, infer: bool = False, saved: str | None = None) -> None:
        self._infer, self._saved = infer, saved

    @property
    def card(self) -> Mapping[str, Any]:
        """What the captions depend on besides the clips."""
        from facevlm.faces.weights import WEIGHTS

        return {
            "model": "facevlm describe",
            "version": version("facevlm"),
            "revision": {name: row.sha256[:12] for name, row in WEIGHTS.items()},
            "frames": "native, at most 30 a second",
            "crops": "tracked faces, by the attention mesh",
            "who": WHO,
            "infer": self._infer,
        }

    def answer(self, questions: Sequence[Question]) -> list[str | FacevlmError]:
        """A caption for each clip, or why there is none."""
        return [self._caption(question) for question in questions]

    def _caption(self, question: Question) -> str | FacevlmError:
        from facevlm.describing import describe

        if len(question.footage) != 1 or question.examples:
            return ReplyError("the describe engine describes one clip, and takes no questions or examples")
        (footage,) = question.footage
        if footage.path.is_dir():
            return VideoError("the describe engine needs a video: pictures have no times", where=footage.path)
        try:
            description = describe(footage.path, who=WHO, infer=self._infer, saved=self._saved)
        except VideoError as error:
            return error
        if not description.people:
            return ReplyError("no face was found", where=footage.path)
        return description.caption
