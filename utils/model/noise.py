"""From scores over the vocabulary to one token a row: temperature, top-k, top-p, and a draw by the Gumbel-max rule.

The highest of `score - log(E)`, with E exponential for every token, is a draw from the softmax of the scores. E is a
hash of the row's seed and the token's id, so a draw depends on the row alone, not on its neighbours or the device.
"""

from __future__ import annotations

import torch

CANDIDATES = (256, 4096)  # tokens that are sorted first; where more may be drawn, all are
CHUNK = {"cpu": 1 << 16, "cuda": 1 << 24}  # values made at a time: a CPU's cache, a GPU's spare memory

# The finaliser of SplitMix64 (Steele, Lea, Flood 2014), as signed integers: (shift, factor) twice, and a last shift.
MIXING = ((30, 0xBF58476D1CE4E5B9 - 2**64), (27, 0x94D049BB133111EB - 2**64))
LAST_SHIFT = 31
GOLDEN_GAMMA = 0x9E3779B97F4A7C15 - 2**64


def draw_tokens(
    scores: torch.Tensor, seeds: torch.Tensor, temperature: float, top_k: int = 0, top_p: float = 1.0
) -> torch.Tensor:
    """The next token of every row, (rows,); `scores` is (rows, vocabulary) in fp32, `seeds` (rows,) in int64.

    Temperature 0 is greedy. `top_k` 0 and `top_p` 1 leave all tokens.
    """
    if temperature <= 0:
        return scores.argmax(dim=-1)
    if temperature != 1:
        scores = scores / temperature
    if top_k or top_p < 1:
        scores, tokens = candidates(scores, top_k, top_p)
        best = (scores - hashed_exponentials(seeds, tokens).log_()).argmax(dim=-1, keepdim=True)
        return tokens.gather(-1, best)[:, 0]
    tokens = torch.arange(scores.shape[1], device=scores.device)[None]
    rows = max(1, CHUNK[scores.device.type] // scores.shape[1])
    parts = zip(scores.split(rows), seeds.split(rows), strict=True)
    return torch.cat(
        [(part - hashed_exponentials(row_seeds, tokens).log_()).argmax(dim=-1) for part, row_seeds in parts]
    )


def candidates(scores: torch.Tensor, top_k: int, top_p: float) -> tuple[torch.Tensor, torch.Tensor]:
    """The tokens that may be drawn: scores and ids, both (rows, tokens), best first; -inf for those that may not.

    As in `transformers`: the `top_k` best, with all that equal the last of them; among these the smallest set whose
    probability reaches `top_p`, with all that equal its last one.
    """
    vocabulary = scores.shape[1]
    total = None if top_k else scores.logsumexp(dim=-1, keepdim=True)
    for size in (*(min(max(first, 2 * top_k), vocabulary) for first in CANDIDATES), vocabulary):
        best, tokens = scores.topk(size, dim=-1)
        if top_k:
            last = best[:, min(top_k, size) - 1, None]
            complete = bool((best[:, -1:] < last).all())  # else there may be more that equal it
            best = best.masked_fill(best < last, float("-inf"))
        mass = (best - (best.logsumexp(dim=-1, keepdim=True) if top_k else total)).exp().cumsum(dim=-1)
        if not top_k:
            complete = bool((mass[:, -1] >= top_p).all())
        if complete:
            break
    if top_p < 1:
        last = (mass < top_p).sum(dim=-1, keepdim=True).clamp(max=size - 1)  # position of the token that reaches top_p
        best = best.masked_fill(best < best.gather(-1, last), float("-inf"))
    return best, tokens


def hashed_exponentials(seeds: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
    """Standard exponential values in fp32, a function of seed and token alone.

    `seeds` is (rows,), `tokens` (rows or 1, tokens), the result (rows, tokens). SplitMix64 over a counter; seeds are
    mixed first, so that neighbours have nothing in common. 63 bits become a uniform value, never 0 or 1: an
    exponential of 0 would make any token win, and one of infinity lose against a token that may not be drawn.
    """
    bits = _mix(_mix(seeds)[:, None] + (tokens + 1) * GOLDEN_GAMMA)
    uniform = _shifted(bits, 1).float().mul_(2.0**-63).clamp_(2.0**-64, 1 - 2.0**-24)
    return uniform.neg_().log1p_().neg_()


def _mix(x: torch.Tensor) -> torch.Tensor:
    for shift, factor in MIXING:
        x = (x ^ _shifted(x, shift)) * factor
    return x ^ _shifted(x, LAST_SHIFT)


def _shifted(x: torch.Tensor, bits: int) -> torch.Tensor:
    """`x` shifted right as an unsigned number: `>>` keeps the sign, so what it shifts in is masked."""
    return x >> bits & (1 << 64 - bits) - 1
