"""Kaldi data directories: utt2spk, spk2utt, text and feats.scp, checked as utils/validate_data_dir.sh does.

Of its checks those are made that matter to a trainer: files that are missing, ids that are not unique or not
in C order, utt2spk and spk2utt that disagree, text, feats.scp and other tables with other ids than utt2spk.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float32

from hybrid_kd import text_files
from hybrid_kd.archives.matrices import read_matrices_at
from hybrid_kd.atomic import replace_file
from hybrid_kd.errors import HybridKdError
from hybrid_kd.text_files import refuse_odd_space, split_id, split_words

FIX = "mend it with utils/fix_data_dir.sh, or prepare the directory again"


@dataclass(frozen=True)
class DataDir:
    """What a data directory lists; features stay on disk."""

    path: Path
    utt_ids: tuple[str, ...]  # sorted in C order
    utt2spk: dict[str, str]
    text: dict[str, list[str]] | None  # words by utt_id; None if there is no text
    feats: dict[str, str]  # utt_id -> location, relative to the working directory; {} without feats.scp


def read_data_dir(path: Path, *, needs_feats: bool = True) -> DataDir:
    """Read and check a data directory.

    Raises: HybridKdError for what validate_data_dir.sh rejects (see above).
    """
    if not path.is_dir():
        raise HybridKdError.at(path, "no such directory", fix="give a Kaldi data directory")
    utt2spk = {
        utt_id: _only_word(path / "utt2spk", utt_id, rest) for utt_id, rest in read_lines(path / "utt2spk")
    }
    if not utt2spk:
        raise HybridKdError.at(path / "utt2spk", "lists no utterance", fix=FIX)
    _check_speakers(path / "spk2utt", utt2spk)
    text = _read_optional(path / "text", utt2spk)
    feats = _read_optional(path / "feats.scp", utt2spk)
    if feats is None and needs_feats:
        raise HybridKdError.at(path, "it holds no feats.scp", fix="make features first (make_fmllr_feats.sh)")
    _read_optional(path / "utt2num_frames", utt2spk)
    _read_optional(path / "utt2dur", utt2spk)
    _read_optional(path / "cmvn.scp", set(utt2spk.values()), whose="speakers")
    if not (path / "segments").exists():
        _read_optional(path / "wav.scp", utt2spk)
    words = None if text is None else {utt_id: split_words(rest) for utt_id, rest in text.items()}
    return DataDir(path, tuple(utt2spk), utt2spk, words, feats or {})


def write_data_dir(
    path: Path, *, utt2spk: Mapping[str, str], tables: Mapping[str, Mapping[str, str]] | None = None
) -> DataDir:
    """Write utt2spk, spk2utt and further ``tables`` by file name ({"text": {utt_id: words}}), in C order.

    Each file is there as a whole or not at all, and utt2spk comes last: a directory that is only half
    written is not taken for one. Other files in it are left alone. The result is read back and checked.

    Raises: HybridKdError for what validate_data_dir.sh rejects.
    """
    path.mkdir(parents=True, exist_ok=True)
    (path / "utt2spk").unlink(missing_ok=True)
    spk2utt: dict[str, list[str]] = {}
    for utt_id in sorted(utt2spk):
        spk2utt.setdefault(utt2spk[utt_id], []).append(utt_id)
    for name, table in (tables or {}).items():
        _write_table(path / name, table)
    _write_table(path / "spk2utt", {speaker: " ".join(utt_ids) for speaker, utt_ids in spk2utt.items()})
    _write_table(path / "utt2spk", utt2spk)
    return read_data_dir(path, needs_feats=False)


def _write_table(file: Path, table: Mapping[str, str]) -> None:
    with replace_file(file) as output:
        output.write("".join(f"{id_} {table[id_]}".rstrip() + "\n" for id_ in sorted(table)).encode())


def read_features(
    data: DataDir, *, allow_pipes: bool = False
) -> Iterator[tuple[str, Float32[np.ndarray, "frames dim"]]]:
    """Read the features of every utterance, in the directory's order.

    Raises: HybridKdError that names file and utterance for what cannot be read.
    """
    return read_matrices_at(data.feats.items(), allow_pipes=allow_pipes)


def read_lines(file: Path) -> list[tuple[str, str]]:
    """The lines ``id rest`` of a file, with unique ids in C order.

    Raises: HybridKdError.
    """
    pairs: list[tuple[str, str]] = []
    for number, line in enumerate(text_files.read_lines(file, fix=FIX), start=1):
        id_, rest = _split(file, number, line)
        if pairs and id_ <= pairs[-1][0]:
            problem = "comes twice" if id_ == pairs[-1][0] else f"stands after '{pairs[-1][0]}'"
            raise HybridKdError.at(
                file, f"line {number}: {problem}; ids must be unique and in C order", fix=FIX, key=id_
            )
        pairs.append((id_, rest))
    return pairs


def _split(file: Path, number: int, line: str) -> tuple[str, str]:
    """A line's id and the rest, which may be empty; in an scp file the rest is a path or a command."""
    id_, rest = split_id(line)
    if not id_:
        raise HybridKdError.at(file, f"line {number} is empty", fix=FIX)
    refuse_odd_space(file, id_ if file.suffix == ".scp" else line, number=number, fix=FIX)
    return id_, rest


def _read_optional(file: Path, ids: Collection[str], *, whose: str = "utterances") -> dict[str, str] | None:
    """A file that, if it is there, has a line for each id and no other, empty only in text."""
    if not file.exists():
        return None
    table = dict(read_lines(file))
    _expect_same_ids(file, table, ids, whose=whose)
    for id_, rest in table.items():
        if not rest and file.name != "text":
            raise HybridKdError.at(file, "has nothing after the id", fix=FIX, key=id_)
    return table


def _expect_same_ids(file: Path, found: Collection[str], ids: Collection[str], *, whose: str) -> None:
    missing = [id_ for id_ in ids if id_ not in found]
    extra = [id_ for id_ in found if id_ not in ids]
    if missing or extra:
        example = f"'{missing[0]}' is missing" if missing else f"'{extra[0]}' is not in utt2spk"
        problem = f"{len(missing)} missing, {len(extra)} too many ({example})"
        raise HybridKdError.at(file, f"other {whose} than in utt2spk: {problem}", fix=FIX)


def _check_speakers(file: Path, utt2spk: dict[str, str]) -> None:
    """spk2utt says the same as utt2spk."""
    from_speakers: dict[str, str] = {}
    for speaker, rest in read_lines(file):
        for utt_id in split_words(rest):
            if utt_id in from_speakers:
                raise HybridKdError.at(file, "comes twice", fix=FIX, key=utt_id)
            from_speakers[utt_id] = speaker
    _expect_same_ids(file, from_speakers, utt2spk, whose="utterances")
    for utt_id, speaker in utt2spk.items():
        if from_speakers[utt_id] != speaker:
            problem = f"speaker '{from_speakers[utt_id]}', but '{speaker}' in utt2spk"
            raise HybridKdError.at(file, problem, fix=FIX, key=utt_id)


def _only_word(file: Path, utt_id: str, rest: str) -> str:
    if len(split_words(rest)) != 1:
        raise HybridKdError.at(file, f"expected one speaker, found {rest[:80]!r}", fix=FIX, key=utt_id)
    return rest
