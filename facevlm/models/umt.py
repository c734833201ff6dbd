"""UMT-L, the general video encoder (arXiv:2303.16058, as in VideoChat2): any number of frames, any size of picture.

`VideoMAEModel` of transformers without its norm and its position table, then a LayerNorm of its own. Position table and
depth follow the released code, where `return_index` -2 means that the last block is never built.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import VideoMAEConfig, VideoMAEModel

from facevlm.errors import InputError

TABLE_FRAMES, TABLE_SIDE = 4, 14  # the position table was made for 4 frames of 14x14 patches, whatever the clip


@dataclass(frozen=True)
class UmtConfig:
    """Sizes of the tower; the defaults are UMT-L/16.

    Attributes:
        width: Channels of a token.
        blocks: Blocks that are built and run.
        heads: Attention heads.
        mlp_width: Hidden width of the MLPs.
        patch_size: Side of a patch in pixels.
    """

    width: int = 1024
    blocks: int = 23
    heads: int = 16
    mlp_width: int = 4096
    patch_size: int = 16


@dataclass(frozen=True)
class UmtOutput:
    """Tokens of B clips of F frames with P patches each.

    Attributes:
        tower: Tokens as the tower gives them, (B, F, P, D).
        tokens: The same after the LayerNorm, in order (t, h, w): e_g of FaVChat, (B, F * P, D).
        taps: Outputs of the blocks that were asked for, each (B, F * P, D).
    """

    tower: Tensor
    tokens: Tensor
    taps: tuple[Tensor, ...]


class Umt(nn.Module):
    """The tower and its LayerNorm: 290,477,056 + 2,048 parameters at full size."""

    def __init__(self, config: UmtConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or UmtConfig()
        # image_size and num_frames only shape the position table of VideoMAEModel, which is not used
        self.encoder = VideoMAEModel(
            VideoMAEConfig(
                image_size=config.patch_size,
                patch_size=config.patch_size,
                num_frames=1,
                tubelet_size=1,
                hidden_size=config.width,
                num_hidden_layers=config.blocks,
                num_attention_heads=config.heads,
                intermediate_size=config.mlp_width,
                layer_norm_eps=1e-6,
                use_mean_pooling=True,
            )
        )
        self.layernorm = nn.LayerNorm(config.width, eps=1e-12)

    def embed_patches(self, video: Tensor) -> Tensor:
        """Patches without positions: (B, 3, F, H, W) -> (B, F * P, D) in order (t, h, w)."""
        side = self.config.patch_size
        if video.ndim != 5 or video.shape[1] != 3 or video.shape[-2] % side or video.shape[-1] % side:
            raise InputError(
                f"clips must be (B, 3, F, H, W) with H and W multiples of {side}, not {tuple(video.shape)}"
            )
        return self.encoder.embeddings.patch_embeddings.projection(video).flatten(2).transpose(1, 2)

    def forward(self, video: Tensor, *, taps: Sequence[int] = ()) -> UmtOutput:
        """See a clip, or pictures as clips of one frame.

        Args:
            video: float (B, 3, F, H, W) RGB, normalised with CLIP's mean and standard deviation.
            taps: Indices of blocks, from 0, whose outputs are wanted too.

        Raises:
            InputError: The clip has another shape, or there is no such block.
        """
        layers = self.encoder.encoder.layer
        if unknown := [tap for tap in taps if not 0 <= tap < len(layers)]:
            raise InputError(f"no blocks {unknown} among 0 .. {len(layers) - 1}")
        hidden = self.embed_patches(video)
        frames, (height, width) = video.shape[2], (n // self.config.patch_size for n in video.shape[-2:])
        hidden = hidden + position_table(frames, (height, width), self.config.width).to(hidden)
        seen = {}
        for number, layer in enumerate(layers):
            hidden = layer(hidden)
            if number in taps:
                seen[number] = hidden
        tower = hidden.unflatten(1, (frames, height * width))
        return UmtOutput(tower=tower, tokens=self.layernorm(hidden), taps=tuple(seen[tap] for tap in taps))


@lru_cache(maxsize=16)
def position_table(frames: int, grid: tuple[int, int], width: int) -> Tensor:
    """The fixed position table, which is in no checkpoint.

    A sinusoid over the flat index of 4 x 14 x 14 positions, not a separable 3-D one; other grids by bicubic
    interpolation of each time slot, other numbers of frames by linear interpolation over time. One frame is a still
    image and has the first slot.

    Args:
        frames: Number of frames F.
        grid: Patches along height and width.
        width: Channels D, even.

    Returns:
        float32 (1, F * h * w, D). Shared by all callers: copy before changing.
    """
    with torch.device("cpu"):  # also while a model is built on the meta device
        # as exponents of float32 cost 4e-6, all is float64 until the end
        angle = np.arange(TABLE_FRAMES * TABLE_SIDE**2)[:, None] / 10000 ** (2 * (np.arange(width) // 2) / width)
        angle[:, 0::2], angle[:, 1::2] = np.sin(angle[:, 0::2]), np.cos(angle[:, 1::2])
        table = torch.from_numpy(angle.astype(np.float32)).unflatten(0, (TABLE_FRAMES, TABLE_SIDE, TABLE_SIDE))
        if grid != (TABLE_SIDE, TABLE_SIDE):
            maps = F.interpolate(table.permute(0, 3, 1, 2), size=grid, mode="bicubic", align_corners=False)
            table = maps.permute(0, 2, 3, 1)
        table = table.flatten(1, 2)  # T P D
        if frames == 1:
            table = table[:1]
        elif frames != TABLE_FRAMES:
            table = F.interpolate(table.permute(1, 2, 0), size=frames, mode="linear", align_corners=False)
            table = table.permute(2, 0, 1)
        return table.reshape(1, -1, width)
