"""FaVChat and FaceTrack-MM as models of transformers: what changes an answer, what must not, saving, errors."""

import copy

import pytest

torch = pytest.importorskip("torch", reason="models need the extra facevlm[models]")

from safetensors.torch import load_file, save_file  # noqa: E402
from transformers import AutoConfig, AutoModelForImageTextToText  # noqa: E402

from facevlm.errors import InputError, UsageError  # noqa: E402
from facevlm.models.facetrack_mm import FaceTrackMMConfig, FaceTrackMMForConditionalGeneration  # noqa: E402
from facevlm.models.favchat import FaVChatConfig, FaVChatForConditionalGeneration  # noqa: E402
from facevlm.models.favchat_v2 import FaVChatV2Config, FaVChatV2ForConditionalGeneration  # noqa: E402
from facevlm.models.presets import FACETRACK_MM, FAVCHAT, FAVCHAT_V2, TINY_TEXT  # noqa: E402

FRAMES, PAD = 4, 0
QWEN = {**{k: v for k, v in TINY_TEXT.items() if k != "sliding_window"}, "model_type": "qwen2"}
GPT2 = {"model_type": "gpt2", "vocab_size": 320, "n_positions": 256, "n_embd": 32, "n_layer": 2, "n_head": 4}
LLAMA = {**{k: v for k, v in TINY_TEXT.items() if k != "sliding_window"}, "model_type": "llama"}


def favchat(**changes):
    torch.manual_seed(3)
    values = {**copy.deepcopy(FAVCHAT["tiny"]), **changes}
    return lively(FaVChatForConditionalGeneration(FaVChatConfig(**values)))


def favchat_v2(**changes):
    torch.manual_seed(3)
    values = {**copy.deepcopy(FAVCHAT_V2["tiny"]), **changes}
    return lively(FaVChatV2ForConditionalGeneration(FaVChatV2Config(**values)))


def facetrack(**changes):
    torch.manual_seed(3)
    values = {**copy.deepcopy(FACETRACK_MM["tiny"]), **changes}
    return lively(FaceTrackMMForConditionalGeneration(FaceTrackMMConfig(**values)))


def lively(model):
    """Weights large enough that every input shows in the logits."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.ndim > 1:
                fan = parameter.shape[1:].numel()
                parameter.normal_(std=0.5 if "token" in name or "embed" in name else fan**-0.5)
    return model.eval()


def favchat_inputs(model, batch=1, seed=0, words=4):
    generator = torch.Generator().manual_seed(seed)
    prompt = torch.randint(5, 300, (batch, words), generator=generator)
    place = torch.full((batch, 8), model.config.video_token_id)
    inputs = {"input_ids": torch.cat([prompt[:, :2], place, prompt[:, 2:]], dim=1)}
    inputs["attention_mask"] = torch.ones_like(inputs["input_ids"])
    inputs["video"] = torch.randn(batch, 3, FRAMES, 64, 64, generator=generator)
    if getattr(model.config, "variant", "full") != "without_fe":
        inputs["faces"] = torch.randn(batch, FRAMES, 3, 224, 224, generator=generator)
    asks = "question" if model.config.model_type == "favchat_v2" else "instruction"
    inputs[asks] = torch.randint(5, 300, (batch, 3), generator=generator)
    return inputs


def facetrack_inputs(model, batch=1, seed=0, words=4, people=1):
    generator = torch.Generator().manual_seed(seed)
    config = model.config
    people = people if config.face_encoder != "none" else 0
    prompt = torch.randint(5, 300, (batch, words), generator=generator)
    scene = torch.full((batch, config.scene_tokens()), config.video_token_id)
    face = torch.full((batch, people * config.face_tokens()), config.face_token_id)
    inputs = {"input_ids": torch.cat([prompt[:, :2], scene, face, prompt[:, 2:]], dim=1)}
    inputs["attention_mask"] = torch.ones_like(inputs["input_ids"])
    inputs["video"] = torch.randn(batch, FRAMES, 3, 56, 56, generator=generator)
    if people:
        side = 56 if config.face_encoder == "clip" else 224
        inputs["faces"] = torch.randn(batch, people, FRAMES, 3, side, side, generator=generator)
    return inputs


MODELS = {
    "favchat": (favchat, favchat_inputs, {}),
    "favchat without_fe": (favchat, favchat_inputs, {"variant": "without_fe"}),
    "favchat without_mg": (favchat, favchat_inputs, {"variant": "without_mg"}),
    "favchat without_moe": (favchat, favchat_inputs, {"variant": "without_moe"}),
    "favchat, literal chain, fused level": (
        favchat,
        favchat_inputs,
        {"fused_level": True, "granularity": {"width": 32, "heads": 1, "chain_block": "literal"}},
    ),
    "favchat, one q-former": (favchat, favchat_inputs, {"share_qformer": True}),
    "favchat, gate sees the prompt": (favchat, favchat_inputs, {"moe": {"gate_width": 8, "prompt_width": 32}}),
    "favchat on qwen2": (favchat, favchat_inputs, {"text_config": QWEN}),
    "favchat on gpt2, which learned its places": (favchat, favchat_inputs, {"text_config": GPT2}),
    "favchat v2": (favchat_v2, favchat_inputs, {}),
    "facetrack-mm": (facetrack, facetrack_inputs, {}),
    "facetrack-mm without faces": (facetrack, facetrack_inputs, {"face_encoder": "none"}),
    "facetrack-mm, faces through clip": (facetrack, facetrack_inputs, {"face_encoder": "clip"}),
    "facetrack-mm, fused, 4 tokens": (
        facetrack,
        facetrack_inputs,
        {"face_branch": {"hidden_width": 32, "feature": "fused", "tokens_per_frame": 4}},
    ),
    "facetrack-mm v35 on llama": (facetrack, facetrack_inputs, {"stc": {"version": "v35"}, "text_config": LLAMA}),
}
WHOLE = ["favchat", "favchat v2", "facetrack-mm"]


@pytest.fixture(scope="module")
def built():
    models = {}

    def get(name):
        if name not in models:
            build, inputs, changes = MODELS[name]
            models[name] = (build(**changes), inputs)
        return models[name]

    return get


def logits(model, inputs):
    with torch.inference_mode():
        return model(**inputs).logits[:, -1]


@pytest.mark.parametrize("name", MODELS)
def test_every_input_changes_the_answer(name, built):
    model, make = built(name)
    inputs, other = make(model), make(model, seed=1)
    before = logits(model, inputs)
    for key in ("video", "faces", "instruction", "question"):
        if key in inputs:
            assert (logits(model, {**inputs, key: other[key]}) - before).abs().max() > 1e-4, key
    time = 2 if name.startswith("favchat") else 1
    assert (logits(model, {**inputs, "video": inputs["video"].flip(time)}) - before).abs().max() > 1e-4
    if "faces" in inputs:
        backwards = inputs["faces"].flip(1 if name.startswith("favchat") else 2)
        changed = (logits(model, {**inputs, "faces": backwards}) - before).abs().max()
        assert changed > 1e-5 or name == "favchat without_mg"  # which has no place for time in its facial branch


@pytest.mark.parametrize("name", MODELS)
def test_gradient_reaches_every_part_that_should_learn(name):
    build, make, changes = MODELS[name]
    model = build(**changes)
    inputs = make(model)
    labels = inputs["input_ids"].clone()
    labels[:, :-2] = -100
    model(**inputs, labels=labels).loss.backward()
    idle = {n for n, p in model.named_parameters() if p.grad is None or p.grad.abs().max() == 0}
    # heads of FaceXFormer and what lies behind a tap are there for analysis, and the last text layer leads nowhere
    known = ("facexformer.face_decoder", "facexformer.linear", "facexformer.backbone.layernorm", "clip.vision_model")
    known += ("key.bias", "k_proj.bias", "layer.1.intermediate.", "layer.1.output.", "word_embeddings")
    assert not {n for n in idle if not any(part in n for part in known)}
    learning = {n.split(".")[0] for n, p in model.named_parameters() if n not in idle}
    assert learning == {n.split(".")[0] for n, _ in model.named_parameters()}


@pytest.mark.parametrize("name", MODELS)
def test_cached_generation_equals_uncached_and_greedy_by_hand(name, built):
    model, make = built(name)
    inputs = make(model)
    settings = {"max_new_tokens": 5, "do_sample": False, "pad_token_id": PAD, "eos_token_id": 317}
    cached = model.generate(**inputs, **settings)
    assert torch.equal(cached, model.generate(**inputs, **settings, use_cache=False))
    ids = inputs["input_ids"]
    for _ in range(cached.shape[1] - ids.shape[1]):
        given = {**inputs, "input_ids": ids, "attention_mask": torch.ones_like(ids)}
        ids = torch.cat([ids, logits(model, given).argmax(-1, keepdim=True)], dim=1)
    assert torch.equal(cached, ids)


@pytest.mark.parametrize("name", WHOLE)
def test_beams_and_several_answers(name, built):
    model, make = built(name)
    out = model.generate(**make(model), max_new_tokens=4, num_beams=3, num_return_sequences=2, pad_token_id=PAD)
    assert out.shape[0] == 2


def padded(one, two, side):
    """Two samples of unequal prompts as a batch."""
    length = max(one["input_ids"].shape[1], two["input_ids"].shape[1])
    batch = {key: torch.cat([one[key], two[key]]) for key in one if key not in ("input_ids", "attention_mask")}
    for key in ("input_ids", "attention_mask"):
        rows = []
        for sample in (one, two):
            fill = torch.zeros(1, length - sample[key].shape[1], dtype=torch.long)
            rows.append(torch.cat([fill, sample[key]] if side == "left" else [sample[key], fill], dim=1))
        batch[key] = torch.cat(rows)
    return batch


@pytest.mark.parametrize("name", [*WHOLE, "favchat, gate sees the prompt", "favchat on gpt2, which learned its places"])
@pytest.mark.parametrize("side", ["left", "right"])
def test_batch_equals_single_whatever_the_padding(name, side, built):
    model, make = built(name)
    one, two = make(model, words=4), make(model, seed=1, words=9)
    batch = padded(one, two, side)
    with torch.inference_mode():
        together = model(**batch).logits
        for row, sample in enumerate((one, two)):
            alone = model(**sample).logits[0]
            assert torch.allclose(together[row][batch["attention_mask"][row].bool()], alone, atol=1e-4)
    if side == "left":
        settings = {"max_new_tokens": 4, "do_sample": False, "pad_token_id": PAD, "eos_token_id": 317}
        answers = model.generate(**batch, **settings)[:, batch["input_ids"].shape[1] :]
        for row, sample in enumerate((one, two)):
            alone = model.generate(**sample, **settings)[0, sample["input_ids"].shape[1] :]
            assert torch.equal(answers[row, : len(alone)], alone)


def test_clips_with_unequal_numbers_of_faces_share_a_batch(built):
    model, make = built("facetrack-mm")
    one, two = make(model, people=1), make(model, seed=1, people=2)
    filled = {**one, "faces": torch.cat([one["faces"], torch.randn_like(one["faces"])], dim=1)}
    batch = {**padded(filled, two, "left"), "face_mask": torch.tensor([[True, False], [True, True]])}
    together = logits(model, batch)
    assert torch.allclose(together[0], logits(model, one)[0], atol=1e-4)
    assert torch.allclose(together[1], logits(model, two)[0], atol=1e-4)


@pytest.mark.parametrize("name", MODELS)
def test_a_clip_is_seen_once_for_many_questions(name, built):
    model, make = built(name)
    inputs = make(model)
    with torch.inference_mode():
        first, second = model.see(inputs["video"], inputs.get("faces"))
    names = ("general_states", "facial_states") if name.startswith("favchat") else ("scene_states", "face_states")
    kept = {key: value for key, value in inputs.items() if key not in ("video", "faces")}
    again = logits(model, {**kept, **dict(zip(names, (first, second), strict=True))})
    assert torch.equal(again, logits(model, inputs))


@pytest.mark.parametrize("name", MODELS)
def test_saving_and_loading_is_bit_equal(name, built, tmp_path):
    model, make = built(name)
    model.save_pretrained(tmp_path)
    assert (tmp_path / "model.safetensors").is_file()
    again = AutoModelForImageTextToText.from_pretrained(tmp_path).eval()
    assert type(again) is type(model) and type(AutoConfig.from_pretrained(tmp_path)) is type(model.config)
    assert again.config.boxes() == model.config.boxes()
    ours, theirs = model.state_dict(), again.state_dict()
    assert ours.keys() == theirs.keys() and all(torch.equal(ours[key], theirs[key]) for key in ours)
    assert torch.allclose(logits(again, make(model)), logits(model, make(model)), atol=1e-5)  # memory is aligned anew


@pytest.mark.parametrize("name", WHOLE)
def test_a_device_map_never_splits_a_box_or_a_layer(name, built):
    accelerate = pytest.importorskip("accelerate")
    model, _ = built(name)
    size = 4 * sum(parameter.numel() for parameter in model.parameters())
    whole = list(model._no_split_modules)
    assert "MistralDecoderLayer" in whole
    places = accelerate.infer_auto_device_map(
        model, max_memory={"cpu": size, "disk": 9 * size}, no_split_module_classes=whole
    )
    assert {"cpu", "disk"} <= set(places.values())
    boxes = {n for n, module in model.named_modules() if type(module).__name__ in whole}
    assert boxes and not {place for place in places if any(place.startswith(f"{box}.") for box in boxes)}


@pytest.mark.parametrize("name", WHOLE)
def test_a_model_partly_on_disk_answers_the_same(name, built, tmp_path):
    pytest.importorskip("accelerate")
    model, make = built(name)
    inputs = make(model)
    model.save_pretrained(tmp_path / "model")
    size = 4 * sum(parameter.numel() for parameter in model.parameters())
    again = type(model).from_pretrained(
        tmp_path / "model",
        device_map="auto",
        max_memory={"cpu": int(0.7 * size)},
        offload_folder=tmp_path / "offloaded",
    )
    assert "disk" in again.hf_device_map.values()
    assert torch.allclose(logits(again, inputs), logits(model, inputs), atol=1e-5)
    settings = {"max_new_tokens": 3, "do_sample": False, "pad_token_id": PAD}
    assert torch.equal(again.generate(**inputs, **settings), model.generate(**inputs, **settings))


def test_a_fresh_model_begins_as_the_papers_say(tmp_path):
    """Gate at one half each, extra queries at zero; also where a checkpoint does not hold them."""
    model = FaVChatForConditionalGeneration(FaVChatConfig(**copy.deepcopy(FAVCHAT["tiny"])))
    model.save_pretrained(tmp_path)
    held = {k: v for k, v in load_file(tmp_path / "model.safetensors").items() if "moe" not in k and "extra" not in k}
    save_file(held, tmp_path / "model.safetensors", metadata={"format": "pt"})
    for fresh in (model, type(model).from_pretrained(tmp_path)):
        assert torch.equal(fresh(**favchat_inputs(fresh)).gate_weights, torch.full((1, 2), 0.5))
        queries = fresh.facial_qformer
        assert not queries.extra_query_tokens.any() and 0.01 < queries.query_tokens.std() < 0.03
        assert fresh.facexformer.pe_layer.positional_encoding_gaussian_matrix.std() > 0.5
        assert torch.equal(fresh.facexformer.face_decoder.output_upscaling[1].weight, torch.ones(8))


@pytest.mark.parametrize("name", WHOLE)
def test_tied_embeddings_stay_tied(name, tmp_path):
    build, make, _ = MODELS[name]
    model = build(text_config={**QWEN, "tie_word_embeddings": True})
    model.save_pretrained(tmp_path)
    again = type(model).from_pretrained(tmp_path).eval()
    assert again.get_input_embeddings().weight is again.get_output_embeddings().weight
    assert torch.allclose(logits(again, make(model)), logits(model, make(model)), atol=1e-5)  # memory is aligned anew


@pytest.mark.parametrize("name", WHOLE)
def test_half_precision_and_checkpointing(name, tmp_path):
    build, make, _ = MODELS[name]
    calm = {"qformer": {**FAVCHAT["tiny"]["qformer"], "dropout": 0.0}} if name == "favchat" else {}
    model = build(**calm)
    inputs = make(model)
    expected = logits(model, inputs)
    model.save_pretrained(tmp_path)
    half = type(model).from_pretrained(tmp_path, dtype=torch.bfloat16).eval()
    assert all(p.dtype == torch.bfloat16 for p in half.parameters())
    assert (logits(half, inputs).float() - expected).abs().max() < 0.5
    grads = []
    for checkpointing in (False, True):
        model.zero_grad()
        model.train()
        if checkpointing:
            model.activation_checkpointing_enable()
        model(**inputs, labels=inputs["input_ids"]).loss.backward()
        grads.append(model.get_input_embeddings().weight.grad.clone())
    assert model.is_activation_checkpointing and torch.allclose(*grads, atol=1e-5)


@pytest.mark.parametrize("name", WHOLE)
def test_lora_by_the_language_models_names(name):
    peft = pytest.importorskip("peft")
    build, make, _ = MODELS[name]
    model = build()
    config = peft.LoraConfig(r=2, target_modules=r"language_model\..*\.(q|v)_proj")
    adapted = peft.get_peft_model(model, config)
    names = {n for n, p in adapted.named_parameters() if p.requires_grad}
    assert len(names) == 2 * 2 * 2 and all("language_model" in n for n in names)
    adapted(**make(model), labels=make(model)["input_ids"]).loss.backward()
    assert all(p.grad is not None for n, p in adapted.named_parameters() if p.requires_grad)


LEVELS_HEARD = {  # model -> what of the facial encoder's features its answer depends on
    "favchat": {0, 1, 2, 3},
    "favchat on qwen2": {0, 1, 2, 3},
    "favchat without_mg": {3},
    "favchat without_moe": {0, 1, 2, 3},
    "favchat v2": {0, 1, 2, 3},
    "facetrack-mm": {"last"},
    "facetrack-mm, fused, 4 tokens": {0, 1, 2, 3},
}


@pytest.mark.parametrize("name", LEVELS_HEARD)
def test_each_facial_level_reaches_the_answer_where_it_should(name, built, monkeypatch):
    model, make = built(name)
    inputs = make(model)
    before, encode = logits(model, inputs), model.facexformer.encode
    heard = set()
    for level in (0, 1, 2, 3, "last"):

        def other(pixels, level=level):
            features = encode(pixels)
            taps = [torch.randn_like(tap) if k == level else tap for k, tap in enumerate(features.taps)]
            last = torch.randn_like(features.last) if level == "last" else features.last
            return type(features)(taps=tuple(taps), last=last, pooled=features.pooled)

        monkeypatch.setattr(model.facexformer, "encode", other)
        if (logits(model, inputs) - before).abs().max() > 1e-6:
            heard.add(level)
    assert heard == LEVELS_HEARD[name]


GATES = {  # model -> a parameter that moves weight from one branch to the other
    "favchat": "moe.gate.2.bias",
    "favchat, gate sees the prompt": "moe.gate.2.bias",
    "favchat without_moe": "moe.logits",
    "favchat v2": "encoder.facial_weight_adapter.score.bias",
}


@pytest.mark.parametrize("name", GATES)
def test_the_gate_reaches_the_answer(name, built):
    model, make = built(name)
    inputs, gate = make(model), model.get_parameter(GATES[name])
    kept = gate.detach().clone()
    with torch.inference_mode():
        before = model(**inputs)
        gate[-1] += 3
        after = model(**inputs)
        gate.copy_(kept)
    assert before.gate_weights.shape == (1, 2) and torch.allclose(before.gate_weights.sum(-1), torch.ones(1))
    assert after.gate_weights[0, 1] > before.gate_weights[0, 1] + 1e-2
    assert (after.logits[:, -1] - before.logits[:, -1]).abs().max() > 1e-4


def test_a_gate_that_sees_the_prompt_does_not_see_the_answer(built):
    model, make = built("favchat, gate sees the prompt")
    inputs = make(model, words=6)
    labels = inputs["input_ids"].clone()
    labels[:, :-2] = -100
    other = inputs["input_ids"].clone()
    other[:, -2:] = torch.tensor([[11, 12]])
    asked = inputs["input_ids"].clone()
    asked[:, 0] = 13
    with torch.inference_mode():
        weights = [model(**{**inputs, "input_ids": ids}, labels=labels).gate_weights for ids in
                   (inputs["input_ids"], other, asked)]  # fmt: skip
    assert torch.equal(weights[0], weights[1]) and not torch.equal(weights[0], weights[2])


@pytest.mark.parametrize("name", WHOLE)
def test_placeholders_are_never_asked_for(name, built):
    model, make = built(name)
    inputs = make(model)
    held = torch.isin(inputs["input_ids"], torch.tensor(model.config.placeholder_ids))
    with torch.inference_mode():
        asked = model(**inputs, labels=inputs["input_ids"]).loss
        without = model(**inputs, labels=inputs["input_ids"].masked_fill(held, -100)).loss
    assert torch.equal(asked, without)


def short(inputs, model):
    keep = torch.ones(inputs["input_ids"].shape[1], dtype=torch.bool)
    keep[(inputs["input_ids"][0] == model.config.video_token_id).nonzero()[0]] = False
    return {**inputs, "input_ids": inputs["input_ids"][:, keep], "attention_mask": inputs["attention_mask"][:, keep]}


BAD_INPUTS = {
    "a placeholder too few": (short, r"\d+ placeholders for \d+ (video|scene) tokens"),
    "no placeholder": (
        lambda i, m: {**i, "input_ids": torch.full_like(i["input_ids"], 7)},
        "sample 0 has 0 placeholders",
    ),
    "no faces": (lambda i, m: {k: v for k, v in i.items() if k != "faces"}, "needs a picture|got no faces"),
    "no words": (lambda i, m: {k: v for k, v in i.items() if k != "input_ids"}, "input_ids or inputs_embeds"),
    "faces of another size": (lambda i, m: {**i, "faces": i["faces"][..., :100]}, "face crops must be"),
}


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize("situation", BAD_INPUTS)
def test_bad_inputs_are_told(situation, name, built):
    model, make = built(name)
    change, message = BAD_INPUTS[situation]
    with pytest.raises(InputError, match=message):
        model(**change(make(model), model))


def test_both_numbers_are_in_the_message(built):
    model, make = built("facetrack-mm")
    inputs = make(model)
    expected = model.config.scene_tokens()
    with pytest.raises(InputError, match=f"{expected - 1} placeholders for {expected} scene tokens"):
        model(**short(inputs, model))


BAD_CONFIGS = {
    "a field that is not there": ({"umt": {"widht": 32}}, "did you mean width"),
    "a width that contradicts": ({"moe": {"width": 48}}, "the other parts need 32"),
    "a variant that is not there": ({"variant": "without_llm"}, "choose among 'full', 'without_fe'"),
    "a gate in the variant without one": (
        {"variant": "without_moe", "moe": {"gate": "token"}},
        "the other parts need free",
    ),
    "one q-former for two widths": (
        {"share_qformer": True, "granularity": {"width": 48, "heads": 4}},
        "cannot share a Q-Former",
    ),
    "an id beyond the vocabulary": ({"video_token_id": 320}, "beyond a vocabulary of 320"),
}


@pytest.mark.parametrize("situation", BAD_CONFIGS)
def test_bad_configs_are_told(situation):
    changes, message = BAD_CONFIGS[situation]
    with pytest.raises(UsageError, match=message):
        favchat(**changes)


def test_tokens_of_a_clip_follow_the_formula():
    full = FaceTrackMMConfig()
    assert (full.scene_tokens(), full.face_tokens(), full.placeholder_ids) == (1521, 16, [32000, 32001])
    assert FaceTrackMMConfig(frames=8).scene_tokens() == 845
    v35 = FaceTrackMMConfig(stc={"version": "v35"}, face_branch={"tokens_per_frame": 49})
    assert (v35.scene_tokens(), v35.face_tokens()) == (1152, 16 * 49)
    assert FaceTrackMMConfig(frames=8, stc={"version": "v35"}).scene_tokens() == 576
    assert FaVChatConfig().boxes().general_qformer.tokens == 96
    assert FaVChatV2Config().boxes()[2].queries == 16


def test_full_size_parameters():
    mistral = 7_241_732_096  # Mistral-7B, to which rows for placeholders come
    with torch.device("meta"):
        favchat = FaVChatForConditionalGeneration(FaVChatConfig())
        facetrack = FaceTrackMMForConditionalGeneration(FaceTrackMMConfig())

    def count(module):
        return sum(parameter.numel() for parameter in module.parameters())

    assert count(favchat.language_model) == mistral + 2 * 4096
    assert count(facetrack.language_model) == mistral + 2 * 2 * 4096
    parts = 290_479_104 + 91_985_943 + 52_371_456 + 2 * 185_344_768 + 8_391_682
    assert count(favchat) == mistral + 2 * 4096 + parts
    parts = 303_507_456 + 489_188_608 + 91_985_943 + 20_979_712
    assert count(facetrack) == mistral + 2 * 2 * 4096 + parts
