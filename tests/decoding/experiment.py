"""Small experiments from Kaldi's golden files: a model directory, data directories, a decode directory."""

import gzip
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from hybrid_kd.archives.matrices import open_matrix_writer, read_matrices
from hybrid_kd.archives.nnet1 import read_nnet1
from hybrid_kd.decoding.job_stats import JobStats
from hybrid_kd.decoding.options import SearchOptions
from hybrid_kd.decoding.summary import summarise, write_summary
from hybrid_kd.network.model_dir import save_networks
from hybrid_kd.network.nnet1 import nnet1_to_dnn

SHORT_UTTS = ("mkdb_an316_BUS_SIMU", "mkdb_an316_PED_SIMU", "mkdb_an316_STR_SIMU")


def write_model(shared: Path, path: Path) -> Path:
    """Kaldi's own nnet1 student as one of our model directories."""
    path.mkdir(parents=True)
    experiment = shared / "kaldi-an4" / "exp"
    student = experiment / "nnet1_student_ce"
    components = [*read_nnet1(student / "final.feature_transform"), *read_nnet1(student / "final.nnet")]
    network, splice = nnet1_to_dnn(components)
    save_networks(path / "final.safetensors", (network,), splice)
    for source in (
        "tri3b_ali_dt05_simu/final.mdl",
        "tri3b_ali_dt05_simu/tree",
        "tri3b_ali_dt05_simu/phones.txt",
        "nnet1_student_ce/ali_train_pdf.counts",
    ):
        shutil.copyfile(experiment / source, path / Path(source).name)
    return path


def golden_features(shared: Path) -> dict[str, np.ndarray]:
    """Uncompressed fMLLR frames of the golden utterances."""
    return dict(read_matrices(f"ark:{shared}/kaldi-an4/golden/fmllr.ark"))


def write_data(shared: Path, path: Path, features: dict[str, np.ndarray]) -> Path:
    """A data directory with these features; the text of the golden utterances."""
    path.mkdir(parents=True)
    with open_matrix_writer(f"ark,scp:{path}/feats.ark,{path}/feats.scp") as write:
        for utt_id, matrix in features.items():
            write(utt_id, matrix)
    text = dict(line.split(maxsplit=1) for line in golden_lines(shared, "text"))
    write_texts(path, {utt_id: text.get(utt_id, "A").strip() for utt_id in features})
    return path


def write_texts(path: Path, text: dict[str, str]) -> None:
    """text, utt2spk and spk2utt; the speaker is what stands before the first underscore."""
    path.mkdir(parents=True, exist_ok=True)
    speakers: dict[str, list[str]] = {}
    for utt_id in text:
        speakers.setdefault(utt_id.partition("_")[0], []).append(utt_id)
    write_lines(path / "text", [f"{utt_id} {words}".rstrip() for utt_id, words in text.items()])
    write_lines(path / "utt2spk", [f"{utt_id} {utt_id.partition('_')[0]}" for utt_id in text])
    write_lines(path / "spk2utt", [f"{speaker} {' '.join(utt_ids)}" for speaker, utt_ids in speakers.items()])


def write_lines(path: Path, lines: Sequence[str]) -> None:
    path.write_text("".join(f"{line}\n" for line in lines))


def golden_lines(shared: Path, name: str) -> list[str]:
    return (shared / "kaldi-an4" / "golden" / name).read_text().splitlines()


def write_kaldi_decode_dir(shared: Path, path: Path) -> Path:
    """A decode directory as Kaldi leaves it, with the golden lattices."""
    path.mkdir(parents=True)
    with gzip.open(path / "lat.1.gz", "wb") as file:
        file.write((shared / "kaldi-an4/golden/lat_compact.ark").read_bytes())
    (path / "num_jobs").write_text("1\n")
    return path


def write_decode_json(decode_dir: Path) -> None:
    """decode.json of one second of speech that one job decoded."""
    stats = JobStats(num_done=1, num_frames=100, decoder_version="0.3.2")
    summary = summarise([stats], SearchOptions(), decoder="x", program="kaldi-decoder", model_sha256="0")
    write_summary(decode_dir, summary)
