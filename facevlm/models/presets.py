"""Named sizes of whole models, as plain dicts: the papers' own, and `tiny` ones that run anywhere in a second.

Tiny models have random weights: their words are noise.
"""

from typing import Any

TINY_TEXT = {
    "model_type": "mistral",
    "vocab_size": 320,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 2048,
    "sliding_window": None,
}
TINY_FACE = {
    "embed_dim": 8,
    "depths": [1, 1, 2, 1],
    "num_heads": [1, 2, 4, 8],
    "width": 32,
    "decoder_heads": 4,
    "decoder_mlp": 48,
}

FAVCHAT: dict[str, dict[str, Any]] = {
    "favchat-7b": {},
    "tiny": {
        "text_config": TINY_TEXT,
        "umt": {"width": 32, "blocks": 4, "heads": 4, "mlp_width": 64},
        "facexformer": TINY_FACE,
        "granularity": {"width": 32, "heads": 4, "max_side": 7},
        "qformer": {
            "width": 24,
            "layers": 2,
            "heads": 4,
            "mlp_width": 48,
            "vocabulary": 320,
            "max_text": 64,
            "queries": 4,
            "extra_queries": 4,
        },
        "moe": {"gate_width": 16, "expert_width": 32},
        "video_token_id": 319,
    },
}
FAVCHAT_V2: dict[str, dict[str, Any]] = {
    "favchat-v2-7b": {},
    "tiny": {
        "text_config": TINY_TEXT,
        "umt": {"width": 32, "blocks": 4, "heads": 4, "mlp_width": 64},
        "facexformer": TINY_FACE,
        "prompt_query": {"heads": 4, "qformer_layers": 1, "queries": 8},
        "max_side": 7,
        "video_token_id": 319,
    },
}
FACETRACK_MM: dict[str, dict[str, Any]] = {
    "facetrack-mm-7b": {},
    "tiny": {
        "text_config": TINY_TEXT,
        "clip": {"image_size": 56, "width": 32, "layers": 3, "heads": 4, "mlp_width": 64},
        "stc": {"depth": 1},
        "facexformer": TINY_FACE,
        "face_branch": {"hidden_width": 32},
        "frames": 4,
        "video_token_id": 318,
        "face_token_id": 319,
    },
}
