"""Prompts as dialogues in a tokenizer's chat template, for instruct models (`--chat`).

Every prompt comes through here on its way to ids, to be sampled from, scored and trained on. A code prompt becomes what
a user asks, and the beginning of the assistant's answer: a code fence, head and docstring. So a completion is still the
function's body, and the program is still prompt and completion. A description or rewrite prompt (`Dialogue`) becomes
its turns, with the in-context example as an earlier question and answer. There is no system turn: templates have their
own, or refuse one.
"""

from __future__ import annotations

import re

from jinja2 import TemplateError
from transformers import PreTrainedTokenizerBase

from utils.prompts import COMPLETE, Dialogue
from utils.run.files import InputError

FENCE = "```"
# No thinking, by the names that templates have for it; and the date that Llama-3's take by default, not today's.
TEMPLATE_VALUES = {"enable_thinking": False, "thinking": False, "date_string": "26 Jul 2024"}


class ChatFormat:
    """The chat template of one tokenizer.

    The template is applied to marks, which the texts then replace: a template that trims texts, or looks for something
    in them, changes none. `name` is the model's; InputError where its template does not serve.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase, name: str):
        self.tokenizer, self.name = tokenizer, name
        if not tokenizer.chat_template:
            raise InputError(
                f"--chat: the tokenizer of {name} has no chat template; leave the flag out, or give an instruct model"
            )
        added = tokenizer.added_tokens_decoder.values()
        self._special = _any_of(token.content for token in added if token.special and len(token.content) > 1)
        self._parts = {turns: self._applied(turns) for turns in (1, 3)}
        # An assistant's turn ends with the first added token that the template puts after it.
        end = _any_of(token.content for token in added if token.content.strip()).search(self._parts[3][2])
        self.turn_end = self._parts[3][2][: end.end()] if end else tokenizer.eos_token or ""
        self.eos_id: int | None = tokenizer.convert_tokens_to_ids(end[0]) if end else tokenizer.eos_token_id

    def text(self, prompt: str) -> str:
        """A prompt as the model sees it, up to its completion; `prompt` is a code prompt or a `Dialogue`."""
        turns, answer_start = (COMPLETE.format(prompt.strip()),), f"{FENCE}python\n{prompt}"
        if isinstance(prompt, Dialogue):
            turns, answer_start = prompt.turns, ""
        *before, last = self._parts[len(turns)]
        earlier = "".join(part + self._plain(turn) for part, turn in zip(before, turns, strict=True))
        return earlier + last + self._plain(answer_start)

    def closing(self, prompt: str) -> str:
        """What an answer that was begun by `text` has before its turn ends."""
        return "" if isinstance(prompt, Dialogue) else f"\n{FENCE}"

    def encode(self, text: str) -> list[int]:
        """Ids of a text whose special tokens are meant as such; none is put before it."""
        return self.tokenizer(text, add_special_tokens=False, split_special_tokens=False, verbose=False).input_ids

    def _plain(self, text: str) -> str:
        """`text` in which nothing reads as a special token: one that is spelled there gets a space."""
        return self._special.sub(lambda spelled: f"{spelled[0][0]} {spelled[0][1:]}", text)

    def _applied(self, turns: int) -> list[str]:
        """What the template puts before each of n turns, and after the last; a thought that it begins is ended.

        User and assistant alternate; InputError where the template fails or loses a turn.
        """
        marks = [f"TURN{turn}OF{turns}" for turn in range(1, turns + 1)]
        roles = ("user", "assistant") * turns
        messages = [{"role": role, "content": mark} for role, mark in zip(roles, marks, strict=False)]
        try:
            text = self.tokenizer.apply_chat_template(
                messages, tokenize=False, add_generation_prompt=True, **TEMPLATE_VALUES
            )
        except (TemplateError, ValueError, TypeError) as error:
            raise self._unfit(f"cannot be applied ({' '.join(str(error).split())})") from None
        if re.findall("|".join(marks), text) != marks:
            raise self._unfit(f"does not show {turns} turns of user and assistant in their order")
        parts = re.split("|".join(marks), text)
        if parts[-1].rstrip().endswith("<think>"):
            parts[-1] = f"{parts[-1].rstrip()}\n\n</think>\n\n"
        return parts

    def _unfit(self, fault: str) -> InputError:
        return InputError(f"--chat: the chat template of {self.name} {fault}; leave the flag out, or fix the template")


def _any_of(texts) -> re.Pattern:
    """A pattern of any of these texts, the longest that fits; it matches nothing where there are none."""
    longest_first = sorted(set(texts), key=lambda text: (-len(text), text))
    return re.compile("|".join(map(re.escape, longest_first)) or r"(?!)")
