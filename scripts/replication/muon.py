"""`torch.optim.Muon` with its matrix products in float32.

PyTorch has them in bfloat16, which most CPUs emulate: two thirds of the time of a pretraining step, for nothing.
"""

from __future__ import annotations

import torch
from torch.optim import Muon, _muon

__all__ = ["Muon"]


def _orthogonalized(
    gradient: torch.Tensor, coefficients: tuple[float, float, float], steps: int, eps: float
) -> torch.Tensor:
    """The gradient with its singular values near 1, by Newton and Schulz's iteration; shape as given."""
    a, b, c = coefficients
    wide = gradient.T if gradient.size(0) > gradient.size(1) else gradient
    wide = wide / wide.norm().clamp(min=eps)  # singular values of at most 1
    for _ in range(steps):
        gram = wide @ wide.T
        wide = a * wide + (b * gram + c * gram @ gram) @ wide
    return wide.T if gradient.size(0) > gradient.size(1) else wide


_muon._zeropower_via_newtonschulz = _orthogonalized
