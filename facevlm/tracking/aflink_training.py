"""Train AFLink's network (needs `torch`) on tracks whose ids are known.

Pairs are made as Du et al. 2023, section 3.4, make them: one track parted by a gap is a pair that belongs together; a
pair that does not is the same with the later part moved in place or time, or the later part of another track of the
video. Optimiser and schedule are the paper's: Adam, 20 epochs, learning rate 1e-3 falling along a cosine, weight decay
5e-4.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from facevlm.errors import InputError
from facevlm.tracking.aflink import WINDOW, network_input
from facevlm.tracking.aflink_network import AFLinkNetwork

_log = logging.getLogger(__name__)

Pair = tuple[np.ndarray, np.ndarray, int]  # end of one track, start of another (rows of 5), 1 where they are one
SHORTEST = 10  # boxes of a part of a track


@dataclass(frozen=True)
class TrainingConfig:
    """How the network is trained.

    Attributes:
        epochs: Passes; each draws new pairs.
        pairs: Pairs of one epoch, half of which belong together.
        batch: Pairs of one step.
        learning_rate: At the start; it falls to 0 along a cosine.
        weight_decay: Of Adam.
        max_gap: Longest gap in frames.
        moved: Least and most distance, in box heights, by which a later part is moved to be another's.
        delayed: Least and most frames by which it is delayed or hastened instead.
        seed: Of everything drawn.
    """

    epochs: int = 20
    pairs: int = 4096
    batch: int = 32
    learning_rate: float = 1e-3
    weight_decay: float = 5e-4
    max_gap: int = 30
    moved: tuple[float, float] = (1.0, 5.0)
    delayed: tuple[float, float] = (30.0, 100.0)
    seed: int = 0


def draw_pair(videos: Sequence[Sequence[np.ndarray]], rng: np.random.Generator, config: TrainingConfig) -> Pair:
    """One pair of tracks' ends, as likely one as two tracks.

    Args:
        videos: Per video its tracks: float (K, 5) frame, x, y, width, height; those below 2 `SHORTEST` boxes are left
            out by `train`.
        rng: Where the draw comes from.
        config: How far parts are moved.
    """
    video = videos[int(rng.integers(len(videos)))]
    track = video[int(rng.integers(len(video)))]
    end = int(rng.integers(SHORTEST, len(track) - SHORTEST + 1))
    last = track[max(0, end - WINDOW) : end]
    gap = rng.uniform(1, config.max_gap)
    start = int(np.searchsorted(track[:, 0], last[-1, 0] + gap))
    start = min(start, len(track) - SHORTEST)
    first = track[start : start + WINDOW].copy()
    if rng.random() < 0.5:
        return last, first, 1
    others = [t for t in video if t is not track]
    kind = rng.integers(3 if others else 2)
    if kind == 0:
        angle, far = rng.uniform(0, 2 * np.pi), rng.uniform(*config.moved) * first[0, 4]
        first[:, 1:3] += far * np.array([np.cos(angle), np.sin(angle)])
    elif kind == 1:
        first[:, 0] += rng.uniform(*config.delayed)
    else:
        other = others[int(rng.integers(len(others)))]
        at = int(np.clip(np.searchsorted(other[:, 0], first[0, 0]), 0, len(other) - SHORTEST))
        first = other[at : at + WINDOW].copy()
    return last, first, 0


def train(
    videos: Sequence[Sequence[np.ndarray]],
    config: TrainingConfig | None = None,
    *,
    on_epoch: Callable[[int, float], None] = lambda epoch, loss: None,
) -> AFLinkNetwork:
    """Train a network from nothing.

    Args:
        videos: As in `draw_pair`.
        config: How.
        on_epoch: Called after each epoch with its number from 1 and its mean loss.

    Returns:
        The network, ready to judge.

    Raises:
        InputError: No track is long enough to be parted.
    """
    config = config or TrainingConfig()
    long = [[t for t in video if len(t) >= 2 * SHORTEST] for video in videos]
    long = [video for video in long if video]
    if not long:
        raise InputError(f"no track has {2 * SHORTEST} boxes", mend="give longer tracks to learn from")
    torch.manual_seed(config.seed)
    rng, network = np.random.default_rng(config.seed), AFLinkNetwork()
    adam = torch.optim.Adam(network.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(adam, T_max=config.epochs)
    for epoch in range(1, config.epochs + 1):
        losses = []
        for _ in range(config.pairs // config.batch):
            one, other, same = _batch([draw_pair(long, rng, config) for _ in range(config.batch)])
            loss = nn.functional.cross_entropy(network(one, other), same)
            adam.zero_grad()
            loss.backward()
            adam.step()
            losses.append(loss.item())
        schedule.step()
        _log.info("epoch %d of %d: loss %.4f", epoch, config.epochs, np.mean(losses))
        on_epoch(epoch, float(np.mean(losses)))
    return network.eval()


def _batch(pairs: Sequence[Pair]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Float (B, WINDOW, 3) ends, the same of beginnings, int64 (B,) whether they are one."""
    scaled = [network_input(last[:, :3], first[:, :3]) for last, first, _ in pairs]
    one, other = (torch.tensor(np.stack(column), dtype=torch.float32) for column in zip(*scaled, strict=True))
    return one, other, torch.tensor([same for _, _, same in pairs])
