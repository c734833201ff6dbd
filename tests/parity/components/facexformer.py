"""FaceXFormer: taps, fusion, position encoding, decoder, all heads."""

from tests.parity.golden import Golden


def check(golden: Golden) -> None:
    """Compare everything that is in the file."""
    import torch

    from facevlm.models.facexformer import FaceXFormer, FaceXFormerConfig
    from facevlm.models.reference_weights import FACEXFORMER
    from facevlm.models.weight_loading import load_weights
    from tests.models import public_layouts
    from tests.parity.tensors import Weights, compare_outputs, config, given

    sizes = FaceXFormerConfig(**_sizes(config(golden)))
    layout = public_layouts.facexformer(
        embed=sizes.embed_dim,
        depths=sizes.depths,
        heads=sizes.num_heads,
        window=sizes.window_size,
        patch=sizes.patch_size,
        width=sizes.width,
        mlp=sizes.decoder_mlp,
    )
    model = FaceXFormer(sizes).eval()
    load_weights(model, Weights(golden, layout), FACEXFORMER, source=golden.path)
    batch = config(golden).get("B", 2)
    with torch.inference_mode():
        out = model(given(golden, "image", (batch, 3, sizes.image_size, sizes.image_size)))
    said = out.answers
    outputs = {f"tap{stage}": tap for stage, tap in enumerate(out.features.taps)}
    outputs |= {"pooled": out.features.pooled, "fused": out.fused, "image_pe": out.image_pe}
    outputs |= {"tokens": said.tokens, "src": said.face_tokens, "parsing": said.parsing, "landmarks": said.landmarks}
    outputs |= {"headpose": said.head_pose, "attributes": said.attributes, "visibility": said.visibility}
    outputs |= {"age": said.age, "gender": said.gender, "race": said.race}
    compare_outputs(golden, outputs)


def _sizes(config: dict) -> dict:
    """Fields of our config for the reference's reduced sizes; none for the released ones."""
    if not config:
        return {}
    swin = config["swin"]
    return {
        "image_size": config["image"],
        "patch_size": swin["patch_size"][0],
        "embed_dim": swin["embed_dim"],
        "depths": tuple(swin["depths"]),
        "num_heads": tuple(swin["num_heads"]),
        "window_size": swin["window_size"][0],
        "width": config["dim"],
        "decoder_heads": config["heads"],
        "decoder_mlp": config["mlp_dim"],
    }
