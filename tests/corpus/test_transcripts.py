"""Transcripts: a table, LibriSpeech's layout, lhotse's cuts; and names that Kaldi's order likes."""

from pathlib import Path

import pytest

from hybrid_kd.corpus.audio_files import read_audio, write_wav
from hybrid_kd.corpus.transcripts import (
    Spoken,
    read_lhotse_cuts,
    read_librispeech,
    read_transcript_table,
    with_kaldi_names,
)
from hybrid_kd.errors import HybridKdError
from hybrid_kd.frontend.audio import AudioOptions
from tests.corpus.conftest import tone


def test_a_table_is_read(tmp_path: Path) -> None:
    (tmp_path / "t.tsv").write_text("path\tspeaker\ttext\tset\na/x.wav\tann\tONE TWO\tdt\n")
    assert read_transcript_table(tmp_path / "t.tsv") == [Spoken("ann", "x", "ONE TWO", "a/x.wav", "dt")]


def test_the_table_of_an4_is_read(shared: Path) -> None:
    spoken = read_transcript_table(shared / "audio/an4/train.tsv")
    assert len(spoken) == 948
    assert spoken[0] == Spoken("mblw", "an1-mblw-b", "X I SIXTY ONE", "an4_clstk/mblw/an1-mblw-b.flac")


@pytest.mark.parametrize(
    ("row", "problem"),
    [("\tann\tONE\tdt", "line 2 has no speaker or path"), ("a.wav\tann\tONE\tdev", "line 2: set is 'dev'")],
)
def test_a_bad_table_is_an_error(tmp_path: Path, row: str, problem: str) -> None:
    (tmp_path / "t.tsv").write_text(f"path\tspeaker\ttext\tset\n{row}\n")
    with pytest.raises(HybridKdError, match=problem):
        read_transcript_table(tmp_path / "t.tsv")


def test_librispeechs_layout_is_read(tmp_path: Path) -> None:
    chapter = tmp_path / "dev-clean/84/121123"
    chapter.mkdir(parents=True)
    (chapter / "84-121123.trans.txt").write_text("84-121123-0000 GO\n84-121123-0001 DO YOU KNOW\n")
    (chapter / "84-121123-0000.wav").touch()
    assert read_librispeech(tmp_path) == [
        Spoken("84", "121123-0000", "GO", "dev-clean/84/121123/84-121123-0000.wav"),
        Spoken("84", "121123-0001", "DO YOU KNOW", "dev-clean/84/121123/84-121123-0001.flac"),
    ]
    (chapter / "84-121123.trans.txt").write_text("first GO\n")
    with pytest.raises(HybridKdError, match="line 1 does not begin with <speaker>-<chapter>-<number>"):
        read_librispeech(tmp_path)
    (chapter / "84-121123.trans.txt").write_bytes(b"84-121123-0000 \xff\n")
    with pytest.raises(HybridKdError, match=r"trans.txt: line 1 is not UTF-8"):
        read_librispeech(tmp_path)


def test_a_directory_without_transcripts_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(HybridKdError, match=r"no \*.trans.txt below it .*\n  fix: give --transcripts"):
        read_librispeech(tmp_path)


def test_lhotses_cuts_are_cut_out(tmp_path: Path) -> None:
    import lhotse

    write_wav(tmp_path / "long.wav", tone(2.0, 300))
    recording = lhotse.Recording.from_file(tmp_path / "long.wav")
    said = [
        lhotse.SupervisionSegment("u1", recording.id, 0.0, 0.5, text="ONE", speaker="ann"),
        lhotse.SupervisionSegment("u2", recording.id, 1.0, 0.75, text="TWO", speaker="bob"),
    ]
    cuts = lhotse.CutSet.from_manifests(
        lhotse.RecordingSet.from_recordings([recording]), lhotse.SupervisionSet.from_segments(said)
    )
    cuts.to_file(tmp_path / "whole.jsonl.gz")
    cuts.trim_to_supervisions().to_file(tmp_path / "cuts.jsonl.gz")
    spoken = read_lhotse_cuts(tmp_path / "cuts.jsonl.gz", tmp_path / "clean", AudioOptions())
    assert [(item.speaker, item.text) for item in spoken] == [("ann", "ONE"), ("bob", "TWO")]
    lengths = [len(read_audio(tmp_path / "clean" / item.clean, AudioOptions())) for item in spoken]
    assert lengths == [8000, 12000]
    low = lhotse.CutSet.from_cuts([cuts.trim_to_supervisions().resample(8000)[0]])
    low.to_file(tmp_path / "low.jsonl.gz")
    with pytest.raises(HybridKdError, match=r"utterance '.*': audio of 8000 Hz"):
        read_lhotse_cuts(tmp_path / "low.jsonl.gz", tmp_path / "low", AudioOptions())
    with pytest.raises(HybridKdError, match="is not one supervision with a speaker and text"):
        read_lhotse_cuts(tmp_path / "whole.jsonl.gz", tmp_path / "clean", AudioOptions())
    (tmp_path / "bad.jsonl.gz").write_bytes(b"no")
    with pytest.raises(HybridKdError, match=r"bad.jsonl.gz: lhotse cannot read it"):
        read_lhotse_cuts(tmp_path / "bad.jsonl.gz", tmp_path / "clean", AudioOptions())


@pytest.mark.parametrize(
    ("speakers", "names"),
    [
        (["ann", "bob"], ["ann", "bob"]),
        (["mdcs", "mdcs2"], ["mdcs-", "mdcs2"]),
        (["84", "8463"], ["0084", "8463"]),
        (["a_b", "c d"], ["a-b", "c-d"]),
    ],
)
def test_speakers_sort_as_their_utterances_do(speakers: list[str], names: list[str]) -> None:
    renamed = with_kaldi_names([Spoken(name, "u_1", "X", f"{name}.wav") for name in speakers])
    assert [item.speaker for item in renamed] == names
    assert {item.utterance for item in renamed} == {"u-1"}
    assert sorted(names) == sorted(names, key=lambda name: f"{name}_")


def test_two_recordings_of_one_name_are_an_error() -> None:
    spoken = [Spoken("a", "x_1", "X", "1.wav"), Spoken("a", "x-1", "X", "2.wav")]
    with pytest.raises(HybridKdError, match=r"2.wav: 'x-1' of speaker 'a' is also 1.wav"):
        with_kaldi_names(spoken)
