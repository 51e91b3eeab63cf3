"""The three stages with `--chat` at toy size, and with `--keep any`."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from test_stages import CODE, SUM, common, read, refused, sampling, scoring, training  # noqa: F401
from toy import Finished, run_stage, toy_rows, toy_texts, write_model, write_task
from transformers import AutoModelForCausalLM, AutoTokenizer

from utils.extract import split_program

TEMPLATE = """\
{% for message in messages %}{{ '<s>' + message['role'] + '\n' + message['content'] + '</s>\n' }}{% endfor %}\
{% if add_generation_prompt %}{{ '<s>assistant\n' }}{% endif %}"""
STAGES = {"seq_gibbs_sample.py": sampling, "cal_ppl.py": scoring, "run_gen.py": training}


@pytest.fixture(scope="module")
def chat_model(tmp_path_factory) -> Path:
    """A tiny model that has learnt the toy problems as dialogues."""
    return write_model(tmp_path_factory.mktemp("models") / "tiny", pairs=toy_texts(shots=2), template=TEMPLATE)


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory, chat_model) -> tuple[Path, dict[str, Finished]]:
    """The whole pipeline with `--chat`."""
    folder = write_task(tmp_path_factory.mktemp("chat"))
    done = {script: run_stage(script, [*flags(chat_model), "--chat"], folder) for script, flags in STAGES.items()}
    assert [run.status for run in done.values()] == [0, 0, 0], [run.err for run in done.values()]
    return folder, done


def test_programs_are_what_they_are_without_a_template(pipeline):
    """Head, docstring and body, which pass; nothing of the dialogue is in the files."""
    folder, _ = pipeline
    programs = read(folder / CODE / "passed_seq_code.json")
    assert sum(map(bool, programs)) >= 3, "the tiny model knows most of these problems"
    seeds = [row["query"] for row in toy_rows()]
    for row, own in zip(toy_rows(), programs, strict=True):
        for program in own:
            prompt, code = split_program(program, row["test"]["fn_name"])
            assert prompt.startswith(f'{row["head"]}\n    """ ') and code.startswith("\n")
            assert "```" not in program and "<s>" not in program
    described = [text for (text,) in read(folder / SUM / "sum_r1.json")]
    assert sum(text in seeds for text in described) >= 3, "it has learnt the descriptions too"
    for file in (CODE / "passed_seq_code.meta.json", CODE / "ppl-passed_seq_code.meta.json"):
        assert read(folder / file)["settings"]["chat"] is True


def test_scores_are_those_of_the_dialogue(pipeline, chat_model):
    """The definition, on the text written by hand and the tokenizer's own ids of it."""
    folder, _ = pipeline
    tokenizer = AutoTokenizer.from_pretrained(chat_model)
    model = AutoModelForCausalLM.from_pretrained(chat_model, dtype=torch.float32).eval()
    programs, scores = read(folder / CODE / "passed_seq_code.json"), read(folder / CODE / "ppl-passed_seq_code.json")
    flat = [(row, program) for row, own in zip(toy_rows(), programs, strict=True) for program in own]
    assert len(scores) == len(flat)
    for (row, program), score in zip(flat, scores.values(), strict=True):
        prompt, code = split_program(program, row["test"]["fn_name"])
        asked = f"<s>user\nComplete this Python function.\n```python\n{prompt}\n```</s>\n"
        given = tokenizer(f"{asked}<s>assistant\n```python\n{prompt}", add_special_tokens=False).input_ids
        wanted = [tokenizer(part, add_special_tokens=False).input_ids for part in (code, "\n```", "</s>")]
        wanted = [token for part in wanted for token in part]
        with torch.no_grad():
            chances = model(torch.tensor([given + wanted])).logits[0].log_softmax(-1)
        nll = -chances[len(given) - 1 : -1].gather(1, torch.tensor(wanted)[:, None]).mean()
        assert score == pytest.approx(nll.exp().item(), rel=1e-4)


def test_the_trained_model_is_asked_in_dialogues(pipeline):
    folder, _ = pipeline
    entries = read(folder / "results/introductory/gift.json")
    assert entries[-1]["method"] == "GiFT" and entries[-1]["pass_at_k"]["1"] >= 0.5
    assert entries[-1]["settings"]["chat"] is True
    assert all(source["chat"] is True for source in entries[-1]["sources"][0].values())
    (tokenizer_of_weights,) = {AutoTokenizer.from_pretrained(folder / "weights").chat_template}
    assert tokenizer_of_weights == TEMPLATE


@pytest.mark.parametrize("script", STAGES)
def test_files_made_with_a_template_are_not_gone_on_with_without(script, pipeline, chat_model, refused):  # noqa: F811
    refused(pipeline[0], script, STAGES[script](chat_model), "chat (True before, False now)")


@pytest.mark.parametrize("script", STAGES)
def test_without_a_template_nothing_is_begun(script, pipeline, tiny_model, refused):  # noqa: F811
    refused(pipeline[0], script, [*STAGES[script](tiny_model), "--chat"], "no chat template")


def test_published_stop_words_know_no_fence(pipeline, chat_model, refused):  # noqa: F811
    flags = [*training(chat_model), "--chat", "--eval_stop_words", "published"]
    refused(pipeline[0], "run_gen.py", flags, "--eval_stop_words published")


def test_description_pairs_are_dialogues_too(pipeline, chat_model):
    """One step of training on both directions; the file has the texts, the rows are dialogues that fit."""
    folder, _ = pipeline
    flags = [*training(chat_model), "--chat", "--num_epoch", 1, "--description_pairs", "--ckpt_path", "pairs"]
    run = run_stage("run_gen.py", [*flags, "--output_dir", "pairs"], folder)
    assert run.status == 0 and "dropped" not in run.err, run.err
    drawn = read(folder / "fixed_data/introductory/1234/pairs.json")
    assert {row["origin"] for row in drawn} == {"gold", "sampled", "description"}


def test_unverified_codes_are_kept_scored_and_trained_on(tiny_model, tmp_path):
    """SSD: one completion a round whatever the judge says, no gold pairs."""
    folder = write_task(tmp_path)
    flags = [*sampling(tiny_model), "--keep", "any", "--sampler", "conditional", "--num_seq", 1, "--iter_num", 2]
    run = run_stage("seq_gibbs_sample.py", [*flags, "--temperature", 1.6, "--top_k", 20, "--top_p", 0.8], folder)
    assert run.status == 0, run.err
    rounds = [read(folder / CODE / f"code_r{number}.json") for number in (1, 2)]
    counts = [read(folder / CODE / f"code_r{number}.meta.json")["counts"] for number in (1, 2)]
    for kept, count in zip(rounds, counts, strict=True):
        assert count["samples"] == 6, "judged for the counts"
        assert sum(map(len, kept)) >= count["passed"] and max(map(len, kept)) == 1
    scored = run_stage("cal_ppl.py", scoring(tiny_model), folder)
    assert scored.status == 0, scored.err
    train = [*common(tiny_model), "--output_dir", "ssd", "--train_with_seq_gibbs", "--no_gold", "--num_seq", 2]
    train += ["--selfsample_code_source", CODE / "passed_seq_code.json", "--resample", "--num_epoch", 1]
    train += ["--max_new_tokens", 32, "--train_batch_size", 6, "--ckpt_path", "weights"]
    run = run_stage("run_gen.py", train, folder)
    assert run.status == 0, run.err
    (entry,) = read(folder / "results/introductory/ssd.json")
    assert (entry["method"], entry["sampler"]) == ("SSD", "conditional")
    drawn = read(folder / "fixed_data/introductory/1234/ssd.json")
    assert {row["origin"] for row in drawn} == {"sampled"}
    assert len(drawn) == 2 * sum(any(kept[number] for kept in rounds) for number in range(6))
    card = (folder / "weights" / "README.md").read_text()
    assert "fine-tuned by SSD on sampled programs, whatever their verdicts, of introductory" in card
