"""The generation engine: what is decoded, where it ends, and what a row's draw depends on."""

from __future__ import annotations

import functools
import weakref
from types import SimpleNamespace

import pytest
import torch
from toy import toy_texts
from transformers import AutoModelForCausalLM

from eval.problem import STOP_WORDS
from utils.model import static
from utils.model.attention import GROUPED, grouped_attention
from utils.model.batch import Batch
from utils.model.cache import new_cache
from utils.model.continuous import Continuous
from utils.model.generate import Decoding, Request
from utils.model.load import check_model
from utils.model.static import Static
from utils.run.files import Failure


@pytest.fixture(scope="module", params=["sdpa", GROUPED])
def parts(tiny_model, request):
    """Model and tokenizer, fp32, with the library's attention and with that of a CPU."""
    _, policy = check_model(str(tiny_model), None, False)
    model = AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.float32, attn_implementation=request.param)
    return model.eval(), policy


# The continuous engine takes the library's attention, so both would be the same to it.
librarys_attention = pytest.mark.parametrize("parts", [GROUPED], indirect=True)


def requests(policy, samples: int = 1) -> list[Request]:
    """Prompts of different lengths."""
    texts = [prompt for prompt, _ in toy_texts()[::3]]
    return [Request(policy.encode_prompt(text), ("toy", i, s)) for i, text in enumerate(texts) for s in range(samples)]


def run(parts, wanted, rows: int = 0, **changes):
    """Completions in the order of the requests."""
    settings = {"stop_words": STOP_WORDS, "temperature": 1.0, "max_new_tokens": 40, **changes}
    found = dict(Static(*parts, rows).run(wanted, Decoding(**settings)))
    return [found[i] for i in range(len(wanted))]


@torch.no_grad()
def slow_greedy(parts, prompt: list[int], steps: int) -> list[int]:
    """One token at a time, the whole prefix anew each time."""
    model, policy = parts
    ids = list(prompt)
    for _ in range(steps):
        ids.append(model(torch.tensor([ids])).logits[0, -1].argmax().item())
        if ids[-1] == policy.eos_id:
            break
    return ids[len(prompt) :]


def test_greedy_batches_equal_one_prompt_without_cache_or_padding(parts):
    wanted = requests(parts[1])
    for request, completion in zip(wanted, run(parts, wanted, temperature=0.0, stop_words=()), strict=True):
        ids = slow_greedy(parts, request.prompt, 40)
        assert completion.ids == ids
        assert completion.text == parts[1].decode([i for i in ids if i != parts[1].eos_id]).rstrip()


@pytest.mark.parametrize("rows", [1, 3, 7])
def test_samples_do_not_depend_on_the_batch(parts, rows):
    wanted = requests(parts[1], samples=3)
    assert run(parts, wanted, rows) == run(parts, wanted, 64)
    assert run(parts, wanted[5:6], rows)[0] == run(parts, wanted, 64)[5]


def test_samples_depend_on_their_key(parts):
    prompt = requests(parts[1])[0].prompt
    texts = {c.text for c in run(parts, [Request(prompt, ("key", i)) for i in range(20)], temperature=2.0)}
    assert len(texts) > 5
    again = [Request(prompt, ("key", 4)), Request(prompt, ("key", 4))]
    assert len({c.text for c in run(parts, again, temperature=2.0)}) == 1


def test_rows_end_at_their_stop_word_and_the_text_before_it_stays(parts):
    wanted = requests(parts[1])
    free = run(parts, wanted, temperature=0.0, stop_words=())
    word = free[0].text[3:6]
    cut = run(parts, wanted, temperature=0.0, stop_words=(word,))
    for whole, short in zip(free, cut, strict=True):
        assert short.text == whole.text.split(word)[0].rstrip()
    assert cut[0].tokens < free[0].tokens


def test_max_new_tokens_is_kept(parts):
    completions = run(parts, requests(parts[1]), max_new_tokens=3, stop_words=(), temperature=5.0)
    assert max(completion.tokens for completion in completions) == 3


def test_sampling_settings_of_a_checkpoint_change_nothing(parts, tiny_model):
    model = AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.float32).eval()
    model.generation_config.update(repetition_penalty=5.0, do_sample=True, top_k=1, temperature=0.01)
    wanted = requests(parts[1], samples=2)
    assert run((model, parts[1]), wanted) == run(parts, wanted)


def test_a_prompt_is_read_once_for_all_of_its_samples(parts, monkeypatch):
    model, policy = parts
    read = []
    forward = model.forward

    def counting(input_ids, **options):
        read.append(tuple(input_ids.shape))
        return forward(input_ids=input_ids, **options)

    monkeypatch.setattr(model, "forward", counting)
    prompts = {tuple(request.prompt) for request in requests(policy)}
    run(parts, requests(policy, samples=4), max_new_tokens=2)
    assert read[0] == (len(prompts), max(map(len, prompts)))
    assert all(width == 1 for _, width in read[1:])


def test_rows_that_are_done_are_replaced(parts, monkeypatch):
    wanted, joined, first_tokens = requests(parts[1], samples=6), [], Static._first_tokens
    expected = run(parts, wanted, 1, temperature=2.0)

    def counting(engine, rows, decoding):
        joined.append(len(rows))
        return first_tokens(engine, rows, decoding)

    monkeypatch.setattr(Static, "_first_tokens", counting)
    assert run(parts, wanted, 4, temperature=2.0) == expected
    assert joined[0] == 4
    assert min(joined[1:-1]) < 4, "rows join others that are not done"


@pytest.mark.parametrize("at", [1, 2, 5])
def test_out_of_memory_halves_the_batch_and_loses_nothing(parts, monkeypatch, at):
    model, policy = parts
    wanted, calls, real = requests(policy, samples=3), [], model.forward
    expected = run(parts, wanted)

    @functools.wraps(real)
    def short_of_memory(**options):
        calls.append(len(options["input_ids"]))
        if len(calls) == at:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return real(**options)

    monkeypatch.setattr(model, "forward", short_of_memory)
    engine, given = Static(model, policy, 8), []
    found = {}
    for index, completion in engine.run(wanted, Decoding(STOP_WORDS, 40, 1.0)):
        given.append(index)
        found[index] = completion
    assert [found[i] for i in range(len(wanted))] == expected
    assert len(given) == len(set(given)) == len(wanted)
    assert engine.rows == 4


@librarys_attention
def test_continuous_is_greedy_where_static_is(parts):
    wanted = requests(parts[1])
    static = run(parts, wanted, temperature=0.0)
    attention = parts[0].config._attn_implementation
    found = dict(Continuous(*parts).run(wanted, Decoding(STOP_WORDS, 40)))
    assert [found[i].text for i in range(len(wanted))] == [completion.text for completion in static]
    assert parts[0].config._attn_implementation == attention, "training goes on with the model as it was"


@librarys_attention
def test_continuous_draws_samples_and_ends_them_at_stop_words(parts):
    prompt = requests(parts[1])[0].prompt
    wanted = [Request(prompt, ("key", i)) for i in range(24)]
    word = run(parts, wanted[:1], temperature=0.0, stop_words=())[0].text[3:5]
    found = dict(Continuous(*parts).run(wanted, Decoding((word,), 30, 2.0, top_p=0.95)))
    assert sorted(found) == list(range(24))
    assert len({completion.text for completion in found.values()}) > 5
    assert not any(word in completion.text for completion in found.values())
    assert all(1 <= completion.tokens <= 30 for completion in found.values())


def test_rows_end_where_the_positions_do(parts, monkeypatch):
    model, policy = parts
    wanted = requests(policy)
    shortest = min(len(request.prompt) for request in wanted)
    fitting = [request for request in wanted if len(request.prompt) <= shortest + 20]
    monkeypatch.setattr(model.config, "max_position_embeddings", shortest + 20)
    for request, completion in zip(fitting, run(parts, fitting, stop_words=(), temperature=5.0), strict=True):
        assert completion.tokens <= shortest + 20 - len(request.prompt) + 1


def test_a_row_that_no_memory_holds_is_a_clear_failure(parts, monkeypatch):
    def short_of_memory(**_):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(parts[0], "forward", short_of_memory)
    with pytest.raises(Failure, match="no memory for one row of .* --max_length"):
        run(parts, requests(parts[1])[:3], 2)


@pytest.mark.parametrize("queries", [1, 5])
@pytest.mark.parametrize(("dtype", "most"), [(torch.float32, 1e-6), (torch.bfloat16, 2**-6)])
def test_grouped_attention_is_attention(queries, dtype, most):
    torch.manual_seed(0)
    query, key, value = (torch.randn(3, heads, width, 16).to(dtype) for heads, width in ((6, queries), (2, 9), (2, 9)))
    mask = torch.rand(3, 1, queries, 9) < 0.7
    mask[..., 0] = True
    layer = torch.nn.Module()
    layer.num_key_value_groups = 3
    found, _ = grouped_attention(layer, query, key, value, mask, scaling=0.3)
    # By definition, in double precision, every head with the keys of its group.
    query, key, value = query.double(), *(part.double().repeat_interleave(3, dim=1) for part in (key, value))
    weights = (query @ key.transpose(2, 3) * 0.3).masked_fill(~mask, float("-inf")).softmax(dim=-1)
    expected = (weights @ value).transpose(1, 2)
    assert found.shape == expected.shape == (3, queries, 6, 16)
    assert (found.double() - expected).abs().max() < most


def test_whole_room_is_what_attention_sees_only_where_it_is_masked(parts):
    model, _ = parts
    layer = new_cache(model.config).layers[0]
    first, second = torch.randn(2, 2, 7, 16), torch.randn(2, 2, 1, 16)
    assert layer.update(first, first)[0].shape[2] == layer.get_seq_length() == 7
    width, _ = layer.get_mask_sizes(1)
    keys, values = layer.update(second, second)
    assert keys.shape[2] == values.shape[2] == width
    assert keys.is_contiguous() == (model.config._attn_implementation == GROUPED)
    assert torch.equal(keys[:, :, :8], torch.cat([first, second], dim=2))
    assert not keys[:, :, 8:].any()


def test_rows_of_a_cpu_are_bounded_by_its_memory(parts, monkeypatch):
    engine = Static(*parts)
    assert engine._rows_that_fit(1000) == static.CPU_ROWS
    config = parts[0].config
    row = (
        2 * config.num_hidden_layers * config.num_key_value_heads * config.head_dim * 4 * 1000 + 12 * config.vocab_size
    )
    memory = SimpleNamespace(total=4 * 10 * row + 4 * row // 2)
    monkeypatch.setattr(static.psutil, "virtual_memory", lambda: memory)
    assert engine._rows_that_fit(1000) == 10
    assert engine._rows_that_fit(10**9) == 1


def test_rows_of_a_gpu_are_bounded_by_its_memory_not_by_what_is_free_now(parts, monkeypatch):
    engine = Static(*parts)
    row = static.bytes_of_row(parts[0].config, 1000, 4)
    gpu = SimpleNamespace(config=parts[0].config, dtype=torch.float32, device=torch.device("cuda", 0))
    monkeypatch.setattr(engine, "model", gpu)
    total, weights = 10**6 * row, 0.95 * 10**6 * row - 2 * 10.5 * row
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: SimpleNamespace(total_memory=total))
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda device: weights)
    assert engine._rows_that_fit(1000) == 10


def test_the_cache_of_a_finished_batch_is_free_before_the_next_is_read(parts, monkeypatch):
    batches, alive, first_tokens = [], [], Static._first_tokens

    def watched(engine, rows, decoding):
        alive.append(sum(batch() is not None for batch in batches))
        batch = first_tokens(engine, rows, decoding)
        batches.append(weakref.ref(batch))
        return batch

    monkeypatch.setattr(Static, "_first_tokens", watched)
    monkeypatch.setattr(Batch, "can_grow", False)  # no row joins: every batch ends before the next begins
    run(parts, requests(parts[1], samples=4), 4, max_new_tokens=3)
    assert len(alive) > 2 and not any(alive)
