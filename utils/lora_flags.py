"""The flags of LoRA; see utils/args.py for the others."""

from __future__ import annotations

from dataclasses import dataclass

from transformers.hf_argparser import HfArg

from utils.flags import no_effect
from utils.run.files import InputError

ALL_LINEAR = "all-linear"  # every linear layer but the head, as peft calls them


@dataclass(kw_only=True)
class LoraFlags:
    """Flags of training with LoRA, and of evaluating a LoRA adapter."""

    lora_rank: int = HfArg(default=0, help="train LoRA layers of this rank through peft; 0: all weights")
    lora_alpha: float = HfArg(default=0.0, help="scale of the LoRA layers, divided by the rank; 0: twice the rank")
    lora_dropout: float = HfArg(default=0.0, help="dropout in front of the LoRA layers")
    lora_targets: list[str] = HfArg(
        default_factory=lambda: [ALL_LINEAR], help="names of the modules that get LoRA layers, or all-linear"
    )
    lora_4bit: bool = HfArg(default=False, help="QLoRA: the model's weights in 4 bits, by bitsandbytes")
    adapter: str | None = no_effect(default=None, help="folder of a LoRA adapter, evaluated with --eval_only")

    @property
    def lora_scale(self) -> float:
        """LoRA's alpha."""
        return self.lora_alpha or 2.0 * self.lora_rank

    def check_lora(self, eval_only: bool, engine: str) -> None:
        """Raise InputError on an invalid value, or a flag of LoRA that has no effect without another."""
        for name in ("lora_rank", "lora_alpha"):
            if getattr(self, name) < 0:
                raise InputError(f"--{name} {getattr(self, name)}: must be at least 0")
        if not 0 <= self.lora_dropout < 1:
            raise InputError(f"--lora_dropout {self.lora_dropout}: must be 0 or above, and below 1")
        if self.lora_rank and eval_only:
            raise InputError("--lora_rank: trains, which --eval_only does not; give a trained --adapter in its place")
        if self.adapter is not None and not eval_only:
            raise InputError("--adapter: is evaluated only; add --eval_only, or train from merged weights")
        if engine == "server" and (self.adapter is not None or self.lora_4bit):
            flag = "adapter" if self.adapter is not None else "lora_4bit"
            raise InputError(f"--{flag}: does not reach the server, whose own weights answer; serve the merged weights")
        if self.lora_4bit and not self.lora_rank and self.adapter is None:
            raise InputError("--lora_4bit: weights in 4 bits cannot be trained; add --lora_rank, such as 16")
        used = {"lora_alpha": self.lora_alpha, "lora_dropout": self.lora_dropout}
        used["lora_targets"] = self.lora_targets != [ALL_LINEAR]
        for name, value in used.items():
            if value and not self.lora_rank:
                raise InputError(f"--{name}: has no effect without LoRA layers; add --lora_rank, such as 16")
