"""In-context descriptions for a task: a model describes gold codes of training problems, and the good ones are kept.

    python -m data.make_ict --dataset mbpp --model_name_or_path deepseek-ai/deepseek-coder-6.7b-base

Reads `data/<task>/train.json` and the descriptions that `ict.json` holds already: they are examples in the prompt of
stage 1 and stay in the file (`--zero_shot` leaves them out of the prompt). Adds one description for each problem that
has none, without those that are empty, were cut off, are code, or repeat another one. Without a model the
problems' own descriptions are written.
"""

from __future__ import annotations

import argparse
import ast
import re
from collections import Counter

from data.conversion import clean_description
from eval import registry
from eval.problem import Adapter, Problem
from utils.run import files, paths
from utils.run.files import InputError

OTHER_WAYS = "try another model, or none: the problems' own descriptions then serve as examples"
CODE_LINE = re.compile(
    r"^\s*(```|>>>|#!|def \w+\(|class \w+[:(]|from \w[\w.]* import |import \w[\w., ]*$|return\b.*[()\[\]=])"
)


def main() -> int:
    """Describe, filter and write; returns the exit status."""
    args = parse_arguments()
    adapter = registry.adapter(args.dataset)
    task = registry.task_name(args.dataset, args.difficulty)
    problems, digest = registry.load(args.dataset, task, "train")
    path = paths.task_file(task, "ict")
    described = existing(args.dataset, task, problems)
    old = [[problem.id, text] for problem in problems for text in described.get(str(problem.id), [])]
    wanted = [problem for problem in problems if str(problem.id) not in described][: args.limit or None]
    inputs = {"train": digest}
    settings = {
        name: getattr(args, name)
        for name in ("seed", "temperature", "top_k", "max_new_tokens", "max_length", "zero_shot")
    }
    settings |= {"chat": True} if args.chat else {}
    if args.model_name_or_path:
        made, settings["revision"] = describe(wanted, problems, [] if args.zero_shot else old, adapter, args)
        settings["model"] = paths.model_name(args.model_name_or_path)
    else:
        made, settings = [(problem.query, True) for problem in wanted], {"model": None}
    new, dropped = keep_good(wanted, made, [text for _, text in old])
    reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(dropped.items())) or "none"
    if not old and not new:
        mostly_cut_off = 2 * dropped["cut off"] > dropped.total()
        remedy = f"try a higher --max_new_tokens than {args.max_new_tokens}" if mostly_cut_off else OTHER_WAYS
        raise InputError(f"{path}: not one description was kept ({reasons}); {remedy}")
    counts = {"kept_before": len(old), "made": len(made), "added": len(new), "dropped": dict(sorted(dropped.items()))}
    files.write_json(path, old + new, {"settings": settings, "inputs": inputs, "counts": counts})
    print(f"{path}: {len(old)} were there, {len(made)} made, {len(new)} added; dropped: {reasons}")
    return 0


def parse_arguments() -> argparse.Namespace:
    """The flags; those of the model are the stages'. InputError on a count that makes no sense."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", default="apps", help="data set (default apps)")
    parser.add_argument("--difficulty", help="APPS+ only: introductory, interview or competition")
    parser.add_argument("--model_name_or_path", help="hub id, local folder or GGUF file; none: the seed descriptions")
    parser.add_argument("--revision", help="revision of a hub model")
    parser.add_argument("--trust_remote_code", action="store_true", help="run the code that comes with a hub model")
    parser.add_argument("--chat", action="store_true", help="the tokenizer's chat template around prompts")
    parser.add_argument("--dtype", choices=("bf16", "fp16", "fp32"), default="bf16", help="of the weights")
    parser.add_argument("--attn_implementation", default="auto", help="attention kernel, as transformers names it")
    parser.add_argument("--limit", type=int, default=0, help="describe at most N problems; 0: all that have none")
    parser.add_argument("--zero_shot", action="store_true", help="no example in the prompt")
    parser.add_argument("--temperature", type=float, default=0.0, help="0: greedy (default)")
    parser.add_argument(
        "--top_k", type=int, default=50, help="tokens that may be drawn where the temperature is above 0; 0: all"
    )
    parser.add_argument("--max_new_tokens", type=int, default=512, help="longest description")
    parser.add_argument("--max_length", type=int, default=1536, help="longest prompt in tokens")
    parser.add_argument("--eval_batch_size", type=int, default=0, help="prompts decoded together; 0: fill the device")
    parser.add_argument("--seed", type=int, default=1234, help="key of every random draw")
    args = parser.parse_args()
    for name, least in (
        ("limit", 0),
        ("temperature", 0),
        ("top_k", 0),
        ("max_new_tokens", 1),
        ("max_length", 1),
        ("eval_batch_size", 0),
    ):
        if getattr(args, name) < least:
            raise InputError(f"--{name} {getattr(args, name)}: must be at least {least}")
    return args


def existing(dataset: str, task: str, problems: list[Problem]) -> dict[str, list[str]]:
    """The in-context descriptions that there are; none where only the seed descriptions would serve."""
    examples, origin = registry.load_examples(dataset, task, problems)
    return {} if origin == "seed descriptions" else examples


def describe(
    wanted: list[Problem], problems: list[Problem], shots: list[list], adapter: Adapter, args: argparse.Namespace
) -> tuple[list[tuple[str, bool]], str]:
    """For each problem the model's description of its gold code ("" where it made none that fits) and whether it came
    to an end by itself; and what tells the model's version.
    """
    from utils import gibbs  # with torch, which takes seconds to import
    from utils.model.generate import Decoding, Request
    from utils.model.load import check_model, load_model, revision  # with torch, which takes seconds to import
    from utils.model.static import Static
    from utils.prompts import DESCRIPTION_STOP_WORDS, DESCRIPTION_TOP_P
    from utils.run import dist  # with torch, which takes seconds to import
    from utils.run.progress import Progress

    ranks = dist.join()
    config, policy = check_model(args.model_name_or_path, args.revision, args.trust_remote_code, args.chat)
    engine = Static(load_model(args, ranks.device), policy, args.eval_batch_size)
    decoding = Decoding(DESCRIPTION_STOP_WORDS, args.max_new_tokens, args.temperature, args.top_k, DESCRIPTION_TOP_P)
    descriptions: dict[str, list[str]] = {}
    for key, text in shots:
        descriptions.setdefault(str(key), []).append(text)
    examples = gibbs.Examples(descriptions, {str(problem.id): problem for problem in problems}, adapter.raw_texts)

    def fits(prompt: str) -> bool:
        return len(policy.encode_prompt(prompt)) <= args.max_length

    chains = [gibbs.Chain(problem, "") for problem in wanted]  # nothing sampled yet: its latest code is the gold code
    prompts = gibbs.description_prompts(chains, gibbs.SAMPLERS["gibbs"], examples, 0, args.seed)
    prompts = [(chain, prompt) for chain, prompt in prompts if fits(prompt.text)]
    requests = [Request(policy.encode_prompt(prompt.text), prompt.key) for _, prompt in prompts]
    bar = Progress(len(requests), "descriptions", ranks.main)
    cut_off = set()
    for i, completion in engine.run(requests, decoding):
        bar.add(completion.tokens)
        chain = prompts[i][0]
        gibbs.accept_description(chain, completion.text, adapter, fits)
        if completion.tokens >= args.max_new_tokens:
            cut_off.add(chain.problem.id)
    bar.close()
    made = [(chain.description, chain.problem.id not in cut_off) for chain in chains]
    return made, revision(args.model_name_or_path, config)


def keep_good(wanted: list[Problem], made: list[tuple[str, bool]], old: list[str]) -> tuple[list[list], Counter]:
    """`[[problem id, description], ...]` of those that can be shown to a model, and why the others cannot."""
    seen, kept, dropped = {_key(text) for text in old}, [], Counter()
    for problem, (text, ended) in zip(wanted, made, strict=True):
        text = clean_description(text)
        fault = fault_in(text, ended) or ("duplicate" if _key(text) in seen else "")
        if fault:
            dropped[fault] += 1
            continue
        seen.add(_key(text))
        kept.append([problem.id, text])
    return kept, dropped


def fault_in(text: str, ended: bool = True) -> str:
    """Why a text cannot serve as a description: empty, cut off, or code; "" where it can."""
    if not text.strip():
        return "empty"
    if not ended:
        return "cut off"
    if any(CODE_LINE.match(line) for line in text.split("\n")) or _is_program(text):
        return "code"
    return "" if re.search(r"[^\W\d_]{2}", text) else "empty"


def _is_program(text: str) -> bool:
    """Whether a text is Python with more to it than a word."""
    try:
        body = ast.parse(text).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    words = (ast.Name, ast.Constant)
    alone = len(body) == 1 and isinstance(body[0], ast.Expr) and isinstance(body[0].value, words)
    return bool(body) and not alone


def _key(text: str) -> str:
    """What two texts have in common that say the same in the same words."""
    return " ".join(re.findall(r"\w+", text.lower()))


if __name__ == "__main__":
    files.run(main)
