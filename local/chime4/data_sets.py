"""Kaldi data directories of CHiME-4: wav.scp, text, utt2spk, spk2utt, as the recipe makes them.

Source: Kaldi egs/chime4/s5_1ch/local/run_gmm.sh (which sets there are),
{real,simu}_{noisy,enhan}_chime4_data_prep.sh.
"""

import logging
from collections.abc import Sequence
from pathlib import Path

from hybrid_kd.archives.data_dir import DataDir, write_data_dir
from local.chime4.corpus import Corpus
from local.chime4.layout import (
    KINDS,
    TEST_AUDIO,
    TRAINING_AUDIO,
    TRANSCRIPTS,
    Recording,
    Utterance,
    training_recordings,
    without_channel,
)
from local.chime4.transcripts import texts_of_dot_all, texts_of_wsj0

logger = logging.getLogger(__name__)

Texts = dict[Utterance, str]


def write_data_sets(corpus: Corpus, out: Path) -> None:
    """Write tr05_multi_noisy; real, simu and multi (both) of dt05 and et05; the enhanced ones of the same.

    Enhanced sets are named <set>_enhanced and tr05_multi_enhanced; the latter has a table utt_map from the
    noisy utterances to the enhanced ones.

    Raises: HybridKdError if a transcript is missing or malformed.
    """
    texts = _read_texts(corpus)
    chime4 = corpus.discs.chime4
    training = [each for kind in KINDS for each in corpus.utterances("tr05", kind)]
    noisy = training_recordings(training, corpus.channels)
    _write_set(out / "tr05_multi_noisy", noisy, chime4 / TRAINING_AUDIO, texts)
    for part in ("dt05", "et05"):
        _write_test_sets(corpus, part, out, chime4 / TEST_AUDIO, texts, suffix="")
    if corpus.discs.enhanced is None:
        return
    if "tr05" in corpus.enhanced_parts:
        clean = [without_channel(utterance) for utterance in training]
        utt_map = {each.utt_id: each.utterance.utt_id for each in noisy}
        _write_set(out / "tr05_multi_enhanced", clean, corpus.discs.enhanced, texts, utt_map=utt_map)
    for part in ("dt05", "et05"):
        if part in corpus.enhanced_parts:
            _write_test_sets(corpus, part, out, corpus.discs.enhanced, texts, suffix="_enhanced")


def _read_texts(corpus: Corpus) -> Texts:
    texts: Texts = {}
    for subset in corpus.subsets:
        if (subset.part, subset.kind) == ("tr05", "simu"):
            texts |= texts_of_wsj0(corpus.dot_files, subset.utterances)
        else:
            path = corpus.discs.chime4 / TRANSCRIPTS / f"{subset.part}_{subset.kind}.dot_all"
            texts |= texts_of_dot_all(path, subset.utterances)
    return texts


def _write_test_sets(corpus: Corpus, part: str, out: Path, audio: Path, texts: Texts, *, suffix: str) -> None:
    both: list[Recording] = []
    for kind in KINDS:
        recordings = [without_channel(utterance) for utterance in corpus.utterances(part, kind)]
        _write_set(out / f"{part}_{kind}{suffix}", recordings, audio, texts)
        both += recordings
    _write_set(out / f"{part}_multi{suffix}", both, audio, texts)


def _write_set(
    path: Path,
    recordings: Sequence[Recording],
    audio: Path,
    texts: Texts,
    *,
    utt_map: dict[str, str] | None = None,
) -> DataDir:
    tables = {
        "wav.scp": {each.utt_id: str((audio / each.file).absolute()) for each in recordings},
        "text": {each.utt_id: texts[each.utterance] for each in recordings},
        **({} if utt_map is None else {"utt_map": utt_map}),
    }
    data = write_data_dir(path, utt2spk={each.utt_id: each.speaker for each in recordings}, tables=tables)
    num_words = sum(len(text.split()) for text in tables["text"].values())
    num_speakers = len(set(data.utt2spk.values()))
    logger.info("%s: %d utterances, %d speakers, %d words", path, len(data.utt_ids), num_speakers, num_words)
    return data
