"""What the processors of all models share: clips and conversations in, tensors out, a placeholder for each token seen.

The prompt's format is a chat template of transformers, which writes the placeholders too; the same template marks the
assistant's words, which are all that is learned. Asking and training make their prompts here, so they cannot differ.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import torch
from jinja2 import TemplateError
from torch import Tensor
from transformers import BatchFeature, PreTrainedTokenizerBase, ProcessorMixin
from transformers.utils.chat_template_utils import render_jinja_template

from facevlm.errors import InputError, UsageError
from facevlm.models.language_side import IGNORED_LABEL
from facevlm.models.model_clip import ModelClip
from facevlm.models.preprocess import RESIZERS, Resizer

Conversation = Sequence[dict[str, Any]]  # [{"role": "user", "content": "How do the brows move?"}, …]
Side = Literal["left", "right"]

VIDEO_TOKEN, FACE_TOKEN = "<|video|>", "<|face|>"
TEMPLATES = Path(__file__).with_name("chat_templates")


class ClipProcessor(ProcessorMixin):
    """Base of the processors.

    A conversation is a list of messages: perhaps one of the system, then user and assistant in turn. The content is a
    text, or a list of parts: {"type": "text", "text": ...}, and before it, in the user's messages, {"type": "video"},
    the place of a clip. Where no message has one, all clips belong to the first question.
    """

    placeholders: tuple[str, ...] = ()
    template = ""  # name of the file of the format's chat template
    tokenizer: Any
    frames: int
    resize: str

    def _adopt(self, chat_template: str | None) -> None:
        """Settle what all processors need of their tokenizer, once it is there."""
        if self.frames < 1:
            raise UsageError(f"a clip of {self.frames} frames is none", where="frames")
        if self.resize not in RESIZERS:
            raise UsageError(f"no resizing {self.resize!r}", mend=f"choose among {', '.join(RESIZERS)}")
        tokenizer = self.tokenizer
        if missing := [token for token in self.placeholders if token not in tokenizer.get_added_vocab()]:
            mend = "add them with facevlm.models.clip_processor.add_placeholders"
            raise UsageError(f"the tokenizer has no {' and no '.join(missing)}", where="tokenizer", mend=mend)
        if tokenizer.eos_token is None:
            raise UsageError("the tokenizer has no token for the end of an answer", where="tokenizer.eos_token")
        if tokenizer.pad_token is None:
            tokenizer.pad_token = tokenizer.unk_token or tokenizer.eos_token  # never attended to
        self.chat_template = chat_template or (TEMPLATES / f"{self.template}.jinja").read_text(encoding="utf-8")
        tokenizer.chat_template = self.chat_template

    def __call__(
        self,
        clips: ModelClip | Sequence[ModelClip],
        conversations: Conversation | Sequence[Conversation],
        *,
        labels: bool = False,
        padding_side: Side = "left",
        seed: int | None = None,
    ) -> BatchFeature:
        """Everything that a model takes.

        Args:
            clips: One clip for each conversation, with any number of frames: `frames` of them are chosen.
            conversations: One, or several; the last word is the user's, with `labels` the assistant's.
            labels: Give labels too, to train on: of the assistant's words and the ends of its answers only.
            padding_side: Where shorter prompts are filled up.
            seed: Of random choices, where the processor has any.

        Returns:
            Inputs of the model's `forward`, batch first.

        Raises:
            InputError: A conversation is not as it must be, or a clip has no face where one is needed.
            UsageError: A seed is missing.
        """
        shown = self.shown(clips, seed=seed)
        talks = [conversations] if _is_one(conversations) else conversations
        if len(talks) != len(shown):
            raise InputError(f"{len(talks)} conversations about {len(shown)} clips")
        prompts = self.prompts(shown, conversations, labels=labels, padding_side=padding_side)
        return BatchFeature({**prompts, **self.pixels(shown)})

    @property
    def faces_shown(self) -> Literal["none", "main", "all"]:
        """Whose crops the clips must bring: nobody's, the main character's, or everybody's."""
        return "none"

    def shown(self, clips: ModelClip | Sequence[ModelClip], *, seed: int | None = None) -> list[ModelClip]:
        """The clips as the model sees them: with exactly its number of frames, and the faces that it is shown."""
        given = [clips] if isinstance(clips, ModelClip) else list(clips)
        if not given:
            raise InputError("no clip to prepare")
        return [clip.at(self.choose_frames(len(clip.frames))) for clip in given]

    def choose_frames(self, count: int) -> list[int]:
        """Which of `count` frames are shown, in order: `frames` numbers, all in turn where there are just so many."""
        raise NotImplementedError

    def pixels(self, shown: Sequence[ModelClip]) -> dict[str, Tensor]:
        """Pictures of clips from `shown`, as `model.see` takes them."""
        raise NotImplementedError

    def placeholder_counts(self, clip: ModelClip) -> dict[str, Any]:
        """What the chat template is told of a clip."""
        raise NotImplementedError

    def question_inputs(self, questions: Sequence[Sequence[str]]) -> dict[str, Tensor]:
        """What a model is given of questions besides their places in the prompt: of each prompt those of its clips."""
        return {}

    def prompts(
        self,
        shown: ModelClip | Sequence[ModelClip | Sequence[ModelClip]],
        conversations: Conversation | Sequence[Conversation],
        *,
        labels: bool = False,
        padding_side: Side = "left",
    ) -> dict[str, Tensor]:
        """Prompts about clips from `shown`, without their pictures: for questions about what was seen already.

        Args:
            shown: Of one conversation its clips, of several those of each: one, or any number, all the same; none for
                words alone.
            conversations, labels, padding_side: As above.

        Returns:
            "input_ids", "attention_mask", int64 (B, L); "labels" if asked for, -100 outside the assistant's words; and
            what the model is given of the questions.

        Raises:
            InputError: A conversation is not as it must be, or has places for more or fewer clips.
        """
        given: Any = [conversations] if _is_one(conversations) else conversations
        told: Any = [shown] if _is_one(conversations) else shown
        clips = [[some] if isinstance(some, ModelClip) else list(some) for some in told]
        if len(given) != len(clips) or len({len(some) for some in clips}) > 1:
            raise InputError(f"{len(given)} conversations about {', '.join(str(len(some)) for some in clips)} clips")
        talks = [self._placed(talk, some, answered=labels) for talk, some in zip(given, clips, strict=True)]
        rows = [self._tokens(talk, labels=labels) for talk in talks]
        fill: dict[str, int] = {"input_ids": self.tokenizer.pad_token_id, "attention_mask": 0, "labels": IGNORED_LABEL}
        batch = {name: padded([row[name] for row in rows], fill[name], padding_side) for name in rows[0]}
        questions = [questions_of_clips(talk) for talk in talks]
        return {**batch, **(self.question_inputs(questions) if questions[0] else {})}

    def _tokens(self, conversation: Conversation, *, labels: bool) -> dict[str, list[int]]:
        """The prompt's tokens: what the assistant says, and what stands between, each on its own, so that no token is
        half a question and half an answer.
        """
        try:
            rendered: Any = render_jinja_template(
                [list(conversation)],
                chat_template=str(self.chat_template),
                add_generation_prompt=not labels,
                return_assistant_tokens_mask=True,
                **self.tokenizer.special_tokens_map,
            )
            (text,), (spans,) = rendered
        except TemplateError as error:
            raise InputError(f"the conversation has no place in this prompt: {error}") from error
        if labels and not spans:
            raise UsageError("the chat template does not mark what the assistant says", mend="use {% generation %}")
        ids: list[int] = []
        said: list[int] = []
        end = 0
        for start, stop in [*spans, (len(text), len(text))]:
            between = self.tokenizer(text[end:start], add_special_tokens=False)["input_ids"]
            answer = continued(self.tokenizer, text[start:stop])
            ids += [*between, *answer]
            said += [*[IGNORED_LABEL] * len(between), *answer]
            end = stop
        self._check_places(ids, conversation)
        row = {"input_ids": ids, "attention_mask": [1] * len(ids)}
        return {**row, "labels": said} if labels else row

    def _check_places(self, ids: Sequence[int], conversation: Conversation) -> None:
        """Make sure that the chat template wrote a placeholder for each token seen: older ones wrote them otherwise."""
        clips = [part for message in conversation for part in message["content"] if _is_clip(part)]
        for token, count in zip(self.placeholders, ("video_tokens", "face_tokens"), strict=False):
            wanted = sum(clip[count] for clip in clips)
            found = ids.count(self.tokenizer.convert_tokens_to_ids(token))
            if found != wanted:
                what = f"the chat template writes {found} times {token} where {wanted} are needed"
                mend = "delete chat_template.jinja from the model's folder: the right one comes with facevlm"
                raise UsageError(what, where="chat_template", mend=mend)

    def _placed(
        self, conversation: Conversation, clips: Sequence[ModelClip], *, answered: bool
    ) -> list[dict[str, Any]]:
        """The conversation in parts, and in those of type "video" what the chat template is told of each clip."""
        talk: list[dict[str, Any]] = [{"role": m.get("role"), "content": _parts(m)} for m in conversation]
        self._check(talk, answered=answered)
        users = [message for message in talk if message["role"] == "user"]
        if not any(_is_clip(part) for message in talk for part in message["content"]):
            users[0]["content"] = [{"type": "video"} for _ in clips] + users[0]["content"]
        places = [part for message in talk for part in message["content"] if _is_clip(part)]
        if len(places) != len(clips):
            raise InputError(f"the conversation has places for {len(places)} clips, but is about {len(clips)}")
        for place, clip in zip(places, clips, strict=True):
            place |= self.placeholder_counts(clip)
        return talk

    def _check(self, talk: Conversation, *, answered: bool) -> None:
        """Make sure that a conversation can be put to a model.

        Raises:
            InputError: The roles are not in turn, a message has no words, holds a token of the format, or shows a clip
                that is not the user's.
        """
        turns = talk[1:] if talk and talk[0]["role"] == "system" else talk
        last = "assistant" if answered else "user"
        wanted = [("user", "assistant")[k % 2] for k in range(len(turns))]
        roles = [message["role"] for message in turns]
        if not turns or roles != wanted or roles[-1] != last:
            got = ", ".join(str(message["role"]) for message in talk) or "nothing"
            raise InputError(f"user and assistant must take turns, with the {last} last, not {got}")
        marks = [token.content for token in self.tokenizer.added_tokens_decoder.values() if token.special]
        for message in talk:
            whose, words = f"a message of the {message['role']}", _words(message)
            if not words:
                raise InputError(f"{whose} has no words")
            if found := [mark for mark in marks if mark in words]:
                raise InputError(f"{whose} holds {found[0]}, which stands for no words")
            if message["role"] != "user" and any(_is_clip(part) for part in message["content"]):
                raise InputError(f"{whose} shows a clip", mend="put it into a message of the user")

    @property
    def _resizer(self) -> Resizer:
        return RESIZERS[self.resize]


def questions_of_clips(conversation: Conversation) -> list[str]:
    """For which question each clip of a conversation in parts is read: the last one before further clips are shown.

    Of a message of several texts that is the last, before which stands what helps to answer.
    """
    questions: list[str] = []
    asked = None
    for message in reversed([message for message in conversation if message["role"] == "user"]):
        asked = asked or [part["text"] for part in message["content"] if part["type"] == "text"][-1]
        if clips := sum(map(_is_clip, message["content"])):
            questions, asked = [asked] * clips + questions, None
    return questions


def _is_one(conversations: Conversation | Sequence[Conversation]) -> bool:
    return bool(conversations) and isinstance(conversations[0], dict)


def _is_clip(part: dict[str, Any]) -> bool:
    return part["type"] == "video"


def _parts(message: dict[str, Any]) -> list[dict[str, Any]]:
    """The clips and texts of a message, whose content may be one text."""
    content = message.get("content") or ""
    given = [{"type": "text", "text": content}] if isinstance(content, str) else content
    kinds = [part.get("type") for part in given]
    if kinds != ["video"] * kinds.count("video") + ["text"] * kinds.count("text"):
        what = f"a message has parts {', '.join(map(str, kinds))}"
        raise InputError(what, mend="clips (of type video) come first, then texts, and nothing else")
    texts = [str(part.get("text", "")).strip() for part in given if part["type"] == "text"]
    clips: list[dict[str, Any]] = [{"type": "video"} for _ in range(kinds.count("video"))]
    return clips + [{"type": "text", "text": text} for text in texts if text]


def _words(message: dict[str, Any]) -> str:
    return " ".join(part["text"] for part in message["content"] if part["type"] == "text")


def padded(rows: Sequence[Sequence[int]], fill: int, side: Side) -> Tensor:
    """Rows of unequal length as int64 (B, L)."""
    length = max(map(len, rows))
    gaps = [[fill] * (length - len(row)) for row in rows]
    pairs = zip(gaps, rows, strict=True)
    return torch.tensor([[*gap, *row] if side == "left" else [*row, *gap] for gap, row in pairs], dtype=torch.int64)


def continued(tokenizer: PreTrainedTokenizerBase, text: str) -> list[int]:
    """Tokens of a text that goes on after another: without the blank that some tokenizers put before a text."""
    if not text:
        return []
    after_a_break = tokenizer(f"\n{text}", add_special_tokens=False, return_offsets_mapping=True)
    pairs = zip(after_a_break["input_ids"], after_a_break["offset_mapping"], strict=True)
    kept = [(token, start) for token, (start, stop) in pairs if stop > 1]
    if any(start < 1 for _, start in kept):  # the break is part of a word
        return list(tokenizer(text, add_special_tokens=False)["input_ids"])
    return [token for token, _ in kept]


def add_placeholders(tokenizer: PreTrainedTokenizerBase, tokens: Sequence[str]) -> list[int]:
    """Give a tokenizer the placeholders of a processor, as tokens that no text is made of; their ids."""
    tokenizer.add_tokens(list(tokens), special_tokens=True)
    return [tokenizer.get_added_vocab()[token] for token in tokens]
