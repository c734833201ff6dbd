"""STC, the spatial-temporal convolution connector of VideoLLaMA2 (arXiv:2406.07476), versions v1 and v35.

RegNet bottlenecks, a 3-D convolution that halves time, height and width, bottlenecks again, an MLP. Names as in the
released files. v1 pads the 3-D convolution with zeros on all sides, so that a border of nothing is mixed in; v35 does
not.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from torch import Tensor, nn
from torch.nn import functional as F

from facevlm.errors import InputError
from facevlm.models.config import check_choices

NORM_EPS = 1e-5  # what timm's norm-and-activation layer really uses, whatever eps it is asked for
SQUEEZE = 0.25  # hidden channels of squeeze-and-excitation, of the block's input channels


@dataclass(frozen=True)
class StcConfig:
    """Sizes of the connector; the defaults are VideoLLaMA2-7B's.

    Attributes:
        vision_width: Channels of the frames' features.
        width: Channels inside and of the tokens that come out: the language model's.
        depth: Bottlenecks before and after the sampler.
        mlp_depth: Linear layers of the readout.
        downsample: Factors along time, height and width.
        version: "v1" (VideoLLaMA2-7B and 7B-16F, FaceTrack-MM) or "v35" (VideoLLaMA2.1).
    """

    vision_width: int = 1024
    width: int = 4096
    depth: int = 4
    mlp_depth: int = 2
    downsample: tuple[int, int, int] = (2, 2, 2)
    version: Literal["v1", "v35"] = "v1"

    def __post_init__(self) -> None:
        check_choices(self)

    @property
    def padding(self) -> int:
        """Zeros around the clip before the sampler, on each side of each axis."""
        return 1 if self.version == "v1" else 0

    def grid(self, frames: int, side: int) -> tuple[int, int, int]:
        """Time slots, rows and columns that come out: (9, 13, 13) for 16 frames of 24x24 in v1, 1521 tokens."""
        sizes = zip((frames, side, side), self.downsample, strict=True)
        slots, rows, columns = ((n + 2 * self.padding - step) // step + 1 for n, step in sizes)
        return slots, rows, columns


@dataclass(frozen=True)
class StcOutput:
    """Tokens, and what was on the way.

    Attributes:
        tokens: (B, t * h * w, width) in order (t, h, w).
        before: After the first bottlenecks, (B * T, width, H, H).
        sampled: After the sampler, (B, width, t, h, w).
        after: After the second bottlenecks, (B * t, width, h, w).
    """

    tokens: Tensor
    before: Tensor
    sampled: Tensor
    after: Tensor


class Stc(nn.Module):
    """The connector: 489,188,608 parameters at full size."""

    def __init__(self, config: StcConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or StcConfig()
        self.s1 = _stage(config.vision_width, config.width, config.depth)
        steps = config.downsample
        self.sampler = nn.Sequential(
            nn.Conv3d(config.width, config.width, steps, stride=steps, padding=config.padding), nn.SiLU()
        )
        self.s2 = _stage(config.width, config.width, config.depth)
        layers: list[nn.Module] = [nn.Linear(config.width, config.width)]
        for _ in range(config.mlp_depth - 1):
            layers += [nn.GELU(), nn.Linear(config.width, config.width)]
        self.readout = nn.Sequential(*layers)

    def forward(self, features: Tensor) -> StcOutput:
        """Connect the features of clips.

        Args:
            features: float (B, T, P, C) of T frames with P = H * H patches each.

        Raises:
            InputError: The patches are no square, or too few for the sampler.
        """
        batch, frames, patches, _ = features.shape
        side = round(patches**0.5)
        if side * side != patches or min(self.config.grid(frames, side)) < 1:
            raise InputError(f"STC cannot take {frames} frames of {patches} patches")
        maps = features.flatten(0, 1).transpose(1, 2).unflatten(2, (side, side))  # BT C H W
        before = self.s1(maps)
        sampled = self.sampler(before.unflatten(0, (batch, frames)).transpose(1, 2))  # B D t h w
        after = self.s2(sampled.transpose(1, 2).flatten(0, 1))
        tokens = after.unflatten(0, (batch, -1)).permute(0, 1, 3, 4, 2).flatten(1, 3)  # B thw D
        return StcOutput(tokens=self.readout(tokens), before=before, sampled=sampled, after=after)


class Bottleneck(nn.Module):
    """1x1, depthwise 3x3, squeeze-and-excitation, 1x1, and a shortcut (RegNetY as in timm, with LayerNorm)."""

    def __init__(self, in_width: int, width: int) -> None:
        super().__init__()
        self.conv1 = ConvNorm(in_width, width, activation=F.silu)
        self.conv2 = ConvNorm(width, width, kernel=3, groups=width, activation=F.silu)
        self.se = SqueezeExcitation(width, round(SQUEEZE * in_width))
        self.conv3 = ConvNorm(width, width)
        self.downsample = ConvNorm(in_width, width) if in_width != width else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, D, H, W)."""
        return F.silu(self.conv3(self.se(self.conv2(self.conv1(x)))) + self.downsample(x))


class ConvNorm(nn.Module):
    """A convolution without bias, and a LayerNorm over channels, which the checkpoint calls `bn`."""

    def __init__(
        self,
        in_width: int,
        width: int,
        *,
        kernel: int = 1,
        groups: int = 1,
        activation: Callable[[Tensor], Tensor] | None = None,
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_width, width, kernel, padding=kernel // 2, groups=groups, bias=False)
        self.bn = nn.LayerNorm(width, eps=NORM_EPS)
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, D, H, W)."""
        normed = self.bn(self.conv(x).permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        return self.activation(normed) if self.activation else normed


class SqueezeExcitation(nn.Module):
    """Channels weighed by what the whole map holds."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Conv2d(width, hidden, 1), nn.Conv2d(hidden, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, D, H, W) -> the same shape."""
        return x * self.fc2(F.silu(self.fc1(x.mean((2, 3), keepdim=True)))).sigmoid()


def _stage(in_width: int, width: int, depth: int) -> nn.Sequential:
    stage = nn.Sequential()
    for number in range(depth):
        stage.add_module(f"b{number + 1}", Bottleneck(width if number else in_width, width))
    return stage
