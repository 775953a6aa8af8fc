"""Code as text that is the same in every version of Python, whatever its comments and layout."""

import ast
from typing import Any

# What the syntax tree of some versions has and that of others has not, or what changes nothing.
IGNORED_FIELDS = frozenset({"ctx", "kind", "type_comment", "type_ignores"})


def code_text(node: Any) -> str:
    """A node of a syntax tree, or a list of them, without positions, docstrings and empty fields.

    `ast.dump` and `ast.unparse` write the same code differently in different versions of Python.
    """
    if isinstance(node, list):
        return f"[{','.join(code_text(one) for one in node if not _is_text(one))}]"
    if not isinstance(node, ast.AST):
        return ascii(node)
    fields = [
        f"{name}={code_text(value)}"
        for name, value in ast.iter_fields(node)
        if name not in IGNORED_FIELDS
        and (isinstance(node, ast.Constant) or (value is not None and value != []))
    ]
    return f"{type(node).__name__}({','.join(fields)})"


def _is_text(node: Any) -> bool:
    """A docstring, or another constant that stands alone: nothing happens there."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
