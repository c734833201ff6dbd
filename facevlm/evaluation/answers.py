"""Ask a model about many clips, and keep what it says: a run that was killed goes on where it was.

Answers are kept as lines of JSON, the first of which says who answers. What failed is not kept: it is tried again when
the run is started again. Questions go to the model in the same groups every time, so that answers of a group that was
interrupted are the same as if it had not been.
"""

import hashlib
import json
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from facevlm.errors import FacevlmError, InputError, OutputError, UsageError
from facevlm.evaluation.caption_files import without_surrogates
from facevlm.exports.atomic_file import write_text

SCHEMA = "facevlm/answers/1"
_THOUGHT = re.compile(r"(?:\A|<think>).*?</think>|<think>.*", re.DOTALL)


@dataclass(frozen=True)
class Footage:
    """What is shown of a clip.

    Attributes:
        root: The folder of the dataset.
        name: The path below it of a video, or of a folder of pictures, with slashes.
        frames: Names of the pictures in the folder that are meant, in order; empty for a video, or all pictures.
    """

    root: Path
    name: str
    frames: tuple[str, ...] = ()

    @property
    def path(self) -> Path:
        """Where it lies."""
        return self.root / self.name


@dataclass(frozen=True)
class Example:
    """A clip with its caption, shown before a question."""

    footage: Footage
    answer: str


@dataclass(frozen=True)
class Question:
    """One question.

    Attributes:
        id: Of the clip or pair.
        text: What is asked.
        system: System message, may be empty.
        footage: The clips that are shown, none for a question about text alone.
        examples: Shown before, with the same text.
    """

    id: str
    text: str
    system: str = ""
    footage: tuple[Footage, ...] = ()
    examples: tuple[Example, ...] = ()

    @property
    def key(self) -> str:
        """SHA-256 of all that is asked, wherever the folder of the dataset lies."""
        shown = [*self.footage, *(example.footage for example in self.examples)]
        parts = [self.id, self.system, self.text, [example.answer for example in self.examples]]
        parts += [[footage.name, *footage.frames] for footage in shown]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


@dataclass(frozen=True)
class Told:
    """An answer.

    Attributes:
        text: Its words.
        note: What must be known of how it came about, such as that no face was seen; empty for nothing.
    """

    text: str
    note: str = ""


class Answerer(Protocol):
    """Who answers.

    Attributes:
        group: How many questions are asked at once.
        card: All that the answers depend on: model, revision, frames, crop recipe …; JSON.
    """

    group: int

    @property
    def card(self) -> Mapping[str, Any]: ...

    def answer(self, questions: Sequence[Question]) -> Sequence[str | Told | FacevlmError]:
        """An answer to each question, or why there is none.

        Raises:
            FacevlmError: Nothing can be asked any more: the budget is spent, an endpoint cannot be reached.
        """
        ...


@dataclass(frozen=True)
class Answers:
    """What was answered.

    Attributes:
        texts: id -> answer, for each question in order; None where there is none.
        failures: id -> why there is none.
        notes: id -> what must be known of how an answer came about.
        answerer: The card of who answered.
    """

    texts: dict[str, str | None]
    failures: dict[str, str] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)
    answerer: dict[str, Any] = field(default_factory=dict)


def collect(
    questions: Sequence[Question],
    answerer: Answerer,
    place: str | Path,
    *,
    on_progress: Callable[[int], None] = lambda done: None,
) -> Answers:
    """Answers to questions, those that are kept and new ones.

    Args:
        questions: With different ids.
        answerer: Who answers what is not kept.
        place: File of the answers; its folder must exist.
        on_progress: Called with the number of questions that were dealt with since the last call.

    Raises:
        UsageError: The file holds the answers of another model, or to other questions.
        InputError: It is no file of answers.
        OutputError: It cannot be written.
        FacevlmError: As `Answerer.answer`.
    """
    place = Path(place)
    header = json.loads(json.dumps({"schema": SCHEMA, "answerer": dict(answerer.card)}))
    kept = _kept(place, header, {question.id: question.key for question in questions})
    failures: dict[str, str] = {}
    _write(place, header, questions, kept)  # without what a killed run left half written
    for start in range(0, len(questions), answerer.group):
        group = questions[start : start + answerer.group]
        if any(question.id not in kept for question in group):
            found = dict(zip(group, answerer.answer(group), strict=True))
            failures |= {question.id: str(why) for question, why in found.items() if isinstance(why, FacevlmError)}
            told = {question: _told(said) for question, said in found.items() if not isinstance(said, FacevlmError)}
            kept |= {question.id: answer for question, answer in told.items()}
            _append(place, "".join(_line(question, answer) for question, answer in told.items()))
        on_progress(len(group))
    _write(place, header, questions, kept)
    answers = {question.id: kept.get(question.id) for question in questions}
    return Answers(
        texts={name: answer.text if answer else None for name, answer in answers.items()},
        failures={name: why for name, why in failures.items() if answers[name] is None},
        notes={name: answer.note for name, answer in answers.items() if answer and answer.note},
        answerer=header["answerer"],
    )


def ask_for(prompt: tuple[str, str], id: str, *footage: Footage, examples: Sequence[Example] = ()) -> Question:
    """A question from the system and user message of a filled prompt."""
    return Question(id, prompt[1], prompt[0], footage, tuple(examples))


def without_thoughts(answer: str) -> str:
    """What a model answered, without what it thought aloud in <think>, be that unfinished, or opened by its prompt."""
    return _THOUGHT.sub(" ", answer)


def _kept(place: Path, header: dict[str, Any], keys: Mapping[str, str]) -> dict[str, Told]:
    try:
        first, *lines = place.read_text(encoding="utf-8").split("\n")
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise InputError("cannot be read", where=place, mend="delete it, all is asked again") from error
    try:
        told = json.loads(first)
        if told["schema"] != SCHEMA:
            raise ValueError
    except (ValueError, KeyError, TypeError) as error:
        raise InputError("holds no answers", where=place, mend="delete it, all is asked again") from error
    if told != header:
        differ = [key for key in header["answerer"] if told["answerer"].get(key) != header["answerer"][key]]
        what = f"holds the answers of another model: its {differ[0] if differ else 'card'} differs"
        raise UsageError(what, where=place, mend="choose another folder")
    found = {}
    for line in lines:
        try:
            row = json.loads(line)
        except ValueError:  # the last line of a run that was killed
            continue
        if keys.get(row["id"]) == row["question"]:
            found[row["id"]] = Told(row["text"], row.get("note", ""))
        elif row["id"] in keys:
            what = f"holds the answer to another question about {row['id']}"
            raise UsageError(what, where=place, mend="choose another folder")
    return found


def _write(place: Path, header: dict[str, Any], questions: Sequence[Question], kept: Mapping[str, Told]) -> None:
    lines = [_line(question, kept[question.id]) for question in questions if question.id in kept]
    write_text(json.dumps(header, ensure_ascii=False) + "\n" + "".join(lines), place)


def _append(place: Path, lines: str) -> None:
    try:
        with place.open("a", encoding="utf-8") as file:
            file.write(lines)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise OutputError(f"cannot be written: {(error.strerror or str(error)).lower()}", where=place) from error


def _told(said: str | Told) -> Told:
    answer = Told(said) if isinstance(said, str) else said
    return Told(without_surrogates(answer.text), answer.note)


def _line(question: Question, answer: Told) -> str:
    row = {"id": question.id, "question": question.key, "text": answer.text}
    return json.dumps(row | ({"note": answer.note} if answer.note else {}), ensure_ascii=False) + "\n"
