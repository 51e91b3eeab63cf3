"""Helpers for syntax trees."""

import ast


def located(new, old):
    """A new node and those within it, with the location of an old one."""
    for node in ast.walk(new):
        ast.copy_location(node, old)
    return new


def guarded(name, value, *constants):
    """The expression `name(value, *constants)`."""
    function = ast.copy_location(ast.Name(name, ast.Load()), value)
    arguments = [value, *(ast.copy_location(ast.Constant(constant), value) for constant in constants)]
    return ast.copy_location(ast.Call(function, arguments, []), value)


def is_text(node):
    """Whether a statement is a docstring."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def is_member(node):
    """Whether a statement of a class is a member of an enumeration for certain: then its class cannot be extended."""
    if not (isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)):
        return False
    return not node.targets[0].id.startswith("_") and isinstance(node.value, ast.Constant)
