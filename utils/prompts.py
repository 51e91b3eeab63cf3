"""The prompts other than the code prompt, which the adapter makes (`Adapter.code_prompt`).

With `--chat` the same contents are turns of a dialogue (`utils.model.chat`). To see the prompts of a model:

    python -m utils.prompts --dataset quickstart --model_name_or_path data/models/SmolLM2-135M-Instruct [--chat]

prints a code prompt, a description prompt and a rewrite prompt, each as text and as ids.
"""

from __future__ import annotations

import argparse

from utils.run import files

CODE, DESCRIPTION, REWRITE = "###Code:", "###Description of the given code:", "###Description in other words:"
DESCRIPTION_STOP_WORDS = ("\n###Code:", "\n###")
DESCRIPTION_TOP_P = 0.95

# What a user asks of an instruct model
COMPLETE = "Complete this Python function.\n```python\n{}\n```"
DESCRIBE = "Describe what this Python code does. Answer with the description alone.\n```python\n{}\n```"
REPHRASE = "Say this in other words. Answer with the new wording alone.\n{}"


class Dialogue(str):
    """A prompt as a base model reads it, with its turns for a chat model: user and assistant, user first and last."""

    turns: tuple[str, ...]

    @classmethod
    def of(cls, text: str, turns: tuple[str, ...]) -> Dialogue:
        """The prompt `text` with its `turns`."""
        dialogue = cls(text)
        dialogue.turns = turns
        return dialogue


def description_prompt(example: tuple[str, str] | None, program: str, raw: bool = False) -> Dialogue:
    """Code -> description, with one in-context `(program, description)` or none; texts trimmed, or `raw`."""
    return _one_shot((CODE, DESCRIPTION, DESCRIBE), example, program, raw)


def rewrite_prompt(example: tuple[str, str] | None, description: str, raw: bool = False) -> Dialogue:
    """Description -> rewriting, with one in-context `(description, rewriting)` or none."""
    return _one_shot(("###Description:", REWRITE, REPHRASE), example, description, raw)


def _one_shot(titles: tuple[str, str, str], example: tuple[str, str] | None, text: str, raw: bool) -> Dialogue:
    """A text under its header, then the header of the text to write, perhaps after an example of both.

    `titles` are the two headers, and the user's request in a dialogue.
    """
    source, target, ask = titles
    first, second, text = (part if raw else part.strip() for part in (*(example or ("", "")), text))
    shot = f"{source}\n{first}\n{target}\n{second}\n\n" if example else ""
    earlier = (ask.format(first), second) if example else ()
    return Dialogue.of(f"{shot}{source}\n{text}\n{target}\n", (*earlier, ask.format(text)))


def main() -> None:
    """Print the prompts of the first training problem, or only the code prompt where there is only a test split."""
    from eval import registry
    from utils.model.load import check_model  # with torch, which takes seconds to import

    args = _arguments()
    adapter, task = registry.adapter(args.dataset), registry.task_name(args.dataset, args.difficulty)
    _, policy = check_model(args.model_name_or_path, args.revision, args.trust_remote_code, args.chat)
    for title, prompt in _prompts(adapter, task, args).items():
        ids = policy.encode_prompt(prompt)
        text = policy.chat.text(prompt) if policy.chat is not None else prompt
        print(f"== {title}: {len(ids)} tokens\n{text}\n-- ids\n{' '.join(map(str, ids))}\n")


def _prompts(adapter, task: str, args: argparse.Namespace) -> dict[str, str]:
    """The prompts of the first round for the first problem, by title."""
    from eval import registry
    from utils.gibbs import SAMPLERS, Chain, Examples, description_prompts

    split = "test" if list(adapter.expected) == ["test"] else "train"
    problems, _ = registry.load(args.dataset, task, split)
    first = problems[0]
    prompts = {f"code, problem {first.id}": adapter.code_prompt(first, first.query)}
    if split == "train":
        descriptions, _ = registry.load_examples(args.dataset, task, problems)
        examples = Examples(descriptions, {str(problem.id): problem for problem in problems})
        for title, name in (("description of its gold code", "gibbs"), ("rewriting of its description", "rewrite")):
            chains = [Chain(first, first.query)]
            [(_, prompt)] = description_prompts(chains, SAMPLERS[name], examples, 1, args.seed)
            prompts[title] = prompt.text
    return prompts


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", default="apps", help="data set (default apps)")
    parser.add_argument("--difficulty", help="APPS+ only: introductory, interview or competition")
    parser.add_argument("--model_name_or_path", required=True, help="hub id, local folder or GGUF file")
    parser.add_argument("--revision", help="revision of a hub model")
    parser.add_argument("--trust_remote_code", action="store_true", help="run the code that comes with a hub model")
    parser.add_argument("--chat", action="store_true", help="the tokenizer's chat template around prompts")
    parser.add_argument("--seed", type=int, default=1234, help="key of the in-context example")
    return parser.parse_args()


if __name__ == "__main__":
    files.run(main)
