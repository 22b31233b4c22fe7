"""Networks over data directories: what is left out, and how utterances are divided among jobs."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from jaxtyping import Float
from torch import Tensor

from hybrid_kd.archives.data_dir import read_data_dir
from hybrid_kd.archives.matrices import open_matrix_writer
from hybrid_kd.decoding.forward import (
    forward_utterances,
    read_num_frames,
    select_utterances,
    split_utterances,
)
from hybrid_kd.errors import HybridKdError
from hybrid_kd.tally import Tally
from tests.decoding.experiment import write_texts

pytestmark = pytest.mark.numerical


class Doubler:
    """A model whose logits are twice the features."""

    log_priors = torch.tensor([-1.0, -2.0])
    num_pdfs = 2
    feature_dim = 2

    def logits(self, features: Float[Tensor, "frames dim"], /) -> Float[Tensor, "frames pdfs"]:
        return 2 * features


def data_dir(path: Path, features: dict[str, np.ndarray]) -> Path:
    write_texts(path, dict.fromkeys(features, "A"))
    with open_matrix_writer(f"ark,scp:{path}/feats.ark,{path}/feats.scp") as write:
        for utt_id, matrix in features.items():
            write(utt_id, matrix)
    return path


def test_loglikes_come_in_the_order_of_the_data(tmp_path: Path) -> None:
    features = {f"s_{index}": np.full((3, 2), index, np.float32) for index in range(3)}
    data, tally = read_data_dir(data_dir(tmp_path / "data", features)), Tally("data")
    outputs = dict(forward_utterances(Doubler(), data, tally))
    assert list(outputs) == ["s_0", "s_1", "s_2"]
    np.testing.assert_array_equal(outputs["s_2"], [[5.0, 6.0]] * 3)
    assert tally.summary() == "done 3, left out 0"


def test_nan_and_empty_utterances_are_left_out_by_name(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bad = np.zeros((4, 2), np.float32)
    bad[2, 1] = np.nan
    features = {"s_1": bad, "s_2": np.zeros((0, 0), np.float32), "s_3": np.zeros((1, 2), np.float32)}
    data, tally = read_data_dir(data_dir(tmp_path / "data", features)), Tally("data")
    assert [utt_id for utt_id, _ in forward_utterances(Doubler(), data, tally)] == ["s_3"]
    assert "left out 's_1': NaN or infinity in features (1 of 4 frames, the first is 2)" in caplog.text
    assert tally.summary() == "done 1, left out 2 (1 NaN or infinity in features, 1 no frames)"


def test_features_of_another_dimension_are_an_error(tmp_path: Path) -> None:
    data = read_data_dir(data_dir(tmp_path / "data", {"s_1": np.zeros((4, 13), np.float32)}))
    with pytest.raises(
        HybridKdError, match=r"utterance 's_1': features have 13 coefficients, the model takes 2"
    ):
        list(forward_utterances(Doubler(), data, Tally("data")))


@given(
    weights=st.lists(st.integers(0, 3000), min_size=1, max_size=60),
    num_jobs=st.integers(1, 70),
)
def test_jobs_are_contiguous_complete_and_never_empty(weights: list[int], num_jobs: int) -> None:
    utt_ids = tuple(f"u{index:03d}" for index in range(len(weights)))
    jobs = split_utterances(utt_ids, num_jobs=num_jobs, num_frames=dict(zip(utt_ids, weights, strict=True)))
    assert sum(jobs, ()) == utt_ids
    assert len(jobs) == min(num_jobs, len(utt_ids))
    assert all(jobs)


def test_jobs_have_about_as_many_frames() -> None:
    frames = {f"u{index}": count for index, count in enumerate([900, 50, 50, 500, 500])}
    jobs = split_utterances(tuple(frames), num_jobs=2, num_frames=frames)
    assert jobs == (("u0", "u1", "u2"), ("u3", "u4"))
    assert split_utterances(tuple(frames), num_jobs=2, num_frames=None)[0] == ("u0", "u1")


def test_numbers_of_frames_are_read_where_they_are_complete(tmp_path: Path) -> None:
    path = data_dir(tmp_path / "data", {"s_1": np.zeros((4, 2), np.float32)})
    assert read_num_frames(read_data_dir(path)) is None
    (path / "utt2num_frames").write_text("s_1 4\n")
    assert read_num_frames(read_data_dir(path)) == {"s_1": 4}


def test_utterances_can_be_listed_and_limited(tmp_path: Path) -> None:
    data = read_data_dir(
        data_dir(tmp_path / "data", {f"s_{n}": np.zeros((1, 2), np.float32) for n in range(4)})
    )
    utt_list = tmp_path / "list"
    utt_list.write_text("s_3 and more\ns_1\n\n")
    assert select_utterances(data, max_utts=2, utt_list=None) == ("s_0", "s_1")
    assert select_utterances(data, max_utts=None, utt_list=utt_list) == ("s_1", "s_3")
    assert select_utterances(data, max_utts=1, utt_list=utt_list) == ("s_1",)
    utt_list.write_text("s_9\n")
    with pytest.raises(HybridKdError, match=r"utterance 's_9': 1 of 1 utterances are not in"):
        select_utterances(data, max_utts=None, utt_list=utt_list)
    utt_list.write_text("")
    with pytest.raises(HybridKdError, match="no utterance is left to decode"):
        select_utterances(data, max_utts=None, utt_list=utt_list)
