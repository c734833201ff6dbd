"""Whole models put together from files in public layouts: every tensor at its place, all told, or nothing made."""

import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="models need the extra facevlm[models]")
peft = pytest.importorskip("peft", reason="LoRA needs the extra facevlm[models]")

from safetensors.torch import load_file, save_file  # noqa: E402
from transformers import AutoModelForImageTextToText, AutoProcessor, LlamaConfig, LlamaForCausalLM  # noqa: E402

from facevlm.cli import main  # noqa: E402
from facevlm.errors import MissingExtraError, UsageError  # noqa: E402
from facevlm.models import quantizing  # noqa: E402
from facevlm.models import reference_weights as tables  # noqa: E402
from facevlm.models.assembled_folder import first_values  # noqa: E402
from facevlm.models.assembling import own_tensors  # noqa: E402
from facevlm.models.checkpoint import open_checkpoint  # noqa: E402
from facevlm.models.facexformer import FaceXFormer  # noqa: E402
from facevlm.models.generation import load_model  # noqa: E402
from facevlm.models.model_clip import ModelClip  # noqa: E402
from facevlm.models.model_parts import MODELS  # noqa: E402
from facevlm.models.small_tokenizers import small_llm_tokenizer  # noqa: E402
from facevlm.models.weight_loading import load_weights  # noqa: E402
from tests.models import public_folders as public  # noqa: E402

FAVCHAT = ("umt", "facexformer", "chain", "general_qformer", "facial_qformer", "moe", "language_model")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("public")
    (folder / "bin").mkdir()
    return {
        "llm": public.llm(folder / "llm"),
        "llm of .bin": public.llm(folder / "bin", "bin"),
        "videochat2": public.videochat2(folder / "videochat2_mistral_7b_stage3.pth"),
        "stage 2": public.videochat2(folder / "videochat2_mistral_7b_stage2.pth", lora=False),
        "facexformer": public.facexformer(folder / "model.pt"),
        "bert": public.bert(folder / "bert"),
        "clip": public.clip(folder / "clip"),
        "videollama2": public.videollama2(folder / "videollama2"),
    }


@pytest.fixture
def run(files, tmp_path, capsys):
    """Run `facevlm models assemble`; gives exit code, what was printed, what went wrong, and the folder."""

    def assemble(model, *arguments, config=None, **sources):
        fields = tmp_path / "config.json"
        words = {} if "llm" in sources else MODELS[model].presets["tiny"]
        fields.write_text(json.dumps({**words, **public.CONFIGS[model], **(config or {})}))
        if "llm" in sources and model == "favchat":
            sources.setdefault("bert", files["bert"])
        elif "llm" not in sources and "videollama2" not in sources:
            arguments = (*arguments, "--without-processor")
        given = [f"--from={name.replace('_', '-')}={path}" for name, path in sources.items()]
        folder = tmp_path / "made"
        words = ["models", "assemble", model, "-o", folder, "--config", fields, "--dtype", "float32", "--quiet"]
        code = main([str(word) for word in [*words, *given, *arguments]])
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return code, out, err, folder

    return assemble


def load(folder):
    model, told = AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32, output_loading_info=True)
    assert not any(told[what] for what in ("missing_keys", "unexpected_keys", "mismatched_keys")), told
    return model.eval()


def same(module, expected):
    got = module.state_dict()
    return set(got) == set(expected) and all(torch.equal(got[name], value) for name, value in expected.items())


def loaded(module, held, table):
    """The box alone, filled by `load_weights`."""
    load_weights(module, held, table)
    return {name: tensor.clone() for name, tensor in module.state_dict().items()}


def test_favchat_of_four_sources(files, run):
    code, out, err, folder = run(
        *("favchat", "--random=chain,moe", "--lora=drop", "--shard-gb=0.0002"),
        llm=files["llm"],
        videochat2=files["videochat2"],
        facexformer=files["facexformer"],
    )
    assert code == 0, err
    model = load(folder)
    whole = MODELS["favchat"].model_class(model.config)
    trained, faces = public.umt_and_qformer(), open_checkpoint(files["facexformer"], entry="state_dict_backbone")
    assert same(model.umt, loaded(whole.umt, trained, tables.umt_part(4)))
    qformer = loaded(whole.general_qformer, trained, tables.QFORMER)
    assert same(model.general_qformer, qformer) and same(model.facial_qformer, qformer)
    assert same(model.facexformer, loaded(whole.facexformer, faces, tables.FACEXFORMER))
    words = model.language_model.state_dict()
    for name, value in public.mistral().state_dict().items():
        assert torch.equal(words[name][: len(value)], value), name
    rows = public.mistral().lm_head.weight
    assert model.config.video_token_id == public.VOCABULARY == len(words["lm_head.weight"]) - 1
    assert torch.allclose(words["lm_head.weight"][-1], rows.mean(0), atol=1e-6)
    for told in ("chain           random", "language_model  llm", "facexformer     facexformer", "LoRA, drop: 30"):
        assert told in out
    for told in ("backbone.#.#.#.attn.relative_position_index", "embeddings.position_ids"):
        assert told in out


def test_facetrack_mm_of_videollama2(files, run):
    config = {"text_config": {**public.TINY_TEXT, "vocab_size": public.VOCABULARY + 2}}
    config |= {"video_token_id": 320, "face_token_id": 321}
    code, out, err, folder = run(
        *("facetrack-mm", "--random=face_branch", "--json"),
        config=config,
        videollama2=files["videollama2"],
        facexformer=files["facexformer"],
    )
    assert code == 0, err
    model = load(folder)
    assert same(model.stc, {n.removeprefix("mm_projector."): t for n, t in public.stc_weights().items()})
    pixels = torch.randn(2, 3, 56, 56)
    hidden = public.reference_clip()(pixels, output_hidden_states=True).hidden_states[-2][:, 1:]
    assert torch.allclose(model.clip(pixels), hidden, atol=1e-5)
    told = json.loads(out)
    assert told["schema"] == "facevlm/assembly/1"
    assert told["parts"]["clip"] == told["parts"]["stc"] == "videollama2" and told["parts"]["face_branch"] == "random"
    (source, _) = told["sources"]
    held = open_checkpoint(files["videollama2"] / "model.safetensors.index.json")
    assert set(source["loaded"]) | set(source["dropped"]) | set(source["elsewhere"]) == set(held)
    assert not source["elsewhere"]


def test_the_first_of_two_sources_gives_a_tensor(files, run):
    sources = {"llm": files["llm of .bin"], "clip": files["clip"], "videollama2": files["videollama2"]}
    code, out, err, folder = run("facetrack-mm", "--random=face_branch,facexformer", "--json", **sources)
    assert code == 0, err
    told = {source["source"]: source for source in json.loads(out)["sources"]}
    assert told["videollama2"]["unneeded"] and not any("layers.0.mlp" in n for n in told["videollama2"]["loaded"])
    assert {"logit_scale", "text_model.final_layer_norm.weight"} == set(told["clip"]["elsewhere"])
    assert told["clip"]["dropped"] == ["vision_model.embeddings.position_ids"]
    assert load(folder).config.text_config.vocab_size == public.VOCABULARY + 2


def test_favchat_v2_and_another_language_model(files, run, tmp_path):
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
    LlamaForCausalLM(LlamaConfig(**sizes, vocab_size=300, tie_word_embeddings=True)).save_pretrained(tmp_path / "llama")
    small_llm_tokenizer(290).save_pretrained(tmp_path / "llama")
    code, _, err, folder = run(
        *("favchat-v2", "--random", "encoder,projections"),
        llm=tmp_path / "llama",
        videochat2_stage2=files["stage 2"],
        facexformer=files["facexformer"],
    )
    assert code == 0, err
    model = load(folder)
    assert model.config.video_token_id == 290 and model.language_model.lm_head.weight.shape == (300, 32)
    assert model.language_model.lm_head.weight is model.language_model.model.embed_tokens.weight
    assert "language_model.lm_head.weight" not in load_file(folder / "model.safetensors")


@pytest.mark.parametrize("name", ["favchat", "favchat-v2", "facetrack-mm"])
def test_an_assembled_folder_is_asked_through_its_processor(name, files, run):
    parts = {"favchat": "chain,moe", "favchat-v2": "encoder,projections", "facetrack-mm": "face_branch,facexformer"}
    sources = {"llm": files["llm"], "videollama2" if name == "facetrack-mm" else "videochat2": None}
    sources = {key: value or files[key] for key, value in sources.items()}
    if name != "facetrack-mm":
        sources["facexformer"] = files["facexformer"]
    code, _, err, folder = run(name, f"--random={parts[name]}", "--lora=drop", **sources)
    assert code == 0, err
    model, processor = load(folder), AutoProcessor.from_pretrained(folder)
    frames = tuple(np.full((60, 80, 3), 40 * k, np.uint8) for k in range(4))
    clip = ModelClip(frames, (0.0, 0.5, 1.0, 1.5), (frames,))
    inputs = processor(clip, [{"role": "user", "content": "how do the eyes move?"}])
    answer = model.generate(**inputs, max_new_tokens=3, do_sample=False)
    assert answer.shape[1] > inputs["input_ids"].shape[1] and model.generation_config.eos_token_id == 2
    whole, _ = load_model(folder, device="cpu")
    assert whole.config.untrained is True


def test_few_bits_without_bitsandbytes_are_told(files, run, monkeypatch):
    monkeypatch.setattr(quantizing, "find_spec", lambda name: None)
    code, _, err, folder = run("favchat", "--random=chain,moe,umt,qformer,facexformer", llm=files["llm"])
    assert code == 0, err
    with pytest.raises(MissingExtraError, match=r"facevlm\[quantize\]"):
        load_model(folder, quantize="4bit")
    with pytest.raises(UsageError, match="tiny models"):
        load_model("tiny", quantize="8bit")


def test_a_person_asks_an_assembled_model(files, run, puppet_clip, capsys):
    sources = {"llm": files["llm"], "videochat2": files["stage 2"], "facexformer": files["facexformer"]}
    code, _, err, folder = run("favchat", "--random=chain,moe", **sources)
    assert code == 0, err
    words = ["ask", puppet_clip.path, "how do the eyes move?", "--model", folder, "--json", "--max-tokens", "4"]
    assert main([str(word) for word in words]) == 0
    told = json.loads(capsys.readouterr().out)
    assert len(told["frames"]) == 8 and any("random weights" in warning for warning in told["warnings"])


def test_a_missing_tokenizer_is_told_before_anything_is_written(files, run):
    sources = {"llm": files["llm"], "videochat2": files["stage 2"], "facexformer": files["facexformer"]}
    code, _, err, folder = run("favchat", "--random=chain,moe", bert=files["clip"], **sources)
    assert code == 1 and "no source has a tokenizer for the Q-Former (give --from bert, or" in err
    assert not folder.exists()


@pytest.mark.parametrize("base", [False, True], ids=["LoRA alone", "with the base weights"])
def test_lora_merged_is_the_adapted_model(base, files, run, tmp_path):
    stage3 = public.videochat2(tmp_path / "stage3.pth", base=base)
    sources = {"facexformer": files["facexformer"], "videochat2": stage3}
    if not base:
        sources["llm"] = files["llm"]
    config = {"text_config": {**public.TINY_TEXT, "vocab_size": 321}, "video_token_id": 320} if base else {}
    code, _, err, folder = run("favchat", "--random=chain,moe", "--lora-alpha=8", config=config, **sources)
    assert code == 0, err
    ids = torch.tensor([[1, 5, 9, 200]])
    with torch.inference_mode():
        expected = public.adapted()(input_ids=ids).logits
        plain = public.mistral()(input_ids=ids).logits
        got = load(folder).language_model(input_ids=ids).logits[..., : public.VOCABULARY]
    assert (expected - plain).abs().max() > 1e-2
    assert torch.allclose(got, expected, atol=1e-4)
    assert "merged into its weights" in (folder / "README.md").read_text()


def test_lora_kept_is_an_adapter_of_peft(files, run):
    sources = {name: files[name] for name in ("llm", "facexformer", "videochat2")}
    code, _, err, folder = run("favchat", "--random=chain,moe", "--lora=keep", "--lora-alpha=8", **sources)
    assert code == 0, err
    model = peft.PeftModel.from_pretrained(load(folder), folder / "lora").eval()
    ids = torch.tensor([[1, 5, 9, 200]])
    with torch.inference_mode():
        expected = public.adapted()(input_ids=ids).logits
        got = model.base_model.model.language_model(input_ids=ids).logits[..., : public.VOCABULARY]
    assert torch.allclose(got, expected, atol=1e-4)


def test_stage_1_and_umts_own_file_need_what_they_lack(files, run, tmp_path):
    held = {k: v for k, v in public.umt_and_qformer().items() if "extra" not in k and "mistral" not in k}
    torch.save(held, tmp_path / "umt_l16_qformer.pth")
    sources = {"llm": files["llm"], "facexformer": files["facexformer"]}
    code, _, err, folder = run(
        "favchat", "--random=chain,moe", videochat2_stage1=tmp_path / "umt_l16_qformer.pth", **sources
    )
    assert code == 1 and "qformer (6 tensors" in err and not folder.exists()
    random = "--random=chain,moe,qformer.proj,qformer.extra_query_tokens"
    code, out, err, folder = run("favchat", random, videochat2_stage1=tmp_path / "umt_l16_qformer.pth", **sources)
    assert code == 0, err
    assert "qformer         videochat2-stage1, 6 tensors random" in out
    assert load(folder).general_qformer.extra_query_tokens.abs().max() == 0  # as VideoChat2's second stage starts


def test_the_card_names_sources_hashes_and_licences(files, run):
    sources = {name: files[name] for name in ("llm", "facexformer", "videochat2")}
    code, _, err, folder = run("favchat", "--random=chain,moe", **sources)
    assert code == 0, err
    from huggingface_hub import ModelCard

    card = ModelCard.load(folder / "README.md")
    assert card.data.license == "other" and card.data.license_name == "licences-of-the-parts"
    text = card.content
    assert "**Random**: chain, moe" in text and str(files["llm"].parent) not in text
    import hashlib

    for path in [files["videochat2"], files["facexformer"], *files["llm"].glob("*.safetensors")]:
        assert hashlib.sha256(path.read_bytes()).hexdigest() in text
    assert "| facexformer | mit | model.pt |" in text and "not the file published as 327a7558" in text
    assert "(alpha 32) is merged" in text


def test_a_repository_in_the_hubs_cache_is_used_without_network(files, run, tmp_path, monkeypatch):
    from huggingface_hub import constants

    commit = "0123456789abcdef0123456789abcdef01234567"
    cached = tmp_path / "hub" / "models--mistralai--Mistral-7B-Instruct-v0.2"
    shutil.copytree(files["llm"], cached / "snapshots" / commit)
    (cached / "refs").mkdir()
    (cached / "refs" / "main").write_text(commit)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    sources = {"videochat2": files["stage 2"], "facexformer": files["facexformer"]}
    for where in ("mistralai/Mistral-7B-Instruct-v0.2", f"mistralai/Mistral-7B-Instruct-v0.2@{commit}"):
        code, _, err, folder = run("favchat", "--random=chain,moe", "--offline", llm=where, **sources)
        assert code == 0, err
        card = (folder / "README.md").read_text()
        assert "base_model:\n- mistralai/Mistral-7B-Instruct-v0.2" in card and f"| {commit} |" in card
        shutil.rmtree(folder)


class Shell:
    def __reduce__(self):
        return print, ("code of a file was run",)


def truncated(path, new):
    new.write_bytes(path.read_bytes()[:-60])
    return new


def pickled(held, new):
    torch.save(held, new)
    return new


def unknown_config(llm, new):
    shutil.copytree(llm, new)
    (new / "config.json").write_text(json.dumps({"model_type": "mine", "auto_map": {"AutoConfig": "mine.Config"}}))
    return new


def safetensors(held, new):
    save_file(held, new)
    return new


HALF = torch.ones(32, 128, 1, 1)
OTHER_FACE = {"facexformer": {**public.TINY_FACE, "width": 16}}
WRONG = {  # what is wrong -> sources that replace good ones, more of the config, what is told
    "another architecture": (lambda f, t: {"facexformer": f["stage 2"]}, {}, "has no entry 'state_dict_backbone'"),
    "a folder for a file": (lambda f, t: {"facexformer": f["llm"]}, {}, "gives nothing of facexformer"),
    "truncated safetensors": (
        lambda f, t: {"llm": truncated(next(f["llm"].glob("*1-of*.safetensors")), t / "model.safetensors")},
        {},
        "cannot be read as safetensors",
    ),
    "truncated pickle": (
        lambda f, t: {"facexformer": truncated(f["facexformer"], t / "model.pt")},
        {},
        "cannot be read as plain tensors",
    ),
    "other sizes": (lambda f, t: {}, OTHER_FACE, "has other shapes linear_c"),
    "a pickle with code": (
        lambda f, t: {"facexformer": pickled({"state_dict_backbone": Shell()}, t / "model.pt")},
        {},
        "holds code, which is never run",
    ),
    "an unknown name of the part": (
        lambda f, t: {"facexformer": pickled({"backbone.0.9.x": torch.ones(2)}, t / "model.pt")},
        {},
        "does not know backbone.0.9.x",
    ),
    "half of a part": (
        lambda f, t: {"facexformer": safetensors({"linear_fuse.weight": HALF}, t / "a.safetensors")},
        {},
        "no source gives facexformer",
    ),
    "half of a pair of LoRA": (
        lambda f, t: {"videochat2": pickled(public.umt_and_qformer() | {
            "mistral_model.base_model.model.model.layers.0.self_attn.q_proj.lora_A.default.weight": torch.ones(2, 32)
        }, t / "a.pth")},
        {},
        "half of a LoRA pair",
    ),
    "no such path": (lambda f, t: {"facexformer": t / "gone.pt"}, {}, "no such file or folder"),
    "not on this machine": (lambda f, t: {"facexformer": "someone/something"}, {}, "not in the cache of the hub"),
    "several files": (
        lambda f, t: {"facexformer": [pickled({}, t / "a.pt"), pickled({}, t / "b.pt"), t][-1]},
        {},
        "holds several files of weights: a.pt, b.pt",
    ),
    "a config of no known model": (
        lambda f, t: {"llm": unknown_config(f["llm"], t / "llm")},
        {},
        "its config cannot be read",
    ),
    "an empty folder": (lambda f, t: {"llm": t}, {}, "holds no weights"),
}  # fmt: skip


@pytest.mark.parametrize("situation", WRONG)
def test_what_is_wrong_is_told_and_no_folder_is_left(situation, files, run, tmp_path):
    change, config, message = WRONG[situation]
    (tmp_path / "given").mkdir()
    good = {"llm": files["llm"], "videochat2": files["stage 2"], "facexformer": files["facexformer"]}
    sources = good | change(files, tmp_path / "given")
    code, out, err, folder = run("favchat", "--random=chain,moe", "--offline", config=config, **sources)
    assert code == 1 and message in err and err.count("\n") == 1, err
    assert not folder.exists() and {path.name for path in tmp_path.iterdir()} == {"given", "config.json"}
    assert "was run" not in out


USAGE = {
    "no such model": (["favchat-9"], "no model"),
    "no such source": (["favchat", "--from", "llama"], "no source 'llama'"),
    "a source without a repository": (["favchat", "--from", "umt"], "give a path: --from umt=PATH"),
    "twice": (["favchat", "--from", "llm=a", "--from", "llm=b"], "llm is given twice"),
    "no such part": (["favchat", "--config", "tiny", "--random", "clip"], "no part 'clip' in favchat"),
    "no such dtype": (["favchat", "--config", "tiny", "--random", "all", "--dtype", "int8"], "no dtype"),
    "no such way with LoRA": (["favchat", "--config", "tiny", "--random", "all", "--lora", "x"], "no way 'x'"),
    "no such preset": (["favchat", "--config", "small"], "cannot be read"),
    "nothing given": (["favchat", "--config", "tiny"], "nobody publishes chain and moe"),
}


@pytest.mark.parametrize("situation", USAGE)
def test_wrong_usage_is_told_in_one_line(situation, tmp_path, capsys):
    arguments, message = USAGE[situation]
    assert main(["models", "assemble", *arguments, "-o", str(tmp_path / "made"), "--offline"]) in (1, 2)
    err = capsys.readouterr().err
    assert message in err and err.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_there_is_kept(run, files, tmp_path):
    (tmp_path / "made").mkdir()
    (tmp_path / "made" / "mine.txt").write_text("kept")
    code, _, err, folder = run("favchat", "--from=llm=nowhere")  # told before any source is looked for
    assert code == 1 and "is there already" in err and (folder / "mine.txt").read_text() == "kept"


def test_what_a_killed_run_left_is_named(run, files, tmp_path):
    (tmp_path / ".made.unfinished").mkdir()
    code, _, err, folder = run("favchat", "--from=llm=nowhere")
    assert code == 1 and "another run writes here, or was killed" in err and str(tmp_path / ".made.unfinished") in err
    assert not folder.exists() and (tmp_path / ".made.unfinished").is_dir()


@pytest.fixture
def full_disk():
    """Files grow to 100 kB and no further."""
    resource = pytest.importorskip("resource", reason="limits are of Unix")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_leaves_nothing(run, tmp_path, full_disk):
    code, _, err, _ = run("favchat", "--random=all")
    assert code == 1 and "cannot be written: " in err and "internal" not in err
    assert [path.name for path in tmp_path.iterdir()] == ["config.json"]


def test_a_converted_file_that_cannot_be_written_is_told(files, tmp_path, capsys, full_disk):
    config = tmp_path / "sizes.json"
    config.write_text(json.dumps(public.CONFIGS["favchat"]))
    words = ["models", "convert", "facexformer", str(files["facexformer"]), "--config", str(config)]
    for output in (tmp_path / "face.safetensors", tmp_path / "nowhere" / "face.safetensors"):
        assert main([*words, "-o", str(output)]) == 1
        err = capsys.readouterr().err
        assert "cannot be written: " in err and "internal" not in err
    assert [path.name for path in tmp_path.iterdir()] == ["sizes.json"]


def test_shards_are_as_transformers_reads_them(run, tmp_path):
    code, _, err, folder = run("favchat", "--random=all", "--shard-gb=0.0002")
    names = sorted(path.name for path in folder.glob("*.safetensors"))
    index = json.loads((folder / "model.safetensors.index.json").read_text())
    assert code == 0 and len(names) > 1 and set(index["weight_map"].values()) == set(names), err
    sizes = [(folder / name).stat().st_size for name in names]
    assert index["metadata"]["total_size"] == sum(t.nbytes for n in names for t in load_file(folder / n).values())
    assert max(sizes) < 250_000


@pytest.mark.parametrize("name", MODELS)
def test_every_random_tensor_has_a_first_value(name):
    whole = MODELS[name]
    config = whole.config_class(**whole.presets["tiny"])
    with torch.device("meta"):
        model = whole.model_class(config)
    names = list(own_tensors(model))
    torch.use_deterministic_algorithms(True)  # what is made without values is NaN then
    try:
        for module in dict.fromkeys(n.split(".")[0] for n in names):
            mine = [n for n in names if n.split(".")[0] == module]
            drawn = first_values(model, module, mine, torch.float32, 0)
            assert list(drawn) == mine and all(value.isfinite().all() for value in drawn.values()), module
            again = first_values(model, module, mine, torch.float32, 0)
            assert all(torch.equal(again[n], drawn[n]) for n in mine)
    finally:
        torch.use_deterministic_algorithms(False)


def test_converted_files_are_ours_and_are_taken_as_sources(files, run, tmp_path, capsys):
    config, made = tmp_path / "sizes.json", tmp_path / "face.safetensors"
    config.write_text(json.dumps(public.CONFIGS["favchat"]))
    words = ["models", "convert", "facexformer", files["facexformer"], "-o", made, "--config", config]
    assert main([str(word) for word in words]) == 0
    assert "of model.pt" in capsys.readouterr().out
    public_names = open_checkpoint(files["facexformer"], entry="state_dict_backbone")
    sizes = {key: tuple(v) if isinstance(v, list) else v for key, v in public.TINY_FACE.items()}
    from facevlm.models.facexformer import FaceXFormerConfig

    module = FaceXFormer(FaceXFormerConfig(**sizes))
    expected = loaded(FaceXFormer(FaceXFormerConfig(**sizes)), public_names, tables.FACEXFORMER)
    module.load_state_dict(load_file(made))
    assert same(module, expected)
    code, _, err, folder = run("favchat", "--random=umt,qformer,chain,moe,language_model", facexformer=made)
    assert code == 0 and same(load(folder).facexformer, expected), err


def test_one_part_of_several_is_converted_by_name(files, tmp_path, capsys):
    config = tmp_path / "sizes.json"
    config.write_text(json.dumps(public.CONFIGS["favchat"] | {"text_config": public.TINY_TEXT, "video_token_id": 319}))
    words = ["models", "convert", "videochat2", str(files["videochat2"]), "--config", str(config)]
    assert main([*words, "-o", str(tmp_path / "q.safetensors")]) == 2
    assert "choose one with --part" in capsys.readouterr().err
    assert main([*words, "-o", str(tmp_path / "q.safetensors"), "--part", "qformer", "--dtype", "float16"]) == 0
    held = load_file(tmp_path / "q.safetensors")
    assert held["proj.weight"].dtype == torch.float16 and held["query_tokens"].shape == (1, 4, 24)


def test_the_optimizer_of_a_checkpoint_is_not_brought_into_memory(tmp_path):
    size = 40 * 2**20  # floats in each moment: 160 MB
    held = {"state_dict_backbone": {"linear_fuse.weight": torch.ones(8)}}
    torch.save(held | {"optimizer": {"exp_avg": torch.ones(size), "exp_avg_sq": torch.ones(size)}}, tmp_path / "m.pt")
    code = (
        "import resource, sys, torch\n"
        "from facevlm.models.checkpoint import open_checkpoint\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "held = open_checkpoint(sys.argv[1], entry='state_dict_backbone')\n"
        "assert held['linear_fuse.weight'].sum() == 8\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "m.pt")], capture_output=True, text=True, env=dict(os.environ)
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 40_000, "kilobytes that opening took"
