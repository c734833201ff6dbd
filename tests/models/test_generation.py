"""Models from folders, and answers: what is refused, how sure the model was, where an answer ends."""

import json
import math

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="models need the extra facevlm[models]")

from safetensors.torch import load_file, save_file  # noqa: E402

from facevlm.errors import InputError, UsageError, WeightsError  # noqa: E402
from facevlm.models.generation import generate_answer, load_model, see  # noqa: E402
from facevlm.models.model_clip import ModelClip  # noqa: E402
from facevlm.models.tiny_models import TINY, write_tiny  # noqa: E402

ASK = [{"role": "user", "content": "How do the brows move?"}]


def clip(people=1):
    pictures = np.random.default_rng(0).integers(0, 256, (8, 224, 224, 3), dtype=np.uint8)
    return ModelClip(list(pictures), list(np.arange(8.0)), [list(pictures[::-1])] * people)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("models") / "tiny"
    write_tiny(place, "tiny-facetrack-mm")
    return place


@pytest.mark.parametrize("name", TINY)
def test_a_tiny_model_is_there_by_name_and_the_same_each_time(name):
    (one, processor), (two, _) = load_model(name, device="cpu"), load_model(name, device="cpu")
    assert all(torch.equal(a, b) for a, b in zip(one.state_dict().values(), two.state_dict().values(), strict=True))
    made = [generate_answer(m, processor, see(m, processor, clip()), ASK, max_new_tokens=6) for m in (one, two)]
    assert made[0] == made[1]


@pytest.mark.parametrize("name", ["tiny", "tiny-favchat-v2", "tiny-facetrack-mm"])
def test_the_confidence_is_the_mean_probability_of_its_tokens(name):
    model, processor = load_model(name, device="cpu")
    seen = see(model, processor, clip())
    made = generate_answer(model, processor, seen, ASK, max_new_tokens=5)
    prompt = processor.prompts(seen.clip, ASK)
    total, ids = 0.0, prompt["input_ids"]
    with torch.inference_mode():
        for _ in range(5):
            given = {**prompt, "input_ids": ids, "attention_mask": torch.ones_like(ids)}
            chances = model(**given, **seen.states).logits[0, -1].softmax(-1)
            total += math.log(chances.max())
            ids = torch.cat([ids, chances.argmax().view(1, 1)], dim=1)
    assert made.confidence == pytest.approx(math.exp(total / 5), rel=1e-4) and not made.ended
    assert made.text == processor.tokenizer.decode(ids[0, -5:], skip_special_tokens=True).strip()


def told(model, processor, *tokens):
    """A model that wants to say these tokens whatever it sees."""
    head = model.language_model.lm_head
    steps = iter([*tokens])

    def wish(module, inputs, output):
        output[:, -1] = -5.0
        output[:, -1, next(steps)] = 5.0
        return output

    return head.register_forward_hook(wish)


def test_an_answer_that_ends_is_whole_and_sure():
    model, processor = load_model("tiny", device="cpu")
    he = processor.tokenizer("he", add_special_tokens=False)["input_ids"]
    hook = told(model, processor, *he, processor.tokenizer.eos_token_id)
    pieces = []
    made = generate_answer(model, processor, see(model, processor, clip()), ASK, on_text=pieces.append)
    hook.remove()
    assert (made.text, made.ended) == ("he", True) and made.confidence > 0.95
    assert "".join(pieces).strip() == "he"


def test_a_model_that_says_nothing_has_no_confidence():
    model, processor = load_model("tiny", device="cpu")
    hook = told(model, processor, processor.tokenizer.eos_token_id)
    made = generate_answer(model, processor, see(model, processor, clip()), ASK)
    hook.remove()
    assert (made.text, made.confidence, made.ended) == ("", None, True)


def test_what_listens_can_end_an_answer():
    model, processor = load_model("tiny", device="cpu")

    def stop(text):
        raise KeyError(text)

    with pytest.raises(KeyError):
        generate_answer(model, processor, see(model, processor, clip()), ASK, max_new_tokens=400, on_text=stop)


def test_a_prompt_that_does_not_fit_is_told():
    model, processor = load_model("tiny", device="cpu")
    seen = see(model, processor, clip())
    long = [{"role": "user", "content": "q " * 2000}]
    with pytest.raises(InputError, match=r"a prompt of \d+ tokens and an answer of up to 8 do not fit into 2048"):
        generate_answer(model, processor, seen, long, max_new_tokens=8)


def shortened(file):
    file.write_bytes(file.read_bytes()[:-1000])


def without_a_tensor(file):
    weights = load_file(file)
    weights.pop("face_branch.proj.0.weight")
    save_file(weights, file, {"format": "pt"})


def with_another_tensor(file):
    save_file({**load_file(file), "face_branch.proj.9.weight": torch.zeros(2)}, file, {"format": "pt"})


def pickled(file):
    torch.save(load_file(file), file.with_name("pytorch_model.bin"))
    file.unlink()


def changed(**values):
    def change(file):
        config = json.loads((file.parent / "config.json").read_text())
        (file.parent / "config.json").write_text(json.dumps({**config, **values}))

    return change


DAMAGED = {
    "no weights": (lambda file: file.unlink(), WeightsError, "cannot be loaded"),
    "cut short": (shortened, WeightsError, "cannot be loaded"),
    "a tensor is missing": (without_a_tensor, WeightsError, "have 1 missing keys, such as face_branch.proj.0.weight"),
    "a tensor too many": (with_another_tensor, WeightsError, "have 1 unexpected keys"),
    "weights of another size": (
        changed(frames=4, face_branch={"hidden_width": 48}),
        WeightsError,
        "have 3 mismatched keys",
    ),
    "pickled weights": (pickled, WeightsError, "cannot be loaded"),
    "another kind of model": (changed(model_type="gpt2"), UsageError, "is a model of type gpt2"),
    "an unknown kind": (changed(model_type="owl"), WeightsError, "cannot be loaded"),
    "no tokenizer": (lambda file: (file.parent / "tokenizer.json").unlink(), WeightsError, "cannot be loaded"),
    "no processor": (lambda file: (file.parent / "processor_config.json").unlink(), WeightsError, "has no processor"),
    "no config": (lambda file: (file.parent / "config.json").unlink(), UsageError, "no folder of a model"),
    "a config that is none": (lambda file: (file.parent / "config.json").write_text("{"), WeightsError, "cannot be"),
}


@pytest.mark.parametrize("situation", DAMAGED)
def test_a_damaged_folder_is_told(situation, tmp_path):
    damage, kind, says = DAMAGED[situation]
    write_tiny(tmp_path / "m", "tiny-facetrack-mm")
    damage(tmp_path / "m" / "model.safetensors")
    with pytest.raises(kind, match=says):
        load_model(tmp_path / "m", device="cpu")


@pytest.mark.parametrize("device", ["cuda:77", "owl"])
def test_a_device_that_is_not_there_is_told(device):
    with pytest.raises(UsageError, match="give cpu"):
        load_model("tiny", device=device)
