"""Prompts about several clips, or about words alone: where clips stand, for which question each is read, answers."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="models need the extra facevlm[models]")

from facevlm.errors import InputError  # noqa: E402
from facevlm.models.generation import generate_answer, see, states_of  # noqa: E402
from facevlm.models.model_clip import ModelClip  # noqa: E402
from facevlm.models.tiny_models import tiny_model  # noqa: E402

MODELS = ["tiny-favchat", "tiny-favchat-v2", "tiny-facetrack-mm"]
CLIP = {"type": "video"}


def says(text, *parts):
    return {"role": "user", "content": [*parts, {"type": "text", "text": text}]}


def answers(text):
    return {"role": "assistant", "content": text}


PAIR = [says("The same?", CLIP, CLIP)]
EXAMPLE = [says("What now?", CLIP), answers("A smile."), says("And here?", CLIP)]
WORDS = [{"role": "user", "content": "Why?"}]


@pytest.fixture(scope="module")
def made():
    cache = {}

    def get(name):
        if name not in cache:
            model, processor = tiny_model(name)
            cache[name] = model.eval(), processor, [see(model, processor, clip(seed)) for seed in range(2)]
        return cache[name]

    return get


def clip(seed=0):
    generator = np.random.default_rng(seed)
    frames = list(generator.integers(0, 256, (8, 224, 224, 3), dtype=np.uint8))
    return ModelClip(frames, [seed + 0.25 * k for k in range(8)], [frames[::-1]])


def prompts(name, made, talk, *clips):
    _, processor, seen = made(name)
    inputs = processor.prompts([seen[k].clip for k in clips], talk)
    text = processor.tokenizer.decode(inputs["input_ids"][0])
    return inputs, text.replace("> ", ">")  # a blank behind each mark, of which some are the tokenizer's


def shortened(text, *marks):
    """A prompt with one placeholder for each clip."""
    for mark in marks:
        while mark * 2 in text:
            text = text.replace(mark * 2, mark)
    return text


def test_clips_have_turns_of_their_own_in_favchats_format(made):
    shown = "[INST] <Video><|video|></Video>The video contains 8 frames sampled at {} seconds. [/INST]"
    first, second = (shown.format(", ".join(f"{t:.1f}" for t in clip(seed).times)) for seed in range(2))
    _, text = prompts("tiny-favchat", made, PAIR, 0, 1)
    assert shortened(text, "<|video|>") == f"<s>{first} {second} [INST] The same? [/INST]"
    _, text = prompts("tiny-favchat", made, EXAMPLE, 1, 0)
    asked = f"<s>{second} [INST] What now? [/INST] A smile. </s> {first} [INST] And here? [/INST]"
    assert shortened(text, "<|video|>") == asked
    _, text = prompts("tiny-favchat", made, WORDS)
    assert text == "<s>[INST] Why? [/INST]"


def test_clips_and_their_faces_are_lines_in_facetrack_mms_format(made):
    lines = "<|video|>\n<|face|>\n"
    for talk, told in (
        (PAIR, f"<s>[INST] {lines}{lines}The same? [/INST]"),
        (EXAMPLE, f"<s>[INST] {lines}What now? [/INST]A smile.</s>[INST] {lines}And here? [/INST]"),
    ):
        assert shortened(prompts("tiny-facetrack-mm", made, talk, 0, 1)[1], "<|video|>", "<|face|>") == told
    assert prompts("tiny-facetrack-mm", made, WORDS)[1] == "<s>[INST] Why? [/INST]"


QUESTIONS = {  # talk -> for which question each clip is read
    "a pair": (PAIR, ["the same?", "the same?"]),
    "an example": (EXAMPLE, ["what now?", "and here?"]),
    "two questions about each": (
        [*EXAMPLE[:2], says("Sure?"), answers("Yes."), says("Here?", CLIP), answers("No."), says("No?")],
        ["sure?", "no?"],
    ),
    "words first": ([says("Hi."), answers("Hi."), says("Both?", CLIP, CLIP)], ["both?", "both?"]),
    "no places": ([*WORDS, answers("So."), says("How?")], ["how?", "how?"]),
}


@pytest.mark.parametrize("situation", QUESTIONS)
def test_a_clip_is_read_for_the_last_question_before_the_next(situation, made):
    talk, wanted = QUESTIONS[situation]
    inputs, _ = prompts("tiny-favchat", made, talk, 0, 1)
    decode = made("tiny-favchat")[1].qformer_tokenizer.decode
    ids, mask = inputs["instruction"], inputs["instruction_mask"]
    assert ids.shape[:2] == (1, 2)
    read = [decode(row[keep.bool()]) for row, keep in zip(ids[0], mask[0], strict=True)]
    assert read == [f"[CLS] {question} [SEP]" for question in wanted]
    inputs, _ = prompts("tiny-favchat-v2", made, talk, 0, 1)
    assert inputs["question"].shape[:2] == inputs["question_mask"].shape[:2] == (1, 2)


def logits(model, processor, seen, talk):
    with torch.inference_mode():
        return model(**processor.prompts([one.clip for one in seen], talk), **states_of(model, seen)).logits[0, -1]


@pytest.mark.parametrize("talk", [PAIR, EXAMPLE], ids=["pair", "example"])
@pytest.mark.parametrize("name", MODELS)
def test_each_clip_changes_the_answer_in_its_place(name, talk, made):
    model, processor, (one, two) = made(name)
    found = [logits(model, processor, pair, talk) for pair in ((one, two), (two, one), (one, one), (two, two))]
    for k, first in enumerate(found):
        for second in found[:k]:
            assert (first - second).abs().max() > 1e-5


@pytest.mark.parametrize("name", MODELS)
def test_prompts_of_several_clips_share_a_batch(name, made):
    model, processor, (one, two) = made(name)
    pairs = [(one, two), (two, one)]
    inputs = processor.prompts(
        [[s.clip for s in pair] for pair in pairs], [PAIR, [says("Or not the same?", CLIP, CLIP)]]
    )
    states = [states_of(model, pair) for pair in pairs]
    joined = {name: torch.cat([one[name] for one in states]) for name in states[0]}
    with torch.inference_mode():
        together = model(**inputs, **joined)
    assert torch.allclose(together.logits[0, -1], logits(model, processor, pairs[0], PAIR), atol=1e-4)
    if together.gate_weights is not None:
        assert together.gate_weights.shape[:2] == (2, 2)


@pytest.mark.parametrize("name", MODELS)
def test_beams_keep_the_clips_of_a_prompt_together(name, made):
    model, processor, seen = made(name)
    inputs = processor.prompts([one.clip for one in seen], PAIR)
    out = model.generate(**inputs, **states_of(model, seen), num_beams=2, max_new_tokens=4, do_sample=False)
    doubled = {key: value.repeat_interleave(2, 0) for key, value in {**inputs, **states_of(model, seen)}.items()}
    with torch.inference_mode():
        assert torch.allclose(*model(**doubled).logits[:, -1], atol=1e-5)
    assert out.shape[0] == 1


@pytest.mark.parametrize("name", MODELS)
def test_words_alone_are_the_language_models_to_answer(name, made):
    model, processor, _ = made(name)
    made_of_words = generate_answer(model, processor, [], WORDS, max_new_tokens=5)
    inputs = processor.prompts([], WORDS)
    assert inputs.keys() == {"input_ids", "attention_mask"}
    ids = model.language_model.generate(
        **inputs, max_new_tokens=5, do_sample=False, eos_token_id=processor.tokenizer.eos_token_id, pad_token_id=0
    )
    own = processor.tokenizer.decode(ids[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True).strip()
    assert made_of_words.text == own and own


@pytest.mark.parametrize("name", MODELS)
def test_one_clip_may_be_given_alone_or_in_a_list(name, made):
    model, processor, (one, _) = made(name)
    asked = [generate_answer(model, processor, given, WORDS, max_new_tokens=4) for given in (one, [one])]
    assert asked[0] == asked[1]


REFUSED = {
    "fewer clips than places": (lambda p, one: p.prompts([one], PAIR), "places for 2 clips, but is about 1"),
    "more clips than places": (lambda p, one: p.prompts([one] * 3, PAIR), "places for 2 clips, but is about 3"),
    "unequal numbers in a batch": (
        lambda p, one: p.prompts([[one], [one, one]], [WORDS, PAIR]),
        "2 conversations about 1, 2 clips",
    ),
    "a clip that the assistant shows": (
        lambda p, one: p.prompts(
            [one], [*WORDS, {"role": "assistant", "content": [CLIP, {"type": "text", "text": "See."}]}, *WORDS]
        ),
        "a message of the assistant shows a clip",
    ),
    "a clip behind words": (
        lambda p, one: p.prompts([one], [{"role": "user", "content": [{"type": "text", "text": "This:"}, CLIP]}]),
        "a message has parts text, video .clips .of type video. come first",
    ),
    "a picture": (
        lambda p, one: p.prompts([one], [says("This?", {"type": "image", "image": "a.png"})]),
        "a message has parts image, text",
    ),
    "pictures of several clips for one prompt": (lambda p, one: p([one, one], PAIR), "1 conversations about 2 clips"),
}


@pytest.mark.parametrize("situation", REFUSED)
def test_what_has_no_place_is_refused(situation, made):
    act, told = REFUSED[situation]
    _, processor, (one, _) = made("tiny-favchat")
    with pytest.raises(InputError, match=told):
        act(processor, one.clip)
