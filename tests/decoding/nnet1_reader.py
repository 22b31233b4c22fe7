"""Reads a network that Kaldi's nnet1 wrote, for tests only: Kaldi's own network is the oracle of decoding."""

import struct
from pathlib import Path

import numpy as np
import torch

from hybrid_kd.frames.labelled import Splice
from hybrid_kd.network.dnn import Dnn, NetworkShape


class Nnet1Reader:
    """A cursor over a binary (or text) nnet1 file."""

    def __init__(self, content: bytes) -> None:
        self.binary = content[:2] == b"\0B"
        self.words = [] if self.binary else content.decode().replace("[", " [ ").replace("]", " ] ").split()
        self.content, self.position = content, 2 if self.binary else 0

    def token(self) -> str:
        if not self.binary:
            self.position += 1
            return self.words[self.position - 1]
        end = self.content.index(b" ", self.position)
        word, self.position = self.content[self.position : end].decode(), end + 1
        return word

    def number(self, kind: str) -> float:
        if not self.binary:
            return float(self.token())
        assert self.content[self.position] == 4
        (value,) = struct.unpack_from(f"<{kind}", self.content, self.position + 1)
        self.position += 5
        return float(value)

    def vector(self) -> np.ndarray:
        if not self.binary:
            assert self.token() == "["
            end = self.words.index("]", self.position)
            values, self.position = self.words[self.position : end], end + 1
            return np.array(values, np.float32)
        assert self.token() == "FV"
        return self._floats(int(self.number("i")))

    def matrix(self, rows: int, columns: int) -> np.ndarray:
        if not self.binary:
            return self.vector().reshape(rows, columns)
        assert self.token() == "FM"
        assert (self.number("i"), self.number("i")) == (rows, columns)
        return self._floats(rows * columns).reshape(rows, columns)

    def _floats(self, count: int) -> np.ndarray:
        values = np.frombuffer(self.content, "<f4", count, self.position)
        self.position += 4 * count
        return values


def read_nnet1(path: Path) -> tuple[list[tuple[np.ndarray, np.ndarray]], list[np.ndarray]]:
    """Affine layers as (weights [out in], bias), and the vectors of AddShift and Rescale."""
    reader = Nnet1Reader(path.read_bytes())
    assert reader.token() == "<Nnet>"
    affines, vectors = [], []
    while (component := reader.token()) != "</Nnet>":
        if component == "<!EndOfComponent>":
            continue
        rows, columns = int(reader.number("i")), int(reader.number("i"))
        if component == "<AffineTransform>":
            for _ in range(3):
                assert reader.token().startswith("<")
                reader.number("f")
            affines.append((reader.matrix(rows, columns), reader.vector()))
        elif component in ("<AddShift>", "<Rescale>"):
            assert reader.token() == "<LearnRateCoef>"
            reader.number("f")
            vectors.append(reader.vector())
        elif component == "<Splice>":
            reader.vector() if not reader.binary else reader._floats(int(reader.number("i")))
        else:
            assert component in ("<Sigmoid>", "<Softmax>"), component
    return affines, vectors


def nnet1_to_dnn(directory: Path) -> tuple[Dnn, Splice]:
    """final.nnet and final.feature_transform as one of our networks."""
    affines, _ = read_nnet1(directory / "final.nnet")
    _, (shift, scale) = read_nnet1(directory / "final.feature_transform")
    hidden_dim, input_dim = affines[0][0].shape
    network = Dnn(NetworkShape(input_dim, len(affines) - 1, hidden_dim, affines[-1][0].shape[0], "sigmoid"))
    layers = [*(hidden.get_submodule("affine") for hidden in network.hidden), network.output]
    for layer, (weight, bias) in zip(layers, affines, strict=True):
        layer.load_state_dict({"weight": torch.tensor(weight), "bias": torch.tensor(bias)})
    network.load_state_dict(
        network.state_dict() | {"shift": torch.tensor(shift), "scale": torch.tensor(scale)}
    )
    return network.eval(), Splice(5, 5)
