"""Who says what in the fake CHiME-4, and the files that tell it: annotations, lists, transcripts, indices.

Beside each form stands where it is from; what could not be checked without the discs says so.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from hybrid_kd.corpus.sentences import draw_sentences
from hybrid_kd.corpus.tables import write_lines
from hybrid_kd.seeds import numpy_generator
from local.chime4.layout import ANNOTATIONS, ENVIRONMENTS, TRANSCRIPTS, WSJ0_WITHIN_CHIME4, Kind, Utterance

# F02, F03, M01, M02 as a public reader of the corpus lists them; F01 and F05 as in Kaldi's ids
# (F01_22GC010A_BUS, F05_442C020A_BUS). That dt also has F04, M03, M04, and et F06, M05, M06, was not checked.
REAL_SPEAKERS = {
    "tr05": ("F02", "F03", "M01", "M02"),
    "dt05": ("F01", "F04", "M03", "M04"),
    "et05": ("F05", "F06", "M05", "M06"),
}
POOL = 10  # times as many sentences are drawn as are used
TEST_SESSIONS = {"dt05": "22GC01", "et05": "442C02"}  # of 22GC010A and 442C020A
SENTENCES_PER_SPEAKER = 5  # of a WSJ0 training speaker
WSJ_MARKS = (  # Kaldi egs/wsj/s5/local/normalize_transcript.pl tells what occurs
    "{} [loud_breath]",
    "{} ,COMMA",
    "{} [<door_slam] \\.PERIOD",
    "[phone_ring/] {} [/phone_ring] .",
    "<and> {} ~",
)


@dataclass(frozen=True)
class Line:
    """An utterance and its words."""

    utterance: Utterance
    text: str


@dataclass(frozen=True)
class FakeSet:
    """The lines of one part and kind."""

    part: str
    kind: Kind
    lines: tuple[Line, ...]


def draw_sets(seed: int, *, num_training: int, num_test: int) -> list[FakeSet]:
    """All sets; a quarter of the training utterances are real, each test sentence stands in all environments.

    Real training utterances say sentences of WSJ0's training set again; dt and et have their own.
    """
    num_real = max(len(ENVIRONMENTS), num_training // 4)
    num_simulated = max(num_real, num_training - num_real)
    pool = draw_sentences(seed, "fake CHiME-4", POOL * (num_simulated + 2 * num_test))
    said = _varied(pool, num_simulated)
    tests = _understood(pool, said, 2 * num_test)
    training = {_training_name(index): text for index, text in enumerate(said)}
    sets = [_real_training(training, num_real), _simulated_training(seed, training)]
    for part, texts in (("dt05", tests[:num_test]), ("et05", tests[num_test:])):
        numbered = enumerate(texts, start=1)
        sentences = {f"{TEST_SESSIONS[part]}{_base36(number)}": text for number, text in numbered}
        sets += [_test_set(part, "real", sentences), _test_set(part, "simu", sentences)]
    return sets


def _varied(pool: Sequence[str], count: int) -> list[str]:
    """Sentences with as many different words as can be, so that few of them have all phones."""
    left, seen = list(pool), set[str]()
    chosen = []
    for _ in range(count):
        best = max(left, key=lambda sentence: len(set(sentence.split()) - seen))
        left.remove(best)
        chosen.append(best)
        seen |= set(best.split())
    return chosen


def _understood(pool: Sequence[str], training: Sequence[str], count: int) -> list[str]:
    """Other sentences, those first whose words were all heard in training."""
    heard = {word for sentence in training for word in sentence.split()}
    others = [sentence for sentence in pool if sentence not in set(training)]
    return sorted(others, key=lambda sentence: len(set(sentence.split()) - heard))[:count]


def _base36(number: int) -> str:
    digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    return digits[number // 36] + digits[number % 36]


def _training_name(index: int) -> str:
    """011C0201: speaker 011, session C02, utterance 01."""
    speaker = f"{11 + index // SENTENCES_PER_SPEAKER:03d}"
    return f"{speaker}C02{_base36(1 + index % SENTENCES_PER_SPEAKER)}"


def _real_training(training: dict[str, str], count: int) -> FakeSet:
    """Speakers and environments in turn; the sentence's WSJ0 name is not the speaker's."""
    speakers = REAL_SPEAKERS["tr05"]
    lines = []
    for index, (wsj_name, text) in enumerate(list(training.items())[:count]):
        environment = ENVIRONMENTS[(index + index // len(speakers)) % len(ENVIRONMENTS)]
        lines.append(Line(Utterance("tr05", "real", speakers[index % 4], wsj_name, environment), text))
    return FakeSet("tr05", "real", tuple(lines))


def _simulated_training(seed: int, training: dict[str, str]) -> FakeSet:
    """Each sentence of WSJ0 once, in an environment that is drawn.

    Source: Kaldi CHiME3_simulate_data_patched_parallel.m, "draw a random environment"; WSJ_MARKS ours.
    """
    generator = numpy_generator(seed, "fake CHiME-4 environments")
    lines = []
    for index, (wsj_name, text) in enumerate(training.items()):
        environment = ENVIRONMENTS[(index + int(generator.integers(2))) % len(ENVIRONMENTS)]
        marked = WSJ_MARKS[index % len(WSJ_MARKS)].format(text) if index % 3 == 0 else text
        lines.append(Line(Utterance("tr05", "simu", wsj_name[:3], wsj_name, environment), marked))
    return FakeSet("tr05", "simu", tuple(lines))


def _test_set(part: str, kind: Kind, sentences: dict[str, str]) -> FakeSet:
    """Each sentence in each environment: real by different speakers, simulated by the one in the booth.

    Source: Kaldi CHiME3_simulate_data_patched_parallel.m, "match noisy utterance with same clean utterance
    (may be from a different speaker)".
    """
    speakers = REAL_SPEAKERS[part]
    lines = []
    for index, (wsj_name, text) in enumerate(sentences.items()):
        for turn, environment in enumerate(ENVIRONMENTS):
            speaker = speakers[(index + (turn if kind == "real" else 0)) % len(speakers)]
            lines.append(Line(Utterance(part, kind, speaker, wsj_name, environment), text))
    return FakeSet(part, kind, tuple(lines))


def write_texts(chime4: Path, sets: Sequence[FakeSet]) -> None:
    """Write data/annotations, data/transcriptions and WSJ0's transcripts and index below data/WSJ0."""
    for each in sets:
        stem = f"{each.part}_{each.kind}"
        annotations = [_annotation(line, number) for number, line in enumerate(each.lines)]
        write_lines(chime4 / ANNOTATIONS / f"{stem}.json", [json.dumps(annotations, indent=4)])
        if each.part != "tr05":
            write_lines(chime4 / ANNOTATIONS / f"{stem}_1ch_track.list", _track_list(each.lines))
        if (each.part, each.kind) != ("tr05", "simu"):
            _write_transcripts(chime4 / TRANSCRIPTS, stem, each.lines)
    (simulated,) = [each for each in sets if (each.part, each.kind) == ("tr05", "simu")]
    _write_wsj0(chime4 / WSJ0_WITHIN_CHIME4, simulated.lines)


def _annotation(line: Line, number: int) -> dict[str, object]:
    """One object of an annotation file.

    Source: Kaldi CHiME3_simulate_data_patched_parallel.m reads speaker, wsj_name, environment, wavfile,
    start, end (seconds) and, of simulated ones, noise_wavfile, noise_start, noise_end, ir_*; asteroid's
    reader takes the transcript from dot. Names of wavfiles: of their form (F01_141104_001_BUS), not
    checked. Nothing here reads more than the first three.
    """
    utterance = line.utterance
    start = 10.0 * number
    recording = f"{utterance.speaker}_150101_010_{utterance.environment}"
    annotation: dict[str, object] = {
        "dot": line.text.capitalize(),
        "end": start + 5.0,
        "environment": utterance.environment,
        "speaker": utterance.speaker,
        "start": start,
        "wavfile": recording,
        "wsj_name": utterance.wsj_name,
    }
    if utterance.kind == "simu":
        annotation |= {"noise_wavfile": f"BGD_150101_010_{utterance.environment}"}
        annotation |= {"noise_start": start, "noise_end": start + 5.0}
    return annotation


def _track_list(lines: Iterable[Line]) -> list[str]:
    """dt05_bus_real/F01_22GC010A_BUS.CH5.wav: the channel that the 1-channel track took.

    Source: readers of these lists (asteroid egs/chime4/local/create_local_metadata.py strips the channel).
    """
    utterances = [line.utterance for line in lines]
    return [f"{each.directory}/{each.name}.CH{1 + index % 6}.wav" for index, each in enumerate(utterances)]


def _write_transcripts(directory: Path, stem: str, lines: Iterable[Line]) -> None:
    """The .dot_all file, ``Transcript (name)``, and the .trn_all file, ``name TRANSCRIPT``.

    Source: Kaldi real_noisy_chime4_data_prep.sh (dot_all), chime4_train_lms.sh (``cut -d" " -f2-`` of
    trn_all).
    """
    pairs = [(line.utterance.name, line.text) for line in lines]
    write_lines(directory / f"{stem}.dot_all", [f"{text.capitalize()} ({name})" for name, text in pairs])
    write_lines(directory / f"{stem}.trn_all", [f"{name} {text}" for name, text in pairs])


def _write_wsj0(wsj0: Path, lines: Sequence[Line]) -> None:
    """The .dot file of each session and the index of the training set.

    Source: Kaldi cstr_ndx2flist.pl quotes tr_s_wv1.ndx; find_noisy_transcripts.pl reads the .dot files.
    They are found wherever they lie; transcrp/dots is where public readers of WSJ0 look.
    """
    sessions: dict[str, list[str]] = {}
    for line in lines:
        wsj_name = line.utterance.wsj_name.lower()
        sessions.setdefault(wsj_name[:6], []).append(f"{line.text.capitalize()} ({wsj_name})")
    for session, said in sessions.items():
        write_lines(wsj0 / f"wsj0/transcrp/dots/si_tr_s/{session[:3]}/{session}00.dot", said)
    index = [
        f"11_1_1:wsj0/si_tr_s/{line.utterance.speaker}/{line.utterance.wsj_name.lower()}.wv1"
        for line in lines
    ]
    write_lines(wsj0 / "wsj0/doc/indices/train/tr_s_wv1.ndx", [";; File: tr_s_wv1.ndx", ";;", *index])
