"""Q-Former projector: with and without instruction and vision mask."""

import re

from tests.parity.golden import Golden


def check(golden: Golden) -> None:
    """Compare everything that is in the file; the cases without text through both classes."""
    import torch

    from facevlm.models.qformer import QFormerConfig, QFormerProjector
    from facevlm.models.reference_weights import qformer_part
    from facevlm.models.weight_loading import load_weights
    from tests.models import public_layouts
    from tests.parity.tensors import Weights, compare_outputs, config, given

    sizes = _sizes(config(golden))
    ours = QFormerConfig(**sizes)
    layout = public_layouts.qformer(
        vision=ours.vision_width,
        width=ours.width,
        layers=ours.layers,
        mlp=ours.mlp_width,
        words=ours.vocabulary,
        cross_every=ours.cross_every,
        text=ours.max_text,
        queries=ours.queries,
        extra=ours.extra_queries,
        out=ours.out_width,
    )
    vision = given(golden, "vision")
    cases = {key.split(".")[1] for key in golden.keys if re.match(r"(output|stats)\.(no)?text", key)}
    for text in (True, False):
        model = QFormerProjector(QFormerConfig(**sizes, text=text)).eval()
        load_weights(model, Weights(golden, layout), qformer_part(text=text), source=golden.path)
        if text and "params" in golden.metadata:
            count = sum(parameter.numel() for parameter in model.parameters())
            assert count == int(golden.metadata["params"]), f"{count} parameters"
        for case in sorted(cases):
            if not text and not case.startswith("notext"):
                continue
            asked = {}
            if case.startswith("text"):
                asked = {"instruction": given(golden, "ids"), "instruction_mask": given(golden, "text_mask")}
            if case.endswith("vmask"):
                asked["vision_mask"] = given(golden, "vision_mask")
            with torch.inference_mode():
                out = model(vision, **asked, all_layers=True)
            named = {"embedding": out.layers[0], "last_hidden_state": out.last, "projected": out.tokens}
            named |= {f"layer{number}": layer for number, layer in enumerate(out.layers[1:])}
            compare_outputs(golden, {f"{case}.{name}": value for name, value in named.items()})


def _sizes(config: dict) -> dict:
    if not config:
        return {}
    assert config["hidden_act"] == "gelu"
    return {
        "vision_width": config["encoder_width"],
        "width": config["hidden_size"],
        "layers": config["num_hidden_layers"],
        "heads": config["num_attention_heads"],
        "mlp_width": config["intermediate_size"],
        "vocabulary": config["vocab_size"],
        "cross_every": config["cross_attention_freq"],
        "max_text": config["max_position_embeddings"],
        "queries": config["num_query_token"],
        "extra_queries": config["extra_num_query_token"],
        "out_width": config["proj_out"],
    }
