"""Path patterns: matching them, and checking them against a model, because one that can never match is a mistake."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING

from streamkit.changes.change import Change, parse_pattern
from streamkit.schema.compile import compile_type, type_name
from streamkit.schema.nodes import Node

if TYPE_CHECKING:
    from streamkit.flow import AnyStage, Planner

__all__ = ["check_pattern", "checking_planner", "matcher"]


def matcher(patterns: Sequence[str]) -> Callable[[Change], bool]:
    """Return a function that checks whether a change's path matches one of some patterns."""
    for pattern in patterns:
        if not isinstance(pattern, str):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers without a type checker
            raise TypeError(f"a pattern is a str such as '/users/*', got {pattern!r:.80}")
    matchers = [_matcher_of(parse_pattern(pattern)) for pattern in patterns]
    if len(matchers) == 1:
        return matchers[0]
    return lambda change: any(matches(change) for matches in matchers)


def _matcher_of(steps: Sequence[str]) -> Callable[[Change], bool]:
    """Return `Change.matches` for one pattern. It is called for every change of every subscriber."""
    below = bool(steps) and steps[-1] == "**"
    steps = steps[:-1] if below else steps
    length = len(steps)
    # A step that is a number also matches an index.
    named = [
        (at, step, int(step) if step.isascii() and step.isdigit() and str(int(step)) == step else step)
        for at, step in enumerate(steps)
        if step != "*"
    ]

    def path_matches(change: Change) -> bool:
        path = change.path
        if len(path) != length and not (below and len(path) > length):
            return False
        for at, step, index in named:
            part = path[at]
            if part != step and part != index:
                return False
        return True

    return path_matches


def checking_planner(patterns: Sequence[str]) -> Planner:
    """Return a stage's planner that checks patterns against the model of the stages before it."""

    def plan(before: Sequence[AnyStage], this: AnyStage) -> Sequence[AnyStage]:
        model = next((stage.model for stage in reversed(before) if stage.model is not None), None)
        if model is not None:
            for pattern in patterns:
                check_pattern(pattern, model)
        return (*before, this)

    return plan


def check_pattern(pattern: str, model: object) -> None:
    """Make sure that a pattern can match a path of a model.

    Raises:
        ValueError: it can never match; the message has the step, and the field with the most similar name.
    """
    nodes = [compile_type(model)]
    for step in parse_pattern(pattern):
        if step == "**":
            return
        children: list[Node] = []
        names: list[str] = []
        for node in nodes:
            if _is_opaque(node):
                return
            children += _children_at(node, step, names)
        if not children:
            objects = [node.object.container for node in nodes if node.object is not None]
            aliases = [each.children[step].name for each in objects if step in each.children]
            similar = aliases or get_close_matches(step, names, n=1, cutoff=0.5)
            hint = f"did you mean {similar[0]!r}?" if similar else f"fields there: {', '.join(names) or 'none'}"
            raise ValueError(
                f"pattern {pattern!r} can never match {type_name(model)}: nothing at step {step!r}; {hint}"
            )
        nodes = children


def _is_opaque(node: Node) -> bool:
    """Whether a node's children are unknown: it is buffered, and only pydantic knows what is inside."""
    return node.probe is not None or (node.object is None and node.array is None and not node.leaf)


def _children_at(node: Node, step: str, names: list[str]) -> list[Node]:
    """Return the children that a step may lead to; add the names of a node's fields to `names`."""
    found: list[Node] = []
    is_index = step.isdigit() and str(int(step)) == step
    if node.array is not None and (step == "*" or is_index):
        items = node.array.container
        found += [*items.items, items.at(len(items.items))] if step == "*" else [items.at(int(step))]
    if node.object is None:
        return found
    container = node.object.container
    shown = [child for child in container.children.values() if not child.node.silent]
    names += [child.name for child in shown]
    found += [child.node for child in shown if step in ("*", child.name)]
    found += [_COMPUTED for field in container.computed if step in ("*", field.name)]
    if container.item is not None and (step == "*" or not found):
        found.append(container.item)
    return found


_COMPUTED = Node(read=lambda text, context: text)
"""Stands for a computed field: what is inside is unknown until it is computed."""
