"""Where a run runs: CPU, one GPU, several, several nodes; one process each, by Lightning Fabric.

    python -m training.train ...                                          one process on the best device here
    python -m training.train ... --devices 2                              two on this machine
    torchrun --nnodes 2 --nproc-per-node 4 -m training.train ...          as torchrun says
"""

from __future__ import annotations

import logging
import os
import warnings

import torch
from lightning_fabric import Fabric
from lightning_fabric.strategies import DDPStrategy

from livewave import ConfigError

MOST_LOADERS = 8


def make_fabric(accelerator: str, devices: int | None, nodes: int | None) -> Fabric:
    """Raises ConfigError, naming the range, for devices that are not there. torchrun's environment says what is None."""
    there = torch.cuda.device_count()
    if accelerator == "cuda" and not there:
        raise ConfigError("--accelerator is cuda, but PyTorch finds no GPU here; it must be auto or cpu")
    kind = "cuda" if accelerator == "cuda" or (accelerator == "auto" and there) else "cpu"
    local = int(os.environ.get("LOCAL_WORLD_SIZE", 0))  # torchrun's
    count = devices if devices is not None else local or (there if kind == "cuda" else 1)
    most = there if kind == "cuda" else os.cpu_count() or 1
    if not 1 <= count <= most:
        raise ConfigError(f"--devices is {count}; it must be in 1..{most} here ({kind})")
    nodes = nodes or (int(os.environ.get("WORLD_SIZE", local)) // local if local else 1)
    # everything learns in every step and no buffer changes: nothing to look for and nothing to send but gradients
    shared = DDPStrategy(broadcast_buffers=False, gradient_as_bucket_view=True) if count * nodes > 1 else "auto"
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", module="lightning_fabric")
    torch.backends.cudnn.deterministic = True
    return Fabric(accelerator=kind, devices=count, num_nodes=nodes, strategy=shared, precision="32-true")


def loaders(fabric: Fabric) -> int:
    """Threads that make crops ahead of time: none beside a CPU's training, which wants every core itself."""
    if fabric.device.type != "cuda":
        return 0
    return max(1, min(MOST_LOADERS, (os.cpu_count() or 1) // max(1, torch.cuda.device_count()) - 1))


def share(batch: int, fabric: Fabric) -> range:
    """The crops of a step that this process hears. Raises ConfigError when they cannot be shared out evenly."""
    if batch % fabric.world_size:
        raise ConfigError(f"[run] batch is {batch}; it must be a multiple of the {fabric.world_size} processes")
    count = batch // fabric.world_size
    return range(fabric.global_rank * count, (fabric.global_rank + 1) * count)
