"""Processes that keep shards: order, errors, and the same results for any number of them."""

import os

import pytest

from hybrid_kd.current_input import note_input
from hybrid_kd.errors import HybridKdError
from hybrid_kd.gmm.pool import ShardPool


def double(shard: list[int], factor: int) -> int:
    return shard[0] * factor


def remember(shard: list[int], value: int) -> None:
    shard[0] = value


def process_id(shard: list[int]) -> int:
    return os.getpid()


def refuse(shard: list[int]) -> None:
    raise HybridKdError.at("shard", f"{shard[0]} is bad", fix="mend it")


def crash(shard: list[int]) -> None:
    raise ZeroDivisionError


def die(shard: list[int]) -> None:
    note_input(f"u{shard[0]}")
    os.kill(os.getpid(), 9)


def make_pool(num_processes: int) -> ShardPool[list[int]]:
    return ShardPool(lambda index: [index], [5, 1, 9, 2], num_processes=num_processes)


@pytest.mark.parametrize("num_processes", [1, 3, 10])
def test_results_come_in_the_order_of_shards(num_processes: int) -> None:
    with make_pool(num_processes) as pool:
        assert pool.map(double, 3, what="") == [0, 3, 6, 9]


def test_a_shard_stays_where_it_is_and_is_remembered() -> None:
    with make_pool(2) as pool:
        before = pool.map(process_id, what="")
        pool.map(remember, each=[7, 8, 9, 10], what="")
        assert pool.map(double, 1, what="") == [7, 8, 9, 10]
        assert pool.map(process_id, what="") == before
        assert len(set(before)) == 2
        assert os.getpid() not in before


def test_the_largest_shard_does_not_share_its_process_with_the_next() -> None:
    with make_pool(2) as pool:
        processes = pool.map(process_id, what="")
        assert processes[2] != processes[0]


def test_a_users_error_comes_through() -> None:
    with make_pool(2) as pool, pytest.raises(HybridKdError, match="is bad"):
        pool.map(refuse, what="")


def test_a_fault_of_ours_ends_the_process() -> None:
    with make_pool(2) as pool, pytest.raises(HybridKdError, match="ended with status 1"):
        pool.map(crash, what="")


def test_a_killed_process_names_the_input_that_it_worked_on() -> None:
    match = r"status -9 while it worked on utterance 'u[0-3]'"
    with make_pool(2) as pool, pytest.raises(HybridKdError, match=match):
        pool.map(die, what="")


def test_the_processes_end_with_the_block() -> None:
    with make_pool(2) as pool:
        processes = pool.map(process_id, what="")
    for process in processes:
        with pytest.raises(ProcessLookupError):
            os.kill(process, 0)
