"""The engines of `--engine`, and what a stage needs to start one.

An engine has one method, `run` (`utils.model.generate.Engine`). A new one is a class, a line of `ENGINES`, and its
name among the values of `--engine` in `utils/args.py`, which must not import models.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from transformers import PreTrainedModel

from utils.args import GenerationOptions
from utils.model.continuous import Continuous
from utils.model.generate import Engine
from utils.model.static import Static
from utils.model.tokens import TokenizerPolicy
from utils.serving.probe import Served, look_at
from utils.serving.server import Server


@dataclass(frozen=True)
class Setup:
    """What engines are made from; `servers` and `options` are for servers, `model` and `rows` for all others."""

    model: PreTrainedModel | None
    policy: TokenizerPolicy
    rows: int = 0  # decoded together
    servers: Sequence[Served] = ()
    options: GenerationOptions | None = None


ENGINES: dict[str, Callable[[Setup], Engine]] = {
    # The faster engine on a CPU, and reproducible everywhere; as many rows as the device holds.
    "auto": lambda setup: Static(setup.model, setup.policy),
    "static": lambda setup: Static(setup.model, setup.policy, setup.rows),
    "continuous": lambda setup: Continuous(setup.model, setup.policy),
    "server": lambda setup: Server(
        setup.servers, setup.policy, setup.options.server_requests, setup.options.server_patience
    ),
}


def make_engine(name: str, model: PreTrainedModel, policy: TokenizerPolicy, rows: int = 0) -> Engine:
    """The engine of this name, for those that run a model here."""
    return ENGINES[name](Setup(model, policy, rows))


def open_servers(options: GenerationOptions, policy: TokenizerPolicy) -> list[Served]:
    """Look at all servers of `--base_url`; none without `--engine server`. InputError and Failure as `look_at`."""
    if options.engine != "server":
        return []
    longest = options.max_length + options.max_new_tokens
    return [
        look_at(url, options.model_name_or_path, policy, longest, options.server_patience) for url in options.base_urls
    ]


def start_generator(
    options: GenerationOptions,
    servers: Sequence[Served],
    model: PreTrainedModel | None,
    policy: TokenizerPolicy,
    rows: int,
) -> Engine:
    """The engine of `--engine`: a stage's servers, or `model` with `rows` rows together."""
    return ENGINES[options.engine](Setup(model, policy, rows, servers, options))


def records(servers: Sequence[Served]) -> dict:
    """What meta files hold of the servers: each kind once."""
    different = list({str(served.record): served.record for served in servers}.values())
    return {"servers": different} if different else {}
