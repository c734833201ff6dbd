"""STC connector, v1 and v35: bottlenecks, sampler, bottlenecks, readout."""

import re

from tests.parity.golden import Golden

ATOL = 5e-5  # a LayerNorm eps of 1e-6 instead of 1e-5 shows as 4e-4


def check(golden: Golden) -> None:
    """Compare everything that is in the file; the version stands in its name."""
    import torch

    from facevlm.models.reference_weights import STC
    from facevlm.models.stc import Stc, StcConfig
    from facevlm.models.weight_loading import load_weights
    from tests.models import public_layouts
    from tests.parity.tensors import Weights, compare_outputs, config, given

    sizes = config(golden)
    version = re.search(r"v1|v35", golden.path.stem)
    assert version, f"{golden.path.name} names no version"
    ours = StcConfig(
        vision_width=sizes["mm_hidden_size"],
        width=sizes["hidden_size"],
        depth=sizes.get("depth", 4),
        mlp_depth=sizes.get("mlp_depth", 2),
        downsample=tuple(sizes.get("downsample", (2, 2, 2))),
        version=version[0],
    )
    layout = public_layouts.stc(
        vision=ours.vision_width,
        width=ours.width,
        depth=ours.depth,
        mlp_depth=ours.mlp_depth,
        downsample=ours.downsample,
    )
    model = Stc(ours).eval()
    load_weights(model, Weights(golden, layout), STC, source=golden.path)
    if "params" in golden.metadata:
        count = sum(parameter.numel() for parameter in model.parameters())
        assert count == int(golden.metadata["params"]), f"{count} parameters"
    for case, shape in _cases(golden).items():
        features = given(golden, case or "features", shape)
        with torch.inference_mode():
            out = model(features)
            first = model.s1[0](
                features.flatten(0, 1).transpose(1, 2).unflatten(2, (round(features.shape[2] ** 0.5), -1))
            )
        named = {"s1.b1": first, "s1": out.before, "sampler": out.sampled, "s2": out.after, "out": out.tokens}
        compare_outputs(golden, {f"{case}.{name}" if case else name: t for name, t in named.items()}, atol=ATOL)


def _cases(golden: Golden) -> dict[str, tuple[int, ...]]:
    """Case -> shape of its input: `BxTxH` cases, or the one whose recipe stands in the file's head."""
    stored = [key.removeprefix("input.") for key in golden.keys if re.fullmatch(r"input\.\d+x\d+x\d+", key)]
    if stored:
        return dict.fromkeys(sorted(stored), ())
    return {"": ()}
