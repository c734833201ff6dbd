"""DE-GRPO, the advantages of FaVChat v2's reinforcement learning: groups weighed by how much they can teach.

Each problem has G answers. Its utility is how far apart their rewards lie, times how far apart their likelihoods lie,
both as geometric means over pairs; a smoothed utility decides whether the problem counts in full, by half or not.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from facevlm.errors import InputError

STD_EPS = 1e-4
GAP_EPS = 1e-6


@dataclass(frozen=True)
class DeGrpoConfig:
    """Constants of the released code.

    Attributes:
        remove: A problem whose utility is below this counts not at all.
        keep: A problem whose utility is above this counts by `decay`.
        decay: That factor.
        smoothing: Share of the old utility in the new one.
        start: Utility of a problem never seen. With the released 0 and `remove` .2, a first group counts only where
            its own utility exceeds 1.
    """

    remove: float = 0.2
    keep: float = 0.8
    decay: float = 0.5
    smoothing: float = 0.8
    start: float = 0.0


@dataclass(frozen=True)
class Advantages:
    """Advantages of N = problems * G answers, and what they come from.

    Attributes:
        advantages: (N,). The values are not detached: the policy's loss trains them, as in the released code.
        std: (N,) unbiased standard deviation of the rewards of each answer's group.
        factors: (problems,) how much each problem counts: 0, `decay` or 1.
        utilities: The new state: problem -> smoothed utility, those not in this batch unchanged.
    """

    advantages: Tensor
    std: Tensor
    factors: Tensor
    utilities: dict[Hashable, float]


def degrpo_advantages(
    rewards: Tensor,
    logps: Tensor,
    mask: Tensor,
    *,
    values: Tensor,
    problems: Sequence[Hashable],
    utilities: Mapping[Hashable, float],
    config: DeGrpoConfig = DeGrpoConfig(),
) -> Advantages:
    """Advantages of one batch; no state is kept or changed.

    Args:
        rewards: (N,), the answers of one problem after the other.
        logps: (N, T) log-probability of each token of each answer.
        mask: (N, T), 0 on padding.
        values: (problems,) value of each problem, from the value head.
        problems: Id of each problem.
        utilities: State after the batch before: problem -> smoothed utility.
        config: Constants.

    Raises:
        InputError: The rewards are no groups of two or more answers, one group for each problem.
    """
    count = len(problems)
    if not count or len(rewards) % count or len(rewards) // count < 2 or values.shape != (count,):
        what = f"{len(rewards)} rewards and {tuple(values.shape)} values for {count} problems"
        raise InputError(what, mend="give two or more answers and one value for each problem")
    groups = rewards.unflatten(0, (count, -1))  # problems G
    likelihood = (logps * mask).sum(1) / mask.sum(1).clamp(min=1)
    pairs = _pairwise(groups)
    utility = _gap(pairs) * _gap(_pairwise(likelihood.unflatten(0, (count, -1))))
    smoothed = _smoothed(utility.tolist(), problems, utilities, config)
    factors = values.new_tensor([_factor(smoothed[problem], config) for problem in problems])
    std = groups.std(1, keepdim=True).expand_as(groups)
    relative = (groups - groups.mean(1, keepdim=True)) / (std + STD_EPS)
    shaped = relative * torch.tanh(factors * (pairs.mean(1) - values))[:, None]
    return Advantages(advantages=shaped.flatten(), std=std.flatten(), factors=factors, utilities=smoothed)


def _pairwise(groups: Tensor) -> Tensor:
    """(problems, G) -> |difference| of each pair, (problems, G (G - 1) / 2)."""
    first, second = torch.triu_indices(groups.shape[1], groups.shape[1], offset=1, device=groups.device)
    return (groups[:, first] - groups[:, second]).abs()


def _gap(pairs: Tensor) -> Tensor:
    """Geometric mean of the pairs of each problem."""
    return (pairs + GAP_EPS).log().mean(1).exp()


def _smoothed(
    new: list[float], problems: Sequence[Hashable], old: Mapping[Hashable, float], config: DeGrpoConfig
) -> dict[Hashable, float]:
    state = dict(old)
    for problem, utility in zip(problems, new, strict=True):
        before = state.get(problem, config.start)
        state[problem] = config.smoothing * before + (1 - config.smoothing) * utility
    return state


def _factor(utility: float, config: DeGrpoConfig) -> float:
    if utility < config.remove:
        return 0.0
    return config.decay if utility > config.keep else 1.0
