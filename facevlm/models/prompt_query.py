"""Prompt-query guided encoder of FaVChat v2: the question reads visual levels, two Q-Formers gather, a gate merges.

After `favchat_components.py` of the official repository, which implements the paper's later version; all in the
language model's width. Names as there. Where its inputs come from is up to the caller: `favchat_v2.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from facevlm.errors import InputError

HEAD_WIDTH = 128


@dataclass(frozen=True)
class PromptQueryConfig:
    """Sizes of the encoder; the defaults are the released code's over a language model of width 4096.

    Attributes:
        width: Channels H of everything.
        heads: Attention heads; None for min(8, width / 128).
        levels: Visual levels.
        qformer_layers: Blocks of each Q-Former.
        queries: Queries of each Q-Former, and fused tokens that come out.
    """

    width: int = 4096
    heads: int | None = None
    levels: int = 4
    qformer_layers: int = 2
    queries: int = 16

    @property
    def attention_heads(self) -> int:
        """Heads of every attention."""
        return self.heads or max(1, min(8, self.width // HEAD_WIDTH))


@dataclass(frozen=True)
class PromptQueryOutput:
    """What the encoder makes of B samples.

    Attributes:
        fused_tokens: (B, Q, H).
        general_tokens, facial_tokens: What each Q-Former gathered, (B, Q, H).
        general_weight, facial_weight: Weights of the merge, (B, 1), which sum to 1.
        low_level: The question after it read all levels, (B, L, H).
    """

    fused_tokens: Tensor
    general_tokens: Tensor
    facial_tokens: Tensor
    general_weight: Tensor
    facial_weight: Tensor
    low_level: Tensor


class PromptQueryEncoder(nn.Module):
    """Low level, middle level, high level."""

    def __init__(self, config: PromptQueryConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or PromptQueryConfig()
        self.low_level = _Stack(config, config.levels)
        self.general_qformer = PromptQFormer(config)
        self.facial_qformer = PromptQFormer(config)
        self.general_weight_adapter = WeightAdapter(config.width)
        self.facial_weight_adapter = WeightAdapter(config.width)
        self.output_norm = nn.LayerNorm(config.width)

    def forward(
        self, text: Tensor, general: Tensor, levels: Sequence[Tensor], *, text_mask: Tensor | None = None
    ) -> PromptQueryOutput:
        """Encode.

        Args:
            text: The question's embeddings, (B, L, H).
            general: General visual tokens, (B, N, H).
            levels: Visual levels, shallow to deep, each (B, N_i, H).
            text_mask: (B, L), 0 on padding, which is then left out of the means and not read; None where there is none.

        Raises:
            InputError: The number of levels does not fit.
        """
        if len(levels) != self.config.levels:
            raise InputError(f"{len(levels)} visual levels for an encoder of {self.config.levels}")
        read = text
        for block, level in zip(self.low_level.layers, levels, strict=True):
            read = block(read, level)
        question = _mean(text, text_mask)
        general_tokens = self.general_qformer(general, question)
        facial_tokens = self.facial_qformer(read, question, mask=text_mask)
        scores = [
            self.general_weight_adapter(general_tokens.mean(1), question),
            self.facial_weight_adapter(facial_tokens.mean(1), question),
        ]
        general_weight, facial_weight = torch.cat(scores, dim=-1).softmax(-1).split(1, dim=-1)
        merged = general_weight[..., None] * general_tokens + facial_weight[..., None] * facial_tokens
        return PromptQueryOutput(
            fused_tokens=self.output_norm(merged),
            general_tokens=general_tokens,
            facial_tokens=facial_tokens,
            general_weight=general_weight,
            facial_weight=facial_weight,
            low_level=read,
        )


class PromptQFormer(nn.Module):
    """Learned queries, moved by the question, that read tokens."""

    def __init__(self, config: PromptQueryConfig) -> None:
        super().__init__()
        self.query_tokens = nn.Parameter(torch.randn(1, config.queries, config.width) * 0.02)
        self.prompt_adapter = _norm_mlp(config.width, config.width, config.width)
        self.layers = _Stack(config, config.qformer_layers).layers

    def forward(self, tokens: Tensor, question: Tensor, *, mask: Tensor | None = None) -> Tensor:
        """Tokens (B, N, H), mean of the question (B, H) -> (B, Q, H)."""
        queries = self.query_tokens + self.prompt_adapter(question)[:, None]
        for block in self.layers:
            queries = block(queries, tokens, mask=mask)
        return queries


class CrossBlock(nn.Module):
    """Pre-norm cross-attention and MLP, both with residuals."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm_query, self.norm_kv = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attn = CrossAttention(width, heads)
        self.mlp = _norm_mlp(width, 4 * width, width)

    def forward(self, query: Tensor, tokens: Tensor, *, mask: Tensor | None = None) -> Tensor:
        """Query (B, N, H), tokens (B, M, H), mask (B, M) with 0 on what is not read -> (B, N, H)."""
        query = query + self.attn(self.norm_query(query), self.norm_kv(tokens), mask=mask)
        return query + self.mlp(query)


class CrossAttention(nn.MultiheadAttention):
    """Torch's attention, but that every part is called, so that accelerate can bring it from another device."""

    def forward(self, query: Tensor, tokens: Tensor, *, mask: Tensor | None = None) -> Tensor:  # type: ignore[override]
        """Query (B, N, H), tokens (B, M, H), mask (B, M) with 0 on what is not read -> (B, N, H)."""
        weights, biases = self.in_proj_weight.chunk(3), self.in_proj_bias.chunk(3)
        q, k, v = (
            F.linear(x, weight, bias).unflatten(-1, (self.num_heads, -1)).transpose(1, 2)
            for x, weight, bias in zip((query, tokens, tokens), weights, biases, strict=True)
        )
        is_read = None if mask is None else (mask != 0)[:, None, None]
        read = F.scaled_dot_product_attention(q, k, v, attn_mask=is_read)
        return self.out_proj(read.transpose(1, 2).flatten(2))


class WeightAdapter(nn.Module):
    """The score of a branch: Linear(GELU(W_v visual + W_t text))."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.visual_proj, self.text_proj = nn.Linear(width, width), nn.Linear(width, width)
        self.score = nn.Linear(width, 1)

    def forward(self, visual: Tensor, text: Tensor) -> Tensor:
        """(B, H), (B, H) -> (B, 1)."""
        return self.score(F.gelu(self.visual_proj(visual) + self.text_proj(text)))


class ValueHead(nn.Module):
    """The value of a problem for DE-GRPO, from its fused tokens."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.net = _norm_mlp(width, width, 1)

    def forward(self, fused_tokens: Tensor) -> Tensor:
        """(B, Q, H) -> (B,)."""
        return self.net(fused_tokens.mean(1)).squeeze(-1)


def level_indices(states: int, levels: int) -> list[int]:
    """Which of a tuple of hidden states serve as levels: evenly spaced from 1 (0 is the embedding) to the last."""
    return [round(x) for x in torch.linspace(1, states - 1, levels, dtype=torch.float64).tolist()]


class _Stack(nn.Module):
    def __init__(self, config: PromptQueryConfig, number: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList([CrossBlock(config.width, config.attention_heads) for _ in range(number)])


def _norm_mlp(width: int, hidden: int, out: int) -> nn.Sequential:
    return nn.Sequential(nn.LayerNorm(width), nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, out))


def _mean(tokens: Tensor, mask: Tensor | None) -> Tensor:
    """(B, L, H) -> (B, H), over what is not padding."""
    if mask is None:
        return tokens.mean(1)
    weights = mask.to(tokens.dtype)[..., None]
    return (tokens * weights).sum(1) / weights.sum(1).clamp(min=1)
