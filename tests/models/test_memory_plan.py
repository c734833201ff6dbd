"""The memory plan: what can be measured on tiny models is measured, and the papers' batch sizes fit one GPU."""

import json

import pytest

torch = pytest.importorskip("torch", reason="models need the extra facevlm[models]")
peft = pytest.importorskip("peft", reason="LoRA needs the extra facevlm[models]")

from facevlm.cli import main  # noqa: E402
from facevlm.errors import MissingExtraError, UsageError  # noqa: E402
from facevlm.models import quantizing  # noqa: E402
from facevlm.models.memory_plan import (  # noqa: E402
    ADAM,
    LINEAR_IN_LORA,
    STEPS,
    LivePeak,
    Step,
    clip_tokens,
    kv_bytes,
    lora_parameters,
    memory_plan,
    see,
)
from facevlm.models.model_parts import MODELS  # noqa: E402

GPU = 80 * 10**9  # bytes


def tiny(name):
    whole = MODELS[name]
    torch.manual_seed(0)
    return whole.model_class(whole.config_class(**whole.presets["tiny"]))


def full(name, step, **others):
    return memory_plan(name, MODELS[name].config_class(), step, **others)


@pytest.mark.parametrize("name", MODELS)
def test_weights_are_those_of_a_real_model(name):
    model = tiny(name)
    plan = memory_plan(name, model.config, Step("answer", frames=4))
    assert sum(plan.weights.values()) == sum(t.nbytes for t in model.to(torch.bfloat16).state_dict().values())
    assert plan.gradients == plan.optimizer == plan.lora == plan.trainable == 0


@pytest.mark.parametrize("name", MODELS)
def test_the_cache_is_that_of_a_real_model(name):
    model = tiny(name).to(torch.bfloat16).language_model
    cache = model(input_ids=torch.ones(2, 7, dtype=torch.int64), use_cache=True).past_key_values
    real = sum(layer.keys.nbytes + layer.values.nbytes for layer in cache.layers)
    assert 2 * 7 * kv_bytes(model.config) == real


@pytest.mark.parametrize("name", MODELS)
def test_lora_is_as_many_parameters_as_pefts(name):
    model = tiny(name)
    expected = lora_parameters(model.language_model, 3)
    layers = rf"language_model\.(?:.+\.)?(?:{'|'.join(LINEAR_IN_LORA)})"
    adapted = peft.get_peft_model(model, peft.LoraConfig(r=3, target_modules=layers))
    assert adapted.get_nb_trainable_parameters()[0] == expected > 0


def test_lora_at_full_size():
    wide, narrow, hidden = 4096, 1024, 14336
    ends = 2 * (wide + wide) + 2 * (wide + narrow) + 3 * (wide + hidden)
    with torch.device("meta"):
        model = MODELS["favchat"].model_class(MODELS["favchat"].config_class())
    assert lora_parameters(model.language_model, 16) == 32 * 16 * ends == 41_943_040


def test_optimizer_states_are_adamws():
    model = tiny("favchat").moe
    optimizer = torch.optim.AdamW(model.parameters())
    sum(p.sum() for p in model.parameters()).backward()
    optimizer.step()
    states = [v for s in optimizer.state.values() for v in s.values() if v.ndim]
    assert sum(v.nbytes for v in states) == ADAM * sum(p.numel() for p in model.parameters())


def test_what_is_alive_is_counted():
    with LivePeak() as peak:
        first = torch.zeros(1000)
        view = first[10:20].reshape(2, 5)
        assert peak.live == peak.peak == 4000
        second = first + 1
        assert peak.live == 8000
        second.add_(1)
        del first
        assert peak.live == 8000  # its view holds it
        del view
        assert peak.live == 4000 and peak.peak == 8000
    assert second.sum() == 2000


def test_what_backward_needs_is_counted():
    layers = torch.nn.Sequential(*[torch.nn.Sequential(torch.nn.Linear(64, 64), torch.nn.GELU()) for _ in range(8)])
    given = torch.randn(100, 64)
    with LivePeak() as peak, torch.no_grad():
        layers(given)
    assert peak.peak < 4 * given.nbytes
    with LivePeak() as peak:
        layers(given).sum().backward()
    assert peak.peak > 16 * given.nbytes  # an input and an output of each activation


@pytest.mark.parametrize("name", MODELS)
def test_the_meta_device_counts_what_is_real_or_more(name):
    peaks = []
    for device in ("cpu", "meta"):
        model = tiny(name).to(device)
        with LivePeak() as peak, torch.no_grad():
            see(model, 1, 4)
        peaks.append(peak.peak)
    assert 0.95 < peaks[1] / peaks[0] < 3, peaks  # more where attention keeps no matrix on the real one


def test_a_plan_grows_with_what_is_asked():
    config = tiny("favchat").config
    small = memory_plan("favchat", config, Step("a", 1, 4, trains=("moe",), lora_rank=2))
    more = memory_plan("favchat", config, Step("b", 3, 4, trains=("moe",), lora_rank=2))
    all_of_it = memory_plan("favchat", config, Step("c", 1, 4, trains=("umt", "chain", "moe"), lora_rank=2))
    assert more.activations > 2 * small.activations and more.weights == small.weights
    assert all_of_it.activations > small.activations and all_of_it.trainable > small.trainable
    assert small.lora == 4 * lora_parameters(tiny("favchat").language_model, 2)


def test_only_the_language_model_is_kept_in_few_bits():
    step = Step("answer")
    whole, eight, four = (full("favchat", step, quantize=how).weights for how in ("none", "8bit", "4bit"))
    assert whole["language_model"] > 1.8 * eight["language_model"] > 3.2 * four["language_model"]
    assert {k: v for k, v in whole.items() if k != "language_model"} == {
        k: v for k, v in four.items() if k != "language_model"
    }


def test_tokens_of_a_clip():
    for name, tokens in {"favchat": 96, "favchat-v2": 16, "facetrack-mm": 1521 + 16}.items():
        with torch.device("meta"):
            model = MODELS[name].model_class(MODELS[name].config_class())
        assert clip_tokens(model, 16) == tokens


@pytest.mark.parametrize("name", MODELS)
def test_the_papers_batch_sizes_fit_one_gpu(name, capsys):
    assert main(["models", "plan", name, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["schema"] == "facevlm/memory_plan/1"
    assert len(told["steps"]) >= len(STEPS[name]) and all(step["total"] < GPU for step in told["steps"])
    assert main(["models", "plan", name, "--config", "tiny"]) == 0
    assert "activations" in capsys.readouterr().out


def test_bits_need_their_package(monkeypatch):
    model_class = MODELS["favchat"].model_class
    assert quantizing.quantization(model_class, None) == {}
    with pytest.raises(UsageError, match="no quantisation '2bit'"):
        quantizing.quantization(model_class, "2bit")
    monkeypatch.setattr(quantizing, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"facevlm\[quantize\]"):
        quantizing.quantization(model_class, "4bit")


@pytest.mark.parametrize("name", MODELS)
def test_boxes_are_left_as_they_are(name, monkeypatch):
    """bitsandbytes itself is not needed to see what transformers is told."""
    given = {}
    monkeypatch.setattr(quantizing, "find_spec", lambda name: object())
    monkeypatch.setattr(quantizing, "BitsAndBytesConfig", lambda **facts: given.update(facts) or given)
    model = tiny(name)
    boxes = {child for child, _ in model.named_children()} - {"language_model"}
    quantizing.quantization(type(model), "4bit")
    assert given["load_in_4bit"] and set(given["llm_int8_skip_modules"]) == boxes | {"lm_head"}
    quantizing.quantization(type(model), "8bit", boxes=True)
    assert given["load_in_8bit"] and given["llm_int8_skip_modules"] == ["lm_head"]
