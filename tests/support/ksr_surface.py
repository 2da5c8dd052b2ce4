"""The surface of Kamailio's KSR object: read from Kamailio, written as a type stub, checked against code.

    kamcmd -s unix:SOCKET app_python.api_list | python -m tests.support.ksr_surface

writes kemi/ksr/typing/KSR/__init__.pyi. The order is alphabetical, so that the same modules give the
same text whatever order a configuration loads them in.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
STUB = ROOT / "kemi" / "ksr" / "typing" / "KSR" / "__init__.pyi"

HEAD = '''\
# ruff: noqa: N802
"""KSR as Kamailio 5.6.3 gives it to Python, with the modules that kamailio.cfg loads (rtpengine and dmq too).

Generated, do not edit: kamcmd -s unix:SOCKET app_python.api_list | python -m tests.support.ksr_surface
Parameters have no names in Kamailio and none can be given by name.
"""

from typing import TypeAlias

_Xval: TypeAlias = str | int | None
'''

_ANNOTATION = {"str": "str", "int": "int", "xval": "_Xval", "bool": "bool", "none": "None"}
_KIND = {annotation: kind for kind, annotation in _ANNOTATION.items()}
_PARAMETERS = {"str", "int"}
UNKNOWN = "<null string>"
_ENTRY = re.compile(r"func: \{\s*ret: (.*)\n\s*module: ?(.*)\n\s*name: (.*)\n\s*params: (.*)\n\s*\}")


@dataclass(frozen=True, slots=True, order=True)
class Function:
    """One function of KSR.

    module: empty for those of the core (`KSR.info`). parameters: each `str` or `int`.
    returns: `str`, `int`, `xval` (text, number or None), `bool` or `none`.
    """

    module: str
    name: str
    parameters: tuple[str, ...]
    returns: str

    @property
    def path(self) -> str:
        """What follows `KSR.` in a call."""
        return f"{self.module}.{self.name}" if self.module else self.name


Surface = Mapping[str, Function]
"""Functions by their path."""


def parse_listing(text: str) -> list[Function]:
    """Read what `kamcmd app_python.api_list` printed, in its order.

    Raises ValueError for a listing that is cut short, or that names a type not known here.
    """
    announced = re.search(r"msize: (\d+)", text)
    entries = [[field.strip() for field in entry] for entry in _ENTRY.findall(text)]
    if announced is None or int(announced[1]) != len(entries):
        raise ValueError(f"{len(entries)} functions read, {announced[1] if announced else 'none'} announced")
    # Of some of Kamailio 6 the listing does not know the parameters: to who calls them they are not there.
    return [_function(*entry) for entry in entries if entry[-1] != UNKNOWN]


def _function(returns: str, module: str, name: str, parameters: str) -> Function:
    kinds = () if parameters == "none" else tuple(kind.strip() for kind in parameters.split(","))
    if returns not in _ANNOTATION or not _PARAMETERS.issuperset(kinds):
        raise ValueError(f"{module}.{name}({parameters}) -> {returns}: unknown type")
    return Function(module, name, kinds, returns)


def render_stub(functions: Iterable[Function]) -> str:
    """The type stub of these functions, the same text for every order of them."""
    modules: dict[str, list[Function]] = {}
    for function in sorted(set(functions)):
        modules.setdefault(function.module, []).append(function)
    core = modules.pop("", [])
    parts = [HEAD, "".join(_definition(function, indent="") for function in core)]
    for module, members in modules.items():
        methods = "".join(_definition(function, indent="    ") for function in members)
        parts.append(f"class {_class_name(module)}:\n{methods}")
    parts.append("".join(f"{module}: {_class_name(module)}\n" for module in modules))
    return "\n".join(part for part in parts if part)


def _definition(function: Function, indent: str) -> str:
    parameters = [f"p{n}: {_ANNOTATION[kind]}" for n, kind in enumerate(function.parameters, 1)]
    arguments = ", ".join((["self"] if indent else []) + parameters + (["/"] if parameters else []))
    return f"{indent}def {function.name}({arguments}) -> {_ANNOTATION[function.returns]}: ...\n"


def _class_name(module: str) -> str:
    return "".join(part.capitalize() for part in module.split("_"))


def read_stub(text: str) -> Surface:
    """The functions of a stub that render_stub wrote."""
    tree = ast.parse(text)
    module_of = {
        ast.unparse(node.annotation): node.target.id
        for node in tree.body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is None
    }
    found: list[Function] = []
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            found.append(_read_definition("", node))
        elif isinstance(node, ast.ClassDef):
            module = module_of[node.name]
            found.extend(_read_definition(module, n) for n in node.body if isinstance(n, ast.FunctionDef))
    return {function.path: function for function in found}


def _read_definition(module: str, node: ast.FunctionDef) -> Function:
    annotations = [argument.annotation for argument in node.args.posonlyargs if argument.arg != "self"]
    kinds = tuple(_KIND[ast.unparse(annotation)] for annotation in annotations if annotation is not None)
    assert node.returns is not None
    return Function(module, node.name, kinds, _KIND[ast.unparse(node.returns)])


def committed() -> Surface:
    """The surface as the committed stub has it."""
    return read_stub(STUB.read_text())


@dataclass(frozen=True, slots=True)
class Use:
    """One mention of KSR in a source; fault is empty when the call can be made."""

    path: str
    line: int
    fault: str = ""


def uses_of_ksr(source: str, surface: Surface) -> list[Use]:
    """Every mention of KSR in a source, each judged against the surface.

    Only the plain call `KSR.module.function(a, b)` can be judged by reading, so everything else
    (another name for KSR or for a part of it, a function passed on, *args) counts as a fault.
    """
    tree = ast.parse(source)
    parent = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    uses = list(_renamed_imports(tree))
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Name) and node.id == "KSR"):
            continue
        names: list[str] = []
        top: ast.AST = node
        while isinstance(above := parent[top], ast.Attribute):
            names.append(above.attr)
            top = above
        path = ".".join(names)
        if isinstance(above, ast.Call) and above.func is top:
            uses.append(Use(path, node.lineno, _call_fault(above, path, surface)))
        else:
            uses.append(Use(path, node.lineno, "is no plain call"))
    return sorted(uses, key=lambda use: use.line)


def _renamed_imports(tree: ast.AST) -> Iterator[Use]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            renamed = any(name.name == "KSR" and name.asname not in (None, "KSR") for name in node.names)
        else:
            renamed = isinstance(node, ast.ImportFrom) and node.module == "KSR"
        if renamed:
            assert isinstance(node, ast.Import | ast.ImportFrom)
            yield Use("", node.lineno, "is imported under another name")


def _call_fault(call: ast.Call, path: str, surface: Surface) -> str:
    function = surface.get(path)
    if function is None:
        return "does not exist"
    if call.keywords or any(isinstance(argument, ast.Starred) for argument in call.args):
        return "takes plain positional arguments only"
    if len(call.args) != len(function.parameters):
        return f"takes {len(function.parameters)} arguments, not {len(call.args)}"
    return ""


def main() -> None:
    """Write the stub from the listing on standard input."""
    STUB.parent.mkdir(parents=True, exist_ok=True)
    STUB.write_text(render_stub(parse_listing(sys.stdin.read())))


if __name__ == "__main__":
    main()
