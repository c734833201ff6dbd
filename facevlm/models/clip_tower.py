"""CLIP ViT-L/14 at 336 pixels, the image tower of VideoLLaMA2: patch features of the last but one layer.

`CLIPVisionModel` of transformers; layers after the selected one are kept, so that public files load whole, but not run.
"""

from dataclasses import dataclass

from torch import Tensor, nn
from transformers import CLIPVisionConfig, CLIPVisionModel

from facevlm.errors import InputError, UsageError


@dataclass(frozen=True)
class ClipConfig:
    """Sizes of the tower; the defaults are CLIP-ViT-L/14-336.

    Attributes:
        image_size: Side of the square input in pixels.
        patch_size: Side of a patch in pixels.
        width: Channels of a token.
        layers: Layers of the model.
        heads: Attention heads.
        mlp_width: Hidden width of the MLPs.
        select_layer: Index into embeddings and layers' outputs, as `mm_vision_select_layer`; -2 is the last but one.
    """

    image_size: int = 336
    patch_size: int = 14
    width: int = 1024
    layers: int = 24
    heads: int = 16
    mlp_width: int = 4096
    select_layer: int = -2

    def __post_init__(self) -> None:
        if not -self.layers - 1 <= self.select_layer <= self.layers:
            raise UsageError(f"select_layer {self.select_layer} is beyond {self.layers} layers")

    @property
    def patches(self) -> int:
        """Patches of a picture: 576 at 336."""
        return (self.image_size // self.patch_size) ** 2

    @property
    def layers_run(self) -> int:
        """How many layers lie before the selected output: 23."""
        return self.select_layer if self.select_layer >= 0 else self.layers + 1 + self.select_layer


class ClipTower(nn.Module):
    """The tower, 303,507,456 parameters at full size."""

    def __init__(self, config: ClipConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or ClipConfig()
        self.vision_model = CLIPVisionModel(
            CLIPVisionConfig(
                image_size=config.image_size,
                patch_size=config.patch_size,
                hidden_size=config.width,
                num_hidden_layers=config.layers,
                num_attention_heads=config.heads,
                intermediate_size=config.mlp_width,
                projection_dim=config.width,
            )
        )

    def forward(self, pixels: Tensor) -> Tensor:
        """Patch features of pictures.

        Args:
            pixels: float (..., 3, 336, 336) RGB, normalised by `preprocess.clip_pixels`; any leading axes.

        Returns:
            (..., 576, 1024): no CLS token, no final norm.

        Raises:
            InputError: The pictures have another shape.
        """
        side = self.config.image_size
        if pixels.ndim < 4 or pixels.shape[-3:] != (3, side, side):
            raise InputError(f"pictures must be (..., 3, {side}, {side}), not {tuple(pixels.shape)}")
        model = self.vision_model
        hidden = model.pre_layrnorm(model.embeddings(pixels.flatten(0, -4)))
        for layer in model.encoder.layers[: self.config.layers_run]:
            hidden = layer(hidden, None)
        return hidden[:, 1:].unflatten(0, pixels.shape[:-3])
