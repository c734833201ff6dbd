"""Each box of the models against the straightforward way to compute it, and against the nearest module of transformers.

    python benchmarks/models/components.py [--full] [--rounds N]

Straightforward: attention by its formula, softmax(QK^T / sqrt(d)) V, with the same weights; convolutions frame by
frame; FaceXFormer's answers task by task, as the released forward gives them. All run in turn in each round; the least
time of each counts. The outputs must agree, or the run ends. Widths are the real ones unless the table says otherwise;
depths and frames are cut so that a laptop can do it; --full takes the real ones. Needs the extra models.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import VideoMAEConfig, VideoMAEModel

sys.path.insert(0, str(Path(__file__).parents[1]))
from machine import keep, machine

from facevlm.models.clip_tower import ClipConfig, ClipTower
from facevlm.models.face_branch import FaceBranch
from facevlm.models.facexformer import FaceXFormer
from facevlm.models.granularity import GranularityChain, GranularityConfig
from facevlm.models.moe_adapter import MoeAdapter, MoeConfig
from facevlm.models.prompt_query import CrossAttention, PromptQueryConfig, PromptQueryEncoder
from facevlm.models.qformer import QFormerConfig, QFormerProjector
from facevlm.models.stc import Stc, StcConfig
from facevlm.models.umt import Umt, UmtConfig

Run = Callable[[], Any]
AGREE = 2e-3  # of the largest value, float32
TASKS = 6  # of FaceXFormer's released forward


@contextmanager
def attention_by_formula() -> Iterator[None]:
    """Every attention in here keeps its matrix."""
    fused = F.scaled_dot_product_attention

    def plain(
        query: Tensor,
        key: Tensor,
        value: Tensor,
        attn_mask: Tensor | None = None,
        dropout_p: float = 0.0,
        is_causal: bool = False,
        scale: float | None = None,
        enable_gqa: bool = False,
    ) -> Tensor:
        groups = query.shape[1] // key.shape[1]
        key, value = key.repeat_interleave(groups, 1), value.repeat_interleave(groups, 1)
        scores = query @ key.transpose(-1, -2) * (scale or query.shape[-1] ** -0.5)
        if is_causal:
            scores = scores.masked_fill(torch.ones(scores.shape[-2:], dtype=torch.bool).triu(1), -torch.inf)
        if attn_mask is not None:
            scores = scores.masked_fill(~attn_mask, -torch.inf) if attn_mask.dtype == torch.bool else scores + attn_mask
        return scores.softmax(-1) @ value

    F.scaled_dot_product_attention = plain
    try:
        yield
    finally:
        F.scaled_dot_product_attention = fused


def by_formula(run: Run) -> Run:
    def slow() -> Any:
        with attention_by_formula():
            return run()

    return slow


def by_torch(run: Run) -> Run:
    """With the forward of torch's attention in place of ours."""

    def torchs(attention: CrossAttention, query: Tensor, tokens: Tensor, *, mask: None = None) -> Tensor:
        query, tokens = query.transpose(0, 1), tokens.transpose(0, 1)
        return nn.MultiheadAttention.forward(attention, query, tokens, tokens, need_weights=False)[0].transpose(0, 1)

    def other() -> Any:
        ours = CrossAttention.forward
        CrossAttention.forward = torchs
        try:
            return run()
        finally:
            CrossAttention.forward = ours

    return other


def cases(full: bool) -> Iterator[tuple[str, Run, dict[str, tuple[Run, bool]]]]:
    """Name, ours, and rivals with whether they must give the same."""
    torch.manual_seed(0)
    frames, blocks = (8, 23) if full else (4, 4)
    umt = Umt(UmtConfig(blocks=blocks)).eval()
    clip = torch.randn(1, 3, frames, 224, 224)
    sizes = {"hidden_size": 1024, "num_attention_heads": 16, "intermediate_size": 4096, "tubelet_size": 1}
    other = VideoMAEModel(VideoMAEConfig(num_frames=frames, num_hidden_layers=blocks, **sizes)).eval()
    yield (
        f"UMT-L, {blocks} blocks, {frames} frames",
        lambda: umt(clip).tokens,
        {
            "attention by formula": (by_formula(lambda: umt(clip).tokens), True),
            "transformers VideoMAEModel": (lambda: other(clip.transpose(1, 2)).last_hidden_state, False),
        },
    )
    layers = 24 if full else 4
    tower = ClipTower(ClipConfig(layers=layers)).eval()
    pictures = torch.randn(frames, 3, 336, 336)
    yield (
        f"CLIP-L/14-336, {layers} layers, {frames} pictures",
        lambda: tower(pictures),
        {
            "attention by formula": (by_formula(lambda: tower(pictures)), True),
            "transformers CLIPVisionModel": (
                lambda: tower.vision_model(pictures, output_hidden_states=True).hidden_states[-2][:, 1:],
                True,
            ),
        },
    )
    face = FaceXFormer().eval()
    crops = torch.randn(frames if full else 2, 3, 224, 224)
    yield (
        f"FaceXFormer, taps of {len(crops)} crops",
        lambda: face.encode(crops).taps[-1],
        {
            "crop by crop": (lambda: torch.cat([face.encode(crop[None]).taps[-1] for crop in crops]), True),
            "transformers SwinModel": (lambda: face.backbone(crops).last_hidden_state, False),
        },
    )
    taps = face.encode(crops).taps
    fused, place = face.fuse(taps), face.pe_layer(face.fuse(taps))
    yield (
        f"FaceXFormer, all answers of {len(crops)} crops",
        lambda: face.face_decoder(fused, place).landmarks,
        {
            "task by task": (lambda: [face.face_decoder(fused, place).landmarks for _ in range(TASKS)][-1], True),
            "attention by formula": (by_formula(lambda: face.face_decoder(fused, place).landmarks), True),
        },
    )
    chain = GranularityChain(GranularityConfig()).eval()
    general = torch.randn(1, frames * 196, 1024)
    maps = [torch.randn(1, frames, c, s, s) for c, s in ((128, 56), (256, 28), (512, 14), (1024, 7))]
    rival = [nn.MultiheadAttention(1024, 16, batch_first=True).eval() for _ in range(4)]
    tokens = [torch.randn(1, frames * n, 1024) for n in (196, 196, 196, 49)]

    def torchs() -> Tensor:
        state = general
        for block, level in zip(rival, tokens, strict=True):
            state = block(level, state, state)[0]
        return state

    yield (
        f"chain, four levels, {frames} frames",
        lambda: chain(general, maps),
        {
            "attention by formula": (by_formula(lambda: chain(general, maps)), True),
            "torch MultiheadAttention alone": (torchs, False),
        },
    )
    qformer = QFormerProjector(QFormerConfig()).eval()
    words = torch.randint(1000, 20000, (1, 24))
    queries = torch.cat([qformer.query_tokens, qformer.extra_query_tokens], dim=1)
    yield (
        f"Q-Former, {frames * 196} tokens and 24 words",
        lambda: qformer(general, instruction=words).tokens,
        {
            "attention by formula": (by_formula(lambda: qformer(general, instruction=words).tokens), True),
            "transformers InstructBlipQFormerModel": (
                lambda: (
                    qformer.qformer(
                        query_embeds=queries, input_ids=words, encoder_hidden_states=general
                    ).last_hidden_state
                ),
                False,
            ),
        },
    )
    width = 4096 if full else 512
    stc = Stc(StcConfig(width=width)).eval()
    features = torch.randn(1, 2 * frames, 576, 1024)

    def by_frame() -> Tensor:
        each = [stc.s1(frame.T.reshape(1, 1024, 24, 24)) for frame in features[0]]
        sampled = stc.sampler(torch.stack(each, dim=2))
        after = torch.cat([stc.s2(sampled[:, :, slot]) for slot in range(sampled.shape[2])])
        return stc.readout(after.flatten(2).transpose(1, 2)).flatten(0, 1)[None]

    yield (
        f"STC v1, width {width}, {2 * frames} frames",
        lambda: stc(features).tokens,
        {"frame by frame": (by_frame, True)},
    )
    adapter = MoeAdapter(MoeConfig()).eval()
    e_g, e_f = torch.randn(2, 1, 96, 4096)

    def by_token() -> Tensor:
        weights = adapter(e_g, e_f).weights[0]
        return torch.stack([weights[0] * g + weights[1] * f for g, f in zip(e_g[0], e_f[0], strict=True)])[None]

    yield "MoE adapter, 96 tokens", lambda: adapter(e_g, e_f).tokens, {"token by token": (by_token, True)}
    branch = FaceBranch().eval()
    seen = torch.randn(1, 1, 16, 1024, 7, 7)

    def by_moment() -> Tensor:
        return torch.cat([branch(seen[:, :, k : k + 1]) for k in range(seen.shape[2])], dim=1)

    yield "face branch, a face in 16 frames", lambda: branch(seen), {"frame by frame": (by_moment, True)}
    width = 4096 if full else 1024
    encoder = PromptQueryEncoder(PromptQueryConfig(width=width)).eval()
    given = (torch.randn(1, 24, width), torch.randn(1, frames * 196, width))
    levels = [torch.randn(1, frames * n, width) for n in (196, 196, 196, 49)]
    yield (
        f"prompt-query encoder, width {width}, {frames} frames",
        lambda: encoder(*given, levels).fused_tokens,
        {
            "attention by formula": (by_formula(lambda: encoder(*given, levels).fused_tokens), True),
            "torch MultiheadAttention": (by_torch(lambda: encoder(*given, levels).fused_tokens), True),
        },
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--full", action="store_true", help="real depths and numbers of frames")
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    torch.set_num_threads(1)
    where, results = machine(), {}
    lines = [f"{'':50}{'ms':>10}{'x ours':>9}"]
    with torch.inference_mode():
        for name, ours, rivals in cases(given.full):
            expected = ours()
            for rival, (run, same) in rivals.items():
                if same and (off := float((run() - expected).abs().max() / expected.abs().max())) > AGREE:
                    sys.exit(f"{name}, {rival}: differs by {off:.1e}")
            everyone = {"ours": ours, **{rival: run for rival, (run, _) in rivals.items()}}
            took = {who: [] for who in everyone}
            for _ in range(given.rounds):
                for who, run in everyone.items():
                    start = time.perf_counter()
                    run()
                    took[who].append(time.perf_counter() - start)
            least = {who: 1000 * min(times) for who, times in took.items()}
            results[name] = {who: {"ms": ms, "times_ours": ms / least["ours"]} for who, ms in least.items()}
            lines.append(name)
            lines += [f"  {who:48}{ms:10.1f}{ms / least['ours']:9.2f}" for who, ms in least.items()]
    keep("model_components", {**where, "threads": 1, "torch": torch.__version__}, results, "\n".join(lines))


if __name__ == "__main__":
    main()
