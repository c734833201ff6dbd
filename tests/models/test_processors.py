"""Processors: prompts with as many placeholders as features, masks of the assistant's words, one road for all uses."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch", reason="models need the extra facevlm[models]")

from transformers import (  # noqa: E402
    AutoModelForImageTextToText,
    AutoProcessor,
    AutoTokenizer,
    PreTrainedTokenizerFast,
)

from facevlm.errors import InputError, UsageError  # noqa: E402
from facevlm.models.clip_processor import add_placeholders  # noqa: E402
from facevlm.models.facetrack_mm_processor import FaceTrackMMProcessor  # noqa: E402
from facevlm.models.favchat_processor import FaVChatProcessor, FaVChatV2Processor  # noqa: E402
from facevlm.models.model_clip import ModelClip  # noqa: E402
from facevlm.models.preprocess import clip_pixels, face_pixels, umt_pixels  # noqa: E402
from facevlm.models.presets import TINY_TEXT  # noqa: E402
from facevlm.models.small_tokenizers import small_bert_tokenizer, small_llm_tokenizer  # noqa: E402
from facevlm.models.tiny_models import tiny_model, write_tiny  # noqa: E402

QWEN = {**{k: v for k, v in TINY_TEXT.items() if k != "sliding_window"}, "model_type": "qwen2"}
ASK = [{"role": "user", "content": "How do the brows move?"}]
TALK = [*ASK, {"role": "assistant", "content": "They rise."}]
LONGER = [*TALK, {"role": "user", "content": "And then?"}, {"role": "assistant", "content": "They fall, slowly."}]

VARIANTS = {  # preset, changes of its config, rows of a scene, rows of one face
    "favchat": ("tiny-favchat", {}, 8, 0),
    "favchat with crops": ("tiny-favchat", {"face_input": "crop"}, 8, 0),
    "favchat without_fe": ("tiny-favchat", {"variant": "without_fe"}, 8, 0),
    "favchat without_mg": ("tiny-favchat", {"variant": "without_mg"}, 8, 0),
    "favchat without_moe": ("tiny-favchat", {"variant": "without_moe"}, 8, 0),
    "favchat on qwen2": ("tiny-favchat", {"text_config": QWEN}, 8, 0),
    "favchat v2": ("tiny-favchat-v2", {}, 8, 0),
    "facetrack-mm": ("tiny-facetrack-mm", {}, 27, 4),
    "facetrack-mm without faces": ("tiny-facetrack-mm", {"face_encoder": "none"}, 27, 0),
    "facetrack-mm, faces through clip": ("tiny-facetrack-mm", {"face_encoder": "clip"}, 27, 4),
    "facetrack-mm, 4 tokens": (
        *("tiny-facetrack-mm", {"face_branch": {"hidden_width": 32, "tokens_per_frame": 4}}, 27, 16),
    ),
    "facetrack-mm v35": ("tiny-facetrack-mm", {"stc": {"version": "v35", "depth": 1}}, 8, 4),
}
WHOLE = ["favchat", "favchat v2", "facetrack-mm"]


@pytest.fixture(scope="module")
def made():
    cache = {}

    def get(name):
        if name not in cache:
            preset, changes, *_ = VARIANTS[name]
            cache[name] = tiny_model(preset, **changes)
        return cache[name]

    return get


def clip(frames=8, *, people=1, seed=0, height=60, width=80):
    generator = np.random.default_rng(seed)

    def pictures(*size):
        return [generator.integers(0, 256, (*size, 3), dtype=np.uint8) for _ in range(frames)]

    return ModelClip(
        pictures(height, width), [0.5 * k + 0.25 for k in range(frames)], [pictures(224, 224) for _ in range(people)]
    )


def same(one, two):
    return one.keys() == two.keys() and all(torch.equal(one[key], two[key]) for key in one)


@pytest.mark.parametrize("name", VARIANTS)
@pytest.mark.parametrize("people", [1, 3])
def test_placeholders_are_as_many_as_features(name, people, made):
    model, processor = made(name)
    _, _, scene, face = VARIANTS[name]
    inputs = processor(clip(people=people), ASK)
    ids = inputs["input_ids"]
    assert int((ids == model.config.video_token_id).sum()) == scene
    if face:
        assert int((ids == model.config.face_token_id).sum()) == people * face
    with torch.inference_mode():  # counts once more, and says if they differ
        assert model(**inputs).logits.shape[:2] == ids.shape


@pytest.mark.parametrize("name", VARIANTS)
def test_the_loss_is_on_the_assistants_words_alone(name, made):
    _, processor = made(name)
    inputs = processor([clip(), clip(people=2, seed=1)], [LONGER, TALK], labels=True)
    words = ["".join(processor.tokenizer.convert_ids_to_tokens(row[row != -100])) for row in inputs["labels"]]
    answer = "▁{}▁</s>" if name.startswith("favchat") else "{}</s>"  # the blank is the assistant's to say
    says = [answer.format(text) for text in ("They▁rise.", "They▁fall,▁slowly.")]
    assert [text.replace("<0x54>", "T") for text in words] == ["".join(says), says[0]]
    for ids, labels in zip(inputs["input_ids"], inputs["labels"], strict=True):
        assert torch.equal(ids[labels != -100], labels[labels != -100])


@settings(max_examples=40, deadline=None)
@given(st.text(min_size=1, max_size=40), st.text(min_size=1, max_size=40))
def test_any_words_are_masked_exactly(question, answer):
    question, answer = question.strip() or "?", answer.strip() or "."
    for preset in ("tiny-favchat", "tiny-facetrack-mm"):
        processor = _processor(preset)
        asked = [{"role": "user", "content": question}]
        shown = processor.shown(clip())
        before = processor.prompts(shown, asked)["input_ids"][0]
        whole = processor.prompts(shown, [*asked, {"role": "assistant", "content": answer}], labels=True)
        ids, labels = whole["input_ids"][0], whole["labels"][0]
        assert torch.equal(ids[: len(before)], before)  # training sees what asking sees
        assert (labels[: len(before)] == -100).all() and torch.equal(labels[len(before) :], ids[len(before) :])
        assert ids[-1] == processor.tokenizer.eos_token_id


_MADE = {}


def test_an_answer_never_shares_a_token_with_its_question():
    processor = _processor("tiny-facetrack-mm")
    assert "]." in processor.tokenizer.tokenize("a].")
    talk = [*ASK, {"role": "assistant", "content": ". No."}]
    inputs = processor(clip(), talk, labels=True)
    said = inputs["labels"][0][inputs["labels"][0] != -100]
    assert processor.tokenizer.convert_ids_to_tokens(said)[0] == "."
    assert torch.equal(inputs["input_ids"][:, : -len(said)], processor(clip(), ASK)["input_ids"])


def _processor(preset):
    return _MADE.setdefault(preset, tiny_model(preset)[1])


@pytest.mark.parametrize("name", WHOLE)
def test_the_second_question_begins_like_the_training_of_both(name, made):
    _, processor = made(name)
    asked, whole = processor(clip(), LONGER[:3]), processor(clip(), LONGER, labels=True)
    length = asked["input_ids"].shape[1]
    assert torch.equal(asked["input_ids"], whole["input_ids"][:, :length])
    assert all(torch.equal(asked[key], whole[key]) for key in ("video", "faces"))


@pytest.mark.parametrize("name", [*WHOLE, "favchat on qwen2"])
@pytest.mark.parametrize("side", ["left", "right"])
def test_a_batch_of_unequal_clips_equals_each_alone(name, side, made):
    model, processor = made(name)
    clips = [clip(), clip(300, people=3, seed=1, height=90, width=50), clip(1, people=2, seed=2)]
    talks = [LONGER, TALK, [{"role": "user", "content": "Why?"}, {"role": "assistant", "content": "No."}]]
    batch = processor(clips, talks, labels=True, padding_side=side)
    with torch.inference_mode():
        together = model(**batch).logits
        for number, (one, talk) in enumerate(zip(clips, talks, strict=True)):
            alone = processor(one, talk, labels=True)
            there = batch["attention_mask"][number].bool()
            assert torch.equal(batch["input_ids"][number][there], alone["input_ids"][0])
            assert torch.equal(batch["labels"][number][there], alone["labels"][0])
            assert (batch["labels"][number][~there] == -100).all()
            assert torch.allclose(together[number][there], model(**alone).logits[0], atol=1e-4)


@pytest.mark.parametrize("name", ["tiny-favchat", "tiny-favchat-v2", "tiny-facetrack-mm"])
def test_a_saved_folder_is_complete(name, tmp_path):
    write_tiny(tmp_path, name)
    files = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert {"config.json", "model.safetensors", "tokenizer.json", "chat_template.jinja"} <= files
    model, processor = tiny_model(name)
    loaded, again = AutoModelForImageTextToText.from_pretrained(tmp_path), AutoProcessor.from_pretrained(tmp_path)
    assert type(again) is type(processor) and again.to_dict() == processor.to_dict()
    assert same(processor([clip()], [LONGER], labels=True), again([clip()], [LONGER], labels=True))
    assert same(model.state_dict(), loaded.state_dict())
    inputs = again(clip(), ASK)
    assert torch.equal(model.generate(**inputs, max_new_tokens=4), loaded.generate(**inputs, max_new_tokens=4))
    assert AutoTokenizer.from_pretrained(tmp_path).chat_template == processor.chat_template


def test_settings_of_a_saved_processor_can_be_changed(tmp_path):
    write_tiny(tmp_path, "tiny-favchat")
    processor = AutoProcessor.from_pretrained(tmp_path, frames=16, resize="torch")
    assert processor(clip(40), ASK)["video"].shape[2] == 16 and processor.resize == "torch"


FRAMES = {  # how many frames a clip has -> which of 8 (FaVChat) and of 4 (FaceTrack-MM) are shown
    1: ([0] * 8, [0] * 4),
    3: ([0, 1, 2, 2, 2, 2, 2, 2], [0, 1, 1, 2]),
    8: (list(range(8)), [1, 3, 4, 6]),
    300: ([18, 55, 93, 130, 168, 205, 242, 280], [37, 112, 187, 262]),
}


@pytest.mark.parametrize("count", FRAMES)
def test_any_number_of_frames_becomes_the_models(count):
    eight, four = FRAMES[count]
    times = [clip(count).times[k] for k in eight]
    assert _processor("tiny-favchat").shown(clip(count))[0].times == times
    inputs = _processor("tiny-favchat")(clip(count), ASK)
    said = ", ".join(f"{time:.1f}" for time in times)
    assert f"The video contains 8 frames sampled at {said} seconds." in _processor("tiny-favchat").tokenizer.decode(
        inputs["input_ids"][0]
    )
    assert _processor("tiny-facetrack-mm").choose_frames(count) == four


def test_the_facial_encoder_sees_frames_or_crops_as_the_config_says(made):
    one = clip()
    frames, crops = made("favchat")[1](one, ASK), made("favchat with crops")[1](one, ASK)
    assert np.array_equal(frames["faces"][0], face_pixels(one.frames))
    assert np.array_equal(crops["faces"][0], face_pixels(one.faces[0]))
    assert np.array_equal(frames["video"][0], umt_pixels(one.frames)) and torch.equal(frames["video"], crops["video"])
    assert "faces" not in made("favchat without_fe")[1](one, ASK)
    clipped = made("facetrack-mm, faces through clip")[1](clip(4), ASK)
    assert np.array_equal(clipped["faces"][0, 0], clip_pixels(clip(4).faces[0], side=56))


def test_random_faces_come_from_a_seed():
    processor = tiny_model("tiny-facetrack-mm", face_choice="random", face_encoder="clip")[1]
    one = clip(4, people=5)
    first, again, other = (processor.shown(one, seed=seed)[0].faces for seed in (1, 1, 2))
    assert len(first) == 1
    picks = [[next(p for p in range(5) if face[k] is one.faces[p][k]) for k in range(4)] for (face,) in (first, other)]
    assert np.array_equal(first, again) and picks[0] != picks[1] and len(set(picks[0] + picks[1])) > 1
    with pytest.raises(UsageError, match="give a seed"):
        processor(one, ASK)


def test_faces_that_fill_up_a_batch_are_marked():
    inputs = _processor("tiny-facetrack-mm")([clip(4), clip(4, people=3)], [ASK, ASK])
    assert inputs["face_mask"].tolist() == [[True, False, False], [True, True, True]]
    assert not inputs["faces"][0, 1:].any() and inputs["faces"][1].any()


def test_what_was_seen_answers_many_questions(made):
    for name in WHOLE:
        model, processor = made(name)
        shown = processor.shown(clip())
        pixels = processor.pixels(shown)
        with torch.inference_mode():
            states = model.see(pixels["video"], pixels["faces"])
            names = ("scene_states", "face_states") if name == "facetrack-mm" else ("general_states", "facial_states")
            for question in ("Why?", "How do the brows move?"):
                asked = [{"role": "user", "content": question}]
                seen = model(**processor.prompts(shown, asked), **dict(zip(names, states, strict=True))).logits
                assert torch.equal(seen, model(**processor(clip(), asked)).logits)


def test_the_qformer_reads_the_last_question_in_its_own_words():
    processor = _processor("tiny-favchat")
    asked = [{"role": "user", "content": "How do the brows and eyes move?"}]
    inputs = processor([clip(), clip()], [LONGER[:3], asked])
    words = processor.qformer_tokenizer.batch_decode(inputs["instruction"])
    assert words[1] == "[CLS] how do the brows and eyes move? [SEP]"
    assert words[0].startswith("[CLS] and then? [SEP] [PAD]")
    assert inputs["instruction_mask"][1].all() and not inputs["instruction_mask"][0].all()
    long = processor(clip(), [{"role": "user", "content": "q " * 90 + "end"}])["instruction"][0]
    assert len(long) == 64 and processor.qformer_tokenizer.decode(long).startswith("[CLS] q")
    assert processor.qformer_tokenizer.decode(long).endswith("end [SEP]")


def test_a_tokenizer_without_padding_pads_with_what_is_never_attended_to():
    tokenizer = small_llm_tokenizer(318)
    assert tokenizer.pad_token is None
    add_placeholders(tokenizer, FaceTrackMMProcessor.placeholders)
    inputs = FaceTrackMMProcessor(tokenizer, video_tokens=2, face_tokens=1, frames=4)([clip(4)] * 2, [ASK, LONGER[:3]])
    assert tokenizer.pad_token == "<unk>"
    assert (inputs["input_ids"][inputs["attention_mask"] == 0] == tokenizer.pad_token_id).all()


@pytest.mark.parametrize("preset", ["tiny-favchat-v2", "tiny-facetrack-mm"])
def test_a_tokenizer_of_another_kind_does_as_well(preset):
    """GPT's and Qwen's: BPE over bytes, no mark of the beginning, blanks belong to the words that follow."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    pieces = [*alphabet, "Th", "ey", "They", "ĠThey", "].", "].Ġ", "<|end|>"]
    merges = [("T", "h"), ("e", "y"), ("Th", "ey"), ("Ġ", "They"), ("]", "."), ("].", "Ġ")]
    backend = Tokenizer(models.BPE({piece: k for k, piece in enumerate(pieces)}, merges))
    backend.pre_tokenizer, backend.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, eos_token="<|end|>")
    kind = type(_processor(preset))
    add_placeholders(tokenizer, kind.placeholders)
    processor = kind(tokenizer, frames=4)
    for answer in ("They rise.", ". They fall.", "表"):
        shown, talk = processor.shown(clip(4)), [*ASK, {"role": "assistant", "content": answer}]
        before, whole = processor.prompts(shown, ASK)["input_ids"][0], processor.prompts(shown, talk, labels=True)
        assert torch.equal(whole["input_ids"][0][: len(before)], before)
        said = tokenizer.decode(whole["labels"][0][len(before) :])
        assert said == (f" {answer} <|end|>" if preset == "tiny-favchat-v2" else f"{answer}<|end|>")
        assert (whole["labels"][0][: len(before)] == -100).all()


def test_parts_of_messages_are_as_good_as_texts():
    processor = _processor("tiny-favchat")
    parts = [{"type": "video"}, {"type": "text", "text": "How do the brows move?"}]
    assert same(processor(clip(), ASK), processor(clip(), [{"role": "user", "content": parts}]))
    rendered = processor.apply_chat_template([{"role": "user", "content": parts}], add_generation_prompt=True)
    assert rendered == "<s>[INST] <Video><|video|></Video> [/INST] [INST] How do the brows move? [/INST]"


def test_what_helps_to_answer_is_not_what_the_qformer_reads():
    parts = [{"type": "text", "text": "The brows rise at 2.0 s."}, {"type": "text", "text": "And the eyes?"}]
    processor = _processor("tiny-favchat")
    inputs = processor(clip(), [{"role": "user", "content": parts}])
    assert processor.qformer_tokenizer.decode(inputs["instruction"][0]) == "[CLS] and the eyes? [SEP]"
    assert processor.tokenizer.decode(inputs["input_ids"][0]).endswith(
        "[INST] The brows rise at 2.0 s. And the eyes? [/INST]"
    )


def test_a_template_that_marks_no_answers_cannot_be_trained_on():
    processor = tiny_model("tiny")[1]
    processor.chat_template = "{{ messages[0].content }}"
    with pytest.raises(UsageError, match="does not mark what the assistant says"):
        processor(clip(), TALK, labels=True)


def test_a_template_that_writes_other_placeholders_is_told():
    processor = tiny_model("tiny")[1]
    processor.chat_template = "{{ '<|video|>' }}{{ messages[0].content[1].text }}"
    with pytest.raises(UsageError, match=r"writes 1 times <\|video\|> where 8 are needed .delete chat_template.jinja"):
        processor(clip(), ASK)


def test_the_system_speaks_first():
    processor = _processor("tiny-favchat")
    inputs = processor(clip(), [{"role": "system", "content": "Watch the face."}, *ASK])
    assert processor.tokenizer.decode(inputs["input_ids"][0]).startswith("<s> Watch the face. [INST] <Video><|video|>")


@pytest.mark.parametrize("make, side", [(face_pixels, 224), (clip_pixels, 336), (umt_pixels, 224)])
@pytest.mark.parametrize("height, width", [(480, 640), (640, 480), (224, 224), (120, 100), (1080, 1920)])
def test_the_fast_pixels_are_nearly_the_exact_ones(make, side, height, width):
    from facevlm.models.preprocess import torch_bicubic

    rows, columns = np.mgrid[0:height, 0:width]
    waves = [127 + 127 * np.sin(rows / p) * np.cos(columns / (p + 2)) for p in (9, 17, 40)]
    picture = np.stack(waves, -1).astype(np.uint8)
    exact, fast = make([picture], side=side), make([picture], side=side, resize=torch_bicubic)
    level = 1 / 255 / 0.224  # one of 256 levels, after normalisation
    assert np.abs(exact - fast).max() < 8 * level and np.abs(exact - fast).mean() < 0.3 * level


BAD = {
    "no words": ([{"role": "user", "content": " "}], "has no words"),
    "nothing": ([{"role": "system", "content": "Watch."}], "with the user last, not system"),
    "the assistant has the last word": (TALK, "with the user last, not user, assistant"),
    "two questions": ([*ASK, *ASK], "must take turns"),
    "a placeholder": ([{"role": "user", "content": "What is <|video|>?"}], r"holds <\|video\|>, which stands for no"),
    "an end": ([{"role": "user", "content": "Say </s> now"}], "holds </s>"),
}


@pytest.mark.parametrize("situation", BAD)
@pytest.mark.parametrize("preset", ["tiny-favchat", "tiny-favchat-v2", "tiny-facetrack-mm"])
def test_bad_conversations_are_told(situation, preset):
    talk, says = BAD[situation]
    with pytest.raises(InputError, match=says):
        _processor(preset)(clip(), talk)


def with_placeholder(size=319):
    tokenizer = small_llm_tokenizer(size)
    add_placeholders(tokenizer, FaVChatProcessor.placeholders)
    return tokenizer


def without_end():
    tokenizer = with_placeholder()
    tokenizer.eos_token = None
    return tokenizer


REFUSED = {
    "a clip without frames": (lambda: ModelClip([], []), "no frame"),
    "times of other frames": (lambda: ModelClip(clip().frames, [0.0]), "1 times for 8 frames"),
    "crops of other frames": (lambda: ModelClip(clip().frames, clip().times, [clip(2).frames]), "2 crops of a face"),
    "two talks about one clip": (lambda: _processor("tiny")(clip(), [ASK, ASK]), "2 conversations about 1 clip"),
    "no clip": (lambda: _processor("tiny")([], []), "no clip"),
    "no face": (lambda: _processor("tiny-facetrack-mm")(clip(people=0), ASK), "clip 0 has no crops of a face"),
    "no face to crop": (
        lambda: tiny_model("tiny", face_input="crop")[1]([clip(), clip(people=0)], [ASK, ASK]),
        "clip 1 has no crops of a face",
    ),
    "a system where the format has none": (
        lambda: _processor("tiny-facetrack-mm")(clip(), [{"role": "system", "content": "Watch."}, *ASK]),
        "no system message",
    ),
    "no placeholder": (lambda: FaVChatV2Processor(small_llm_tokenizer(319)), r"has no <\|video\|>"),
    "no end": (lambda: FaVChatV2Processor(without_end()), "no token for the end"),
    "no frames": (lambda: FaVChatV2Processor(with_placeholder(), frames=0), "0 frames"),
    "no such resizing": (lambda: FaVChatV2Processor(with_placeholder(), resize="area"), "choose among pil, torch"),
    "no such face input": (lambda: FaVChatV2Processor(with_placeholder(), face_input="none"), "no face_input"),
    "another id": (
        lambda: FaVChatV2Processor.for_config(tiny_model("tiny-favchat-v2")[0].config, with_placeholder(310)),
        r"<\|video\|> is 310 in the tokenizer, but 319 in the config",
    ),
    "a tiny model that is none": (lambda: tiny_model("tiny-gpt"), "choose among tiny, "),
    "a q-former of fewer words": (
        lambda: tiny_model("tiny", qformer={"width": 24, "layers": 2, "heads": 4, "vocabulary": 100}),
        "123 tokens, but the Q-Former knows 100",
    ),
}


@pytest.mark.parametrize("situation", REFUSED)
def test_what_does_not_fit_is_refused(situation):
    act, says = REFUSED[situation]
    with pytest.raises(InputError, match=says):
        act()


def test_the_small_tokenizers_lose_no_text():
    llm, bert = small_llm_tokenizer(319), small_bert_tokenizer()
    for text in ("How do the brows move?", "Ünïcode 表情 🙂", "a  b\nc"):
        assert llm.decode(llm(text)["input_ids"]) == text
    assert bert.decode(bert("How do the Brows move?")["input_ids"]) == "[CLS] how do the brows move? [SEP]"
    assert bert.bos_token == "[DEC]" and len(llm) == 319
