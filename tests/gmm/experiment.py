"""Small experiments for the GMM stages: Kaldi's golden utterances as a data directory, random models."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy.stats import norm

from hybrid_kd.archives.matrices import open_matrix_writer, read_matrices
from hybrid_kd.frontend.cmvn import write_cmvn
from hybrid_kd.gmm.model import StackedGmm
from tests.decoding.experiment import golden_lines, write_lines, write_texts

AN4 = "kaldi-an4"


def lang_dir(shared: Path) -> Path:
    return shared / AN4 / "data" / "lang_test"


def write_golden_data(shared: Path, path: Path, text: dict[str, str] | None = None) -> Path:
    """MFCC (without dither), CMVN statistics and text of the eight golden utterances."""
    golden = shared / AN4 / "golden"
    lines = dict(line.split(maxsplit=1) for line in golden_lines(shared, "text"))
    write_texts(path, {utt_id: words.strip() for utt_id, words in (lines | (text or {})).items()})
    lengths = {}
    with open_matrix_writer(f"ark,scp:{path}/feats.ark,{path}/feats.scp") as write:
        for utt_id, mfccs in read_matrices(f"ark:{golden}/mfcc_nodither.ark"):
            write(utt_id, mfccs)
            lengths[utt_id] = len(mfccs)
    write_lines(path / "utt2num_frames", [f"{utt_id} {length}" for utt_id, length in lengths.items()])
    statistics = {s: m.astype(np.float64) for s, m in read_matrices(f"ark:{golden}/cmvn.ark")}
    write_cmvn(f"ark,scp:{path}/cmvn.ark,{path}/cmvn.scp", statistics)
    return path


def change_mfccs(data: Path, change: Callable[[np.ndarray], np.ndarray]) -> None:
    """Write other MFCC in their place."""
    mfccs = dict(read_matrices(f"scp:{data}/feats.scp"))
    with open_matrix_writer(f"ark,scp:{data}/feats.ark,{data}/feats.scp") as write:
        for utt_id, matrix in mfccs.items():
            write(utt_id, change(matrix))


def keep_one_utterance(data: Path, speaker: str) -> Path:
    """Leave a speaker of the golden data only the utterance in BUS; the statistics stay as they are."""
    for name in ("text", "utt2spk", "utt2num_frames", "feats.scp"):
        lines = (data / name).read_text().splitlines(keepends=True)
        kept = [line for line in lines if speaker not in line.split()[0] or "_BUS_" in line]
        (data / name).write_text("".join(kept))
    speakers = [line.split() for line in (data / "spk2utt").read_text().splitlines()]
    left = [
        [s, *(utt_id for utt_id in utt_ids if s != speaker or "_BUS_" in utt_id)] for s, *utt_ids in speakers
    ]
    (data / "spk2utt").write_text("".join(f"{' '.join(line)}\n" for line in left))
    return data


def golden_alignments(shared: Path, name: str = "ali.txt") -> dict[str, np.ndarray]:
    lines = [line.split() for line in golden_lines(shared, name)]
    return {utt_id: np.array(ids, np.int32) for utt_id, *ids in lines}


def random_gmm(sizes: tuple[int, ...] = (3, 1, 2), dim: int = 4, seed: int = 0) -> StackedGmm:
    generator = np.random.default_rng(seed)
    pdf_of_gaussian = np.repeat(np.arange(len(sizes)), sizes)
    weights = generator.uniform(0.1, 1, len(pdf_of_gaussian))
    sums = np.bincount(pdf_of_gaussian, weights)
    return StackedGmm.from_parts(
        pdf_of_gaussian,
        weights / sums[pdf_of_gaussian],
        generator.standard_normal((len(weights), dim)),
        generator.uniform(0.3, 2, (len(weights), dim)),
        num_pdfs=len(sizes),
    )


def log_densities(gmm: StackedGmm, frames: np.ndarray) -> np.ndarray:
    """log w + log N(x) of each frame under each Gaussian, by SciPy."""
    logs = np.asarray(norm.logpdf(frames[:, None], gmm.means, np.sqrt(gmm.variances)))
    return np.asarray(logs.sum(axis=2) + np.log(gmm.weights))
