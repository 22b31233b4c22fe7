"""A directory of recordings becomes Kaldi data directories; what does not fit is said."""

import logging
from pathlib import Path

import pytest

from hybrid_kd.archives.data_dir import read_data_dir
from hybrid_kd.cli.corpus_directory import Options, run
from hybrid_kd.config import parse_options
from hybrid_kd.errors import HybridKdError


def make(clean_dir: Path, noise_dir: Path, out: Path, *flags: str) -> None:
    args = ["--audio", str(clean_dir), "--noise", str(noise_dir), "--out", str(out)]
    args += ["--transcripts", str(clean_dir / "table.tsv"), "--test-environments", "2", *flags]
    run(parse_options(Options, args, prog="hybrid-kd corpus directory"))


def speakers(out: Path) -> dict[str, list[str]]:
    return {
        path.name: sorted(set(read_data_dir(path, needs_feats=False).utt2spk.values()))
        for path in sorted(out.iterdir())
        if (path / "utt2spk").exists()
    }


def test_speakers_are_split_by_name(clean_dir: Path, noise_dir: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    make(clean_dir, noise_dir, out, "--dt-speakers", "bob", "--et-speakers", "ann")
    assert speakers(out) == {"tr05_multi": ["cid"], "dt05_simu": ["bob"], "et05_simu": ["ann"]}
    data = read_data_dir(out / "et05_simu", needs_feats=False)
    assert data.utt_ids == ("ann_u1_BUS_SIMU", "ann_u1_CAF_SIMU", "ann_u2_BUS_SIMU", "ann_u2_CAF_SIMU")
    assert (out / "lm_text").read_text() == "ONE\nRED MAP\n"


def test_speakers_are_drawn(clean_dir: Path, noise_dir: Path, tmp_path: Path) -> None:
    make(clean_dir, noise_dir, tmp_path / "out", "--num-dt-speakers", "1", "--num-et-speakers", "1")
    assert sorted(len(names) for names in speakers(tmp_path / "out").values()) == [1, 1, 1]
    assert sorted(name for names in speakers(tmp_path / "out").values() for name in names) == [
        "ann",
        "bob",
        "cid",
    ]


def test_speakers_are_split_by_a_column_or_a_second_table(
    clean_dir: Path, noise_dir: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lines = (clean_dir / "table.tsv").read_text().splitlines()
    sets = ["set", "tr", "tr", "dt", "dt", "", ""]
    (clean_dir / "table.tsv").write_text(
        "\n".join(f"{line}\t{name}" for line, name in zip(lines[:5], sets, strict=False)) + "\n"
    )
    (clean_dir / "et.tsv").write_text("\n".join([lines[0], *lines[5:]]) + "\n")
    make(clean_dir, noise_dir, tmp_path / "one")
    assert speakers(tmp_path / "one") == {"tr05_multi": ["ann"], "dt05_simu": ["bob"]}
    assert "no speaker belongs to et: et05_simu is not written" in caplog.text
    make(clean_dir, noise_dir, tmp_path / "two", "--et-transcripts", str(clean_dir / "et.tsv"))
    assert speakers(tmp_path / "two")["et05_simu"] == ["cid"]


def test_librispeechs_layout_needs_no_table(clean_dir: Path, noise_dir: Path, tmp_path: Path) -> None:
    for speaker in ("ann", "bob"):
        (clean_dir / speaker / "1.wav").rename(clean_dir / speaker / f"{speaker}-7-0.wav")
        (clean_dir / speaker / f"{speaker}-7.trans.txt").write_text(f"{speaker}-7-0 ONE TWO\n")
    args = ["--audio", str(clean_dir), "--noise", str(noise_dir), "--out", str(tmp_path / "out")]
    args += ["--dt-speakers", "bob", "--test-environments", "1"]
    run(parse_options(Options, args, prog="hybrid-kd corpus directory"))
    assert read_data_dir(tmp_path / "out/dt05_simu", needs_feats=False).utt_ids == ("bob_7-0_BUS_SIMU",)


@pytest.mark.parametrize(
    ("flags", "problem"),
    [
        ("--dt-speakers eve", "--dt-speakers: speaker 'eve' is not in the transcripts"),
        ("--dt-speakers ann --et-speakers ann", "--et-speakers: speaker 'ann' .* given to two sets"),
        ("--num-dt-speakers 4", "--num-dt-speakers: 4 speakers, but only 3 are left"),
        ("--num-dt-speakers 3", "no speaker is left for training"),
        ("--tr-environments 3", "3 environments an utterance, but the noise has 2"),
    ],
)
def test_an_impossible_split_is_an_error(
    clean_dir: Path, noise_dir: Path, tmp_path: Path, flags: str, problem: str
) -> None:
    with pytest.raises(HybridKdError, match=problem):
        make(clean_dir, noise_dir, tmp_path / "out", *flags.split())


def test_a_speaker_in_two_sets_is_an_error(clean_dir: Path, noise_dir: Path, tmp_path: Path) -> None:
    (clean_dir / "table.tsv").write_text(
        "path\tspeaker\ttext\tset\nann/1.wav\tann\tONE\ttr\nann/2.wav\tann\tTWO\tdt\n"
    )
    with pytest.raises(HybridKdError, match="speaker 'ann' is in tr and in dt"):
        make(clean_dir, noise_dir, tmp_path / "out")


def test_a_missing_directory_is_an_error(noise_dir: Path, tmp_path: Path) -> None:
    with pytest.raises(HybridKdError, match="nowhere: no such directory"):
        make(tmp_path / "nowhere", noise_dir, tmp_path / "out")


def test_recordings_without_words_are_left_out(
    clean_dir: Path, noise_dir: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    table = (clean_dir / "table.tsv").read_text()
    (clean_dir / "table.tsv").write_text(table.replace("ONE TWO", " "))
    make(clean_dir, noise_dir, tmp_path / "out")
    assert "left out 1 of 6 recordings: no words" in caplog.text


def test_words_without_pronunciation_are_counted_and_named(
    clean_dir: Path, noise_dir: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "lexicon").write_text("ONE W AH N\nTWO T UW\nMAP M AE P\n")
    with caplog.at_level(logging.WARNING):
        make(clean_dir, noise_dir, tmp_path / "out", "--lexicon", str(tmp_path / "lexicon"))
    assert "lexicon: 3 words (4 times) are not in it and become <UNK>: RED PEN OLD" in caplog.text
    assert "MAP M AE P\n" in (tmp_path / "out/dict/lexicon.txt").read_text()


@pytest.mark.usefixtures("espeak")
def test_words_without_pronunciation_can_be_pronounced_by_espeak(
    clean_dir: Path, noise_dir: Path, tmp_path: Path
) -> None:
    make(clean_dir, noise_dir, tmp_path / "out", "--unknown-words", "espeak")
    assert "RED R EH D\n" in (tmp_path / "out/dict/lexicon.txt").read_text()
    (tmp_path / "lexicon").write_text("ONE W AH1 N\n")
    with pytest.raises(HybridKdError, match=r"with the phone '\w+', which the lexicon does not have"):
        make(
            clean_dir,
            noise_dir,
            tmp_path / "out",
            "--unknown-words",
            "espeak",
            "--lexicon",
            str(tmp_path / "lexicon"),
        )
