"""FaVChat v2: encoder, value head, choice of levels, DE-GRPO's advantages over successive batches."""

import re

import numpy as np

from tests.parity.golden import Golden


def check(golden: Golden) -> None:
    """Compare everything that is in the file."""
    import torch

    from facevlm.models.prompt_query import PromptQueryConfig, PromptQueryEncoder, ValueHead, level_indices
    from facevlm.models.reference_weights import FAVCHAT_V2, FAVCHAT_V2_VALUE
    from facevlm.models.weight_loading import load_weights
    from tests.models import public_layouts
    from tests.parity.tensors import Weights, compare_outputs, config

    sizes = config(golden)
    ours = PromptQueryConfig(
        width=sizes["hidden_size"],
        heads=sizes["num_heads"],
        levels=sizes["num_low_level_layers"],
        qformer_layers=sizes["num_qformer_layers"],
        queries=sizes["num_queries"],
    )
    layout = public_layouts.favchat_v2(
        width=ours.width, levels=ours.levels, layers=ours.qformer_layers, queries=ours.queries
    )
    encoder, value = PromptQueryEncoder(ours).eval(), ValueHead(ours.width).eval()
    weights = Weights(golden, layout)
    load_weights(encoder, weights, FAVCHAT_V2, source=golden.path)
    load_weights(value, weights, FAVCHAT_V2_VALUE, source=golden.path)
    text, general = (torch.from_numpy(golden.input(f"input.{name}")) for name in ("text", "general"))
    levels = [torch.from_numpy(golden.input(f"input.pyramid{level}")) for level in range(ours.levels)]
    with torch.inference_mode():
        out = encoder(text, general, levels)
        outputs = dict(vars(out)) | {"value": value(out.fused_tokens)}
    compare_outputs(golden, outputs)
    for key in golden.keys:
        if match := re.fullmatch(r"pyramid_indices_(\d+)_(\d+)", key):
            golden.compare(key, np.array(level_indices(int(match[1]), int(match[2]))), atol=0)
    _degrpo(golden)


def _degrpo(golden: Golden) -> None:
    """Successive calls that share the state."""
    import torch

    from facevlm.models.degrpo import DeGrpoConfig, degrpo_advantages

    head = golden.metadata.get("degrpo", "")
    batches = re.findall(r"\[([\w,\s]+)\]", head.split(";")[0])
    numbers = {name: float(value) for name, value in re.findall(r"(remove|keep|smoothing|decay) (\.?\d+\.?\d*)", head)}
    state: dict = {}
    for call, ids in enumerate(batches):
        at = f"degrpo.{call}."
        read = {n: torch.from_numpy(golden.input(at + n)) for n in ("rewards", "logps", "mask", "baseline")}
        out = degrpo_advantages(
            read["rewards"],
            read["logps"],
            read["mask"],
            values=read["baseline"],
            problems=[name.strip() for name in ids.split(",")],
            utilities=state,
            config=DeGrpoConfig(**numbers),
        )
        state = out.utilities
        golden.compare(at + "advantages", out.advantages.numpy(), atol=1e-4, rtol=1e-4)
        golden.compare(at + "std", out.std.numpy(), atol=1e-4, rtol=1e-4)
        (key,) = (key for key in golden.keys if key.startswith(at + "state_"))
        ours = np.array([state.get(name, np.nan) for name in key.removeprefix(at + "state_")])
        assert (np.isnan(ours) == np.isnan(golden.expected(key))).all(), f"{key}: other problems known"
        _compare_known(golden, key, ours)


def _compare_known(golden: Golden, key: str, ours: np.ndarray) -> None:
    """NaN stands for a problem never seen, on both sides."""
    read = golden._read
    golden._read = lambda name: np.nan_to_num(read(name), nan=-1.0)
    golden.compare(key, np.nan_to_num(ours, nan=-1.0), atol=1e-4, rtol=1e-4)
    golden._read = read
