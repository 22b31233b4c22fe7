"""Decode directories that Kaldi scored: errors of the hypotheses that its scoring scripts left there.

steps/scoring/score_kaldi_wer.sh leaves scoring_kaldi/test_filt.txt (the reference) and
scoring_kaldi/penalty_WIP/LMWT.txt (words); the local/score.sh of CHiME-4 and other older recipes leaves
scoring/test_filt.txt and scoring/LMWT.tra (word-ids, at penalty 0).
"""

from pathlib import Path

from hybrid_kd.archives.symbols import read_symbol_table
from hybrid_kd.errors import HybridKdError
from hybrid_kd.scoring.best_paths import ScoringPoint
from hybrid_kd.scoring.tuning import in_kaldis_order
from hybrid_kd.scoring.utterance_scores import SetScores, ids_to_words, score_utterance
from hybrid_kd.tally import Tally
from hybrid_kd.text_files import read_word_lines

SCORE_AGAIN = "score it again with Kaldi's local/score.sh"


def find_hypotheses(decode_dir: Path) -> dict[ScoringPoint, Path]:
    """Files of hypotheses by scoring point, in Kaldi's order; none where Kaldi's scripts did not score."""
    words = decode_dir.glob("scoring_kaldi/penalty_*/*.txt")
    word_ids = decode_dir.glob("scoring/*.tra")
    found = {_point_of(path): path for path in words if path.stem.isdigit()}
    found = found or {_point_of(path): path for path in word_ids if path.stem.isdigit()}
    return {point: found[point] for point in in_kaldis_order(found)}


def _point_of(path: Path) -> ScoringPoint:
    """scoring_kaldi/penalty_0.5/11.txt or scoring/11.tra."""
    penalty = path.parent.name.removeprefix("penalty_") if path.suffix == ".txt" else "0.0"
    try:
        return ScoringPoint(int(path.stem), float(penalty))
    except ValueError as error:
        raise HybridKdError.at(path, f"no insertion penalty: {penalty}", fix=SCORE_AGAIN) from error


def read_kaldi_scores(decode_dir: Path, words_file: Path | None) -> SetScores:
    """Count the errors of Kaldi's hypotheses; words that are no speech do not count (see `score_utterance`).

    An utterance of the reference without hypothesis has all its words deleted (compute-wer --mode=present
    leaves it out). ``words_file`` (words.txt) is read only for word-ids.

    Raises: HybridKdError if Kaldi's files are missing or do not belong together, if ``words_file`` is needed
    and not given, or if more than 1 % of the utterances have no hypothesis.
    """
    files = find_hypotheses(decode_dir)
    if not files:
        raise HybridKdError.at(decode_dir, "no hypotheses of Kaldi's scoring", fix=SCORE_AGAIN)
    of_words = next(iter(files.values())).suffix == ".txt"
    reference_file = decode_dir / ("scoring_kaldi" if of_words else "scoring") / "test_filt.txt"
    references = _read_texts(reference_file)
    words = None if of_words else _read_words(decode_dir, words_file)
    hypotheses = [_read_hypotheses(path, words) for path in files.values()]
    for path, found in zip(files.values(), hypotheses, strict=True):
        if unknown := sorted(found.keys() - references.keys()):
            raise HybridKdError.at(path, f"not in {reference_file}", fix=SCORE_AGAIN, key=unknown[0])
    tally = Tally(decode_dir)
    for utt_id in references:
        if any(utt_id in found for found in hypotheses):
            tally.done()
        else:
            tally.left_out(utt_id, "no hypothesis", "all its words count as deleted")
    tally.close(fix="decode with a wider --beam")
    return SetScores(
        tuple(files),
        [
            score_utterance(utt_id, reference, [found.get(utt_id) for found in hypotheses])
            for utt_id, reference in references.items()
        ],
    )


def _read_texts(path: Path) -> dict[str, list[str]]:
    """Lines ``utt_id words`` in any order: those of archives that were decoded in parallel."""
    texts: dict[str, list[str]] = {}
    for number, line in enumerate(read_word_lines(path, fix=SCORE_AGAIN), start=1):
        if not line:
            raise HybridKdError.at(path, f"line {number} is empty", fix=SCORE_AGAIN)
        utt_id, *words = line
        if utt_id in texts:
            raise HybridKdError.at(path, "comes twice", fix=SCORE_AGAIN, key=utt_id)
        texts[utt_id] = words
    return texts


def _read_words(decode_dir: Path, words_file: Path | None) -> dict[int, str]:
    if words_file is None:
        problem = "Kaldi left word-ids (scoring/LMWT.tra), not words"
        raise HybridKdError.at(decode_dir, problem, fix="give --graph with the words.txt of the decoding")
    return read_symbol_table(words_file)


def _read_hypotheses(path: Path, words: dict[int, str] | None) -> dict[str, list[str]]:
    """Words of each utterance; ``words`` are given where the file holds word-ids."""
    texts = _read_texts(path)
    if words is None:
        return texts
    try:
        word_ids = {utt_id: [int(word_id) for word_id in text] for utt_id, text in texts.items()}
    except ValueError as error:
        raise HybridKdError.at(path, f"not word-ids: {error}", fix=SCORE_AGAIN) from error
    return {utt_id: ids_to_words(path, ids, words) for utt_id, ids in word_ids.items()}
