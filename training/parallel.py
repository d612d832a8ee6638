"""The same work on one core, on many, or on a cluster: joblib, which has Dask and Ray behind the same call."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import Any, TypeVar

from livewave import LivewaveError

BACKENDS = ("loky", "dask", "ray")
CONNECT_S = 10  # within which a Dask scheduler must answer
Task, Result = TypeVar("Task"), TypeVar("Result")


def each(work: Callable[[Task], Result], tasks: Sequence[Task], jobs: int = 1, backend: str = "loky",
         scheduler: str | None = None) -> Iterator[Result]:
    """The result of every task, in the order of the tasks, as soon as it is there.

    work       a function of a module or a partial of one; what it takes and gives travels to another process and back
    jobs       how many at a time; 1 = in this process; -1 = as many as there are cores
    scheduler  address of a Dask scheduler, whose workers have livewave installed; None = a Dask cluster of `jobs`
               workers on this machine, for as long as this takes
    Raises LivewaveError for a backend that is unknown, not installed or not to be reached.
    """
    if backend not in BACKENDS:
        raise LivewaveError(f"there is no backend {backend!r}; choose one of {', '.join(BACKENDS)}")
    if jobs == 0:
        raise LivewaveError("0 jobs do nothing; give a number from 1 up, or -1 for as many as there are cores")
    if backend == "loky" and jobs == 1:
        yield from map(work, tasks)
        return
    import joblib

    with ExitStack() as stack:
        if backend == "dask":
            _reach_dask(stack, jobs, scheduler)
        elif backend == "ray":
            _reach_ray()
        stack.enter_context(joblib.parallel_config(backend=backend, n_jobs=-1 if backend == "dask" else jobs))
        if backend != "ray":
            yield from joblib.Parallel(return_as="generator")(joblib.delayed(work)(task) for task in tasks)
            return
        size = max(1, 2 * joblib.effective_n_jobs())  # Ray hands out nothing before all is done: give it little at a time
        for first in range(0, len(tasks), size):
            yield from joblib.Parallel()(joblib.delayed(work)(task) for task in tasks[first : first + size])


def _reach_dask(stack: ExitStack, jobs: int, scheduler: str | None) -> None:
    """From now on joblib has a Dask cluster, until the stack unwinds."""
    try:
        from dask.distributed import Client, LocalCluster
    except ImportError:
        raise _missing("dask", "dask[distributed]") from None
    cluster: Any = scheduler
    if scheduler is None:
        workers = jobs if jobs > 0 else os.cpu_count()
        cluster = stack.enter_context(LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=None))
    try:
        stack.enter_context(Client(cluster, timeout=CONNECT_S))
    except (OSError, ValueError) as error:
        raise LivewaveError(f"no Dask scheduler answers at {scheduler} ({error}); start one with `dask scheduler`, "
                            "or leave --scheduler out for a cluster on this machine") from None


def _reach_ray() -> None:
    try:
        from ray.util.joblib import register_ray
    except ImportError:
        raise _missing("ray", "ray") from None
    register_ray()


def _missing(backend: str, package: str) -> LivewaveError:
    return LivewaveError(f"backend {backend} is not installed: pip install '{package}', or choose --backend loky")
