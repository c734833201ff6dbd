"""Multi-granularity chain of FaVChat (equation 2): facial features, shallow to deep, read what was seen before them.

    e*_2 = Attn(e_1, e_g),   e*_{i+1} = Attn(e_i, e*_i) for 1 < i <= N

The facial level is the query; keys and values are the running state, which begins as the general encoder's output e_g.
The result has as many tokens as the last level.

The paper leaves much open; every question (docs/models.md) is a field of `GranularityConfig`, the answer taken here
its default.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from facevlm.errors import InputError, UsageError
from facevlm.models.config import check_choices

SWIN_WIDTHS = (128, 256, 512, 1024)
FUSED_WIDTH = 256


@dataclass(frozen=True)
class GranularityConfig:
    """How the chain is built.

    Attributes:
        tap_widths: Channels of the levels e_1 .. e_N. N is the four stage taps of FaceXFormer; its fused map is
            an optional fifth level: `tap_widths=(*SWIN_WIDTHS, FUSED_WIDTH)`. "w/o FE" is four blocks
            of the general encoder: `(1024,) * 4`.
        general_width: Channels of e_g.
        width: Channels d of the chain.
        heads: Attention heads; 1 is the formula as printed.
        chain_block: "prenorm": residual, pre-norm attention and MLP; "literal": equation 2 and nothing else, in
            which facial content acts through attention weights alone.
        share_weights: One set of W_Q, W_K, W_V for all steps, as the formula prints them, instead of one each.
        max_side: Larger tap maps are averaged to this side; 56 takes them as they are.
        scope: "clip": a frame's faces read all frames; "frame": only their own.
        time_embedding: Add a fixed sinusoid of the frame to each tap, as the facial encoder sees single pictures.
        mlp_ratio: Hidden width of the pre-norm block's MLP, in widths.
    """

    tap_widths: tuple[int, ...] = SWIN_WIDTHS
    general_width: int = 1024
    width: int = 1024
    heads: int = 16
    chain_block: Literal["prenorm", "literal"] = "prenorm"
    share_weights: bool = False
    max_side: int = 14
    scope: Literal["clip", "frame"] = "clip"
    time_embedding: bool = True
    mlp_ratio: int = 4

    def __post_init__(self) -> None:
        check_choices(self)
        if self.width % self.heads or self.width % 2:
            raise UsageError(f"{self.heads} heads do not divide a width of {self.width}")
        if not self.tap_widths:
            raise UsageError("a chain needs at least one level")

    def tokens(self, frames: int, side: int) -> int:
        """Tokens that come out for a last level of side x side: 392 for 8 frames of 7x7."""
        return frames * min(side, self.max_side) ** 2


class GranularityChain(nn.Module):
    """Projections of the levels, and one step for each."""

    def __init__(self, config: GranularityConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or GranularityConfig()
        self.levels = nn.ModuleList(
            [nn.Sequential(nn.Linear(width, config.width), nn.LayerNorm(config.width)) for width in config.tap_widths]
        )
        same = config.general_width == config.width
        self.general = nn.Identity() if same else nn.Linear(config.general_width, config.width)
        block = {"prenorm": PrenormStep, "literal": LiteralStep}[config.chain_block]
        number = 1 if config.share_weights else len(config.tap_widths)
        self.steps = nn.ModuleList([block(config) for _ in range(number)])

    def forward(self, general: Tensor, taps: Sequence[Tensor], *, positions: Tensor | None = None) -> Tensor:
        """Run the chain.

        Args:
            general: e_g, (B, F * P, general_width) in order (t, h, w).
            taps: e_1 .. e_N, each (B, F, C_i, H_i, W_i).
            positions: Place of each frame in time for the time embedding, float (F,) or (B, F); None counts frames
                from 0.

        Returns:
            e*_{N+1}, (B, F * P_N, width) in order (t, h, w); P_N positions of the last level after averaging.

        Raises:
            InputError: The numbers of levels or frames do not fit.
        """
        if len(taps) != len(self.levels):
            raise InputError(f"{len(taps)} levels for a chain of {len(self.levels)}")
        frames = taps[0].shape[1]
        if general.shape[1] % frames or any(tap.ndim != 5 or tap.shape[1] != frames for tap in taps):
            shapes = [tuple(tap.shape) for tap in taps]
            raise InputError(f"general tokens {tuple(general.shape)} and levels {shapes} differ in frames")
        state = self._scoped(self.general(general), frames)
        for number, (project, tap) in enumerate(zip(self.levels, taps, strict=True)):
            step = self.steps[number % len(self.steps)]
            state = step(self._scoped(self._tokens(project, tap, positions), frames), state)
        return state.reshape(len(general), -1, state.shape[-1])

    def _tokens(self, project: nn.Module, tap: Tensor, positions: Tensor | None) -> Tensor:
        """(B, F, C, H, W) -> (B, F * P, width), averaged, projected and told when it is."""
        batch, frames = tap.shape[:2]
        maps = tap.flatten(0, 1)
        height, width = (min(n, self.config.max_side) for n in maps.shape[-2:])
        if (height, width) != maps.shape[-2:]:
            maps = F.adaptive_avg_pool2d(maps, (height, width))
        tokens = project(maps.flatten(2).transpose(1, 2)).unflatten(0, (batch, frames))  # B F P D
        if self.config.time_embedding:
            when = torch.arange(frames, device=tap.device) if positions is None else positions
            tokens = tokens + time_embedding(when, self.config.width).to(tokens)[..., None, :]
        return tokens.flatten(1, 2)

    def _scoped(self, tokens: Tensor, frames: int) -> Tensor:
        """Frames as samples of their own where attention ends at the frame."""
        return tokens if self.config.scope == "clip" else tokens.unflatten(1, (frames, -1)).flatten(0, 1)


class LiteralStep(nn.Module):
    """softmax((W_Q q)(W_K kv)^T / sqrt(d)) W_V kv, as printed: no bias, norm, residual or output projection."""

    def __init__(self, config: GranularityConfig) -> None:
        super().__init__()
        self.heads = config.heads
        self.q_proj, self.k_proj, self.v_proj = (nn.Linear(config.width, config.width, bias=False) for _ in range(3))

    def forward(self, level: Tensor, state: Tensor) -> Tensor:
        """Level (B, N, D), state (B, L, D) -> next state (B, N, D)."""
        return _attend(self.q_proj(level), self.k_proj(state), self.v_proj(state), self.heads)


class PrenormStep(nn.Module):
    """q + Attn(LN q, LN kv), then + MLP(LN): the block of BLIP-2, Flamingo and the authors' later code."""

    def __init__(self, config: GranularityConfig) -> None:
        super().__init__()
        self.heads, width = config.heads, config.width
        self.norm_q, self.norm_kv, self.norm_mlp = (nn.LayerNorm(width) for _ in range(3))
        self.q_proj, self.k_proj, self.v_proj, self.out_proj = (nn.Linear(width, width) for _ in range(4))
        hidden = config.mlp_ratio * width
        self.mlp = nn.Sequential(nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, width))

    def forward(self, level: Tensor, state: Tensor) -> Tensor:
        """Level (B, N, D), state (B, L, D) -> next state (B, N, D)."""
        seen = self.norm_kv(state)
        read = _attend(self.q_proj(self.norm_q(level)), self.k_proj(seen), self.v_proj(seen), self.heads)
        level = level + self.out_proj(read)
        return level + self.mlp(self.norm_mlp(level))


def time_embedding(positions: Tensor, width: int) -> Tensor:
    """Sinusoid of places in time: (...) -> float32 (..., width), sines then cosines, wavelengths 2 pi to 20000 pi."""
    half = width // 2
    rates = 10000.0 ** (-torch.arange(half, device=positions.device) / half)
    angle = positions.float()[..., None] * rates
    return torch.cat([angle.sin(), angle.cos()], dim=-1)


def _attend(q: Tensor, k: Tensor, v: Tensor, heads: int) -> Tensor:
    q, k, v = (x.unflatten(-1, (heads, -1)).transpose(1, 2) for x in (q, k, v))
    return F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
