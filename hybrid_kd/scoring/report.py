"""Word error rates as text: Kaldi's CHiME-4 lines, and a table by environment."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool

from hybrid_kd.decoding.summary import DecodeSummary
from hybrid_kd.scoring.best_paths import ScoringPoint
from hybrid_kd.scoring.utterances import ENVIRONMENTS, environment, kind
from hybrid_kd.scoring.word_errors import ErrorTable, WordErrors

RULE = "-------------------"


def by_environment(utt_ids: Sequence[str]) -> dict[str, Bool[np.ndarray, " utterances"]]:
    """Which utterances are in each environment, in the order BUS, CAF, PED, STR; only those that occur."""
    names = [environment(utt_id) for utt_id in utt_ids]
    return {name: np.array([other == name for other in names]) for name in ENVIRONMENTS if name in names}


def by_kind(set_name: str, utt_ids: Sequence[str]) -> dict[str, Bool[np.ndarray, " utterances"]]:
    """Which utterances are dt05_simu and dt05_real if a set holds both, else all under its own name."""
    kinds = [kind(utt_id) for utt_id in utt_ids]
    if not {"simu", "real"} <= set(kinds):
        return {set_name: np.ones(len(utt_ids), bool)}
    return {
        f"{base_name(set_name)}_{name}": np.array([other == name for other in kinds])
        for name in ("simu", "real")
    }


def base_name(set_name: str) -> str:
    """dt05_simu -> dt05."""
    base, _, last = set_name.rpartition("_")
    return base if last in ("simu", "real", "multi") else set_name


def format_report(
    set_name: str,
    table: ErrorTable,
    point: ScoringPoint,
    result: dict[str, Any],
    decoding: DecodeSummary | None,
) -> str:
    """All that ``hybrid-kd score`` prints. ``result`` is what score.json holds."""
    is_best = result["tuned_on_itself"]
    tuned = "tuned on the set itself" if is_best else f"tuned on {' + '.join(result['tuned_on'])}"
    return "\n".join(
        [
            RULE,
            *recipe_lines(set_name, table, point, is_best=is_best),
            "",
            *_table(set_name, table, point),
            "",
            f"{result['decode_dir']}: {tuned}{decoder_in_words(decoding)}",
        ]
    )


def recipe_lines(set_name: str, table: ErrorTable, point: ScoringPoint, *, is_best: bool) -> list[str]:
    """``best overall dt05 WER 15.17% (language model weight = 11)``, then a line for each of simu and real.

    Source: Kaldi egs/chime4/s5_1ch/local/chime4_calc_wers.sh, which says nothing of the insertion penalty.
    """
    wer = f"{base_name(set_name)} WER {table.total(point).wer:.2f}%"
    lines = [
        f"{'best ' if is_best else ''}overall {wer} (language model weight = {point.lm_weight})",
        f" (insertion penalty weight = {point.word_ins_penalty:.1f})",
        RULE,
    ]
    for name, which in by_kind(set_name, table.utt_ids).items():
        lines += [_kaldi_line(name, table, point, which), RULE]
    return lines


def _kaldi_line(
    name: str, table: ErrorTable, point: ScoringPoint, which: Bool[np.ndarray, " utterances"]
) -> str:
    """``dt05_simu WER: 15.67% (Average), 14.09% (BUS), ...``."""
    rates = [f"{table.total(point, which).wer:.2f}% (Average)"]
    for environment_name, inside in by_environment(table.utt_ids).items():
        if (which & inside).any():
            rates.append(f"{table.total(point, which & inside).wer:.2f}% ({ENVIRONMENTS[environment_name]})")
    return f"{name} WER: {', '.join(rates)}"


def _table(set_name: str, table: ErrorTable, point: ScoringPoint) -> list[str]:
    rows = [
        (ENVIRONMENTS[name], table.total(point, inside))
        for name, inside in by_environment(table.utt_ids).items()
    ]
    rows.append((set_name, table.total(point)))
    width = max(len(name) for name, _ in rows)
    head = f"{'':{width}} sentences  words errors   ins   del   sub  WER %  SER %"
    return [head, *(_row(name.ljust(width), errors) for name, errors in rows)]


def _row(name: str, errors: WordErrors) -> str:
    return (
        f"{name} {errors.num_sentences:9d} {errors.num_words:6d} {errors.errors:6d} {errors.insertions:5d} "
        f"{errors.deletions:5d} {errors.substitutions:5d} {errors.wer:6.2f} {errors.ser:6.2f}"
    )


def decoder_in_words(decoding: DecodeSummary | None) -> str:
    """Which decoder made the lattices: rates of different decoders or beams are not to be compared."""
    if decoding is None:
        return ""
    beams = f"{decoding.beam:g}/{decoding.lattice_beam:g}"
    return f"; {decoding.decoder_program} {decoding.decoder_version}, beams {beams}"
