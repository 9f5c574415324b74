from __future__ import annotations


def document(costs, absent):
    return repr(costs)
