"""Work is spread over processes and clusters by one call, and comes back in order."""

from __future__ import annotations

import importlib.util
import math
import sys

import pytest

from livewave import LivewaveError
from training.parallel import each

TASKS = [float(n) for n in range(6)]
ROOTS = [math.sqrt(n) for n in TASKS]


@pytest.mark.parametrize("jobs", [1, 2])
def test_results_come_in_the_order_of_the_tasks(jobs):
    assert list(each(math.sqrt, TASKS, jobs)) == ROOTS


def test_one_job_works_here_and_only_when_asked():
    done = []
    results = each(done.append, TASKS, 1)
    next(results)
    assert done == TASKS[:1]


def test_a_dask_cluster_on_this_machine_does_the_same():
    assert list(each(math.sqrt, TASKS, 2, "dask")) == ROOTS


def test_a_running_dask_cluster_is_used():
    from dask.distributed import LocalCluster

    with LocalCluster(n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None) as cluster:
        assert list(each(math.sqrt, TASKS, 1, "dask", cluster.scheduler_address)) == ROOTS


def test_a_dask_scheduler_that_does_not_answer_is_named(monkeypatch):
    monkeypatch.setattr("training.parallel.CONNECT_S", 0.3)
    with pytest.raises(LivewaveError, match="127.0.0.1:9.*dask scheduler"):
        list(each(math.sqrt, TASKS, 1, "dask", "tcp://127.0.0.1:9"))


@pytest.mark.skipif(importlib.util.find_spec("ray") is not None, reason="Ray is installed")
def test_ray_without_ray_says_how_to_get_it():
    with pytest.raises(LivewaveError, match="pip install 'ray'"):
        list(each(math.sqrt, TASKS, 2, "ray"))


def test_dask_without_dask_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "dask.distributed", None)
    with pytest.raises(LivewaveError, match=r"pip install 'dask\[distributed\]'"):
        list(each(math.sqrt, TASKS, 2, "dask"))


def test_an_unknown_backend_and_no_jobs_are_refused():
    with pytest.raises(LivewaveError, match="loky, dask, ray"):
        list(each(math.sqrt, TASKS, 2, "slurm"))
    with pytest.raises(LivewaveError, match="from 1 up, or -1"):
        list(each(math.sqrt, TASKS, 0))
