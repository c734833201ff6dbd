"""Face branch of FaceTrack-MM (arXiv:2501.07978): what the encoder saw of the tracked face, as tokens for the language
model.

The paper says "a limited number of tokens" of the main character's face, projected. Taken here:
FaceXFormer's last stage after its final norm, averaged to one token a frame, through Linear, GELU, Linear; several
faces one after the other. The other readings are fields of the config.
"""

from dataclasses import dataclass
from typing import Literal

from torch import Tensor, nn
from torch.nn import functional as F

from facevlm.errors import InputError, UsageError
from facevlm.models.config import check_choices

FEATURE_WIDTHS = {"stage4": 1024, "fused": 256, "clip": 1024}


@dataclass(frozen=True)
class FaceBranchConfig:
    """Which features become how many tokens.

    Attributes:
        feature: "stage4": `FaceFeatures.last`; "fused": FaceXFormer's face tokens; "clip": patches of the CLIP tower,
            for the paper's steps with faces through CLIP.
        feature_width: Channels of that feature; None for the full-size encoder's.
        tokens_per_frame: 1, 4 or 49, or another square: the map is averaged to that many.
        hidden_width: Hidden width of the projector.
        out_width: Channels of the tokens that come out: the language model's.
    """

    feature: Literal["stage4", "fused", "clip"] = "stage4"
    feature_width: int | None = None
    tokens_per_frame: int = 1
    hidden_width: int = 4096
    out_width: int = 4096

    def __post_init__(self) -> None:
        check_choices(self)
        if self.side < 1 or self.side**2 != self.tokens_per_frame:
            raise UsageError(f"{self.tokens_per_frame} tokens per frame are no square", mend="choose 1, 4 or 49")

    @property
    def side(self) -> int:
        """Rows and columns of a frame's tokens."""
        return round(self.tokens_per_frame**0.5)


class FaceBranch(nn.Module):
    """Average, project, line up."""

    def __init__(self, config: FaceBranchConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or FaceBranchConfig()
        width = config.feature_width or FEATURE_WIDTHS[config.feature]
        self.proj = nn.Sequential(
            nn.Linear(width, config.hidden_width), nn.GELU(), nn.Linear(config.hidden_width, config.out_width)
        )

    def forward(self, features: Tensor) -> Tensor:
        """Features of tracked crops -> tokens.

        Args:
            features: (B, K, F, C, H, W): maps of K faces in F frames.

        Returns:
            (B, K * F * tokens_per_frame, out_width), face after face, each in order (t, h, w).

        Raises:
            InputError: The features have another number of axes, or their map is smaller than the tokens' grid.
        """
        side = self.config.side
        if features.ndim != 6 or min(features.shape[-2:]) < side:
            raise InputError(
                f"face features must be (B, K, F, C, H, W) of at least {side}x{side}, not {tuple(features.shape)}"
            )
        maps = F.adaptive_avg_pool2d(features.flatten(0, 2), side)  # BKF C s s
        return self.proj(maps.flatten(2).transpose(1, 2)).unflatten(0, features.shape[:3]).flatten(1, 3)
