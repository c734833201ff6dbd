"""Full size without memory: parameters of every part, and shapes at reduced ones."""

import pytest

torch = pytest.importorskip("torch", reason="models need the extra facevlm[models]")

from facevlm.models.clip_tower import ClipConfig, ClipTower  # noqa: E402
from facevlm.models.face_branch import FaceBranch, FaceBranchConfig  # noqa: E402
from facevlm.models.facexformer import FaceXFormer  # noqa: E402
from facevlm.models.granularity import FUSED_WIDTH, SWIN_WIDTHS, GranularityChain, GranularityConfig  # noqa: E402
from facevlm.models.moe_adapter import MoeAdapter, MoeConfig  # noqa: E402
from facevlm.models.prompt_query import PromptQueryEncoder  # noqa: E402
from facevlm.models.qformer import QFormerConfig, QFormerProjector  # noqa: E402
from facevlm.models.stc import Stc, StcConfig  # noqa: E402
from facevlm.models.umt import Umt  # noqa: E402
from tests.models import public_layouts  # noqa: E402

D, H = 1024, 4096  # width of the encoders, of the language model


def linear(into, out):
    return into * out + out


def levels(widths):
    return sum(linear(width, D) + 2 * D for width in widths)


PRENORM = 4 * linear(D, D) + 3 * 2 * D + linear(D, 4 * D) + linear(4 * D, D)
LITERAL = 3 * D * D
CROSS_BLOCK = 4 * linear(H, H) + 3 * 2 * H + linear(H, 4 * H) + linear(4 * H, H)
PROMPT_QFORMER = 2 * CROSS_BLOCK + 16 * H + 2 * H + 2 * linear(H, H)

PARAMETERS = {  # numbers of the spec, else what the sizes come to
    "FaceXFormer": (FaceXFormer, 91_985_943),
    "UMT-L with its LayerNorm": (Umt, 290_477_056 + 2_048),
    "Q-Former projector": (QFormerProjector, 185_344_768),
    "Q-Former projector, mlp2": (
        lambda: QFormerProjector(QFormerConfig(projector="mlp2")),
        185_344_768 + linear(H, H),
    ),
    "STC v1": (Stc, 489_188_608),
    "STC v35": (lambda: Stc(StcConfig(version="v35")), 489_188_608),
    "CLIP-L/14-336": (
        ClipTower,
        D + 3 * 14 * 14 * D + 577 * D + 2 * 2 * D + 24 * (4 * linear(D, D) + 4 * D + linear(D, H) + linear(H, D)),
    ),
    "chain, prenorm": (GranularityChain, levels(SWIN_WIDTHS) + 4 * PRENORM),
    "chain, literal": (
        lambda: GranularityChain(GranularityConfig(chain_block="literal")),
        levels(SWIN_WIDTHS) + 4 * LITERAL,
    ),
    "chain, literal, shared": (
        lambda: GranularityChain(GranularityConfig(chain_block="literal", share_weights=True)),
        levels(SWIN_WIDTHS) + LITERAL,
    ),
    "chain, five levels": (
        lambda: GranularityChain(GranularityConfig(tap_widths=(*SWIN_WIDTHS, FUSED_WIDTH))),
        levels((*SWIN_WIDTHS, FUSED_WIDTH)) + 5 * PRENORM,
    ),
    "MoE adapter": (MoeAdapter, linear(2 * H, 1024) + linear(1024, 2)),
    "MoE adapter, prompt and experts": (
        lambda: MoeAdapter(MoeConfig(prompt_width=H, expert_ffn=True)),
        linear(3 * H, 1024) + linear(1024, 2) + 2 * 2 * linear(H, H),
    ),
    "MoE adapter, free": (lambda: MoeAdapter(MoeConfig(gate="free")), 2),
    "face branch": (FaceBranch, linear(D, H) + linear(H, H)),
    "face branch, fused": (lambda: FaceBranch(FaceBranchConfig(feature="fused")), linear(256, H) + linear(H, H)),
    "FaVChat v2 encoder": (
        PromptQueryEncoder,
        4 * CROSS_BLOCK + 2 * PROMPT_QFORMER + 2 * (2 * linear(H, H) + linear(H, 1)) + 2 * H,
    ),
}


@pytest.mark.parametrize("part", PARAMETERS)
def test_parameters_at_full_size(part):
    build, expected = PARAMETERS[part]
    with torch.device("meta"):
        module = build()
    assert sum(parameter.numel() for parameter in module.parameters()) == expected


@pytest.mark.parametrize(
    "layout, expected",
    [
        (public_layouts.facexformer, 91_985_943 + 2 * 128),  # the position encoding's matrix is no parameter
        (public_layouts.umt, 290_477_056 + 2_048),
        (public_layouts.qformer, 185_344_768),
        (public_layouts.stc, 489_188_608),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_the_written_out_public_layouts_have_as_many(layout, expected):
    sizes = [torch.Size(shape).numel() for shape in layout().values()]
    assert sum(sizes) == expected


@pytest.mark.parametrize(
    "version, frames, side, grid",
    [
        ("v1", 8, 24, (5, 13, 13)),
        ("v1", 16, 24, (9, 13, 13)),
        ("v35", 8, 24, (4, 12, 12)),
        ("v35", 16, 24, (8, 12, 12)),
        ("v1", 5, 7, (3, 4, 4)),
        ("v35", 5, 7, (2, 3, 3)),
    ],
)
def test_stc_tokens(version, frames, side, grid):
    config = StcConfig(vision_width=8, width=8, depth=1, version=version)
    assert config.grid(frames, side) == grid
    with torch.device("meta"):
        out = Stc(config)(torch.empty(2, frames, side * side, 8))
    assert out.tokens.shape == (2, grid[0] * grid[1] * grid[2], 8)


def test_full_size_shapes_of_favchat():
    with torch.device("meta"):
        clip = torch.empty(1, 3, 8, 224, 224)
        general = Umt()(clip).tokens
        faces = FaceXFormer().encode(clip.transpose(1, 2).flatten(0, 1))
        taps = [tap.unflatten(0, (1, 8)) for tap in faces.taps]
        state = GranularityChain()(general, taps)
        general_tokens, facial_tokens = QFormerProjector()(general).tokens, QFormerProjector()(state).tokens
        merged = MoeAdapter()(general_tokens, facial_tokens)
    assert [tuple(tap.shape[1:]) for tap in faces.taps] == [(128, 56, 56), (256, 28, 28), (512, 14, 14), (1024, 7, 7)]
    assert general.shape == (1, 1568, 1024) and state.shape == (1, 392, 1024)
    assert general_tokens.shape == facial_tokens.shape == merged.tokens.shape == (1, 96, 4096)
    assert GranularityConfig().tokens(8, 7) == 392


def test_full_size_shapes_of_facetrack_mm():
    with torch.device("meta"):
        features = ClipTower()(torch.empty(1, 16, 3, 336, 336))
        scene = Stc()(features).tokens
        faces = FaceXFormer().encode(torch.empty(16, 3, 224, 224)).last
        tokens = FaceBranch()(faces.unflatten(0, (1, 1, 16)))
    assert features.shape == (1, 16, ClipConfig().patches, 1024)
    assert scene.shape == (1, 1521, 4096) and tokens.shape == (1, 16, 4096)
