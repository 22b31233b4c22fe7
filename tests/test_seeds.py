"""Random choices depend on (seed, purpose, epoch, utt_id) and on nothing else."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hybrid_kd.seeds import derive_seed, numpy_generator, torch_generator, uniform

pytestmark = pytest.mark.numerical

TEXT = st.text(st.characters(blacklist_characters="\0", blacklist_categories=["Cs"]), max_size=8)
CHOICES = st.tuples(st.integers(0, 99), TEXT, st.integers(0, 99), TEXT)


@given(first=CHOICES, second=CHOICES)
def test_different_choices_have_different_seeds(
    first: tuple[int, str, int, str], second: tuple[int, str, int, str]
) -> None:
    def seed_of(choice: tuple[int, str, int, str]) -> int:
        return derive_seed(choice[0], choice[1], epoch=choice[2], utt_id=choice[3])

    assert (seed_of(first) == seed_of(second)) == (first == second)
    assert 0 <= seed_of(first) < 2**63


def test_seeds_stay_what_they_were() -> None:
    """A golden value: a change here would change every result ever recorded."""
    assert derive_seed(0, "frame order", epoch=3) == 5725676553642139978


def test_the_global_generators_play_no_part() -> None:
    torch.manual_seed(1)
    np.random.seed(1)
    first = (torch.rand(3, generator=torch_generator(0, "x")), numpy_generator(0, "x").random(3))
    torch.rand(10)
    second = (torch.rand(3, generator=torch_generator(0, "x")), numpy_generator(0, "x").random(3))
    assert torch.equal(first[0], second[0])
    assert np.array_equal(first[1], second[1])


def test_draws_are_uniform_from_0_to_1() -> None:
    draws = np.array([uniform(0, "sd", epoch=1, utt_id=f"u{index}") for index in range(4000)])
    assert draws.min() >= 0.0
    assert draws.max() < 1.0
    assert abs(draws.mean() - 0.5) < 5 * np.sqrt(1 / 12 / 4000)
    assert abs((draws < 0.1).mean() - 0.1) < 5 * np.sqrt(0.09 / 4000)
