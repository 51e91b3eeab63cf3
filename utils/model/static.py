"""The static engine: prompts sorted by length are decoded in batches with a key-value cache.

Samples of one prompt share its first pass. Every few tokens the rows that are done leave the batch and its cache, so a
short completion never pays for a long neighbour. Every row draws with noise of its own (`utils.model.noise`), so in
fp32 a completion depends on its prompt and key alone, not on its neighbours.

Rows that padding would change (`utils.model.families` says which) are decoded only with rows of the same length, with
the model's own cache, to the end of the longest of them.
"""

from __future__ import annotations

import inspect
import itertools
from collections import deque
from collections.abc import Iterator, Sequence

import psutil
import torch
from transformers import DynamicCache, PreTrainedModel

from utils.model.batch import Batch, Draft
from utils.model.cache import bytes_of_row, new_cache, select_rows
from utils.model.families import way_of
from utils.model.generate import (
    Completion,
    Decoding,
    Request,
    completion_of,
    hit_stop_word,
    longest_first,
    take_over,
    token_limit,
)
from utils.model.noise import draw_tokens
from utils.model.tokens import TokenizerPolicy
from utils.run.files import Failure
from utils.run.streams import stream

CPU_ROWS = 128  # rows decoded together on a CPU, where memory allows: the matrix products are saturated
GPU_ROWS = 512
GPU_SHARE = 0.95  # of a GPU's memory; the rest is the driver's and the libraries'
STEPS_BETWEEN_SWEEPS = 16  # tokens decoded before rows that are done leave the batch
REFILL_FROM = 1 / 4  # share of a batch that is free when others join: a first pass of few prompts costs more a token


class Static:
    """Decodes in batches with one model on one device, `rows` rows together; 0 fills the device."""

    def __init__(self, model: PreTrainedModel, policy: TokenizerPolicy, rows: int = 0):
        self.model, self.policy, self.rows = model, policy, rows
        self.end_ids, self.way = take_over(model, policy), way_of(model.config)
        self.inputs_taken = inspect.signature(model.forward).parameters.keys()

    def run(self, requests: Sequence[Request], decoding: Decoding) -> Iterator[tuple[int, Completion]]:
        """Yield `(position in requests, completion)` as completions finish.

        Where a GPU runs out of memory, the batch is halved for good; finished completions are kept.
        """
        order = longest_first(requests)
        padded = {i for i in order if self.way.takes(len(requests[i].prompt) + decoding.max_new_tokens)}
        finished = itertools.chain(
            self._run_padded([i for i in order if i in padded], requests, decoding),
            self._run_unpadded([i for i in order if i not in padded], requests, decoding),
        )
        for draft in itertools.chain.from_iterable(finished):
            yield draft.index, completion_of(draft.tokens, self.policy, self.end_ids, decoding)

    def _run_padded(self, order: list[int], requests: Sequence[Request], decoding: Decoding) -> Iterator[list[Draft]]:
        """Finished drafts of the requests at these positions, rows of all lengths together."""
        waiting, batch, size = deque(order), None, 0
        while waiting or batch:
            adding: list[Draft] = []
            try:
                if not batch:
                    batch = None  # its cache would take the room of the next
                    size = self.rows or self._rows_that_fit(len(requests[waiting[0]].prompt) + decoding.max_new_tokens)
                room = size - (len(batch) if batch else 0)
                if waiting and (not batch or batch.can_grow and room >= size * REFILL_FROM):
                    adding = [
                        self._draft(waiting.popleft(), requests, decoding) for _ in range(min(room, len(waiting)))
                    ]
                    if batch:
                        batch.join(self._first_tokens(adding, decoding))
                    else:
                        batch = self._first_tokens(adding, decoding)
                else:
                    self._decode(batch, decoding)
                yield batch.drop_done()
            except torch.OutOfMemoryError:
                lost = {draft.index: draft for draft in [*(batch.drafts if batch else []), *adding]}
                self._halve(list(lost.values()))
                waiting.extendleft(sorted(lost, key=order.index, reverse=True))
                batch = None

    def _run_unpadded(self, order: list[int], requests: Sequence[Request], decoding: Decoding) -> Iterator[list[Draft]]:
        """Finished drafts of the requests at these positions, those of prompts of one length together."""
        waiting = deque(order)
        while waiting:
            length = len(requests[waiting[0]].prompt)
            size = self.rows or self._rows_that_fit(length + decoding.max_new_tokens)
            alike = itertools.takewhile(lambda i: len(requests[i].prompt) == length, waiting)  # noqa: B023
            drafts = [self._draft(i, requests, decoding) for i in itertools.islice(alike, size)]
            try:
                self._decode_to_the_end(drafts, decoding)
            except torch.OutOfMemoryError:
                self._halve(drafts)
                continue
            for _ in drafts:
                waiting.popleft()
            yield drafts

    def _draft(self, index: int, requests: Sequence[Request], decoding: Decoding) -> Draft:
        request = requests[index]
        seed = int(stream(*request.key).integers(2**62))
        return Draft(index, request.prompt, seed, token_limit(self.model, request, decoding))

    def _rows_that_fit(self, length: int) -> int:
        """Rows of `length` tokens that fill the device, as far as their cache takes half of the memory that it has."""
        row, device = bytes_of_row(self.model.config, length, self.model.dtype.itemsize), self.model.device
        # All memory, not what is free now: the same run has the same batches, whatever else is running or was cached.
        if device.type == "cpu":
            most, free = CPU_ROWS, psutil.virtual_memory().total / 2
        else:
            most, total = GPU_ROWS, torch.cuda.get_device_properties(device).total_memory
            free = GPU_SHARE * total - torch.cuda.memory_allocated(device)
        return max(1, min(most, int(free / 2 // row)))

    def _halve(self, drafts: list[Draft]) -> None:
        """Decode half as many rows together as these, which ran out of memory; Failure where it is one row."""
        if len(drafts) == 1:
            raise Failure(
                f"the device has no memory for one row of {len(drafts[0].prompt)} tokens and what is to come; "
                "give a smaller --max_length or --max_new_tokens"
            ) from None
        self.rows = len(drafts) // 2
        torch.cuda.empty_cache()

    @torch.inference_mode()
    def _first_tokens(self, drafts: list[Draft], decoding: Decoding) -> Batch:
        """Read every distinct prompt once and draw each draft's first token."""
        prompts = list(dict.fromkeys(tuple(draft.prompt) for draft in drafts))
        width, device = max(map(len, prompts)), self.model.device
        ids = torch.tensor([[self.policy.pad_id] * (width - len(prompt)) + [*prompt] for prompt in prompts]).to(device)
        mask = torch.tensor([[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in prompts]).to(device)
        cache = new_cache(self.model.config)
        scores = self._next_scores(ids, self._inputs(ids, mask, cache), first=True)
        row_of_prompt = {prompt: row for row, prompt in enumerate(prompts)}
        rows = torch.tensor([row_of_prompt[tuple(draft.prompt)] for draft in drafts], device=device)
        select_rows(cache, rows)
        batch = Batch(drafts, ids[rows], mask[rows], cache)
        self._add_tokens(batch, scores[rows], decoding)
        return batch

    @torch.inference_mode()
    def _decode(self, batch: Batch, decoding: Decoding) -> None:
        """Decode a few tokens of every draft, none beyond its limit."""
        inputs = self._inputs(batch.ids, batch.mask, batch.cache)
        with self.model._optimize_model_for_decode():  # other kernels for the experts of a mixture
            for _ in range(min(STEPS_BETWEEN_SWEEPS, *(draft.limit - len(draft.tokens) for draft in batch.drafts))):
                self._add_tokens(batch, self._next_scores(batch.ids, inputs), decoding)
                if all(draft.done for draft in batch.drafts):
                    return

    @torch.inference_mode()
    def _decode_to_the_end(self, drafts: list[Draft], decoding: Decoding) -> None:
        """Decode drafts of one prompt length, none of which leaves before the last one is done."""
        ids = torch.tensor([draft.prompt for draft in drafts], device=self.model.device)
        batch = Batch(drafts, ids, torch.ones_like(ids), None)
        inputs = self._inputs(batch.ids, batch.mask, None)
        self._add_tokens(batch, self._next_scores(ids, inputs, first=True), decoding)
        with self.model._optimize_model_for_decode():
            while not all(draft.done for draft in drafts):
                self._add_tokens(batch, self._next_scores(batch.ids, inputs), decoding)

    def _inputs(self, ids: torch.Tensor, mask: torch.Tensor, cache: DynamicCache | None) -> dict:
        """What the model takes besides ids. Without padding there is no mask, so that attention takes its short way."""
        inputs = {"use_cache": True, "attention_mask": None if mask.all() else mask, "past_key_values": cache}
        if cache is None:
            del inputs["past_key_values"]
            self.model._prepare_cache_for_generation(self.model.generation_config, inputs, None, len(ids), 0)
        if "position_ids" in self.inputs_taken:
            masks = {"attention_mask": mask}
            inputs["position_ids"] = self.model._prepare_position_ids_for_generation(ids, masks)
        if "logits_to_keep" in self.inputs_taken:
            inputs["logits_to_keep"] = 1
        return inputs

    def _next_scores(self, ids: torch.Tensor, inputs: dict, first: bool = False) -> torch.Tensor:
        """Scores of every row's next token, (rows, vocabulary) in fp32, from one pass over the ids that are new.

        What a pass takes differs between families: the cache's name, positions or none, a mask that state models want
        only once. The library keeps that in two methods of each model, which its `generate` calls in this way too.
        `inputs` are changed to those of the next pass.
        """
        model_inputs = self.model.prepare_inputs_for_generation(
            ids, next_sequence_length=None if first else 1, is_first_iteration=first, **inputs
        )
        outputs = self.model(**model_inputs, return_dict=True)
        inputs.update(self.model._update_model_kwargs_for_generation(outputs, inputs))
        return outputs.logits[:, -1].float()

    def _add_tokens(self, batch: Batch, scores: torch.Tensor, decoding: Decoding) -> None:
        """Draw a token for every row. A draft is done at EOS, at its limit, or when its text holds a stop word."""
        seeds = torch.tensor([draft.seed + len(draft.tokens) for draft in batch.drafts], device=scores.device)
        batch.append(draw_tokens(scores, seeds, decoding.temperature, decoding.top_k, decoding.top_p))
        active = [draft for draft in batch.drafts if not draft.done]
        stopped = hit_stop_word(self.policy, [draft.tokens for draft in active], decoding.stop_words)
        for draft, at_stop_word in zip(active, stopped, strict=True):
            draft.done = at_stop_word or draft.tokens[-1] in self.end_ids or len(draft.tokens) >= draft.limit
