"""One thread for small fits, which several threads only slow down by waiting for one another."""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController

__all__ = ["one_thread"]


def one_thread() -> AbstractContextManager[Any]:
    """Within this, numpy's and scikit-learn's thread pools use one thread.

    Examples
    --------
    >>> with one_thread():
    ...     from threadpoolctl import threadpool_info
    ...     {pool["num_threads"] for pool in threadpool_info()}
    {1}
    """
    limited: AbstractContextManager[Any] = _pools().limit(limits=1)
    return limited


@cache
def _pools() -> ThreadpoolController:
    """The pools of this process: to look for them takes longer than many a fit, so it is done once."""
    import sklearn.ensemble  # noqa: F401 - its OpenMP pool must be there to be found
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
