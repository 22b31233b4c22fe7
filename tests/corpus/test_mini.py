"""The embedded corpus as a whole: Kaldi's directories, disjoint sets, the same bits from the same seed."""

import shutil
from pathlib import Path

import pytest

from hybrid_kd.archives.data_dir import read_data_dir
from hybrid_kd.cli.corpus_mini import Options, run
from hybrid_kd.config import parse_options
from hybrid_kd.corpus.mini import draw_prompts
from hybrid_kd.corpus.mix_list import read_mix_list
from hybrid_kd.errors import HybridKdError

TINY = {
    **{"--tr-speakers": 2, "--tr-sentences": 4, "--dt-speakers": 1, "--dt-sentences": 4},
    **{"--et-speakers": 2, "--et-sentences": 4, "--lm-sentences": 50, "--noise-s": 2},
}


def make(out: Path, *flags: str) -> None:
    tiny = [f"{flag}={value}" for flag, value in TINY.items()]
    run(parse_options(Options, ["--out", str(out), *tiny, *flags], prog="hybrid-kd corpus mini"))


def contents(path: Path, under: str = "") -> dict[str, bytes]:
    return {
        str(file.relative_to(path)): file.read_bytes()
        for file in sorted((path / under).rglob("*"))
        if file.is_file() and "log" not in file.parts and file.name != "wav.scp"
    }


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory, espeak: None) -> Path:
    path = tmp_path_factory.mktemp("mini")
    make(path, "--nj", "2")
    return path


def test_the_sets_are_kaldi_data_directories(corpus: Path) -> None:
    speakers: list[str] = []
    texts: list[str] = []
    for name, num_speakers, num_utts in (("tr05_multi", 2, 8), ("dt05_simu", 1, 4), ("et05_simu", 2, 8)):
        data = read_data_dir(corpus / name, needs_feats=False)
        assert (len(set(data.utt2spk.values())), len(data.utt_ids)) == (num_speakers, num_utts)
        environments = [utt_id.split("_")[2] for utt_id in data.utt_ids]
        assert {environments.count(code) for code in ("BUS", "CAF", "PED", "STR")} == {num_utts // 4}
        by_speaker = {(data.utt2spk[utt_id], utt_id.split("_")[2]) for utt_id in data.utt_ids}
        assert len(by_speaker) == 4 * num_speakers
        assert all(utt_id.endswith("_SIMU") for utt_id in data.utt_ids)
        speakers += set(data.utt2spk.values())
        assert data.text is not None
        texts += [" ".join(words) for words in data.text.values()]
    assert len(set(speakers)) == len(speakers)
    assert len(set(texts)) == len(texts)
    lm_texts = (corpus / "lm_text").read_text().splitlines()
    assert len(lm_texts) == 50
    assert not set(lm_texts) & set(texts[8:])


def test_training_and_test_hear_other_recordings(corpus: Path) -> None:
    for name, part in (("tr05_multi", "train"), ("dt05_simu", "test"), ("et05_simu", "test")):
        items = read_mix_list(corpus / name / "mix.tsv")
        assert {item.noise_id.split("_")[1] for item in items} == {part}


def test_every_word_has_a_pronunciation(corpus: Path) -> None:
    lexicon = {line.split()[0] for line in (corpus / "dict/lexicon.txt").read_text().splitlines()}
    for name in ("tr05_multi", "dt05_simu", "et05_simu"):
        text = read_data_dir(corpus / name, needs_feats=False).text
        assert text is not None
        assert {word for words in text.values() for word in words} <= lexicon


def test_the_same_seed_gives_the_same_bits_with_any_number_of_processes(corpus: Path, tmp_path: Path) -> None:
    make(tmp_path, "--nj", "3")
    assert contents(tmp_path) == contents(corpus)


def test_what_is_missing_is_made_again(corpus: Path) -> None:
    before = contents(corpus)
    victims = [
        next((corpus / "clean").rglob("*.wav")),
        corpus / "noise/ped_test_1.wav",
        corpus / "lm_text",
    ]
    for victim in victims:
        victim.unlink()
    make(corpus)
    assert contents(corpus) == before


def test_another_snr_keeps_the_clean_speech_and_changes_the_mixtures(tmp_path: Path, corpus: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(corpus, copy)
    times = {path: path.stat().st_mtime_ns for path in [*copy.glob("clean/*/*.wav"), *copy.glob("noise/*")]}
    make(copy, "--test-min-snr-db", "20", "--test-max-snr-db", "20")
    assert {path: path.stat().st_mtime_ns for path in times} == times
    assert contents(copy, "data/tr05_multi") == contents(corpus, "data/tr05_multi")
    assert {item.snr_db for item in read_mix_list(copy / "et05_simu/mix.tsv")} == {20.0}


def test_another_seed_makes_another_corpus_in_the_same_place(tmp_path: Path, corpus: Path) -> None:
    shutil.copytree(corpus, tmp_path / "copy")
    make(tmp_path / "copy", "--seed", "1")
    before, after = contents(corpus), contents(tmp_path / "copy")
    assert not {name for name in after if name.endswith(".wav") and after[name] == before.get(name)}


def test_the_default_has_enough_words_in_enough_sentences() -> None:
    prompts = draw_prompts(Options(out=Path("unused")))
    et = [prompt.text for prompt in prompts["et"]]
    assert len(set(et)) >= 500
    assert sum(len(text.split()) for text in et) >= 3000
    assert sum(len(prompt.text.split()) for prompt in prompts["dt"]) >= 1000
    assert len({prompt.speaker.speaker_id for prompt in prompts["tr"]}) >= 40
    texts = [prompt.text for of_set in prompts.values() for prompt in of_set]
    assert len(set(texts)) == len(texts)


@pytest.mark.parametrize(
    ("flags", "problem"),
    [
        ("--et-sentences 0", "--et-sentences: must be above 0"),
        ("--nj 0", "--nj: 0 processes"),
        ("--test-min-snr-db 11", "signal-to-noise ratios from 11 to 8 dB"),
        ("--test-environments 5", "5 environments an utterance, but the noise has 4"),
    ],
)
def test_an_impossible_option_is_an_error(corpus: Path, tmp_path: Path, flags: str, problem: str) -> None:
    shutil.copytree(corpus, tmp_path / "copy")
    (tmp_path / "copy/noise/bus_test_1.wav").unlink()
    with pytest.raises(HybridKdError, match=problem):
        make(tmp_path / "copy", *flags.split())
