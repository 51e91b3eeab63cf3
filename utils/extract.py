"""From generated text to the program that is judged, described, scored and trained on.

A sampled program is `prompt + code`: the prompt is head and docstring up to the closing quotes, the code begins with
the newline after them. The cut between the two is found by `ast` and `tokenize`, never by counting characters.
"""

from __future__ import annotations

import ast
import io
import tokenize
import warnings
from collections.abc import Sequence


def truncate(text: str, stop_words: Sequence[str], keep_blanks: bool = False) -> str:
    """Cut `text` at the first stop word and strip its end; every line ends in a bare newline."""
    text = bare_newlines(text)
    cuts = [position for word in stop_words if (position := text.find(word)) >= 0]
    text = text[: min(cuts, default=len(text))]
    return text if keep_blanks else text.rstrip()


def bare_newlines(text: str) -> str:
    """`text` with every line ending as a bare newline, as Python reads it."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def find_function(tree: ast.Module, name: str) -> ast.FunctionDef | ast.AsyncFunctionDef:
    """The first function of that name at the top level, else in a top-level class; ValueError where there is none."""
    inner = [node for top in tree.body if isinstance(top, ast.ClassDef) for node in top.body]
    for node in (*tree.body, *inner):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name == name:
            return node
    raise ValueError(f"no function {name}")


def parse(program: str) -> ast.Module:
    """Syntax tree of a program; ValueError where it does not parse."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd escapes in sampled strings
            return ast.parse(program)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ValueError(f"does not parse: {error}") from None


def split_program(program: str, entry_point: str) -> tuple[str, str]:
    """Cut a program after the entry function's docstring, or after its `def` line where there is no docstring.

    The two parts join to the program. ValueError where it does not parse or lacks the function.
    """
    program = bare_newlines(program)
    function = find_function(parse(program), entry_point)
    docstring = _docstring(function)
    if docstring is None:
        line, column = _end_of_signature(program, function)
    else:
        line, column = docstring.end_lineno, docstring.end_col_offset
    lines = program.encode().split(b"\n")
    cut = sum(len(text) + 1 for text in lines[: line - 1]) + column
    raw = program.encode()
    return raw[:cut].decode(), raw[cut:].decode()


def docstring(program: str, entry_point: str) -> str:
    """The text of the entry function's docstring, or ""; ValueError where the program lacks the function."""
    return ast.get_docstring(find_function(parse(program), entry_point), clean=False) or ""


def _docstring(node: ast.AST) -> ast.Expr | None:
    first = node.body[0] if node.body else None
    is_text = (
        isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)
    )
    return first if is_text else None


def _end_of_signature(program: str, function: ast.FunctionDef | ast.AsyncFunctionDef) -> tuple[int, int]:
    """Line (from 1) and byte column behind the colon that ends `def ...:`."""
    depth = 0
    for token in tokenize.generate_tokens(io.StringIO(program).readline):
        if token.start < (function.lineno, 0) or token.type != tokenize.OP:
            continue
        if token.start[0] == function.lineno and token.start[1] < function.col_offset:
            continue
        depth += (token.string in "([{") - (token.string in ")]}")
        if token.string == ":" and depth == 0:
            return token.end[0], len(token.line[: token.end[1]].encode())
    raise ValueError("the signature has no end")


def remove_docstrings(program: str) -> str:
    """The program without its docstrings; ValueError where it does not parse.

    Other triple-quoted strings stay. A body that was nothing but a docstring becomes `pass`.
    """
    program = bare_newlines(program)
    tree = parse(program)
    lines = [line.encode() for line in program.split("\n")]
    owners = [
        node
        for node in ast.walk(tree)
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef))
    ]
    for owner in sorted(owners, key=lambda node: -getattr(node, "lineno", 0)):
        text = _docstring(owner)
        if text is None:
            continue
        first, last = text.lineno - 1, text.end_lineno - 1
        before, after = lines[first][: text.col_offset], lines[last][text.end_col_offset :]
        alone = len(owner.body) == 1 and not isinstance(owner, ast.Module)
        after = after.lstrip(b" \t").removeprefix(b";").lstrip(b" \t")
        if alone:
            lines[first : last + 1] = [before + b"pass" + (b"  " + after if after else b"")]
        elif before.strip() or (after and not after.startswith(b"#")):
            lines[first : last + 1] = [before + after]  # the body continues on this line
        else:
            lines[first : last + 1] = []
    return b"\n".join(lines).decode()


def training_target(program: str, entry_point: str, head: str = "") -> str:
    """The text that follows head and docstring of a program: the entry function's body and what comes after it.

    Docstrings are removed, and the body is indented like the docstring of the prompt, whatever the program had. Helpers
    that a gold solution defines before the entry function move behind it, where a completion would define them, unless
    the `head` has them; it also has the imports. ValueError where the program does not parse or lacks
    the function.
    """
    program = remove_docstrings(program)
    tree, lines = parse(program), program.split("\n")
    function = find_function(tree, entry_point)
    owner = next((top for top in tree.body if isinstance(top, ast.ClassDef) and function in top.body), None)
    methods = [node for node in owner.body if _start(node) < _start(function)] if owner else []
    helpers = [node for node in tree.body if _start(node) < _start(owner or function)]
    parts = [_body(program, lines, function)]
    parts += ["\n" + _source(lines, node) for node in methods]
    parts.append("\n".join(lines[function.end_lineno :]).rstrip())
    sources = [_source(lines, node) for node in helpers if not isinstance(node, (ast.Import, ast.ImportFrom))]
    head_lines = set(head.split("\n"))
    parts += ["\n" + source for source in sources if not head_lines.issuperset(source.split("\n"))]
    return "".join("\n" + part.rstrip() for part in parts if part.strip())


def _start(node: ast.stmt) -> int:
    """First line of a statement, its decorators included."""
    return min([node.lineno, *(decorator.lineno for decorator in getattr(node, "decorator_list", ()))])


def _source(lines: list[str], node: ast.stmt) -> str:
    return "\n".join(lines[_start(node) - 1 : node.end_lineno])


def _body(program: str, lines: list[str], function: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    """The body of a function, on separate lines, one step deeper than its `def`."""
    margin = lines[function.lineno - 1][: function.col_offset]
    step = margin + ("\t" if "\t" in margin else "    ")
    end, column = _end_of_signature(program, function)
    first = function.body[0]
    if first.lineno == end:  # body on the line of the signature
        rest = lines[end - 1].encode()[column:].decode().strip()
        return "\n".join([step + rest, *lines[end : function.end_lineno]])
    in_strings = {
        n
        for node in ast.walk(function)
        if isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, (str, bytes)))
        for n in range(node.lineno + 1, node.end_lineno + 1)
    }
    marked_lines = [(lines[n - 1], n in in_strings) for n in range(end + 1, function.end_lineno + 1)]
    margins = {line[: len(line) - len(line.lstrip())] for line, is_text in marked_lines if not is_text}
    tab = 4 if all(set(blank) <= {"\t"} for blank in margins) else 8  # Python counts 8 where both are mixed
    old_width = len(lines[first.lineno - 1][: first.col_offset].expandtabs(tab))
    body = []
    for line, is_text in marked_lines:
        text = line.lstrip()
        width = len(line[: len(line) - len(text)].expandtabs(tab))
        if not is_text and (width >= old_width or text.startswith("#")):
            line = step + " " * (width - old_width) + text
        body.append(line)
    return "\n".join(body)
