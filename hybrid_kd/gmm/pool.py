"""Processes that each keep some shards of the data in memory and do the same work on all of them.

They are forked once. A shard stays in the process that made it, with its features, graphs and alignments;
only models go there, only statistics come back. What is done with a shard does not depend on which others its
process has, and results come in the order of shards: sums are the same for any number of processes. Processes
write no files.
"""

import logging
import multiprocessing
import os
import signal
import traceback
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkProcess
from types import TracebackType
from typing import Any, Generic, TypeVar

from hybrid_kd.current_input import InputNote
from hybrid_kd.errors import HybridKdError
from hybrid_kd.processes import STOPPING, held_signals, stop_processes
from hybrid_kd.progress import track

Shard = TypeVar("Shard")
Result = TypeVar("Result")

logger = logging.getLogger(__name__)


class ShardPool(Generic[Shard]):
    """``make_shard(index)`` is called in the process that gets the shard; ``sizes`` balance the processes.

    Use it as a context manager: its processes end with the block.
    """

    def __init__(
        self, make_shard: Callable[[int], Shard], sizes: Sequence[int], *, num_processes: int
    ) -> None:
        self._make_shard = make_shard
        self._num_shards = len(sizes)
        self._owned = _balance(sizes, min(num_processes, len(sizes)))
        self._processes: dict[Connection, ForkProcess] = {}
        self._notes: dict[Connection, InputNote] = {}

    def __enter__(self) -> "ShardPool[Shard]":
        context = multiprocessing.get_context("fork")
        with held_signals():
            for owned in self._owned:
                ours, theirs = context.Pipe()
                note = self._notes[ours] = InputNote()
                process = context.Process(target=self._serve, args=(ours, theirs, owned, note), daemon=True)
                process.start()
                theirs.close()
                self._processes[ours] = process
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        for connection in self._processes:
            connection.close()
        stop_processes(list(self._processes.values()))

    def map(
        self, work: Callable[..., Result], *args: Any, each: Sequence[Any] | None = None, what: str
    ) -> list[Result]:
        """``work(shard, *args)`` of every shard, in their order; ``each`` adds one argument per shard.

        ``work`` is a function of a module; it and its arguments are pickled once a process.

        Raises: HybridKdError and OSError of the work, or if a process dies.
        """
        for connection, owned in zip(self._processes, self._owned, strict=True):
            extra = None if each is None else [each[index] for index in owned]
            connection.send((work, args, extra))
        results: dict[int, Result] = {}
        for index, result in track(self._replies(), total=self._num_shards, what=what):
            results[index] = result
        return [results[index] for index in range(self._num_shards)]

    def _replies(self) -> Iterator[tuple[int, Any]]:
        """Each shard's index and result, as they come."""
        waiting = {
            connection: len(owned) for connection, owned in zip(self._processes, self._owned, strict=True)
        }
        while waiting:
            for connection in wait(list(waiting)):
                assert isinstance(connection, Connection)
                try:
                    message = connection.recv()
                except EOFError:
                    raise self._died(connection) from None
                if isinstance(message, BaseException):
                    raise message
                waiting[connection] -= 1
                if not waiting[connection]:
                    del waiting[connection]
                yield message

    def _died(self, connection: Connection) -> HybridKdError:
        process = self._processes[connection]
        process.join()
        problem = f"a process ended with status {process.exitcode}{self._notes[connection]}"
        fix = "see what it said above; if it was out of memory (status -9), use a smaller --nj"
        return HybridKdError.at("--nj", problem, fix=fix)

    def _serve(self, ours: Connection, connection: Connection, owned: Sequence[int], note: InputNote) -> None:
        """The child: makes its shards when first asked, and ends when the parent closes the connection."""
        note.use()
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPPING)
        for handler in logging.getLogger().handlers:
            if not isinstance(handler, logging.FileHandler):
                handler.setLevel(logging.WARNING)  # what concerns single speakers stands in the stage's log
        for other in (ours, *self._processes):  # held open here, no child would see the parent end
            other.close()
        try:
            self._answer(connection, owned)
        except (EOFError, BrokenPipeError, ConnectionResetError):
            pass
        except (HybridKdError, OSError) as error:
            connection.send(error)
        except Exception:
            logger.error("%s", traceback.format_exc())
            os._exit(1)

    def _answer(self, connection: Connection, owned: Sequence[int]) -> None:
        shards: dict[int, Shard] = {}
        while True:
            work, args, extra = connection.recv()
            for position, index in enumerate(owned):
                if index not in shards:
                    shards[index] = self._make_shard(index)
                own_args = args if extra is None else (*args, extra[position])
                connection.send((index, work(shards[index], *own_args)))


def _balance(sizes: Sequence[int], num_processes: int) -> list[list[int]]:
    """Which shards each process gets: the largest first, each to the process that has least."""
    owned: list[list[int]] = [[] for _ in range(num_processes)]
    loads = [0] * num_processes
    for index in sorted(range(len(sizes)), key=lambda index: -sizes[index]):
        least = loads.index(min(loads))
        owned[least].append(index)
        loads[least] += sizes[index]
    return owned
