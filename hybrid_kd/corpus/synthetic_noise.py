"""Four synthetic environments: a bus, a cafe, a pedestrian area and a street, as recordings at 16 kHz."""

from collections.abc import Callable
from functools import partial

import numpy as np
from jaxtyping import Float64
from scipy.signal import butter, fftconvolve, sosfilt

from hybrid_kd.corpus.audio_files import SAMPLE_RATE
from hybrid_kd.corpus.sentences import draw_sentences
from hybrid_kd.corpus.speakers import Speaker, draw_speakers, record
from hybrid_kd.seeds import derive_seed, numpy_generator

Samples = Float64[np.ndarray, " samples"]
Draw = np.random.Generator
LEVEL_DB = -26.0  # root mean square, full scale being 0 dB


def make_noise(environment: str, length_s: float, *, seed: int, name: str) -> Samples:
    """A recording of BUS, CAF, PED or STR, a function of seed and name."""
    generator = numpy_generator(seed, "noise", utt_id=name)
    num_samples = int(length_s * SAMPLE_RATE)
    makers: dict[str, Callable[[], Samples]] = {
        "BUS": partial(_bus, generator, num_samples),
        "CAF": partial(_cafe, generator, num_samples, seed, name),
        "PED": partial(_pedestrian, generator, num_samples, seed, name),
        "STR": partial(_street, generator, num_samples),
    }
    samples = _unit(makers[environment]())
    return np.asarray(samples * min(10 ** (LEVEL_DB / 20), 0.95 / np.abs(samples).max()))


def _bus(generator: Draw, num_samples: int) -> Samples:
    """Engine harmonics that rise and fall, rumble of the road, rattling panels, the fan's hiss."""
    revolutions_hz = 22 + 14 * _wander(generator, num_samples, period_s=4.0)
    phase = 2 * np.pi * np.cumsum(revolutions_hz) / SAMPLE_RATE
    engine = np.zeros(num_samples)
    for harmonic in range(1, 25):
        engine += (
            generator.uniform(0.3, 1.0) / harmonic**0.8 * np.sin(harmonic * phase + generator.uniform(0, 6))
        )
    rumble = _band_noise(generator, num_samples, 20.0, 250.0)
    hiss = _band_noise(generator, num_samples, 300.0, 4000.0)
    rattle = _hits(generator, num_samples, rate_hz=7.0, frequencies_hz=(900.0, 3500.0), decay_s=0.025)
    loudness = 0.5 + 0.5 * _wander(generator, num_samples, period_s=3.0)
    return _layers((0.8, loudness * (_unit(engine) + rumble)), (0.45, hiss), (0.5, rattle))


def _cafe(generator: Draw, num_samples: int, seed: int, name: str) -> Samples:
    """Talk at the other tables, dishes, a room's echo and the hiss of a coffee machine."""
    babble = np.zeros(num_samples)
    for index, speaker in enumerate(_talkers(seed, name, 10)):
        talk = _talk(generator, num_samples, speaker, f"{name} {index}", pause_s=0.5)
        babble += generator.uniform(0.3, 1.0) * talk
    dishes = _hits(generator, num_samples, rate_hz=2.0, frequencies_hz=(2200.0, 6500.0), decay_s=0.06)
    machine = _band_noise(generator, num_samples, 1500.0, 7000.0) * _passing(
        generator, num_samples, every_s=9.0
    )
    room = _echo(generator, babble + 0.5 * dishes, decay_s=0.09)
    return _layers(
        (1.0, _unit(room)), (0.15, _band_noise(generator, num_samples, 60.0, 6000.0)), (0.3, machine)
    )


def _pedestrian(generator: Draw, num_samples: int, seed: int, name: str) -> Samples:
    """Steps of passers-by, a few distant voices, wind and the hum of a town."""
    steps = np.zeros(num_samples)
    for _ in range(4):
        walker = _steps(generator, num_samples)
        steps += walker * _passing(generator, num_samples, every_s=7.0)
    voices = np.zeros(num_samples)
    for index, speaker in enumerate(_talkers(seed, name, 4)):
        talk = _talk(generator, num_samples, speaker, f"{name} {index}", pause_s=1.5)
        voices += talk * _passing(generator, num_samples, every_s=8.0)
    voices = _filter(_echo(generator, voices, decay_s=0.05), 150.0, 3500.0)
    wind = _band_noise(generator, num_samples, 30.0, 500.0) * _wander(generator, num_samples, period_s=1.5)
    hum = _band_noise(generator, num_samples, 100.0, 3000.0)
    return _layers((0.7, _unit(steps)), (1.0, _unit(voices)), (0.5, _unit(wind)), (0.35, hum))


def _street(generator: Draw, num_samples: int) -> Samples:
    """Cars that come and go, traffic far away, now and then a horn."""
    traffic = _band_noise(generator, num_samples, 40.0, 900.0)
    cars = np.zeros(num_samples)
    for _ in range(3):
        near = _passing(generator, num_samples, every_s=6.0)
        tyres = _band_noise(generator, num_samples, 500.0, generator.uniform(3000, 6000))
        engine = _band_noise(generator, num_samples, 60.0, 300.0)
        cars += near * (0.7 * engine + 0.7 * near * tyres)  # what is near is brighter
    return _layers((0.35, traffic), (1.0, _unit(cars)), (0.25, _horns(generator, num_samples)))


def _talkers(seed: int, name: str, count: int) -> list[Speaker]:
    """Voices of this recording alone, that speak in no utterance of a set."""
    return draw_speakers(derive_seed(seed, "talkers", utt_id=name), "noise", count)


def _talk(generator: Draw, num_samples: int, speaker: Speaker, name: str, *, pause_s: float) -> Samples:
    """One voice that speaks again and again, with pauses."""
    talk = np.zeros(num_samples)
    position = int(generator.uniform(0, 2) * SAMPLE_RATE)
    for number, text in enumerate(draw_sentences(speaker.seed, f"talk {name}", num_samples // 8000)):
        spoken = record(speaker, f"{name} {number}", text)[: max(0, num_samples - position)]
        talk[position : position + len(spoken)] = spoken
        position += len(spoken) + int(generator.exponential(pause_s) * SAMPLE_RATE)
        if position >= num_samples:
            break
    return _unit(talk)


def _steps(generator: Draw, num_samples: int) -> Samples:
    """Steps of one walker: a thump and a scrape about twice a second."""
    steps = np.zeros(num_samples)
    position = generator.uniform(0, 0.5) * SAMPLE_RATE
    interval = generator.uniform(0.42, 0.6) * SAMPLE_RATE
    low = _filter(generator.standard_normal(2400), 90.0, generator.uniform(300, 900))
    high = _filter(generator.standard_normal(2400), 1500.0, generator.uniform(3000, 7000))
    time_s = np.arange(2400) / SAMPLE_RATE
    while position < num_samples - 2400:
        step = low * np.exp(-time_s / 0.02) + generator.uniform(0.2, 0.6) * high * np.exp(-time_s / 0.035)
        steps[int(position) : int(position) + 2400] += step * generator.uniform(0.6, 1.0)
        position += interval * generator.uniform(0.93, 1.07)
    return steps


def _horns(generator: Draw, num_samples: int) -> Samples:
    horns = np.zeros(num_samples)
    for _ in range(generator.poisson(num_samples / SAMPLE_RATE / 12)):
        time_s = np.arange(int(generator.uniform(0.2, 0.8) * SAMPLE_RATE)) / SAMPLE_RATE
        start = int(generator.integers(max(1, num_samples - len(time_s))))
        pitch_hz = generator.uniform(330, 520)
        tone = sum(np.sign(np.sin(2 * np.pi * pitch_hz * ratio * time_s)) for ratio in (1.0, 1.26))
        end = min(num_samples, start + len(time_s))
        horns[start:end] += (tone * np.hanning(len(time_s)) ** 0.3)[: end - start]
    return _filter(horns, 300.0, 3500.0)


def _hits(
    generator: Draw, num_samples: int, *, rate_hz: float, frequencies_hz: tuple[float, float], decay_s: float
) -> Samples:
    """Blows on something that rings: bursts of decaying sines at random times, of unit power."""
    hits = np.zeros(num_samples)
    time_s = np.arange(int(6 * decay_s * SAMPLE_RATE)) / SAMPLE_RATE
    for start in generator.integers(num_samples - len(time_s), size=int(rate_hz * num_samples / SAMPLE_RATE)):
        ring = np.zeros(len(time_s))
        for frequency_hz in generator.uniform(*frequencies_hz, size=4):
            ring += np.sin(2 * np.pi * frequency_hz * time_s + generator.uniform(0, 6))
        loudness = generator.exponential(1.0)
        hits[start : start + len(ring)] += loudness * ring * np.exp(-time_s / decay_s)
    return _unit(hits)


def _passing(generator: Draw, num_samples: int, *, every_s: float) -> Samples:
    """Loudness, 0 to about 1, of things that come near and go again."""
    time_s = np.arange(num_samples) / SAMPLE_RATE
    loudness = np.full(num_samples, 0.08)
    for centre_s in np.arange(generator.uniform(0, every_s), time_s[-1] + every_s, every_s):
        shift_s = centre_s + generator.uniform(-0.4, 0.4) * every_s
        width_s = generator.uniform(0.1, 0.3) * every_s
        loudness += generator.uniform(0.3, 1.0) / (1 + ((time_s - shift_s) / width_s) ** 2)
    return loudness


def _wander(generator: Draw, num_samples: int, *, period_s: float) -> Samples:
    """A curve that wanders slowly between 0 and 1."""
    knots = generator.uniform(0, 1, size=int(num_samples / SAMPLE_RATE / period_s) + 3)
    curve: Samples = np.interp(np.arange(num_samples) / SAMPLE_RATE / period_s, np.arange(len(knots)), knots)
    return curve


def _band_noise(generator: Draw, num_samples: int, low_hz: float, high_hz: float) -> Samples:
    """Noise of unit power in a band."""
    return _unit(_filter(generator.standard_normal(num_samples), low_hz, high_hz))


def _filter(samples: Samples, low_hz: float, high_hz: float) -> Samples:
    sections = butter(2, (low_hz, high_hz), "bandpass", fs=SAMPLE_RATE, output="sos")
    filtered: Samples = sosfilt(sections, samples)
    return filtered


def _echo(generator: Draw, samples: Samples, *, decay_s: float) -> Samples:
    time_s = np.arange(int(5 * decay_s * SAMPLE_RATE)) / SAMPLE_RATE
    room = generator.standard_normal(len(time_s)) * np.exp(-time_s / decay_s)
    room[0] += np.sqrt(np.sum(room**2))
    echoed: Samples = fftconvolve(samples, room)[: len(samples)]
    return echoed


def _unit(samples: Samples) -> Samples:
    """Scaled to a mean square of 1; silence stays silent."""
    return np.asarray(samples / np.sqrt(np.mean(samples**2) + 1e-20))


def _layers(*layers: tuple[float, Samples]) -> Samples:
    """Sum of sounds, each with its loudness."""
    return np.asarray(np.sum([loudness * samples for loudness, samples in layers], axis=0))
