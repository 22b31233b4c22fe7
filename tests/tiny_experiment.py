"""A Kaldi experiment that is made in milliseconds: a few phones, features that depend on their state."""

import gzip
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hybrid_kd.archives.matrices import open_matrix_writer

NUM_PHONES = 3
STATES_PER_PHONE = 3
NUM_PDFS = NUM_PHONES * STATES_PER_PHONE
DIM = 6


@dataclass(frozen=True)
class TinyExperiment:
    """Directories of a training and a dev set, as `hybrid-kd train` takes them."""

    train_data: Path
    train_ali: Path
    dev_data: Path
    dev_ali: Path

    def train_args(self, out: Path) -> list[str]:
        """Flags of a small, quick training."""
        return [
            *("--train-data", str(self.train_data), "--train-ali", str(self.train_ali)),
            *("--dev-data", str(self.dev_data), "--dev-ali", str(self.dev_ali), "--out", str(out)),
            *("--hidden-layers", "2", "--hidden-dim", "8", "--minibatch-size", "16", "--num-threads", "1"),
            *("--left-context", "1", "--right-context", "1", "--learning-rate", "0.02", "--device", "cpu"),
        ]


def make_tiny_experiment(path: Path, *, num_dev: int = 4) -> TinyExperiment:
    """Write it below ``path``: 12 training utterances and a few of a dev set."""
    for name, utt_ids in (("train", _utt_ids(12)), ("dev", _utt_ids(num_dev))):
        rng = np.random.default_rng(len(utt_ids))
        pdf_alis = {
            utt_id: np.repeat(rng.permutation(NUM_PDFS), rng.integers(1, 5, NUM_PDFS)) for utt_id in utt_ids
        }
        write_data_dir(path / name, {u: _features(rng, ali) for u, ali in pdf_alis.items()})
        write_alignment_dir(path / f"{name}_ali", pdf_alis)
    return TinyExperiment(path / "train", path / "train_ali", path / "dev", path / "dev_ali")


def write_data_dir(path: Path, features: dict[str, np.ndarray]) -> None:
    """Write feats.scp, feats.ark, utt2spk, spk2utt and text."""
    path.mkdir(parents=True)
    with open_matrix_writer(f"ark,scp:{path}/feats.ark,{path}/feats.scp") as write:
        for utt_id, matrix in features.items():
            write(utt_id, matrix)
    speakers = {utt_id: utt_id.partition("_")[0] for utt_id in features}
    (path / "utt2spk").write_text("".join(f"{utt} {spk}\n" for utt, spk in speakers.items()))
    by_speaker = {spk: [u for u in speakers if speakers[u] == spk] for spk in speakers.values()}
    (path / "spk2utt").write_text("".join(f"{spk} {' '.join(utts)}\n" for spk, utts in by_speaker.items()))
    (path / "text").write_text("".join(f"{utt_id} ONE TWO\n" for utt_id in features))


def write_alignment_dir(path: Path, pdf_alis: dict[str, np.ndarray], *, num_pdfs: int = NUM_PDFS) -> None:
    """Write ali.1.gz (text), num_jobs and final.mdl; every pdf has a self-loop (odd ids) and a way out."""
    path.mkdir(parents=True)
    (path / "num_jobs").write_text("1\n")
    with gzip.open(path / "ali.1.gz", "wt") as file:
        for utt_id, pdf_ali in pdf_alis.items():
            file.write(f"{utt_id} {' '.join(str(2 * pdf_id + 1) for pdf_id in pdf_ali)}\n")
    (path / "final.mdl").write_text(transition_model_text(num_pdfs // STATES_PER_PHONE))


def transition_model_text(num_phones: int) -> str:
    """Kaldi's text form of a left-to-right TransitionModel; pdf_ids count over phones and their states."""
    phones = range(1, num_phones + 1)
    states = "".join(
        f"<State> {s} <PdfClass> {s} <Transition> {s} 0.75 <Transition> {s + 1} 0.25 </State> "
        for s in range(STATES_PER_PHONE)
    )
    triples = "".join(
        f"{phone} {state} {(phone - 1) * STATES_PER_PHONE + state}\n"
        for phone in phones
        for state in range(STATES_PER_PHONE)
    )
    num_triples = num_phones * STATES_PER_PHONE
    log_probs = " ".join(["0", *("-0.2876821 -1.386294" for _ in range(num_triples))])
    return (
        f"<TransitionModel> <Topology> <TopologyEntry> <ForPhones> {' '.join(map(str, phones))} </ForPhones> "
        f"{states}<State> {STATES_PER_PHONE} </State> </TopologyEntry> </Topology> "
        f"<Triples> {num_triples}\n{triples}</Triples> <LogProbs> [ {log_probs} ]\n</LogProbs> "
        "</TransitionModel>\n"
    )


def _utt_ids(count: int) -> list[str]:
    return [f"s{index % 3}_{index:03d}" for index in sorted(range(count), key=lambda i: (i % 3, i))]


def _features(rng: np.random.Generator, pdf_ali: np.ndarray) -> np.ndarray:
    means = np.random.default_rng(99).normal(size=(NUM_PDFS, DIM))
    noisy: np.ndarray = means[pdf_ali] + 0.7 * rng.normal(size=(len(pdf_ali), DIM))
    return noisy.astype(np.float32)
