"""Path patterns, checked against a model: one that can never match is a mistake worth an error."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING

from streamkit.changes.change import Change, matches, parse_pattern
from streamkit.schema.compile import compile_type, type_name
from streamkit.schema.nodes import Node

if TYPE_CHECKING:
    from streamkit.flow import AnyStage, Planner

__all__ = ["check_pattern", "checking_planner", "matcher"]


def matcher(patterns: Sequence[str]) -> Callable[[Change], bool]:
    """Return what tells whether a change's path fits one of some patterns."""
    for pattern in patterns:
        if not isinstance(pattern, str):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers without a type checker
            raise TypeError(f"a pattern is a str such as '/users/*', got {pattern!r:.80}")
    steps = [parse_pattern(pattern) for pattern in patterns]

    def fits(change: Change) -> bool:
        path = change.path
        return any(matches(each, path) for each in steps)

    return fits


def checking_planner(patterns: Sequence[str]) -> Planner:
    """Return a stage's planner that checks patterns against the model of the stages before it."""

    def plan(before: Sequence[AnyStage], me: AnyStage) -> Sequence[AnyStage]:
        model = next((stage.model for stage in reversed(before) if stage.model is not None), None)
        if model is not None:
            for pattern in patterns:
                check_pattern(pattern, model)
        return (*before, me)

    return plan


def check_pattern(pattern: str, model: object) -> None:
    """Make sure that a pattern can match a path of a model.

    Raises:
        ValueError: it never can; says which step, and the nearest field.
    """
    nodes = [compile_type(model)]
    for step in parse_pattern(pattern):
        if step == "**":
            return
        below: list[Node] = []
        names: list[str] = []
        for node in nodes:
            if _opaque(node):
                return
            below += _inside(node, step, names)
        if not below:
            objects = [node.object.container for node in nodes if node.object is not None]
            aliases = [each.children[step].name for each in objects if step in each.children]
            near = aliases or get_close_matches(step, names, n=1, cutoff=0.5)
            hint = f"did you mean {near[0]!r}?" if near else f"fields there: {', '.join(names) or 'none'}"
            raise ValueError(
                f"pattern {pattern!r} can never match {type_name(model)}: nothing at step {step!r}; {hint}"
            )
        nodes = below


def _opaque(node: Node) -> bool:
    """Whether a node says nothing of what may be inside it: it is held, and pydantic knows."""
    return node.probe is not None or (node.object is None and node.array is None and not node.leaf)


def _inside(node: Node, step: str, names: list[str]) -> list[Node]:
    below: list[Node] = []
    is_index = step.isdigit() and str(int(step)) == step
    if node.array is not None and (step == "*" or is_index):
        items = node.array.container
        below += [*items.items, items.at(len(items.items))] if step == "*" else [items.at(int(step))]
    if node.object is None:
        return below
    container = node.object.container
    shown = [child for child in container.children.values() if not child.node.silent]
    names += [child.name for child in shown]
    below += [child.node for child in shown if step in ("*", child.name)]
    below += [_COMPUTED for field in container.computed if step in ("*", field.name)]
    if container.item is not None and (step == "*" or not below):
        below.append(container.item)
    return below


_COMPUTED = Node(read=lambda text, context: text)
"""In place of a computed field, of which nothing is known before it is there."""
