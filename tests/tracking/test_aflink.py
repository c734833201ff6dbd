"""Linking tracks by movement: the gates, chains, the geometric score, and the network where torch is installed."""

import builtins
from dataclasses import replace

import numpy as np
import pytest

from facevlm.errors import MissingExtraError, WeightsError
from facevlm.tracking.aflink import (
    WINDOW,
    AFLinkConfig,
    Link,
    TrackEnds,
    find_links,
    geometric_score,
    network_input,
    network_score,
    resolved,
)


def ends(start, count, x0, speed, *, y=100.0, height=100.0):
    """A track at x0 + speed * frame, `count` boxes from frame `start` on."""
    frames = np.arange(start, start + count, dtype=float)
    columns = [frames, x0 + speed * frames, np.full(count, y), np.full(count, 0.8 * height), np.full(count, height)]
    rows = np.column_stack(columns)
    return TrackEnds(rows[:WINDOW], rows[-WINDOW:])


def always(last, first):
    return 1.0


GATES = {
    # later track -> may it follow a track of frames 0 to 39 that stands at x = 100
    "at once": (ends(40, 20, 100, 0), True),
    "in the same frame": (ends(39, 20, 100, 0), True),
    "before its end": (ends(38, 20, 100, 0), False),
    "29 frames on": (ends(68, 20, 100, 0), True),
    "30 frames on": (ends(69, 20, 100, 0), False),
    "75 pixels away": (ends(40, 20, 175, 0), True),
    "76 pixels away": (ends(40, 20, 176, 0), False),
}


@pytest.mark.parametrize("name", GATES)
def test_gates_of_the_paper(name):
    later, expected = GATES[name]
    assert bool(find_links({1: ends(0, 40, 100, 0), 2: later}, always)) == expected


def test_distance_in_heights_is_the_same_at_every_size():
    config = AFLinkConfig(max_distance=None, max_heights=1.0)
    for scale in (0.3, 1, 7):
        pair = {1: ends(0, 40, 0, 0, height=100 * scale), 2: ends(50, 9, 90 * scale, 0, height=100 * scale)}
        assert len(find_links(pair, always, config)) == 1
        assert find_links(pair, always, replace(config, max_heights=0.8)) == []


def test_the_best_pairs_are_linked_each_once_and_chains_end_at_their_first():
    tracks = {5: ends(0, 30, 0, 0), 2: ends(35, 30, 10, 0), 3: ends(36, 30, 5, 0), 9: ends(70, 30, 12, 0)}
    links = find_links(tracks, lambda last, first: 1 - abs(last[-1, 1] - first[0, 1]) / 1000)
    assert sorted((link.former, link.latter) for link in links) == [(2, 9), (5, 3)]
    assert resolved([*links, Link(3, 2, 1.0)]) == {2: 5, 3: 5, 5: 5, 9: 5}
    assert find_links({}, always) == [] and resolved([]) == {}


GEOMETRY = {
    # earlier track, later track -> linked by the geometric score at the paper's largest cost
    "stands still": (ends(0, 40, 100, 0), ends(45, 20, 100, 0), True),
    "goes on": (ends(0, 40, 0, 6), ends(50, 20, 0, 6), True),
    "turned back meanwhile, near": (ends(0, 40, 100, 0.5), ends(50, 20, 140, -0.5), True),
    "elsewhere": (ends(0, 40, 100, 0), ends(42, 20, 160, 0), False),
    "goes the other way": (ends(0, 40, 0, 6), ends(60, 20, 300, -6), False),
    "twice as high": (ends(0, 40, 100, 0), ends(42, 20, 100, 0, height=200), False),
    "one box each": (ends(0, 1, 100, 0), ends(3, 1, 105, 0), True),
}


@pytest.mark.parametrize("name", GEOMETRY)
def test_geometric_score(name):
    one, other, expected = GEOMETRY[name]
    score = geometric_score(one.last, other.first)
    assert 0 <= score <= 1 and (score >= 0.95) == expected
    doubled = geometric_score(*(rows * [1, 2, 2, 2, 2] for rows in (one.last, other.first)))
    assert doubled == pytest.approx(score)


def test_network_input_is_padded_then_scaled_together():
    one, other = network_input(ends(0, 45, 50, 1).last, ends(60, 12, 50, 1).first)
    assert one.shape == other.shape == (WINDOW, 5)
    assert (other[12:] == other[12]).all() and np.abs([one, other]).max() <= 1  # zeros take part
    assert (np.diff(one[:, 0]) > 0).all() and other[0, 0] > one[-1, 0]


def test_without_torch_the_pip_line_is_named(monkeypatch):
    real = builtins.__import__

    def without_torch(name, *rest):
        if name == "torch":
            raise ModuleNotFoundError("No module named 'torch'", name="torch")
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without_torch)
    with pytest.raises(MissingExtraError, match="pip install torch safetensors"):
        network_score("weights.safetensors")


@pytest.fixture
def torch():
    torch = pytest.importorskip("torch", reason="needs the extra `models`")
    torch.set_num_threads(1)
    return torch


def test_missing_and_wrong_weights_are_told(torch, tmp_path):
    with pytest.raises(WeightsError, match="no such file"):
        network_score(tmp_path / "weights.safetensors")
    for name in ("weights.safetensors", "weights.pth"):
        (tmp_path / name).write_bytes(b"no weights")
        with pytest.raises(WeightsError, match="no weights of AFLink"):
            network_score(tmp_path / name)


def test_weights_that_are_no_numbers_are_told(torch, tmp_path):
    from safetensors.torch import save_file

    from facevlm.tracking.aflink_network import AFLinkNetwork

    state = AFLinkNetwork().state_dict()
    state["classifier.fc1.bias"][3] = torch.nan
    save_file(state, tmp_path / "weights.safetensors")
    with pytest.raises(WeightsError, match=r"weights\.safetensors: .* classifier\.fc1\.bias is not finite"):
        network_score(tmp_path / "weights.safetensors")


def walks(seed, count=6):
    """Tracks of people who walk with a little noise."""
    rng = np.random.default_rng(seed)
    tracks = []
    for _ in range(count):
        frames = np.arange(rng.integers(80, 160), dtype=float) + rng.integers(0, 50)
        place = rng.uniform(0, 900, 2) + np.outer(frames, rng.normal(0, 3, 2)) + rng.normal(0, 0.5, (len(frames), 2))
        tracks.append(np.column_stack([frames, place, np.full((len(frames), 2), 80.0)]))
    return tracks


def test_a_trained_network_tells_one_track_from_two(torch, tmp_path):
    from safetensors.torch import save_file

    from facevlm.tracking.aflink_training import TrainingConfig, draw_pair, train

    losses = []
    config = TrainingConfig(epochs=4, pairs=384, batch=16)
    network = train([walks(s) for s in range(8)], config, on_epoch=lambda epoch, loss: losses.append(loss))
    assert losses[-1] < 0.8 * losses[0]
    save_file(network.state_dict(), tmp_path / "weights.safetensors")
    score, rng, unseen = network_score(tmp_path / "weights.safetensors"), np.random.default_rng(1), [walks(99)]
    pairs = [draw_pair(unseen, rng, config) for _ in range(100)]
    right = [(score(last, first) > 0.5) == same for last, first, same in pairs]
    assert np.mean(right) > 0.7


def test_tracks_too_short_to_part_are_refused(torch):
    from facevlm.errors import InputError
    from facevlm.tracking.aflink_training import train

    with pytest.raises(InputError, match="no track has 20 boxes"):
        train([[walks(0)[0][:19]]])
