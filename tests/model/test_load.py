"""Loading models: what is refused before weights, special tokens, GGUF files, other architectures."""

from __future__ import annotations

import json

import pytest
import torch
from tokenizers.processors import TemplateProcessing
from toy import tiny_config, tiny_tokenizer
from transformers import AutoModelForCausalLM, LlamaForCausalLM

from utils.args import CommonOptions
from utils.model.attention import GROUPED
from utils.model.load import check_model, load_model, read_weights, revision, sampling_settings, stop_ids
from utils.model.tokens import TokenizerPolicy
from utils.run.files import InputError

TEXT = ["def add(a, b):\n    return a + b\n"]


def test_bos_comes_once_for_tokenizers_that_put_one_there():
    tokenizer = tiny_tokenizer(TEXT)
    assert TokenizerPolicy(tokenizer).encode_prompt("def") == tokenizer("def", add_special_tokens=False).input_ids
    tokenizer._tokenizer.post_processor = TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 0)])
    policy = TokenizerPolicy(tokenizer)
    assert policy.encode_prompt("def")[0] == 0 and policy.encode_prompt("def").count(0) == 1
    assert 0 not in policy.encode("def"), "a target has none"


@pytest.mark.parametrize("text", ["\n    return a", "  x\t\n\n", "é ü 漢字 🙂", "a , b ; c !", "</s> inside a string"])
def test_text_survives_encoding_and_decoding(text):
    policy = TokenizerPolicy(tiny_tokenizer(TEXT))
    assert policy.decode(policy.encode(text)) == text
    assert policy.eos_id not in policy.encode(text), "text never becomes a special token"


def test_pad_and_eos_of_incomplete_tokenizers():
    tokenizer = tiny_tokenizer(TEXT)
    assert TokenizerPolicy(tokenizer).pad_id == tokenizer.eos_token_id
    tokenizer.eos_token = None
    policy = TokenizerPolicy(tokenizer)
    assert policy.eos_id is None and policy.pad_id == 0
    model = LlamaForCausalLM(tiny_config(eos_token_id=None))
    assert stop_ids(model, policy) == []


def test_what_is_no_model_is_refused_in_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    (tmp_path / "empty").mkdir()
    for name in (
        "./nowhere",
        str(tmp_path / "empty"),
        str(tmp_path / "no.gguf"),
        "data/models/none",
        "some-org/none-such",
    ):
        with pytest.raises(InputError) as refused:
            check_model(name, None, False)
        assert name in str(refused.value) and "\n" not in str(refused.value)


def test_a_changed_model_has_another_revision(tiny_model, tmp_path):
    config, policy = check_model(str(tiny_model), None, False)
    before = revision(str(tiny_model), config)
    assert before == revision(str(tiny_model), config)
    model = read_weights(str(tiny_model), "fp32")
    with torch.no_grad():
        model.lm_head.weight[0, 0] += 1
    model.save_pretrained(tmp_path / "changed")
    assert revision(str(tmp_path / "changed"), config) != before


def test_gguf_file_gives_an_ordinary_model(tmp_path):
    """A file written here with the weights of a tiny Llama: loaded, it is dense, trainable and can be saved."""
    gguf = pytest.importorskip("gguf")
    model = LlamaForCausalLM(tiny_config(num_hidden_layers=1))
    path = tmp_path / "tiny.gguf"
    write_gguf(gguf, model, path)
    loaded = read_weights(str(path), "fp32")
    ids = torch.tensor([[5, 6, 7, 8]])
    with torch.no_grad():
        assert torch.allclose(loaded(ids).logits, model(ids).logits, atol=1e-4)
    loaded(ids).logits.sum().backward()
    assert all(parameter.grad is not None for parameter in loaded.parameters())
    loaded.save_pretrained(tmp_path / "plain")
    again = AutoModelForCausalLM.from_pretrained(tmp_path / "plain")
    assert torch.equal(again.lm_head.weight, loaded.lm_head.weight)


def write_gguf(gguf, model: LlamaForCausalLM, path) -> None:
    """The least that a GGUF file of a Llama needs; query and key rows are interleaved, as llama.cpp wants them."""
    config = model.config
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(10000.0)
    writer.add_vocab_size(config.vocab_size)
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(1)
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list([f"t{i}" for i in range(config.vocab_size)])
    writer.add_token_merges([])
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, config.num_hidden_layers)
    for name, tensor in model.state_dict().items():
        value = tensor.float()
        heads = {"q_proj": config.num_attention_heads, "k_proj": config.num_key_value_heads}
        for part, count in heads.items():
            if part in name:
                value = value.view(count, 2, -1, value.shape[1]).transpose(1, 2).reshape(value.shape)
        writer.add_tensor(names.get_name(name.removesuffix(".weight")) + ".weight", value.contiguous().numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def test_attention_is_that_of_a_cpu_unless_asked_otherwise(tiny_model, tmp_path):
    options = CommonOptions(
        model_name_or_path=str(tiny_model), deepspeed_config="", output_dir="x", max_length=1, dtype="fp32"
    )
    model = load_model(options, torch.device("cpu"))
    assert model.config._attn_implementation == GROUPED
    model.save_pretrained(tmp_path)
    assert GROUPED not in (tmp_path / "config.json").read_text(), "a model that was trained here loads anywhere"
    for kernel in ("sdpa", "eager"):
        options.attn_implementation = kernel
        assert load_model(options, torch.device("cpu")).config._attn_implementation == kernel


def test_sampling_settings_of_a_checkpoint_are_named_once(tiny_model, tmp_path, capsys):
    """As reported for TRL (5783) and verl (7270): they would change what is sampled."""
    model = AutoModelForCausalLM.from_pretrained(tiny_model)
    assert sampling_settings(model) == ""
    model.generation_config.update(repetition_penalty=1.1, do_sample=True, top_k=1)
    model.save_pretrained(tmp_path)
    options = CommonOptions(
        model_name_or_path=str(tmp_path), deepspeed_config="", output_dir="x", max_length=1, dtype="fp32"
    )
    load_model(options, torch.device("cpu"))
    said = [line for line in capsys.readouterr().err.splitlines() if "sampling settings" in line]
    assert len(said) == 1 and said[0].endswith("not used: do_sample True, top_k 1, repetition_penalty 1.1")


@pytest.mark.parametrize("name", ["LlamaTokenizer", "LlamaTokenizerFast", "PreTrainedTokenizerFast"])
def test_a_byte_level_tokenizer_under_the_name_of_llamas_gives_text_back(tmp_path, name):
    """As reported for transformers (46489): identity, or refused in one line."""
    tiny_tokenizer(TEXT).save_pretrained(tmp_path)
    tiny_config().save_pretrained(tmp_path)
    settings = json.loads((tmp_path / "tokenizer_config.json").read_text())
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({**settings, "tokenizer_class": name}))
    text = "def f(x):\n    return x"
    try:
        _, policy = check_model(str(tmp_path), None, False)
    except InputError as refused:
        assert "does not give Python text back" in str(refused) and "\n" not in str(refused)
    else:
        assert policy.decode(policy.encode(text)) == text


def test_a_kernel_that_is_not_there_is_told_in_one_line(tiny_model, monkeypatch):
    options = CommonOptions(model_name_or_path=str(tiny_model), deepspeed_config="", output_dir="x", max_length=1)
    for kernel in ("flash_attention_2", "none_such"):
        options.attn_implementation = kernel
        with pytest.raises(InputError, match=f"--attn_implementation {kernel}: ") as refused:
            load_model(options, torch.device("cpu"))
        assert "\n" not in str(refused.value)
    given = {}
    monkeypatch.setattr(AutoModelForCausalLM, "from_pretrained", lambda *_, **options: given.update(options) or 1 / 0)
    with pytest.raises(ZeroDivisionError):
        options.attn_implementation = "flash_attention_2"
        load_model(options, torch.device("cpu"))
    assert given["attn_implementation"] == "flash_attention_2"
