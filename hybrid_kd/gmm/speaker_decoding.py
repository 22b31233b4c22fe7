"""Two-pass decoding of a speaker: lattices without adaptation, fMLLR from them, lattices and fMLLR again.

The lattices of the second pass get the acoustic costs of the final transform.
Source: Kaldi steps/decode_fmllr.sh, gmmbin/gmm-rescore-lattice.cc.
"""

import io
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float32, Float64

from hybrid_kd.archives.byte_reader import ByteReader
from hybrid_kd.archives.lattices import Lattice, parse_lattice
from hybrid_kd.archives.posteriors import Posteriors
from hybrid_kd.archives.transition_model import TransitionModel
from hybrid_kd.current_input import note_input
from hybrid_kd.decoding.embedded import DecodedUtterance, decode_utterance
from hybrid_kd.decoding.lattice_order import frames_of_arcs
from hybrid_kd.decoding.options import SearchOptions
from hybrid_kd.errors import HybridKdError
from hybrid_kd.frontend.transforms import apply_transform
from hybrid_kd.gmm.fmllr import FmllrEstimate, accumulate_fmllr, compose_fmllr, estimate_fmllr
from hybrid_kd.gmm.frame_posteriors import posteriors_to_pdfs, weight_silence
from hybrid_kd.gmm.lattice_posteriors import lattice_posteriors
from hybrid_kd.gmm.model import StackedGmm
from hybrid_kd.gmm.model_dir import GmmModelDir

logger = logging.getLogger(__name__)

Frames = Mapping[str, Float32[np.ndarray, "_ _"]]


@dataclass(frozen=True)
class SpeakerDecoder:
    """What all speakers are decoded with; ``first`` and ``second`` are the searches of the two passes."""

    model_dir: GmmModelDir
    graph: Any  # kaldifst.StdFst
    silence_phones: tuple[int, ...]
    silence_weight: float
    first: SearchOptions
    second: SearchOptions

    def decode(self, speaker: str, frames: Frames, report: Callable[[str], None]) -> "DecodedSpeaker":
        """Decode a speaker's unadapted frames; ``report`` is called with each utterance of the second pass.

        Raises: HybridKdError for features of another dimension than the model's.
        """
        _check_dim(frames, self.model_dir)
        models = self.model_dir
        lattices = dict(_lattices(self._search(frames, models.ali_gmm, models.ali_model, self.first)))
        first = self._estimate(speaker, frames, lattices, models.ali_gmm)
        adapted = {utt_id: _adapt(matrix, first.transform) for utt_id, matrix in frames.items()}
        decoded = {}
        for utt_id, result in self._search(adapted, models.gmm, models.model, self.second):
            decoded[utt_id] = result
            report(utt_id)
        lattices = dict(_lattices(decoded.items()))
        second = self._estimate(speaker, adapted, lattices, None)
        transform = compose_fmllr(second.transform, first.transform)
        final = {
            utt_id: rescore_lattice(lattice, models.gmm, models.model, _adapt(frames[utt_id], transform))
            for utt_id, lattice in lattices.items()
        }
        return DecodedSpeaker(transform, decoded, final)

    def _search(
        self, frames: Frames, gmm: StackedGmm, model: TransitionModel, search: SearchOptions
    ) -> Iterator[tuple[str, DecodedUtterance | None]]:
        for utt_id, matrix in frames.items():
            note_input(utt_id)
            yield (
                utt_id,
                decode_utterance(self.graph, gmm.loglikes(matrix), model.transition_id_to_pdf_id, search),
            )

    def _estimate(
        self, speaker: str, frames: Frames, lattices: Mapping[str, Lattice], posterior_gmm: StackedGmm | None
    ) -> FmllrEstimate:
        """The transform on top of ``frames``, by the posteriors of the lattices."""
        posteriors = lattice_posteriors(lattices.items(), acoustic_scale=self.second.acoustic_scale)
        utterances = [
            (frames[utt_id], self._pdf_posteriors(part)) for utt_id, part in posteriors if part is not None
        ]
        statistics = accumulate_fmllr(utterances, self.model_dir.gmm, posterior_gmm=posterior_gmm)
        return estimate_fmllr(statistics, speaker=speaker)

    def _pdf_posteriors(self, posteriors: Posteriors) -> Posteriors:
        model = self.model_dir.model
        weighted = weight_silence(posteriors, model, self.silence_phones, self.silence_weight)
        return posteriors_to_pdfs(weighted, model)


@dataclass(frozen=True)
class DecodedSpeaker:
    """The final transform, how the second search went (None: no path), and the lattices rescored."""

    transform: Float64[np.ndarray, "dim columns"]
    searches: dict[str, DecodedUtterance | None]
    lattices: dict[str, Lattice]


def rescore_lattice(
    lattice: Lattice, gmm: StackedGmm, model: TransitionModel, frames: Float32[np.ndarray, "frames dim"]
) -> Lattice:
    """The lattice with the acoustic costs of these frames instead of its own.

    Raises: ValueError if the lattice is empty or has more frames.
    """
    is_emitting = lattice.ilabels > 0
    which = frames_of_arcs(lattice)[is_emitting]
    if len(which) and which.max() >= len(frames):
        raise ValueError(f"a lattice of more than {len(frames)} frames")
    pdf_ids, columns = np.unique(
        model.transition_id_to_pdf_id[lattice.ilabels[is_emitting]], return_inverse=True
    )
    loglikes = gmm.loglikes(frames, pdf_ids=pdf_ids)
    costs = np.zeros_like(lattice.acoustic_costs)
    costs[is_emitting] = -loglikes[which, columns]
    finals = np.where(np.isfinite(lattice.final_graph_costs), 0, lattice.final_acoustic_costs)
    return replace(lattice, acoustic_costs=costs, final_acoustic_costs=finals.astype(np.float32))


def _check_dim(frames: Frames, model_dir: GmmModelDir) -> None:
    for utt_id, matrix in frames.items():
        if matrix.shape[1] != model_dir.gmm.dim:
            problem = f"{matrix.shape[1]} dimensions, {model_dir.path} takes {model_dir.gmm.dim}"
            raise HybridKdError.at(
                "features", problem, fix="give the MFCC that it was trained on", key=utt_id
            )


def _lattices(decoded: Any) -> Iterator[tuple[str, Lattice]]:
    """The lattices of those utterances that have one."""
    for utt_id, result in decoded:
        if result is not None:
            yield utt_id, parse_lattice(ByteReader(io.BytesIO(result.lattice)))


def _adapt(
    frames: Float32[np.ndarray, "frames dim"], transform: Float64[np.ndarray, "dim columns"]
) -> Float32[np.ndarray, "frames dim"]:
    return apply_transform(frames, transform.astype(np.float32))
