"""The parity checks of networks themselves: files of other sizes, seeds and shapes pass, other numbers do not.

The numbers are those of the checks' own first run: what is tested is that nothing is tied to the sizes of any one file.
"""

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="models need the extra facevlm[models]")

from safetensors.numpy import save_file  # noqa: E402

from tests.models import public_layouts  # noqa: E402
from tests.parity.golden import Golden, check_for  # noqa: E402

SWIN = {"patch_size": [2, 2], "embed_dim": 4, "depths": [1, 2, 1, 1], "num_heads": [1, 1, 2, 4], "window_size": [3, 3]}
FILES = {
    "facexformer_other": (
        {"config": {"swin": SWIN, "dim": 16, "mlp_dim": 12, "heads": 2, "B": 3, "image": 48}},
        public_layouts.facexformer(
            embed=4, depths=(1, 2, 1, 1), heads=(1, 1, 2, 4), window=3, patch=2, width=16, mlp=12
        ),
        {},
        ["tap0[:,:,::2,1::2]", "tap3", "pooled", "fused[:,::3]", "image_pe", "src", "tokens", "headpose", "parsing"],
    ),
    "umt_other": (
        {"config": {"img_size": 96, "patch_size": 16, "encoder_embed_dim": 16, "encoder_depth": 3,
                    "encoder_num_heads": 2, "num_frames": 6, "tubelet_size": 1, "return_index": -1}},
        public_layouts.umt(width=16, blocks=3, mlp=64),
        {},
        ["video.encoder", "video.block2[:,::7]", "video_F3.after_layernorm", "image.encoder", "video.patch_embed"],
    ),
    "qformer_other": (
        {"config": {"hidden_size": 24, "num_hidden_layers": 6, "num_attention_heads": 2, "intermediate_size": 30,
                    "max_position_embeddings": 20, "vocab_size": 50, "encoder_width": 18, "cross_attention_freq": 3,
                    "num_query_token": 5, "extra_num_query_token": 1, "proj_out": 22, "layer_norm_eps": 1e-12,
                    "hidden_act": "gelu"}},
        public_layouts.qformer(vision=18, width=24, layers=6, mlp=30, cross_every=3, words=50, text=20, queries=5,
                               extra=1, out=22),
        {"vision": np.random.default_rng(0).normal(size=(3, 4, 18)).astype(np.float32),
         "ids": np.arange(12).reshape(3, 4), "text_mask": np.array([[0, 1, 1, 1]] * 3),
         "vision_mask": np.array([[1, 1, 0, 0]] * 3)},
        ["text.layer5", "notext.layer3", "text.projected[:,::2]", "notext.projected", "text_vmask.last_hidden_state",
         "text.embedding"],
    ),
    "stc_v35_other": (
        {"config": {"mm_hidden_size": 12, "hidden_size": 20, "depth": 2, "mlp_depth": 3, "downsample": [1, 2, 2]}},
        public_layouts.stc(vision=12, width=20, depth=2, mlp_depth=3, downsample=(1, 2, 2)),
        {"2x3x5": np.random.default_rng(0).normal(size=(2, 3, 25, 12)).astype(np.float32)},
        ["2x3x5.s1.b1", "2x3x5.s1", "2x3x5.sampler", "2x3x5.s2[:,::2]", "2x3x5.out"],
    ),
    "stc_v1_by_recipe": (
        {"config": {"mm_hidden_size": 12, "hidden_size": 20, "depth": 2},
         "input_recipe": "features = randn('input.features', (3,4,9,12))"},
        {},
        {},
        ["out[:,::2]", "s1.b1", "sampler"],
    ),
}  # fmt: skip


class Recording(Golden):
    """Takes what a check finds for what a file says."""

    def __init__(self, name, metadata, tensors, outputs):
        self.path, self.metadata, self.tensors = type("Named", (), {"stem": name, "name": name})(), metadata, tensors
        self.outputs = outputs
        self.keys = frozenset([*tensors, *outputs])

    def input(self, key):
        return self.tensors[key]

    def expected(self, key):
        return np.zeros((3, 1))

    def compare(self, key, actual, *, atol=0.0, rtol=0.0):
        self.tensors[key] = np.ascontiguousarray(np.asarray(actual, np.float32))


@pytest.fixture(params=FILES)
def other(request, tmp_path):
    """A file of other sizes, and its tensors."""
    config, layout, inputs, names = FILES[request.param]
    metadata = {"set_seed": "41"} | {k: v if isinstance(v, str) else json.dumps(v) for k, v in config.items()}
    outputs = [f"output.{name}" for name in names] + [f"stats.{name.partition('[')[0]}" for name in names[:2]]
    outputs += ["pos_embed_F6[:,::5]", "img_pos_embed"] if request.param.startswith("umt") else []
    recording = Recording(request.param, metadata, {}, outputs)
    tensors = {f"weights.{name}": np.asarray(recording.weight(name, shape)) for name, shape in layout.items()}
    tensors |= {f"input.{name}": value for name, value in inputs.items()}
    recording = Recording(request.param, metadata, tensors, outputs)
    path = tmp_path / f"{request.param}.safetensors"
    check_for(path)(recording)
    assert set(recording.tensors) == recording.keys
    save_file(recording.tensors, path, metadata=metadata)
    return path, recording.tensors, metadata


def problems(path):
    golden = Golden(path)
    check_for(path)(golden)
    return golden.problems()


def test_a_file_of_other_sizes_passes(other):
    assert problems(other[0]) == []


def test_other_numbers_and_unknown_keys_do_not(other):
    path, tensors, metadata = other
    key = next(key for key in tensors if key.startswith("output."))
    save_file({**tensors, key: tensors[key] + np.float32(2e-3), "output.sense": np.ones(1)}, path, metadata=metadata)
    assert {problem.split(": ")[0] for problem in problems(path)} == {key, "output.sense"}


def test_another_seed_shows_where_anything_is_by_recipe(other):
    path, tensors, metadata = other
    save_file(tensors, path, metadata={**metadata, "set_seed": "42"})
    stored = all(any(key.startswith(kind) for key in tensors) for kind in ("weights.", "input."))
    assert bool(problems(path)) != stored
