"""FaceXFormer (arXiv:2403.12960): one face crop through Swin-B, fusion and decoder to all of its answers.

Built on `SwinModel` of transformers; everything after the backbone keeps the names of the released checkpoint. Its
stage taps are the facial features of FaVChat, its last stage that of FaceTrack-MM.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import SwinConfig, SwinModel

from facevlm.errors import InputError, UsageError
from facevlm.models.face_decoder import FaceAnswers, FaceDecoder

STAGES = 4


@dataclass(frozen=True)
class FaceXFormerConfig:
    """Sizes of FaceXFormer; the defaults are the released model.

    Attributes:
        image_size: Side of the square input in pixels; every stage's map must be a multiple of the window.
        patch_size: Side of a patch in pixels.
        embed_dim: Channels of the first stage; each further stage has twice as many.
        depths: Blocks of each stage.
        num_heads: Attention heads of each stage.
        window_size: Side of an attention window, in positions of the map.
        width: Channels of the face tokens and of the decoder.
        decoder_heads: Attention heads of the decoder.
        decoder_mlp: Hidden width of the decoder's MLPs.
    """

    image_size: int = 224
    patch_size: int = 4
    embed_dim: int = 128
    depths: tuple[int, ...] = (2, 2, 18, 2)
    num_heads: tuple[int, ...] = (4, 8, 16, 32)
    window_size: int = 7
    width: int = 256
    decoder_heads: int = 8
    decoder_mlp: int = 2048

    def __post_init__(self) -> None:
        if len(self.depths) != STAGES or len(self.num_heads) != STAGES:
            raise UsageError(f"FaceXFormer has {STAGES} stages, not {self.depths} blocks with {self.num_heads} heads")
        step = self.patch_size * self.window_size * 2 ** (STAGES - 1)
        if self.image_size % step:
            raise UsageError(
                f"image_size {self.image_size} gives maps that windows of {self.window_size} do not fill",
                mend=f"choose a multiple of {step}",
            )

    @property
    def tap_widths(self) -> tuple[int, ...]:
        """Channels of the four taps: 128, 256, 512, 1024 in the released model."""
        return tuple(self.embed_dim * 2**stage for stage in range(STAGES))


@dataclass(frozen=True)
class FaceFeatures:
    """What the backbone sees in B face crops; sizes for an input of 224.

    Attributes:
        taps: Outputs of the last block of each stage, before patch merging and any further norm: (B, 128, 56, 56),
            (B, 256, 28, 28), (B, 512, 14, 14), (B, 1024, 7, 7).
        last: The last tap after the backbone's final LayerNorm, (B, 1024, 7, 7).
        pooled: Mean of `last` over the map, (B, 1024). The released model's own heads do not use it.
    """

    taps: tuple[Tensor, ...]
    last: Tensor
    pooled: Tensor


@dataclass(frozen=True)
class FaceXFormerOutput:
    """All that FaceXFormer says of B face crops.

    Attributes:
        features: See `FaceFeatures`.
        fused: The face tokens as a map, (B, 256, 56, 56).
        image_pe: Position encoding of that map, (256, 56, 56).
        answers: See `FaceAnswers`; `face_answers.py` turns its numbers into names.
    """

    features: FaceFeatures
    fused: Tensor
    image_pe: Tensor
    answers: FaceAnswers


class FaceXFormer(nn.Module):
    """The complete released model: 91,985,943 parameters at its own size."""

    def __init__(self, config: FaceXFormerConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or FaceXFormerConfig()
        self.backbone = SwinModel(
            SwinConfig(
                image_size=config.image_size,
                patch_size=config.patch_size,
                embed_dim=config.embed_dim,
                depths=list(config.depths),
                num_heads=list(config.num_heads),
                window_size=config.window_size,
                drop_path_rate=0.0,
            )
        )
        self.linear_c = nn.ModuleList([_Projection(width, config.width) for width in config.tap_widths])
        self.linear_fuse = nn.Conv2d(STAGES * config.width, config.width, 1, bias=False)
        self.pe_layer = PositionEncoding(config.width)
        self.face_decoder = FaceDecoder(config.width, heads=config.decoder_heads, mlp_width=config.decoder_mlp)

    def encode(self, pixels: Tensor) -> FaceFeatures:
        """Features of face crops, without fusion and decoder.

        Args:
            pixels: float (B, 3, 224, 224) RGB, normalised by `preprocess.face_pixels`.

        Raises:
            InputError: The crops have another shape.
        """
        side = self.config.image_size
        if pixels.ndim != 4 or pixels.shape[1:] != (3, side, side):
            raise InputError(f"face crops must be (B, 3, {side}, {side}), not {tuple(pixels.shape)}")
        seen = self.backbone(pixels, output_hidden_states=True, output_hidden_states_before_downsampling=True)
        taps = seen.reshaped_hidden_states[1:]
        last = seen.last_hidden_state.transpose(1, 2).reshape(taps[-1].shape)
        return FaceFeatures(taps=taps, last=last, pooled=seen.pooler_output)

    def fuse(self, taps: Sequence[Tensor]) -> Tensor:
        """Four taps -> face tokens as a map of the first tap's size, (B, 256, 56, 56)."""
        size = taps[0].shape[-2:]
        levels = [project(tap, size) for project, tap in zip(self.linear_c, taps, strict=True)]
        return self.linear_fuse(torch.cat(levels[::-1], dim=1))

    def forward(self, pixels: Tensor) -> FaceXFormerOutput:
        """float (B, 3, 224, 224) RGB, normalised -> everything; raises as `encode`."""
        features = self.encode(pixels)
        fused = self.fuse(features.taps)
        image_pe = self.pe_layer(fused)
        return FaceXFormerOutput(features, fused, image_pe, self.face_decoder(fused, image_pe))


class PositionEncoding(nn.Module):
    """Random Fourier features of the positions of a map (as in SAM); the random matrix is part of the checkpoint."""

    positional_encoding_gaussian_matrix: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.register_buffer("positional_encoding_gaussian_matrix", torch.randn(2, width // 2))

    def forward(self, like: Tensor) -> Tensor:
        """A map (B, C, H, W) -> encoding (C, H, W) of its positions, in its dtype."""
        height, width = like.shape[-2:]
        x = (torch.arange(width, device=like.device) + 0.5) / width
        y = (torch.arange(height, device=like.device) + 0.5) / height
        grid = torch.stack([x.expand(height, width), y[:, None].expand(height, width)], dim=-1)  # H W 2, x first
        angle = 2 * torch.pi * ((2 * grid - 1) @ self.positional_encoding_gaussian_matrix.float())
        return torch.cat([angle.sin(), angle.cos()], dim=-1).permute(2, 0, 1).to(like.dtype)


class _Projection(nn.Module):
    """One level of the fusion: channels to the common width, the map to the common size."""

    def __init__(self, in_width: int, out_width: int) -> None:
        super().__init__()
        self.proj = nn.Linear(in_width, out_width)

    def forward(self, tap: Tensor, size: Sequence[int]) -> Tensor:
        """(B, C, H, W) -> (B, D, *size)."""
        level = self.proj(tap.flatten(2).transpose(1, 2)).transpose(1, 2).unflatten(2, tap.shape[-2:])
        return F.interpolate(level, size=tuple(size), mode="bilinear", align_corners=False)
