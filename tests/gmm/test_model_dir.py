"""Model directories: jobs as Kaldi cuts them, and files that read back."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_kd.archives.alignments import read_alignment_dir
from hybrid_kd.archives.data_dir import DataDir
from hybrid_kd.errors import HybridKdError
from hybrid_kd.frontend.transforms import read_transforms
from hybrid_kd.gmm.model_dir import (
    copy_files,
    read_gmm_model_dir,
    split_by_speaker,
    write_alignments,
    write_occupancies,
    write_transforms,
)


def make_data(num_utts_by_speaker: list[int]) -> DataDir:
    utt2spk = {
        f"s{speaker:03}_{utt:03}": f"s{speaker:03}"
        for speaker, num_utts in enumerate(num_utts_by_speaker)
        for utt in range(num_utts)
    }
    return DataDir(Path("data"), tuple(utt2spk), utt2spk, None, {})


@given(st.lists(st.integers(1, 40), min_size=1, max_size=20), st.integers(1, 8))
def test_jobs_are_whole_speakers_in_order_and_none_is_empty(sizes: list[int], num_jobs: int) -> None:
    data = make_data(sizes)
    jobs = split_by_speaker(data, num_jobs)
    assert len(jobs) == min(num_jobs, len(sizes))
    assert tuple(utt_id for job in jobs for utt_id in job) == data.utt_ids
    speakers = [{data.utt2spk[utt_id] for utt_id in job} for job in jobs]
    assert all(speakers)
    assert sum(map(len, speakers)) == len(sizes)


def test_jobs_are_those_of_kaldis_alignments(shared: Path) -> None:
    from hybrid_kd.archives.data_dir import read_data_dir
    from hybrid_kd.archives.int_vectors import read_int_vectors

    for name in ("tr05_multi", "dt05_simu"):
        jobs = split_by_speaker(read_data_dir(shared / "kaldi-an4/data" / name, needs_feats=False), 2)
        for job, utt_ids in enumerate(jobs, start=1):
            archive = shared / f"kaldi-an4/exp/tri3b_ali_{name}/ali.{job}.gz"
            assert {utt_id for utt_id, _ in read_int_vectors(f"ark:{archive}")} <= set(utt_ids)


def test_alignments_and_transforms_read_back(tmp_path: Path) -> None:
    data = make_data([2, 1])
    alignments = {utt_id: np.arange(5, dtype=np.int32) for utt_id in data.utt_ids[1:]}
    transforms = {"s000": np.eye(2, 3), "s001": np.ones((2, 3))}
    (tmp_path / "ali.3.gz").touch()
    jobs = split_by_speaker(data, 2)
    write_alignments(tmp_path, alignments, jobs)
    write_transforms(tmp_path, transforms, data, jobs)
    assert [utt_id for utt_id, _ in read_alignment_dir(tmp_path)] == list(alignments)
    np.testing.assert_array_equal(read_transforms(tmp_path)["s001"], transforms["s001"])
    assert sorted(path.name for path in tmp_path.glob("trans.*")) == ["trans.1", "trans.2"]


def test_occupancies_are_a_text_vector(tmp_path: Path) -> None:
    write_occupancies(tmp_path / "final.occs", np.array([38561.0, 0.0, 1080.0]))
    assert (tmp_path / "final.occs").read_text() == " [ 38561 0 1080 ]\n"


def test_kaldis_directory_is_read(shared: Path) -> None:
    directory = read_gmm_model_dir(shared / "kaldi-an4/exp/tri3b")
    assert directory.is_adapted
    assert directory.kind.dynamics == "splice"
    assert directory.gmm.num_gaussians == directory.ali_gmm.num_gaussians == 6007


def test_a_model_without_gmms_is_refused(shared: Path) -> None:
    with pytest.raises(HybridKdError, match="without GMMs"):
        read_gmm_model_dir(shared / "kaldi-an4/exp/tri3b_ali_dt05_simu")


def test_a_tree_of_another_model_is_refused(shared: Path, tmp_path: Path) -> None:
    copy_files(shared / "kaldi-an4/exp/tri3b", tmp_path, ["final.mdl", "cmvn_opts", "splice_opts"])
    copy_files(shared / "kaldi-libri5k/exp/tri3b", tmp_path, ["tree"])
    with pytest.raises(HybridKdError, match="do not fit each other"):
        read_gmm_model_dir(tmp_path)


def test_no_directory_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(HybridKdError, match="no such directory"):
        read_gmm_model_dir(tmp_path / "tri3b")
