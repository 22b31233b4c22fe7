"""Kaldi's LatticeSimpleDecoder from the kaldi-decoder wheel: lattices where Kaldi is not installed.

Beside latgen-faster-mapped it has no --max-active and does not determinise, so that its lattices are
larger; best paths and costs are the same. It decodes one utterance at a time and holds the GIL: use
processes.
"""

import gzip
import importlib.metadata
import logging
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32, Int32

from hybrid_kd.atomic import replace_file
from hybrid_kd.decoding.job_stats import JobStats, Utterances
from hybrid_kd.decoding.options import SearchOptions
from hybrid_kd.processes import Report

logger = logging.getLogger(__name__)

PROGRAM = "kaldi-decoder LatticeSimpleDecoder"
RETRY_BEAM_FACTOR = 1.5
GZIP_LEVEL = 3  # level 6 takes twice the time for a tenth less space


@dataclass(frozen=True)
class DecodedUtterance:
    """One utterance's lattice (an OpenFst lattice4 file, acoustic costs unscaled), and its best path.

    partial: no final state of the graph was reached, so that every last state counts as final.
    """

    lattice: bytes
    partial: bool
    best_word_ids: tuple[int, ...]
    best_graph_cost: float
    best_acoustic_cost: float  # unscaled


def decode_utterance(
    graph: Any,
    loglikes: Float32[np.ndarray, "frames pdfs"],
    transition_id_to_pdf_id: Int32[np.ndarray, " transition_ids_and_0"],
    options: SearchOptions,
) -> DecodedUtterance | None:
    """Search the graph for the paths within ``lattice_beam`` of the best.

    A search that ends in no final state is tried once more with a beam 1.5 times as wide; what is still
    partial is given as such, as Kaldi's --allow-partial=true does. ``loglikes`` must be finite. None if no
    path was found.

    Raises: ValueError if the log-likelihoods are of another number of pdfs than the TransitionModel.
    """
    pdf_ids = transition_id_to_pdf_id[1:]
    if loglikes.shape[1] != pdf_ids.max() + 1:
        raise ValueError(f"log-likelihoods of {loglikes.shape[1]} pdfs, the model has {pdf_ids.max() + 1}")
    scores = (loglikes * np.float32(options.acoustic_scale)).take(pdf_ids, axis=1)
    search = _search(graph, scores, options.beam, options.lattice_beam)
    if not search.reached_final:
        retry = _search(graph, scores, RETRY_BEAM_FACTOR * options.beam, options.lattice_beam)
        search = retry if retry.reached_final or not search.has_path else search
    return _result(search, options.acoustic_scale) if search.has_path else None


@dataclass(frozen=True)
class _Search:
    decoder: Any
    reached_final: bool
    has_path: bool
    best_path: Any


def _search(
    graph: Any, scores: Float32[np.ndarray, "frames ids"], beam: float, lattice_beam: float
) -> _Search:
    from kaldi_decoder import DecodableCtc, LatticeSimpleDecoder, LatticeSimpleDecoderConfig

    config = LatticeSimpleDecoderConfig(beam=beam, lattice_beam=lattice_beam)
    decoder = LatticeSimpleDecoder(graph, config)
    reached_final = decoder.decode(DecodableCtc(scores))
    has_path, best_path = decoder.get_best_path()
    return _Search(decoder, reached_final, has_path and best_path.num_states > 0, best_path)


def _result(search: _Search, acoustic_scale: float) -> DecodedUtterance:
    import kaldifst

    unscaled = kaldifst.lattice_scale(lmwt=1.0, acwt=1.0 / acoustic_scale)
    ok, lattice = search.decoder.get_raw_lattice()
    assert ok, "a best path without a lattice"
    kaldifst.scale_lattice(unscaled, lattice)
    _, _, word_ids, cost = kaldifst.get_linear_symbol_sequence(search.best_path)
    return DecodedUtterance(
        lattice_to_bytes(lattice),
        not search.reached_final,
        tuple(word_ids),
        cost.value1,
        cost.value2 / acoustic_scale,
    )


def lattice_to_bytes(lattice: Any) -> bytes:
    """A kaldifst Lattice as OpenFst writes it; after a key and a space, an archive entry that Kaldi reads."""
    with tempfile.NamedTemporaryFile(prefix="hybrid_kd.", suffix=".lat") as file:
        if not lattice.write(file.name):
            raise OSError(None, "cannot be written", file.name)
        return Path(file.name).read_bytes()


@contextmanager
def open_lattice_archive(path: Path) -> Iterator[gzip.GzipFile]:
    """Open a gzipped archive for writing; it takes its name only when the block ends without an error."""
    with replace_file(path) as raw, gzip.GzipFile("", "wb", GZIP_LEVEL, raw, mtime=0) as file:
        yield file


@dataclass(frozen=True)
class EmbeddedDecoder:
    """All that an utterance is decoded with: the graph (kaldifst.StdFst) and the meaning of its labels."""

    graph: Any
    transition_id_to_pdf_id: Int32[np.ndarray, " transition_ids_and_0"]
    words: dict[int, str]
    search: SearchOptions

    def decode_job(self, utterances: Utterances, lattice_file: Path, log: Path, report: Report) -> JobStats:
        """Decode one job into ``lattice_file`` (.gz); what is logged goes to ``log`` already."""
        del log
        stats = JobStats(decoder_version=importlib.metadata.version("kaldi_decoder"))
        start, before = time.monotonic(), time.process_time()
        with open_lattice_archive(lattice_file) as archive:
            for utt_id, loglikes in utterances:
                searching = time.process_time()
                decoded = decode_utterance(self.graph, loglikes, self.transition_id_to_pdf_id, self.search)
                if decoded is not None:
                    archive.write(utt_id.encode() + b" " + decoded.lattice)
                self._count(stats, utt_id, decoded, len(loglikes))
                report(utt_id)
                stats.network_cpu_s += searching - before
                before = time.process_time()
                stats.search_cpu_s += before - searching
        stats.wall_s = time.monotonic() - start
        return stats

    def _count(self, stats: JobStats, utt_id: str, decoded: DecodedUtterance | None, num_frames: int) -> None:
        """Count one utterance, and log what Kaldi logs: its words, and its log-likelihood per frame."""
        if decoded is None:
            logger.warning("left out '%s': no path through the graph", utt_id)
            stats.left_out[utt_id] = "no path through the graph"
            return
        if decoded.partial:
            logger.warning("partial output for '%s': no final state was reached", utt_id)
            stats.partial.append(utt_id)
        stats.num_done += 1
        stats.num_frames += num_frames
        cost = decoded.best_graph_cost + self.search.acoustic_scale * decoded.best_acoustic_cost
        logger.info("%s %s", utt_id, " ".join(self.words[word_id] for word_id in decoded.best_word_ids))
        logger.info(
            "log-likelihood per frame of '%s': %.6g over %d frames", utt_id, -cost / num_frames, num_frames
        )
