"""What a call costs in this process: CPU seconds of all its threads, wall seconds, and the peak of its memory.

Only the standard library: the peers run it in environments of their own.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable


def measured(call: Callable[[], object], warm: Callable[[], object] | None = None) -> None:
    """Print what `call` costs; what `warm` imports and caches first is no part of its seconds, but of the peak."""
    if warm is not None:
        warm()
    cpu, wall = time.process_time(), time.perf_counter()
    call()
    cost = {
        "cpu": time.process_time() - cpu,
        "wall": time.perf_counter() - wall,
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    sys.stdout.write(f"\n{json.dumps(cost)}\n")
