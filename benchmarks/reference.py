"""Loading, label store and decoding on the reference experiment kaldi-an4, where HYBRID_KD_SHARED has it."""

import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from hybrid_kd.archives.matrices import read_matrices
from hybrid_kd.archives.pdf_counts import read_pdf_counts
from hybrid_kd.archives.transition_model import TransitionModel, read_transition_model
from hybrid_kd.decoding.embedded import decode_utterance
from hybrid_kd.decoding.graph import check_graph, decompressed_graph, find_graph_file, load_graph
from hybrid_kd.decoding.options import SearchOptions
from hybrid_kd.distill.label_header import LabelStorePlan
from hybrid_kd.distill.label_store import TeacherOutputs, write_label_store
from hybrid_kd.frames.features import join_utterances
from hybrid_kd.frames.labelled import Splice, load_labelled_frames
from hybrid_kd.network.dnn import Dnn, NetworkShape
from hybrid_kd.network.priors import log_priors_from_counts

ROOT = Path(__file__).resolve().parent.parent
TEMPERATURES = (1.0, 2.0, 3.0)
FRAMES_PER_S = 100


@dataclass(frozen=True)
class LoadingSpeed:
    """Seconds to have the training set in memory, features and alignment."""

    seconds: float
    num_frames: int


@dataclass(frozen=True)
class LabelStoreSize:
    """Bytes a frame on disk, for these temperatures, pruned below 0.01; entries are states kept a frame."""

    temperatures: tuple[float, ...]
    bytes_per_frame: float
    entries_per_frame: float


@dataclass(frozen=True)
class DecodingSpeed:
    """CPU-seconds a second of speech on the golden utterances: a 4x512 network, and the embedded decoder."""

    beam: float
    lattice_beam: float
    speech_s: float
    network_rtf: float
    search_rtf: float


def prepare_experiment() -> Path | None:
    """Write data/an4 as the recipe does; None where the reference data are absent."""
    script = ROOT / "local" / "reference" / "prepare.sh"
    done = subprocess.run(["bash", str(script), "an4"], cwd=ROOT, capture_output=True, check=False)
    return None if done.returncode else ROOT / "data" / "an4"


def measure_loading(experiment: Path) -> LoadingSpeed:
    """Read tr05_multi as training does; the files may be in the system's cache."""
    data, ali = experiment / "data-fmllr" / "tr05_multi", experiment / "exp" / "tri3b_ali_tr05_multi"
    start = time.perf_counter()
    frames = load_labelled_frames(data, ali, _transition_model(experiment), splice=Splice())
    return LoadingSpeed(time.perf_counter() - start, frames.num_frames)


def measure_label_store(experiment: Path) -> LabelStoreSize:
    """Write the labels of the golden utterances, with the logits of Kaldi's own network."""
    loglikes = read_matrices(f"ark:{experiment}/golden/nnet1_loglikes.ark")
    counts = read_pdf_counts(experiment / "exp" / "nnet1_student_ce" / "ali_train_pdf.counts")
    log_priors = log_priors_from_counts(counts)
    outputs = (TeacherOutputs(utt_id, torch.from_numpy(matrix + log_priors)) for utt_id, matrix in loglikes)
    plan = LabelStorePlan("nnet1", "", "golden", "", len(counts), TEMPERATURES, 0.01)
    with tempfile.TemporaryDirectory(prefix="hybrid_kd.") as directory:
        path = Path(directory) / "labels"
        header = write_label_store(path, outputs, plan)
        num_bytes = sum(file.stat().st_size for file in path.iterdir())
    return LabelStoreSize(TEMPERATURES, num_bytes / header.num_frames, header.num_entries / header.num_frames)


def measure_decoding(experiment: Path, options: SearchOptions) -> DecodingSpeed:
    """Decode the golden utterances in one process from the log-likelihoods of Kaldi's own network."""
    model = _transition_model(experiment)
    loglikes = dict(read_matrices(f"ark:{experiment}/golden/nnet1_loglikes.ark"))
    graph_dir = experiment / "exp" / "tri3b" / "graph"
    with decompressed_graph(find_graph_file(graph_dir)) as fst_file:
        check_graph(graph_dir, fst_file, model)
        graph = load_graph(fst_file)
    start = time.process_time()
    for matrix in loglikes.values():
        decode_utterance(graph, matrix, model.transition_id_to_pdf_id, options)
    search_s = time.process_time() - start
    speech_s = sum(len(matrix) for matrix in loglikes.values()) / FRAMES_PER_S
    network_s = _network_seconds([len(matrix) for matrix in loglikes.values()], model.num_pdfs)
    return DecodingSpeed(
        options.beam, options.lattice_beam, speech_s, network_s / speech_s, search_s / speech_s
    )


@torch.inference_mode()
def _network_seconds(lengths: list[int], num_pdfs: int) -> float:
    utterances = [np.zeros((length, 40), np.float32) for length in lengths]
    inputs = join_utterances([""] * len(lengths), utterances, left_context=5, right_context=5)
    network = Dnn(NetworkShape(440, 4, 512, num_pdfs)).eval()
    start = time.process_time()
    for frame_index in torch.arange(inputs.num_frames).split(lengths):  # type: ignore[no-untyped-call]
        network(inputs.spliced(frame_index))
    return time.process_time() - start


def _transition_model(experiment: Path) -> TransitionModel:
    return read_transition_model(experiment / "exp" / "tri3b_ali_tr05_multi" / "final.mdl")
