"""From scores to tokens: which tokens may be drawn, and the noise that draws one."""

from __future__ import annotations

import math

import pytest
import torch
from scipy.stats import kstest
from transformers.generation.logits_process import TopKLogitsWarper, TopPLogitsWarper

from utils.model.noise import candidates, draw_tokens, hashed_exponentials


def some_scores(rows: int = 8, vocabulary: int = 6000) -> torch.Tensor:
    """Rows from flat to steep, so that a nucleus has any size."""
    generator = torch.Generator().manual_seed(0)
    return torch.randn(rows, vocabulary, generator=generator) * torch.linspace(0.1, 8, rows)[:, None]


@pytest.mark.parametrize("top_k", [0, 1, 50, 300, 10_000])
@pytest.mark.parametrize("top_p", [1.0, 0.95, 0.3])
def test_candidates_are_those_of_the_library(top_k, top_p):
    scores = some_scores()
    expected = TopKLogitsWarper(top_k)(None, scores) if top_k else scores
    expected = TopPLogitsWarper(top_p)(None, expected) if top_p < 1 else expected
    kept, tokens = candidates(scores, top_k, top_p)
    dense = torch.full_like(scores, float("-inf")).scatter(1, tokens, kept)
    assert torch.equal(dense, expected)


def test_tokens_that_equal_the_last_one_stay():
    """Scores of 16 bits are often equal; the library's top-k keeps all that equal the k-th."""
    scores = torch.zeros(2, 5000)
    scores[0, :3], scores[1, :700] = 2.0, 1.0
    kept, tokens = candidates(scores, 2, 1.0)
    for row, count in ((0, 3), (1, 700)):
        assert sorted(tokens[row][kept[row] > float("-inf")].tolist()) == list(range(count))


def test_a_draw_depends_on_its_row_alone():
    scores, seeds = some_scores(), torch.arange(8) * 977
    for settings in ((1.0, 0, 1.0), (0.7, 50, 1.0), (1.3, 0, 0.9), (1.0, 50, 0.9)):
        together = draw_tokens(scores, seeds, *settings)
        alone = [draw_tokens(scores[i : i + 1], seeds[i : i + 1], *settings).item() for i in range(8)]
        assert together.tolist() == alone


@pytest.mark.parametrize("settings", [(1.0, 1, 1.0), (1.0, 0, 1e-9), (0.0, 50, 0.5), (1e-4, 0, 1.0)])
def test_the_best_token_is_certain_where_no_other_may_be_drawn(settings):
    scores = some_scores(64)
    assert torch.equal(draw_tokens(scores, torch.arange(64), *settings), scores.argmax(dim=-1))


def test_noise_is_exponential_into_its_tails():
    """Ten million numbers against the closed form, the smallest by their counts: a zero would make any token win."""
    tokens = torch.arange(100_000)[None]
    numbers = torch.cat([hashed_exponentials(torch.arange(20) + 20 * i, tokens).flatten() for i in range(5)])
    assert torch.isfinite(numbers).all() and numbers.min() > 0
    assert kstest(numbers[:2_000_000].double().numpy(), "expon").pvalue > 1e-4
    for bound in (1e-6, 1e-5, 1e-4, 1e-2):
        expected = len(numbers) * -math.expm1(-bound)
        assert abs((numbers < bound).sum().item() - expected) < 4.5 * expected**0.5, bound


def test_noise_of_neighbours_is_independent():
    seeds = torch.tensor([5, 6, 7, 1 << 61])
    numbers = hashed_exponentials(seeds, torch.arange(50_000)[None])
    assert torch.equal(numbers, hashed_exponentials(seeds, torch.arange(50_000)[None]))
    correlations = torch.corrcoef(torch.cat([numbers, numbers.roll(1, dims=1)]))
    assert correlations[~torch.eye(8, dtype=torch.bool)].abs().max() < 5 / 50_000**0.5


def test_noise_of_a_token_does_not_depend_on_the_others_asked_for():
    seeds, tokens = torch.tensor([3, 4]), torch.tensor([[7, 2], [2, 90]])
    whole = hashed_exponentials(seeds, torch.arange(100)[None])
    assert torch.equal(hashed_exponentials(seeds, tokens), whole.gather(1, tokens))
