"""decode.json: how a decoding went, from what its jobs did."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hybrid_kd.decoding.job_stats import JobStats
from hybrid_kd.decoding.options import SearchOptions

logger = logging.getLogger(__name__)

FRAMES_PER_SECOND = 100.0


def summarise(
    stats: Sequence[JobStats],
    search: SearchOptions,
    *,
    decoder: str,
    program: str,
    model_sha256: str,
    logit_scale: float = 1.0,
) -> dict[str, Any]:
    """The content of decode.json. A real-time factor is seconds of work per second of speech (100 frames)."""
    num_frames = sum(job_stats.num_frames for job_stats in stats)
    speech_s = num_frames / FRAMES_PER_SECOND
    network_cpu_s = sum(job_stats.network_cpu_s for job_stats in stats)
    search_cpu_s = sum(job_stats.search_cpu_s for job_stats in stats)
    wall_s = max(job_stats.wall_s for job_stats in stats)
    return {
        "decoder": decoder,
        "decoder_program": program,
        "decoder_version": stats[0].decoder_version,
        "acoustic_scale": search.acoustic_scale,
        "beam": search.beam,
        "lattice_beam": search.lattice_beam,
        "logit_scale": logit_scale,
        "num_jobs": len(stats),
        "num_done": sum(job_stats.num_done for job_stats in stats),
        "num_partial": sum(len(job_stats.partial) for job_stats in stats),
        "num_left_out": sum(len(job_stats.left_out) for job_stats in stats),
        "partial": [utt_id for job_stats in stats for utt_id in job_stats.partial],
        "left_out": {utt_id: why for job_stats in stats for utt_id, why in job_stats.left_out.items()},
        "num_frames": num_frames,
        "network_cpu_s": network_cpu_s,
        "search_cpu_s": search_cpu_s,
        "wall_s": wall_s,
        "real_time_factor_network": network_cpu_s / speech_s,
        "real_time_factor_search": search_cpu_s / speech_s,
        "real_time_factor_wall": wall_s / speech_s,
        "model_sha256": model_sha256,
    }


def log_summary(out: Path, summary: dict[str, Any]) -> None:
    """Say which decoder ran, how fast, and how many utterances it did."""
    logger.info(
        "%s: %s %s, beams %g/%g, acoustic scale %g",
        out,
        *(
            summary[name]
            for name in ("decoder_program", "decoder_version", "beam", "lattice_beam", "acoustic_scale")
        ),
    )
    logger.info(
        "%s: real-time factor %.3f (search, CPU) + %.3f (network, CPU); by the clock %.3f with %d jobs",
        out,
        summary["real_time_factor_search"],
        summary["real_time_factor_network"],
        summary["real_time_factor_wall"],
        summary["num_jobs"],
    )
    logger.info(
        "%s: done %d, of these partial %d, left out %d",
        out,
        *(summary[f"num_{name}"] for name in ("done", "partial", "left_out")),
    )
