"""What training and test problems share: ids, texts, programs, runs of eight words, and near duplicates."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from sklearn.feature_extraction.text import CountVectorizer

from eval import registry
from eval.problem import OVERLAP
from utils.extract import parse, remove_docstrings
from utils.run import files, paths
from utils.run.files import InputError

THRESHOLD = 0.7  # of `similarity`; 1 means the same words and the same letters
NAMED_THRESHOLD = 0.4  # for problems whose functions have the same name
GENERIC = 5  # a name that more problems of a file have (`test`, `solve`) is no evidence
WORD_RUN, TOKEN_RUN = 8, 16  # words of a description in a row, tokens of a program; programs repeat themselves more
SHARE = 0.5  # of a test problem's words that stand in runs which a training problem has too
BLOCK = 512  # rows compared with all others at a time
SIGNS = {
    "id": "the same id, where ids mean the same in both files",
    "text": "the same words in the same order",
    "code": "the same gold program, but for layout and comments",
    "near": "near duplicates, by words, letters and function name",
    "words": f"half of the test problem's description is runs of {WORD_RUN} words that the training problem has too",
    "tokens": f"the same of the gold program's body, {TOKEN_RUN} tokens in a row",
}
LIMITS = (
    "a restatement in other words is found by none of these, a short text has no run of eight words, and two tasks may "
    "share half their words and yet ask for different things, so the pairs are listed to be read"
)
SAME = frozenset({"id", "text", "code"})  # any of these: the same problem
# Values of the tag OVERLAP. A problem that is not seen and shares nothing else either has two.
SEEN, NOT_SEEN, UNLIKE = "seen in training", "not seen in training", "not seen and nothing shared"
# Words that nearly every task of every set has, and that say nothing about it.
FILLER_WORDS = """
    a an and are as at be by every each find for from function given gives has have if in is it its of on or python
    return returns so that the their them then there this to using value whether which with write you
"""
FILLERS = frozenset(FILLER_WORDS.split())


@dataclass(frozen=True)
class Text:
    """A problem prepared for comparison: its label, its function names and its texts."""

    label: str
    names: frozenset[str]
    tokens: frozenset[str]
    trigrams: frozenset[str]
    words: tuple[str, ...] = ()  # all of the description
    code: tuple[str, ...] = ()  # the tokens of the gold program
    body: tuple[str, ...] = ()  # those without imports and signatures

    @cached_property
    def word_runs(self) -> list[int]:
        """A number for each run of words, by the position of its first."""
        return _runs(self.words, WORD_RUN)

    @cached_property
    def code_runs(self) -> list[int]:
        """The same for the tokens of the gold program's body."""
        return _runs(self.body, TOKEN_RUN)


def _runs(words: tuple[str, ...], size: int) -> list[int]:
    return [hash(words[i : i + size]) for i in range(len(words) - size + 1)]


def make_text(label: str, names: set[str], description: str, code: str = "") -> Text:
    """Normalise a description: lower case, words split at punctuation, no fillers, no plural endings."""
    words = re.findall(r"[a-z]+|\d+", description.lower())
    kept = [re.sub(r"(?<=\w\w[^s])s$", "", word) for word in words if word not in FILLERS]
    joined = " ".join(kept)
    trigrams = {joined[i : i + 3] for i in range(len(joined) - 2)}
    names, spoken = {name.lower() for name in names}, tuple(re.findall(r"\w+", description.lower()))
    return Text(label, frozenset(names), frozenset(kept), frozenset(trigrams), spoken, *code_tokens(code))


def code_tokens(code: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """A program's words and signs without comments and layout: all, and those of function bodies and other statements.

    Imports and signatures, which many programs share, are not in the second. None where it does not parse.
    """
    try:
        tree = parse(remove_docstrings(code))
        lines = [node for node in tree.body if not isinstance(node, (ast.Import, ast.ImportFrom))]
        bodies = [inner for node in lines for inner in (node.body if isinstance(node, ast.FunctionDef) else [node])]
        texts = [ast.unparse(tree), "\n".join(map(ast.unparse, bodies))]
    except (ValueError, RecursionError):
        return (), ()
    whole, inside = (tuple(re.findall(r"\w+|[^\w\s]", text)) for text in texts)
    return whole, inside


def similarity(a: Text, b: Text) -> float:
    """Mean of the Jaccard index of the word sets and the Dice index of the sets of three letters in a row."""
    words = len(a.tokens & b.tokens) / max(len(a.tokens | b.tokens), 1)
    letters = 2 * len(a.trigrams & b.trigrams) / max(len(a.trigrams) + len(b.trigrams), 1)
    return (words + letters) / 2


@dataclass(frozen=True)
class Pair:
    """A training and a test problem that share something: the signs of it, and function names of both."""

    train: str
    test: str
    similarity: float
    names: tuple[str, ...]
    signs: tuple[str, ...] = ("near",)


def overlaps(train: list[Text], test: list[Text], same_ids: bool = False) -> list[Pair]:
    """All pairs that have one of the SIGNS at least; those with the most of a problem in common first.

    `same_ids`: one label on both sides means one problem.
    """
    signs: dict[tuple[int, int], dict[str, None]] = {}
    near = {(pair.train, pair.test) for pair in near_duplicates(train, test)}
    positions = {text.label: i for i, text in enumerate(train)}, {text.label: j for j, text in enumerate(test)}
    for sign, pairs in (
        ("id", _equal(train, test, "label") if same_ids else ()),
        ("text", _equal(train, test, "words")),
        ("code", _equal(train, test, "code")),
        ("near", ((positions[0][a], positions[1][b]) for a, b in near)),
        ("words", _share_runs(train, test, "word_runs", WORD_RUN)),
        ("tokens", _share_runs(train, test, "code_runs", TOKEN_RUN)),
    ):
        for pair in pairs:
            signs.setdefault(pair, {})[sign] = None
    shared = [
        Pair(
            train[i].label,
            test[j].label,
            round(similarity(train[i], test[j]), 3),
            tuple(sorted(train[i].names & test[j].names)),
            tuple(own),
        )
        for (i, j), own in signs.items()
    ]
    return sorted(shared, key=lambda pair: (-pair.similarity, pair.train, pair.test))


def _equal(train: list[Text], test: list[Text], field: str) -> Iterator[tuple[int, int]]:
    """Positions of pairs whose fields are the same and not empty."""
    owners: dict[object, list[int]] = {}
    for i, text in enumerate(train):
        owners.setdefault(getattr(text, field), []).append(i)
    for j, text in enumerate(test):
        if value := getattr(text, field):
            yield from ((i, j) for i in owners.get(value, ()))


def _share_runs(train: list[Text], test: list[Text], field: str, size: int) -> Iterator[tuple[int, int]]:
    """Positions of pairs of which the training problem has SHARE of the test problem's words, in runs of `size`.

    Runs that more than GENERIC problems of a side have (`write a function to find the sum of`) do not count.
    """
    owners: dict[int, list[int]] = {}
    for i, text in enumerate(train):
        for run in set(getattr(text, field)):
            owners.setdefault(run, []).append(i)
    tested = Counter(run for text in test for run in set(getattr(text, field)))
    for j, text in enumerate(test):
        runs = getattr(text, field)
        covered: dict[int, set[int]] = {}
        for start, run in enumerate(runs):
            if tested[run] <= GENERIC and len(owning := owners.get(run, ())) <= GENERIC:
                for i in owning:
                    covered.setdefault(i, set()).update(range(start, start + size))
        yield from ((i, j) for i, words in covered.items() if len(words) >= SHARE * (len(runs) + size - 1))


def near_duplicates(train: list[Text], test: list[Text]) -> list[Pair]:
    """Pairs above THRESHOLD, or above NAMED_THRESHOLD with a telling name in common; the nearest first.

    Exact: letters add at most one half to the similarity, so a pair whose words alone have a Jaccard index below
    2 x threshold - 1 cannot reach it, and only the remaining ones are compared in full.
    """
    if not train or not test:
        return []
    generic = {name for side in (train, test) for name, n in Counter(n for t in side for n in t.names).items()
               if n > GENERIC}  # fmt: skip
    pairs = {}
    for i, j in [*_alike(train, test, 2 * THRESHOLD - 1), *_same_name(train, test, generic)]:
        names = tuple(sorted((train[i].names & test[j].names) - generic))
        value = similarity(train[i], test[j])
        if value > (NAMED_THRESHOLD if names else THRESHOLD):
            pairs[i, j] = Pair(train[i].label, test[j].label, round(value, 3), names)
    return sorted(pairs.values(), key=lambda pair: (-pair.similarity, pair.train, pair.test))


def _alike(train: list[Text], test: list[Text], least: float):
    """Positions of pairs whose word sets have a Jaccard index of at least `least`."""
    count = CountVectorizer(analyzer=lambda text: text.tokens, binary=True, dtype=np.float32)
    try:
        words = count.fit_transform([*train, *test])
    except ValueError:  # not a word in all of them
        return
    ours, theirs = words[: len(train)], words[len(train) :].T.tocsc()
    sizes = np.asarray(words.sum(axis=1)).ravel()
    for start in range(0, len(train), BLOCK):
        common = (ours[start : start + BLOCK] @ theirs).tocoo()  # words in common, for pairs that have any
        either = sizes[start + common.row] + sizes[len(train) + common.col] - common.data
        near = common.data >= least * either - 1e-6
        yield from zip((start + common.row[near]).tolist(), common.col[near].tolist(), strict=True)


def _same_name(train: list[Text], test: list[Text], generic: set[str]):
    """Positions of pairs that share a function name that is not `generic`."""
    owners: dict[str, list[int]] = {}
    for j, text in enumerate(test):
        for name in text.names - generic:
            owners.setdefault(name, []).append(j)
    for i, text in enumerate(train):
        for name in text.names - generic:
            yield from ((i, j) for j in owners.get(name, ()))


def texts_of(task: str, rows: list[dict]) -> list[Text]:
    """The problems of a task file as they are compared; rows that are no problems are left out."""
    texts = []
    for row in rows:
        head, query = (row.get("head"), row.get("query")) if isinstance(row, dict) else (None, None)
        if isinstance(head, str) and isinstance(query, str):
            names = re.findall(r"\bdef\s+(\w+)", head)[-1:]
            code = row.get("code") if isinstance(row.get("code"), str) else ""
            texts.append(make_text(f"{task}/{row.get('id')}", set(names), query, code))
    return texts


def task_files(split: str) -> dict[str, list[Text]]:
    """The problems of every task that has this split: prepared files, and the data sets that need no preparation."""
    texts = {}
    for path in sorted(paths.DATA.glob(f"*/{split}.json")):
        try:
            texts[path.parent.name] = texts_of(path.parent.name, files.read_json(path))
        except InputError:  # a half-made file of another data set is none of this command's concern
            continue
    for name, adapter in registry.ADAPTERS.items():
        if name not in texts and (rows := adapter.rows(split)):
            texts[name] = texts_of(name, rows)
    return texts


def between(train_task: str, train: list[dict], test_task: str, test: list[dict]) -> list[Pair]:
    """What training rows of one task and test rows of another share."""
    return overlaps(texts_of(train_task, train), texts_of(test_task, test), _same_ids(train_task, test_task))


def _same_ids(train: str, test: str) -> bool:
    return train == test and train in registry.ADAPTERS and registry.ADAPTERS[train].same_ids


def tag(task: str, train: list[dict], test: list[dict]) -> str:
    """Tag every test row by what training rows share with it, so that scores are broken down; none where none does.

    Returns a sentence with the count of each kind; empty if nothing is shared.
    """
    pairs = between(task, train, task, test)
    seen = {pair.test for pair in pairs if SAME & set(pair.signs)}
    alike = {pair.test for pair in pairs}
    for row in test if pairs else ():
        label = f"{task}/{row['id']}"
        values = [SEEN] if label in seen else [NOT_SEEN] if label in alike else [NOT_SEEN, UNLIKE]
        row["tags"] = {**row.get("tags", {}), OVERLAP: values}
    counts = Counter(value for row in test if pairs for value in row["tags"][OVERLAP])
    return (
        ""
        if not pairs
        else (
            f"{task}: {counts[SEEN]} of {len(test)} test problems are training problems too (same id, text or code); "
            f"scores come also over the other {counts[NOT_SEEN]}, and over {counts[UNLIKE]} that share nothing with one"
        )
    )


def report(tasks: list[str]) -> dict[str, list[Pair]]:
    """What the files of `tasks` and all others there are share: `{"train task / test task": pairs}`."""
    train, test = task_files("train"), task_files("test")
    return {
        f"{ours} train / {theirs} test": overlaps(train[ours], test[theirs], _same_ids(ours, theirs))
        for ours in train
        for theirs in test
        if ours in tasks or theirs in tasks
    }
