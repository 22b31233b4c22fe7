"""WERs of families and differences between them."""

from dataclasses import replace

import numpy as np
import pytest

from hybrid_kd.report.bootstrap import Side, find_sets, make_sides, statistic_of
from hybrid_kd.report.families import Family, Labelling, labelling_of
from hybrid_kd.report.records import Study, SystemResult
from tests.report.made_up import DT, ET, NUM_CLEAN, decodes, errors_of, make_set, make_student, make_study
from tests.report.test_records import make_decode

pytestmark = pytest.mark.numerical


def family(*systems: SystemResult) -> Family:
    return Family(labelling_of(systems[0]) or Labelling(), systems)


def evaluation_side(*systems: SystemResult) -> Side:
    side = make_sides(make_study(*systems))[1]
    assert side is not None
    return side


def test_a_family_is_the_mean_over_its_seeds() -> None:
    students = [make_student(f"s{seed}", errors_of(2), errors_of(1 + seed), seed=seed) for seed in (0, 1)]
    wer = evaluation_side(*students).wer(family(*students))
    assert (wer.mean, wer.by_seed) == (30.0, [20.0, 40.0])
    assert (wer.low, wer.high) == pytest.approx((30.0, 30.0))


def test_p_of_a_difference_is_that_of_the_exact_distribution() -> None:
    """Two sentences of one speaker: B makes 4 errors more in the one and 12 fewer in the other."""
    record = replace(
        make_set(ET), utt_ids=[f"s_u{u}_{n}_SIMU" for u in (0, 1) for n in ("BUS", "CAF")], num_words=[10] * 4
    )
    a, b = (
        make_student(name, [0] * 4, errors) for name, errors in (("a", [2, 2, 6, 6]), ("b", [4, 4, 0, 0]))
    )
    study = Study([a, b], [replace(record, set_name=DT), record])
    side = make_sides(study)[1]
    assert side is not None
    difference = side.difference([(1.0, family(b)), (-1.0, family(a))])
    assert difference.value == -20.0
    assert difference.p_value == pytest.approx(2 * 0.25, abs=0.02)
    assert (difference.low, difference.high) == pytest.approx((-60.0, 20.0))
    assert difference.standard_error == pytest.approx(80 / np.sqrt(8), rel=0.02)


def test_equal_systems_do_not_differ() -> None:
    a, b = (make_student(name, errors_of(1), errors_of(1, noise=1, spread=2)) for name in "ab")
    difference = evaluation_side(a, b).difference([(1.0, family(a)), (-1.0, family(b))])
    assert (difference.value, difference.low, difference.high, difference.p_value) == (0, 0, 0, 1)


def test_differences_by_seed_are_of_the_seeds_that_both_have() -> None:
    students = [make_student(f"a{seed}", errors_of(1), errors_of(1 + seed), seed=seed) for seed in (0, 1, 2)]
    others = [make_student(f"b{seed}", errors_of(1), errors_of(1), seed=seed) for seed in (1, 2)]
    difference = evaluation_side(*students, *others).difference(
        [(1.0, family(*students)), (-1.0, family(*others))]
    )
    assert difference.by_seed == [20.0, 40.0]
    assert difference.value == 20.0


def test_the_condition_of_most_systems_is_taken() -> None:
    narrow = make_student("a", errors_of(1), errors_of(2))
    both = make_student("b", errors_of(1), errors_of(2))
    wide = [replace(decode, beam=13.0) for decode in decodes(errors_of(0), errors_of(0))]
    side = evaluation_side(narrow, replace(both, decodes=[*wide, *both.decodes]))
    assert side.condition.beam == 11.0
    assert side.wer(family(narrow)).mean == 40.0


def test_sets_of_one_choice_are_pooled() -> None:
    pooled = "dt05_real+dt05_simu"
    names = {"dt05_real": pooled, "dt05_simu": pooled, "et05_simu": pooled}
    errors = errors_of(1)
    found = [make_decode(set_name=n, tuned_on=t, errors_by_utterance=errors) for n, t in names.items()]
    system = replace(make_student("a", errors, errors), decodes=found)
    assert find_sets([system]).dev == ("dt05_real", "dt05_simu")
    dev, test = make_sides(Study([system], [make_set(name) for name in names]))
    assert dev is not None
    assert test is not None
    assert dev.num_words == 2 * test.num_words
    assert len(dev.groups.names) == NUM_CLEAN  # real and simulated recordings of a sentence move together
    assert dev.wer(family(system)).mean == 20.0


def test_a_decoding_tuned_elsewhere_does_not_count() -> None:
    system = make_student("a", errors_of(1), errors_of(1))
    on_itself = replace(system, decodes=[replace(each, tuned_on="itself") for each in system.decodes])
    assert not evaluation_side(system).has(family(on_itself))


def test_within_some_environments_only_their_words_and_errors_count() -> None:
    in_buses = [3 if "_BUS_" in utt_id else 1 for utt_id in make_set(ET).utt_ids]
    system = make_student("a", errors_of(1), in_buses)
    side = evaluation_side(system)
    wers = [
        side.within(noises).wer(family(system)).mean for noises in (["BUS"], ["CAF", "STR"], ["BUS", "CAF"])
    ]
    assert wers == [60.0, 20.0, 40.0]
    assert side.within(["BUS"]).times_drawn is side.times_drawn


def test_at_another_point_its_errors_count() -> None:
    system = make_student("a", errors_of(1), errors_of(1))
    elsewhere = [replace(decode, errors_elsewhere={"1_0.0": errors_of(3)}) for decode in system.decodes]
    moved, side = replace(system, decodes=elsewhere), evaluation_side(system)
    assert side.at("1_0.0").wer(family(moved)).mean == 60.0
    assert side.wer(family(moved)).mean == 20.0
    assert not side.at("1_0.0").has(family(system))
    assert not side.at("2_0.0").has(family(moved))


def test_a_statistic_of_wers_is_taken_of_the_set_each_replicate_and_each_seed() -> None:
    students = [
        make_student(f"a{seed}", errors_of(1), errors_of(1 + seed, noise=1, spread=1), seed=seed)
        for seed in (0, 1)
    ]
    other = make_student("b", errors_of(1), errors_of(2, noise=2, spread=1))
    side = evaluation_side(*students, other)
    groups = family(*students), family(other)
    rates = [side.rates(group) for group in groups]
    made = statistic_of(rates, lambda first, second: first - second)
    wanted = side.difference([(1.0, groups[0]), (-1.0, groups[1])])
    assert (made.value, made.low, made.high) == pytest.approx((wanted.value, wanted.low, wanted.high))
    assert (made.p_value, made.standard_error) == pytest.approx((wanted.p_value, wanted.standard_error))
    assert made.by_seed == pytest.approx(
        [side.wer(family(s)).mean - side.wer(groups[1]).mean for s in students]
    )
