"""Story 3: clip + question → a model's answer, with the measured events that bear it out.

perceive → frames and crops → the model's encoders, once → questions and answers. Beside it runs story 2, whose events
are the evidence: those that the answer's words match, or those that were put into the prompt.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from facevlm.chat.answer import Answer, AnswerStream, printable
from facevlm.chat.chat_models import ChatModel, Reply, open_chat_model
from facevlm.chat.supporting_events import in_words, listed_events, matching_events
from facevlm.describing import described
from facevlm.description import Description, Person
from facevlm.errors import UsageError
from facevlm.perceiving import Perception, PerceptionConfig, perceive
from facevlm.prompts import load_prompt
from facevlm.tracking.track import Moment, TrackSummary

Who = str | int | tuple[float, float]
MAX_NEW_TOKENS = 512
KEPT_CLIPS = 4  # clips that a `FaceChat` remembers, with their encoded streams
NOBODY = "No face was seen: the model was shown the middle of whole frames in place of a face."
ONLY_FIRST = (
    "The model is not shown one person's face: its words are the first person's, the others keep measured ones."
)


@dataclass(frozen=True)
class Looking:
    """How a clip is looked at: arguments of `perceive`."""

    fps: str | float | Fraction = "native"
    start: float | None = None
    end: float | None = None
    config: PerceptionConfig | None = None
    saved: str | Path | None = None


@dataclass(frozen=True)
class Look:
    """A clip as it was looked at.

    Attributes:
        perception: The clip, perceived.
        description: What was measured of those asked about.
        seen: What the model made of the frames.
        frames: Seconds of the frames.
        faceless: Whether whole frames stand for a face that the model wants.
    """

    perception: Perception
    description: Description
    seen: Any
    frames: tuple[float, ...]
    faceless: bool


class FaceChat:
    """A model that answers questions about faces in videos.

        chat = FaceChat.from_pretrained("tiny")
        print(chat.ask("talk.mp4", "How do the brows move?").answer)

    Args:
        model: Who answers.
        evidence: What is put into the prompt: None; "events", those measured; or another model, whose description is.
        max_new_tokens: Longest answer, in tokens.

    Raises:
        UsageError: The evidence is of no known kind.
    """

    def __init__(
        self, model: ChatModel, *, evidence: str | ChatModel | None = None, max_new_tokens: int = MAX_NEW_TOKENS
    ) -> None:
        if isinstance(evidence, str) and evidence != "events":
            raise UsageError(f"no evidence {evidence!r}", mend="give events, or a model that describes")
        self.model, self.max_new_tokens = model, max_new_tokens
        self.tells_events = evidence == "events"
        self._looks: OrderedDict[Any, Look] = OrderedDict()
        self._describer: FaceChat | None = None
        if evidence is not None and not isinstance(evidence, str):
            self._describer = FaceChat(evidence, max_new_tokens=max_new_tokens)

    @classmethod
    def from_pretrained(
        cls,
        name: str | Path,
        *,
        device: str | None = None,
        quantize: str | None = None,
        evidence: str | None = None,
        max_new_tokens: int = MAX_NEW_TOKENS,
    ) -> "FaceChat":
        """Open a model by name.

        Args:
            name: The folder of a model, a preset such as "tiny", or another kind and its name, see `open_chat_model`.
            device: Where it runs; None for a GPU where there is one.
            quantize: "4bit" or "8bit" for language models by bitsandbytes.
            evidence: What is put into the prompt: None, "events", or "description:MODEL" with such a name.
            max_new_tokens: Longest answer, in tokens.

        Raises:
            UsageError: There is no such model, or no such evidence.
            MissingExtraError: torch or transformers is not installed.
            WeightsError: The model cannot be loaded.
        """
        kind, _, describer = (evidence or "").partition(":")
        if evidence not in (None, "events") and not (kind == "description" and describer):
            mend = "give events, or description:MODEL"
            raise UsageError(f"no evidence {evidence!r}", where="--with-evidence", mend=mend)
        given = open_chat_model(describer, device=device, quantize=quantize) if describer else evidence
        model = open_chat_model(str(name), device=device, quantize=quantize)
        return cls(model, evidence=given, max_new_tokens=max_new_tokens)

    def ask(
        self,
        clip: str | Path,
        question: str,
        *,
        who: Who = "main",
        looking: Looking | None = None,
        on_progress: Callable[[float], None] | None = None,
    ) -> Answer:
        """Answer one question.

        Args:
            clip: Path of the video.
            question: In words.
            who: Whom it is about, as in `describe`.
            looking: How the clip is looked at.
            on_progress: Called with the time reached in seconds while it is.

        Raises:
            FacevlmError: As `describe`; InputError where the question cannot be put to the model.
        """
        return self.conversation(clip, who=who, looking=looking, on_progress=on_progress).ask(question)

    def stream(
        self, clip: str | Path, question: str, *, who: Who = "main", looking: Looking | None = None
    ) -> AnswerStream:
        """As `ask`, piece by piece."""
        return self.conversation(clip, who=who, looking=looking).stream(question)

    def conversation(
        self,
        clip: str | Path,
        *,
        who: Who = "main",
        looking: Looking | None = None,
        on_progress: Callable[[float], None] | None = None,
    ) -> "Conversation":
        """A conversation about a clip, in which each question may build on those before. Arguments as of `ask`."""
        looking = looking or Looking()
        key = (*_version_of(clip), who, looking)
        if key not in self._looks:
            self._looks[key] = self.look_at(clip, who=who, looking=looking, on_progress=on_progress)
        self._looks.move_to_end(key)
        while len(self._looks) > KEPT_CLIPS:
            self._looks.popitem(last=False)
        return Conversation(self, self._looks[key])

    def describe(
        self,
        clip: str | Path,
        *,
        who: Who = "all",
        looking: Looking | None = None,
        on_progress: Callable[[float], None] | None = None,
        on_moment: Callable[[Moment], None] | None = None,
    ) -> Description:
        """Describe the faces of a video as `facevlm.describe` does, in the model's words.

        The events are the measured ones, and each sentence names those that its words match. A model that is shown the
        main character's face is asked about each person; others are asked once, and their words are the first person's.

        Args:
            clip: Path of the video.
            who, on_progress, on_moment: As in `describe`.
            looking: How the clip is looked at.

        Raises:
            FacevlmError: As `ask`.
        """
        perception = _perceive(clip, looking or Looking())
        description = described(perception, who=who, on_progress=on_progress, on_moment=on_moment)
        if not description.people:
            answer = self._told_of(perception, description)
            return replace(description, caption=answer.answer, warnings=answer.warnings)
        told: list[Person] = []
        warnings: list[str] = []
        for person in description.people if self.model.faces == "main" else description.people[:1]:
            answer = self._told_of(perception, replace(description, people=(person,)))
            told.append(in_words(person, answer.answer))
            warnings += answer.warnings
        people = (*told, *description.people[len(told) :])
        warnings += [ONLY_FIRST] if len(told) < len(people) else []
        return replace(
            description,
            people=people,
            caption="\n".join(person.caption for person in people),
            warnings=tuple(dict.fromkeys([*warnings, *description.warnings])),
        )

    def look_at(
        self,
        clip: str | Path,
        *,
        who: Who = "main",
        looking: Looking | None = None,
        on_progress: Callable[[float], None] | None = None,
    ) -> Look:
        """Perceive a clip, and let the model see it. Arguments as of `ask`."""
        perception = _perceive(clip, looking or Looking())
        return self.look(perception, described(perception, who=who, on_progress=on_progress))

    def look(self, perception: Perception, description: Description) -> Look:
        """Let the model see a clip that was perceived and described."""
        people = _shown_people(self.model, perception, description)
        frames = perception.frames_for_model(
            self.model.frames, most=max(1, len(people)), people=people, choose=self.model.choose_frames
        )
        faceless = self.model.faces != "none" and any(crop.whole_frame for frame in frames for crop in frame.crops)
        times = tuple(frame.time for frame in frames)
        return Look(perception, description, self.model.see(frames), times, faceless)

    def context(self, look: Look) -> str:
        """What stands in the prompt before the first question: nothing, events, or another model's description."""
        if self._describer is not None:
            answer = self._describer._told_of(look.perception, look.description)
            return load_prompt("ask_with_description").fill(description=answer.answer)[1]
        if self.tells_events:
            return load_prompt("ask_with_events").fill(events=listed_events(look.description))[1]
        return ""

    def _told_of(self, perception: Perception, description: Description) -> Answer:
        """The model's answer when asked to describe a clip."""
        return Conversation(self, self.look(perception, description)).ask(load_prompt("describe_with_model").user)


class Conversation:
    """Questions about one clip, one after the other; see `FaceChat.conversation`.

    Attributes:
        messages: What was said, as the model was told it.
    """

    def __init__(self, chat: FaceChat, look: Look) -> None:
        self._chat, self._look = chat, look
        self.messages: list[dict[str, Any]] = []

    def ask(self, question: str, *, on_text: Callable[[str], None] | None = None) -> Answer:
        """Answer the next question; where that fails, the conversation stays as it was.

        Args:
            question: In words.
            on_text: Called with each further piece of the answer.

        Raises:
            UsageError: The question is empty.
            FacevlmError: There is no answer.
        """
        question = question.encode("utf-8", "replace").decode()  # without lone surrogates, which no tokenizer takes
        if not question.strip():
            raise UsageError("the question is empty", mend="ask something")
        chat, look = self._chat, self._look
        context = "" if self.messages else chat.context(look)
        shown = [] if self.messages else [{"type": "video"}]
        texts = [{"type": "text", "text": text} for text in (context, question) if text]
        asked = {"role": "user", "content": [*shown, *texts]}
        reply = chat.model.reply(
            [look.seen],
            [*self.messages, asked],
            max_new_tokens=chat.max_new_tokens,
            on_text=None if on_text is None else lambda text: on_text(printable(text)),
        )
        self.messages += [asked, {"role": "assistant", "content": reply.text or "…"}]
        return self._answer(reply)

    def stream(self, question: str) -> AnswerStream:
        """Answer the next question piece by piece."""
        return AnswerStream(lambda on_text: self.ask(question, on_text=on_text))

    def _answer(self, reply: Reply) -> Answer:
        chat, look, text = self._chat, self._look, printable(reply.text)
        events = [event for person in look.description.people for event in person.events]
        borne_out = events if chat.tells_events else matching_events(text, events)
        warnings = [*chat.model.warnings, *([NOBODY] if look.faceless else []), *reply.warnings]
        return Answer(
            answer=text,
            confidence=reply.confidence,
            evidence=tuple(event.id for event in borne_out),
            model=chat.model.name,
            frames=look.frames,
            warnings=tuple(dict.fromkeys([*warnings, *look.description.warnings])),
        )


def _perceive(clip: str | Path, looking: Looking) -> Perception:
    return perceive(
        clip, fps=looking.fps, start=looking.start, end=looking.end, config=looking.config, saved=looking.saved
    )


def _shown_people(model: ChatModel, perception: Perception, description: Description) -> list[TrackSummary]:
    """Whose crops a model is shown: of the first of those asked about, or of all of the video."""
    if model.faces == "none":
        return []
    wanted = (
        perception.tracks if model.faces == "all" else [person.track for person in description.people[: model.people]]
    )
    return [replace(track, main=True) for track in wanted]


def _version_of(clip: str | Path) -> tuple[Any, ...]:
    """A file's name and state, so that one written anew is looked at anew."""
    try:
        state = Path(clip).stat()
    except OSError:  # `perceive` says what is wrong
        return (str(clip),)
    return (str(Path(clip).resolve()), state.st_mtime_ns, state.st_size)
