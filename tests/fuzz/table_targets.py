"""Readers of tables, data directories, features, audio, and lists that people write."""

from pathlib import Path

import numpy as np
import soundfile

from hybrid_kd.archives.alignments import read_alignment_dir
from hybrid_kd.archives.data_dir import read_data_dir, read_features
from hybrid_kd.archives.matrices import open_matrix_writer
from hybrid_kd.archives.pdf_counts import read_pdf_counts, write_pdf_counts
from hybrid_kd.archives.recordings import read_recordings
from hybrid_kd.archives.symbols import read_symbol_table
from hybrid_kd.archives.table_kinds import summarise_table
from hybrid_kd.cli import info
from hybrid_kd.corpus.lexicon import read_lexicon
from hybrid_kd.corpus.mix_list import MixItem, read_mix_list, read_noise_list, write_mix_list
from hybrid_kd.corpus.transcripts import read_librispeech, read_transcript_table
from hybrid_kd.distill.views import read_utt_map
from hybrid_kd.frontend.audio import AudioOptions, read_waveforms
from hybrid_kd.frontend.cmvn import read_cmvn, write_cmvn
from hybrid_kd.frontend.mfcc import mfcc, read_mfcc_config
from hybrid_kd.frontend.model_features import read_feature_kind
from hybrid_kd.frontend.transforms import read_transforms
from hybrid_kd.graph.ngram_counts import read_sentences, read_vocabulary
from hybrid_kd.tally import Tally
from tests.archives.golden_tables import KINDS, TableKind
from tests.fuzz.campaign import Target
from tests.tiny_experiment import NUM_PDFS, write_alignment_dir, write_data_dir

RATE = 16000


def table_target(name: str, kind: TableKind) -> Target:
    """An archive, plain and gzipped, read as what it is and by ``hybrid-kd info``."""

    def make(root: Path) -> None:
        kind.make(root / "plain.ark")
        content = kind.make(root / "plain.ark")
        (root / "plain.ark").write_bytes(content)
        (root / "table.gz").write_bytes(gzip_of(content))

    def read(root: Path) -> None:
        for path in (root / "plain.ark", root / "table.gz"):
            for _, value in kind.read(path):
                kind.check(value)
            summarise_table(f"ark:{path}")

    return Target(name.replace(" ", "_"), make, read)


def gzip_of(content: bytes) -> bytes:
    """The same bytes each time."""
    import gzip

    return gzip.compress(content, mtime=0)


def describe(path: Path) -> None:
    """All that ``hybrid-kd info`` reads."""
    info.run(info.Options(str(path)))


def make_alignments(root: Path) -> None:
    write_alignment_dir(root / "ali", {f"s{i}_1": np.arange(NUM_PDFS) for i in range(3)})


def read_alignments(root: Path) -> None:
    for _, transition_ali in read_alignment_dir(root / "ali"):
        assert transition_ali.dtype == np.int32
    describe(root / "ali")


def make_data(root: Path) -> None:
    """Two speakers with features, statistics, transforms, and segments of recordings."""
    rng = np.random.default_rng(0)
    write_data_dir(root / "data", {f"s{i}_1": rng.normal(size=(7, 3)).astype(np.float32) for i in range(2)})
    data = root / "data"
    statistics = np.array([[1.0, 2, 3, 7], [4, 5, 6, 0]])
    write_cmvn(f"ark,scp:{data}/cmvn.ark,{data}/cmvn.scp", {f"s{i}": statistics for i in range(2)})
    tone = (8000 * np.sin(np.arange(RATE // 2) * 0.1)).astype(np.int16)
    soundfile.write(data / "a.wav", tone, RATE)
    soundfile.write(data / "b.flac", tone, RATE)
    (data / "wav.scp").write_text(f"a {data}/a.wav\nb {data}/b.flac\n")
    (data / "segments").write_text("s0_1 a 0.05 0.3\ns1_1 b 0.1 -1\n")
    (data / "utt2num_frames").write_text("s0_1 7\ns1_1 7\n")
    (data / "utt2dur").write_text("s0_1 0.07\ns1_1 0.07\n")
    with open_matrix_writer(f"ark:{data}/trans.1") as write:
        write("s0", np.ones((3, 4), np.float32))


def read_data(root: Path) -> None:
    path = root / "data"
    data = read_data_dir(path)
    for _, matrix in read_features(data):
        assert matrix.ndim == 2
    read_cmvn(path / "cmvn.scp")
    read_transforms(path)
    describe(path)


def read_audio(root: Path) -> None:
    data = read_data_dir(root / "data")
    tally = Tally(root / "data")
    for utt_id, samples in read_waveforms(read_recordings(data), tally, options=AudioOptions(RATE)):
        assert np.isfinite(samples).all()
        assert utt_id in data.utt_ids


def make_kaldi_options(root: Path) -> None:
    (root / "mfcc.conf").write_text(
        "--use-energy=false   # only non-default options\n--sample-frequency=16000\n--num-mel-bins=23\n"
        "--low-freq=20\n--high-freq=7800\n--num-ceps=13\n--frame-length=25\n--frame-shift=10\n"
    )
    (root / "cmvn_opts").write_text("--norm-means=true --norm-vars=false\n")
    (root / "splice_opts").write_text("--left-context=3 --right-context=3\n")
    (root / "delta_opts").write_text("--delta-order=2\n")
    with open_matrix_writer(f"ark,t:{root}/matrix") as write:
        write("x", np.ones((2, 7), np.float32))
    (root / "final.mat").write_bytes((root / "matrix").read_bytes().removeprefix(b"x "))
    (root / "matrix").unlink()


def read_kaldi_options(root: Path) -> None:
    options = read_mfcc_config(root / "mfcc.conf")
    samples = (1000 * np.sin(np.arange(RATE // 10) * 0.1)).astype(np.float32)
    assert mfcc(samples, options=options).ndim == 2
    read_feature_kind(root)


def make_lists(root: Path) -> None:
    (root / "transcripts.tsv").write_text(
        "path\tspeaker\ttext\tutt_id\tset\na.wav\ts1\tONE TWO\tu1\ttr\nb.wav\ts2\tTWO\tu2\tdt\n"
    )
    write_mix_list(root / "mix.tsv", [MixItem("s_u1_BUS_SIMU", "a.wav", "bus", 17, 3.5)])
    (root / "noise.tsv").write_text("noise_id\tpath\tenvironment\ttrain_share\nbus\tbus.wav\tBUS\t0.6\n")
    (root / "1-2").mkdir()
    (root / "1-2/1-2.trans.txt").write_text("1-2-0003 ONE TWO\n1-2-0004 TWO\n")
    (root / "lexicon").write_text(";;; words\nONE W AH N\nONE(2) HH W AH N\nTWO T UW\n")
    (root / "utt_map").write_text("u1_noisy u1\nu2_noisy u2\n")
    (root / "words.txt").write_text("<eps> 0\nONE 1\nTWO 2\n#0 3\n<s> 4\n</s> 5\n")
    (root / "text").write_text("u1 ONE TWO\nu2 TWO\n")
    write_pdf_counts(root / "ali_train_pdf.counts", np.array([1.5, 2.0, 0.5]))


def read_lists(root: Path) -> None:
    read_transcript_table(root / "transcripts.tsv")
    read_mix_list(root / "mix.tsv")
    read_noise_list(root)
    read_librispeech(root)
    read_lexicon(root / "lexicon")
    read_utt_map(root / "utt_map")
    read_symbol_table(root / "words.txt")
    read_vocabulary(root / "words.txt")
    read_sentences(root / "text", name_of=str)
    assert (read_pdf_counts(root / "ali_train_pdf.counts") >= 0).all()


TARGETS = [
    *(table_target(name, kind) for name, kind in KINDS.items()),
    Target("alignments", make_alignments, read_alignments),
    Target("data_dir", make_data, read_data, damaged="data/[!ab]*"),
    Target("audio", make_data, read_audio, damaged="data/[abws]*"),
    Target("kaldi_options", make_kaldi_options, read_kaldi_options),
    Target("lists", make_lists, read_lists),
]
