"""MoE-enhanced adapter of FaVChat (equation 3): E = w1 * E_g + w2 * E_f, with weights from a gate on the features.

The paper leaves open what the gate sees and how fine it is. Taken here: the two branches are
the experts; the gate is an MLP on the means of both, per sample, that starts at one half each; "w/o MoE" is two free
scalars that see no input. The other readings are fields of the config.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from facevlm.errors import InputError
from facevlm.models.config import check_choices

BRANCHES = 2
LARGEST_LOGIT = 1e4  # weights are exactly 1 and 0 long before; infinity would give no number


@dataclass(frozen=True)
class MoeConfig:
    """How the branches are weighed.

    Attributes:
        width: Channels D of the tokens.
        gate: "sample": one pair of weights for all tokens of a sample; "token": a pair for each token, from the tokens
            at that place; "free": two learned scalars, which is the papers' "w/o MoE".
        gate_width: Hidden width of the gate's MLP.
        prompt_width: Channels of the prompt's embedding that the gate sees too; 0 for a gate that sees only features.
        expert_ffn: Put a residual two-layer network on each branch first.
        expert_width: Hidden width of those networks.
    """

    width: int = 4096
    gate: Literal["sample", "token", "free"] = "sample"
    gate_width: int = 1024
    prompt_width: int = 0
    expert_ffn: bool = False
    expert_width: int = 4096

    def __post_init__(self) -> None:
        check_choices(self)


@dataclass(frozen=True)
class MoeOutput:
    """The merged tokens and how they came about.

    Attributes:
        tokens: E, (B, N, D).
        weights: Weights of the general and the facial branch, which sum to 1: (B, 2), or (B, N, 2) per token.
    """

    tokens: Tensor
    weights: Tensor


class MoeAdapter(nn.Module):
    """Two branches in, one out."""

    def __init__(self, config: MoeConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or MoeConfig()
        self.experts = nn.ModuleList(
            [
                _Expert(config.width, config.expert_width) if config.expert_ffn else nn.Identity()
                for _ in range(BRANCHES)
            ]
        )
        if config.gate == "free":
            self.logits = nn.Parameter(torch.zeros(BRANCHES))
        else:
            seen = BRANCHES * config.width + config.prompt_width
            self.gate = nn.Sequential(
                nn.Linear(seen, config.gate_width), nn.GELU(), ZeroLinear(config.gate_width, BRANCHES)
            )

    def forward(self, general: Tensor, facial: Tensor, *, prompt: Tensor | None = None) -> MoeOutput:
        """Merge the branches.

        Args:
            general: E_g, (B, N, D).
            facial: E_f, (B, N, D).
            prompt: Mean embedding of the prompt, (B, prompt_width), for a gate that sees it.

        Raises:
            InputError: The branches differ in shape, or the prompt is missing or not wanted.
        """
        if general.shape != facial.shape:
            raise InputError(f"the branches have {tuple(general.shape)} and {tuple(facial.shape)}: both need one shape")
        if (prompt is not None) != bool(self.config.prompt_width):
            raise InputError(f"this gate sees a prompt of width {self.config.prompt_width}, and got {_shape(prompt)}")
        weights = self._logits(general, facial, prompt).clamp(-LARGEST_LOGIT, LARGEST_LOGIT).softmax(-1)
        first, second = (weights if weights.ndim == 3 else weights[:, None]).split(1, dim=-1)  # B N 1, or B 1 1
        return MoeOutput(tokens=first * self.experts[0](general) + second * self.experts[1](facial), weights=weights)

    def _logits(self, general: Tensor, facial: Tensor, prompt: Tensor | None) -> Tensor:
        """(B, 2) or (B, N, 2)."""
        if self.config.gate == "free":
            return self.logits.expand(len(general), -1)
        both = torch.cat([general, facial], dim=-1)
        if self.config.gate == "sample":
            both = both.mean(1)
        if prompt is not None:
            words = prompt if both.ndim == 2 else prompt[:, None].expand(-1, both.shape[1], -1)
            both = torch.cat([both, words], dim=-1)
        return self.gate(both)


class ZeroLinear(nn.Linear):
    """A linear layer that begins as zeros: the gate starts with one half for each branch."""

    def reset_parameters(self) -> None:
        """All zeros."""
        nn.init.zeros_(self.weight)
        nn.init.zeros_(self.bias)


class _Expert(nn.Module):
    """x + W2 GELU(W1 x)."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, width))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x)


def _shape(tensor: Tensor | None) -> object:
    return None if tensor is None else tuple(tensor.shape)
