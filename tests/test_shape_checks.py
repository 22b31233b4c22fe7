"""The tests check shapes and types of every call into hybrid_kd."""

import numpy as np
import pytest
from beartype.roar import BeartypeCallHintParamViolation
from jaxtyping import Float32, TypeCheckError

from hybrid_kd.archives.symbols import read_symbol_table
from hybrid_kd.frontend.transforms import apply_transform, compose_transforms
from tests.shape_checks import has_shapes


def test_axes_of_a_call_that_disagree_are_an_error() -> None:
    assert has_shapes(compose_transforms)
    with pytest.raises(TypeCheckError):
        apply_transform(np.zeros(3, np.float32), np.zeros((2, 3), np.float32))


def test_a_value_of_another_type_is_an_error() -> None:
    assert not has_shapes(read_symbol_table)
    with pytest.raises(BeartypeCallHintParamViolation):
        read_symbol_table(7)  # type: ignore[arg-type]


def test_shapes_are_found_within_other_types() -> None:
    def within(arrays: dict[str, Float32[np.ndarray, " n"]]) -> None: ...
    def either() -> Float32[np.ndarray, " n"] | None: ...
    def text(array: "Float32[np.ndarray, ' n']") -> None: ...
    def none(arrays: list[np.ndarray]) -> None: ...

    assert [has_shapes(each) for each in (within, either, text, none)] == [True, True, True, False]
