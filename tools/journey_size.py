"""How much one must open to follow a journey: an upload from its row to its outcome, a notice from its mail to its end.

    python tools/journey_size.py [CHECKOUT…]

prints a column for each checkout (this one where none is named), so that a change can be compared with what was before.

*Static*: read from the source, nothing is run. The reader begins at the journey's first function and opens whatever it
calls, and what that calls, through first-party code. He stops at a port (a call of what is typed as a Protocol or a
Callable: its promise is in its docstring) and does not open what every program has: words (`model`), errors, kernel
calls (`linux`, formerly `kernel` and others). Calls are resolved by annotations; one that cannot be is not followed.
*Spine*: of these, the files with a function that leads to a port: a call that does something, or asks somebody. The
others only compute, and their names say what.

*Traced*: a real upload that is known, and a real notice mail about one, in one process over the real stores, seen by
`sys.setprofile`: functions that were called, their files, and how often the work moved from one file to another. Only
to inform: stores, logs and codecs count here, too; a child process does not.
"""

from __future__ import annotations

import ast
import json
import statistics
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).parents[1]
TRACE = Path(__file__).with_name("journey_trace.py")
SMALL = 40
"""Lines of a module below which it is counted as small."""
PACKAGES = {"goodhoster": "goodhoster", "goodhoster_agent": "agent/goodhoster_agent"}
BEGINNINGS = {
    "upload": (
        ("goodhoster.upload_handling", "UploadHandling.handle"),
        ("goodhoster_agent.background.workers", "Workers._do"),
        ("goodhoster_agent.workers", "Workers._do"),
    ),
    "notice": (
        ("goodhoster.takedowns.desk", "NoticeDesk.receive"),
        ("goodhoster.cases.noticedesk", "NoticeDesk.receive"),
    ),
}
"""The first function of each journey, as it is called today and as it was called before."""
NOT_OPENED = frozenset({"model", "errors", "ports", "linux", "kernel", "privileges", "turn", "atonce", "durable"})
_CONTAINERS = frozenset(
    {"Sequence", "list", "Iterator", "Iterable", "tuple", "frozenset", "set", "AbstractContextManager", "Generator"}
)
_CALLABLES = frozenset({"Callable", "Protocol"})


@dataclass(frozen=True)
class Type:
    """What an annotation says, as far as it matters: a first-party class, or what it contains."""

    module: str = ""
    name: str = ""
    inner: Type | None = None
    boundary: bool = False
    """A Callable: what is called there is somebody else's."""


NOTHING = Type()


@dataclass
class Module:
    """One module, as it is written."""

    name: str
    path: Path
    tree: ast.Module
    lines: int
    imports: dict[str, tuple[str, str]] = field(default_factory=dict)
    """By its name here: the module and the name in it; an empty name for a module."""
    top: dict[str, ast.stmt] = field(default_factory=dict)


class Sources:
    """All first-party modules of a checkout."""

    def __init__(self, checkout: Path) -> None:
        self.modules: dict[str, Module] = {}
        for package, folder in PACKAGES.items():
            for path in sorted((checkout / folder).rglob("*.py")):
                parts = path.relative_to(checkout / folder).with_suffix("").parts
                name = ".".join([package, *(part for part in parts if part != "__init__")])
                self.modules[name] = _module(name, path)

    def home_of(self, module: Module, name: str) -> tuple[Module, ast.stmt] | None:
        """Where what is called so in that module is defined; through re-exports, too."""
        if name in module.top:
            return module, module.top[name]
        home, attribute = module.imports.get(name, ("", ""))
        if home in self.modules and attribute:
            found = self.modules[home]
            return None if found is module else self.home_of(found, attribute)
        return None

    def type_of(self, module: Module, annotation: ast.expr | None) -> Type:
        """What an annotation means."""
        match annotation:
            case ast.Constant(value=str(text)):
                return self.type_of(module, ast.parse(text, mode="eval").body)
            case ast.BinOp(left=left, op=ast.BitOr(), right=right):
                return next(
                    (t for t in (self.type_of(module, left), self.type_of(module, right)) if t != NOTHING), NOTHING
                )
            case ast.Subscript(value=ast.Name(id=name), slice=inside):
                if name == "Callable":
                    return Type(boundary=True)
                inner = inside.elts[-1 if name == "dict" else 0] if isinstance(inside, ast.Tuple) else inside
                return Type(inner=self.type_of(module, inner)) if name in _CONTAINERS else NOTHING
            case ast.Name(id=name):
                return self._named(module, name)
        return NOTHING

    def _named(self, module: Module, name: str) -> Type:
        home = self.home_of(module, name)
        match home:
            case (found, ast.ClassDef() as found_class):
                return Type(found.name, found_class.name, boundary=_is_protocol(found_class))
            case (found, ast.Assign(value=value)):
                return self.type_of(found, value)
        return NOTHING

    def class_of(self, kind: Type) -> tuple[Module, ast.ClassDef] | None:
        """The class that a type names."""
        home = self.modules[kind.module].top.get(kind.name) if kind.module in self.modules else None
        return (self.modules[kind.module], home) if isinstance(home, ast.ClassDef) else None

    def member(self, kind: Type, name: str) -> tuple[Module, ast.ClassDef, ast.FunctionDef] | None:
        """A method of that class, or of one that it inherits from."""
        found = self.class_of(kind)
        if found is None:
            return None
        module, owner = found
        for statement in owner.body:
            if isinstance(statement, ast.FunctionDef) and statement.name == name:
                return module, owner, statement
        for base in owner.bases:
            if (inherited := self.member(self.type_of(module, base), name)) is not None:
                return inherited
        return None

    def attribute(self, kind: Type, name: str) -> Type:
        """The type of an attribute: a field, a property, or what `__init__` assigns."""
        found = self.class_of(kind)
        if found is None:
            return NOTHING
        module, owner = found
        for statement in owner.body:
            match statement:
                case ast.AnnAssign(target=ast.Name(id=field_name), annotation=annotation) if field_name == name:
                    return self.type_of(module, annotation)
        if (method := self.member(kind, name)) is not None and method[2].decorator_list:
            return self.type_of(method[0], method[2].returns)
        if (made := self.member(kind, "__init__")) is not None:
            return self._assigned(*made, name)
        return NOTHING

    def _assigned(self, module: Module, owner: ast.ClassDef, made: ast.FunctionDef, name: str) -> Type:
        scope = Scope(self, module, owner, made)
        for statement in ast.walk(made):
            match statement:
                case ast.AnnAssign(target=ast.Attribute(value=ast.Name(id="self"), attr=attr), annotation=annotation):
                    if attr == name:
                        return self.type_of(module, annotation)
                case ast.Assign(targets=[ast.Attribute(value=ast.Name(id="self"), attr=attr)], value=value):
                    if attr == name:
                        return scope.type_of(value)
        return NOTHING


class Scope:
    """One function: what its names mean."""

    def __init__(self, sources: Sources, module: Module, owner: ast.ClassDef | None, body: ast.FunctionDef) -> None:
        self._sources, self._module, self._owner = sources, module, owner
        self._locals: dict[str, Type] = {}
        arguments = body.args
        for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs):
            self._locals[argument.arg] = sources.type_of(module, argument.annotation)
        if owner is not None:
            self._locals["self"] = Type(module.name, owner.name)
        for statement in ast.walk(body):
            self._learn(statement)

    def _learn(self, statement: ast.AST) -> None:
        match statement:
            case (
                ast.Assign(targets=[ast.Name(id=name)], value=value)
                | ast.NamedExpr(target=ast.Name(id=name), value=value)
            ):
                self._locals.setdefault(name, self.type_of(value))
            case ast.Assign(targets=[ast.Tuple(elts=targets)], value=ast.Tuple(elts=values)):
                for target, value in zip(targets, values, strict=False):
                    if isinstance(target, ast.Name):
                        self._locals.setdefault(target.id, self.type_of(value))
            case ast.AnnAssign(target=ast.Name(id=name), annotation=annotation):
                self._locals.setdefault(name, self._sources.type_of(self._module, annotation))
            case ast.withitem(context_expr=value, optional_vars=ast.Name(id=name)):
                opened = self.type_of(value)
                self._locals.setdefault(name, opened.inner or opened)
            case (
                ast.For(target=ast.Name(id=name), iter=value) | ast.comprehension(target=ast.Name(id=name), iter=value)
            ):
                self._locals.setdefault(name, self.type_of(value).inner or NOTHING)

    def type_of(self, value: ast.expr) -> Type:  # noqa: PLR0911 - one for each kind of expression
        """What a value is."""
        match value:
            case ast.Name(id=name):
                if name in self._locals:
                    return self._locals[name]
                return self._sources._named(self._module, name)  # noqa: SLF001 - its other half
            case ast.Attribute(value=of, attr=attr):
                return self._sources.attribute(self.type_of(of), attr)
            case ast.Subscript(value=of):
                return self.type_of(of).inner or NOTHING
            case ast.IfExp(body=body):
                return self.type_of(body)
            case ast.BoolOp(values=values):
                return next((kind for each in values if (kind := self.type_of(each)) != NOTHING), NOTHING)
            case ast.Call():
                return self._result(value)
        return NOTHING

    def _result(self, call: ast.Call) -> Type:
        target = self.target(call.func)
        if isinstance(target, Function):
            result = self._sources.type_of(target.module, target.body.returns)
            made = target.body.name == "__init__" and target.owner is not None
            return Type(target.module.name, target.owner.name) if made and target.owner else result
        match call.func:
            case ast.Name(id=name) if (home := self._sources.home_of(self._module, name)) is not None:
                return self._sources._named(self._module, name) if isinstance(home[1], ast.ClassDef) else NOTHING  # noqa: SLF001
            case ast.Name(id="replace") if call.args:
                return self.type_of(call.args[0])
            case ast.Name(id="next" | "list" | "sorted" | "tuple" | "iter") if call.args:
                return self.type_of(call.args[0])
        return NOTHING

    def target(self, called: ast.expr) -> Function | str | None:  # noqa: PLR0911 - the same
        """What is called: a function of ours, "port" at a boundary, None where that cannot be told."""
        match called:
            case ast.Name(id=name):
                if self._locals.get(name, NOTHING).boundary:
                    return "port"
                match self._sources.home_of(self._module, name):
                    case (module, ast.FunctionDef() as body):
                        return Function(module, None, body)
                    case (module, ast.ClassDef() as owner):
                        made = self._sources.member(Type(module.name, owner.name), "__init__")
                        return Function(*made) if made else None
            case ast.Attribute(value=ast.Name(id=name), attr=attr) if self._is_module(name):
                home = self._sources.modules[".".join(filter(None, self._module.imports[name]))]
                defined = home.top.get(attr)
                return Function(home, None, defined) if isinstance(defined, ast.FunctionDef) else None
            case ast.Attribute(value=of, attr=attr):
                kind = self.type_of(of)
                if kind.boundary or self._sources.attribute(kind, attr).boundary:
                    return "port"
                method = self._sources.member(kind, attr)
                return Function(*method) if method else None
        return None

    def _is_module(self, name: str) -> bool:
        home = ".".join(filter(None, self._module.imports.get(name, ())))
        return name not in self._locals and home in self._sources.modules


@dataclass(frozen=True)
class Function:
    """One function or method."""

    module: Module
    owner: ast.ClassDef | None
    body: ast.FunctionDef

    def __hash__(self) -> int:
        return id(self.body)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Function) and other.body is self.body

    @property
    def name(self) -> str:
        """As one says it."""
        return f"{self.owner.name}.{self.body.name}" if self.owner else self.body.name


@dataclass
class Reading:
    """What a reader opens to follow one journey."""

    functions: list[Function]
    spine: set[Path]

    @property
    def files(self) -> list[Path]:
        """In the order in which they are first needed."""
        return list(dict.fromkeys(function.module.path for function in self.functions))


def follow(sources: Sources, journey: str) -> Reading | None:
    """Every function that a reader comes to; None where the checkout has no such journey."""
    begin = next((found for module, name in BEGINNINGS[journey] if (found := _function(sources, module, name))), None)
    if begin is None:
        return None
    calls: dict[Function, list[Function]] = {}
    asks: set[Function] = set()
    waiting = [begin]
    while waiting:
        function = waiting.pop(0)
        if function in calls:
            continue
        targets = list(_targets(sources, function))
        if "port" in targets:
            asks.add(function)
        calls[function] = [t for t in targets if isinstance(t, Function) and _is_opened(t)]
        waiting += calls[function]
    leading = _leading(calls, asks)
    return Reading(list(calls), {function.module.path for function in leading})


def _leading(calls: dict[Function, list[Function]], asks: set[Function]) -> set[Function]:
    leading = set(asks)
    while more := {each for each, called in calls.items() if each not in leading and leading & set(called)}:
        leading |= more
    return leading


def _targets(sources: Sources, function: Function) -> Iterator[Function | str | None]:
    scope = Scope(sources, function.module, function.owner, function.body)
    for node in ast.walk(function.body):
        match node:
            case ast.Call():
                yield scope.target(node.func)
                # Functions that are handed over are called, too.
                handed = (each for each in (*node.args, *(k.value for k in node.keywords)))
                yield from (scope.target(each) for each in handed if isinstance(each, ast.Attribute | ast.Name))
            case ast.Attribute():
                method = scope.target(node)
                if isinstance(method, Function) and method.body.decorator_list:  # a property
                    yield method


def _is_opened(function: Function) -> bool:
    parts = function.module.name.split(".")
    return len(parts) > 1 and parts[1] not in NOT_OPENED


def _function(sources: Sources, module: str, name: str) -> Function | None:
    if module not in sources.modules:
        return None
    owner, _, method = name.rpartition(".")
    found = sources.member(Type(module, owner), method)
    return Function(*found) if found else None


def _module(name: str, path: Path) -> Module:
    text = path.read_text(encoding="utf-8")
    module = Module(name, path, ast.parse(text), len(text.splitlines()))
    for statement in module.tree.body:
        match statement:
            case ast.ClassDef(name=defined) | ast.FunctionDef(name=defined):
                module.top[defined] = statement
            case ast.Assign(targets=[ast.Name(id=defined)]):
                module.top[defined] = statement
    for node in ast.walk(module.tree):
        match node:
            case ast.ImportFrom(module=str(home), names=names, level=0):
                for alias in names:
                    module.imports[alias.asname or alias.name] = (home, alias.name)
            case ast.Import(names=names):
                for alias in names:
                    module.imports[alias.asname or alias.name] = (alias.name, "")
    return module


def _is_protocol(found: ast.ClassDef) -> bool:
    return any(isinstance(base, ast.Name) and base.id in _CALLABLES for base in found.bases)


def shape(sources: Sources) -> dict[str, float]:
    """How long modules and functions are."""
    modules = [module.lines for module in sources.modules.values() if module.path.name != "__init__.py"]
    functions = [
        (node.end_lineno or node.lineno) - node.lineno + 1
        for module in sources.modules.values()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    return {
        "modules": len(modules),
        f"modules below {SMALL} lines": sum(lines < SMALL for lines in modules),
        "median lines of a module": statistics.median(modules),
        "median lines of a function": statistics.median(functions),
        "longest function": max(functions),
    }


def traced(checkout: Path) -> dict[str, float]:
    """Figures of both journeys as they really go; empty where they did not end as they should."""
    ended = subprocess.run(
        [sys.executable, "-P", TRACE], cwd=checkout, capture_output=True, text=True, timeout=300, check=False
    )
    if ended.returncode:
        sys.stderr.write(ended.stderr)
        return {}
    figures: dict[str, float] = json.loads(ended.stdout.splitlines()[-1])
    return figures


def measure(checkout: Path) -> dict[str, float | str]:
    """Every figure of a checkout."""
    sources = Sources(checkout)
    figures: dict[str, float | str] = {}
    for journey in BEGINNINGS:
        reading = follow(sources, journey)
        if reading is not None:
            figures[f"{journey}: files to open"] = len(reading.files)
            figures[f"{journey}: of these on the spine"] = len(reading.spine)
            figures[f"{journey}: functions to read"] = len(reading.functions)
    return {**figures, **traced(checkout), **shape(sources)}


def main(arguments: list[str]) -> None:
    """Print a column for each checkout; with --files, the files themselves."""
    named = [Path(argument) for argument in arguments if not argument.startswith("-")] or [HERE]
    if "--files" in arguments:
        for checkout in named:
            _print_files(checkout)
        return
    columns = [measure(checkout) for checkout in named]
    for row in dict.fromkeys(name for column in columns for name in column):
        print(f"{row:<34}", *(f"{column.get(row, '-')!s:>10}" for column in columns))


def _print_files(checkout: Path) -> None:
    sources = Sources(checkout)
    for journey in BEGINNINGS:
        reading = follow(sources, journey)
        for path in reading.files if reading else ():
            functions = [each.name for each in reading.functions if each.module.path == path] if reading else []
            spine = "*" if reading and path in reading.spine else " "
            print(f"{journey} {spine} {path.relative_to(checkout)}: {', '.join(functions)}")


if __name__ == "__main__":
    main(sys.argv[1:])
