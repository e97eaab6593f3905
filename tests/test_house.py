"""The rules that keep the house (names, sizes, docstrings, tests, errors, doors), read from the code's syntax trees."""

from __future__ import annotations

import ast
import re
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import safesight
from safesight.core import errors

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "safesight"
MOST_LINES = 400
HEAVY = {
    *("torch", "transformers", "peft", "safetensors", "accelerate", "gguf", "xllamacpp", "onnxruntime"),
    *("tokenizers", "rapidocr", "altair", "jinja2", "vl_convert", "granian", "prometheus_client", "ahocorasick_rs"),
    *("polars", "ray", "opentelemetry"),
}
"""Packages of the extras: imported where they are used, or under TYPE_CHECKING."""
TORCH_ROOMS = ("explain/entropy/",)
"""Rooms that are about tensors; nothing outside them imports them at its top."""
BRIDGES = {"__init__.py", "__main__.py"}


@cache
def trees() -> dict[str, ast.Module]:
    """Every module by its path inside the package."""
    return {
        str(path.relative_to(SOURCE)): ast.parse(path.read_text(encoding="utf-8"))
        for path in sorted(SOURCE.rglob("*.py"))
    }


def classes() -> Iterator[tuple[str, ast.ClassDef]]:
    for path, tree in trees().items():
        yield from ((path, node) for node in tree.body if isinstance(node, ast.ClassDef))


def test_no_public_class_name_stands_twice() -> None:
    homes: dict[str, list[str]] = defaultdict(list)
    for path, node in classes():
        if not node.name.startswith("_"):
            homes[node.name].append(path)
    twice = {name: found for name, found in homes.items() if len(found) > 1}
    assert not twice, f"one word, one thing: {twice}"


def test_no_module_is_long_and_each_says_what_it_is() -> None:
    for path, tree in trees().items():
        lines = len((SOURCE / path).read_text(encoding="utf-8").splitlines())
        assert lines <= MOST_LINES, f"{path}: {lines} lines; split it by noun"
        assert ast.get_docstring(tree), f"{path} has no docstring"


def test_every_module_has_a_test_of_its_name_or_is_named_in_covers() -> None:
    covers = tomllib.loads((ROOT / "tests" / "covers.toml").read_text(encoding="utf-8"))["covers"]
    modules = {path for path in trees() if Path(path).name not in BRIDGES}
    for path in sorted(modules):
        own = ROOT / "tests" / Path(path).parent / f"test_{Path(path).name}"
        assert own.is_file() != (path in covers), (
            f"{path}: add {own.relative_to(ROOT)}, or the file that covers it to tests/covers.toml (one of the two)"
        )
    for path, by in covers.items():
        assert path in modules, f"tests/covers.toml: {path} is gone"
        assert (ROOT / "tests" / by).is_file(), f"tests/covers.toml: {by}, which covers {path}, is gone"


def test_every_exception_is_in_the_tree() -> None:
    drawn = errors.__doc__ or ""
    for path, node in classes():
        bases = [ast.unparse(base) for base in node.bases]
        if any(re.search(r"(Error|Exception|Fault)$", base) for base in bases) and not node.name.startswith("_"):
            assert re.search(rf"\b{node.name}\b", drawn), f"{path}: {node.name} is not drawn in core/errors.py"


def _imports(tree: ast.Module) -> Iterator[str]:
    """Modules imported when the module is, not under TYPE_CHECKING."""
    for node in tree.body:
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def test_heavy_packages_are_behind_doors() -> None:
    for path, tree in trees().items():
        found = {name.split(".")[0] for name in _imports(tree)} & HEAVY
        assert not found or path.startswith(TORCH_ROOMS), f"{path} imports {found} when it is imported"
        if not path.startswith(TORCH_ROOMS):
            rooms = tuple(f"safesight.{room.replace('/', '.')}" for room in TORCH_ROOMS)
            through = [name for name in _imports(tree) if f"{name}.".startswith(rooms)]
            light = (
                "safesight.explain.entropy.gap",
                "safesight.explain.entropy.like_length",
                "safesight.explain.entropy.recorded",
            )
            assert not set(through) - set(light), f"{path} imports {through} when it is imported"


PLUGINS = re.compile(r"\b(model|judge|detector|benchmark|dataset|defence|_cheap|_strong|d)$")


def test_plugins_are_not_asked_for_what_no_protocol_names() -> None:
    for path, tree in trees().items():
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id in ("getattr", "hasattr")
            ):
                asked = ast.unparse(node.args[0])
                literal = isinstance(node.args[1], ast.Constant)
                assert not (literal and PLUGINS.search(asked)) or path.startswith(("explain/entropy/", "train/")), (
                    f"{path}:{node.lineno}: {ast.unparse(node)}: name it in a protocol of core/protocols.py"
                )


@pytest.mark.parametrize("path", sorted(path for path in trees() if path.endswith("__init__.py")))
def test_what_a_package_hands_on_is_sorted(path: str) -> None:
    for node in trees()[path].body:
        if isinstance(node, ast.Assign) and any(ast.unparse(target) == "__all__" for target in node.targets):
            names = ast.literal_eval(node.value)
            assert names == sorted(names)


def test_the_front_door_opens_on_what_it_promises() -> None:
    assert sorted(safesight.__all__) == safesight.__all__
    assert set(dir(safesight)) >= set(safesight.__all__)
    for name in safesight.__all__:
        assert getattr(safesight, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = safesight.nonsense  # pyright: ignore[reportAttributeAccessIssue]


def test_nothing_public_is_used_by_tests_alone() -> None:
    texts = {path: (SOURCE / path).read_text(encoding="utf-8") for path in trees()}
    outside = "\n".join(
        [
            (ROOT / "pyproject.toml").read_text(encoding="utf-8"),
            # Plugs are named by who runs the program they are put into.
            (ROOT / "docs" / "integrations.md").read_text(encoding="utf-8"),
            *(
                p.read_text(encoding="utf-8")
                for place in ("bench", "examples", "tools")
                for p in (ROOT / place).rglob("*.py")
            ),
        ]
    )
    inside, elsewhere = Counter(re.findall(r"\w+", "\n".join(texts.values()))), set(re.findall(r"\w+", outside))
    for path, tree in trees().items():
        for node in tree.body:
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) and not node.name.startswith(
                "_"
            ):
                used = inside[node.name] > 1 or node.name in elsewhere
                assert used, f"{path}: {node.name} is used by nothing but tests: delete it or connect it"
