"""The language of prompt templates: a small part of Jinja, so that rendering is bounded in time and memory.

Belongs here: what a template may be made of, and the sandbox that compiles it. Does not belong here: the file
(`prompts`) and rendering (generation's).

A template writes out texts, chooses with `if`, names a text with `set`, and walks through `exemplars` with `for`, never
a loop in a loop. It calls nothing, calculates nothing, and reads no attribute but those of `loop`: so no template
reaches Python's internals, and its work is at most its length times `exemplars`, filters apart, of which there are
`MOST_FILTERS`, each with a result of at most `PROMPT_CHARACTERS`. Jinja's own sandbox alone lets through
`range(99999)` in loops within loops, `'a' * 10**10`, `10**10**10`, `'%9999999999d' % 1`, `label.center(10**10)`, the
filters `center`, `indent` and `batch` with any width, `random`, `lipsum` and `self`; the first ones at compiling even.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from jinja2 import StrictUndefined, TemplateRuntimeError, TemplateSyntaxError, meta, nodes
from jinja2.filters import FILTERS
from jinja2.runtime import LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment

PROMPT_CHARACTERS = 200_000
"""The most characters of a template, of what a filter makes, and of a rendered prompt: some 50,000 tokens."""

MOST_FILTERS = 100
"""The most filters that one template applies."""

LIST = "exemplars"
"""The one variable that is a list of texts; the others are texts."""

_LOOP = ("index", "index0", "revindex", "revindex0", "first", "last", "length")
_STANDS_ALONE = (nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends)
_ALLOWED = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Const, nodes.For, nodes.If, nodes.CondExpr,
    nodes.Assign, nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not, nodes.Neg, nodes.Filter,
    nodes.Getattr, nodes.Getitem, nodes.Slice,
)  # fmt: skip
# The outer node first: what stands inside of a refused one is not told again.
_WORDS: tuple[tuple[type[nodes.Node] | tuple[type[nodes.Node], ...], str], ...] = (
    (_STANDS_ALONE, "a prompt stands alone: it may not include, import or extend another file"),
    (nodes.Call, "a prompt calls nothing, neither functions nor methods; use a filter: label | upper"),
    (nodes.BinExpr, "a prompt calculates nothing"),
    (nodes.Concat, "a prompt joins no texts with ~; write them one after the other"),
    ((nodes.Macro, nodes.CallBlock, nodes.Block), "a prompt defines no macros and no blocks"),
    (nodes.Test, "a prompt has no tests with `is`; compare with ==, or use {% if name %}"),
)


def template_faults(text: str, may: Iterable[str] | None, must: Iterable[str] = ()) -> list[tuple[int | None, str]]:
    """What is wrong with a template, by line; nothing, if it can be compiled and rendering it is bounded.

    Args:
        text: the template.
        may: the variables it is rendered with; None if they are not known.
        must: those of them that it has to use.
    """
    if len(text) > PROMPT_CHARACTERS:
        return [(None, f"has {len(text):,} characters; a prompt has at most {PROMPT_CHARACTERS:,}: shorten it")]
    try:
        tree = SANDBOX.parse(text)
        faults = list(_language(tree))
        # Jinja's own finder computes constants on its way: `'%9999999999d' % 1` takes ten gigabytes. Reading must not.
        used = _unset_names(tree) if faults else meta.find_undeclared_variables(tree)
        faults += _variables(tree, used, may, must)
        if not faults:
            SANDBOX.from_string(text)
    except TemplateSyntaxError as error:
        return [(error.lineno, f"is not a valid Jinja template here: {error.message}")]
    except ValueError:  # Python reads no number of more than 4,300 digits
        return [(None, "holds a number that cannot be read; shorten it")]
    except (RecursionError, SyntaxError, MemoryError):  # Jinja's parser, Python's compiler
        return [(None, "is nested too deeply for a Jinja template")]
    return sorted(faults, key=lambda fault: fault[0] or 0)


def _variables(
    tree: nodes.Template, used: set[str], may: Iterable[str] | None, must: Iterable[str]
) -> Iterator[tuple[int | None, str]]:
    lines: dict[str, int] = {}
    for node in tree.find_all(nodes.Name):
        lines.setdefault(node.name, node.lineno)
    known = None if may is None else tuple(may)
    # Jinja does not count its own `self`, which shows the template's inside, among the undeclared.
    for name in sorted(used | ({"self"} & lines.keys())):
        if known is not None and name not in known:
            yield lines.get(name), f"unknown variable {name!r}; a prompt may use {_and(known)}"
    for name in must:
        if name not in used:
            yield None, f"never uses {name!r}, without which it asks for nothing in particular; write {{{{ {name} }}}}"


def _unset_names(tree: nodes.Template) -> set[str]:
    """Names that are read and nowhere set: the undeclared ones, but for those that are read out of their loop."""
    names = list(tree.find_all(nodes.Name))
    return {name.name for name in names if name.ctx == "load"} - {name.name for name in names if name.ctx == "store"}


def _language(node: nodes.Node, in_loop: bool = False) -> Iterator[tuple[int | None, str]]:
    """What the tree holds that templates may not, each with its line."""
    if isinstance(node, nodes.Template) and len(filters := list(node.find_all(nodes.Filter))) > MOST_FILTERS:
        yield filters[MOST_FILTERS].lineno, f"applies more than {MOST_FILTERS} filters; drop some"
    refused = _refusal(node, in_loop)
    if refused:
        yield node.lineno, refused
        return
    for child in node.iter_child_nodes():
        yield from _language(child, in_loop or isinstance(node, nodes.For))


def _refusal(node: nodes.Node, in_loop: bool) -> str | None:
    for kinds, words in _WORDS:
        if isinstance(node, kinds):
            return words
    if not isinstance(node, _ALLOWED):
        return f"a prompt may not hold {type(node).__name__} of Jinja; see the templates that are shipped"
    if isinstance(node, nodes.Getattr) and not (_is_name(node.node, "loop") and node.attr in _LOOP):
        return f"attribute {node.attr!r}: a prompt reads none but {', '.join(f'loop.{name}' for name in _LOOP)}"
    if isinstance(node, nodes.Getitem) and not _by_number(node.arg):
        return f"a prompt takes what it wants from {LIST} by number alone: {LIST}[0], {LIST}[1:]"
    if isinstance(node, nodes.Neg) and not _by_number(node):
        return "a prompt calculates nothing"
    if isinstance(node, nodes.Filter) and node.name not in SANDBOX.filters:
        return f"filter {node.name!r}: a prompt may use {_and(sorted(SANDBOX.filters))}"
    if isinstance(node, nodes.Assign) and not _is_name(node.target):
        return "a prompt sets one name at a time"
    if isinstance(node, nodes.For) and in_loop:
        return "a prompt has no loop within a loop"
    if isinstance(node, nodes.Name) and node.ctx == "store" and node.name in (LIST, "loop"):
        return f"{node.name!r} may not be set anew; choose another name"
    if isinstance(node, nodes.For) and (node.recursive or not _is_name(node.target) or not _is_list(node.iter)):
        return f"a prompt loops over {LIST}, or a part such as {LIST}[1:], and over nothing else"
    return None


def _is_name(node: nodes.Node, name: str | None = None) -> bool:
    return isinstance(node, nodes.Name) and name in (None, node.name)


def _is_list(node: nodes.Node) -> bool:
    sliced = isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Slice)
    return _is_name(node.node if sliced else node, LIST)  # type: ignore[attr-defined]


def _by_number(node: nodes.Node) -> bool:
    if isinstance(node, nodes.Slice):
        return all(part is None or _by_number(part) for part in (node.start, node.stop, node.step))
    number = node.node if isinstance(node, nodes.Neg) else node
    return isinstance(number, nodes.Const) and isinstance(number.value, int)


def _and(names: Iterable[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


class _Sandbox(ImmutableSandboxedEnvironment):
    """What reading has let through, held once more to the same limits while it runs."""

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        return isinstance(obj, LoopContext) and attr in _LOOP

    def is_safe_callable(self, obj: Any) -> bool:
        return False


def _replace(value: object, old: str, new: str) -> str:
    text = str(value)
    if not old:
        raise TemplateRuntimeError("replace: the text to look for is empty")
    _refuse_long("replace", len(text) + text.count(old) * (len(new) - len(old)))
    return text.replace(old, new)


def _join(value: Iterable[object], separator: str = "") -> str:
    parts = [str(part) for part in value]
    _refuse_long("join", sum(map(len, parts)) + len(separator) * (len(parts) - 1))
    return separator.join(parts)


def _refuse_long(name: str, size: int) -> None:
    if size > PROMPT_CHARACTERS:
        raise TemplateRuntimeError(f"{name} would make {size:,} characters; the most are {PROMPT_CHARACTERS:,}")


def _sandbox() -> _Sandbox:
    # Prompts are plain text, not HTML: escaping would show the model `&quot;` for a quotation mark.
    sandbox = _Sandbox(undefined=StrictUndefined, autoescape=False)
    sandbox.globals.clear()
    sandbox.tests.clear()
    kept = ("capitalize", "first", "last", "length", "lower", "title", "trim", "upper")
    own: dict[str, Callable[..., Any]] = {"replace": _replace, "join": _join}
    sandbox.filters = {name: FILTERS[name] for name in kept} | own
    return sandbox


SANDBOX = _sandbox()
