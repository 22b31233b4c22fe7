"""From a study's YAML file to systems and their names."""

from pathlib import Path

import pytest

from hybrid_kd.errors import HybridKdError
from hybrid_kd.sweep.groups import find_groups
from hybrid_kd.sweep.options import SweepOptions
from hybrid_kd.sweep.study_file import StudyPlan, read_study_file
from hybrid_kd.training.options import TrainOptions
from tests.conftest import ROOT

EXPERIMENT = """\
experiment:
  {train_data: tr, train_ali: tr_ali, dev_data: dt, dev_ali: dt_ali, graph: g, exp: exp/x, results: r.jsonl}
"""
TEACHER = "teacher: exp/teacher\n"


def read(tmp_path: Path, text: str, **options: object) -> StudyPlan:
    path = tmp_path / "study.yaml"
    path.write_text(text)
    return read_study_file(SweepOptions(path, **options))  # type: ignore[arg-type]


def names(tmp_path: Path, *entries: str, more: str = "") -> list[str]:
    lines = "".join(f"  - {entry}\n" for entry in entries)
    plan = read(tmp_path, f"{EXPERIMENT}{TEACHER}{more}systems:\n{lines}")
    return [system.name for system in plan.systems]


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("{hard_weight: 1}", ["hard_s0"]),
        ("{hard_weight: 0.10}", ["si_0.1_s0"]),
        ("{mixing: sd, hard_weight: 0.3}", ["sd_0.3_s0"]),
        ("{mixing: sd, hard_weight: 0.3, sd_draw: once}", ["sd_0.3_draw_once_s0"]),
        ("{hard_weight: 0.1, temperatures: 2}", ["si_0.1_T2_s0"]),
        ("{hard_weight: 0.1, temperatures: 2, prune_below: 0}", ["si_0.1_T2_unpruned_s0"]),
        ("{prune_below: 0.05}", ["si_0.5_pruned0.05_s0"]),
        ("{temperatures: '3:4,2:4,1'}", ["si_0.5_T3-2-1_e4_s0"]),
        ("{temperatures: '3:4,2:1,1'}", ["si_0.5_T3x4-2x1-1_s0"]),
        ("{min_iters: 10, batch_norm: true}", ["si_0.5_batch_norm_min_iters10_s0"]),
        (
            "{hard_weight: 1, soft_weight: [0, 0.5], uncertainty: true, uncertainty_weight: [0, 2]}",
            [
                "hard_uncertainty_s0",
                "si_1_soft_weight0_uncertainty_uncertainty_weight2_s0",
                "si_1_soft_weight0.5_uncertainty_s0",
                "si_1_soft_weight0.5_uncertainty_uncertainty_weight2_s0",
            ],
        ),
        ("{init: exp/other/model}", ["si_0.5_from_model_s0"]),
        ("{mixing: [si, sd], hard_weight: [0, 0.5, 1]}", ["si_0_s0", "si_0.5_s0", "hard_s0", "sd_0.5_s0"]),
        ("{hard_weight: [0.5, 1], temperatures: [1, 2]}", ["si_0.5_s0", "si_0.5_T2_s0", "hard_s0"]),
    ],
)
def test_a_name_is_a_function_of_the_options(tmp_path: Path, entry: str, expected: list[str]) -> None:
    assert names(tmp_path, entry) == expected


def test_what_all_students_share_is_not_in_their_names(tmp_path: Path) -> None:
    assert names(tmp_path, "{min_iters: [10, 0]}", more="student: {min_iters: 10}\n") == [
        "si_0.5_s0",
        "si_0.5_min_iters0_s0",
    ]


def test_all_of_a_seed_come_before_the_next_and_a_start_has_the_same_seed(tmp_path: Path) -> None:
    text = f"{EXPERIMENT}{TEACHER}seeds: [0, 1]\nsystems:\n  - {{init: hard}}\n  - {{hard_weight: 1}}\n"
    plan = read(tmp_path, text)
    assert [(system.name, system.start) for system in plan.systems] == [
        ("retrained_si_0.5_s0", "hard_s0"),
        ("hard_s0", None),
        ("retrained_si_0.5_s1", "hard_s1"),
        ("hard_s1", None),
    ]
    retrained = plan.systems[2].options
    assert (retrained.seed, retrained.init, retrained.out) == (
        1,
        Path("exp/x/hard_s1"),
        Path("exp/x/retrained_si_0.5_s1"),
    )


def test_options_reach_the_training(tmp_path: Path) -> None:
    (tmp_path / "student.yaml").write_text("hidden_dim: 64\nlearning_rate: 0.004\n")
    student = f"student: {{config: {tmp_path}/student.yaml, learning_rate: 0.002}}\n"
    entries = ["{temperatures: [1, '3:2,2:2,1']}", "{temperatures: 5, prune_below: 0}", "{hard_weight: 1}"]
    systems = "".join(f"  - {entry}\n" for entry in entries)
    plan = read(tmp_path, f"{EXPERIMENT}{TEACHER}{student}systems:\n{systems}")
    constant, annealed, unpruned, hard = (system.options for system in plan.systems)
    assert (constant.hidden_dim, constant.learning_rate, constant.train_data) == (64, 0.002, Path("tr"))
    assert plan.label_store == Path("exp/x/labels_1-2-3")
    assert (constant.teacher_labels, constant.teacher) == ((plan.label_store,), ())
    assert annealed.temperatures == "3:2,2:2,1"
    assert (unpruned.teacher_labels, unpruned.teacher) == ((), (Path("exp/x/teacher"),))
    assert (hard.teacher_labels, hard.teacher) == ((), ())
    assert plan.experiment.tune_data == (Path("dt"),)


def test_the_label_store_may_be_one_that_is_there(tmp_path: Path) -> None:
    text = f"{EXPERIMENT}{TEACHER}labels: exp/labels\n{SYSTEMS}"
    plan = read(tmp_path, text)
    assert plan.label_store == Path("exp/labels")
    assert plan.systems[0].options.teacher_labels == (plan.label_store,)
    assert read(tmp_path, text, labels=Path("exp/others")).label_store == Path("exp/others")


def test_flags_take_the_place_of_what_the_file_says(tmp_path: Path) -> None:
    text = EXPERIMENT + "decoding: {beam: 11, lattice_beam: 6}\nsystems:\n  - {hard_weight: 1}\n"
    plan = read(tmp_path, text, exp=Path("exp/y"), tune_data=(Path("a"), Path("b")), beam=9.0)
    assert (plan.experiment.exp, plan.experiment.tune_data) == (Path("exp/y"), (Path("a"), Path("b")))
    assert (plan.search.beam, plan.search.lattice_beam, plan.search.acoustic_scale) == (9.0, 6.0, 0.1)
    assert plan.systems[0].options.out == Path("exp/y/hard_s0")


SYSTEMS = "systems:\n  - {hard_weight: 0.5}\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (EXPERIMENT + TEACHER + "sytems: []\n", "unknown key 'sytems'\n  fix: did you mean 'systems'"),
        (EXPERIMENT + TEACHER, "no systems\n  fix: list"),
        (EXPERIMENT + SYSTEMS, "its students need a teacher\n  fix: give `teacher: "),
        (EXPERIMENT + TEACHER + "teachers: []\n" + SYSTEMS, "both `teacher` and `teachers` are given"),
        (EXPERIMENT + TEACHER + "labels: [a, b]\n" + SYSTEMS, "labels are .*\n  fix: write `labels: <dir"),
        (EXPERIMENT + "teachers: [{seed: 1}, {seed: 1}]\n" + SYSTEMS, "two teachers are the same"),
        (EXPERIMENT + "teachers: [{hidden_dims: 1}]\n" + SYSTEMS, "teacher 1: unknown key 'hidden_dims'"),
        ("experiment: {train_dat: x}\n" + TEACHER + SYSTEMS, "experiment: unknown key 'train_dat'"),
        ("experiment: {train_data: x}\n" + TEACHER + SYSTEMS, "it gives no train_ali\n  fix: .*--train-ali"),
        (EXPERIMENT + "decoding: {beam: wide}\n" + TEACHER + SYSTEMS, "decoding: beam is 'wide'"),
        (
            EXPERIMENT + "decoding: {decoder: own}\n" + TEACHER + SYSTEMS,
            "decoder is 'own'\n  fix: write auto or",
        ),
        (EXPERIMENT + "seeds: [0, 0]\n" + TEACHER + SYSTEMS, "seeds are .*give each once"),
        (EXPERIMENT + "seeds: all\n" + TEACHER + SYSTEMS, "seeds are all\n  fix: write whole numbers"),
        (
            EXPERIMENT + "student: {seed: one}\n" + TEACHER + SYSTEMS,
            "student: seed is 'one'\n  fix: write a whole",
        ),
        (EXPERIMENT + "student: {momentum: [0]}\n" + TEACHER + SYSTEMS, "momentum is not one value"),
        (EXPERIMENT + "student: [a]\n" + TEACHER + SYSTEMS, "student: not a mapping"),
        (EXPERIMENT + TEACHER + "systems: {hard_weight: 1}\n", "systems: not a list"),
    ],
)
def test_a_study_that_cannot_be_meant_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(HybridKdError, match=rf"(?s)study\.yaml.*{message}"):
        read(tmp_path, text)


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        (
            ["{hard_weigth: 0.1}"],
            r"entry 1 of systems: unknown key 'hard_weigth'\n  fix: did you mean 'hard_weight'",
        ),
        (["{seed: 1}"], "entry 1 of systems: unknown key 'seed'"),
        (["{hard_weight: much}"], "hard_weight is 'much'\n  fix: write a number"),
        (["{hard_weight: 1.5}"], "1.5 is out of range"),
        (["{mixing: both}"], "mixing is 'both'\n  fix: write si or sd"),
        (["{batch_norm: 1}"], "batch_norm is '1'\n  fix: write true or false"),
        (["{hard_weight: [0.1, 0.10]}"], "hard_weight lists a value twice"),
        (["{hard_weight: {a: 1}}"], "hard_weight holds"),
        (
            ["{hard_weight: 0.1}", "{hard_weight: [0.1, 0.2]}"],
            "entry 2 of systems: si_0.1 stands in entry 1 already",
        ),
        (["{temperatures: [3:2,2:2,1]}"], "a schedule in a list needs quotes"),
        (["{init: hard}"], "init: no system 'hard' in this study"),
        (
            ["{hard_weight: 1}", "{init: hrad}"],
            r"entry 2 of systems: init: no system 'hrad'.*\n.*did you mean 'hard'",
        ),
    ],
)
def test_a_wrong_entry_is_named(tmp_path: Path, entries: list[str], message: str) -> None:
    with pytest.raises(HybridKdError, match=message):
        names(tmp_path, *entries)


def test_two_sets_of_one_name_are_refused(tmp_path: Path) -> None:
    text = EXPERIMENT + TEACHER + SYSTEMS
    with pytest.raises(HybridKdError, match="two sets have the same name: dt, dt"):
        read(tmp_path, text, eval_data=(Path("other/dt"),))


def test_the_papers_grid_is_whole() -> None:
    for name in ("paper", "paper-an4"):
        plan = read_study_file(SweepOptions(ROOT / f"conf/{name}.yaml"))
        families = {system.name.rpartition("_")[0] for system in plan.systems}
        figure_1 = {"hard", "si_0"} | {f"{kind}_0.{n}" for kind in ("si", "sd") for n in range(1, 10)}
        figure_2 = {f"si_0.1_T{t}" for t in ("0.5", "0.8", "1.5", "2", "3", "5")}
        figure_2 |= {f"si_0.1_T{t}_unpruned" for t in (2, 3, 5)}
        figure_3 = {f"si_0.5_{stages}_e{e}" for stages in ("T2-1", "T3-2-1") for e in (2, 3, 4)}
        retrained = {"retrained_si_0.5", "retrained_si_0.5_T3-2-1_e2"}
        control = {family for family in families if "matmul_precision" in family} | {"si_0.5_T1-1_e8"}
        assert control < families
        assert families - control == figure_1 | figure_2 | figure_3 | retrained
        assert {system.options.seed for system in plan.systems} == {0, 1, 2}
        assert plan.temperatures == (0.5, 0.8, 1, 1.5, 2, 3, 5)


def test_the_demos_grid_is_a_part_of_it_with_points_of_every_figure() -> None:
    small = {system.name for system in read_study_file(SweepOptions(ROOT / "conf/paper-mini.yaml")).systems}
    whole = {system.name for system in read_study_file(SweepOptions(ROOT / "conf/paper.yaml")).systems}
    assert small < whole
    for part in ("hard_", "si_0_", "si_0.5_s", "sd_0.5_", "si_0.1_s", "si_0.1_T", "_T3-2-1_e", "retrained_"):
        assert any(part in name for name in small), part


def test_systems_of_one_shape_and_teacher_can_be_trained_side_by_side(tmp_path: Path) -> None:
    entries = [
        "{hard_weight: [0.1, 1]}",
        "{temperatures: 2, prune_below: 0}",
        "{hidden_dim: 64}",
        "{init: hard}",
    ]
    lines = "".join(f"  - {entry}\n" for entry in entries)
    plan = read(tmp_path, f"{EXPERIMENT}{TEACHER}seeds: [0, 1]\nsystems:\n{lines}")
    assert [[system.name for system in group] for group in find_groups(plan.systems)] == [
        ["si_0.1_s0", "hard_s0"],
        ["si_0.5_T2_unpruned_s0"],
        ["si_0.5_hidden_dim64_s0"],
        ["retrained_si_0.5_s0"],
        ["si_0.1_s1", "hard_s1"],
        ["si_0.5_T2_unpruned_s1"],
        ["si_0.5_hidden_dim64_s1"],
        ["retrained_si_0.5_s1"],
    ]


def test_seeds_stand_side_by_side_where_they_share_the_order_of_frames(tmp_path: Path) -> None:
    systems = "systems:\n  - {hard_weight: [0.1, 1]}\n"
    text = f"{EXPERIMENT}{TEACHER}student: {{order_seed: 0}}\nseeds: [0, 1]\n{systems}"
    (group,) = find_groups(read(tmp_path, text).systems)
    assert [system.name for system in group] == ["si_0.1_s0", "hard_s0", "si_0.1_s1", "hard_s1"]


def test_momentum_is_only_for_a_system_alone(tmp_path: Path) -> None:
    text = f"{EXPERIMENT}{TEACHER}systems:\n  - {{hard_weight: [0.1, 1], momentum: 0.5}}\n"
    assert [len(group) for group in find_groups(read(tmp_path, text).systems)] == [1, 1]


def test_every_option_of_a_training_has_its_place() -> None:
    plan = read_study_file(SweepOptions(ROOT / "conf/paper-mini.yaml"))
    assert all(isinstance(system.options, TrainOptions) for system in plan.systems)
    assert plan.systems[0].options.hidden_dim == 128
