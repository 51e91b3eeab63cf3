"""Measure a base model in its world, by sampling as stage 1 does, on the seed problems:

    python -m scripts.replication.measure --name s0-r0.5-o0

Writes `data/world-<name>/measure.json` and prints it:

* `pass`: share of programs sampled from the seed descriptions that pass; `pass_greedy` the same without sampling;
  `pass_plain` and `pass_obscure` the same for all seed problems told plainly and told obscurely;
* `intent_kept`: share of descriptions of gold programs that parse back to the intent; `pass_after_description`: share
  of programs sampled from those descriptions that pass, which is round two of a chain;
* `rewrite_kept`: share of rewritten seed descriptions that parse back to the intent;
* `style_given_wording`, `wording_given_style`: what the model draws against the truth of `joint.py`, total variation
  distance by condition, and `mean` over conditions by their probability. `noise` is the mean distance that as many
  exact samples would have.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from data.worlds import grammar, intents, joint, programs
from data.worlds.prepare import task_of
from eval import registry
from eval.judge import Judge, JudgeOptions
from eval.problem import Problem
from utils import gibbs
from utils.model.generate import Decoding, Engine, Request
from utils.model.load import check_model, read_weights
from utils.model.static import Static
from utils.prompts import DESCRIPTION_STOP_WORDS, DESCRIPTION_TOP_P
from utils.run import dist, files, paths
from utils.run.streams import stream

MAX_NEW_TOKENS = 256
NOISE_DRAWS = 200


def main(argv: list[str] | None = None) -> int:
    """Measure and write; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--name", required=True, help="the world, as given to prepare")
    parser.add_argument("--model_name_or_path", help="default: data/models/world-<name>")
    parser.add_argument("--samples", type=int, default=4, help="programs for each description")
    parser.add_argument("--temperature", type=float, default=1.0, help="sampling temperature")
    parser.add_argument("--seed", type=int, default=0, help="key of every random draw")
    parser.add_argument("--limit", type=int, default=0, help="first N seed problems; 0: all")
    options = parser.parse_args(argv)
    ranks = dist.join()
    task = task_of(options.name)
    problems, _ = registry.load(task, task, "train")
    examples, _ = registry.load_examples(task, task, problems)
    settings = files.read_meta(paths.task_file(task, "train"))["settings"]
    model_path = options.model_name_or_path or str(paths.MODELS / task)
    _, policy = check_model(model_path, None, False)
    model = read_weights(model_path, "fp32").to(ranks.device).eval()
    engine = Static(model, policy)
    with Judge(JudgeOptions()) as judge:
        world = Measurement(options, problems, examples, task, engine, judge, settings["strength"])
        measured = world.everything()
    used = {key: getattr(options, key) for key in ("samples", "temperature", "seed", "limit")}
    target = paths.task_file(task, "measure")
    files.write_json(target, measured, {"settings": {**settings, **used}, "model": paths.model_name(model_path)})
    print(json.dumps(measured, indent=1))
    return 0


@dataclass
class Measurement:
    """The steps of stage 1, one at a time, on the seed problems."""

    options: argparse.Namespace
    problems: list[Problem]
    descriptions: dict[str, list[str]]
    task: str
    engine: Engine
    judge: Judge
    strength: float

    def __post_init__(self):
        self.adapter = registry.adapter(self.task)
        self.examples = gibbs.Examples(self.descriptions, {str(problem.id): problem for problem in self.problems})
        self.problems = self.problems[: self.options.limit or None]
        self.intents = {str(problem.id): intents.read(problem.id) for problem in self.problems}

    def everything(self) -> dict:
        """All numbers, rounded."""
        n = self.options.samples
        chains = self.chains(lambda problem: problem.query)
        trials = self.programs(chains, "seed", n)
        measured = {"pass": _share(trials), "distinct_passing": _distinct(trials)}
        measured["pass_greedy"] = _share(self.programs(chains, "greedy", 1, greedy=True))
        for telling in ("plain", "obscure"):
            measured[f"pass_{telling}"] = _share(self.programs(self.told(telling == "obscure"), telling, n))
        self.describe(chains, "gibbs", 1)
        measured["intent_kept"] = self.kept(chains)
        measured["pass_after_description"] = _share(self.programs(chains, "second", n))
        rewritten = self.chains(lambda problem: problem.query)
        self.describe(rewritten, "rewrite", 1)
        measured["rewrite_kept"] = self.kept(rewritten)
        measured["style_given_wording"] = self.styles()
        measured["wording_given_style"] = self.wordings()
        return measured

    def chains(self, describe: Callable[[Problem], str], programs_: dict[str, str] | None = None) -> list[gibbs.Chain]:
        """A chain for every problem that has a program, if programs are given."""
        if programs_ is None:
            return [gibbs.Chain(problem, describe(problem)) for problem in self.problems]
        chosen = [problem for problem in self.problems if problem.id in programs_]
        return [gibbs.Chain(problem, describe(problem), [[programs_[problem.id]]]) for problem in chosen]

    def told(self, obscure: bool) -> list[gibbs.Chain]:
        """A chain for every problem, described anew in the wording of its seed description."""
        rng, wordings = (
            stream(self.options.seed, "told", obscure),
            {p.id: grammar.parse(p.query).wording for p in self.problems},
        )
        return self.chains(lambda p: grammar.draw_description(self.intents[p.id], wordings[p.id], rng, obscure))

    def programs(
        self, chains: list[gibbs.Chain], purpose: str, samples: int, greedy: bool = False
    ) -> list[list[gibbs.Candidate]]:
        """Judged samples from every chain's description."""
        prompts = gibbs.code_prompts(chains, self.adapter, purpose, samples, self.options.seed)
        programs, verdicts = [""] * len(prompts), [None] * len(prompts)
        decoding = Decoding(self.adapter.stop_words, MAX_NEW_TOKENS, 0 if greedy else self.options.temperature)
        for i, completion in self._complete(prompts, decoding):
            chain, prompt = prompts[i]
            programs[i] = self.adapter.finish(chain.problem, prompt.text + completion.text)
            verdicts[i] = self.judge.submit(programs[i], chain.problem.test)
        candidates = [gibbs.Candidate(program, verdict.result())
                      for program, verdict in zip(programs, verdicts, strict=True)]  # fmt: skip
        return [candidates[i : i + samples] for i in range(0, len(candidates), samples)]

    def describe(self, chains: list[gibbs.Chain], sampler: str, round_: int) -> None:
        """Move every chain to a description of its latest program (else the gold one), or to other words."""
        decoding = Decoding(DESCRIPTION_STOP_WORDS, MAX_NEW_TOKENS, self.options.temperature, top_p=DESCRIPTION_TOP_P)
        prompts = gibbs.description_prompts(chains, gibbs.SAMPLERS[sampler], self.examples, round_, self.options.seed)
        for i, completion in self._complete(prompts, decoding):
            gibbs.accept_description(prompts[i][0], completion.text, self.adapter, lambda prompt: True)

    def _complete(self, prompts: list[tuple[gibbs.Chain, gibbs.Prompt]], decoding: Decoding):
        policy = self.engine.policy
        return self.engine.run(
            [Request(policy.encode_prompt(prompt.text), prompt.key) for _, prompt in prompts], decoding
        )

    def kept(self, chains: list[gibbs.Chain]) -> float:
        """Share of chains whose description parses back to their intent."""
        parsed = [(grammar.parse(chain.description), self.intents[chain.problem.id]) for chain in chains]
        return round(sum(bool(reading) and reading.intent == intent for reading, intent in parsed) / len(parsed), 4)

    def styles(self) -> dict:
        """Styles of programs sampled from descriptions of every wording."""
        rows = {}
        for wording, chance in joint.WORDING_PRIOR.items():
            rng = stream(self.options.seed, "wording", wording)
            chains = self.chains(lambda p, w=wording, r=rng: grammar.draw_description(self.intents[p.id], w, r))
            trials = self.programs(chains, wording, self.options.samples)
            drawn, truth = Counter(), Counter()
            for chain, samples in zip(chains, trials, strict=True):
                intent = self.intents[chain.problem.id]
                for trial in samples:
                    drawn[programs.style_of(trial.program, intent)] += 1
                    truth.update(joint.style_given_wording(intent, wording, self.strength))
            rows[wording] = chance, drawn, truth, {"pass": _share(trials)}
        return _against_truth(rows, self.options.seed)

    def wordings(self) -> dict:
        """Wordings of descriptions of programs of every style."""
        rows = {}
        for style, chance in joint.STYLE_PRIOR.items():
            rng, drawn, truth = stream(self.options.seed, "style", style), Counter(), Counter()
            problems = [p for p in self.problems if joint.style_marginal(self.intents[p.id])[style]]
            written = {p.id: programs.draw_program(self.intents[p.id], style, rng) for p in problems}
            kept = []
            for round_ in range(2):
                chains = self.chains(lambda problem: problem.query, written)
                self.describe(chains, "gibbs", f"{style} {round_}")
                kept.append(self.kept(chains))
                for chain in chains:
                    reading = grammar.parse(chain.description)
                    drawn[reading.wording if reading else programs.OTHER] += 1
                    truth.update(joint.wording_given_style(self.intents[chain.problem.id], style, self.strength))
            rows[style] = chance, drawn, truth, {"intent_kept": round(float(np.mean(kept)), 4)}
        return _against_truth(rows, self.options.seed)


def _share(trials: list[list]) -> float:
    flat = [bool(trial.judgement.passed) for samples in trials for trial in samples]
    return round(sum(flat) / len(flat), 4)


def _distinct(trials: list[list]) -> float:
    """Mean number of distinct bodies among a problem's passing programs."""
    return round(float(np.mean([len({t.program for t in samples if t.judgement.passed}) for samples in trials])), 3)


def _against_truth(rows: dict, seed: int) -> dict:
    """Distances by condition; `rows` maps it to its probability, what was drawn, the truth (both counts) and more."""
    distances, mean, noise = {}, 0.0, 0.0
    for condition, (chance, drawn, truth, more) in rows.items():
        total, keys = sum(drawn.values()), [key for key, value in truth.items() if value]
        law = np.array([truth[key] for key in keys]) / sum(truth.values())
        share = {key: drawn[key] / total for key in drawn}
        distance = joint.total_variation(share, dict(zip(keys, law, strict=True)))
        exact = stream(seed, "noise", condition).multinomial(total, law, size=NOISE_DRAWS) / total
        mean += chance * distance
        noise += chance * float(np.abs(exact - law).sum(axis=1).mean() / 2)
        drawn_shares = {key: round(value, 3) for key, value in sorted(share.items())}
        true_shares = {key: round(float(p), 3) for key, p in zip(keys, law, strict=True)}
        distances[condition] = {
            "tv": round(distance, 4),
            **more,
            "samples": total,
            "model": drawn_shares,
            "truth": true_shares,
        }
    return {"mean": round(mean, 4), "noise": round(noise, 4), **distances}


if __name__ == "__main__":
    files.run(main)
