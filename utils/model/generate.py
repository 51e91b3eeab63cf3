"""The generation engine: many prompts in, completions out as they finish.

`static`: prompts sorted by length are decoded in batches through `generate` with the KV cache. Samples of one prompt
share its first pass. `generate` is called for a few tokens at a time; between calls the rows that are done leave the
batch and its cache, so a short completion never pays for a long neighbour. Every row draws with noise of its own
(`utils.model.noise`), so in fp32 a completion depends on its prompt and key alone, not on its neighbours.

Rows that padding would change (`utils.model.families` says which) are decoded beside rows of their own length alone,
with the model's own cache, to the end of the longest of them.

`continuous`: the library's continuous batching with a paged cache; see `Continuous` for what it promises.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import psutil
import torch
import torch.nn.functional as F
from transformers import (
    DynamicCache,
    GenerationConfig,
    LogitsProcessor,
    PreTrainedConfig,
    PreTrainedModel,
    StoppingCriteria,
)
from transformers.cache_utils import DynamicLayer

from utils.extract import truncate
from utils.model.attention import GROUPED, librarys_own
from utils.model.families import way_of
from utils.model.load import positions, stop_ids
from utils.model.noise import draw_tokens
from utils.model.tokens import TokenizerPolicy
from utils.run.files import Failure
from utils.run.streams import stream

CPU_ROWS = 128  # rows decoded together on a CPU, where memory allows: the matrix products are saturated
GPU_ROWS = 512
CPU_PAGES = 0.2  # share of a CPU's memory for the paged cache
STEPS_BETWEEN_SWEEPS = 16  # tokens decoded between two looks for rows that are done
REFILL_FROM = 1 / 4  # share of a batch that is free when others join: a first pass of few prompts costs more a token
SPARE_TOKENS = 64  # room in the cache for tokens to come
CHECKED_TOKENS, CHECKED_PROMPT = 8, 64  # of the check that starts the continuous engine
NEARLY_BEST = 0.05  # standard deviations of the scores, which bf16 may be off by
TAIL_TOKENS = 12  # tokens looked at for a stop word; the longest stop word has fewer


@dataclass(frozen=True)
class Request:
    """One completion to make: prompt ids and the key of its random stream."""

    prompt: list[int]
    key: tuple


@dataclass(frozen=True)
class Decoding:
    """How to decode: temperature 0 is greedy; text ends at a stop word, EOS or `max_new_tokens`."""

    stop_words: tuple[str, ...]
    max_new_tokens: int
    temperature: float = 0.0
    top_k: int = 0  # 0: all tokens
    top_p: float = 1.0
    keep_blanks: bool = False  # white space at the end of a text


@dataclass(frozen=True)
class Completion:
    """Text up to its stop word, and the ids decoded for it, EOS included."""

    text: str
    ids: list[int]

    @property
    def tokens(self) -> int:
        """How many tokens were decoded."""
        return len(self.ids)


@dataclass
class _Row:
    index: int  # position among the requests
    prompt: list[int]
    seed: int  # of its draws, with its number of tokens added
    limit: int  # tokens that it may have
    tokens: list[int] = field(default_factory=list)
    done: bool = False


def make_engine(kind: str, model: PreTrainedModel, policy: TokenizerPolicy, rows: int = 0) -> Engine | Continuous:
    """The engine for `--engine` kind. `auto` is static: the faster one on a CPU, and reproducible everywhere.

    `rows` is how many rows are decoded together under `--engine static`; otherwise the device is filled.
    """
    if kind == "continuous":
        return Continuous(model, policy)
    return Engine(model, policy, rows if kind == "static" else 0)


class Engine:
    """Decodes in batches with one model on one device. `rows` is how many rows go together; 0 fills the device."""

    def __init__(self, model: PreTrainedModel, policy: TokenizerPolicy, rows: int = 0):
        self.model, self.policy, self.rows = model, policy, rows
        self.ends, self.way = _take_over(model, policy), way_of(model.config)

    def run(self, requests: Sequence[Request], decoding: Decoding) -> Iterator[tuple[int, Completion]]:
        """Yield `(position in requests, completion)` as completions finish.

        Where a GPU runs out of memory, the batch is halved for good; completions that were finished stay so.
        """
        order = longest_first(requests)
        fitting = {i for i in order if self.way.takes(len(requests[i].prompt) + decoding.max_new_tokens)}
        yield from self._padded([i for i in order if i in fitting], requests, decoding)
        yield from self._unpadded([i for i in order if i not in fitting], requests, decoding)

    def _padded(
        self, order: list[int], requests: Sequence[Request], decoding: Decoding
    ) -> Iterator[tuple[int, Completion]]:
        """Completions of the requests at these positions, rows of all lengths together."""
        waiting, batch, size = deque(order), None, 0
        while waiting or batch:
            adding: list[_Row] = []
            try:
                if not batch:
                    size = self.rows or self._rows_that_fit(len(requests[waiting[0]].prompt) + decoding.max_new_tokens)
                room = size - (len(batch.rows) if batch else 0)
                if waiting and (not batch or batch.can_grow and room >= size * REFILL_FROM):
                    adding = [self._row(waiting.popleft(), requests, decoding) for _ in range(min(room, len(waiting)))]
                    batch = self._first_tokens(adding, decoding).beside(batch)
                else:
                    self._step(batch, decoding)
                for row in batch.drop_done():
                    yield row.index, _completion(self.policy, row.tokens, self.ends, decoding)
            except torch.OutOfMemoryError:
                lost = {row.index: row for row in [*(batch.rows if batch else []), *adding]}
                self._halve(list(lost.values()))
                waiting.extendleft(sorted(lost, key=order.index, reverse=True))
                batch = None

    def _unpadded(
        self, order: list[int], requests: Sequence[Request], decoding: Decoding
    ) -> Iterator[tuple[int, Completion]]:
        """Completions of the requests at these positions, those of prompts of one length together."""
        waiting = deque(order)
        while waiting:
            length = len(requests[waiting[0]].prompt)
            size = self.rows or self._rows_that_fit(length + decoding.max_new_tokens)
            alike = itertools.takewhile(lambda i: len(requests[i].prompt) == length, waiting)  # noqa: B023
            rows = [self._row(i, requests, decoding) for i in itertools.islice(alike, size)]
            try:
                self._to_the_end(rows, decoding)
            except torch.OutOfMemoryError:
                self._halve(rows)
                continue
            for row in rows:
                waiting.popleft()
                yield row.index, _completion(self.policy, row.tokens, self.ends, decoding)

    def _halve(self, rows: list[_Row]) -> None:
        """Decode half as many rows at a time as these, for which memory was too small; Failure where it is one row."""
        if len(rows) == 1:
            raise Failure(
                f"the device has no memory for one row of {len(rows[0].prompt)} tokens and what is to come; "
                "give a smaller --max_length or --max_new_tokens"
            ) from None
        self.rows = len(rows) // 2
        torch.cuda.empty_cache()

    @torch.inference_mode()
    def _to_the_end(self, rows: list[_Row], decoding: Decoding) -> None:
        """Decode rows of one prompt length, none of which leaves before the last one is done."""
        ids = torch.tensor([row.prompt for row in rows], device=self.model.device)
        self.model.generate(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            do_sample=False,
            max_new_tokens=rows[0].limit,
            logits_processor=[_Sampler(rows, decoding)],
            stopping_criteria=[_StopWords(rows, decoding.stop_words, self.policy, self.ends)],
        )

    def _row(self, index: int, requests: Sequence[Request], decoding: Decoding) -> _Row:
        request = requests[index]
        seed = int(stream(*request.key).integers(2**62))
        return _Row(index, request.prompt, seed, _limit(self.model, request, decoding))

    def _rows_that_fit(self, length: int) -> int:
        """Rows of `length` tokens that fill the device, as far as their cache takes half of the memory that it has."""
        row = bytes_of_row(self.model.config, length, self.model.dtype.itemsize)
        if self.model.device.type == "cpu":
            # Not what is free now: the same run has the same batches, whatever else is running.
            most, free = CPU_ROWS, psutil.virtual_memory().total / 2
        else:
            most, free = GPU_ROWS, torch.cuda.mem_get_info(self.model.device)[0]
        return max(1, min(most, int(free / 2 // row)))

    @torch.inference_mode()
    def _first_tokens(self, rows: list[_Row], decoding: Decoding) -> _Batch:
        """Read every distinct prompt once and draw each row's first token."""
        prompts = [list(prompt) for prompt in dict.fromkeys(tuple(row.prompt) for row in rows)]
        number = {tuple(prompt): i for i, prompt in enumerate(prompts)}
        width, device = max(map(len, prompts)), self.model.device
        ids = torch.tensor([[self.policy.pad_id] * (width - len(prompt)) + prompt for prompt in prompts], device=device)
        mask = torch.tensor([[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in prompts], device=device)
        out = self.model.generate(
            input_ids=ids,
            attention_mask=mask,
            past_key_values=_new_cache(self.model.config),
            do_sample=False,
            max_new_tokens=1,
            output_logits=True,
            return_dict_in_generate=True,
        )
        owner = torch.tensor([number[tuple(row.prompt)] for row in rows], device=device)
        scores = _Sampler(rows, decoding)(None, out.logits[0][owner])
        ids = torch.cat([ids[owner], scores.argmax(dim=-1, keepdim=True)], dim=1)
        mask = torch.cat([mask[owner], mask.new_ones(len(rows), 1)], dim=1)
        _select(out.past_key_values, owner)
        _StopWords(rows, decoding.stop_words, self.policy, self.ends)(ids, None)
        return _Batch(rows, ids, mask, out.past_key_values)

    @torch.inference_mode()
    def _step(self, batch: _Batch, decoding: Decoding) -> None:
        """Decode a few tokens of every row."""
        rows = batch.rows
        out = self.model.generate(
            input_ids=batch.ids,
            attention_mask=batch.mask,
            past_key_values=batch.cache,
            do_sample=False,  # the sampler's noise makes the best score a random draw
            max_new_tokens=min(STEPS_BETWEEN_SWEEPS, *(row.limit - len(row.tokens) for row in rows)),
            logits_processor=[_Sampler(rows, decoding)],
            stopping_criteria=[_StopWords(rows, decoding.stop_words, self.policy, self.ends)],
            return_dict_in_generate=True,
        )
        new = out.sequences.shape[1] - batch.ids.shape[1]
        batch.ids, batch.cache = out.sequences, out.past_key_values
        batch.mask = torch.cat([batch.mask, batch.mask.new_ones(len(rows), new)], dim=1)


@dataclass
class _Batch:
    """Rows that are decoded together: ids and mask, both (rows, width), and the cache of all ids but the last."""

    rows: list[_Row]
    ids: torch.Tensor
    mask: torch.Tensor
    cache: DynamicCache

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def can_grow(self) -> bool:
        """Whether rows can join: every layer keeps all positions, so a shorter row is one with more padding."""
        return all(isinstance(layer, _Layer) for layer in self.cache.layers)

    @torch.inference_mode()
    def drop_done(self) -> list[_Row]:
        """Take out the rows that are done, and columns that are padding in all others; returns those rows."""
        done = [row for row in self.rows if row.done or len(row.tokens) >= row.limit]
        if not done or len(done) == len(self.rows):
            self.rows = [] if done else self.rows
            return done
        ended = {row.index for row in done}
        going = [position for position, row in enumerate(self.rows) if row.index not in ended]
        keep = torch.tensor(going, device=self.ids.device)
        ids, mask = self.ids[keep], self.mask[keep]
        _select(self.cache, keep)
        padding = int(mask.any(dim=0).int().argmax()) if self.can_grow else 0
        for layer in self.cache.layers if padding else ():
            layer.hold(*layer.states(padding))
        self.ids, self.mask = ids[:, padding:], mask[:, padding:]
        self.rows = [self.rows[position] for position in going]
        return done

    @torch.inference_mode()
    def beside(self, other: _Batch | None) -> _Batch:
        """The rows of another batch, then those of this one."""
        if not other:
            return self
        width = max(self.ids.shape[1], other.ids.shape[1])

        def joined(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
            # Ids and masks are (rows, width), keys and values (rows, heads, width - 1, size).
            full, behind = (width, ()) if first.dim() == 2 else (width - 1, (0, 0))
            parts = (F.pad(part, (*behind, full - part.shape[-1 - len(behind) // 2], 0)) for part in (first, second))
            return torch.cat([*parts])

        for layer, new in zip(other.cache.layers, self.cache.layers, strict=True):
            layer.hold(*map(joined, layer.states(), new.states()))
        return _Batch(
            [*other.rows, *self.rows], joined(other.ids, self.ids), joined(other.mask, self.mask), other.cache
        )


class _Layer(DynamicLayer):
    """A layer of the cache with room for tokens to come, so that a step writes its columns and copies no other.

    `keys` and `values` are (rows, heads, room, size), zeros behind the columns that are filled. Attention gets all of
    the room where it is `whole`, contiguous and behind a mask; else a view of what is filled.
    """

    def __init__(self, whole: bool):
        super().__init__()
        self.whole, self.filled = whole, 0

    def get_seq_length(self) -> int:
        """Columns that are filled."""
        return self.filled

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        """Width of what `update` will return for so many new tokens, and its first position."""
        width = self.filled + query_length
        return (self._room_for(width) if self.whole and self.is_initialized else width), 0

    def update(self, key_states: torch.Tensor, value_states: torch.Tensor, *args, **kwargs):
        """Append the states of new tokens, (rows, heads, tokens, size); returns all keys and values."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
            self.hold(key_states, value_states)
            return key_states, value_states
        before, self.filled = self.filled, self.filled + key_states.shape[-2]
        missing = self._room_for(self.filled) - self.keys.shape[-2]
        if missing:
            self.keys, self.values = (F.pad(old, (0, 0, 0, missing)) for old in (self.keys, self.values))
        for room, states in ((self.keys, key_states), (self.values, value_states)):
            room[:, :, before : self.filled] = states
        return (self.keys, self.values) if self.whole else self.states()

    def _room_for(self, width: int) -> int:
        room = self.keys.shape[-2]
        return room if width <= room else width + SPARE_TOKENS

    def states(self, start: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
        """Views of what is filled, from a column on."""
        return self.keys[:, :, start : self.filled], self.values[:, :, start : self.filled]

    def hold(self, keys: torch.Tensor, values: torch.Tensor) -> None:
        """Keep these, with room behind them, in place of what was there."""
        self.keys, self.values = (F.pad(states, (0, 0, 0, SPARE_TOKENS)) for states in (keys, values))
        self.filled = keys.shape[-2]

    def reorder_cache(self, indices: torch.Tensor) -> None:
        """Keep these rows, in this order; a row may come more than once."""
        if self.is_initialized:
            self.keys, self.values = self.keys[indices], self.values[indices]


def _select(cache: DynamicCache, indices: torch.Tensor) -> None:
    """Keep these rows of a cache. Layers that keep states have no `batch_select_indices`, but all can be reordered."""
    for layer in cache.layers:
        layer.reorder_cache(indices)


def _new_cache(config) -> DynamicCache:
    """An empty cache; layers that see only a window, or keep a state, stay the library's own."""
    cache, whole = DynamicCache(config=config), config._attn_implementation == GROUPED
    cache.layers = [_Layer(whole) if type(layer) is DynamicLayer else layer for layer in cache.layers]
    return cache


class Continuous:
    """The library's continuous batching: a paged cache, prompts read once for all of their samples, CUDA graphs.

    Promised: every completion is a draw from the model's distribution at these settings, and ends at its
    stop word. Not promised: the same draw again. One generator serves the whole batch, so a completion depends on what
    was decoded beside it; rounds and files are those of one run, reproducible only as far as the device and the order
    of its work are.
    """

    def __init__(self, model: PreTrainedModel, policy: TokenizerPolicy):
        self.model, self.policy, self.checked = model, policy, False
        self.ends = _take_over(model, policy)

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
        behind = scores.amax(dim=-1) - scores.gather(-1, ids[0, len(request.prompt) :, None])[:, 0]
        if (behind > NEARLY_BEST * scores.std(dim=-1)).any():
            raise Failure("--engine continuous: its tokens are not this model's best ones; --engine static works")
        self.checked = True

    def _complete(self, requests: Sequence[Request], decoding: Decoding) -> Iterator[tuple[int, Completion]]:
        # Imported late: the place of these has moved between versions, and the other engine does without.
        from transformers import ContinuousBatchingConfig
        from transformers.generation.continuous_batching.utils import WorkloadHints

        sampling = {"do_sample": False}
        if decoding.temperature > 0:
            sampling = {"do_sample": True, "temperature": decoding.temperature}
            sampling |= {"top_p": decoding.top_p, "top_k": decoding.top_k}
        settings = GenerationConfig(
            **{**self.model.generation_config.to_diff_dict(), **sampling, "max_new_tokens": decoding.max_new_tokens}
        )
        hints = WorkloadHints(
            max_prompt_length=max(len(request.prompt) for request in requests),
            max_generated_length=decoding.max_new_tokens,
            num_requests=len(requests),
        )
        # The library would take nearly all of the memory, which on a CPU is everyone's.
        share = CPU_PAGES if self.model.device.type == "cpu" else None
        seed = int(stream(*requests[0].key).integers(2**31))
        batching = ContinuousBatchingConfig(seed=seed, max_memory_percent=share)
        order = longest_first(requests)
        with (
            librarys_own(self.model),
            self.model.continuous_batching_context_manager(
                generation_config=settings, continuous_batching_config=batching, workload_hints=hints, warmup=False
            ) as manager,
        ):
            for position in order:  # samples of one prompt one after another, so that they find its pages
                limit = _limit(self.model, requests[position], decoding)
                manager.add_request(requests[position].prompt, str(position), max_new_tokens=limit, streaming=True)
            waiting = set(order)
            while waiting:
                result = manager.get_result(timeout=1)
                if result is None:
                    if not manager.is_running():
                        raise Failure("--engine continuous: the library's generation stopped; --engine static works")
                    continue
                position, tokens = int(result.request_id), result.generated_tokens
                if position not in waiting:
                    continue
                if result.error:
                    raise Failure(f"--engine continuous: {result.error}; --engine static works")
                tail = self.policy.decode(tokens[-TAIL_TOKENS:])
                stopped = any(word in tail for word in decoding.stop_words)
                if stopped or result.is_finished():
                    waiting.remove(position)
                    if not result.is_finished():
                        manager.cancel_request(result.request_id)
                    yield position, _completion(self.policy, tokens, self.ends, decoding)


def bytes_of_row(config: PreTrainedConfig, length: int, size: int) -> int:
    """Bytes that a row of `length` tokens takes while it is decoded, its numbers `size` bytes each."""
    config, row = config.get_text_config(), 0
    for layer in config.per_layer_config:
        heads = getattr(layer, "num_attention_heads", None) or 1  # a model of states has one as wide as all
        head = getattr(layer, "head_dim", None) or layer.hidden_size // heads
        groups = getattr(layer, "num_key_value_heads", None) or heads
        row += 2 * groups * head * size * length
    return row + 12 * config.vocab_size  # scores, their processed copy and the noise, in fp32


def longest_first(requests: Sequence[Request]) -> list[int]:
    """Positions of the requests, samples of one prompt one after another."""
    return sorted(range(len(requests)), key=lambda i: (-len(requests[i].prompt), requests[i].prompt, i))


def _limit(model: PreTrainedModel, request: Request, decoding: Decoding) -> int:
    """Tokens that a completion may have: those asked for, as far as the model has positions."""
    most = positions(model.config)
    fitting = decoding.max_new_tokens if most is None else most - len(request.prompt) + 1
    return max(1, min(decoding.max_new_tokens, fitting))


def _take_over(model: PreTrainedModel, policy: TokenizerPolicy) -> list[int]:
    """Ids that end a row. Sampling settings that a checkpoint brings along are dropped: they would change results."""
    ends = stop_ids(model, policy)
    model.generation_config = GenerationConfig(
        bos_token_id=policy.tokenizer.bos_token_id, eos_token_id=ends or None, pad_token_id=policy.pad_id
    )
    return ends


def _completion(policy: TokenizerPolicy, tokens: list[int], ends: list[int], decoding: Decoding) -> Completion:
    ids = tokens[:-1] if tokens and tokens[-1] in ends else tokens
    return Completion(truncate(policy.decode(ids), decoding.stop_words, decoding.keep_blanks), tokens)


class _Sampler(LogitsProcessor):
    """Each row's draw as the only token with a score, so that greedy decoding takes it."""

    def __init__(self, rows: list[_Row], decoding: Decoding):
        self.rows, self.decoding = rows, decoding

    def __call__(self, input_ids: torch.LongTensor, scores: torch.FloatTensor) -> torch.FloatTensor:
        """`scores` is (rows, vocabulary) in fp32 and is changed in place."""
        if self.decoding.temperature <= 0:
            return scores
        seeds = torch.tensor([row.seed + len(row.tokens) for row in self.rows], device=scores.device)
        tokens = draw_tokens(scores, seeds, self.decoding.temperature, self.decoding.top_k, self.decoding.top_p)
        return scores.fill_(float("-inf")).scatter_(1, tokens[:, None], 0.0)


class _StopWords(StoppingCriteria):
    """Takes note of every row's new token; a row is done at EOS or when its text holds a stop word."""

    def __init__(self, rows: list[_Row], stop_words: tuple[str, ...], policy: TokenizerPolicy, ends: list[int]):
        self.rows, self.stop_words, self.policy, self.ends = rows, stop_words, policy, set(ends)

    def __call__(self, input_ids: torch.LongTensor, scores, **kwargs) -> torch.BoolTensor:
        """`input_ids` is (rows, width so far)."""
        active = []
        for row, token in zip(self.rows, input_ids[:, -1].tolist(), strict=True):
            if row.done:
                continue
            row.tokens.append(token)
            row.done = token in self.ends
            active.append(row)
        tails = self.policy.decode_many([row.tokens[-TAIL_TOKENS:] for row in active])
        for row, tail in zip(active, tails, strict=True):
            row.done = row.done or any(word in tail for word in self.stop_words)
        return torch.tensor([row.done for row in self.rows], device=input_ids.device)
