"""The preparation as a whole, on a tree by hand: Kaldi's ids, transcripts and speakers; what is missing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hybrid_kd.config import parse_options
from hybrid_kd.errors import HybridKdError
from hybrid_kd.graph.arpa import read_arpa
from hybrid_kd.graph.dict_dir import read_dict_dir
from local.chime4.prepare import Options, run

ROOT = Path(__file__).resolve().parents[3]
ROOTS = ("CHIME4_ROOT", "WSJ0_ROOT", "CMUDICT", "KALDI_ROOT")


def flags(tree: Path, *more: str) -> list[str]:
    return [
        *(
            "--chime4",
            str(tree / "chime4"),
            "--wsj0",
            str(tree / "wsj0"),
            "--cmudict",
            str(tree / "cmudict.0.7a"),
        ),
        *("--out", str(tree / "data"), *more),
    ]


def prepare(tree: Path, *more: str) -> Path:
    run(parse_options(Options, flags(tree, *more), prog="prepare"))
    return tree / "data"


def refusal(tree: Path, *more: str) -> str:
    with pytest.raises(HybridKdError) as caught:
        prepare(tree, *more)
    assert not (tree / "data").exists()
    return str(caught.value)


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines()


def test_the_training_set_is_real_and_simulated_in_the_fifth_channel(tree: Path) -> None:
    data = prepare(tree) / "tr05_multi_noisy"
    audio = tree / "chime4/data/audio/16kHz/isolated"
    assert lines(data / "wav.scp") == [
        f"011_011C0204_PED.CH5_SIMU {audio}/tr05_ped_simu/011_011C0204_PED.CH5.wav",
        f"01I_01IC0201_CAF.CH5_SIMU {audio}/tr05_caf_simu/01I_01IC0201_CAF.CH5.wav",
        f"F02_011C0204_STR.CH5_REAL {audio}/tr05_str_real/F02_011C0204_STR.CH5.wav",
        f"M01_01IC0201_BUS.CH5_REAL {audio}/tr05_bus_real/M01_01IC0201_BUS.CH5.wav",
    ]
    assert lines(data / "text") == [
        "011_011C0204_PED.CH5_SIMU PERCENT -DASH THE OTHER HOTEL .PERIOD",
        "01I_01IC0201_CAF.CH5_SIMU THE SALE OF THE HOTEL ,COMMA (LEFT-PAREN",
        "F02_011C0204_STR.CH5_REAL THE HOTEL",
        "M01_01IC0201_BUS.CH5_REAL EVEN IF IT ISN'T THE OTHER HOTEL <NOISE>",
    ]
    assert lines(data / "spk2utt") == [
        "011 011_011C0204_PED.CH5_SIMU",
        "01I 01I_01IC0201_CAF.CH5_SIMU",
        "F02 F02_011C0204_STR.CH5_REAL",
        "M01 M01_01IC0201_BUS.CH5_REAL",
    ]


def test_test_sets_are_those_of_the_one_channel_track(tree: Path) -> None:
    data = prepare(tree)
    audio = tree / "chime4/data/audio/16kHz/isolated_1ch_track"
    assert lines(data / "dt05_real/wav.scp") == [
        f"F01_22GC010A_BUS_REAL {audio}/dt05_bus_real/F01_22GC010A_BUS.wav",
        f"M03_22GC010A_CAF_REAL {audio}/dt05_caf_real/M03_22GC010A_CAF.wav",
    ]
    assert lines(data / "dt05_simu/wav.scp") == [
        f"F01_22GC010A_BUS_SIMU {audio}/dt05_bus_simu/F01_22GC010A_BUS.wav"
    ]
    assert lines(data / "dt05_multi/utt2spk") == [
        "F01_22GC010A_BUS_REAL F01", "F01_22GC010A_BUS_SIMU F01", "M03_22GC010A_CAF_REAL M03",
    ]  # fmt: skip
    assert lines(data / "et05_real/text") == ["F05_442C020A_PED_REAL THE HOTEL"]
    assert lines(data / "et05_simu/text") == ["M06_442C020A_STR_SIMU THE HOTEL"]
    assert len(lines(data / "et05_multi/text")) == 2


def test_each_of_several_channels_is_a_speaker(tree: Path) -> None:
    data = prepare(tree, "--channels", "CH1 CH2 CH3 CH4 CH5 CH6") / "tr05_multi_noisy"
    utt2spk = dict(line.split() for line in lines(data / "utt2spk"))
    assert len(utt2spk) == 24
    assert utt2spk["F02_CH3_011C0204_STR.CH3_REAL"] == "F02_CH3"
    assert utt2spk["01I_CH6_01IC0201_CAF.CH6_SIMU"] == "01I_CH6"
    text = dict(line.split(maxsplit=1) for line in lines(data / "text"))
    assert text["F02_CH1_011C0204_STR.CH1_REAL"] == text["F02_CH6_011C0204_STR.CH6_REAL"] == "THE HOTEL"
    assert lines(data / "wav.scp")[0].endswith("tr05_ped_simu/011_011C0204_PED.CH1.wav")


def test_one_other_channel_keeps_the_plain_names(tree: Path) -> None:
    assert (
        lines(prepare(tree, "--channels", "CH1") / "tr05_multi_noisy/utt2spk")[0]
        == "011_011C0204_PED.CH1_SIMU 011"
    )


@pytest.mark.parametrize(
    ("channels", "message"),
    [
        ("CH0", "CH0 is the close-talking microphone"),
        ("CH7", "'CH7' is no list of channels"),
        ("CH5 CH5", "'CH5 CH5' is no list of channels"),
        ("", "'' is no list of channels"),
    ],
)
def test_other_channels_are_refused(tree: Path, channels: str, message: str) -> None:
    assert message in refusal(tree, "--channels", channels)


def test_enhanced_audio_is_matched_by_utterance(tree: Path) -> None:
    data = prepare(tree, "--enhanced-dir", str(tree / "enhanced"))
    assert lines(data / "tr05_multi_enhanced/utt_map")[2] == "F02_011C0204_STR.CH5_REAL F02_011C0204_STR_REAL"
    utt_map = dict(line.split() for line in lines(data / "tr05_multi_enhanced/utt_map"))
    noisy = dict(line.split(maxsplit=1) for line in lines(data / "tr05_multi_noisy/text"))
    enhanced = dict(line.split(maxsplit=1) for line in lines(data / "tr05_multi_enhanced/text"))
    assert {utt_map[utt_id]: text for utt_id, text in noisy.items()} == enhanced
    assert lines(data / "dt05_simu_enhanced/wav.scp") == [
        f"F01_22GC010A_BUS_SIMU {tree}/enhanced/dt05_bus_simu/F01_22GC010A_BUS.wav"
    ]
    assert lines(data / "dt05_multi_enhanced/text") == lines(data / "dt05_multi/text")


def test_all_channels_share_one_enhanced_utterance(tree: Path) -> None:
    data = prepare(tree, "--channels", "CH1 CH5", "--enhanced-dir", str(tree / "enhanced"))
    utt_map = dict(line.split() for line in lines(data / "tr05_multi_enhanced/utt_map"))
    assert utt_map["F02_CH1_011C0204_STR.CH1_REAL"] == utt_map["F02_CH5_011C0204_STR.CH5_REAL"]
    assert len(utt_map) == 8
    assert len(lines(data / "tr05_multi_enhanced/text")) == 4


def test_enhanced_audio_of_the_test_sets_alone_is_enough(tree: Path) -> None:
    for directory in (tree / "enhanced").glob("tr05_*"):
        for file in directory.iterdir():
            file.unlink()
        directory.rmdir()
    data = prepare(tree, "--enhanced-dir", str(tree / "enhanced"))
    assert (data / "et05_real_enhanced/text").exists()
    assert not (data / "tr05_multi_enhanced").exists()


def test_an_enhanced_utterance_that_is_missing_is_named(tree: Path) -> None:
    (tree / "enhanced/dt05_caf_real/M03_22GC010A_CAF.wav").unlink()
    message = refusal(tree, "--enhanced-dir", str(tree / "enhanced"))
    assert "enhanced: dt05_caf_real lacks 1 of 1 recordings of the corpus: M03_22GC010A_CAF.wav" in message


def test_a_directory_without_enhanced_audio_is_refused(tree: Path) -> None:
    assert "no dt05_bus_real (or any other directory of enhanced audio)" in refusal(
        tree, "--enhanced-dir", str(tree / "wsj0")
    )


def test_language_model_and_dictionary_fit_each_other(tree: Path) -> None:
    data = prepare(tree)
    words = read_arpa(data / "lm.arpa.gz").vocabulary.words
    assert words == ("<s>", "</s>", "HOTEL", "OTHER", "THE")
    assert {entry.word for entry in read_dict_dir(data / "dict").lexicon} >= set(words[2:])


def test_a_dictionary_of_other_words_is_refused(tree: Path) -> None:
    path = tree / "cmudict.0.7a"
    path.write_text("\n".join(line.split()[0].lower() + " HH" for line in path.read_text().splitlines()[1:]))
    with pytest.raises(HybridKdError, match=r"it has none of the language model's words \(e.g. HOTEL\)"):
        prepare(tree)


def test_every_missing_file_is_named_at_once(tree: Path) -> None:
    missing = [
        "chime4/data/annotations/et05_simu_1ch_track.list",
        "chime4/data/annotations/tr05_simu.json",
        "chime4/data/transcriptions/dt05_real.dot_all",
        "chime4/data/audio/16kHz/isolated/tr05_bus_real/M01_01IC0201_BUS.CH5.wav",
        "chime4/data/audio/16kHz/isolated_1ch_track/et05_ped_real/F05_442C020A_PED.wav",
        "wsj0/wsj0/doc/lng_modl/base_lm/tcb05cnp.z",
        "cmudict.0.7a",
        "cmudict.0.7a.symbols",
    ]
    for name in missing:
        (tree / name).unlink()
    told = refusal(tree, "--check-only").splitlines()
    assert told[0] == "CHiME-4: 8 inputs are not as they should be"
    assert [
        line for name in missing if not any(Path(name).name in line for line in told[1:-1]) for line in [name]
    ] == []
    assert any(
        "--chime4" in line and "tr05_bus_real lacks 1 of 1 recordings of tr05_real" in line for line in told
    )
    assert told[-1].startswith("  fix: copy them from the discs: CHiME-4 is CHiME-3 (LDC2017S24)")


def test_transcript_files_of_wsj0_that_are_missing_are_named(tree: Path) -> None:
    (tree / "wsj0/wsj0/si_tr_s/01i/01ic0200.dot").unlink()
    assert "wsj0: lacks 1 transcript files of tr05_simu: 01ic0200.dot" in refusal(tree)


def test_an_empty_tree_lacks_everything_but_says_it_once(tmp_path: Path) -> None:
    told = refusal(tmp_path).splitlines()
    assert told[0] == "CHiME-4: 19 inputs are not as they should be"
    assert len(set(told)) == len(told) == 21


def test_wsj0_is_looked_for_within_chime4(tree: Path) -> None:
    (tree / "wsj0").rename(tree / "chime4/data/WSJ0")
    prepare(tree, "--wsj0", "")
    assert (tree / "data/lm.arpa.gz").exists()


def test_upper_case_discs_and_links_to_them_are_found(tree: Path) -> None:
    dots = tree / "wsj0/wsj0/si_tr_s/01i"
    (dots / "01ic0200.dot").rename(dots / "01IC0200.DOT")
    dots.rename(tree / "elsewhere")
    dots.symlink_to(tree / "elsewhere")
    assert len(lines(prepare(tree) / "tr05_multi_noisy/text")) == 4


def test_a_transcript_that_is_missing_is_named(tree: Path) -> None:
    assert lines(prepare(tree) / "et05_real/text") == ["F05_442C020A_PED_REAL THE HOTEL"]
    (tree / "chime4/data/transcriptions/et05_real.dot_all").write_text("Other words (F05_442C0201_PED)\n")
    with pytest.raises(
        HybridKdError, match=r"et05_real.dot_all, utterance 'F05_442C020A_PED': has no transcript"
    ):
        prepare(tree)


def test_checking_writes_nothing(tree: Path) -> None:
    assert not prepare(tree, "--check-only").exists()


def test_a_directory_to_write_is_needed(tree: Path) -> None:
    with pytest.raises(HybridKdError, match="--out: no directory is given"):
        run(parse_options(Options, flags(tree, "--out", ""), prog="prepare"))


def test_the_dictionary_that_a_kaldi_recipe_fetched_is_taken(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = tree / "kaldi/egs/wsj/s5/data/local/dict_nosp/cmudict"
    directory.mkdir(parents=True)
    for name in ("cmudict.0.7a", "cmudict.0.7a.symbols"):
        (tree / name).rename(directory / name)
    monkeypatch.setenv("KALDI_ROOT", str(tree / "kaldi"))
    assert (prepare(tree, "--cmudict", "") / "dict/lexicon.txt").exists()


def test_paths_that_are_not_given_are_asked_for_together(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KALDI_ROOT", raising=False)
    message = refusal(tree, "--chime4", "", "--cmudict", "")
    assert message.startswith("--chime4 and --cmudict: no path is given")
    assert "CHIME4_ROOT" in message
    assert "svn.code.sf.net" in message


def script(*args: str, name: str = "local/chime4/prepare_data.sh") -> subprocess.CompletedProcess[str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    clean = {key: value for key, value in os.environ.items() if key not in ROOTS}
    return subprocess.run(
        [str(ROOT / name), *args],
        cwd=ROOT,
        env={**clean, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_script_prepares_the_same(tree: Path) -> None:
    arguments = flags(tree)[:-2]
    done = script("--channels", "CH1 CH2", *arguments, str(tree / "by_script"))
    assert done.returncode == 0, done.stderr
    assert "tr05_multi_noisy: 8 utterances, 8 speakers" in done.stderr
    prepare(tree, "--channels", "CH1 CH2")
    for name in ("tr05_multi_noisy/text", "et05_multi/wav.scp", "dict/lexicon.txt", "lm.arpa.gz"):
        assert (tree / "by_script" / name).read_bytes() == (tree / "data" / name).read_bytes()


def test_the_script_says_what_it_needs() -> None:
    assert "--enhanced-dir <dir>" in script("--help").stdout
    assert "Usage: " in script().stderr
    done = script("somewhere")
    assert (done.returncode, "--chime4 and --cmudict: no path is given" in done.stderr) == (1, True)


def test_the_recipe_names_what_is_missing_before_any_stage(tree: Path) -> None:
    (tree / "cmudict.0.7a").unlink()
    options = ["--corpus", "chime4", "--data-dir", str(tree / "data"), "--exp-dir", str(tree / "exp")]
    done = script(*options, *flags(tree)[:-2], name="run.sh")
    assert done.returncode == 1
    assert f"--cmudict {tree}: no cmudict.0.7a (pronunciations)" in done.stderr
    assert "stage 0" not in done.stdout
