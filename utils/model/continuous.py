"""The continuous engine: the library's continuous batching over a paged cache."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from transformers import GenerationConfig, PreTrainedModel

from utils.model.attention import librarys_own
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
from utils.model.tokens import TokenizerPolicy
from utils.run.files import Failure
from utils.run.streams import stream

CPU_PAGES = 0.2  # share of a CPU's memory for the paged cache
CHECKED_TOKENS, CHECKED_PROMPT = 8, 64  # of the check before the first completions
NEARLY_BEST = 0.05  # standard deviations of the scores, which bf16 may be off by


class Continuous:
    """The library's continuous batching: a paged cache, prompts read once for all of their samples, CUDA graphs.

    Promised: every completion is a draw from the model's distribution at these settings, and ends at its stop word. Not
    promised: the same draw again. One generator serves the whole batch, so a completion depends on what was decoded
    together with it; a run's rounds and files are only as reproducible as the device and the order of its work.
    """

    def __init__(self, model: PreTrainedModel, policy: TokenizerPolicy):
        self.model, self.policy, self.checked = model, policy, False
        self.end_ids = take_over(model, policy)

    def run(self, requests: Sequence[Request], decoding: Decoding) -> Iterator[tuple[int, Completion]]:
        """Yield `(position in requests, completion)` as completions finish; Failure where the library gives up."""
        if requests and not self.checked:
            self._check(min((request.prompt for request in requests), key=len))
        yield from self._complete(requests, decoding) if requests else ()

    @torch.inference_mode()
    def _check(self, prompt: list[int]) -> None:
        """Failure where a few tokens after `prompt` are not those that the model itself scores best, or nearly so."""
        request = Request(prompt[-CHECKED_PROMPT:], ("check",))
        [(_, completion)] = self._complete([request], Decoding((), CHECKED_TOKENS))
        ids = torch.tensor([request.prompt + completion.ids], device=self.model.device)
        with librarys_own(self.model):
            scores = self.model(input_ids=ids, use_cache=False).logits[0, len(request.prompt) - 1 : -1].float()
        gaps = scores.amax(dim=-1) - scores.gather(-1, ids[0, len(request.prompt) :, None])[:, 0]
        if (gaps > NEARLY_BEST * scores.std(dim=-1)).any():
            raise Failure("--engine continuous: its tokens are not this model's best ones; --engine static works")
        self.checked = True

    def _complete(self, requests: Sequence[Request], decoding: Decoding) -> Iterator[tuple[int, Completion]]:
        order = longest_first(requests)
        with librarys_own(self.model), self._manager(requests, decoding) as manager:
            for position in order:  # samples of one prompt one after another, so that they find its pages
                limit = token_limit(self.model, requests[position], decoding)
                manager.add_request(requests[position].prompt, str(position), max_new_tokens=limit, streaming=True)
            waiting = set(order)
            while waiting:
                result = manager.get_result(timeout=1)
                if result is None:
                    if not manager.is_running():
                        raise Failure("--engine continuous: the library's generation stopped; --engine static works")
                    continue
                position, ids = int(result.request_id), result.generated_tokens
                if position not in waiting:
                    continue
                if result.error:
                    raise Failure(f"--engine continuous: {result.error}; --engine static works")
                finished = result.is_finished()
                if finished or hit_stop_word(self.policy, [ids], decoding.stop_words)[0]:
                    waiting.remove(position)
                    if not finished:
                        manager.cancel_request(result.request_id)
                    yield position, completion_of(ids, self.policy, self.end_ids, decoding)

    def _manager(self, requests: Sequence[Request], decoding: Decoding):
        """The library's context manager of a batch with these settings."""
        # Imported late: the library has moved these between versions, and the other engines do without them.
        from transformers import ContinuousBatchingConfig
        from transformers.generation.continuous_batching.utils import WorkloadHints

        sampling = {"do_sample": False}
        if decoding.temperature > 0:
            sampling = {"do_sample": True, "temperature": decoding.temperature}
            sampling |= {"top_p": decoding.top_p, "top_k": decoding.top_k}
        limit = {"max_new_tokens": decoding.max_new_tokens}
        # The library would take nearly all of the memory, which other programs share on a CPU.
        share = CPU_PAGES if self.model.device.type == "cpu" else None
        seed = int(stream(*requests[0].key).integers(2**31))
        return self.model.continuous_batching_context_manager(
            generation_config=GenerationConfig(**self.model.generation_config.to_diff_dict(), **sampling, **limit),
            continuous_batching_config=ContinuousBatchingConfig(seed=seed, max_memory_percent=share),
            workload_hints=WorkloadHints(
                max_prompt_length=max(len(request.prompt) for request in requests),
                max_generated_length=decoding.max_new_tokens,
                num_requests=len(requests),
            ),
            warmup=False,
        )
