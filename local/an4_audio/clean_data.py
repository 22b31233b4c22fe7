"""The clean recordings behind a noisy data directory: ``clean_data.py DATA CLEAN_AUDIO OUT``.

Reads DATA/mix.tsv. Writes the data directory OUT with one utterance a clean recording, named as the noisy
ones without their ``_BUS_SIMU``, and OUT/utt_map: which clean utterance a noisy one is made from.
"""

import sys
from pathlib import Path

from hybrid_kd.archives.data_dir import FIX, read_data_dir, write_data_dir
from hybrid_kd.corpus.mix_list import read_mix_list
from hybrid_kd.errors import HybridKdError

SUFFIX_WORDS = 2  # environment and SIMU


def write_clean_data(data_dir: Path, clean_audio: Path, out: Path) -> None:
    """Write ``out``.

    Raises: HybridKdError if DATA is bad, or its ids without suffix do not name the recordings one by one.
    """
    data = read_data_dir(data_dir, needs_feats=False)
    if data.text is None:
        raise HybridKdError.at(data_dir, "it holds no text", fix="give a data directory with text")
    tables: dict[str, dict[str, str]] = {"wav.scp": {}, "text": {}, "utt_map": {}}
    utt2spk = {}
    for item in read_mix_list(data_dir / "mix.tsv"):
        clean_id = item.utt_id.rsplit("_", SUFFIX_WORDS)[0]
        recording = str(clean_audio / item.clean)
        if tables["wav.scp"].setdefault(clean_id, recording) != recording:
            problem = f"'{clean_id}' would be {tables['wav.scp'][clean_id]} and {recording}"
            raise HybridKdError.at(data_dir / "mix.tsv", problem, fix=FIX, key=item.utt_id)
        tables["text"][clean_id] = " ".join(data.text[item.utt_id])
        tables["utt_map"][item.utt_id] = clean_id
        utt2spk[clean_id] = data.utt2spk[item.utt_id]
    write_data_dir(out, utt2spk=utt2spk, tables=tables)


if __name__ == "__main__":
    try:
        write_clean_data(*map(Path, sys.argv[1:]))
    except HybridKdError as error:
        sys.exit(str(error))
