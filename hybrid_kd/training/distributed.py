"""One training in several processes, which torchrun starts: who computes which frames, and their sums.

Each process (rank) holds the whole network and all frames. A step's minibatch is the same frames for any
number of processes: each computes its rows of it; gradients, losses and statistics are summed over all.
Rank 0 alone reads and writes the directory of the training, and speaks; if some fail, the first to fail does.
"""

import logging
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from jaxtyping import Float
from torch import Tensor

from hybrid_kd.errors import HybridKdError

Result = TypeVar("Result")

LONGEST_WAIT = timedelta(
    days=30
)  # for rank 0, which may be pretraining; torchrun itself ends who waits for the dead
WAIT_FOR_STORE = timedelta(seconds=10)


@dataclass(frozen=True)
class World:
    """The processes of one training and this one's place among them; alone (size 1) it exchanges nothing."""

    rank: int = 0
    size: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this process writes and speaks."""
        return self.rank == 0

    def rows(self, num_rows: int) -> slice:
        """This process's part of so many rows; parts are contiguous and differ by at most one row."""
        return slice(num_rows * self.rank // self.size, num_rows * (self.rank + 1) // self.size)

    def sum_in_place(self, tensors: Sequence[Tensor]) -> None:
        """Replace each tensor by its sum over all processes (the same bits in each).

        Raises: HybridKdError if another process has ended.
        """
        if self.size == 1:
            return
        with _lost_processes_named():
            for work in [dist.all_reduce(tensor, async_op=True) for tensor in tensors]:
                work.wait()

    def sum(self, x: Float[Tensor, "*dims"]) -> Float[Tensor, "*dims"]:
        """The sum over all processes, through which gradients flow: that of x is the sum of theirs."""
        return x if self.size == 1 else _Sum.apply(x, self)  # type: ignore[no-untyped-call]

    def by_first(self, work: Callable[[], Result]) -> Result:
        """Let rank 0 do the work while the others wait, and give its result to all.

        Raises: HybridKdError if another process has ended.
        """
        if self.size == 1:
            return work()
        results = [work() if self.is_first else None]
        with _lost_processes_named():
            dist.broadcast_object_list(results, src=0)
        return results[0]  # type: ignore[return-value]


ALONE = World()


class _Sum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Float[Tensor, "*dims"], world: World) -> Float[Tensor, "*dims"]:
        ctx.world = world
        total = x.clone()
        world.sum_in_place([total])
        return total

    @staticmethod
    def backward(ctx: Any, gradient: Float[Tensor, "*dims"]) -> tuple[Float[Tensor, "*dims"], None]:
        total = gradient.clone()
        ctx.world.sum_in_place([total])
        return total, None


def local_rank() -> int | None:
    """The number of this process among those of its host; None without torchrun."""
    return int(os.environ["LOCAL_RANK"]) if dist.is_torchelastic_launched() else None


@contextmanager
def joined_world(device: torch.device) -> Iterator[World]:
    """The world of this process: that of torchrun, or itself alone. Only rank 0 logs.

    Tensors on a GPU are summed by NCCL, all else goes through gloo.
    """
    if dist.is_initialized():  # by the caller
        yield World(dist.get_rank(), dist.get_world_size())
        return
    rank, size = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
    if not dist.is_torchelastic_launched() or size == 1:
        yield ALONE
        return
    logging.disable(logging.CRITICAL if rank else logging.NOTSET)
    with _lost_processes_named():
        backend = "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo"
        dist.init_process_group(backend, timeout=LONGEST_WAIT)
    yield World(rank, size)
    dist.destroy_process_group()  # not after an error: the others may be waiting


def say_once(message: str) -> None:
    """Print why this process ends, unless another one of the same torchrun has said why it does.

    They ask torchrun's own store, which outlives them; if it does not answer, each says what it has to say.
    Who is silent waits until the message is out: torchrun ends all once one has ended.
    """
    host, port = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
    key = f"hybrid_kd/failed/{os.environ.get('TORCHELASTIC_RESTART_COUNT', '0')}"
    try:
        store = dist.TCPStore(host, port, is_master=False, timeout=WAIT_FOR_STORE)  # type: ignore[attr-defined]
        if store.add(key, 1) > 1:
            store.wait([f"{key}/said"])
            return
    except RuntimeError:
        store = None
    print(message, file=sys.stderr, flush=True)
    if store is not None:
        store.set(f"{key}/said", "")


@contextmanager
def _lost_processes_named() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        raise HybridKdError.at(
            f"process {os.environ.get('RANK')} of torchrun",
            f"lost the other processes of this training ({str(error).partition('. ')[0]})",
            fix="see what torchrun says of them; if one was killed (-9), memory was short: start fewer."
            " The same command continues",
        ) from error
