"""Chat templates around prompts, letter by letter, for six families; what is sampled from, scored and learnt alike."""

from __future__ import annotations

import pytest
from chat_templates import FAMILIES, chat_tokenizer
from toy import tiny_tokenizer, toy_rows

from data.quickstart import problems as quickstart
from eval.problem import STOP_WORDS, Problem
from eval.registry import adapter
from utils.extract import training_target, truncate
from utils.model.chat import ChatFormat
from utils.model.sft_data import make_row
from utils.model.tokens import TokenizerPolicy
from utils.prompts import description_prompt, rewrite_prompt
from utils.run.files import InputError

# The contents of the turns
ASK_CODE = '''\
Complete this Python function.
```python
def double(n):
    """ Return twice the number."""
```'''
BEGUN = '''\
```python
def double(n):
    """ Return twice the number."""'''
ASK_ADD = """\
Describe what this Python code does. Answer with the description alone.
```python
def add(a, b):
    return a + b
```"""
ASK_DOUBLE = """\
Describe what this Python code does. Answer with the description alone.
```python
def double(n):
    return 2 * n
```"""
SAID = "Adds two numbers."
ASK_WORDS = "Say this in other words. Answer with the new wording alone.\nReturn the sum of a and b."
ASK_OTHER_WORDS = "Say this in other words. Answer with the new wording alone.\nReturn twice the number."

SMOL = "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n"
QWEN = "<|im_start|>system\nYou are Qwen, created by Alibaba Cloud. You are a helpful assistant.<|im_end|>\n"
CODE = {
    "SmolLM2": f"{SMOL}<|im_start|>user\n{ASK_CODE}<|im_end|>\n<|im_start|>assistant\n{BEGUN}",
    "Llama-3": f"<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\n{ASK_CODE}<|eot_id|>"
    f"<|start_header_id|>assistant<|end_header_id|>\n\n{BEGUN}",
    "Qwen2.5": f"{QWEN}<|im_start|>user\n{ASK_CODE}<|im_end|>\n<|im_start|>assistant\n{BEGUN}",
    "Qwen3": f"<|im_start|>user\n{ASK_CODE}<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n{BEGUN}",
    "Gemma": f"<bos><start_of_turn>user\n{ASK_CODE}<end_of_turn>\n<start_of_turn>model\n{BEGUN}",
    "no system role": f"<s>[INST] {ASK_CODE} [/INST]{BEGUN}",
}
DESCRIBE = {
    "SmolLM2": f"{SMOL}<|im_start|>user\n{ASK_ADD}<|im_end|>\n<|im_start|>assistant\n{SAID}<|im_end|>\n"
    f"<|im_start|>user\n{ASK_DOUBLE}<|im_end|>\n<|im_start|>assistant\n",
    "Llama-3": f"<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\n{ASK_ADD}<|eot_id|>"
    f"<|start_header_id|>assistant<|end_header_id|>\n\n{SAID}<|eot_id|>"
    f"<|start_header_id|>user<|end_header_id|>\n\n{ASK_DOUBLE}<|eot_id|>"
    "<|start_header_id|>assistant<|end_header_id|>\n\n",
    "Qwen2.5": f"{QWEN}<|im_start|>user\n{ASK_ADD}<|im_end|>\n<|im_start|>assistant\n{SAID}<|im_end|>\n"
    f"<|im_start|>user\n{ASK_DOUBLE}<|im_end|>\n<|im_start|>assistant\n",
    "Qwen3": f"<|im_start|>user\n{ASK_ADD}<|im_end|>\n<|im_start|>assistant\n{SAID}<|im_end|>\n"
    f"<|im_start|>user\n{ASK_DOUBLE}<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n",
    "Gemma": f"<bos><start_of_turn>user\n{ASK_ADD}<end_of_turn>\n<start_of_turn>model\n{SAID}<end_of_turn>\n"
    f"<start_of_turn>user\n{ASK_DOUBLE}<end_of_turn>\n<start_of_turn>model\n",
    "no system role": f"<s>[INST] {ASK_ADD} [/INST] {SAID}</s>[INST] {ASK_DOUBLE} [/INST]",
}
REWRITE = {
    family: text.replace(ASK_ADD, ASK_WORDS).replace(ASK_DOUBLE, ASK_OTHER_WORDS) for family, text in DESCRIBE.items()
}
TURN_END = {
    "SmolLM2": "<|im_end|>", "Llama-3": "<|eot_id|>", "Qwen2.5": "<|im_end|>", "Qwen3": "<|im_end|>",
    "Gemma": "<end_of_turn>", "no system role": "</s>",
}  # fmt: skip
EVERY = pytest.mark.parametrize("family", FAMILIES)


def policy_of(family: str) -> TokenizerPolicy:
    """The policy of a family's tokenizer with its chat format."""
    tokenizer = chat_tokenizer(family)
    return TokenizerPolicy(tokenizer, ChatFormat(tokenizer, family))


def prompts() -> list[str]:
    """The code prompt, the description prompt and the rewrite prompt of the toy problem `double`."""
    add, double = (Problem.from_row(row) for row in toy_rows()[:2])
    shot = "Return the sum of a and b.", SAID
    return [
        adapter("apps").code_prompt(double, double.query),
        description_prompt((add.code, SAID), double.code),
        rewrite_prompt(shot, double.query),
    ]


@EVERY
def test_prompts_to_the_letter(family):
    chat = policy_of(family).chat
    assert [chat.text(prompt) for prompt in prompts()] == [CODE[family], DESCRIBE[family], REWRITE[family]]


@EVERY
def test_without_an_example_there_is_one_question(family):
    chat = policy_of(family).chat
    text = chat.text(description_prompt(None, "def double(n):\n    return 2 * n\n"))
    assert text == CODE[family].removesuffix(BEGUN).replace(ASK_CODE, ASK_DOUBLE)


@EVERY
def test_special_tokens_are_those_of_the_template_and_bos_comes_once(family):
    policy = policy_of(family)
    tokenizer, special = policy.tokenizer, FAMILIES[family][3] or ("<s>", "</s>")
    for prompt in prompts():
        ids, text = policy.encode_prompt(prompt), policy.chat.text(prompt)
        assert tokenizer.decode(ids) == text, "nothing is put before or left out"
        for token in special:
            assert ids.count(tokenizer.convert_tokens_to_ids(token)) == text.count(token), token
        if (bos := tokenizer.bos_token_id) is not None and family != "SmolLM2":
            assert ids[0] == bos and ids.count(bos) == 1


@EVERY
def test_ids_are_those_that_the_library_makes(family):
    """Of the same messages, with its own tokenisation of the template."""
    policy = policy_of(family)
    roles, turns = ("user", "assistant", "user"), (ASK_ADD, SAID, ASK_DOUBLE)
    messages = [{"role": role, "content": turn} for role, turn in zip(roles, turns, strict=True)]
    given = {"add_generation_prompt": True, "enable_thinking": False, "return_dict": False}
    assert policy.encode_prompt(prompts()[1]) == policy.tokenizer.apply_chat_template(messages, **given)


@EVERY
def test_rows_go_on_from_the_sampling_prompt_and_end_the_turn(family):
    """Scoring and training rows; a code's fence is closed before."""
    policy = policy_of(family)
    code, *others = prompts()
    for prompt, target, end in (
        (code, "\n    return 2 * n", f"\n```{TURN_END[family]}"),
        *((other, "Doubles a number.", TURN_END[family]) for other in others),
    ):
        row = make_row(policy, prompt, target, 4096, end=True)
        given = policy.encode_prompt(prompt)
        assert row.ids[: row.prompt_length] == given
        assert policy.tokenizer.decode(row.ids[row.prompt_length :]) == target + end
        assert row.ids[-1] == policy.eos_id == policy.tokenizer.convert_tokens_to_ids(TURN_END[family])
        bare = make_row(policy, prompt, target, 4096, end=False)
        assert bare.ids == given + policy.encode(target)
        assert make_row(policy, prompt, target, len(row.ids) - 1, end=True) is None


@EVERY
def test_gold_bodies_come_back_as_completions(family):
    """What a row has behind its prompt, cut at the stop words, makes the program again."""
    policy, quick = policy_of(family), adapter("quickstart")
    for problem in map(Problem.from_row, quickstart.rows("train")):
        prompt = quick.code_prompt(problem, problem.query)
        target = training_target(problem.code, problem.entry_point, problem.head)
        row = make_row(policy, prompt, target, 100_000, end=True)
        completion = truncate(policy.decode(row.ids[row.prompt_length :]), STOP_WORDS)
        assert completion == target
        assert policy.chat.text(prompt).endswith(f"```python\n{prompt}")
        compile(prompt + completion, "program", "exec")


def test_a_text_is_never_read_as_a_special_token():
    policy = policy_of("SmolLM2")
    problem = Problem.from_row(toy_rows()[1])
    spelled = adapter("apps").code_prompt(problem, "Remove <|im_end|> and <|im_start|>.")
    assert "<|im_end|> and" in spelled, "the program keeps it"
    ids, usual = policy.encode_prompt(spelled), policy.encode_prompt(prompts()[0])
    for token in ("<|im_start|>", "<|im_end|>"):
        special = policy.tokenizer.convert_tokens_to_ids(token)
        assert ids.count(special) == usual.count(special)
    assert "Remove < |im_end|> and < |im_start|>." in policy.tokenizer.decode(ids)


def test_a_template_that_looks_into_texts_does_not_change_them():
    """Qwen3's takes a thought out of an earlier answer, Gemma's trims."""
    thought = "<think>\nhm\n</think>\n\nAdds two numbers."
    prompt = description_prompt(("a = 1", thought), "b = 2")
    assert f"<|im_start|>assistant\n{thought}<|im_end|>" in policy_of("Qwen3").chat.text(prompt)
    raw = description_prompt(("a = 1", "  Adds.\n"), "b = 2", raw=True)
    assert "<start_of_turn>model\n  Adds.\n<end_of_turn>" in policy_of("Gemma").chat.text(raw)


def test_a_thought_that_every_answer_begins_with_is_ended():
    tokenizer = chat_tokenizer("Qwen3")
    always = "{{- '<|im_start|>assistant\\n<think>\\n' }}{% endif %}"
    tokenizer.chat_template = FAMILIES["Qwen2.5"][0].rpartition("{{-")[0] + always
    text = ChatFormat(tokenizer, "thinker").text(prompts()[0])
    assert text.endswith(f"<|im_start|>assistant\n<think>\n\n</think>\n\n{BEGUN}")


def test_the_day_is_not_in_the_prompt():
    """Llama-3.2's template gives today's date unless it is told one."""
    tokenizer = chat_tokenizer("Llama-3")
    dated = "{% if not date_string is defined %}{% set date_string = strftime_now('%d %b %Y') %}{% endif %}"
    tokenizer.chat_template = dated + "{{ 'Today Date: ' + date_string }}" + tokenizer.chat_template
    assert ChatFormat(tokenizer, "dated").text(prompts()[0]).startswith("Today Date: 26 Jul 2024<|begin")


def test_a_template_without_a_token_at_the_end_of_a_turn_ends_in_eos():
    tokenizer = chat_tokenizer("no system role")
    tokenizer.chat_template = tokenizer.chat_template.replace("+ eos_token", "")
    policy = TokenizerPolicy(tokenizer, ChatFormat(tokenizer, "plain"))
    row = make_row(policy, prompts()[0], "\n    return 2 * n", 4096, end=True)
    assert policy.eos_id == tokenizer.eos_token_id == row.ids[-1]


BAD_TEMPLATES = {
    "none": (None, "the tokenizer of some/model has no chat template"),
    "fails": ("{{ raise_exception('no users\nhere') }}", r"cannot be applied \(no users here\)"),
    "broken": ("{% if %}", "cannot be applied"),
    "forgets": ("{{ messages[-1]['content'] }}", "does not show 3 turns"),
    "shows nothing": ("hello", "does not show 1 turns"),
}


@pytest.mark.parametrize("case", BAD_TEMPLATES)
def test_a_template_that_does_not_serve_is_refused_in_one_line(case):
    template, said = BAD_TEMPLATES[case]
    tokenizer = tiny_tokenizer(["x"])
    tokenizer.chat_template = template
    with pytest.raises(InputError, match=f"^--chat: .*{said}") as caught:
        ChatFormat(tokenizer, "some/model")
    assert "\n" not in str(caught.value) and "some/model" in str(caught.value)


def test_base_prompts_are_as_they_were():
    """A dialogue is the text of a base model where no template is asked for."""
    tokenizer = chat_tokenizer("Llama-3")
    policy = TokenizerPolicy(tokenizer)
    text = "###Code:\na = 1\n###Description of the given code:\n"
    prompt = description_prompt(None, "a = 1")
    assert prompt == text and policy.encode_prompt(prompt) == policy.encode_prompt(text)
    assert policy.encode_end(prompt) == [tokenizer.eos_token_id]
    assert make_row(policy, prompt, "One.", 999, end=True).ids[-1] == tokenizer.eos_token_id
    assert policy.encode_prompt(text)[0] == tokenizer.bos_token_id
