"""Name tables of public checkpoints: how each is called there, how here.

    part        public file                                                  what is taken
    FACEXFORMER kartiknarayan/facexformer ckpts/model.pt                      `state_dict_backbone`
    UMT         umt_l16_qformer.pth, VideoChat2, UMT's own l16_25m.pth        the tower, and the LayerNorm where it is
    QFORMER     umt_l16_qformer.pth, VideoChat2                               queries, Q-Former and projection
    STC         VideoLLaMA2's shards, or mm_projector.bin                     `mm_projector.*`
    CLIP        openai/clip-vit-large-patch14-336, or VideoLLaMA2's shards    the vision tower
    FAVCHAT_V2  the official repository's components                          encoder
    LANGUAGE    Mistral and its like, VideoLLaMA2's shards, VideoChat2        the decoder; LoRA: `lora_keys`

Names outside a part are other parts of the same file, and are reported. Layouts follow the code that saves and loads
the files; no such file was opened to write them. `weight_loading` applies the tables.
"""

from facevlm.models.weight_loading import Part, Rule

_SWIN_BLOCK = r"backbone\.0\.{stage}\.(\d+)\."
_SWIN_HERE = r"backbone.encoder.layers.{stage}.blocks.\1."


def _swin_rules() -> tuple[Rule, ...]:
    rules = [
        Rule(r"backbone\.0\.0\.0\.(.+)", r"backbone.embeddings.patch_embeddings.projection.\1"),
        Rule(r"backbone\.0\.0\.2\.(.+)", r"backbone.embeddings.norm.\1"),
        Rule(r"backbone\.1\.(.+)", r"backbone.layernorm.\1"),
    ]
    for stage in range(4):  # stages are the odd entries of the sequence, mergings the even ones
        there, here = _SWIN_BLOCK.format(stage=2 * stage + 1), _SWIN_HERE.format(stage=stage)
        attention = here + "attention."
        rules += [
            Rule(there + r"attn\.relative_position_index", None),  # made anew, in the same order
            Rule(
                there + r"attn\.relative_position_bias_table",
                attention + "relative_position_bias.relative_position_bias_table",
            ),
            Rule(there + r"attn\.qkv\.(.+)", tuple(rf"{attention}{x}_proj.\2" for x in "qkv")),
            Rule(there + r"attn\.proj\.(.+)", attention + r"o_proj.\2"),
            Rule(there + r"norm1\.(.+)", here + r"layernorm_before.\2"),
            Rule(there + r"norm2\.(.+)", here + r"layernorm_after.\2"),
            Rule(there + r"mlp\.0\.(.+)", here + r"mlp.fc1.\2"),
            Rule(there + r"mlp\.3\.(.+)", here + r"mlp.fc2.\2"),
            Rule(
                rf"backbone\.0\.{2 * stage + 2}\.(norm|reduction)\.(.+)",
                rf"backbone.encoder.layers.{stage}.downsample.\1.\2",
            ),
        ]
    return tuple(rules)


FACEXFORMER = Part(
    wrapper=r"module\.",
    belongs=r"backbone\.|linear_c\.|linear_fuse\.|pe_layer\.|face_decoder\.",
    rules=(*_swin_rules(), Rule(r"((?:linear_c|linear_fuse|pe_layer|face_decoder)\..+)", r"\1")),
)

_SAVED_BLOCK = r"(backbone\.encoder\.layers\.\d+\.blocks\.\d+\.)"
_TABLE = "relative_position_bias_table"
FACEXFORMER_SAVED = Part(  # in a whole model, with the names of Swin as transformers writes them, or has them in memory
    wrapper=r"facexformer\.",
    belongs=FACEXFORMER.belongs,
    rules=(
        *(Rule(_SAVED_BLOCK + rf"attention\.self\.{x}\w+\.(.+)", rf"\1attention.{x}_proj.\2") for x in "qkv"),
        Rule(_SAVED_BLOCK + rf"attention\.self\.{_TABLE}", rf"\1attention.relative_position_bias.{_TABLE}"),
        Rule(_SAVED_BLOCK + r"attention\.output\.dense\.(.+)", r"\1attention.o_proj.\2"),
        Rule(_SAVED_BLOCK + r"intermediate\.dense\.(.+)", r"\1mlp.fc1.\2"),
        Rule(_SAVED_BLOCK + r"output\.dense\.(.+)", r"\1mlp.fc2.\2"),
        Rule(r"(.+)", r"\1"),
    ),
)

_UMT_BLOCK = r"encoder\.blocks\.(\d+)\."
_UMT_HERE = r"encoder.encoder.layer.\1."


def umt_part(blocks: int = 23) -> Part:
    """The table of UMT for a tower of that many blocks; later blocks of older files are dropped."""
    return Part(
        wrapper=r"vision_encoder\.",
        belongs=r"encoder\.|vision_layernorm\.|clip_decoder\.|pool_norm\.",
        rules=(
            Rule(r"vision_layernorm\.(.+)", r"layernorm.\1"),
            Rule(rf"encoder\.blocks\.(?!(?:{'|'.join(map(str, range(blocks)))})\.)\d+\..+", None),
            Rule(r"encoder\.norm\..+|clip_decoder\..+|pool_norm\..+", None),
            Rule(r"encoder\.patch_embed\.proj\.(.+)", r"encoder.embeddings.patch_embeddings.projection.\1"),
            Rule(
                _UMT_BLOCK + r"attn\.qkv\.weight",
                tuple(f"{_UMT_HERE}attention.attention.{x}.weight" for x in ("query", "key", "value")),
            ),
            Rule(_UMT_BLOCK + r"attn\.q_bias", _UMT_HERE + "attention.attention.query.bias"),
            Rule(_UMT_BLOCK + r"attn\.v_bias", _UMT_HERE + "attention.attention.value.bias"),
            Rule(_UMT_BLOCK + r"attn\.proj\.(.+)", _UMT_HERE + r"attention.output.dense.\2"),
            Rule(_UMT_BLOCK + r"norm1\.(.+)", _UMT_HERE + r"layernorm_before.\2"),
            Rule(_UMT_BLOCK + r"norm2\.(.+)", _UMT_HERE + r"layernorm_after.\2"),
            Rule(_UMT_BLOCK + r"mlp\.fc1\.(.+)", _UMT_HERE + r"intermediate.dense.\2"),
            Rule(_UMT_BLOCK + r"mlp\.fc2\.(.+)", _UMT_HERE + r"output.dense.\2"),
        ),
    )


UMT = umt_part()

_BERT = r"qformer\.bert\."
_BERT_LAYER = _BERT + r"encoder\.layer\.(\d+)\."
_QFORMER_LAYER = r"qformer.encoder.layer.\1."


def qformer_part(*, text: bool = True) -> Part:
    """The table of the Q-Former, for one with or without instruction; without, the text's weights are dropped."""
    embeddings = "qformer.embeddings.layernorm" if text else "qformer.layernorm"
    text_rules = (
        (
            Rule(_BERT + r"embeddings\.(word|position)_embeddings\.weight", r"qformer.embeddings.\1_embeddings.weight"),
            Rule(_BERT_LAYER + r"(intermediate|output)\.(.+)", _QFORMER_LAYER + r"\2.\3"),
        )
        if text
        else (
            Rule(_BERT + r"embeddings\.(?:word|position)_embeddings\.weight", None),
            Rule(_BERT_LAYER + r"(?:intermediate|output)\..+", None),
        )
    )
    return Part(
        wrapper="",
        belongs=r"qformer\.|(?:extra_)?query_tokens|mistral_proj\.",
        rules=(
            Rule(r"((?:extra_)?query_tokens)", r"\1"),
            Rule(r"mistral_proj\.(.+)", r"proj.\1"),
            Rule(r"qformer\.cls\..+|qformer\.bert\.embeddings\.position_ids", None),
            Rule(_BERT + r"embeddings\.LayerNorm\.(.+)", embeddings + r".\1"),
            Rule(_BERT_LAYER + r"(attention|crossattention)\.self\.(.+)", _QFORMER_LAYER + r"\2.attention.\3"),
            Rule(_BERT_LAYER + r"(attention|crossattention)\.output\.(.+)", _QFORMER_LAYER + r"\2.output.\3"),
            Rule(_BERT_LAYER + r"(intermediate_query|output_query)\.(.+)", _QFORMER_LAYER + r"\2.\3"),
            *text_rules,
        ),
    )


QFORMER = qformer_part()

STC = Part(
    wrapper=r"model\.",
    belongs=r"mm_projector\.",
    rules=(Rule(r"mm_projector\.((?:s1|s2|sampler|readout)\..+)", r"\1"),),
)

CLIP = Part(
    wrapper=r"(?:model\.)?vision_tower\.vision_tower\.",
    belongs=r"vision_model\.",
    rules=(
        Rule(r"vision_model\.embeddings\.position_ids", None),
        Rule(r"vision_model\.(.+)", r"vision_model.\1"),
    ),
)

LANGUAGE = Part(
    wrapper=r"(?:(?:mistral|llama)_model\.)?(?:base_model\.model\.)?",
    belongs=r"model\.(?:embed_tokens|layers|norm)\.|lm_head\.",
    rules=(
        Rule(r".+\.rotary_emb\.inv_freq", None),  # made anew
        Rule(r"(.+)\.base_layer\.(.+)", r"\1.\2"),  # where PEFT put an adapter around it
        Rule(r"(.+)", r"\1"),
    ),
)

FAVCHAT_V2 = Part(
    wrapper="",
    belongs=r"favchat_encoder\.",
    rules=(Rule(r"favchat_encoder\.(.+)", r"\1"),),
)
FAVCHAT_V2_VALUE = Part(
    wrapper="",
    belongs=r"favchat_value_head\.",
    rules=(Rule(r"favchat_value_head\.(.+)", r"\1"),),
)
