"""Our own models as answerer (needs the extra `models`): clips are perceived, and seen as `facevlm ask` shows them.

Several clips, those of examples or of a pair, go into one prompt, each in its place; a question about words alone has
none.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import cv2

from facevlm.answering.image_text_model import folder_hash
from facevlm.answering.shown_frames import PICTURES_FPS, timed_frames
from facevlm.chat.answer import printable
from facevlm.chatting import NOBODY, FaceChat, Look, Looking
from facevlm.errors import FacevlmError, InputError, ReplyError, VideoError
from facevlm.evaluation.answers import Footage, Question, Told
from facevlm.video.encode import VideoWriter

WHO = "main"
MOST_PICTURES = 500


class ChatAnswerer:
    """Answers by a model that `FaceChat` opens; see `Answerer`. Always greedy, one question at a time.

    Args:
        name: Folder or preset of a model.
        max_tokens: Longest answer.
        device: Where it runs; None for a GPU where there is one.
        saved: Folder in which is kept what is seen of faces, as for `perceive`.

    Raises:
        FacevlmError: As `FaceChat.from_pretrained`.
    """

    group = 1

    def __init__(
        self, name: str, *, max_tokens: int = 512, device: str | None = None, saved: str | None = None
    ) -> None:
        self._chat = FaceChat.from_pretrained(name, device=device, max_new_tokens=max_tokens)
        self._name, self._max_tokens, self._looking = name, max_tokens, Looking(saved=saved)
        self._examples: dict[Footage, Look] = {}  # they stand before every question

    @property
    def card(self) -> Mapping[str, Any]:
        """What the answers depend on."""
        folder, model = Path(self._name), self._chat.model
        shown = {"none": "none", "main": "tracked faces of the main character", "all": "tracked faces of everybody"}
        return {
            "model": folder.name if folder.is_dir() else self._name,
            "revision": folder_hash(self._name) if folder.is_dir() else "random weights",
            "frames": model.frames,
            "crops": shown[model.faces],
            "folders of pictures": f"as videos of {PICTURES_FPS} a second, at most {MOST_PICTURES} pictures",
            "who": WHO,
            "max_tokens": self._max_tokens,
            "decoding": "greedy",
        }

    def answer(self, questions: Sequence[Question]) -> list[Told | FacevlmError]:
        """The model's answers; why there is none for a clip takes nothing from the others."""
        return [self._answer(question) for question in questions]

    def _answer(self, question: Question) -> Told | FacevlmError:
        looks, conversation, system = [], [], question.system
        try:
            for example in question.examples:
                if example.footage not in self._examples:
                    self._examples[example.footage] = self._look_at(example.footage)
                looks.append(self._examples[example.footage])
                conversation += [_asked(1, system, question.text), {"role": "assistant", "content": example.answer}]
                system = ""
            looks += [self._look_at(footage) for footage in question.footage]
            conversation.append(_asked(len(question.footage), system, question.text))
            seen = [look.seen for look in looks]
            reply = self._chat.model.reply(seen, conversation, max_new_tokens=self._max_tokens)
        except (ReplyError, VideoError, InputError) as error:
            return error
        text = printable(reply.text)
        if not text.strip():
            return ReplyError("the answer is empty", where=self._name)
        return Told(text, NOBODY if any(look.faceless for look in looks) else "")

    def _look_at(self, footage: Footage) -> Look:
        if not footage.path.is_dir():
            return self._chat.look_at(footage.path, who=WHO, looking=self._looking)
        with TemporaryDirectory(prefix="facevlm-") as folder:
            return self._chat.look_at(as_video(footage, Path(folder)), who=WHO)  # another file each time


def _asked(clips: int, system: str, text: str) -> dict[str, Any]:
    """A message of the user. Where it shows clips, the question, its last paragraph, is apart, for encoders read that.

    What the system says stands before it, for not all formats have another place for that.
    """
    told, _, question = text.strip().rpartition("\n\n") if clips else ("", "", text)
    texts = [{"type": "text", "text": part} for part in (system, told, question) if part]
    return {"role": "user", "content": [*[{"type": "video"}] * clips, *texts]}


def as_video(footage: Footage, folder: Path) -> Path:
    """The pictures of a clip, evenly spaced, as a video file: written without loss into a folder.

    Raises:
        VideoError: A picture cannot be read.
        OutputError: The folder cannot be written to.
    """
    path, pictures = folder / f"{footage.path.name}.mkv", timed_frames(footage, MOST_PICTURES)
    time, picture = next(pictures)
    height, width = picture.shape[:2]
    with VideoWriter(path, width, height, codec="ffv1") as writer:
        writer.write(picture, time)
        for time, picture in pictures:
            same = picture.shape[:2] == (height, width)
            writer.write(picture if same else cv2.resize(picture, (width, height)), time)
    return path
