"""Linear and affine transforms."""

from pathlib import Path

import numpy as np
import pytest

from hybrid_kd.archives.matrices import open_matrix_writer, read_matrices
from hybrid_kd.errors import HybridKdError
from hybrid_kd.frontend.transforms import apply_transform, compose_transforms, read_transforms

pytestmark = pytest.mark.numerical

RNG = np.random.default_rng(0)
FEATURES = RNG.normal(size=(20, 6)).astype(np.float32)


def matrix(rows: int, columns: int) -> np.ndarray:
    return RNG.normal(size=(rows, columns)).astype(np.float32)


def test_one_more_column_is_added() -> None:
    affine = matrix(4, 7)
    expected = FEATURES @ affine[:, :6].T + affine[:, 6]
    np.testing.assert_allclose(apply_transform(FEATURES, affine), expected, rtol=1e-5)
    np.testing.assert_allclose(apply_transform(FEATURES, affine[:, :6]), expected - affine[:, 6], atol=1e-5)


@pytest.mark.parametrize("columns", [4, 5])
def test_a_composed_transform_is_one_after_the_other(columns: int) -> None:
    first, second = matrix(4, 6), matrix(3, columns)
    np.testing.assert_allclose(
        apply_transform(FEATURES, compose_transforms(second, first)),
        apply_transform(apply_transform(FEATURES, first), second),
        atol=1e-5,
    )


def test_a_transform_of_another_dimension_is_an_error() -> None:
    with pytest.raises(ValueError, match="a transform of 4 x 8, but the features have 6 coefficients"):
        apply_transform(FEATURES, matrix(4, 8))
    with pytest.raises(ValueError, match="a transform of 3 x 6 after one to 4 dimensions"):
        compose_transforms(matrix(3, 6), matrix(4, 6))


def test_transforms_of_all_jobs_are_read_by_speaker(shared: Path) -> None:
    read = read_transforms(shared / "kaldi-an4/exp/tri3b/decode_dt05_simu")
    assert len(read) == 8
    for speaker, expected in read_matrices(f"ark:{shared}/kaldi-an4/golden/trans.ark"):
        assert read[speaker].shape == expected.shape == (40, 41)


def test_a_directory_without_transforms_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(HybridKdError, match="no such directory"):
        read_transforms(tmp_path / "none")
    with pytest.raises(HybridKdError, match=r"it holds no trans\.1"):
        read_transforms(tmp_path)
    for job in (1, 2):
        with open_matrix_writer(f"ark:{tmp_path}/trans.{job}") as write:
            write("a", matrix(2, 3))
    with pytest.raises(HybridKdError, match=r"trans\.2: speaker 'a' comes twice"):
        read_transforms(tmp_path)
