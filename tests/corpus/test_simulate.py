"""Noisy data directories: drawn, mixed, continued, and honest about bad audio."""

import logging
from dataclasses import replace
from pathlib import Path

import pytest

from hybrid_kd.archives.data_dir import read_data_dir
from hybrid_kd.corpus.drawing import CleanUtterance, DrawOptions, draw_noisy_set
from hybrid_kd.corpus.mix_list import NoiseRecording, read_mix_list
from hybrid_kd.corpus.simulate import NoisySet, write_noisy_set
from hybrid_kd.errors import HybridKdError
from tests.corpus.conftest import SPEAKERS, tone

OPTIONS = DrawOptions(seed=0, training=True, num_environments=1, snr_db=(0.0, 10.0))
Noises = dict[str, NoiseRecording]


@pytest.fixture
def utterances() -> list[CleanUtterance]:
    return [
        CleanUtterance(f"{speaker}_u{number}", speaker, text, f"{speaker}/{number}.wav")
        for speaker, texts in SPEAKERS.items()
        for number, text in enumerate(texts, start=1)
    ]


@pytest.fixture
def noisy(utterances: list[CleanUtterance], clean_dir: Path, noises: Noises) -> NoisySet:
    return draw_noisy_set(utterances, clean_dir=clean_dir, noises=noises, options=OPTIONS)


def contents(path: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted(path.rglob("*.wav"))}


def test_ids_follow_chime_4_and_environments_have_equal_shares(noisy: NoisySet) -> None:
    assert [item.utt_id for item in noisy.items] == [
        "ann_u1_BUS_SIMU",
        "ann_u2_CAF_SIMU",
        "bob_u1_BUS_SIMU",
        "bob_u2_CAF_SIMU",
        "cid_u1_BUS_SIMU",
        "cid_u2_CAF_SIMU",
    ]
    assert all(0 <= item.snr_db <= 10 for item in noisy.items)


def test_an_utterance_stands_in_as_many_environments_as_asked(
    utterances: list[CleanUtterance], clean_dir: Path, noises: Noises
) -> None:
    both = replace(OPTIONS, num_environments=2)
    drawn = draw_noisy_set(utterances, clean_dir=clean_dir, noises=noises, options=both)
    assert len(drawn.items) == 12
    with pytest.raises(HybridKdError, match="3 environments an utterance, but the noise has 2"):
        draw_noisy_set(
            utterances, clean_dir=clean_dir, noises=noises, options=replace(OPTIONS, num_environments=3)
        )


def test_training_and_test_hear_other_parts_of_a_noise(
    utterances: list[CleanUtterance], clean_dir: Path, noises: Noises
) -> None:
    border = int(0.6 * 32000)
    for training in (True, False):
        drawn = draw_noisy_set(
            utterances, clean_dir=clean_dir, noises=noises, options=replace(OPTIONS, training=training)
        )
        assert all((item.noise_offset < border) == training for item in drawn.items)


def test_an_environment_without_noise_for_a_set_is_an_error(
    utterances: list[CleanUtterance], clean_dir: Path, noises: Noises
) -> None:
    all_for_training = {key: replace(noise, train_share=1.0) for key, noise in noises.items()}
    with pytest.raises(HybridKdError, match="no recording of 'bus' has a part for dt and et"):
        draw_noisy_set(
            utterances, clean_dir=clean_dir, noises=all_for_training, options=replace(OPTIONS, training=False)
        )
    alike = {**noises, "x": replace(noises["bus_1"], noise_id="x", environment="busy square")}
    with pytest.raises(HybridKdError, match="environments 'bus' and 'busy square' begin alike"):
        draw_noisy_set(utterances, clean_dir=clean_dir, noises=alike, options=OPTIONS)


def test_the_directory_is_kaldis_and_the_same_with_any_number_of_processes(
    noisy: NoisySet, tmp_path: Path
) -> None:
    write_noisy_set(noisy, tmp_path / "one", nj=1)
    write_noisy_set(noisy, tmp_path / "many", nj=4)
    data = read_data_dir(tmp_path / "one", needs_feats=False)
    assert data.utt2spk["bob_u2_CAF_SIMU"] == "bob"
    assert data.text is not None
    assert data.text["bob_u2_CAF_SIMU"] == ["OLD", "MAP"]
    scp = (tmp_path / "one/wav.scp").read_text().splitlines()
    assert scp[0] == f"ann_u1_BUS_SIMU {tmp_path}/one/wav/ann_u1_BUS_SIMU.wav"
    assert read_mix_list(tmp_path / "one/mix.tsv") == list(noisy.items)
    assert contents(tmp_path / "one") == contents(tmp_path / "many")
    assert len(contents(tmp_path / "one")) == 6


def test_a_finished_directory_stays_and_a_stopped_one_is_continued(
    noisy: NoisySet, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    out = tmp_path / "data"
    write_noisy_set(noisy, out)
    before = contents(out)
    times = {path: path.stat().st_mtime_ns for path in (out / "wav").iterdir()}
    with caplog.at_level(logging.INFO):
        write_noisy_set(noisy, out)
    assert "is up to date" in caplog.text
    gone = out / "wav" / "bob_u1_BUS_SIMU.wav"
    gone.unlink()
    write_noisy_set(noisy, out)
    assert contents(out) == before
    assert [path.name for path, time in times.items() if path.stat().st_mtime_ns != time] == [gone.name]


def test_another_recipe_makes_everything_anew(noisy: NoisySet, tmp_path: Path) -> None:
    write_noisy_set(noisy, tmp_path / "data")
    before = contents(tmp_path / "data")
    write_noisy_set(
        replace(noisy, items=[replace(item, snr_db=-5.0) for item in noisy.items]), tmp_path / "data"
    )
    after = contents(tmp_path / "data")
    assert all(after[name] != before[name] for name in before)


def test_bad_audio_is_left_out_by_name_or_fails_the_command(
    noisy: NoisySet, tmp_path: Path, clean_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (clean_dir / "ann/1.wav").write_bytes((clean_dir / "ann/1.wav").read_bytes()[:1000])
    with pytest.raises(HybridKdError, match=r"too many bad utterances: .*left out 1 \(1 truncated audio\)"):
        write_noisy_set(noisy, tmp_path / "data")
    assert "left out 'ann_u1_BUS_SIMU': truncated audio (ann/1.wav)" in caplog.text
    many = [replace(noisy.items[1], utt_id=f"ann_v{number:03d}_CAF_SIMU") for number in range(120)] + list(
        noisy.items
    )
    text = {item.utt_id: "RED PEN" for item in many}
    speakers = {item.utt_id: item.utt_id.split("_")[0] for item in many}
    write_noisy_set(replace(noisy, items=many, text=text, utt2spk=speakers), tmp_path / "data")
    assert len(read_data_dir(tmp_path / "data", needs_feats=False).utt_ids) == 125


def test_bad_noise_is_an_error(noisy: NoisySet, tmp_path: Path, noise_dir: Path, noises: Noises) -> None:
    with pytest.raises(HybridKdError, match=r"'ann_u1_BUS_SIMU': its noise 'bus_1' is not in noise.tsv"):
        write_noisy_set(replace(noisy, noises={"cafe_1": noises["cafe_1"]}), tmp_path / "data")
    far = [replace(item, noise_offset=32000) for item in noisy.items]
    with pytest.raises(HybridKdError, match="noise_offset 32000, but 'bus_1' has 32000 samples"):
        write_noisy_set(replace(noisy, items=far), tmp_path / "data")
    (noise_dir / "bus.wav").unlink()
    with pytest.raises(HybridKdError, match=r"bus.wav: no such audio file"):
        write_noisy_set(noisy, tmp_path / "data")


def test_noise_that_is_too_short_is_repeated(
    utterances: list[CleanUtterance], clean_dir: Path, noise_dir: Path, noises: Noises, tmp_path: Path
) -> None:
    from hybrid_kd.corpus.audio_files import write_wav

    write_wav(noise_dir / "bus.wav", tone(0.2, 700))
    drawn = draw_noisy_set(
        utterances, clean_dir=clean_dir, noises=noises, options=replace(OPTIONS, training=False)
    )
    border = int(0.6 * 3200)
    assert all(item.noise_offset == border for item in drawn.items if item.noise_id == "bus_1")
    write_noisy_set(drawn, tmp_path / "data")
    assert len(contents(tmp_path / "data")) == 6
