"""The fake corpus as a whole: the preparation accepts it, and its audio is what it says."""

import wave
from pathlib import Path

import numpy as np
import pytest

from hybrid_kd.archives.data_dir import read_data_dir
from hybrid_kd.config import parse_options
from hybrid_kd.errors import HybridKdError
from hybrid_kd.graph.arpa import read_arpa
from hybrid_kd.graph.dict_dir import read_dict_dir
from local.chime4 import prepare
from local.chime4.fake_corpus import Options, run
from local.chime4.fake_texts import draw_sets

NUM_TRAINING, NUM_TEST = 16, 4


@pytest.fixture(scope="module")
def fake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("espeakng_loader")
    out = tmp_path_factory.mktemp("fake") / "corpus"
    sizes = ["--utterances", str(NUM_TRAINING), "--test-sentences", str(NUM_TEST), "--channels", "CH2 CH5"]
    run(parse_options(Options, ["--out", str(out), *sizes, "--nj", "1"], prog="fake_corpus"))
    return out


@pytest.fixture(scope="module")
def data(fake: Path) -> Path:
    flags = ["--chime4", str(fake / "CHiME4"), "--cmudict", str(fake / "cmudict/cmudict.0.7a")]
    flags += ["--enhanced-dir", str(fake / "enhanced"), "--out", str(fake / "data")]
    prepare.run(parse_options(prepare.Options, flags, prog="prepare"))
    return fake / "data"


def samples(path: str) -> np.ndarray:
    with wave.open(path) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (16000, 1, 2)
        return np.frombuffer(file.readframes(file.getnframes()), np.int16).astype(float)


def wav_scp(path: Path) -> dict[str, str]:
    return dict(line.split(maxsplit=1) for line in (path / "wav.scp").read_text().splitlines())


def test_the_preparation_finds_all_of_it(data: Path) -> None:
    sizes = {
        path.name: len(read_data_dir(path, needs_feats=False).utt_ids)
        for path in data.iterdir()
        if (path / "utt2spk").exists() and not path.name.endswith("_enhanced")
    }
    tests = {f"{part}_{kind}": 4 * NUM_TEST for part in ("dt05", "et05") for kind in ("real", "simu")}
    assert sizes == {"tr05_multi_noisy": NUM_TRAINING, "dt05_multi": 32, "et05_multi": 32, **tests}


def test_every_word_has_a_pronunciation(data: Path) -> None:
    known = {entry.word for entry in read_dict_dir(data / "dict").lexicon}
    assert set(read_arpa(data / "lm.arpa.gz").vocabulary.words[2:]) <= known
    for name in ("tr05_multi_noisy", "dt05_multi", "et05_multi"):
        text = read_data_dir(data / name, needs_feats=False).text
        assert text is not None
        assert {word for words in text.values() for word in words} <= known
    noisy = (data / "tr05_multi_noisy/text").read_text()
    assert "<NOISE>" in noisy
    assert ",COMMA" in noisy
    assert "[" not in noisy


def test_real_speakers_of_the_three_parts_are_different(data: Path) -> None:
    speakers = [
        set(read_data_dir(data / name, needs_feats=False).utt2spk.values())
        for name in ("tr05_multi_noisy", "dt05_multi", "et05_multi")
    ]
    assert speakers[1:] == [{"F01", "F04", "M03", "M04"}, {"F05", "F06", "M05", "M06"}]
    assert {"F02", "F03", "M01", "M02", "011"} <= speakers[0]


def test_enhanced_audio_is_the_same_speech_with_less_noise(data: Path) -> None:
    noisy, enhanced = wav_scp(data / "tr05_multi_noisy"), wav_scp(data / "tr05_multi_enhanced")
    utt_map = dict(line.split() for line in (data / "tr05_multi_enhanced/utt_map").read_text().splitlines())
    assert set(utt_map) == set(noisy)
    quieter = 0
    for utt_id, path in noisy.items():
        one, other = samples(path), samples(enhanced[utt_map[utt_id]])
        assert one.shape == other.shape
        start = slice(0, 1200)  # 75 ms before anything is said
        quieter += np.mean(other[start] ** 2) / np.mean(other**2) < np.mean(one[start] ** 2) / np.mean(one**2)
    assert quieter == len(noisy)


def test_channels_differ(fake: Path) -> None:
    (path,) = (fake / "CHiME4/data/audio/16kHz/isolated").glob("*/F02_011C0201_*.CH5.wav")
    other = samples(str(path).replace("CH5", "CH2"))
    assert other.shape == samples(str(path)).shape
    assert not np.array_equal(other, samples(str(path)))


def test_the_same_seed_gives_the_same_utterances() -> None:
    assert draw_sets(3, num_training=20, num_test=5) == draw_sets(3, num_training=20, num_test=5)
    assert draw_sets(3, num_training=20, num_test=5) != draw_sets(4, num_training=20, num_test=5)


def test_no_sentence_of_dt_or_et_is_in_training() -> None:
    sets = draw_sets(0, num_training=40, num_test=8)
    said = [{line.text for line in each.lines} for each in sets]
    assert said[2] == said[3]
    assert said[4] == said[5]
    assert not said[2] & said[4]
    assert not (said[0] | said[1]) & (said[2] | said[4])
    assert [len(each.lines) for each in sets] == [10, 30, 32, 32, 32, 32]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--utterances", "15"], "--utterances: 15 are too few"),
        (["--test-sentences", "3"], "--test-sentences: 3 are too few"),
        (["--test-sentences", "1296"], "--test-sentences: 1296 are too many"),
        (["--out", "."], "is there already"),
        (["--channels", "CH9"], "no list of channels"),
    ],
)
def test_sizes_that_cannot_be_are_refused(tmp_path: Path, flags: list[str], message: str) -> None:
    with pytest.raises(HybridKdError) as caught:
        run(parse_options(Options, ["--out", str(tmp_path / "out"), *flags], prog="fake_corpus"))
    assert message in str(caught.value)
