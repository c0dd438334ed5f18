"""The order of types in a module: each below what it needs, as far as that can be."""

from __future__ import annotations

from collections.abc import Mapping

from ..grammar import EnumType, ObjectType, TypeDeclaration, UnionType, named_types

__all__ = ["in_order"]


def in_order(types: Mapping[str, TypeDeclaration]) -> list[str]:
    """Return the names of the types: enums first, otherwise in the order of the file.

    A type that another one needs comes before it. In a circle the first one named comes first.
    """
    enums = [name for name, one in types.items() if isinstance(one, EnumType)]
    order: list[str] = []
    entered: set[str] = set(enums)

    def enter(first: str) -> None:
        stack = [(first, iter(_needs(types[first])))]
        entered.add(first)
        while stack:
            name, needs = stack[-1]
            for need in needs:
                if need not in entered and need in types:
                    entered.add(need)
                    stack.append((need, iter(_needs(types[need]))))
                    break
            else:
                order.append(name)
                stack.pop()

    for name in types:
        if name not in entered:
            enter(name)
    # In a circle a union may have come before a member. A class may name what stands below it, an
    # alias may not: it is evaluated at once.
    for union in [name for name in order if isinstance(types[name], UnionType)]:
        last = max(order.index(member) for member in _needs(types[union]) if member in order)
        if last > order.index(union):
            order.remove(union)
            order.insert(last, union)
    return enums + order


def _needs(declaration: TypeDeclaration) -> list[str]:
    match declaration:
        case ObjectType(fields=fields):
            return [one.name for field in fields.values() for one in named_types(field.type)]
        case UnionType(members=members):
            return list(members)
        case _:
            return []
