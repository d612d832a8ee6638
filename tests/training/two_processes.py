"""One process of a run under torchrun: trains, then writes what it heard, its losses and its weights.

    torchrun --nproc-per-node 2 -m tests.training.two_processes ARGUMENTS...    as of training.train; writes OUT/rank0.pt, rank1.pt
"""

from __future__ import annotations

import sys

import torch

from training.config import load_config
from training.data.pieces import open_prepared
from training.devices import make_fabric
from training.train import Session, parse


def main() -> None:
    args = parse(sys.argv[1:])
    torch.set_num_threads(1)
    config, fabric = load_config(args.config, args.sets), make_fabric(args.accelerator, args.devices, args.nodes)
    fabric.launch()
    args.out.mkdir(parents=True, exist_ok=True)
    session = Session(config, fabric, open_prepared(args.data), args.out, args.start, print)
    rows = list(session.run(lambda step: None))
    heard = session.crops.draw(0, session.rows, augment=True).heard
    torch.save({"rank": fabric.global_rank, "processes": fabric.world_size, "heard": heard,
                "train": [row["train"] for row in rows], "held_out": [row["held_out"] for row in rows],
                "net": session.trainer.net.state_dict(), "average": session.trainer.average.state_dict()},
               args.out / f"rank{fabric.global_rank}.pt")
    torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main()
