"""Alignment by Kaldi's own speaker-adapted model, from MFCC."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hybrid_kd.archives.alignments import read_alignment_dir
from hybrid_kd.archives.transition_model import read_transition_model
from hybrid_kd.errors import HybridKdError
from hybrid_kd.frontend.transforms import read_transforms
from hybrid_kd.gmm.align import align_directory
from hybrid_kd.gmm.model_dir import copy_files
from hybrid_kd.gmm.options import AlignOptions
from tests.gmm.experiment import (
    change_mfccs,
    golden_alignments,
    keep_one_utterance,
    lang_dir,
    write_golden_data,
)


@pytest.fixture(scope="module")
def options(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> AlignOptions:
    path = tmp_path_factory.mktemp("align")
    return AlignOptions(
        data=write_golden_data(shared, path / "data"),
        lang=lang_dir(shared),
        model=shared / "kaldi-an4/exp/tri3b",
        out=path / "ali",
    )


@pytest.fixture(scope="module")
def aligned(options: AlignOptions) -> Path:
    align_directory(options)
    return options.out


def test_alignments_are_near_kaldis(shared: Path, aligned: Path) -> None:
    """Its transforms were estimated on 52 utterances of each speaker, these are on 4."""
    pdf_ids = read_transition_model(aligned / "final.mdl").transition_id_to_pdf_id
    found, expected = dict(read_alignment_dir(aligned)), golden_alignments(shared)
    assert found.keys() == expected.keys()
    pairs = [(pdf_ids[found[utt_id]], pdf_ids[expected[utt_id]]) for utt_id in expected]
    same = np.concatenate([ours == theirs for ours, theirs in pairs])
    assert same.mean() > 0.85


def test_the_directory_is_one_of_kaldis(aligned: Path) -> None:
    wanted = "ali.1.gz ali.2.gz trans.1 trans.2 num_jobs tree final.mdl final.alimdl final.mat"
    assert all((aligned / name).is_file() for name in [*wanted.split(), "splice_opts", "cmvn_opts"])
    assert {speaker: matrix.shape for speaker, matrix in read_transforms(aligned).items()} == {
        "fkdo": (40, 41),
        "mkdb": (40, 41),
    }


def test_it_is_not_done_twice(options: AlignOptions, aligned: Path) -> None:
    before = (aligned / "ali.1.gz").stat().st_mtime_ns
    align_directory(options)
    assert (aligned / "ali.1.gz").stat().st_mtime_ns == before


def test_a_speaker_with_little_speech_keeps_the_identity(
    shared: Path, options: AlignOptions, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Of one speaker only one utterance is left; the log says so."""
    data = keep_one_utterance(write_golden_data(shared, tmp_path / "data"), "mkdb")
    align_directory(replace(options, data=data, out=tmp_path / "ali"))
    np.testing.assert_array_equal(read_transforms(tmp_path / "ali")["mkdb"], np.eye(40, 41))
    assert "speaker 'mkdb' keeps the identity" in (tmp_path / "ali/log/align.log").read_text()


def test_an_utterance_too_short_for_its_transcript_is_left_out(
    shared: Path, options: AlignOptions, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    data = write_golden_data(shared, tmp_path / "data", {"mkdb_an316_STR_SIMU": " ".join(["RUBOUT"] * 100)})
    with pytest.raises(
        HybridKdError,
        match=r"1 too short for its transcript\); at most 1 % .*\n.*--max-left-out 0.125",
    ):
        align_directory(replace(options, data=data, out=tmp_path / "ali"))
    assert "left out 'mkdb_an316_STR_SIMU': too short for its transcript" in caplog.text
    assert not list((tmp_path / "ali").glob("ali.*.gz"))
    align_directory(replace(options, data=data, out=tmp_path / "ali", max_left_out=0.125))
    assert len(dict(read_alignment_dir(tmp_path / "ali"))) == 7


def test_words_without_pronunciation_are_counted_and_become_the_oov_word(
    shared: Path, options: AlignOptions, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    data = write_golden_data(shared, tmp_path / "data", {"mkdb_an316_BUS_SIMU": "D XYZZY K"})
    align_directory(replace(options, data=data, out=tmp_path / "ali"))
    assert "1 words without pronunciation, 1 times in all, become <SPOKEN_NOISE>: XYZZY (1)" in caplog.text


def test_features_of_another_dimension_are_refused(
    shared: Path, options: AlignOptions, tmp_path: Path
) -> None:
    data = write_golden_data(shared, tmp_path / "data")
    change_mfccs(data, lambda mfccs: mfccs[:, :12])
    with pytest.raises(HybridKdError, match="fix: give the MFCC"):
        align_directory(replace(options, data=data, out=tmp_path / "ali"))


def test_a_lang_directory_with_other_phones_is_refused(
    shared: Path, options: AlignOptions, tmp_path: Path
) -> None:
    copy_files(shared / "kaldi-an4/exp/tri3b", tmp_path / "model", ["final.mdl", "tree", "cmvn_opts"])
    phones = (shared / "kaldi-an4/exp/tri3b/phones.txt").read_text()
    (tmp_path / "model/phones.txt").write_text(phones.replace("SIL_B", "PAUSE_B"))
    with pytest.raises(HybridKdError, match="other phones than in"):
        align_directory(replace(options, model=tmp_path / "model", out=tmp_path / "ali"))


def test_data_without_text_is_refused(shared: Path, options: AlignOptions, tmp_path: Path) -> None:
    data = write_golden_data(shared, tmp_path / "data")
    (data / "text").unlink()
    with pytest.raises(HybridKdError, match="holds no text"):
        align_directory(replace(options, data=data, out=tmp_path / "ali"))
