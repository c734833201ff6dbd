"""The network of AFLink (needs `torch`): from the ends of two tracks, the probability that they are one.

Du et al. 2023, section 3.4: each track's end is a sequence of (frame, x, y). Two stacks of four temporal convolutions
see one feature at a time (with a normalisation for each), a fusion over the three features follows, and a classifier
over both tracks. Names of the parameters are those of the released weights.
"""

from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor, nn

from facevlm.errors import WeightsError

CHANNELS = (1, 32, 64, 128, 256)


class TemporalBlock(nn.Module):
    """Convolution along time, then one batch normalisation for each feature, then ReLU."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, (7, 1), bias=False)
        self.bnf, self.bnx, self.bny = (nn.BatchNorm1d(outputs) for _ in range(3))

    def forward(self, x: Tensor) -> Tensor:
        """float (B, C, T, 3) -> (B, C', T - 6, 3)."""
        frame, left, top = self.conv(x).unbind(-1)
        return torch.relu(torch.stack([self.bnf(frame), self.bnx(left), self.bny(top)], dim=-1))


class FusionBlock(nn.Module):
    """Convolution across the three features, batch normalisation, ReLU."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, (1, 3), bias=False)
        self.bn = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        """float (B, C, T, 3) -> (B, C, T, 1)."""
        return torch.relu(self.bn(self.conv(x)))


class Classifier(nn.Module):
    """Two linear layers over both tracks."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(inputs, inputs // 4), nn.Linear(inputs // 4, 2)

    def forward(self, one: Tensor, other: Tensor) -> Tensor:
        """float (B, C) each -> logits (B, 2)."""
        return self.fc2(torch.relu(self.fc1(torch.cat([one, other], dim=1))))


class AFLinkNetwork(nn.Module):
    """Both stacks and the classifier."""

    def __init__(self) -> None:
        super().__init__()
        pairs = list(pairwise(CHANNELS))
        self.TemporalModule_1 = nn.Sequential(*(TemporalBlock(*pair) for pair in pairs))
        self.TemporalModule_2 = nn.Sequential(*(TemporalBlock(*pair) for pair in pairs))
        self.FusionBlock_1, self.FusionBlock_2 = FusionBlock(CHANNELS[-1]), FusionBlock(CHANNELS[-1])
        self.classifier = Classifier(2 * CHANNELS[-1])

    def forward(self, former: Tensor, latter: Tensor) -> Tensor:
        """Logits of "two tracks", "one track".

        Args:
            former: float (B, T, 3): frame, x, y of the end of the earlier track, scaled to [-1, 1] together with
            latter: ... the beginning of the later one. T is at least 25.

        Returns:
            float (B, 2).
        """
        one = self.FusionBlock_1(self.TemporalModule_1(former[:, None, :, :3]))
        other = self.FusionBlock_2(self.TemporalModule_2(latter[:, None, :, :3]))
        return self.classifier(one.mean(dim=(2, 3)), other.mean(dim=(2, 3)))


def load_weights(network: AFLinkNetwork, path: str | Path) -> None:
    """Fill the network from a safetensors file, or one of `torch.save` that holds plain tensors.

    Raises:
        WeightsError: The file cannot be read, its names or shapes are not those of the network, or a number is none.
    """
    try:
        if Path(path).suffix == ".safetensors":
            from safetensors.torch import load_file

            state = load_file(path)
        else:
            state = torch.load(path, map_location="cpu", weights_only=True)
        network.load_state_dict(state)
    except ModuleNotFoundError:
        raise
    except Exception as error:  # each reader has errors of its own
        lines = " ".join(str(error).split())
        raise WeightsError(f"no weights of AFLink: {lines}", where=path, mend="train them anew") from error
    broken = [name for name, values in network.state_dict().items() if not torch.isfinite(values).all()]
    if broken:
        raise WeightsError(f"no weights of AFLink: {broken[0]} is not finite", where=path, mend="train them anew")
