"""Readers of what training leaves: networks, labels, checkpoints, records of decoding, scores, results."""

import hashlib
import json
from contextlib import suppress
from pathlib import Path
from unittest.mock import patch

import numpy as np
import torch

from hybrid_kd.archives.transition_model import read_transition_model
from hybrid_kd.cli import collect
from hybrid_kd.cli.train import Options as TrainOptions
from hybrid_kd.config import parse_options
from hybrid_kd.decoding.decode_record import count_jobs, read_job_stats, write_job_stats
from hybrid_kd.decoding.job_stats import JobStats
from hybrid_kd.distill.label_header import LabelStorePlan
from hybrid_kd.distill.label_store import (
    TeacherOutputs,
    read_label_store,
    write_label_store,
)
from hybrid_kd.distill.noise import fit_noise_axes
from hybrid_kd.distill.teachers import tempered_posteriors
from hybrid_kd.frames.labelled import Splice
from hybrid_kd.gmm.training_state import TrainingState, load_checkpoint, save_checkpoint
from hybrid_kd.gmm.tree_building import monophone_tree
from hybrid_kd.network.dnn import Dnn, NetworkShape
from hybrid_kd.network.model_dir import load_model, save_networks
from hybrid_kd.network.uncertainty import UncertaintyHead, save_uncertainty_head
from hybrid_kd.report.kaldi_results import read_searches, read_wers
from hybrid_kd.report.record_file import read_study, write_study
from hybrid_kd.report.study_report import study_document
from hybrid_kd.scoring.compare import compare_directories
from hybrid_kd.scoring.options import CompareOptions, ScoreOptions
from hybrid_kd.scoring.score_dir import score_directory
from hybrid_kd.sweep.options import SweepOptions
from hybrid_kd.sweep.study_file import read_study_file
from hybrid_kd.training.system import train_system
from hybrid_kd.training.system_list import read_system_list
from tests.fuzz.campaign import Target
from tests.fuzz.table_targets import describe
from tests.gmm.tiny_model import random_gmm, tiny_model, tiny_topology
from tests.report.experiment import FakeExperiment, utt_ids_of
from tests.report.made_up import errors_of, make_student, make_study
from tests.report.test_kaldi_results import write_wers
from tests.sweep.experiment import make_tiny_study
from tests.tiny_experiment import make_tiny_experiment, transition_model_text

NUM_PDFS, DIM = 9, 4


def make_labels(root: Path) -> None:
    generator = torch.Generator().manual_seed(0)
    logits = [3 * torch.randn(length, NUM_PDFS, generator=generator) for length in (5, 3)]
    sigma = [0.5 + torch.rand(*part.shape, generator=generator) for part in logits]
    plan = LabelStorePlan("teacher", "ab", "data", "cd", NUM_PDFS, (1.0, 2.0), 0.01, 2, "ef")
    outputs = [TeacherOutputs(f"u{i}", part, sigma[i]) for i, part in enumerate(logits)]
    write_label_store(root / "labels", outputs, plan, fit_noise_axes(torch.cat(sigma), 2))


def read_labels(root: Path) -> None:
    store = read_label_store(root / "labels")
    for temperature in store.header.temperatures:
        posteriors = tempered_posteriors(store, temperature, prune_below=store.header.prune_below)
        assert posteriors.offsets[-1] == len(posteriors.pdf_ids)
    describe(root / "labels")


def seal_labels(root: Path) -> None:
    """The sha256 of the arrays in labels.json, as label_store.py makes it; the header's own is left out."""
    store = root / "labels"
    header = json.loads((store / "labels.json").read_text())
    arrays = ["pdf_ids.int16", "logits.float32", "log_z.float32", "frame_offsets.int64", "utt_offsets.int64"]
    arrays += ["noise_axes.float32", "noise.float16", "noise_norm.float32"]
    parts = [(store / "utt_ids").read_text()]
    parts += [hashlib.sha256((store / name).read_bytes()).hexdigest() for name in arrays]
    header.pop("header_sha256", None)
    header["sha256"] = hashlib.sha256("\n".join(parts).encode()).hexdigest()
    (store / "labels.json").write_text(json.dumps(header))


def make_network(root: Path) -> None:
    """A model directory with an uncertainty head; without SHA256SUMS, as older ones are."""
    path = root / "model"
    path.mkdir()
    save_networks(path / "final.safetensors", (Dnn(NetworkShape(3 * DIM, 1, 6, NUM_PDFS)),), Splice(1, 1))
    save_uncertainty_head(path, UncertaintyHead(6, NUM_PDFS, "softplus"))
    (path / "ali_train_pdf.counts").write_text(f" [ {'2.5 ' * NUM_PDFS}]\n")
    (path / "final.mdl").write_text(transition_model_text(NUM_PDFS // 3))
    (path / "config.yaml").write_text("hidden_layers: 1\ntrain_data: data/tr\n")
    (path / "provenance.json").write_text('{"argv": ["hybrid-kd"], "version": "0", "commit": null}\n')
    (path / "SHA256SUMS").unlink(missing_ok=True)


def read_network(root: Path) -> None:
    model = load_model(root / "model")
    logits = model.logits_of_spliced(torch.zeros(2, model.networks[0].shape.input_dim))
    assert logits.shape == (2, model.num_pdfs)
    read_transition_model(root / "model/final.mdl")
    describe(root / "model")


def train_options(root: Path) -> TrainOptions:
    data = make_tiny_experiment(root / "data", num_dev=2) if not (root / "data").is_dir() else None
    assert data is None or data.train_data == root / "data/train"
    flags = f"""
        --train-data {root}/data/train --train-ali {root}/data/train_ali --dev-data {root}/data/dev
        --dev-ali {root}/data/dev_ali --out {root}/exp --hidden-layers 1 --hidden-dim 4 --max-iters 2
        --minibatch-size 64 --left-context 0 --right-context 0 --num-threads 1 --device cpu --average 2
    """
    return parse_options(TrainOptions, flags.split(), prog="train")


def make_training(root: Path) -> None:
    """A training that was stopped just before its end."""
    options = train_options(root)
    with patch("hybrid_kd.training.system.finish", side_effect=InterruptedError), suppress(InterruptedError):
        train_system(options)
    assert (root / "exp/checkpoint.safetensors").is_file()


def go_on_training(root: Path) -> None:
    train_system(train_options(root))


def make_gmm_checkpoint(root: Path) -> None:
    model = tiny_model()
    state = TrainingState(
        iteration=7,
        tree=monophone_tree([(1,), (2,), (3,)], tiny_topology()),
        model=model,
        gmm=random_gmm(0, sizes=[2] * model.num_pdfs),
        occupancies=np.arange(float(model.num_pdfs)),
        alignments=(np.arange(4, dtype=np.int32), np.zeros(0, np.int32)),
        failed={"utt": "no path"},
        matrix=np.ones((3, 5)),
        transforms={"b": np.eye(3, 4), "a": np.ones((3, 4))},
    )
    save_checkpoint(root, state)


def read_gmm_checkpoint(root: Path) -> None:
    load_checkpoint(root, tiny_topology())


def make_scored(root: Path) -> None:
    """Two systems, decoded and scored."""
    experiment = FakeExperiment(root)
    for name, wrong in (("a", 0), ("b", 1)):
        out = experiment.decode(experiment.add_system(name), "decode_dt05_simu", "dt05_simu", wrong=wrong)
        write_job_stats(out, 1, JobStats(12, 1200, search_cpu_s=0.5, decoder_version="0.3.2"))


def read_scored(root: Path) -> None:
    """All that a decode directory says, without scoring again."""
    first, second = (root / f"exp/tiny/{name}/decode_dt05_simu" for name in "ab")
    if read_job_stats(first, 1) is not None:
        count_jobs(first, 1, max_left_out=0.01)
    describe(first)
    compare_directories(CompareOptions(first, second, num_replicates=100))


def score_again(root: Path) -> None:
    out = root / "exp/tiny/a/decode_dt05_simu"
    score_directory(ScoreOptions(out, root / "data/dt05_simu", root / "graph"))
    assert len(utt_ids_of("dt05_simu"))


def collect_results(root: Path) -> None:
    collect.run(collect.Options(root / "exp/tiny", root / "results.jsonl", baseline="a"))


def make_results(root: Path) -> None:
    dt, et = errors_of(2), errors_of(3)
    students = [make_student(f"si_{w}_s0", dt, et, hard_weight=float(w)) for w in ("0", "0.5")]
    hard = make_student("hard_s0", errors_of(3), errors_of(4), mixing=None, hard_weight=1.0)
    write_study(root / "tiny.jsonl", make_study(hard, *students))


def read_results(root: Path) -> None:
    read_study(root / "tiny.jsonl")


def report_results(root: Path) -> None:
    """All that is computed; drawing it would take most of the time."""
    with (
        patch("hybrid_kd.report.bootstrap.NUM_REPLICATES", 50),
        patch("matplotlib.figure.Figure.draw_without_rendering"),
        patch("matplotlib.figure.Figure.savefig"),
    ):
        study_document(read_study(root / "tiny.jsonl"), title="tiny")


def make_study_file(root: Path) -> None:
    make_tiny_study(root).write()
    for name in ("data", "graph"):
        for path in sorted((root / name).rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
    (root / "train.yaml").write_text(
        "hidden_layers: 2\nhidden_dim: 8\nhard_weight: 0.5\ntemperatures: 3:2,2:1\nbatch_norm: true\n"
        "teacher_labels: [exp/labels, exp/more]\nactivation: relu\ninit: null\nlearning_rate: 0.008\n"
    )
    (root / "systems").write_text(
        f"# name options\nsi_0.5 --config {root}/train.yaml --hard-weight 0.5\nhard --init EXP/si_0.5\n"
    )


def read_study_files(root: Path) -> None:
    read_study_file(SweepOptions(root / "study.yaml"))
    needed = "--train-data a --train-ali b --dev-data c --dev-ali d"
    parse_options(
        TrainOptions, [*needed.split(), "--out", "e", "--config", f"{root}/train.yaml"], prog="train"
    )
    read_system_list(root / "systems", exp=root, opts=needed)


def make_kaldi_results(root: Path) -> None:
    write_wers(root / "decode", {"10_0.0": 30, "9_0.0": 31})
    (root / "searches").write_text("tri3b 0.083333 13 8\n")


def read_kaldi_results(root: Path) -> None:
    read_wers(root / "decode")
    read_searches(root / "searches")
    describe(root / "decode")


TARGETS = [
    Target("label_store", make_labels, read_labels, seal=seal_labels),
    Target("network", make_network, read_network),
    Target("training", make_training, go_on_training, damaged="exp/**/*"),
    Target("gmm_checkpoint", make_gmm_checkpoint, read_gmm_checkpoint),
    Target("scored_dir", make_scored, read_scored, damaged="exp/tiny/*/decode*/**/*"),
    Target("score_again", make_scored, score_again, damaged="exp/tiny/a/decode*/**/*"),
    Target("collect", make_scored, collect_results, damaged="exp/**/*"),
    Target("results", make_results, read_results),
    Target("report", make_results, report_results),
    Target("study_file", make_study_file, read_study_files),
    Target("kaldi_results", make_kaldi_results, read_kaldi_results),
]
