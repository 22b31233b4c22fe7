"""Tables, single matrices and vectors, data and decode directories in words, for ``hybrid-kd info``."""

from collections.abc import Sequence
from pathlib import Path

from hybrid_kd.run_record import PROVENANCE, made_by


def describe_table(rspecifier: str, *, allow_pipes: bool) -> list[str]:
    """Kind, entries and sizes of a table."""
    from hybrid_kd.archives.table_kinds import summarise_table

    return summarise_table(rspecifier, allow_pipes=allow_pipes).lines()


def describe_archives(paths: Sequence[Path]) -> list[str]:
    """Archives of one directory, by name."""
    lines = []
    for path in paths:
        first, *others = describe_table(f"ark:{path}", allow_pipes=False)
        lines += [f"  {path.name}: {first}", *(f"  {line}" for line in others)]
    return lines


def describe_single_object(path: str) -> list[str]:
    """A file that is one matrix or vector."""
    from hybrid_kd.archives.table_kinds import ParseAny
    from hybrid_kd.archives.tables import read_object

    parse = ParseAny()
    value = read_object(path, parse)
    kinds = {"matrices": "matrix", "vectors": "vector", "integer vectors": "integer vector"}
    shape = " x ".join(map(str, getattr(value, "shape", ())))
    return [f"one {kinds.get(parse.kind, parse.kind)}" + (f" of {shape} numbers" if shape else "")]


def describe_symbol_table(path: Path) -> list[str]:
    """words.txt or phones.txt."""
    from hybrid_kd.archives.symbols import read_symbol_table

    symbols = read_symbol_table(path)
    return [f"symbol table: {len(symbols)} symbols, '{symbols[min(symbols)]}' to '{symbols[max(symbols)]}'"]


def describe_data_dir(path: Path, *, allow_pipes: bool) -> list[str]:
    """Utterances, speakers, words; features and CMVN statistics are read to the end, audio is not."""
    from hybrid_kd.archives.data_dir import read_data_dir
    from hybrid_kd.archives.matrices import read_matrices_at
    from hybrid_kd.archives.recordings import read_recordings
    from hybrid_kd.archives.table_kinds import TableSummary

    data = read_data_dir(path, needs_feats=False)
    lines = [f"data directory: {len(data.utt_ids)} utterances of {len(set(data.utt2spk.values()))} speakers"]
    if data.text is not None:
        lines.append(f"  text: {sum(map(len, data.text.values()))} words")
    if (path / "wav.scp").is_file():
        files = {recording.location for recording in read_recordings(data).values()}
        lines.append(f"  audio: {len(files)} recordings (not read)")
    if data.feats:
        features = TableSummary("features", words={"rows": "frames", "columns": "coefficients"})
        for utt_id, matrix in read_matrices_at(data.feats.items(), allow_pipes=allow_pipes):
            features.add(utt_id, matrix)
        lines += [f"  {line}" for line in features.lines()]
    return [*lines, *_describe_cmvn(path / "cmvn.scp"), *made_by(path / "features.json")]


def _describe_cmvn(path: Path) -> list[str]:
    """cmvn.scp, if there is one."""
    from hybrid_kd.frontend.cmvn import read_cmvn

    if not path.is_file():
        return []
    statistics = read_cmvn(path)
    num_frames = sum(float(matrix[0, -1]) for matrix in statistics.values())
    return [f"  CMVN statistics: {len(statistics)} speakers, {num_frames:.0f} frames"]


def describe_decode_dir(path: Path) -> list[str]:
    """Lattices, fMLLR transforms and word error rates, as far as they are there."""
    from hybrid_kd.archives.alignments import read_num_jobs
    from hybrid_kd.report.kaldi_results import best_wer, read_wers

    has_lattices = any(path.glob("lat.*.gz"))
    num_jobs = read_num_jobs(path) if has_lattices else 0
    lines = [f"decode directory: {num_jobs} jobs" if has_lattices else "decode directory without lattices"]
    archives = [path / f"lat.{job}.gz" for job in range(1, num_jobs + 1)]
    lines += describe_archives([*archives, *sorted(path.glob("trans.*"))])
    if any(path.glob("wer_*_*")):
        best = best_wer(read_wers(path))
        at = f"LM weight and insertion penalty {best.point}"
        lines.append(f"  WER: {best.wer:.2f} % [{best.errors}/{best.words}] at best ({at})")
    return [*lines, *made_by(path / PROVENANCE)]
