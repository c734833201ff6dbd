"""Q-Former projector of VideoChat2 (arXiv:2311.17005), which FaVChat uses once per branch: vision to 96 tokens.

BERT-shaped queries that read the vision tokens in every other layer and, with `text`, see the instruction in their
self-attention. `InstructBlipQFormerModel` (with text) or `Blip2QFormerModel` (without) of transformers.

FaVChat says "two linear layers": taken as one Linear per branch, VideoChat2's; `projector="mlp2"` is
the other reading. Stochastic depth of VideoChat2's training is not implemented.
"""

from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn
from transformers import Blip2QFormerConfig, Blip2QFormerModel, InstructBlipQFormerConfig, InstructBlipQFormerModel

from facevlm.errors import InputError
from facevlm.models.config import check_choices


@dataclass(frozen=True)
class QFormerConfig:
    """Sizes of the projector; the defaults are VideoChat2-Mistral's.

    Attributes:
        vision_width: Channels of the vision tokens.
        width: Channels of a query.
        layers: Layers.
        cross_every: Every how many layers, from the first, the vision tokens are read.
        heads: Attention heads.
        mlp_width: Hidden width of the MLPs.
        vocabulary: Words of the instruction's tokenizer: BERT's and `[DEC]`.
        max_text: Longest instruction, in tokens.
        queries: Learned queries of VideoChat2's first stage.
        extra_queries: Queries added in its second stage; they start as zeros.
        text: Whether the queries see an instruction.
        projector: "linear", or "mlp2" for Linear, GELU, Linear.
        out_width: Channels of the tokens that come out: the language model's.
        dropout: In attention and MLPs while training.
    """

    vision_width: int = 1024
    width: int = 768
    layers: int = 12
    cross_every: int = 2
    heads: int = 12
    mlp_width: int = 3072
    vocabulary: int = 30523
    max_text: int = 512
    queries: int = 32
    extra_queries: int = 64
    text: bool = True
    projector: Literal["linear", "mlp2"] = "linear"
    out_width: int = 4096
    dropout: float = 0.1

    def __post_init__(self) -> None:
        check_choices(self)

    @property
    def tokens(self) -> int:
        """Tokens that come out: 96."""
        return self.queries + self.extra_queries


@dataclass(frozen=True)
class QFormerOutput:
    """What the queries found in B samples.

    Attributes:
        tokens: Projected queries, (B, 96, out_width).
        last: Last hidden state of queries and, after them, text, (B, 96 + L, width).
        layers: Output of the embedding and of each layer, when asked for; shapes as `last`.
    """

    tokens: Tensor
    last: Tensor
    layers: tuple[Tensor, ...] = ()


class QFormerProjector(nn.Module):
    """Queries, Q-Former and projection: 185,344,768 parameters at full size."""

    def __init__(self, config: QFormerConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or QFormerConfig()
        sizes: dict[str, Any] = {
            "hidden_size": config.width,
            "num_hidden_layers": config.layers,
            "num_attention_heads": config.heads,
            "intermediate_size": config.mlp_width,
            "vocab_size": config.vocabulary,
            "max_position_embeddings": config.max_text,
            "encoder_hidden_size": config.vision_width,
            "cross_attention_frequency": config.cross_every,
            "layer_norm_eps": 1e-12,
            "hidden_dropout_prob": config.dropout,
            "attention_probs_dropout_prob": config.dropout,
        }
        self.qformer: InstructBlipQFormerModel | Blip2QFormerModel
        if config.text:
            self.qformer = InstructBlipQFormerModel(InstructBlipQFormerConfig(**sizes))
        else:
            self.qformer = Blip2QFormerModel(Blip2QFormerConfig(**sizes))
        self.query_tokens = nn.Parameter(torch.randn(1, config.queries, config.width) * 0.02)
        self.extra_query_tokens = nn.Parameter(torch.zeros(1, config.extra_queries, config.width))
        self.proj: nn.Module = nn.Linear(config.width, config.out_width)
        if config.projector == "mlp2":
            self.proj = nn.Sequential(self.proj, nn.GELU(), nn.Linear(config.out_width, config.out_width))

    def forward(
        self,
        vision: Tensor,
        *,
        vision_mask: Tensor | None = None,
        instruction: Tensor | None = None,
        instruction_mask: Tensor | None = None,
        all_layers: bool = False,
    ) -> QFormerOutput:
        """Read vision tokens, guided by an instruction.

        Args:
            vision: (B, N, vision_width).
            vision_mask: (B, N), 0 where there is nothing to read; None reads all.
            instruction: int64 (B, L) token ids, padded on the left; positions count from the padded start. None for
                queries alone.
            instruction_mask: (B, L), 0 on padding; None where nothing is padded.
            all_layers: Give the layers' outputs too.

        Raises:
            InputError: An instruction for a Q-Former without text, or longer than `max_text`.
        """
        batch = len(vision)
        queries = torch.cat([self.query_tokens, self.extra_query_tokens], dim=1).expand(batch, -1, -1)
        given: dict[str, Tensor] = {}
        if instruction is not None:
            if not self.config.text or instruction.shape[1] > self.config.max_text:
                limit = self.config.max_text if self.config.text else 0
                raise InputError(f"an instruction of {instruction.shape[1]} tokens, but the Q-Former reads {limit}")
            mask = torch.ones_like(instruction) if instruction_mask is None else instruction_mask
            ones = mask.new_ones(batch, queries.shape[1])
            given = {"input_ids": instruction, "attention_mask": torch.cat([ones, mask], dim=1)}
        elif self.config.text:
            given = {"input_ids": None}  # type: ignore[dict-item]
        seen = self.qformer(
            query_embeds=queries,
            encoder_hidden_states=vision,
            encoder_attention_mask=vision_mask,
            output_hidden_states=all_layers,
            **given,
        )
        last = seen.last_hidden_state
        tokens = self.proj(last[:, : queries.shape[1]])
        return QFormerOutput(tokens=tokens, last=last, layers=tuple(seen.hidden_states or ()))
