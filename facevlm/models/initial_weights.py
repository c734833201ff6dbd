"""First values of the boxes' own parameters, for models built or loaded by transformers."""

from torch import nn
from transformers import initialization as init

from facevlm.models.face_decoder import ChannelNorm
from facevlm.models.facexformer import PositionEncoding
from facevlm.models.moe_adapter import MoeAdapter, ZeroLinear
from facevlm.models.prompt_query import PromptQFormer
from facevlm.models.qformer import QFormerProjector

QUERY_STD = 0.02


def set_initial_weights(module: nn.Module) -> None:
    """Values for what belongs to this module itself; transformers visits those that own a parameter or buffer."""
    if isinstance(module, PositionEncoding):
        init.normal_(module.positional_encoding_gaussian_matrix)
    elif isinstance(module, ChannelNorm):
        init.ones_(module.weight)
        init.zeros_(module.bias)
    elif isinstance(module, QFormerProjector):
        init.normal_(module.query_tokens, std=QUERY_STD)
        init.zeros_(module.extra_query_tokens)
    elif isinstance(module, PromptQFormer):
        init.normal_(module.query_tokens, std=QUERY_STD)
    elif isinstance(module, ZeroLinear):
        init.zeros_(module.weight)
        init.zeros_(module.bias)
    elif isinstance(module, MoeAdapter) and module.config.gate == "free":
        init.zeros_(module.logits)
