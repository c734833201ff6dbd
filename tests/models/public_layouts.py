"""Names and shapes of public checkpoints, written out from their specification and not from our own tables."""

Layout = dict[str, tuple[int, ...]]


def _linear(name: str, out: int, into: int) -> Layout:
    return {f"{name}.weight": (out, into), f"{name}.bias": (out,)}


def _norm(name: str, width: int) -> Layout:
    return {f"{name}.weight": (width,), f"{name}.bias": (width,)}


def facexformer(
    *, embed=128, depths=(2, 2, 18, 2), heads=(4, 8, 16, 32), window=7, patch=4, width=256, mlp=2048
) -> Layout:
    """`state_dict_backbone` of ckpts/model.pt, without the index buffers."""
    names = {"backbone.0.0.0.weight": (embed, 3, patch, patch), "backbone.0.0.0.bias": (embed,)}
    names |= _norm("backbone.0.0.2", embed)
    for stage, (depth, head) in enumerate(zip(depths, heads, strict=True)):
        c = embed * 2**stage
        for block in range(depth):
            at = f"backbone.0.{2 * stage + 1}.{block}"
            names |= _norm(f"{at}.norm1", c) | _norm(f"{at}.norm2", c)
            names |= _linear(f"{at}.attn.qkv", 3 * c, c) | _linear(f"{at}.attn.proj", c, c)
            names[f"{at}.attn.relative_position_bias_table"] = ((2 * window - 1) ** 2, head)
            names |= _linear(f"{at}.mlp.0", 4 * c, c) | _linear(f"{at}.mlp.3", c, 4 * c)
        if stage < 3:
            names |= _norm(f"backbone.0.{2 * stage + 2}.norm", 4 * c)
            names[f"backbone.0.{2 * stage + 2}.reduction.weight"] = (2 * c, 4 * c)
        names |= _linear(f"linear_c.{stage}.proj", width, c)
    names |= _norm("backbone.1", 8 * embed)
    names["linear_fuse.weight"] = (width, 4 * width, 1, 1)
    names["pe_layer.positional_encoding_gaussian_matrix"] = (2, width // 2)
    return names | _face_decoder(width, mlp)


def _face_decoder(width: int, mlp: int) -> Layout:
    at = "face_decoder"
    names: Layout = {f"{at}.mask_tokens.weight": (11, width)}
    outputs = {"landmarks": 136, "pose": 3, "attribute": 40, "visibility": 29, "age": 8, "gender": 2, "race": 5}
    for head, out in outputs.items():
        names[f"{at}.{head}_token.weight"] = (1, width)
        names |= _three_layers(f"{at}.{head}_prediction_head", width, out)
    names |= _three_layers(f"{at}.output_hypernetwork_mlps", width, width // 8)
    names |= {f"{at}.output_upscaling.0.weight": (width, width // 4, 2, 2)}
    names |= {f"{at}.output_upscaling.0.bias": (width // 4,), **_norm(f"{at}.output_upscaling.1", width // 4)}
    names |= {f"{at}.output_upscaling.3.weight": (width // 4, width // 8, 2, 2)}
    names |= {f"{at}.output_upscaling.3.bias": (width // 8,)}
    for layer in range(2):
        here = f"{at}.transformer.layers.{layer}"
        names |= _attention(f"{here}.self_attn", width, width)
        names |= _attention(f"{here}.cross_attn_token_to_image", width, width // 2)
        names |= _attention(f"{here}.cross_attn_image_to_token", width, width // 2)
        names |= _linear(f"{here}.mlp.lin1", mlp, width) | _linear(f"{here}.mlp.lin2", width, mlp)
        for number in range(1, 5):
            names |= _norm(f"{here}.norm{number}", width)
    names |= _attention(f"{at}.transformer.final_attn_token_to_image", width, width // 2)
    return names | _norm(f"{at}.transformer.norm_final_attn", width)


def _three_layers(name: str, width: int, out: int) -> Layout:
    ends = (width, width, out)
    return {k: v for n, end in enumerate(ends) for k, v in _linear(f"{name}.layers.{n}", end, width).items()}


def _attention(name: str, width: int, inner: int) -> Layout:
    names: Layout = {}
    for which in "qkv":
        names |= _linear(f"{name}.{which}_proj", inner, width)
    return names | _linear(f"{name}.out_proj", width, inner)


def umt(*, width=1024, blocks=23, mlp=4096, patch=16) -> Layout:
    """The tower and its LayerNorm in VideoChat2's files."""
    at = "vision_encoder.encoder"
    names: Layout = {f"{at}.patch_embed.proj.weight": (width, 3, 1, patch, patch)}
    names[f"{at}.patch_embed.proj.bias"] = (width,)
    for block in range(blocks):
        here = f"{at}.blocks.{block}"
        names |= _norm(f"{here}.norm1", width) | _norm(f"{here}.norm2", width)
        names |= {f"{here}.attn.qkv.weight": (3 * width, width)}
        names |= {f"{here}.attn.q_bias": (width,), f"{here}.attn.v_bias": (width,)}
        names |= _linear(f"{here}.attn.proj", width, width)
        names |= _linear(f"{here}.mlp.fc1", mlp, width) | _linear(f"{here}.mlp.fc2", width, mlp)
    return names | _norm("vision_layernorm", width)


def qformer(
    *, vision=1024, width=768, layers=12, mlp=3072, cross_every=2, words=30523, text=512, queries=32, extra=64, out=4096
) -> Layout:
    """Queries, Q-Former and projection in VideoChat2's files, without `position_ids`."""
    at = "qformer.bert"
    names: Layout = {f"{at}.embeddings.word_embeddings.weight": (words, width)}
    names |= {f"{at}.embeddings.position_embeddings.weight": (text, width)}
    names |= _norm(f"{at}.embeddings.LayerNorm", width)
    for layer in range(layers):
        here = f"{at}.encoder.layer.{layer}"
        for kind, into in (("attention", width), ("crossattention", vision)):
            if kind == "crossattention" and layer % cross_every:
                continue
            names |= _linear(f"{here}.{kind}.self.query", width, width)
            names |= _linear(f"{here}.{kind}.self.key", width, into) | _linear(f"{here}.{kind}.self.value", width, into)
            names |= _linear(f"{here}.{kind}.output.dense", width, width)
            names |= _norm(f"{here}.{kind}.output.LayerNorm", width)
        for kind in ("", "_query"):
            names |= _linear(f"{here}.intermediate{kind}.dense", mlp, width)
            names |= _linear(f"{here}.output{kind}.dense", width, mlp) | _norm(f"{here}.output{kind}.LayerNorm", width)
    names |= {"query_tokens": (1, queries, width), "extra_query_tokens": (1, extra, width)}
    return names | _linear("mistral_proj", out, width)


def stc(*, vision=1024, width=4096, depth=4, mlp_depth=2, downsample=(2, 2, 2)) -> Layout:
    """mm_projector.bin; both versions have the same names."""
    names: Layout = {}
    for stage in (1, 2):
        for block in range(1, depth + 1):
            at, into = f"mm_projector.s{stage}.b{block}", vision if (stage, block) == (1, 1) else width
            names |= {f"{at}.conv1.conv.weight": (width, into, 1, 1), f"{at}.conv2.conv.weight": (width, 1, 3, 3)}
            names |= {f"{at}.conv3.conv.weight": (width, width, 1, 1)}
            for number in (1, 2, 3):
                names |= _norm(f"{at}.conv{number}.bn", width)
            hidden = round(0.25 * into)
            names |= {f"{at}.se.fc1.weight": (hidden, width, 1, 1), f"{at}.se.fc1.bias": (hidden,)}
            names |= {f"{at}.se.fc2.weight": (width, hidden, 1, 1), f"{at}.se.fc2.bias": (width,)}
            if (stage, block) == (1, 1):
                names |= {f"{at}.downsample.conv.weight": (width, into, 1, 1), **_norm(f"{at}.downsample.bn", width)}
    names |= {"mm_projector.sampler.0.weight": (width, width, *downsample), "mm_projector.sampler.0.bias": (width,)}
    for number in range(mlp_depth):
        names |= _linear(f"mm_projector.readout.{2 * number}", width, width)
    return names


def clip(*, width=1024, layers=24, mlp=4096, image=336, patch=14) -> Layout:
    """The vision tower in OpenAI's CLIP as transformers saved it before version 5."""
    names: Layout = {"vision_model.embeddings.class_embedding": (width,)}
    names["vision_model.embeddings.patch_embedding.weight"] = (width, 3, patch, patch)
    names["vision_model.embeddings.position_embedding.weight"] = ((image // patch) ** 2 + 1, width)
    names |= _norm("vision_model.pre_layrnorm", width) | _norm("vision_model.post_layernorm", width)
    for layer in range(layers):
        at = f"vision_model.encoder.layers.{layer}"
        for which in "qkv":
            names |= _linear(f"{at}.self_attn.{which}_proj", width, width)
        names |= _linear(f"{at}.self_attn.out_proj", width, width)
        names |= _norm(f"{at}.layer_norm1", width) | _norm(f"{at}.layer_norm2", width)
        names |= _linear(f"{at}.mlp.fc1", mlp, width) | _linear(f"{at}.mlp.fc2", width, mlp)
    return names


def favchat_v2(*, width, levels=4, layers=2, queries=16) -> Layout:
    """Encoder and value head of the official repository's components."""
    at = "favchat_encoder"
    names: Layout = {}
    for level in range(levels):
        names |= _cross_block(f"{at}.low_level.layers.{level}", width)
    for branch in ("general", "facial"):
        names[f"{at}.{branch}_qformer.query_tokens"] = (1, queries, width)
        names |= _norm_mlp(f"{at}.{branch}_qformer.prompt_adapter", width, width, width)
        for layer in range(layers):
            names |= _cross_block(f"{at}.{branch}_qformer.layers.{layer}", width)
        for which, out in (("visual_proj", width), ("text_proj", width), ("score", 1)):
            names |= _linear(f"{at}.{branch}_weight_adapter.{which}", out, width)
    return names | _norm(f"{at}.output_norm", width) | _norm_mlp("favchat_value_head.net", width, width, 1)


def _cross_block(at: str, width: int) -> Layout:
    names = _norm(f"{at}.norm_query", width) | _norm(f"{at}.norm_kv", width)
    names |= {f"{at}.attn.in_proj_weight": (3 * width, width), f"{at}.attn.in_proj_bias": (3 * width,)}
    return names | _linear(f"{at}.attn.out_proj", width, width) | _norm_mlp(f"{at}.mlp", width, 4 * width, width)


def _norm_mlp(at: str, width: int, hidden: int, out: int) -> Layout:
    return _norm(f"{at}.0", width) | _linear(f"{at}.1", hidden, width) | _linear(f"{at}.3", out, hidden)
