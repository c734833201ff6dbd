"""FaceXFormer's decoder: 18 task tokens and the face tokens look at each other twice, then each head answers.

The two-way transformer of SAM with FaceXFormer's tokens; names as in the released checkpoint. The released forward
returns only the rows of each sample's task; all heads are computed anyway, so all are returned here.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

HEADS = {"landmarks": 136, "pose": 3, "attribute": 40, "visibility": 29, "age": 8, "gender": 2, "race": 5}
PARSING_CLASSES = 11
LAYERS = 2


@dataclass(frozen=True)
class FaceAnswers:
    """Raw outputs of all heads for B faces; `face_answers.py` tells what they mean.

    Attributes:
        landmarks: (B, 136): 68 times (x, y) in -1 .. 1 over the crop.
        head_pose: (B, 3): pitch, yaw, roll in radians.
        attributes: (B, 40) logits.
        visibility: (B, 29) logits; above 0 a point is hidden.
        age, gender, race: (B, 8), (B, 2), (B, 5) logits.
        parsing: (B, 11, 4 H, 4 W) logits.
        tokens: The 18 tokens after the decoder, (B, 18, D).
        face_tokens: The face tokens after the decoder, (B, H * W, D).
    """

    landmarks: Tensor
    head_pose: Tensor
    attributes: Tensor
    visibility: Tensor
    age: Tensor
    gender: Tensor
    race: Tensor
    parsing: Tensor
    tokens: Tensor
    face_tokens: Tensor


class FaceDecoder(nn.Module):
    """Task tokens, two-way transformer and heads.

    Args:
        width: Channels D of tokens.
        heads: Attention heads.
        mlp_width: Hidden width of the MLPs.
    """

    def __init__(self, width: int, *, heads: int, mlp_width: int) -> None:
        super().__init__()
        for name, size in HEADS.items():
            self.add_module(f"{name}_token", nn.Embedding(1, width))
            self.add_module(f"{name}_prediction_head", _Mlp(width, size))
        self.mask_tokens = nn.Embedding(PARSING_CLASSES, width)
        self.transformer = TwoWayTransformer(width, heads=heads, mlp_width=mlp_width)
        self.output_upscaling = nn.Sequential(
            nn.ConvTranspose2d(width, width // 4, 2, stride=2),
            ChannelNorm(width // 4),
            nn.GELU(),
            nn.ConvTranspose2d(width // 4, width // 8, 2, stride=2),
            nn.GELU(),
        )
        self.output_hypernetwork_mlps = _Mlp(width, width // 8)

    def forward(self, fused: Tensor, image_pe: Tensor) -> FaceAnswers:
        """Face tokens as a map (B, D, H, W) and their position encoding (D, H, W) -> answers."""
        tables = [self.get_submodule(f"{name}_token") for name in HEADS]
        learned = torch.cat([*(table.weight for table in tables), self.mask_tokens.weight])  # type: ignore[list-item]
        tokens, face = self.transformer(
            learned.expand(len(fused), -1, -1), fused.flatten(2).transpose(1, 2), image_pe.flatten(1).T
        )
        said = {name: self.get_submodule(f"{name}_prediction_head")(tokens[:, k]) for k, name in enumerate(HEADS)}
        detail = self.output_upscaling(face.transpose(1, 2).unflatten(2, fused.shape[-2:]))
        masks = self.output_hypernetwork_mlps(tokens[:, len(HEADS) :])
        return FaceAnswers(
            landmarks=said["landmarks"],
            head_pose=said["pose"],
            attributes=said["attribute"],
            visibility=said["visibility"],
            age=said["age"],
            gender=said["gender"],
            race=said["race"],
            parsing=torch.einsum("bnc,bchw->bnhw", masks, detail),
            tokens=tokens,
            face_tokens=face,
        )


class TwoWayTransformer(nn.Module):
    """Tokens look at the face, the face looks at the tokens."""

    def __init__(self, width: int, *, heads: int, mlp_width: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList([TwoWayLayer(width, heads=heads, mlp_width=mlp_width) for _ in range(LAYERS)])
        self.final_attn_token_to_image = Attention(width, heads=heads, inner=width // 2)
        self.norm_final_attn = nn.LayerNorm(width)

    def forward(self, learned: Tensor, face: Tensor, pe: Tensor) -> tuple[Tensor, Tensor]:
        """Tokens (B, N, D), which are their own position encoding, face (B, L, D) and pe (L, D) -> both, renewed."""
        tokens = learned
        for number, layer in enumerate(self.layers):
            tokens, face = layer(tokens, face, learned, pe, first=number == 0)
        seen = self.final_attn_token_to_image(tokens + learned, face + pe, face)
        return self.norm_final_attn(tokens + seen), face


class TwoWayLayer(nn.Module):
    """Self-attention of the tokens, tokens to face, MLP, face to tokens; a LayerNorm after each."""

    def __init__(self, width: int, *, heads: int, mlp_width: int) -> None:
        super().__init__()
        self.self_attn = Attention(width, heads=heads, inner=width)
        self.cross_attn_token_to_image = Attention(width, heads=heads, inner=width // 2)
        self.mlp = nn.ModuleDict({"lin1": nn.Linear(width, mlp_width), "lin2": nn.Linear(mlp_width, width)})
        self.cross_attn_image_to_token = Attention(width, heads=heads, inner=width // 2)
        self.norm1, self.norm2, self.norm3, self.norm4 = (nn.LayerNorm(width) for _ in range(4))

    def forward(
        self, tokens: Tensor, face: Tensor, token_pe: Tensor, pe: Tensor, *, first: bool
    ) -> tuple[Tensor, Tensor]:
        """As `TwoWayTransformer`; the first layer's self-attention has neither position encoding nor residual."""
        placed = tokens if first else tokens + token_pe
        attended = self.self_attn(placed, placed, tokens)
        tokens = self.norm1(attended if first else tokens + attended)
        tokens = self.norm2(tokens + self.cross_attn_token_to_image(tokens + token_pe, face + pe, face))
        tokens = self.norm3(tokens + self.mlp["lin2"](F.relu(self.mlp["lin1"](tokens))))
        face = self.norm4(face + self.cross_attn_image_to_token(face + pe, tokens + token_pe, tokens))
        return tokens, face


class Attention(nn.Module):
    """Multi-head attention whose inner width may be smaller than the tokens'."""

    def __init__(self, width: int, *, heads: int, inner: int) -> None:
        super().__init__()
        self.heads = heads
        self.q_proj, self.k_proj, self.v_proj = (nn.Linear(width, inner) for _ in range(3))
        self.out_proj = nn.Linear(inner, width)

    def forward(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """(B, N, D), (B, L, D), (B, L, D) -> (B, N, D)."""
        q, k, v = (
            project(x).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for project, x in ((self.q_proj, query), (self.k_proj, key), (self.v_proj, value))
        )
        return self.out_proj(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))


class ChannelNorm(nn.Module):
    """LayerNorm over the channels of a map (B, C, H, W)."""

    def __init__(self, width: int, *, eps: float = 1e-6) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(width)), nn.Parameter(torch.zeros(width))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        normed = F.layer_norm(x.permute(0, 2, 3, 1), self.weight.shape, self.weight, self.bias, self.eps)
        return normed.permute(0, 3, 1, 2)


class _Mlp(nn.Module):
    """Three linear layers with ReLU between."""

    def __init__(self, width: int, out_width: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(width, width), nn.Linear(width, width), nn.Linear(width, out_width)])

    def forward(self, x: Tensor) -> Tensor:
        return self.layers[2](F.relu(self.layers[1](F.relu(self.layers[0](x)))))
