"""UMT: position tables, patches, blocks, tower and LayerNorm, for clips of any number of frames and for pictures."""

import re

import numpy as np

from tests.parity.golden import Golden


def check(golden: Golden) -> None:
    """Compare everything that is in the file."""
    import torch

    from facevlm.models.reference_weights import umt_part
    from facevlm.models.umt import Umt, UmtConfig, position_table
    from facevlm.models.weight_loading import load_weights
    from tests.models import public_layouts
    from tests.parity.tensors import Weights, compare_outputs, config, given, slices

    sizes = config(golden)
    width, patch, mlp = sizes["encoder_embed_dim"], sizes["patch_size"], int(4 * sizes["encoder_embed_dim"])
    blocks = sizes["encoder_depth"] + sizes["return_index"] + 1
    ours = UmtConfig(width=width, blocks=blocks, heads=sizes["encoder_num_heads"], mlp_width=mlp, patch_size=patch)
    model = Umt(ours).eval()
    layout = public_layouts.umt(width=width, blocks=blocks, mlp=mlp, patch=patch)
    load_weights(model, Weights(golden, layout), umt_part(blocks), source=golden.path)
    side = sizes["img_size"]
    if "params" in golden.metadata:
        _count(golden, model.encoder)

    for key in golden.keys:
        if match := re.fullmatch(r"(img_)?pos_embed(?:_F(\d+))?(?:\[(.+)\])?", key):
            frames = 1 if match[1] else int(match[2] or sizes["num_frames"])
            table = position_table(frames, (side // patch, side // patch), width)
            golden.compare(key, (table[slices(match[3])] if match[3] else table).numpy(), atol=1e-5)

    for case in sorted({_case(key) for key in golden.keys if key.startswith(("output.", "stats."))}):
        clip = _clip(golden, case, sizes, given)
        taps = sorted({int(n) for key in golden.keys for n in re.findall(r"\bblock(\d+)\b", key)})
        with torch.inference_mode():
            out = model(clip, taps=taps)
            patches = model.embed_patches(clip)
        named = {"encoder": out.tower, "after_layernorm": out.tokens, "patch_embed": patches}
        named |= {f"block{number}": tap for number, tap in zip(taps, out.taps, strict=True)}
        compare_outputs(golden, {f"{case}.{name}" if case else name: value for name, value in named.items()})


def _case(key: str) -> str:
    """video, video_F12, image, or "" where there is one case only."""
    match = re.match(r"(?:output|stats)\.(video(?:_F\d+)?|image)\.", key)
    return match[1] if match else ""


def _clip(golden: Golden, case: str, sizes: dict, given):
    """float (B, 3, F, H, W)."""
    import torch

    side = sizes["img_size"]
    start = f"output.{case}." if case else "output."
    batch = len(golden.expected(next(key for key in sorted(golden.keys) if key.startswith(start))))
    if case == "image":
        stored = given(golden, "image", (batch, 3, 1, side, side))
        if len(stored) == batch:
            return stored
        whole = golden.randn("input.image", (batch, *stored.shape[1:]))
        golden.compare("input.image", whole[: len(stored)], atol=0.0)
        return torch.from_numpy(np.asarray(whole))
    frames = int(case.partition("_F")[2] or sizes["num_frames"])
    name = "video" if f"input.{case}" not in golden.keys else case
    return given(golden, name, (batch, 3, frames, side, side))


def _count(golden: Golden, module) -> None:
    """The number of parameters, as the file's head tells it."""
    count = sum(parameter.numel() for parameter in module.parameters())
    assert count == int(golden.metadata["params"]), f"{count} parameters"
