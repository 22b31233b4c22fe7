"""decode.json: how a decoding went, from what its jobs did."""

import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from hybrid_kd.decoding.job_stats import JobStats
from hybrid_kd.decoding.options import SearchOptions
from hybrid_kd.json_files import read_record, write_json

logger = logging.getLogger(__name__)

SUMMARY = "decode.json"
FRAMES_PER_SECOND = 100.0


@dataclass(frozen=True)
class DecodeSummary:
    """The content of decode.json.

    A real-time factor is seconds of work per second of speech (100 frames). ``partial`` are utterances whose
    lattice reached no final state, ``left_out`` those without lattice, with the reason. first_beam: of a
    decoding in two passes.
    """

    decoder: str
    decoder_program: str
    decoder_version: str
    acoustic_scale: float
    beam: float
    lattice_beam: float
    num_jobs: int
    num_done: int
    num_partial: int
    num_left_out: int
    partial: list[str]
    left_out: dict[str, str]
    num_frames: int
    network_cpu_s: float
    search_cpu_s: float
    wall_s: float
    real_time_factor_network: float
    real_time_factor_search: float
    real_time_factor_wall: float
    model_sha256: str
    logit_scale: float = 1.0
    first_beam: float | None = None


def read_summary(decode_dir: Path) -> DecodeSummary | None:
    """Read decode.json; None in a directory without it (Kaldi's scripts write none).

    Raises: HybridKdError that names a key which is missing, unknown or of another type.
    """
    path = decode_dir / SUMMARY
    if not path.is_file():
        return None
    return read_record(path, DecodeSummary, fix="delete it; the same `hybrid-kd decode` then writes it again")


def write_summary(decode_dir: Path, summary: DecodeSummary) -> None:
    """Write decode.json, which marks the decoding as finished."""
    write_json(decode_dir / SUMMARY, asdict(summary))


def summarise(
    stats: Sequence[JobStats],
    search: SearchOptions,
    *,
    decoder: str,
    program: str,
    model_sha256: str,
    logit_scale: float = 1.0,
) -> DecodeSummary:
    """Sum up what all jobs of a decoding did."""
    num_frames = sum(job_stats.num_frames for job_stats in stats)
    speech_s = num_frames / FRAMES_PER_SECOND
    network_cpu_s = sum(job_stats.network_cpu_s for job_stats in stats)
    search_cpu_s = sum(job_stats.search_cpu_s for job_stats in stats)
    wall_s = max(job_stats.wall_s for job_stats in stats)
    left_out = {utt_id: why for job_stats in stats for utt_id, why in job_stats.left_out.items()}
    partial = [utt_id for job_stats in stats for utt_id in job_stats.partial]
    return DecodeSummary(
        decoder=decoder,
        decoder_program=program,
        decoder_version=stats[0].decoder_version,
        acoustic_scale=search.acoustic_scale,
        beam=search.beam,
        lattice_beam=search.lattice_beam,
        num_jobs=len(stats),
        num_done=sum(job_stats.num_done for job_stats in stats),
        num_partial=len(partial),
        num_left_out=len(left_out),
        partial=partial,
        left_out=left_out,
        num_frames=num_frames,
        network_cpu_s=network_cpu_s,
        search_cpu_s=search_cpu_s,
        wall_s=wall_s,
        real_time_factor_network=network_cpu_s / speech_s,
        real_time_factor_search=search_cpu_s / speech_s,
        real_time_factor_wall=wall_s / speech_s,
        model_sha256=model_sha256,
        logit_scale=logit_scale,
    )


def log_summary(out: Path, summary: DecodeSummary) -> None:
    """Log which decoder ran, how fast, and how many utterances it decoded."""
    logger.info(
        "%s: %s %s, beams %g/%g, acoustic scale %g",
        out,
        summary.decoder_program,
        summary.decoder_version,
        summary.beam,
        summary.lattice_beam,
        summary.acoustic_scale,
    )
    logger.info(
        "%s: real-time factor %.3f (search, CPU) + %.3f (network, CPU); by the clock %.3f with %d jobs",
        out,
        summary.real_time_factor_search,
        summary.real_time_factor_network,
        summary.real_time_factor_wall,
        summary.num_jobs,
    )
    logger.info(
        "%s: done %d, of these partial %d, left out %d",
        out,
        summary.num_done,
        summary.num_partial,
        summary.num_left_out,
    )
