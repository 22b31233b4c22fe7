"""The recipe's entrance: help, its commands as --dry-run prints them, and errors before anything runs."""

import os
import shlex
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from hybrid_kd.config import parse_options
from hybrid_kd.sweep.commands import decode_dir
from hybrid_kd.sweep.options import SweepOptions
from hybrid_kd.sweep.study_file import read_study_file
from hybrid_kd.training.options import TrainOptions

ROOT = Path(__file__).resolve().parent.parent


def run(*args: str) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if name != "KALDI_ROOT"}
    return subprocess.run(["./run.sh", *args], cwd=ROOT, env=env, capture_output=True, text=True, check=False)


def commands(*args: str) -> list[str]:
    """What a dry run prints, without the lines that name the stages."""
    done = run(*args, "--dry-run")
    assert done.returncode == 0, done.stderr
    return [line.strip() for line in done.stdout.splitlines() if not line.startswith("stage ")]


@pytest.fixture
def kaldi_root(tmp_path: Path) -> Path:
    """What the recipe looks for in an installation of Kaldi."""
    root = tmp_path / "kaldi"
    for directory in ("egs/wsj/s5/steps", "egs/wsj/s5/utils", "tools/config"):
        (root / directory).mkdir(parents=True)
    (root / "tools/config/common_path.sh").write_text("")
    return root


@pytest.fixture
def experiment(tmp_path: Path) -> dict[str, str]:
    """A finished Kaldi experiment, as far as the recipe checks it before it begins."""
    for name in ("fmllr/tr", "fmllr/dt_real", "fmllr/dt_simu", "fmllr/et", "ali_tr", "ali_dt", "graph"):
        directory = tmp_path / name
        directory.mkdir(parents=True)
        for file in ("feats.scp", "utt2spk", "ali.1.gz", "final.mdl", "words.txt", "HCLG.fst"):
            (directory / file).write_text("")
    return {
        "--train-data": f"{tmp_path}/fmllr/tr",
        "--train-ali": f"{tmp_path}/ali_tr",
        "--dev-data": f"{tmp_path}/fmllr/dt_real",
        "--dev-ali": f"{tmp_path}/ali_dt",
        "--eval-data": f"{tmp_path}/fmllr/et",
        "--graph": f"{tmp_path}/graph",
        "--exp-dir": f"{tmp_path}/exp",
    }


def flags(options: dict[str, str]) -> list[str]:
    return [word for option in options.items() for word in option]


def test_help_names_every_stage() -> None:
    done = run("--help")
    assert done.returncode == 0
    stages = [
        line.split('"')[1] for line in (ROOT / "run.sh").read_text().splitlines() if line[:6] == "stage "
    ]
    assert len(stages) == 17
    words = " ".join(done.stdout.replace("#", " ").split())
    assert [name for number, name in enumerate(stages) if f"{number} {name}" not in words] == []


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("--corpus", "nowhere"), "no corpus 'nowhere': no such file local/nowhere/settings.sh"),
        (("--colour", "red"), "invalid option --colour"),
        (("mini",), "Usage: ./run.sh"),
        (("--gmm", "htk"), "--gmm htk: give kaldi or embedded"),
        (("--gmm", "kaldi"), "--gmm kaldi: no egs/wsj/s5/steps in KALDI_ROOT ''; give --kaldi-root"),
        (("--decoder", "kaldi"), "no latgen-faster-mapped on the PATH"),
        (("--kaldi-root", "/nowhere"), "no Kaldi in KALDI_ROOT=/nowhere"),
        (("--systems", "local"), "no such file local/teachers"),
        (("--study", "conf/nowhere.yaml"), "no such file conf/nowhere.yaml"),
        (("--from-kaldi-exp",), "--from-kaldi-exp needs --train-data"),
    ],
)
def test_a_mistake_is_said_before_anything_runs(args: tuple[str, ...], message: str) -> None:
    done = run(*args)
    assert done.returncode == 1
    assert message in done.stderr
    assert "stage" not in done.stdout


def test_a_dry_run_prints_every_command_and_writes_nothing(tmp_path: Path) -> None:
    printed = commands("--data-dir", f"{tmp_path}/data", "--exp-dir", f"{tmp_path}/exp", "--nj", "3")
    assert list(tmp_path.iterdir()) == []
    scripts = [line.split()[0] for line in printed]
    assert scripts[0] == "local/mini/prepare_data.sh"
    last = [line.split()[:2] for line in printed[-4:]]
    assert last == [["hybrid-kd", name] for name in ("sweep", "collect", "report", "report")]
    assert all((ROOT / script).is_file() for script in scripts if script not in ("hybrid-kd", "ln"))
    assert f"steps/kd/make_mfcc.sh --nj 3 --cmd run.pl {tmp_path}/data/tr05_multi" in "\n".join(printed)


def test_a_corpus_settings_are_options(tmp_path: Path) -> None:
    (printed,) = [
        line
        for line in commands("--tri3b-leaves", "77", "--stage", "6", "--stop-stage", "6")
        if "--kind sat" in line
    ]
    assert " 77 5000 " in printed


@pytest.mark.parametrize("more", [(), ("--exp-dir", "exp/elsewhere", "--data-dir", "data/other")])
def test_the_demos_study_takes_up_what_the_stages_before_made(more: tuple[str, ...]) -> None:
    """The same directories, options and labels: nothing is trained, labelled or decoded twice."""
    printed = commands(*more, "--stage", "10")
    (sweep,) = [shlex.split(line)[2:] for line in printed if line.startswith("hybrid-kd sweep ")]
    plan = read_study_file(parse_options(SweepOptions, sweep, prog="hybrid-kd sweep"))
    planned = {str(system.directory): system for system in plan.systems}
    trained = [shlex.split(line) for line in printed if line.startswith("steps/kd/train.sh")]
    teacher, *students = trained
    assert plan.given_teacher == plan.teacher_dir == Path(teacher[-1]).parent / "teacher"
    for line in students:
        options = read_options(line)
        assert replace(planned[line[-1]].options, num_threads=1) == replace(options, config=None)
    (labels,) = [shlex.split(line) for line in printed if line.startswith("steps/kd/make_labels.sh")]
    assert plan.label_store == Path(labels[-1])
    assert set(plan.temperatures) <= {float(text) for text in labels[4].split(",")}
    decoded = {line[-1] for line in map(shlex.split, printed) if line[0] == "steps/kd/decode.sh"}
    sets = plan.experiment.tune_data + plan.experiment.eval_data
    for directory in (plan.teacher_dir, *(Path(line[-1]) for line in students)):
        assert {str(decode_dir(directory, data, plan.search)) for data in sets} <= decoded


def read_options(line: list[str]) -> TrainOptions:
    """What a line `steps/kd/train.sh --cmd CMD --opts OPTS DATA DATA ALI ALI OUT` trains with."""
    names = ("train-data", "dev-data", "train-ali", "dev-ali", "out")
    paths = [word for name, path in zip(names, line[5:], strict=True) for word in (f"--{name}", path)]
    return parse_options(TrainOptions, [*shlex.split(line[4]), *paths], prog="hybrid-kd train")


def test_a_corpus_has_a_study_only_where_one_is_named() -> None:
    printed = commands("--corpus", "an4_audio", "--stage", "15")
    assert printed[0] == "no --study is given"
    assert [line.split()[1] for line in printed[1:]] == ["collect", "report", "report"]
    printed = commands("--corpus", "an4_audio", "--stage", "15", "--study", "conf/paper.yaml", "--nj", "3")
    assert "hybrid-kd sweep --config conf/paper.yaml --exp exp/an4_audio" in printed[0]
    assert "--jobs 3 " in printed[0]


def test_a_study_is_handed_to_the_cluster_that_trains() -> None:
    (printed, *_) = commands("--stage", "15", "--cuda-cmd", "queue.pl --gpu 1")
    assert shlex.split(printed)[-2:] == ["--cmd", "queue.pl --gpu 1"]


def test_without_students_of_a_teacher_there_is_no_page(tmp_path: Path) -> None:
    for name in ("teachers", "hard", "distilled"):
        (tmp_path / name).write_text("# none\n")
    flags = ("--corpus", "an4_audio", "--systems", str(tmp_path), "--stage", "16")
    assert [line.split()[1] for line in commands(*flags)] == ["collect", "report"]


def test_kaldis_scripts_get_the_arguments_they_take(kaldi_root: Path) -> None:
    printed = commands("--gmm", "kaldi", "--kaldi-root", str(kaldi_root), "--stage", "1", "--stop-stage", "9")
    mfcc, exp = "data/mini/mfcc/tr05_multi", "exp/mini"
    for expected in (
        f"local/link_kaldi.sh {kaldi_root}",
        f"utils/copy_data_dir.sh data/mini/tr05_multi {mfcc}",
        f"steps/make_mfcc.sh --nj 2 --cmd run.pl --mfcc-config conf/mfcc.conf {mfcc}",
        f"steps/compute_cmvn_stats.sh {mfcc}",
        r"utils/prepare_lang.sh data/mini/dict \<UNK\> data/mini/lang_tmp data/mini/lang",
        "steps/train_mono.sh --nj 2 --cmd run.pl --boost-silence 1.25 --totgauss 1000"
        f" {mfcc} data/mini/lang {exp}/mono",
        f"steps/align_si.sh --nj 2 --cmd run.pl {mfcc} data/mini/lang {exp}/mono {exp}/mono_ali",
        f"steps/train_lda_mllt.sh --cmd run.pl 600 4000 {mfcc} data/mini/lang {exp}/tri1_ali {exp}/tri2b",
        f"steps/train_sat.sh --cmd run.pl 600 5000 {mfcc} data/mini/lang {exp}/tri2b_ali {exp}/tri3b",
        "utils/format_lm.sh data/mini/lang data/mini/lm.arpa.gz data/mini/dict/lexicon.txt"
        " data/mini/lang_test",
        f"utils/mkgraph.sh data/mini/lang_test {exp}/tri3b {exp}/tri3b/graph",
        "steps/align_fmllr.sh --nj 2 --cmd run.pl data/mini/mfcc/dt05_simu data/mini/lang"
        f" {exp}/tri3b {exp}/tri3b_ali_dt05_simu",
        "steps/decode_fmllr.sh --nj 2 --cmd run.pl --skip-scoring true"
        f" {exp}/tri3b/graph data/mini/mfcc/et05_simu {exp}/tri3b/decode_et05_simu",
        "steps/nnet/make_fmllr_feats.sh --nj 2 --cmd run.pl --transform-dir exp/mini/tri3b_ali_tr05_multi"
        f" data/mini/fmllr/tr05_multi {mfcc} {exp}/tri3b data/mini/fmllr/tr05_multi/log"
        " data/mini/fmllr/tr05_multi/data",
    ):
        assert expected in printed


def test_a_finished_kaldi_experiment_begins_with_the_teacher(experiment: dict[str, str]) -> None:
    printed = commands("--from-kaldi-exp", *flags(experiment), "--beam", "11")
    scripts = [line.split()[0] for line in printed]
    in_order = [f"steps/kd/{name}.sh" for name in ("train", "make_labels", "decode", "score")]
    assert [script for script in dict.fromkeys(scripts) if "/" in script] == in_order
    assert f"{experiment['--train-data']} {experiment['--dev-data']}" in printed[0]
    assert "conf/teacher.yaml" in printed[0]
    assert [line for line in printed if " --beam 11 " in line and "/decode_et_11_" in line]


def test_several_development_sets_choose_the_point_together(experiment: dict[str, str]) -> None:
    fmllr = Path(experiment["--dev-data"]).parent
    both = f"{fmllr}/dt_real {fmllr}/dt_simu"
    printed = commands("--from-kaldi-exp", *flags(experiment), "--tune-data", both, "--stage", "14")
    of_teacher = [line for line in printed if line.startswith("steps/kd/score.sh") and "/teacher/" in line]
    assert len(of_teacher) == 3
    exp = experiment["--exp-dir"]
    pooled = rf"--tune-on {exp}/teacher/decode_dt_real_13_8\ {exp}/teacher/decode_dt_simu_13_8"
    assert all(pooled in line for line in of_teacher)


def test_one_development_set_is_scored_at_its_own_best(experiment: dict[str, str]) -> None:
    printed = commands("--from-kaldi-exp", *flags(experiment), "--stage", "14", "--stop-stage", "14")
    assert "--tune-on '' " in printed[0]
    assert "/decode_dt_real_13_8 " in printed[1].split("--tune-on")[1]


def test_all_that_is_missing_of_an_experiment_is_named(experiment: dict[str, str]) -> None:
    for missing in ("--train-data", "--dev-ali"):
        for file in Path(experiment[missing]).iterdir():
            file.unlink()
    done = run("--from-kaldi-exp", *flags(experiment))
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        f"./run.sh: no such file {experiment['--train-data']}/{name}" for name in ("feats.scp", "utt2spk")
    ] + [f"./run.sh: no such file {experiment['--dev-ali']}/{name}" for name in ("ali.1.gz", "final.mdl")]
