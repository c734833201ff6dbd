"""DE-GRPO's advantages, by hand: golden files hold groups whose utility is too small to count."""

from itertools import combinations
from math import exp, log, tanh
from statistics import mean, stdev

import pytest

torch = pytest.importorskip("torch", reason="models need the extra facevlm[models]")

from facevlm.errors import InputError  # noqa: E402
from facevlm.models.degrpo import DeGrpoConfig, degrpo_advantages  # noqa: E402

REWARDS = [0.0, 1.0, 3.0, 0.5, 0.2, 0.9]
LIKELIHOODS = [-0.1, -0.9, -2.5, -0.4, -0.3, -1.0]
GROUPS = {"a": slice(0, 3), "b": slice(3, 6)}


def call(utilities=None, *, config=None, values=(0.4, -0.3), problems=("a", "b"), rewards=REWARDS):
    """Two problems with three answers each, of two tokens and one of padding."""
    logps = torch.tensor([[x - 0.05, x + 0.05, 9.0] for x in LIKELIHOODS[: len(rewards)]])
    mask = torch.tensor([[1, 1, 0]] * len(rewards))
    return degrpo_advantages(
        torch.tensor(rewards),
        logps,
        mask,
        values=torch.tensor(values, requires_grad=True),
        problems=problems,
        utilities=utilities or {},
        config=config or DeGrpoConfig(),
    )


def pairs(numbers):
    return [abs(x - y) for x, y in combinations(numbers, 2)]


def gap(numbers):
    return exp(mean(log(d + 1e-6) for d in pairs(numbers)))


def by_hand(before, config, values=(0.4, -0.3)):
    advantages, state = [], {}
    for value, (name, group) in zip(values, GROUPS.items(), strict=True):
        rewards = REWARDS[group]
        utility = gap(rewards) * gap(LIKELIHOODS[group])
        state[name] = config.smoothing * before[name] + (1 - config.smoothing) * utility
        factor = 0 if state[name] < config.remove else config.decay if state[name] > config.keep else 1
        shape = tanh(factor * (mean(pairs(rewards)) - value))
        advantages += [(r - mean(rewards)) / (stdev(rewards) + 1e-4) * shape for r in rewards]
    return advantages, state


SITUATIONS = {
    "one counts in full, one not at all": ({"a": 0.0, "b": 0.0}, DeGrpoConfig()),
    "one by half, one in full": ({"a": 0.9, "b": 0.9}, DeGrpoConfig()),
    "none, whatever": ({"a": 0.0, "b": 0.0}, DeGrpoConfig(remove=5.0)),
    "another smoothing and decay": ({"a": 1.0, "b": 0.5}, DeGrpoConfig(smoothing=0.3, decay=0.1, keep=0.5)),
}


@pytest.mark.parametrize("situation", SITUATIONS)
def test_advantages_by_hand(situation):
    before, config = SITUATIONS[situation]
    advantages, state = by_hand(before, config)
    out = call(before, config=config)
    assert out.advantages.tolist() == pytest.approx(advantages, abs=1e-5)
    assert out.utilities == pytest.approx(state, abs=1e-5)
    assert any(advantages) == (situation != "none, whatever")


def test_a_problem_never_seen_starts_where_the_config_says():
    config = DeGrpoConfig(start=0.7)
    assert call({}, config=config).utilities == call({"a": 0.7, "b": 0.7}, config=config).utilities
    assert call({}).utilities == call({"a": 0.0, "b": 0.0}).utilities


def test_state_is_returned_and_never_changed():
    before = {"a": 0.5, "c": 0.25}
    after = call(before).utilities
    assert before == {"a": 0.5, "c": 0.25} and after["c"] == 0.25 and set(after) == {"a", "b", "c"}


def test_alike_rewards_teach_nothing_and_the_value_learns():
    alike = call({"a": 9.0, "b": 9.0}, rewards=[1.0] * 6)
    assert not alike.advantages.any()
    values = torch.tensor([0.4, -0.3], requires_grad=True)
    rewards, logps = torch.tensor(REWARDS), torch.tensor(LIKELIHOODS)[:, None]
    out = degrpo_advantages(
        rewards, logps, torch.ones(6, 1), values=values, problems=["a", "b"], utilities={"a": 1.0, "b": 1.0}
    )
    out.advantages.square().sum().backward()
    assert values.grad.abs().min() > 0


BAD = {
    "no problems": {"problems": (), "values": ()},
    "rewards that are no groups": {"problems": ("a", "b", "c", "d"), "values": (0.0,) * 4},
    "groups of one": {"problems": tuple("abcdef"), "values": (0.0,) * 6},
    "a value too few": {"values": (0.0,)},
}


@pytest.mark.parametrize("situation", BAD)
def test_bad_batches_are_told(situation):
    with pytest.raises(InputError, match="rewards"):
        call(**BAD[situation])
