"""The loss over a large vocabulary in parts: the same numbers and gradients as from all scores at once."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from families import causal_families, prompts, tiny_family, tiny_family_config
from toy import tiny_config
from transformers import LlamaForCausalLM, PreTrainedModel

from utils.model import loss
from utils.model.loss import code_loss
from utils.model.sft_data import IGNORED, Row, collate

ROWS = [Row(ids, 2) for ids in prompts(40, 25, 33)]
SCALED = {  # families whose forward pass does more to scores than their head
    "cohere": {"logit_scale": 0.0625},
    "gemma2": {"final_logit_softcapping": 3.0},
    "granite": {"logits_scaling": 8.0},
}
PLAIN = {"llama": {}, "qwen3": {"tie_word_embeddings": True}, "gpt2": {}, "minicpm3": {}}


def plain_losses(model: PreTrainedModel, rows: list[Row]) -> torch.Tensor:
    """The definition, from the scores of all positions."""
    ids, mask, labels = collate(rows, 0)
    scores = model(input_ids=ids, attention_mask=mask, use_cache=False).logits
    losses = F.cross_entropy(scores[:, :-1].mT, labels[:, 1:], ignore_index=IGNORED, reduction="none")
    return losses.sum(dim=1) / (labels[:, 1:] != IGNORED).sum(dim=1)


def gradients(model: PreTrainedModel, losses: torch.Tensor) -> dict[str, torch.Tensor]:
    """The gradient of the mean loss, by parameter."""
    model.zero_grad()
    losses.mean().backward()
    return {name: part.grad.clone() for name, part in model.named_parameters() if part.grad is not None}


@pytest.mark.parametrize("name", [*PLAIN, *SCALED])
def test_losses_and_gradients_are_those_of_all_scores_at_once(name, monkeypatch):
    monkeypatch.setattr(loss, "SCORED_TOGETHER", 7)
    model = tiny_family(tiny_family_config(causal_families()[name], **{**PLAIN, **SCALED}[name]))
    expected = plain_losses(model, ROWS)
    losses = code_loss(model, ROWS, 0)
    assert torch.allclose(losses, expected, atol=1e-6, rtol=1e-6)
    wanted, got = gradients(model, expected), gradients(model, losses)
    assert wanted.keys() == got.keys() and wanted
    for key, gradient in wanted.items():
        assert (got[key] - gradient).abs().max() <= 1e-6 * max(1.0, gradient.abs().max()), key


def test_scores_exist_for_a_few_target_tokens_at_a_time(monkeypatch):
    monkeypatch.setattr(loss, "SCORED_TOGETHER", 7)
    model, scored = LlamaForCausalLM(tiny_config()), []
    model.lm_head.register_forward_hook(lambda head, given, scores: scored.append(scores.shape[:-1].numel()))
    losses = code_loss(model, ROWS, 0)
    targets = sum(len(row.ids) - row.prompt_length for row in ROWS)
    assert max(scored) == 7 and targets <= sum(scored) <= targets + 2
    scored.clear()
    losses.mean().backward()
    assert max(scored) == 7 and sum(scored) == targets, "made again for the backward pass"


@pytest.mark.parametrize("name", SCALED)
def test_scaled_scores_are_noticed_and_unscaled_ones_too(name):
    config_class = causal_families()[name]
    for changes, final in (
        (SCALED[name], False),
        (dict.fromkeys(SCALED[name], None if name == "gemma2" else 1.0), True),
    ):
        model = tiny_family(tiny_family_config(config_class, **changes))
        assert loss._scores_are_final(model, model.get_output_embeddings()) is final
