"""A tokenizer, with all that differs between families decided in one place.

A row is a prompt and a target that are tokenised apart and joined as ids: the model continues the prompt's ids, so
scoring and training have the same cut. SentencePiece tokenizers put a space before every text; a target is not the
start of a text, so it is encoded as what follows one.
"""

from __future__ import annotations

from transformers import PreTrainedTokenizerBase

from utils.model.chat import ChatFormat
from utils.run.files import InputError

BEFORE = ("a", "\n")  # texts that a target is encoded behind
ROUND_TRIP = (
    'def area(width, height):\n    """ Größe – 面積 🙂 """',
    "\n    if width == 1234567890:\n\n        return 0.5  # é\n\tx = '  two  spaces'\n    return width * height\n",
)


class TokenizerPolicy:
    """How prompts, targets and completions become ids and text again.

    What a tokenizer puts before a text (BOS, `[gMASK]<sop>`) comes once, at the start of a prompt. Padding is always
    masked, so a tokenizer without a pad token pads with any id. EOS ends a training target; `eos_id` is None where the
    tokenizer has none, and then only stop words and length end a row. With `chat`, prompts are dialogues, which have
    all their special tokens from the template, and EOS is what ends a turn there.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase, chat: ChatFormat | None = None):
        self.tokenizer, self.chat = tokenizer, chat
        self.start = _before(tokenizer("a").input_ids, self._ids("a"))
        self.eos_id: int | None = tokenizer.eos_token_id if chat is None else chat.eos_id
        self.pad_id: int = next(i for i in (tokenizer.pad_token_id, tokenizer.eos_token_id, 0) if i is not None)
        # A tokenizer that treats the start of a text like its middle needs no text before a target.
        same = self._ids("a\n") == self._ids("a") + self._ids("\n")
        self.before = [] if same else [(text, self._ids(text)) for text in BEFORE]
        self.prompt_is_start = self._decoded([self._ids("def f")]) == ["def f"]  # false: a space too many

    def encode_prompt(self, text: str) -> list[int]:
        """Ids of a prompt, behind what the tokenizer puts at the start of a text, or within a chat template."""
        if self.chat is not None:
            return self.chat.encode(self.chat.text(text))
        return self.start + (self._ids(text) if self.prompt_is_start else self.encode(text))

    def encode_end(self, prompt: str) -> list[int]:
        """Ids of what ends a target behind `prompt`: EOS; in a chat the end of the turn, a code fence closed before."""
        if self.chat is not None:
            return self.encode(self.chat.closing(prompt)) + self.chat.encode(self.chat.turn_end)
        return [] if self.eos_id is None else [self.eos_id]

    def prompt_text(self, ids: list[int]) -> str:
        """The text of a prompt's ids, without what the tokenizer puts at its start; in a chat with special tokens."""
        if self.chat is None:
            return self._decoded([ids])[0]
        bos = self.tokenizer.bos_token_id
        ids = ids[1:] if ids[:1] == [bos] else ids
        return self.tokenizer.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False)

    def encode(self, text: str) -> list[int]:
        """Ids of a text that follows another: no special tokens, none parsed out of the text either."""
        for prefix, prefix_ids in self.before:
            ids = self._ids(prefix + text)
            if ids[: len(prefix_ids)] == prefix_ids:
                return ids[len(prefix_ids) :]
        return self._ids(text)

    def decode(self, ids: list[int]) -> str:
        """Text of ids that follow others, special tokens left out, white space as it is."""
        return self.decode_many([ids])[0]

    def decode_many(self, rows: list[list[int]]) -> list[str]:
        """`decode` for many rows at once."""
        if not self.before:
            return self._decoded(rows)
        _, prefix_ids = self.before[0]
        start = len(self._decoded([prefix_ids])[0])
        return [text[start:] for text in self._decoded([prefix_ids + row for row in rows])]

    def check_round_trip(self, name: str) -> None:
        """InputError where lines of Python do not come back from prompt and target; `name` is the model's."""
        prompt, target = ROUND_TRIP
        decoded = self._decoded([self.encode_prompt(prompt) + self.encode(target)])[0]
        for text, back in ((prompt + target, decoded), (target, self.decode(self.encode(target)))):
            if text != back:
                at = next((i for i, (a, b) in enumerate(zip(text, back, strict=False)) if a != b), len(back))
                raise InputError(
                    f"--model_name_or_path {name}: its tokenizer does not give Python text back: "
                    f"{text[max(0, at - 8) : at + 8]!r} became {back[max(0, at - 8) : at + 8]!r}; try the tokenizer's "
                    "other files (tokenizer.json, tokenizer_config.json), or another version of transformers"
                )

    def _ids(self, text: str) -> list[int]:
        return self.tokenizer(text, add_special_tokens=False, verbose=False, split_special_tokens=True).input_ids

    def _decoded(self, rows: list[list[int]]) -> list[str]:
        return self.tokenizer.batch_decode(rows, skip_special_tokens=True, clean_up_tokenization_spaces=False)


def _before(whole: list[int], part: list[int]) -> list[int]:
    """What stands in `whole` before `part`; nothing where `part` is not in it."""
    starts = (i for i in range(len(whole) - len(part) + 1) if whole[i : i + len(part)] == part)
    return whole[: next(starts, 0)]
