"""Kaldi's nnet1 networks (final.nnet, final.feature_transform), binary and text, read and written.

A file is ``<Nnet>``, components, ``</Nnet>``; a component is its token, output and input dimension, numbers
that have tokens of their own (``<LearnRateCoef> 1``), arrays, and ``<!EndOfComponent>``.
Source: Kaldi nnet/nnet-component.cc and the ReadData and WriteData of each component.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Float32, Int32

from hybrid_kd.archives.byte_reader import ByteReader, FormatError
from hybrid_kd.archives.matrices import (
    bare_matrix_to_bytes,
    parse_binary_matrix,
    parse_binary_vector,
    parse_matrix,
    parse_vector,
    vector_to_bytes,
)
from hybrid_kd.archives.streams import parse_whole_file
from hybrid_kd.archives.topology import int_to_bytes, ints_to_bytes, real_to_bytes, take_int, take_real
from hybrid_kd.atomic import replace_file
from hybrid_kd.errors import HybridKdError

MAX_DIM = 10_000_000  # a larger dimension is damage
Array = Float32[np.ndarray, "_ _"] | Float32[np.ndarray, " _"] | Int32[np.ndarray, " _"]
ArrayKind = Literal["matrix", "vector", "integers"]


@dataclass(frozen=True)
class Layout:
    """What stands behind a component's dimensions: numbers by token, with Kaldi's defaults, then arrays."""

    coefs: Mapping[str, float] = field(default_factory=dict)
    arrays: tuple[ArrayKind, ...] = ()


LAYOUTS = {
    "AffineTransform": Layout(
        {"LearnRateCoef": 1.0, "BiasLearnRateCoef": 1.0, "MaxNorm": 0.0}, ("matrix", "vector")
    ),
    "ParametricRelu": Layout({"AlphaLearnRateCoef": 0.0, "BetaLearnRateCoef": 0.0}, ("vector", "vector")),
    "Sigmoid": Layout(),
    "Softmax": Layout(),
    "Splice": Layout(arrays=("integers",)),
    "AddShift": Layout({"LearnRateCoef": 1.0}, ("vector",)),
    "Rescale": Layout({"LearnRateCoef": 1.0}, ("vector",)),
}
# Components of nnet1 that hybrid_kd's networks have no place for.
FOREIGN = """
    LinearTransform ConvolutionalComponent Convolutional2DComponent LstmProjected LstmProjectedStreams
    BlstmProjected BlstmProjectedStreams RecurrentComponent HiddenSoftmax BlockSoftmax Tanh Dropout
    LengthNormComponent Rbm Copy KlHmm AveragePoolingComponent AveragePooling2DComponent MaxPoolingComponent
    MaxPooling2DComponent SentenceAveragingComponent SimpleSentenceAveragingComponent FramePoolingComponent
    ParallelComponent MultiBasisComponent Fsmn DeepFsmn UniFsmn UniDeepFsmn
"""
KIND_OF = {f"<{kind}>".lower(): kind for kind in (*LAYOUTS, *FOREIGN.split())}  # Kaldi ignores the case


class ForeignComponentError(Exception):
    """A component of nnet1 that is not among ours; holds its name."""


@dataclass(frozen=True)
class Component:
    """One component. kind: its token without brackets; coefs: by token; arrays: in the file's order.

    AffineTransform: weight [output input], bias. ParametricRelu: alpha, beta, so that x -> alpha x above 0
    and beta x below. Splice: frame offsets. AddShift, Rescale: what is added or multiplied.
    """

    kind: str
    output_dim: int
    input_dim: int
    arrays: tuple[Array, ...] = ()
    coefs: Mapping[str, float] = field(default_factory=dict)


def read_nnet1(path: Path) -> tuple[Component, ...]:
    """Read a network, from its input to its output.

    Raises: HybridKdError, also where neighbours differ in dimension or a number is not finite.
    """
    try:
        return parse_whole_file(path, parse_nnet1, what="an nnet1 network")
    except ForeignComponentError as error:
        known = ", ".join(f"<{kind}>" for kind in LAYOUTS)
        raise HybridKdError.at(
            path, f"has a <{error}>, which hybrid_kd lacks", fix=f"give a network that is made of {known}"
        ) from error


def parse_nnet1(reader: ByteReader) -> tuple[Component, ...]:
    """Parse ``<Nnet> .. </Nnet>``; the brackets may be left out, as older files do.

    Raises: FormatError; ForeignComponentError.
    """
    binary = reader.take_binary_mark()
    components: list[Component] = []
    token = reader.take_token()
    has_brackets = token == "<Nnet>"
    if has_brackets:
        token = reader.take_token()
    while token != "</Nnet>":
        components.append(_take_component(reader, token, binary=binary))
        if not binary:
            reader.skip_space()
        if not has_brackets and reader.at_end():
            break
        token = reader.take_token()
    if not components:
        raise FormatError("a network without components")
    for below, above in pairwise(components):
        if below.output_dim != above.input_dim:
            raise FormatError(
                f"<{above.kind}> takes {above.input_dim}, <{below.kind}> gives {below.output_dim}"
            )
    return tuple(components)


def _take_component(reader: ByteReader, token: str, *, binary: bool) -> Component:
    kind = KIND_OF.get(token.lower())
    if kind is None:
        raise FormatError(f"expected a component of nnet1, found {token[:40]!r}")
    if kind not in LAYOUTS:
        raise ForeignComponentError(kind)
    output_dim, input_dim = take_int(reader, binary=binary), take_int(reader, binary=binary)
    if not (0 < output_dim <= MAX_DIM and 0 < input_dim <= MAX_DIM):
        raise FormatError(f"a <{kind}> from {input_dim} to {output_dim}")
    coefs = dict(LAYOUTS[kind].coefs)
    while (token := _next_token(reader, binary=binary)) and token[1:-1] in coefs:
        reader.take_token()
        coefs[token[1:-1]] = take_real(reader, binary=binary)
    arrays = tuple(_take_array(reader, array_kind, binary=binary) for array_kind in LAYOUTS[kind].arrays)
    if _next_token(reader, binary=binary) == "<!EndOfComponent>":
        reader.take_token()
    component = Component(kind, output_dim, input_dim, arrays, coefs)
    _check(component)
    return component


def _next_token(reader: ByteReader, *, binary: bool) -> str:
    """The token that comes next, which is left there; nothing if it is something else."""
    if not binary:
        reader.skip_space()
    ahead = reader.peek(32)
    end = ahead.find(b">") + 1
    return ahead[:end].decode("latin-1") if ahead.startswith(b"<") else ""


def _take_array(reader: ByteReader, kind: ArrayKind, *, binary: bool) -> Array:
    if kind == "integers":
        if binary:
            return reader.take_raw_int32s(reader.take_count("frame offsets", min_bytes_each=4))
        numbers = parse_vector(reader)
        if not (np.abs(numbers) < 2**31).all() or (numbers != numbers.round()).any():
            raise FormatError("frame offsets that are not integers")
        return numbers.astype(np.int32)
    if kind == "matrix":
        numbers = parse_binary_matrix(reader) if binary else parse_matrix(reader)
    else:
        numbers = parse_binary_vector(reader) if binary else parse_vector(reader)
    with np.errstate(over="ignore"):
        return numbers.astype(np.float32)


def _check(component: Component) -> None:
    """Raises: FormatError where arrays do not have the size of the dimensions, or a number is not finite."""
    name, dims = f"<{component.kind}>", (component.output_dim, component.input_dim)
    for array in component.arrays:
        if component.kind == "Splice":
            fits = len(array) * component.input_dim == component.output_dim
        else:
            fits = array.shape in (dims, dims[:1])
        if not fits:
            shape = " x ".join(map(str, array.shape))
            raise FormatError(f"{name} from {dims[1]} to {dims[0]} holds an array of {shape}")
        if not np.isfinite(array).all():
            raise FormatError(f"NaN or infinity in {name}")
    if component.kind not in ("AffineTransform", "Splice") and dims[0] != dims[1]:
        raise FormatError(f"{name} gives {dims[0]}, but takes {dims[1]}")


def write_nnet1(path: Path, components: Sequence[Component], *, binary: bool = True) -> None:
    """Write a network as Kaldi does; text has as many digits as a float32 needs to come back, 7 or 9."""
    to_bytes = _component_to_bytes if binary else _component_to_text
    brackets = (b"\0B<Nnet> ", b"</Nnet> ") if binary else (b"<Nnet> \n", b"</Nnet> \n")
    with replace_file(path) as file:
        file.write(brackets[0])
        for component in components:
            _check(component)
            file.write(to_bytes(component))
        file.write(brackets[1])


def _coefs(component: Component) -> dict[str, float]:
    return {**LAYOUTS[component.kind].coefs, **component.coefs}


def _component_to_bytes(component: Component) -> bytes:
    head = (
        f"<{component.kind}> ".encode()
        + int_to_bytes(component.output_dim)
        + int_to_bytes(component.input_dim)
    )
    coefs = [f"<{name}> ".encode() + real_to_bytes(value) for name, value in _coefs(component).items()]
    arrays = [
        ints_to_bytes(array.tolist())
        if array.dtype == np.int32
        else (bare_matrix_to_bytes(array) if array.ndim == 2 else vector_to_bytes(array))
        for array in component.arrays
    ]
    return b"".join([head, *coefs, *arrays, b"<!EndOfComponent> "])


def _component_to_text(component: Component) -> bytes:
    head = f"<{component.kind}> {component.output_dim} {component.input_dim} \n"
    names, values = _coefs(component).keys(), np.array([*_coefs(component).values()], np.float32)
    coefs = "".join(f"<{name}> {value} " for name, value in zip(names, _words(values), strict=True))
    if len(component.arrays) == 2:
        coefs += "\n"
    return (head + coefs + "".join(map(_array_to_text, component.arrays)) + "<!EndOfComponent> \n").encode()


def _array_to_text(array: Array) -> str:
    if array.dtype == np.int32:
        return f"[ {' '.join(map(str, array.tolist()))} ]\n"
    if array.ndim == 1:
        return f" [ {' '.join(_words(array))} ]\n"
    rows = "".join(f"\n  {' '.join(_words(row))} " for row in array)
    return f" [{rows}]\n"


def _words(values: Float32[np.ndarray, " values"]) -> list[str]:
    """Seven digits, as Kaldi writes, or nine where seven do not give the number back."""
    words = [format(value, ".7g") for value in values.tolist()]
    for index in np.flatnonzero(np.array(words, np.float32) != values):
        words[index] = format(float(values[index]), ".9g")
    return words
