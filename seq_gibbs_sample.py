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
`passed_seq_code.json` (utils/run/paths.py says where). Finished rounds are kept: the same command goes on after them.
"""

from __future__ import annotations

from utils.run import stop

if __name__ == "__main__":
    stop.watch()  # before the imports that take seconds

import sys
from collections import Counter
from dataclasses import dataclass

from eval import registry
from eval.judge import Judge
from eval.problem import Adapter, Problem
from utils import gibbs
from utils.args import SamplingOptions, engine_settings, judge_options, judge_settings, parse, set_off_default
from utils.model.families import check_engine, note_on
from utils.model.generate import Decoding, Request
from utils.model.load import check_length, check_model, load_model, revision
from utils.model.tokens import TokenizerPolicy
from utils.prompts import DESCRIPTION_STOP_WORDS, DESCRIPTION_TOP_P
from utils.run import dist, paths
from utils.run.files import InputError, beside, finished, read_json, write_json
from utils.run.journal import Journal
from utils.run.progress import Progress
from utils.serving.engine import AnyEngine, open_servers, records, start_generator
from utils.serving.recorded import Recorded


def main() -> None:
    """Run `iter_num` rounds of the chain of every problem."""
    # What is asked for, checked before any weights are loaded
    options = parse(SamplingOptions)
    ranks = dist.join()
    adapter = registry.adapter(options.dataset, options.prompt_newline, options.raw_texts)
    problems, problems_digest = ranks.on_main(lambda: registry.load(options.dataset, options.task, "train"))
    examples, examples_digest = load_examples(options, problems, ranks)
    gold = {str(problem.id): problem for problem in problems}
    chains = [
        gibbs.Chain(problem, problem.query, fall_back=options.fall_back)
        for problem in problems[: options.limit or None]
    ]
    config, policy = check_model(options.model_name_or_path, options.revision, options.trust_remote_code, options.chat)
    check_length(config, options.max_length)
    check_engine(options.engine, config)
    servers = ranks.on_main(lambda: open_servers(options, policy))
    usable = chains_that_fit(chains, adapter, policy, options.max_length, ranks)

    # What is there already
    inputs = {"train": problems_digest, "ict": examples_digest if options.sampler != "conditional" else None}
    files = Files(options, {**settings(options), "revision": revision(options.model_name_or_path, config)}, inputs)
    files.made_by = records(servers)
    with ranks.alone_in(files.codes):
        history = ranks.on_main(files.read_rounds)
        replay(chains, history)
        done = len(history)
        if done:
            ranks.log(f"{files.codes}: {done} finished round(s) kept")
        faults = 0
        if done < options.iter_num:
            # The rounds
            model = None
            if not servers:
                ranks.note(note_on(config, options.max_length + options.max_new_tokens))
                model = load_model(options, ranks.device)
            engine = start_generator(options, servers, model, policy, options.eval_batch_size * options.num_seq)
            with Judge(judge_options(options, ranks.local_world_size)) as judge:
                ranks.log(
                    f"{options.task}: {len(usable)} problems, {ranks.world_size} rank(s), isolation {judge.level}"
                )
                sampling = Sampling(
                    options, ranks, adapter, policy, engine, judge, files, chains, usable, examples, gold
                )
                if done and history[-1].descriptions is None:
                    sampling.description_round(done)
                for round_ in range(done + 1, options.iter_num + 1):
                    faults += sampling.code_round(round_)
                    if round_ < options.iter_num:  # the last round's descriptions would never be read
                        sampling.description_round(round_)
        ranks.on_main(lambda: files.write_passed(chains))
    if faults:
        ranks.log(f"error: {faults} samples could not be judged; they were counted neither as right nor as wrong")
        sys.exit(1)


def load_examples(
    options: SamplingOptions, problems: list[Problem], ranks: dist.Ranks
) -> tuple[dict[str, list[str]], str]:
    """The in-context descriptions by problem id and their digest; the log says where there are none of the task's."""
    examples, digest = ranks.on_main(
        lambda: registry.load_examples(options.dataset, options.task, problems, options.raw_texts)
    )
    if digest == "seed descriptions" and options.sampler != "conditional":
        ranks.log(
            f"{options.task}: no ict.json, the problems' own descriptions stand in; python -m data.make_ict makes one"
        )
    return examples, digest


def settings(options: SamplingOptions) -> dict:
    """Everything that the files of a run depend on; what only changes its speed is left out."""
    names = (
        "sampler",
        "num_seq",
        "temperature",
        "top_k",
        "top_p",
        "keep",
        "seed",
        "limit",
        "max_length",
        "max_new_tokens",
        "dtype",
    )
    return {
        "model": paths.model_name(options.model_name_or_path),
        "dataset": options.dataset,
        "task": options.task,
        **{name: getattr(options, name) for name in names},
        **set_off_default(options, "chat", "as_published", "prompt_newline", "raw_texts", "fall_back"),
        **engine_settings(options),
        **judge_settings(options),
    }


def chains_that_fit(
    chains: list[gibbs.Chain], adapter: Adapter, policy: TokenizerPolicy, max_length: int, ranks: dist.Ranks
) -> list[gibbs.Chain]:
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


def replay(chains: list[gibbs.Chain], history: list[Round]) -> None:
    """Bring the chains to where the finished rounds left them."""
    for past in history:
        for position, chain in enumerate(chains):
            chain.kept.append(past.codes[position])
            if past.descriptions is not None:
                chain.description = past.descriptions[position][0]


@dataclass
class Sampling:
    """The two steps of a round, over this rank's chains; the main rank writes what all have found."""

    options: SamplingOptions
    ranks: dist.Ranks
    adapter: Adapter
    policy: TokenizerPolicy
    engine: AnyEngine
    judge: Judge
    files: Files
    chains: list[gibbs.Chain]
    usable: list[gibbs.Chain]
    examples: dict[str, list[str]]
    gold: dict[str, Problem]

    def code_round(self, round_: int) -> int:
        """Sample, judge and keep codes; returns how many samples the judge failed on, over all ranks."""
        mine = self.ranks.share(self.usable)
        options = self.options
        bar = self._bar(len(mine) * options.num_seq, f"round {round_}/{options.iter_num} code")
        decoding = self._decoding(self.adapter.stop_words, options.top_p)
        recorded = Recorded(self.engine, self.judge, self.files.code_journal(round_, self.ranks), bar)
        trials = gibbs.code_step(
            mine,
            self.adapter,
            round_,
            options.num_seq,
            options.seed,
            lambda prompts: recorded.complete(self._requests(prompts), decoding),
            recorded.verdict,
        )
        bar.close()
        gibbs.keep_step(mine, trials, round_, options.seed, options.keep)
        found = self.ranks.gather([(chain.kept[-1], own) for chain, own in zip(mine, trials, strict=True)])
        for chain, (kept, _) in zip(self.usable, found, strict=True):
            chain.kept[round_ - 1 :] = [kept]
        for chain in self.chains:
            chain.kept[round_:] = []
            chain.kept += [[]] * (round_ - len(chain.kept))
        counts = gibbs.tally([own for _, own in found])
        timing = bar.timing(self.ranks)
        found_by = {"counts": counts, "isolation": self.judge.level}
        self.ranks.on_main(lambda: self.files.write_codes(round_, self.chains, found_by, timing))
        recorded.journal.remove(self.ranks)
        self.ranks.log(
            f"round {round_}: {counts['passed']}/{counts['samples']} pass "
            f"({counts['distinct']} distinct), {counts['problems_passed']}/{len(self.usable)} problems"
        )
        return gibbs.infrastructure_faults([own for _, own in found])

    def description_round(self, round_: int) -> None:
        """Move every chain on to its next description."""
        mine = self.ranks.share(self.usable)
        shown = len(mine) if self.options.sampler != "conditional" else 0
        bar = self._bar(shown, f"round {round_}/{self.options.iter_num} description")
        decoding = self._decoding(DESCRIPTION_STOP_WORDS, DESCRIPTION_TOP_P)
        recorded = Recorded(self.engine, self.judge, self.files.description_journal(round_, self.ranks), bar)

        def describe(prompts: gibbs.Prompts) -> list[str | None]:
            fitting = [i for i, (text, _) in enumerate(prompts) if self._fits(text)]
            texts: list[str | None] = [None] * len(prompts)
            requests = self._requests([prompts[i] for i in fitting])
            for position, text in recorded.complete(requests, decoding):
                texts[fitting[position]] = text
            return texts

        refused = gibbs.description_step(
            mine,
            self.adapter,
            self.options.sampler,
            round_,
            self.options.seed,
            self.examples,
            self.gold,
            describe,
            self._fits,
        )
        bar.close()
        for chain, description in zip(self.usable, self.ranks.gather([c.description for c in mine]), strict=True):
            chain.description = description
        refused = dict(sorted(sum(self.ranks.all_values(refused), Counter()).items()))
        if refused:
            counted = ", ".join(f"{number} {reason}" for reason, number in refused.items())
            self.ranks.log(f"round {round_}: description kept as it was: {counted}")
        timing = bar.timing(self.ranks)
        self.ranks.on_main(lambda: self.files.write_descriptions(round_, self.chains, refused, timing))
        recorded.journal.remove(self.ranks)

    def _decoding(self, stop_words: tuple[str, ...], top_p: float) -> Decoding:
        options = self.options
        drawn = (options.temperature, options.top_k, top_p)
        return Decoding(stop_words, options.max_new_tokens, *drawn, keep_blanks=options.raw_texts)

    def _fits(self, prompt: str) -> bool:
        return len(self.policy.encode_prompt(prompt)) <= self.options.max_length

    def _requests(self, prompts: gibbs.Prompts) -> list[Request]:
        return [Request(self.policy.encode_prompt(text), key) for text, key in prompts]

    def _bar(self, total: int, title: str) -> Progress:
        return Progress(total, title, self.ranks.main)


class Files:
    """The files of a run: where they are, what they were made from, reading finished rounds, writing new ones."""

    def __init__(self, options: SamplingOptions, settings: dict, inputs: dict):
        model = options.model_name_or_path
        self.codes = paths.code_folder(options.task, model, options.save_dir)
        self.descriptions = paths.description_folder(options.task, model, options.save_dir)
        self.options, self.settings, self.inputs = options, settings, inputs
        self.made_by: dict = {}  # the servers, where there are any

    def code_journal(self, round_: int, ranks: dist.Ranks) -> Journal:
        """What a killed run had finished of this round's codes."""
        return Journal(self._code_file(round_), self.settings, self.inputs, ranks, self.options.overwrite)

    def description_journal(self, round_: int, ranks: dist.Ranks) -> Journal:
        """What a killed run had finished of this round's descriptions."""
        return Journal(self._sum_file(round_), self.settings, self.inputs, ranks, self.options.overwrite)

    def read_rounds(self) -> list[Round]:
        """The finished rounds, at most `iter_num`; InputError where they were made with other settings."""
        rounds: list[Round] = []
        if self.options.overwrite:
            return rounds
        while len(rounds) < self.options.iter_num:
            code_file, sum_file = self._code_file(len(rounds) + 1), self._sum_file(len(rounds) + 1)
            if not finished(code_file, self.settings, self.inputs):
                break
            descriptions = None
            if finished(sum_file, self.settings, self.inputs):
                descriptions = read_json(sum_file)
            rounds.append(Round(read_json(code_file), descriptions))
            if descriptions is None:
                break
        later = self._code_file(self.options.iter_num + 1)
        if len(rounds) == self.options.iter_num and beside(later, "meta").exists():
            raise InputError(
                f"{later}: {self.codes} holds more than --iter_num {self.options.iter_num} rounds; give the number of "
                "rounds that it holds, --overwrite to start anew, or another --save_dir"
            )
        return rounds

    def write_codes(self, round_: int, chains: list[gibbs.Chain], extra: dict, timing: dict) -> None:
        """`code_r{i}.json`: list per problem of the programs kept in this round."""
        self._write(self._code_file(round_), [chain.kept[round_ - 1] for chain in chains], extra, timing)

    def write_descriptions(self, round_: int, chains: list[gibbs.Chain], refused: dict, timing: dict) -> None:
        """`sum_r{i}.json`: list per problem of `[d_i]`."""
        self._write(self._sum_file(round_), [[chain.description] for chain in chains], {"refused": refused}, timing)

    def write_passed(self, chains: list[gibbs.Chain]) -> None:
        """`passed_seq_code.json`: list per problem of all kept programs in round order, the rounds in its meta file."""
        programs = [[program for kept in chain.kept for program in kept] for chain in chains]
        rounds = [[round_ for round_, kept in enumerate(chain.kept, 1) for _ in kept] for chain in chains]
        path = self.codes / "passed_seq_code.json"
        self._remove_later_rounds()
        counts = {"codes": sum(map(len, programs)), "rounds": self.options.iter_num}
        self._write(path, programs, {"counts": counts, "rounds": rounds}, None)
        found = f"{sum(map(len, programs))} codes for {sum(map(bool, programs))} of {len(programs)} problems"
        print(f"{path}: {found}", file=sys.stderr)

    def _remove_later_rounds(self) -> None:
        """What is left of a longer run that `--overwrite` has replaced."""
        later = self.options.iter_num + 1
        while self.options.overwrite and self._code_file(later).exists():
            for file in (self._code_file(later), self._sum_file(later - 1), self._sum_file(later)):
                for part in (beside(file, "meta"), beside(file, "timing"), file):
                    part.unlink(missing_ok=True)
            later += 1

    def _write(self, path, value: list, extra: dict, timing: dict | None) -> None:
        write_json(path, value, {"settings": self.settings, "inputs": self.inputs, **self.made_by, **extra}, timing)

    def _code_file(self, round_: int):
        return self.codes / f"code_r{round_}.json"

    def _sum_file(self, round_: int):
        return self.descriptions / f"sum_r{round_}.json"


if __name__ == "__main__":
    stop.run(main)
