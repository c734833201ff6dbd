"""What the papers say of their boxes, as far as a test can see it; all at reduced sizes."""

from dataclasses import replace

import pytest

torch = pytest.importorskip("torch", reason="models need the extra facevlm[models]")

from facevlm.errors import InputError, UsageError  # noqa: E402
from facevlm.models.clip_tower import ClipConfig, ClipTower  # noqa: E402
from facevlm.models.face_branch import FaceBranch, FaceBranchConfig  # noqa: E402
from facevlm.models.facexformer import FaceXFormer, FaceXFormerConfig  # noqa: E402
from facevlm.models.granularity import GranularityChain, GranularityConfig  # noqa: E402
from facevlm.models.moe_adapter import MoeAdapter, MoeConfig  # noqa: E402
from facevlm.models.prompt_query import PromptQueryConfig, PromptQueryEncoder  # noqa: E402
from facevlm.models.qformer import QFormerConfig, QFormerProjector  # noqa: E402
from facevlm.models.stc import Stc, StcConfig  # noqa: E402
from facevlm.models.umt import Umt, UmtConfig, position_table  # noqa: E402

F, P = 3, 4  # frames, general tokens of a frame
WIDTHS, SIDES = (4, 6, 8, 10), (8, 6, 4, 2)
CHAIN = GranularityConfig(tap_widths=WIDTHS, general_width=12, width=12, heads=3, max_side=4)
CHAINS = {
    "default": CHAIN,
    "literal": replace(CHAIN, chain_block="literal"),
    "literal, one head, shared": replace(CHAIN, chain_block="literal", heads=1, share_weights=True),
    "prenorm, shared": replace(CHAIN, share_weights=True),
    "frame by frame": replace(CHAIN, scope="frame"),
    "literal, frame by frame": replace(CHAIN, chain_block="literal", scope="frame"),
    "maps as they are": replace(CHAIN, max_side=56),
    "without time": replace(CHAIN, time_embedding=False),
    "other width of e_g": replace(CHAIN, general_width=7),
}
LITERAL = [name for name, config in CHAINS.items() if config.chain_block == "literal" and config.scope == "clip"]


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def taps(batch=2, frames=F, widths=WIDTHS):
    return [torch.randn(batch, frames, c, s, s, requires_grad=True) for c, s in zip(widths, SIDES, strict=False)]


def general(config=CHAIN, batch=2):
    return torch.randn(batch, F * P, config.general_width, requires_grad=True)


def differs(one, other):
    return (one - other).abs().max() > 1e-5


@pytest.mark.parametrize("name", CHAINS)
def test_chain_gives_as_many_tokens_as_the_last_level(name):
    chain = GranularityChain(CHAINS[name])
    assert chain(general(CHAINS[name]), taps()).shape == (2, F * SIDES[-1] ** 2, 12)
    assert CHAINS[name].tokens(F, SIDES[-1]) == F * SIDES[-1] ** 2


@pytest.mark.parametrize("name", CHAINS)
def test_chain_hears_every_level_and_learns_from_it(name):
    chain, e_g, levels = GranularityChain(CHAINS[name]), general(CHAINS[name]), taps()
    out = chain(e_g, levels)
    out.square().sum().backward()
    for tensor in [e_g, *levels, *chain.parameters()]:
        assert tensor.grad is not None and tensor.grad.abs().max() > 0
    for number in range(len(levels)):
        changed = [torch.randn_like(tap) if k == number else tap for k, tap in enumerate(levels)]
        assert not torch.equal(chain(e_g, changed), out)
    assert differs(chain(torch.randn_like(e_g), levels), out)


@pytest.mark.parametrize("name", CHAINS)
def test_order_of_general_tokens(name):
    """Attention over a clip does not see the order of its keys; frame by frame it does, beyond one frame."""
    chain, e_g, levels = GranularityChain(CHAINS[name]), general(CHAINS[name]), taps()
    same = not differs(chain(e_g[:, torch.randperm(F * P)], levels), chain(e_g, levels))
    assert same == (CHAINS[name].scope == "clip")
    within = torch.cat([torch.randperm(P) + P * frame for frame in range(F)])
    assert not differs(chain(e_g[:, within], levels), chain(e_g, levels))


@pytest.mark.parametrize("name", LITERAL)
def test_literal_chain_passes_on_values_of_e_g_alone(name):
    """Every token is a weighted mean of projected general tokens: where those are all alike, faces change nothing."""
    chain = GranularityChain(CHAINS[name])
    alike = torch.randn(1, 1, 12).expand(2, F * P, 12)
    assert not differs(chain(alike, taps()), chain(alike, taps()))
    assert differs(GranularityChain(CHAIN)(alike, taps()), GranularityChain(CHAIN)(alike, taps()))


def test_literal_step_is_the_printed_formula():
    config = GranularityConfig(
        tap_widths=(4,), general_width=12, width=12, heads=1, chain_block="literal", time_embedding=False
    )
    chain, e_g, (tap,) = GranularityChain(config), general(), taps(widths=(4,))
    step, e_1 = chain.steps[0], chain.levels[0](tap.flatten(3).transpose(2, 3).flatten(1, 2))
    scores = step.q_proj(e_1) @ step.k_proj(e_g).transpose(1, 2) / 12**0.5
    assert torch.allclose(chain(e_g, [tap]), scores.softmax(-1) @ step.v_proj(e_g), atol=1e-5)


def test_frame_scope_keeps_frames_apart():
    chain, e_g, levels = GranularityChain(CHAINS["frame by frame"]), general(), taps()
    other = [tap.detach().clone() for tap in levels]
    for tap in other:
        tap[:, 1] = torch.randn_like(tap[:, 1])
    changed = (chain(e_g, other) - chain(e_g, levels)).abs().amax((0, 2)).unflatten(0, (F, -1)).amax(1) > 1e-6
    assert changed.tolist() == [False, True, False]


def test_time_order_of_the_faces_matters_only_with_a_time_embedding():
    e_g, levels = general(), taps()
    backwards = [tap.flip(1) for tap in levels]
    for name, matters in (("default", True), ("without time", False)):
        chain = GranularityChain(CHAINS[name])
        out = chain(e_g, levels).unflatten(1, (F, -1))
        assert bool(differs(chain(e_g, backwards).unflatten(1, (F, -1)).flip(1), out)) == matters


def test_places_in_time_may_be_given():
    chain, e_g, levels = GranularityChain(CHAIN), general(), taps()
    counted = chain(e_g, levels, positions=torch.arange(F))
    assert torch.equal(chain(e_g, levels), counted)
    each = chain(e_g, levels, positions=torch.tensor([[0.0, 1.0, 2.0], [0.0, 2.0, 4.0]]))
    assert not differs(each[0], counted[0]) and differs(each[1], counted[1])


BAD_CHAINS = {
    "a level too few": lambda: GranularityChain(CHAIN)(general(), taps()[:3]),
    "frames that differ": lambda: GranularityChain(CHAIN)(general(), [*taps()[:3], taps(frames=2)[3]]),
    "general tokens of no whole frames": lambda: GranularityChain(CHAIN)(general()[:, 1:], taps()),
    "heads that do not divide": lambda: GranularityConfig(width=10, heads=4),
    "no level": lambda: GranularityConfig(tap_widths=()),
}


@pytest.mark.parametrize("name", BAD_CHAINS)
def test_bad_chains_are_told(name):
    with pytest.raises(InputError):
        BAD_CHAINS[name]()


BAD_CHOICES = {
    "chain_block": lambda: GranularityConfig(chain_block="postnorm"),
    "scope": lambda: GranularityConfig(scope="shot"),
    "version": lambda: StcConfig(version="v2"),
    "projector": lambda: QFormerConfig(projector="mlp3"),
    "gate": lambda: MoeConfig(gate="hard"),
    "feature": lambda: FaceBranchConfig(feature="stage3"),
}


@pytest.mark.parametrize("field", BAD_CHOICES)
def test_choices_that_do_not_exist_are_told(field):
    with pytest.raises(UsageError, match=rf"\.{field} is '\w+' \(choose among '"):
        BAD_CHOICES[field]()


MOES = {
    "default": MoeConfig(width=6, gate_width=5),
    "per token": MoeConfig(width=6, gate_width=5, gate="token"),
    "with the prompt": MoeConfig(width=6, gate_width=5, prompt_width=4),
    "per token with the prompt": MoeConfig(width=6, gate_width=5, gate="token", prompt_width=4),
    "free": MoeConfig(width=6, gate="free"),
    "with experts": MoeConfig(width=6, gate_width=5, expert_ffn=True, expert_width=7),
}


def merge(adapter, e_g, e_f, prompt=None):
    given = (
        {} if not adapter.config.prompt_width else {"prompt": torch.randn(len(e_g), 4) if prompt is None else prompt}
    )
    return adapter(e_g, e_f, **given)


def awake(config):
    """An adapter whose gate has learned something."""
    adapter = MoeAdapter(config)
    if config.gate != "free":
        torch.nn.init.normal_(adapter.gate[-1].weight)
    return adapter


@pytest.mark.parametrize("name", MOES)
def test_gate_starts_at_one_half_each(name):
    e_g, e_f = torch.randn(2, 2, 5, 6)
    out = merge(MoeAdapter(MOES[name]), e_g, e_f)
    assert torch.equal(out.weights, torch.full_like(out.weights, 0.5))
    assert out.weights.shape == ((2, 5, 2) if MOES[name].gate == "token" else (2, 2))


@pytest.mark.parametrize("name", [name for name in MOES if name != "with experts"])
@pytest.mark.parametrize("side", [0, 1])
def test_a_gate_all_on_one_side_gives_that_branch_alone(name, side):
    adapter, (e_g, e_f) = MoeAdapter(MOES[name]), torch.randn(2, 2, 5, 6)
    logits = adapter.logits if MOES[name].gate == "free" else adapter.gate[-1].bias
    logits.data = torch.tensor([float("inf"), -float("inf")])[[side, 1 - side]]
    assert torch.equal(merge(adapter, e_g, e_f).tokens, (e_g, e_f)[side])


@pytest.mark.parametrize("name", MOES)
def test_tokens_are_the_weighted_sum_and_all_learns(name):
    adapter = awake(MOES[name])
    e_g, e_f = torch.randn(2, 2, 5, 6, requires_grad=True)
    out = merge(adapter, e_g, e_f)
    weights = out.weights if out.weights.ndim == 3 else out.weights[:, None]
    expected = weights[..., :1] * adapter.experts[0](e_g) + weights[..., 1:] * adapter.experts[1](e_f)
    assert torch.allclose(out.tokens, expected, atol=1e-6)
    assert torch.allclose(out.weights.sum(-1), torch.ones(()))
    out.tokens.square().sum().backward()
    assert all(parameter.grad.abs().max() > 0 for parameter in adapter.parameters())


@pytest.mark.parametrize("name", MOES)
def test_what_the_gate_sees(name):
    adapter, (e_g, e_f, other) = awake(MOES[name]), torch.randn(3, 2, 5, 6)
    prompt = torch.randn(2, 4)
    weights = merge(adapter, e_g, e_f, prompt).weights
    assert bool(differs(merge(adapter, e_g, other, prompt).weights, weights)) == (MOES[name].gate != "free")
    assert bool(differs(merge(adapter, other, e_f, prompt).weights, weights)) == (MOES[name].gate != "free")
    asks = differs(merge(adapter, e_g, e_f, torch.randn(2, 4)).weights, weights)
    assert bool(asks) == bool(MOES[name].prompt_width)


@pytest.mark.parametrize("facial, prompt", [((2, 4, 6), None), ((2, 5, 6), (2, 4))])
def test_bad_branches_are_told(facial, prompt):
    with pytest.raises(InputError):
        MoeAdapter(MOES["default"])(
            torch.zeros(2, 5, 6), torch.zeros(facial), prompt=None if prompt is None else torch.zeros(prompt)
        )


QFORMER = QFormerConfig(
    vision_width=10, width=12, layers=4, heads=2, mlp_width=16, vocabulary=20, max_text=8, queries=3, extra_queries=2,
    out_width=14,
)  # fmt: skip


def qformer(**changes):
    model = QFormerProjector(replace(QFORMER, **changes)).eval()
    torch.nn.init.normal_(model.extra_query_tokens)
    return model


@pytest.mark.parametrize("projector", ["linear", "mlp2"])
def test_qformer_hears_vision_and_instruction_and_learns(projector):
    model, vision = qformer(projector=projector), torch.randn(2, 7, 10, requires_grad=True)
    ids, others = torch.tensor([[1, 5, 7, 2], [1, 8, 3, 2]]), torch.tensor([[1, 9, 7, 2], [1, 8, 4, 2]])
    out = model(vision, instruction=ids)
    assert out.tokens.shape == (2, 5, 14) == (2, QFORMER.tokens, 14)
    assert differs(model(vision, instruction=others).tokens, out.tokens)
    assert differs(model(torch.randn_like(vision), instruction=ids).tokens, out.tokens)
    assert differs(model(vision).tokens, out.tokens)
    out.tokens.square().sum().backward()
    assert vision.grad.abs().max() > 0
    # the last layer's text goes nowhere, and padding's word embedding is no parameter that learns
    idle = {name for name, p in model.named_parameters() if p.grad is None or p.grad.abs().max() == 0}
    assert all(
        ".layer.3.intermediate." in name or ".layer.3.output." in name or name.endswith("key.bias") for name in idle
    )


def test_masked_vision_and_padded_text_change_nothing():
    model, vision = qformer(), torch.randn(1, 7, 10)
    ids = torch.tensor([[1, 5, 7, 2]])
    mask = torch.tensor([[1, 1, 1, 1, 1, 0, 0]])
    short = model(vision[:, :5], instruction=ids).tokens
    assert not differs(model(vision, vision_mask=mask, instruction=ids).tokens, short)
    right = torch.cat([ids, torch.zeros(1, 2, dtype=torch.long)], dim=1)
    padded = model(vision[:, :5], instruction=right, instruction_mask=(right != 0).long()).tokens
    assert not differs(padded, short)


def test_positions_of_the_instruction_count_from_the_padded_start():
    """As in VideoChat2, which pads on the left and counts on."""
    model, vision, ids = qformer(), torch.randn(1, 7, 10), torch.tensor([[1, 5, 7, 2]])
    left = torch.cat([torch.zeros(1, 2, dtype=torch.long), ids], dim=1)
    padded = model(vision, instruction=left, instruction_mask=(left != 0).long()).tokens
    assert differs(padded, model(vision, instruction=ids).tokens)


@pytest.mark.parametrize("text, length", [(False, 2), (True, 9)])
def test_instructions_that_cannot_be_read_are_told(text, length):
    with pytest.raises(InputError, match=f"{length} tokens"):
        qformer(text=text)(torch.randn(1, 7, 10), instruction=torch.ones(1, length, dtype=torch.long))


def umt():
    return Umt(UmtConfig(width=16, blocks=3, heads=2, mlp_width=20, patch_size=16)).eval()


@pytest.mark.parametrize(
    "frames, height, width", [(1, 224, 224), (4, 224, 224), (5, 32, 64), (16, 32, 32), (300, 16, 16)]
)
def test_umt_takes_any_number_of_frames_and_any_size(frames, height, width):
    out = umt()(torch.randn(1, 3, frames, height, width), taps=(0, 2))
    patches = height // 16 * (width // 16)
    assert out.tower.shape == (1, frames, patches, 16) and out.tokens.shape == (1, frames * patches, 16)
    assert len(out.taps) == 2 and torch.equal(out.taps[1].view_as(out.tower), out.tower)


def test_umt_hears_the_order_of_frames():
    model, clip = umt(), torch.randn(1, 3, 4, 32, 32)
    assert differs(model(clip.flip(2)).tower.flip(1), model(clip).tower)


def test_a_picture_has_the_first_slot_of_the_position_table():
    four = position_table(4, (14, 14), 16)
    assert torch.equal(position_table(1, (14, 14), 16), four[:, :196])
    assert torch.allclose(position_table(8, (14, 14), 16)[:, :196], four[:, :196])  # ends are kept, not mixed


@pytest.mark.parametrize("shape", [(1, 3, 4, 30, 32), (1, 4, 3, 32, 32), (3, 4, 32, 32)])
def test_clips_of_another_shape_are_told(shape):
    with pytest.raises(InputError):
        umt()(torch.zeros(shape))


FACE = FaceXFormerConfig(embed_dim=8, depths=(1, 1, 2, 1), num_heads=(1, 1, 2, 2), width=16, decoder_mlp=8)


def test_facexformer_hears_each_tap_and_learns():
    model = FaceXFormer(FACE)
    out = model(torch.randn(1, 3, 224, 224))
    answers = (out.answers.landmarks, out.answers.head_pose, out.answers.attributes, out.answers.visibility)
    answers += (out.answers.age, out.answers.gender, out.answers.race, out.answers.parsing)
    assert [tuple(a.shape[1:]) for a in answers] == [(136,), (3,), (40,), (29,), (8,), (2,), (5,), (11, 224, 224)]
    (sum(answer.square().mean() for answer in answers)).backward()
    idle = {n for n, p in model.named_parameters() if p.grad is None or p.grad.abs().max() == 0}
    assert idle <= {n for n, _ in model.named_parameters() if n.startswith("backbone.layernorm") or "k_proj.bias" in n}
    for number in range(4):
        changed = [tap + (k == number) * torch.randn_like(tap) for k, tap in enumerate(out.features.taps)]
        assert differs(model.fuse(changed), out.fused)


def test_last_and_pooled_are_the_normed_last_tap():
    features = FaceXFormer(FACE).eval().encode(torch.randn(2, 3, 224, 224))
    assert features.last.shape == features.taps[3].shape == (2, 64, 7, 7)
    assert torch.allclose(features.last.mean((2, 3)), features.pooled, atol=1e-5)
    assert torch.allclose(features.last.mean(1), torch.zeros(2, 7, 7), atol=1e-5)


def test_faces_of_another_size_are_told():
    with pytest.raises(InputError, match="224"):
        FaceXFormer(FACE).encode(torch.zeros(1, 3, 112, 112))
    with pytest.raises(UsageError, match="multiple of 224"):
        FaceXFormerConfig(image_size=256)


CLIP = ClipConfig(image_size=28, width=16, layers=3, heads=2, mlp_width=20)


@pytest.mark.parametrize("select", [-2, -1, 0, 2])
def test_clip_tower_gives_the_selected_layer_of_the_whole_model(select):
    tower, pixels = ClipTower(replace(CLIP, select_layer=select)).eval(), torch.randn(2, 3, 3, 28, 28)
    whole = tower.vision_model(pixels.flatten(0, 1), output_hidden_states=True).hidden_states[select]
    assert torch.allclose(tower(pixels).flatten(0, 1), whole[:, 1:], atol=1e-6)


def test_stc_hears_the_order_of_frames_and_v1_mixes_in_a_border():
    features = torch.randn(1, 4, 16, 8)
    for version, tokens in (("v1", 3 * 3 * 3), ("v35", 2 * 2 * 2)):
        stc = Stc(StcConfig(vision_width=8, width=12, depth=1, version=version))
        out = stc(features).tokens
        assert out.shape == (1, tokens, 12)
        assert differs(stc(features.flip(1)).tokens, out)
        out.square().sum().backward()
        assert all(parameter.grad.abs().max() > 0 for parameter in stc.parameters())


@pytest.mark.parametrize("frames, patches, version", [(4, 15, "v1"), (1, 16, "v35")])
def test_features_that_stc_cannot_take_are_told(frames, patches, version):
    with pytest.raises(InputError):
        Stc(StcConfig(vision_width=8, width=8, depth=1, version=version))(torch.zeros(1, frames, patches, 8))


@pytest.mark.parametrize("tokens", [1, 4, 49])
@pytest.mark.parametrize("feature", ["stage4", "fused", "clip"])
def test_face_branch_lines_up_faces_then_frames_then_places(tokens, feature):
    config = FaceBranchConfig(feature=feature, feature_width=6, tokens_per_frame=tokens, hidden_width=8, out_width=10)
    branch, features = FaceBranch(config), torch.randn(2, 2, 3, 6, 7, 7)
    out = branch(features)
    assert out.shape == (2, 2 * 3 * tokens, 10)
    other = features.clone()
    other[:, 1, 2] = torch.randn(2, 6, 7, 7)
    changed = (branch(other) - out).abs().amax((0, 2)).unflatten(0, (2, 3, tokens)).amax(-1) > 1e-6
    assert changed.tolist() == [[False] * 3, [False, False, True]]


@pytest.mark.parametrize("tokens, side, error", [(3, 7, "no square"), (49, 5, "at least 7x7")])
def test_bad_face_features_are_told(tokens, side, error):
    with pytest.raises(InputError, match=error):
        FaceBranch(FaceBranchConfig(feature_width=6, tokens_per_frame=tokens))(torch.zeros(1, 1, 1, 6, side, side))


def test_favchat_v2_hears_text_general_and_each_level_and_padding_changes_nothing():
    model = PromptQueryEncoder(PromptQueryConfig(width=16, heads=2, qformer_layers=1, queries=3)).eval()
    text, e_g = torch.randn(1, 5, 16), torch.randn(1, 6, 16)
    levels = [torch.randn(1, n, 16) for n in (4, 5, 6, 7)]
    out = model(text, e_g, levels).fused_tokens
    assert differs(model(torch.randn_like(text), e_g, levels).fused_tokens, out)
    assert differs(model(text, torch.randn_like(e_g), levels).fused_tokens, out)
    for number in range(4):
        changed = [torch.randn_like(level) if k == number else level for k, level in enumerate(levels)]
        assert differs(model(text, e_g, changed).fused_tokens, out)
    padded, mask = torch.cat([torch.randn(1, 2, 16), text], dim=1), torch.tensor([[0, 0, 1, 1, 1, 1, 1]])
    assert not differs(model(padded, e_g, levels, text_mask=mask).fused_tokens, out)
    with pytest.raises(InputError, match="3 visual levels"):
        model(text, e_g, levels[:3])
