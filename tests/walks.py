"""Programs that walk at random from object to object by names that a plain program may write:

    python tests/walks.py SEED COUNT [anything: without the rule for plain programs]

Prints how many were plain, and those walks that led to the test: to frames, code, modules, its names or the mark of its
verdict. The walks run in this process, so it is one of its own.
"""

from __future__ import annotations

import ast
import json
import os
import random
import signal
import sys
import types
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from eval.judge.inside.allowed import NotPlain
from eval.judge.inside.guards import Guards
from eval.judge.inside.plain import Examination

HEAD = """import collections, contextlib, copy, dataclasses, enum, functools, io, itertools, json, math, operator
import random, re, string, sys, types, typing, warnings
import numpy as np
from collections import namedtuple
@dataclasses.dataclass
class P:
    x: int = 1
    def m(self):
        return self
class E(enum.Enum):
    A = 1
def g():
    yield 1
def caught():
    try:
        1 / 0
    except ZeroDivisionError as error:
        return error
def kept(h):
    return h
async def c():
    pass
N = namedtuple('N', 'a b')
"""
SEEDS = str.split(
    """f g g() c caught caught() kept P P() P().m E E.A N(1,2) (lambda:1) str int object print len sys.stdin sys.stdout
    math.sqrt functools.partial(kept,1) functools.lru_cache(kept) functools.reduce itertools.repeat(1,2) itertools.chain
    json.dumps json.JSONEncoder() json.JSONDecoder() random.Random() random.random operator.itemgetter(0)
    re.compile('a') re.match('a','a') io.StringIO() string.Template('a') string.ascii_letters
    types.SimpleNamespace(x=kept) contextlib.suppress(ValueError) contextlib.ExitStack()
    collections.OrderedDict(a=1) collections.Counter() collections.deque() copy.copy(kept) typing.List[int]
    typing.Optional[int] np.sum np.array([1]) np.array([kept],object) np.int64(1) np.random.default_rng()
    np.vectorize(kept) np.ma.array([1]) np.random.rand np.linalg.norm open getattr type super property classmethod
    staticmethod callback given warnings.warn callback() enumerate([given])"""
)
STEPS = str.split(
    """gi_frame gi_code cr_frame tb_frame f_back f_globals f_locals f_builtins __globals__ __code__ __closure__
    __class__ __dict__ __self__ __func__ __module__ __wrapped__ __traceback__ __context__ __init__ __call__ __get__
    __mro__ __bases__ __subclasses__ __reduce__ __getattribute__ __builtins__ __name__ __doc__ __new__ __eq__
    __iter__ __next__ __enter__ __exit__ __len__ __getitem__ __format__ __repr__ __str__ __hash__ _os _sys _inst
    _value_ __objclass__ x a m real name value func args keywords buffer raw encoding cache_info cache_clear copy
    items values keys default re string lastgroup bit_generator ctypes data base flat T dtype shape tolist item mask
    object_hook scan_once parse_string default encode encoder template pattern flags groups safe_substitute push
    callback pop_all enter_context most_common maxlen pyfunc __signature__ __origin__ __args__ __parameters__ fget
    fset getter mro register write read fileno detach gettype close send throw with_traceback args errno add_note
    seed getstate setstate randbytes"""
)
CALLS = ["()", "(f)", "(0)", "(kept)", "(given)", "(callback)", "('__globals__')", "(f, '__globals__')", "(None, P)",
         "[0]", "['__globals__']", "[-1]", ".format(f)", "(caught())"]  # fmt: skip
WRAPS = [
    "type({})", "list({})[:3]", "getattr({}, '{step}')", "getattr({}, '{half}' + '{rest}')", "copy.copy({})",
    "vars({})", "'{{0.{step}}}'.format({})", "operator.attrgetter('{step}')({})", "next(iter({}))", "kept({})",
    "dict({})", "functools.partial({})", "[v for v in {}][0]", "tuple(zip({}, [f]))", "(lambda v: v.{step})({})",
    "str({})", "('{{0.' + '{step}' + '}}').format({})", "functools.wraps({})(kept)",
]  # fmt: skip
LEADING = (types.FrameType, types.CodeType, types.ModuleType, types.TracebackType)


def leads(value: object, space: dict, mark: str) -> bool:
    """Whether a value leads to the test."""
    if isinstance(value, (list, tuple)):
        return any(leads(item, space, mark) for item in value[:5])
    if isinstance(value, LEADING) or any(value is known for known in (type, exec, eval, space, vars(sys))):
        return True
    return (isinstance(value, dict) and "secret" in value) or (isinstance(value, str) and mark in value)


def follow(walk: str, plain: bool) -> bool | None:
    """Whether a walk leads to the test; None where it is no program, or not plain though it should be."""
    mark = "only-the-test-knows-this"
    code = f"{HEAD}def f(callback, given):\n    return {walk}\n"
    try:
        tree, guards = ast.parse(code), None
        if plain:
            guards = Guards(Examination(tree, {}, "numpy"), [], "numpy")
            guards.install()
    except (SyntaxError, NotPlain):
        return None
    space = {"__name__": "__test__", "secret": mark}
    try:
        exec(compile(tree, "solution.py", "exec"), space)
        value = space["f"](lambda *args: len(args), [1, 2])
        return leads(value, space, mark) and not (guards and guards.apart)
    except BaseException:
        return False


def _walk(chance: random.Random) -> str:
    walk = chance.choice(SEEDS[:9] if chance.random() < 0.4 else SEEDS)
    for _ in range(chance.randint(1, 4)):
        step = chance.choice(STEPS[:40] if chance.random() < 0.5 else STEPS)  # the first lead inwards
        kind = chance.random()
        if kind < 0.6:
            walk += f".{step}"
        elif kind < 0.8:
            walk += chance.choice(CALLS)
        else:
            cut = len(step) // 2
            walk = chance.choice(WRAPS).format(walk, step=step, half=step[:cut], rest=step[cut:])
    return walk


def main() -> None:
    """Follow the walks in other processes, for some of them crash, and print what became of them."""
    seed, count, plain = int(sys.argv[1]), int(sys.argv[2]), len(sys.argv) == 3
    sys.modules["__test__"] = types.ModuleType("__test__")
    exec(HEAD, {"__name__": "__test__"})  # what it imports is there for all
    chance = random.Random(seed)
    walks = [_walk(chance) for _ in range(count)]
    followed, found, position = 0, [], 0
    while position < count:
        reading, writing = os.pipe()
        if os.fork() == 0:
            os.dup2(os.open(os.devnull, os.O_RDWR), 1)
            for walk in walks[position:]:
                signal.setitimer(signal.ITIMER_PROF, 1)  # ends a walk that does not end
                os.write(writing, {None: b"-", True: b"!", False: b"."}[follow(walk, plain)])
            os._exit(0)
        os.close(writing)
        with open(reading, "rb") as results:
            marks = results.read().decode()
        os.wait()
        followed += len(marks) - marks.count("-")
        found += [walk for walk, mark in zip(walks[position:], marks, strict=False) if mark == "!"]
        position += len(marks) + 1  # the one that crashed is left out
    print(json.dumps({"followed": followed, "found": found[:20]}))


if __name__ == "__main__":
    main()
