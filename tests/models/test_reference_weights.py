"""Files in the layouts of public checkpoints load whole; anything that does not fit is told by name."""

import json

import pytest

torch = pytest.importorskip("torch", reason="models need the extra facevlm[models]")

from safetensors.torch import save_file  # noqa: E402

from facevlm.errors import WeightsError  # noqa: E402
from facevlm.models import reference_weights as tables  # noqa: E402
from facevlm.models.checkpoint import open_checkpoint  # noqa: E402
from facevlm.models.clip_tower import ClipConfig, ClipTower  # noqa: E402
from facevlm.models.facexformer import FaceXFormer, FaceXFormerConfig  # noqa: E402
from facevlm.models.qformer import QFormerConfig, QFormerProjector  # noqa: E402
from facevlm.models.stc import Stc, StcConfig  # noqa: E402
from facevlm.models.umt import Umt, UmtConfig  # noqa: E402
from facevlm.models.weight_loading import load_weights  # noqa: E402
from tests.models import public_layouts  # noqa: E402


def tensors(layout, prefix=""):
    torch.manual_seed(len(layout))
    return {prefix + name: torch.randn(shape) for name, shape in layout.items()}


def face():
    return FaceXFormer(
        FaceXFormerConfig(embed_dim=8, depths=(1, 1, 1, 1), num_heads=(1, 1, 2, 2), width=16, decoder_mlp=8)
    )


FACE = public_layouts.facexformer(embed=8, depths=(1, 1, 1, 1), heads=(1, 1, 2, 2), width=16, mlp=8)
INDICES = {f"backbone.0.{2 * s + 1}.0.attn.relative_position_index": torch.arange(2401) for s in range(4)}


def umt():
    return Umt(UmtConfig(width=16, blocks=2, heads=2, mlp_width=24))


UMT = public_layouts.umt(width=16, blocks=2, mlp=24)
SMALL_QFORMER = {"vision_width": 16, "width": 12, "layers": 2, "heads": 2, "mlp_width": 20, "vocabulary": 30}


def qformer(text=True):
    return QFormerProjector(
        QFormerConfig(**SMALL_QFORMER, max_text=9, queries=3, extra_queries=2, out_width=14, text=text)
    )


QFORMER = public_layouts.qformer(vision=16, width=12, layers=2, mlp=20, words=30, text=9, queries=3, extra=2, out=14)


def stc():
    return Stc(StcConfig(vision_width=8, width=12, depth=2))


STC = public_layouts.stc(vision=8, width=12, depth=2)


def clip():
    return ClipTower(ClipConfig(image_size=28, width=16, layers=2, heads=2, mlp_width=20))


CLIP = public_layouts.clip(width=16, layers=2, mlp=20, image=28)
OLD_CLIP = {"vision_model.embeddings.position_ids": torch.arange(5)}

# name -> build, table, what the file holds, names dropped, names of other parts, names that may be missing
SITUATIONS = {
    "facexformer": (face, tables.FACEXFORMER, tensors(FACE) | INDICES, 4, 0, ""),
    "facexformer from several GPUs": (face, tables.FACEXFORMER, tensors(FACE, "module."), 0, 0, ""),
    "umt of VideoChat2": (
        umt,
        tables.umt_part(2),
        tensors(UMT) | tensors(QFORMER) | {"vision_encoder.encoder.blocks.2.norm1.weight": torch.ones(16)},
        1,
        len(QFORMER),
        "",
    ),
    "umt of its own, with a decoder and one block more": (
        umt,
        tables.umt_part(2),
        {k.removeprefix("vision_encoder."): v for k, v in tensors(UMT).items() if "layernorm" not in k}
        | {"encoder.blocks.2.attn.q_bias": torch.ones(16), "encoder.norm.weight": torch.ones(16)}
        | {"clip_decoder.0.head.weight": torch.ones(3), "pool_norm.weight": torch.ones(16), "temp": torch.ones(1)},
        4,
        1,
        r"layernorm\..+",
    ),
    "q-former of stage 3": (
        qformer,
        tables.QFORMER,
        tensors(QFORMER)
        | tensors(UMT)
        | {"qformer.bert.embeddings.position_ids": torch.arange(9)[None], "itm_head.weight": torch.ones(2, 12)},
        1,
        len(UMT) + 1,
        "",
    ),
    "q-former of stage 1, without extra queries and projection": (
        qformer,
        tables.QFORMER,
        {k: v for k, v in tensors(QFORMER).items() if "extra" not in k and "mistral" not in k}
        | {"qformer.cls.predictions.bias": torch.ones(30)},
        1,
        0,
        r"extra_query_tokens|proj\..+",
    ),
    "q-former without text": (lambda: qformer(False), tables.qformer_part(text=False), tensors(QFORMER), 14, 0, ""),
    "stc of mm_projector.bin": (stc, tables.STC, tensors(STC), 0, 0, ""),
    "stc of VideoLLaMA2": (
        stc,
        tables.STC,
        tensors(STC, "model.") | {"model.layers.0.mlp.up_proj.weight": torch.ones(2, 2)},
        0,
        1,
        "",
    ),
    "clip of OpenAI": (
        clip,
        tables.CLIP,
        tensors(CLIP) | OLD_CLIP | {"logit_scale": torch.ones(()), "text_model.final_layer_norm.bias": torch.ones(4)},
        1,
        2,
        "",
    ),
    "clip of VideoLLaMA2": (clip, tables.CLIP, tensors(CLIP, "model.vision_tower.vision_tower."), 0, 0, ""),
}


@pytest.mark.parametrize("situation", SITUATIONS)
def test_public_layouts_load_whole(situation):
    build, table, held, dropped, elsewhere, may_miss = SITUATIONS[situation]
    module = build()
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    report = load_weights(module, held, table, allow_missing=may_miss)
    assert (len(report.dropped), len(report.elsewhere)) == (dropped, elsewhere)
    assert {*report.loaded, *report.dropped, *report.elsewhere} == set(held)
    filled = {here for names in report.loaded.values() for here in names}
    assert filled | set(report.missing) == set(before) and not filled & set(report.missing)
    after = module.state_dict()
    for public, here in report.loaded.items():
        assert torch.equal(torch.cat([after[name] for name in here]), held[public])
    assert all(torch.equal(after[name], before[name]) for name in report.missing)


WRONG = {
    "a name that no rule knows": (lambda w: w | {"mm_projector.s3.b1.conv1.conv.weight": torch.ones(1)}, "s3.b1"),
    "a block too many": (lambda w: w | {"mm_projector.s1.b3.se.fc1.bias": torch.ones(2)}, "has no place|no place"),
    "a tensor too few": (lambda w: {k: v for k, v in w.items() if k != "mm_projector.readout.2.bias"}, "lacks readout"),
    "another shape": (
        lambda w: w | {"mm_projector.readout.0.bias": torch.ones(5)},
        r"readout.0.bias \(5,\) for \(12,\)",
    ),
    "two files in one": (lambda w: w | {"model.mm_projector.readout.0.bias": torch.ones(12)}, "fills twice readout"),
    "another part": (lambda w: tensors(UMT), "lacks"),
}


@pytest.mark.parametrize("situation", WRONG)
def test_what_does_not_fit_is_told_by_name(situation):
    change, message = WRONG[situation]
    with pytest.raises(WeightsError, match=message) as told:
        load_weights(stc(), change(tensors(STC)), tables.STC, source="mm_projector.bin")
    assert str(told.value).startswith("mm_projector.bin")


def test_rows_are_split_in_the_order_query_key_value():
    held = tensors(UMT)
    module = umt()
    load_weights(module, held, tables.umt_part(2))
    query = module.state_dict()["encoder.encoder.layer.1.attention.attention.query.weight"]
    assert torch.equal(query, held["vision_encoder.encoder.blocks.1.attn.qkv.weight"][:16])


def write(path, held):
    if path.suffix == ".safetensors":
        save_file(held, path)
    else:
        torch.save(held, path)
    return path


@pytest.mark.parametrize("name", ["a.safetensors", "a.bin", "a.pth", "a.pt", "a.ckpt"])
def test_files_are_read_by_name(name, tmp_path):
    held = tensors(STC)
    read = open_checkpoint(write(tmp_path / name, held))
    assert set(read) == set(held) and all(torch.equal(read[key], held[key]) for key in held)


def test_files_from_before_zip_are_read_too(tmp_path):
    torch.save(tensors(STC), tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    assert set(open_checkpoint(tmp_path / "old.pth")) == set(STC)


@pytest.mark.parametrize("suffix", ["safetensors", "bin"])
def test_shards_are_read_through_their_index(suffix, tmp_path):
    held = tensors(STC, "model.")
    names = sorted(held)
    shards = {name: f"model-0000{1 + number % 3}-of-00003.{suffix}" for number, name in enumerate(names)}
    for shard in set(shards.values()):
        write(tmp_path / shard, {name: held[name] for name in names if shards[name] == shard})
    index = tmp_path / f"model.{suffix}.index.json"
    index.write_text(json.dumps({"metadata": {}, "weight_map": shards}))
    assert len(load_weights(stc(), open_checkpoint(index), tables.STC).loaded) == len(held)
    (tmp_path / shards[names[0]]).unlink()
    with pytest.raises(WeightsError, match="shards are missing"):
        open_checkpoint(index)


def test_facexformer_comes_without_its_optimizer(tmp_path):
    held = {"state_dict_backbone": tensors(FACE) | INDICES, "optimizer": {"state": {0: {"exp_avg": torch.ones(9)}}}}
    read = open_checkpoint(write(tmp_path / "model.pt", held), entry="state_dict_backbone")
    assert set(read) == set(held["state_dict_backbone"])
    assert len(load_weights(face(), read, tables.FACEXFORMER).loaded) == len(FACE)


class Shell:
    def __reduce__(self):
        return print, ("code of a file was run",)


DAMAGED = {
    "no file": (lambda path: None, "no such file"),
    "truncated safetensors": (lambda path: path.write_bytes(path.read_bytes()[:-50]), "cannot be read"),
    "noise": (lambda path: path.write_bytes(b"\x91" * 300), "cannot be read"),
}


@pytest.mark.parametrize("name", ["a.safetensors", "a.pth"])
@pytest.mark.parametrize("situation", DAMAGED)
def test_damaged_files_are_told(situation, name, tmp_path):
    damage, message = DAMAGED[situation]
    path = tmp_path / name
    if situation != "no file":
        write(path, tensors(STC))
    damage(path)
    with pytest.raises(WeightsError, match=message) as told:
        open_checkpoint(path)
    assert str(path) in str(told.value)


def test_code_in_a_file_is_never_run(tmp_path, capsys):
    path = tmp_path / "evil.pt"
    torch.save({"state_dict_backbone": Shell()}, path)
    with pytest.raises(WeightsError, match="code, which is never run"):
        open_checkpoint(path)
    assert "was run" not in capsys.readouterr().out


@pytest.mark.parametrize(
    "held, message", [({"state": 1}, "no entry"), ([torch.ones(1)], "no entry"), ({"model": {}}, "no entry")]
)
def test_a_file_without_the_entry_says_what_it_has(held, message, tmp_path):
    path = tmp_path / "other.pt"
    torch.save(held, path)
    with pytest.raises(WeightsError, match=message):
        open_checkpoint(path, entry="state_dict_backbone")


def test_an_unknown_suffix_is_told(tmp_path):
    (tmp_path / "weights.zip").write_bytes(b"")
    with pytest.raises(WeightsError, match="safetensors"):
        open_checkpoint(tmp_path / "weights.zip")
