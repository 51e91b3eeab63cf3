"""Stage 1 of GiFT: Gibbs sampling of codes and descriptions, with execution filtering.

On one CPU or GPU:

    python seq_gibbs_sample.py --deepspeed_config ./deepspeed_config.json --dataset quickstart \
        --model_name_or_path data/models/SmolLM2-135M-Instruct --output_dir gibbs_sampling \
        --num_seq 3 --iter_num 2 --max_length 1024 --max_new_tokens 128

On eight GPUs:

    deepspeed --include localhost:0,1,2,3,4,5,6,7 seq_gibbs_sample.py --deepspeed_config ./deepspeed_config.json \
        --model_name_or_path deepseek-ai/deepseek-coder-6.7b-base --max_length 1536 --selfsample \
        --output_dir gibbs_sampling --num_seq 3 --temperature 1.0 --iter_num 20 --difficulty introductory --seed 1234

Reads `data/<task>/{train,ict}.json`. Writes, round by round, `code_r{i}.json` and `sum_r{i}.json`, and at the end
`passed_seq_code.json` (paths: utils/run/paths.py). Finished rounds are kept: the same command resumes after them.
"""

from __future__ import annotations

from utils.args import SamplingOptions, judge_options, parse, settings
from utils.run import stop

if __name__ == "__main__":  # before the imports that take seconds
    stop.watch()
    OPTIONS = stop.early(lambda: parse(SamplingOptions))

import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from eval import registry
from eval.judge import Judge
from eval.problem import Adapter, Problem
from utils import gibbs
from utils.gibbs import Chain, Prompt
from utils.model.families import check_engine, note_on
from utils.model.generate import Decoding, Engine, Request
from utils.model.load import check_length, check_model, load_model, revision
from utils.model.tokens import TokenizerPolicy
from utils.prompts import DESCRIPTION_STOP_WORDS, DESCRIPTION_TOP_P
from utils.run import dist, paths
from utils.run.files import InputError, beside, finished, read_json, write_json
from utils.run.journal import Journal
from utils.run.progress import Progress
from utils.serving.engine import open_servers, records, start_generator
from utils.serving.recorded import Recorded


def main(options: SamplingOptions) -> None:
    """Run `iter_num` rounds of the chain of every problem."""
    # Options, checked before any weights are loaded
    ranks = dist.join()
    adapter = registry.adapter(options.dataset, options.prompt_newline, options.raw_texts)
    problems, problems_digest = ranks.on_main(lambda: registry.load(options.dataset, options.task, "train"))
    examples, examples_digest = load_examples(options, problems, ranks)
    config, policy = check_model(options.model_name_or_path, options.revision, options.trust_remote_code, options.chat)
    check_length(config, options.max_length)
    check_engine(options.engine, config)
    servers = ranks.on_main(lambda: open_servers(options, policy))
    chains = new_chains(problems, options)
    usable = chains_that_fit(chains, adapter, policy, options.max_length, ranks)

    # Resume
    inputs = {"train": problems_digest, "ict": examples_digest if options.sampler != "conditional" else None}
    output = Files(options, settings(options, revision(options.model_name_or_path, config)), inputs, records(servers))
    with ranks.alone_in(output.codes):
        if options.overwrite:
            output.start_over(ranks)
        history = ranks.on_main(output.read_rounds)
        replay(chains, history)
        done = len(history)
        if done:
            ranks.log(f"{output.codes}: {done} finished round(s) kept")

        faults = 0
        if done < options.iter_num:
            # Model
            model = None
            if not servers:
                ranks.note(note_on(config, options.max_length + options.max_new_tokens))
                model = load_model(options, ranks.device)
            engine = start_generator(options, servers, model, policy, options.eval_batch_size * options.num_seq)

            # Run
            with Judge(judge_options(options, ranks.local_world_size)) as judge:
                ranks.log(
                    f"{options.task}: {len(usable)} problems, {ranks.world_size} rank(s), isolation {judge.level}"
                )
                run = Run(options=options, ranks=ranks, adapter=adapter, policy=policy, engine=engine, judge=judge,
                          files=output, chains=chains, usable=usable, examples=examples)  # fmt: skip
                if done and history[-1].descriptions is None:
                    description_round(run, done)
                for round_ in range(done + 1, options.iter_num + 1):
                    faults += code_round(run, round_)
                    if round_ < options.iter_num:  # the last round's descriptions would never be read
                        description_round(run, round_)

        # Results
        ranks.on_main(lambda: output.write_passed(chains))
    if faults:
        ranks.log(f"error: {faults} samples could not be judged; they were counted neither as right nor as wrong")
        sys.exit(1)


@dataclass(kw_only=True)
class Run:
    """The parts that all rounds share."""

    options: SamplingOptions
    ranks: dist.Ranks
    adapter: Adapter
    policy: TokenizerPolicy
    engine: Engine
    judge: Judge
    files: Files
    chains: list[Chain]  # of all problems
    usable: list[Chain]  # those whose prompt fits
    examples: gibbs.Examples

    def fits(self, prompt: str) -> bool:
        """Whether a prompt is no longer than `--max_length`."""
        return len(self.policy.encode_prompt(prompt)) <= self.options.max_length

    def requests(self, prompts: Sequence[tuple[Chain, Prompt]]) -> list[Request]:
        """The prompts as token ids."""
        return [Request(self.policy.encode_prompt(prompt.text), prompt.key) for _, prompt in prompts]

    def decoding(self, stop_words: tuple[str, ...], top_p: float) -> Decoding:
        """How completions are drawn, and where they end."""
        drawn = (self.options.temperature, self.options.top_k, top_p)
        return Decoding(stop_words, self.options.max_new_tokens, *drawn, keep_blanks=self.options.raw_texts)


def code_round(run: Run, round_: int) -> int:
    """Sample, judge and keep codes for every chain; returns the number of samples, over all ranks, left unjudged."""
    options, ranks = run.options, run.ranks
    chains = ranks.share(run.usable)
    prompts = gibbs.code_prompts(chains, run.adapter, round_, options.num_seq, options.seed)
    bar = Progress(len(prompts), f"round {round_}/{options.iter_num} code", ranks.main)
    recorded = Recorded(run.engine, run.judge, run.files.journal(run.files.code_file(round_), ranks), bar)

    # A program is judged while others are still being decoded.
    programs, verdicts = [""] * len(prompts), [None] * len(prompts)
    decoding = run.decoding(run.adapter.stop_words, options.top_p)
    for i, completion in recorded.complete(run.requests(prompts), decoding):
        chain, prompt = prompts[i]
        programs[i] = run.adapter.finish(chain.problem, prompt.text + completion)
        verdicts[i] = recorded.verdict(prompt.key, programs[i], chain.problem.test)
    candidates = [
        gibbs.Candidate(program, verdict.result()) for program, verdict in zip(programs, verdicts, strict=True)
    ]
    bar.close()

    of_chains = [candidates[i : i + options.num_seq] for i in range(0, len(candidates), options.num_seq)]
    kept_codes = [gibbs.keep_codes(chain, sampled, round_, options.seed, options.keep)
                  for chain, sampled in zip(chains, of_chains, strict=True)]  # fmt: skip
    kept_codes, of_chains = ranks.gather(kept_codes), ranks.gather(of_chains)
    gibbs.record_round(run.chains, run.usable, kept_codes)

    counts = gibbs.tally(of_chains)
    made_by = {"counts": counts, "isolation": run.judge.level}
    timing = bar.timing(ranks)
    ranks.on_main(lambda: run.files.write_codes(round_, run.chains, made_by, timing))
    recorded.journal.remove(ranks)
    ranks.log(
        f"round {round_}: {counts['passed']}/{counts['samples']} pass "
        f"({counts['distinct']} distinct), {counts['problems_passed']}/{len(run.usable)} problems"
    )
    return gibbs.infrastructure_faults(of_chains)


def description_round(run: Run, round_: int) -> None:
    """Move every chain to its next description."""
    options, ranks = run.options, run.ranks
    chains, sampler = ranks.share(run.usable), gibbs.SAMPLERS[options.sampler]
    made = gibbs.description_prompts(chains, sampler, run.examples, round_, options.seed)
    prompts = [(chain, prompt) for chain, prompt in made if run.fits(prompt.text)]
    refused = Counter({"prompt too long": len(made) - len(prompts)})
    bar = Progress(len(prompts), f"round {round_}/{options.iter_num} description", ranks.main)
    recorded = Recorded(run.engine, run.judge, run.files.journal(run.files.description_file(round_), ranks), bar)

    decoding = run.decoding(DESCRIPTION_STOP_WORDS, DESCRIPTION_TOP_P)
    for i, completion in recorded.complete(run.requests(prompts), decoding):
        refused[gibbs.accept_description(prompts[i][0], completion, run.adapter, run.fits)] += 1
    bar.close()

    for chain, description in zip(run.usable, ranks.gather([chain.description for chain in chains]), strict=True):
        chain.description = description
    refused = sum(ranks.all_values(refused), Counter())
    refused = {reason: count for reason, count in sorted(refused.items()) if reason and count}
    if refused:
        counted = ", ".join(f"{count} {reason}" for reason, count in refused.items())
        ranks.log(f"round {round_}: description kept as it was: {counted}")
    timing = bar.timing(ranks)
    ranks.on_main(lambda: run.files.write_descriptions(round_, run.chains, refused, timing))
    recorded.journal.remove(ranks)


def load_examples(options: SamplingOptions, problems: list[Problem], ranks: dist.Ranks) -> tuple[gibbs.Examples, str]:
    """The in-context examples and their digest; logs where the task has none."""
    descriptions, digest = ranks.on_main(
        lambda: registry.load_examples(options.dataset, options.task, problems, options.raw_texts)
    )
    if digest == "seed descriptions" and options.sampler != "conditional":
        ranks.log(
            f"{options.task}: no ict.json, the problems' descriptions are used; python -m data.make_ict makes one"
        )
    return gibbs.Examples(descriptions, {str(problem.id): problem for problem in problems}, options.raw_texts), digest


def new_chains(problems: list[Problem], options: SamplingOptions) -> list[Chain]:
    """The chains of all problems, or of the first `--limit`, before their first round."""
    return [Chain(problem, problem.query, fall_back=options.fall_back) for problem in problems[: options.limit or None]]


def chains_that_fit(
    chains: list[Chain], adapter: Adapter, policy: TokenizerPolicy, max_length: int, ranks: dist.Ranks
) -> list[Chain]:
    """The chains whose first prompt fits; the others are counted in the log and stay empty."""
    lengths = [len(policy.encode_prompt(adapter.code_prompt(c.problem, c.description))) for c in chains]
    usable = [chain for chain, length in zip(chains, lengths, strict=True) if length <= max_length]
    if not usable:
        raise InputError(
            f"--max_length {max_length}: shorter than every prompt; the shortest has {min(lengths)} tokens"
        )
    if len(usable) < len(chains):
        ranks.log(
            f"dropped: {len(chains) - len(usable)} problems whose prompt is longer than --max_length {max_length}"
        )
    return usable


@dataclass(frozen=True)
class Round:
    """A finished round on disk: kept programs and next description of every chain (None: not made yet)."""

    codes: list[list[str]]
    descriptions: list[list[str]] | None


def replay(chains: list[Chain], history: list[Round]) -> None:
    """Bring the chains to the state after the finished rounds."""
    for past in history:
        gibbs.record_round(chains, chains, past.codes)
        for chain, descriptions in zip(chains, past.descriptions or (), strict=False):
            chain.description = descriptions[0]


class Files:
    """The files of a run: their paths and inputs; reads finished rounds and writes new ones."""

    def __init__(self, options: SamplingOptions, settings: dict, inputs: dict, made_by: dict):
        model = options.model_name_or_path
        self.codes = paths.code_folder(options.task, model, options.save_dir)
        self.descriptions = paths.description_folder(options.task, model, options.save_dir)
        self.options, self.settings, self.inputs = options, settings, inputs
        self.made_by = made_by  # the servers, where there are any

    def journal(self, path: Path, ranks: dist.Ranks) -> Journal:
        """The journal of one of these files: what a killed run had finished."""
        return Journal(path, self.settings, self.inputs, ranks)

    def start_over(self, ranks: dist.Ranks) -> None:
        """Let all earlier rounds count as unfinished; the files stay until the new ones replace them."""
        if ranks.local_rank == 0:
            for folder, name in ((self.codes, "code_r"), (self.codes, "passed_seq_code"), (self.descriptions, "sum_r")):
                for path in (*folder.glob(f"{name}*.meta.json"), *folder.glob(f".{name}*.journal")):
                    path.unlink(missing_ok=True)
        ranks.all_values(None)

    def read_rounds(self) -> list[Round]:
        """The finished rounds, at most `iter_num`; InputError where they were made with other settings."""
        rounds: list[Round] = []
        while len(rounds) < self.options.iter_num:
            code_file, sum_file = self.code_file(len(rounds) + 1), self.description_file(len(rounds) + 1)
            if not finished(code_file, self.settings, self.inputs):
                break
            descriptions = None
            if finished(sum_file, self.settings, self.inputs):
                descriptions = read_json(sum_file)
            rounds.append(Round(read_json(code_file), descriptions))
            if descriptions is None:
                break
        later = self.code_file(self.options.iter_num + 1)
        if len(rounds) == self.options.iter_num and beside(later, "meta").exists():
            raise InputError(
                f"{later}: {self.codes} holds more than --iter_num {self.options.iter_num} rounds; give the number of "
                "rounds that it holds, --overwrite to start over, or another --save_dir"
            )
        return rounds

    def write_codes(self, round_: int, chains: list[gibbs.Chain], extra: dict, timing: dict) -> None:
        """`code_r{i}.json`: list per problem of the programs kept in this round."""
        self._write(self.code_file(round_), [chain.kept[round_ - 1] for chain in chains], extra, timing)

    def write_descriptions(self, round_: int, chains: list[gibbs.Chain], refused: dict, timing: dict) -> None:
        """`sum_r{i}.json`: list per problem of `[d_i]`."""
        self._write(
            self.description_file(round_), [[chain.description] for chain in chains], {"refused": refused}, timing
        )

    def write_passed(self, chains: list[gibbs.Chain]) -> None:
        """`passed_seq_code.json`: list per problem of all kept programs in round order, the rounds in its meta file."""
        programs = [[program for kept in chain.kept for program in kept] for chain in chains]
        rounds = [[round_ for round_, kept in enumerate(chain.kept, 1) for _ in kept] for chain in chains]
        path = self.codes / "passed_seq_code.json"
        self._remove_later_rounds()
        counts = {"codes": sum(map(len, programs)), "rounds": self.options.iter_num}
        self._write(path, programs, {"counts": counts, "rounds": rounds}, None)
        codes, problems = counts["codes"], sum(map(bool, programs))
        print(f"{path}: {codes} codes for {problems} of {len(programs)} problems", file=sys.stderr)

    def _remove_later_rounds(self) -> None:
        """Remove the later rounds of a longer run that `--overwrite` has replaced, now or before a stop."""
        later = self.options.iter_num + 1
        while self.code_file(later).exists() and not beside(self.code_file(later), "meta").exists():
            for file in (self.code_file(later), self.description_file(later - 1), self.description_file(later)):
                for part in (beside(file, "timing"), file):
                    part.unlink(missing_ok=True)
            later += 1

    def _write(self, path: Path, value: list, extra: dict, timing: dict | None) -> None:
        write_json(path, value, {"settings": self.settings, "inputs": self.inputs, **self.made_by, **extra}, timing)

    def code_file(self, round_: int) -> Path:
        """The kept programs of a round."""
        return self.codes / f"code_r{round_}.json"

    def description_file(self, round_: int) -> Path:
        """The descriptions that a round ended with."""
        return self.descriptions / f"sum_r{round_}.json"


if __name__ == "__main__":
    stop.run(main, OPTIONS)
