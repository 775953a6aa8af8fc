"""A hash of all the code that a function depends on.

What a function names is looked up where it is defined or imported, what that names too, and so on.
So nothing has to be listed by hand, and what is not reached does not count; nor do comments,
docstrings and layout, for the syntax tree is hashed.
"""

import ast
import copy
import functools
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import player_contact
from player_contact.utils.syntax import code_text

PACKAGE = "player_contact"
# Settings are compared by their values, not by the text of their fields.
SETTINGS = tuple(f"{PACKAGE}.config.{name}" for name in ("settings", "vision_settings"))
# How work is spread, shown and measured changes no result, which other tests see to.
SPREADING = "parallel process_pools dask_cluster log_capture progress resources errors"
IGNORED = frozenset(f"{PACKAGE}.utils.{name}" for name in SPREADING.split())
NOT_HASHED = "code behind this import would be missing from the hashes of stages"
WHOLE = "*"  # stands for all that a module defines

Symbol = tuple[str, str]  # module, name


@functools.cache
def code_hash(function: Callable) -> str:
    """Hash of a function of this package and of all the package's code that it depends on."""
    return _graph().hash_of(function.__module__, function.__qualname__)


@functools.cache
def _graph() -> "CodeGraph":
    return CodeGraph(Path(player_contact.__file__).parent)


@dataclass(frozen=True)
class Module:
    """What a module holds.

    definitions  name -> the statements of the top level that define it
    effects      other statements of the top level, which run whenever it is imported
    imports      alias -> what it stands for (WHOLE: a module), wherever it is imported
    unnamed      modules that are imported, but never named: for what importing them does
    """

    definitions: dict[str, list[ast.stmt]]
    effects: list[ast.stmt]
    imports: dict[str, list[Symbol]]
    unnamed: list[Symbol]


class CodeGraph:
    """Which definition depends on which, in a package's source folder, as it is when first read.

    Raises ValueError where an import can't be followed: it is relative, or by a star, or of what a
    module defines below its top level.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._modules: dict[str, Module] = {}
        self._references: dict[Symbol, list[Symbol]] = {}
        self._code: dict[Symbol, str] = {}

    def hash_of(self, module: str, name: str) -> str:
        """Hash of a definition and of all that it depends on."""
        digest = hashlib.blake2b(digest_size=16)
        for symbol in sorted(self.dependencies(module, name)):
            digest.update(f"{symbol}{self._canonical(symbol)}".encode())
        return digest.hexdigest()

    def dependencies(self, module: str, name: str) -> set[Symbol]:
        """The (module, name) of every definition that this one may reach, itself included."""
        found: set[Symbol] = set()
        waiting = [(module, name)]
        while waiting:
            symbol = waiting.pop()
            if symbol not in found and symbol[0] not in IGNORED:
                found.add(symbol)
                waiting += self._referenced(symbol)
        return found

    def _referenced(self, symbol: Symbol) -> list[Symbol]:
        if symbol not in self._references:
            found = list(self._read(symbol[0]).unnamed)
            for statement in self._statements(symbol):
                nodes = list(ast.walk(statement))
                attribute = {
                    id(node.value): node.attr for node in nodes if isinstance(node, ast.Attribute)
                }
                for node in nodes:
                    if isinstance(node, ast.Name):
                        found += self._resolve(symbol[0], node.id, attribute.get(id(node)))
            self._references[symbol] = found
        return self._references[symbol]

    def _resolve(self, module: str, name: str, attribute: str | None = None) -> Iterator[Symbol]:
        """What a name in a module stands for, followed to where it is defined."""
        here = self._read(module)
        if name in here.definitions:
            yield module, name
        for target, symbol in here.imports.get(name, []):
            sought = attribute if symbol == WHOLE else symbol
            found = [(target, WHOLE)] if sought is None else list(self._resolve(target, sought))
            if not found and sought != "__file__":
                raise ValueError(
                    f"{module} uses {sought!r} of {target}, and no statement at the top level of "
                    f"that module defines or imports it: {NOT_HASHED}"
                )
            yield from found

    def _statements(self, symbol: Symbol) -> list[ast.stmt]:
        here = self._read(symbol[0])
        names = here.definitions if symbol[1] == WHOLE else (symbol[1],)
        return [node for name in names for node in here.definitions.get(name, [])] + here.effects

    def _canonical(self, symbol: Symbol) -> str:
        """The code of a definition; of settings without their fields."""
        if symbol not in self._code:
            statements = self._statements(symbol)
            if symbol[0] in SETTINGS:
                statements = [_without_fields(statement) for statement in statements]
            self._code[symbol] = code_text(statements)
        return self._code[symbol]

    def _read(self, name: str) -> Module:
        if name not in self._modules:
            self._modules[name] = self._parse(self._path(name).read_text(encoding="utf-8"))
        return self._modules[name]

    def _parse(self, text: str) -> Module:
        tree = ast.parse(text)
        nodes = list(ast.walk(tree))
        for_types = {
            id(child)
            for node in nodes
            if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
            for child in ast.walk(node)
        }
        imports: dict[str, list[Symbol]] = {}
        for node in nodes:
            if isinstance(node, ast.ImportFrom) and (node.level or node.names[0].name == "*"):
                raise ValueError(f"`{ast.unparse(node)}`: {NOT_HASHED}. Name package and names")
            if id(node) not in for_types:
                for alias, symbol in self._imported(node):
                    imports.setdefault(alias, []).append(symbol)
        definitions: dict[str, list[ast.stmt]] = {}
        effects: list[ast.stmt] = []
        for node in tree.body:
            names = _defined(node)
            for name in names:
                definitions.setdefault(name, []).append(node)
            is_import = isinstance(node, ast.Import | ast.ImportFrom)
            if not (names or is_import or _is_docstring(node) or id(node) in for_types):
                effects.append(node)
        named = {node.id for node in nodes if isinstance(node, ast.Name)}
        unnamed = [one for alias, found in imports.items() if alias not in named for one in found]
        return Module(definitions, effects, imports, unnamed)

    def _imported(self, node: ast.AST) -> Iterator[tuple[str, Symbol]]:
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == PACKAGE:
            assert node.module is not None
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                is_module = self._path(inner).is_file()
                found = (inner, WHOLE) if is_module else (node.module, alias.name)
                yield alias.asname or alias.name, found
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] == PACKAGE:
                    yield alias.asname or alias.name, (alias.name, WHOLE)

    def _path(self, module: str) -> Path:
        path = self.folder.joinpath(*module.split(".")[1:])
        return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _without_fields(node: ast.stmt) -> ast.stmt:
    """A class of settings without their types and defaults."""
    if isinstance(node, ast.ClassDef):
        node = copy.copy(node)
        node.body = [line for line in node.body if not isinstance(line, ast.AnnAssign)]
    return node


def _defined(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else []
    if isinstance(node, ast.AnnAssign):
        targets = [node.target]
    return [one.id for target in targets for one in ast.walk(target) if isinstance(one, ast.Name)]
