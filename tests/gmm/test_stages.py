"""The training stages on the golden utterances: from a flat start to SAT, stopped and continued."""

import filecmp
import logging
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from hybrid_kd.archives.alignments import read_alignment_dir
from hybrid_kd.archives.matrices import read_matrices, read_matrix, write_matrix
from hybrid_kd.archives.transition_model import read_model_file
from hybrid_kd.errors import HybridKdError
from hybrid_kd.frontend.transforms import read_transforms
from hybrid_kd.gmm import stages, training
from hybrid_kd.gmm.first_models import lda_matrix, with_identities
from hybrid_kd.gmm.lda import LdaStatistics
from hybrid_kd.gmm.model_dir import read_gmm_model_dir
from hybrid_kd.gmm.options import MonoOptions, TriphoneOptions
from hybrid_kd.gmm.training import DELTAS, LDA_MLLT, MONO, SAT
from hybrid_kd.gmm.training_state import CHECKPOINT, TrainingState, save_checkpoint
from tests.gmm.experiment import change_mfccs, lang_dir, write_golden_data

SHORT = {"MONO": (MONO, 12), "DELTAS": (DELTAS, 6), "LDA_MLLT": (LDA_MLLT, 6), "SAT": (SAT, 6)}
FILES = ("tree", "final.mdl", "final.occs", "ali.1.gz", "ali.2.gz", "num_jobs", "phones.txt")


@pytest.fixture(scope="module", autouse=True)
def few_iterations() -> Iterator[None]:
    """The schedules with their first iterations only."""
    with pytest.MonkeyPatch.context() as patch:
        for name, (schedule, num_iters) in SHORT.items():
            shorter = replace(schedule, num_iters=num_iters, last_growth=num_iters - 2)
            patch.setattr(stages, name, replace(shorter, realign=schedule.realign | {4}))
        yield


@pytest.fixture(scope="module")
def work(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Data, and all four stages one after another."""
    path = tmp_path_factory.mktemp("gmm")
    logging.getLogger("hybrid_kd").setLevel(logging.INFO)  # as the command line does
    write_golden_data(shared, path / "data")
    mono = mono_options(shared, path)
    stages.train_mono(mono)
    stages.train_deltas(triphone_options(shared, path, "mono", "tri1"))
    stages.train_lda_mllt(triphone_options(shared, path, "tri1", "tri2"))
    stages.train_sat(triphone_options(shared, path, "tri2", "tri3"))
    return path


def mono_options(shared: Path, path: Path, out: str = "mono") -> MonoOptions:
    return MonoOptions(data=path / "data", lang=lang_dir(shared), out=path / out, num_gauss=150)


def triphone_options(shared: Path, path: Path, ali: str, out: str, **changes: object) -> TriphoneOptions:
    options = TriphoneOptions(
        data=path / "data",
        lang=lang_dir(shared),
        ali=path / ali,
        out=path / out,
        num_leaves=60,
        num_gauss=120,
    )
    return replace(options, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["mono", "tri1", "tri2", "tri3"])
def test_a_stage_leaves_a_directory_that_fits_together(work: Path, name: str) -> None:
    for file in FILES:
        assert (work / name / file).is_file()
    directory = read_gmm_model_dir(work / name)
    lengths = dict(line.split() for line in (work / "data/utt2num_frames").read_text().splitlines())
    alignments = dict(read_alignment_dir(work / name))
    assert {utt_id: str(len(alignment)) for utt_id, alignment in alignments.items()} == lengths
    assert max(map(np.max, alignments.values())) <= directory.model.num_transition_ids
    assert np.isfinite(directory.gmm.means).all()
    assert directory.gmm.variances.min() >= 0.00099
    assert not (work / name / CHECKPOINT).exists()


def test_features_are_told_by_the_files(work: Path) -> None:
    assert not (work / "tri1/final.mat").exists()
    assert read_matrix(str(work / "tri2/final.mat")).shape == (40, 91)
    assert (work / "tri3/splice_opts").read_text() == "--left-context=3 --right-context=3\n"
    assert filecmp.cmp(work / "tri3/final.mat", work / "tri2/final.mat", shallow=False)
    transforms = read_transforms(work / "tri3")
    assert {speaker: matrix.shape for speaker, matrix in transforms.items()} == {
        "fkdo": (40, 41),
        "mkdb": (40, 41),
    }
    ali = read_model_file(work / "tri3/final.alimdl")
    final = read_model_file(work / "tri3/final.mdl")
    assert ali.gmm is not None
    assert final.gmm is not None
    assert [len(gmm.weights) for gmm in ali.gmm.gmms] == [len(gmm.weights) for gmm in final.gmm.gmms]


def test_the_likelihood_rises(work: Path) -> None:
    lines = [line for line in (work / "mono/log/train.log").read_text().splitlines() if "iteration" in line]
    loglikes = [float(line.partition("loglike ")[2].split()[0]) for line in lines]
    assert len(loglikes) == 11
    assert loglikes[-1] > loglikes[0] + 3
    assert all(after > before - 0.2 for before, after in pairwise(loglikes))


def test_phones_that_never_occur_do_no_harm(work: Path) -> None:
    """Most phones of the lexicon are in none of these utterances."""
    occupancies = (work / "mono/final.occs").read_text().split()[1:-1]
    assert occupancies.count("0") > 10


def test_a_finished_stage_is_left_alone(work: Path, shared: Path, caplog: pytest.LogCaptureFixture) -> None:
    before = (work / "mono/final.mdl").stat().st_mtime_ns
    with caplog.at_level(logging.INFO):
        stages.train_mono(mono_options(shared, work))
    assert "already done" in caplog.text
    assert (work / "mono/final.mdl").stat().st_mtime_ns == before


def test_other_options_are_refused(work: Path, shared: Path) -> None:
    with pytest.raises(HybridKdError, match="num_gauss was 150, is 151"):
        stages.train_mono(replace(mono_options(shared, work), num_gauss=151))


def test_a_directory_of_kaldis_is_not_written_into(work: Path, shared: Path, tmp_path: Path) -> None:
    for mark in ("final.mdl", "num_jobs"):
        (tmp_path / mark).touch()
    with pytest.raises(HybridKdError, match=r"it is there, but no provenance\.json says"):
        stages.train_mono(replace(mono_options(shared, work), out=tmp_path))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["final.mdl", "log", "num_jobs"]


class StoppedError(Exception):
    """As if the process was killed."""


def test_a_stage_that_was_stopped_ends_with_the_same_bits(work: Path, shared: Path) -> None:
    options = triphone_options(shared, work, "tri2", "stopped")

    def stop_after(directory: Path, state: TrainingState) -> None:
        save(directory, state)
        if state.iteration == 4:
            raise StoppedError

    save = save_checkpoint
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "save_checkpoint", stop_after)
        with pytest.raises(StoppedError):
            stages.train_sat(options)
    stages.train_sat(options)
    same, _, _ = filecmp.cmpfiles(
        work / "tri3", work / "stopped", [*FILES, "final.alimdl", "trans.1"], shallow=False
    )
    assert set(same) == {*FILES, "final.alimdl", "trans.1"}


def test_the_number_of_processes_changes_no_bit(work: Path, shared: Path) -> None:
    stages.train_deltas(triphone_options(shared, work, "mono", "one", nj=1))
    names = ["tree", "final.mdl", "final.occs"]
    same, _, _ = filecmp.cmpfiles(work / "tri1", work / "one", names, shallow=False)
    assert same == names


def test_an_utterance_too_short_for_its_transcript_is_left_out(
    shared: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    words = " ".join(["RUBOUT"] * 100)
    write_golden_data(shared, tmp_path / "data", {"mkdb_an316_STR_SIMU": words})
    options = mono_options(shared, tmp_path)
    with pytest.raises(
        HybridKdError,
        match=r"left out 1 \(1 too short for its transcript\); at most 1 % .*\n.*--max-left-out 0.125",
    ):
        stages.train_mono(options)
    assert "left out 'mkdb_an316_STR_SIMU': too short for its transcript" in caplog.text
    assert "iteration 1 of" not in caplog.text  # it is known before anything is trained

    def stop(_trainer: object, state: TrainingState) -> TrainingState:
        raise StoppedError

    with pytest.MonkeyPatch.context() as patch:  # the same --out is accepted with the option that is offered
        patch.setattr(stages, "run_iterations", stop)
        with pytest.raises(StoppedError):
            stages.train_mono(replace(options, max_left_out=0.125))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_leaves": 0}, "--num-leaves: 0 is out of range"),
        ({"num_gauss": 10}, "--num-gauss: 10 is out of range"),
        ({"nj": 0}, "--nj: 0 is out of range"),
        ({"boost_silence": -1.0}, "--boost-silence: -1.0 is out of range"),
        ({"max_left_out": float("nan")}, "--max-left-out: nan is out of range"),
    ],
)
def test_values_out_of_range_are_refused(
    work: Path, shared: Path, changes: dict[str, object], message: str
) -> None:
    with pytest.raises(HybridKdError, match=message):
        stages.train_deltas(triphone_options(shared, work, "mono", "bad", **changes))


def test_alignments_of_other_data_are_refused(work: Path, shared: Path) -> None:
    options = replace(
        triphone_options(shared, work, "mono", "other"), ali=shared / "kaldi-an4/exp/tri3b_ali_tr05_multi"
    )
    with pytest.raises(HybridKdError, match="none of its alignments fits"):
        stages.train_deltas(options)


def test_a_directory_without_a_model_is_refused(work: Path, shared: Path) -> None:
    with pytest.raises(HybridKdError, match=r"holds no final\.mdl"):
        stages.train_deltas(triphone_options(shared, work, "data", "none"))


def test_other_frames_than_a_stage_was_begun_with_are_told(shared: Path, tmp_path: Path) -> None:
    data = write_golden_data(shared, tmp_path / "data")
    mfccs = dict(read_matrices(f"scp:{data}/feats.scp"))
    for utt_id, matrix in mfccs.items():
        write_matrix(data / f"{utt_id}.mat", matrix)
    (data / "feats.scp").write_text("".join(f"{utt_id} {data}/{utt_id}.mat\n" for utt_id in mfccs))

    def stop(directory: Path, state: TrainingState) -> None:
        save_checkpoint(directory, state)
        raise StoppedError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "save_checkpoint", stop)
        with pytest.raises(StoppedError):
            stages.train_mono(mono_options(shared, tmp_path))
    write_matrix(data / f"{utt_id}.mat", matrix[:-3])
    with pytest.raises(HybridKdError, match="not those that it was begun with"):
        stages.train_mono(mono_options(shared, tmp_path))


def test_features_that_do_not_vary_are_refused(shared: Path, tmp_path: Path) -> None:
    data = write_golden_data(shared, tmp_path / "data")
    change_mfccs(data, np.zeros_like)
    with pytest.raises(HybridKdError, match="the features of the first 10 utterances do not vary"):
        stages.train_mono(mono_options(shared, tmp_path))


def test_a_speaker_without_transform_begins_with_the_identity(
    work: Path, caplog: pytest.LogCaptureFixture
) -> None:
    transforms = read_transforms(work / "tri3")
    completed = with_identities(transforms, {"fkdo", "mkdb", "mxyz"})
    np.testing.assert_array_equal(completed["mxyz"], np.eye(40, 41))
    np.testing.assert_array_equal(completed["mkdb"], transforms["mkdb"])
    assert "speaker 'mxyz' has no fMLLR transform" in caplog.text


def test_too_few_states_for_lda_are_told() -> None:
    statistics = LdaStatistics(np.ones(5), np.ones((5, 91)), np.eye(91))
    with pytest.raises(HybridKdError, match="exp/mono: LDA to 40 dimensions"):
        lda_matrix(statistics, Path("exp/mono"))
