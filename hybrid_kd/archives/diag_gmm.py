"""The diagonal-covariance GMMs (AmDiagGmm) that may stand behind the TransitionModel in a final.mdl.

Source: Kaldi gmm/am-diag-gmm.cc and gmm/diag-gmm.cc.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32

from hybrid_kd.archives.byte_reader import ByteReader, FormatError
from hybrid_kd.archives.matrices import (
    bare_matrix_to_bytes,
    parse_binary_matrix,
    parse_binary_vector,
    parse_matrix,
    parse_vector,
    vector_to_bytes,
)
from hybrid_kd.archives.topology import int_to_bytes, take_int


@dataclass(frozen=True)
class DiagGmm:
    """One pdf's mixture: loglikes = gconsts + means_invvars x - 0.5 inv_vars x^2, natural log."""

    gconsts: Float32[np.ndarray, " gaussians"]
    weights: Float32[np.ndarray, " gaussians"]
    means_invvars: Float32[np.ndarray, "gaussians dim"]
    inv_vars: Float32[np.ndarray, "gaussians dim"]


@dataclass(frozen=True)
class AmDiagGmm:
    """The mixtures of all pdfs, by pdf_id."""

    feature_dim: int
    gmms: tuple[DiagGmm, ...]

    @property
    def num_gaussians(self) -> int:
        """Gaussians of all pdfs together."""
        return sum(len(gmm.weights) for gmm in self.gmms)


def parse_am_diag_gmm(reader: ByteReader, *, binary: bool) -> AmDiagGmm:
    """Parse ``<DIMENSION> .. <NUMPDFS> ..`` and each pdf's mixture.

    Raises: FormatError.
    """
    reader.expect_token("<DIMENSION>")
    feature_dim = take_int(reader, binary=binary)
    reader.expect_token("<NUMPDFS>")
    num_pdfs = take_int(reader, binary=binary)
    return AmDiagGmm(
        feature_dim,
        tuple(_take_gmm(reader, pdf_id, feature_dim, binary=binary) for pdf_id in range(num_pdfs)),
    )


def _take_gmm(reader: ByteReader, pdf_id: int, feature_dim: int, *, binary: bool) -> DiagGmm:
    take_vector = parse_binary_vector if binary else parse_vector
    take_matrix = parse_binary_matrix if binary else parse_matrix
    parts = {}
    reader.expect_token("<DiagGMM>")
    for token in ("<GCONSTS>", "<WEIGHTS>", "<MEANS_INVVARS>", "<INV_VARS>"):
        reader.expect_token(token)
        take = take_vector if token in ("<GCONSTS>", "<WEIGHTS>") else take_matrix
        parts[token] = take(reader).astype(np.float32)
    reader.expect_token("</DiagGMM>")
    gconsts, weights, means_invvars, inv_vars = parts.values()
    shape = (len(weights), feature_dim)
    if len(gconsts) != len(weights) or means_invvars.shape != shape or inv_vars.shape != shape:
        raise FormatError(f"the parts of the GMM of pdf {pdf_id} differ in size")
    return DiagGmm(gconsts, weights, means_invvars, inv_vars)


def am_diag_gmm_to_bytes(model: AmDiagGmm) -> bytes:
    """The binary form that stands behind the TransitionModel."""
    head = b"<DIMENSION> " + int_to_bytes(model.feature_dim) + b"<NUMPDFS> " + int_to_bytes(len(model.gmms))
    return head + b"".join(map(_gmm_to_bytes, model.gmms))


def _gmm_to_bytes(gmm: DiagGmm) -> bytes:
    return b"".join(
        [
            b"<DiagGMM> <GCONSTS> " + vector_to_bytes(gmm.gconsts),
            b"<WEIGHTS> " + vector_to_bytes(gmm.weights),
            b"<MEANS_INVVARS> " + bare_matrix_to_bytes(gmm.means_invvars),
            b"<INV_VARS> " + bare_matrix_to_bytes(gmm.inv_vars),
            b"</DiagGMM> ",
        ]
    )
