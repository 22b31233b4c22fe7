"""Makes a lang directory of a dictionary directory, file by file what Kaldi's utils/prepare_lang.sh makes."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from hybrid_kd.atomic import replace_directory
from hybrid_kd.errors import HybridKdError
from hybrid_kd.graph.dict_dir import DictDir, Groups, Pronunciation, read_dict_dir
from hybrid_kd.graph.lexicon_fst import EPSILON, OptionalSilence, disambiguate, make_lexicon_fst
from hybrid_kd.provenance import collect_provenance
from hybrid_kd.run_record import PROVENANCE, RunRecord

logger = logging.getLogger(__name__)

POSITIONS = {"_B": "begin", "_E": "end", "_I": "internal", "_S": "singleton"}


@dataclass(frozen=True)
class LangOptions:
    """How a lang directory is made."""

    oov_word: str  # what words without pronunciation become; it must be in the lexicon
    silence_probability: float = 0.5  # of silence between words, in [0, 1); 0: no optional silence
    num_silence_states: int = 5
    num_nonsilence_states: int = 3
    position_dependent: bool = True


def prepare_lang(dict_dir: Path, out: Path, options: LangOptions) -> None:
    """Write the lang directory ``out``, which takes its name only when it is whole; nothing if it is there.

    Raises: HybridKdError for a dictionary or options that do not fit, or if ``out`` was made of others.
    """
    dictionary = read_dict_dir(dict_dir)
    record = RunRecord(out, out / PROVENANCE, collect_provenance({"dict": dict_dir}), asdict(options))
    if record.is_finished(out):
        return
    _check(dict_dir, dictionary, options)
    variants = _variants(dictionary, position_dependent=options.position_dependent)
    lexicon = [_positioned(entry, options) for entry in dictionary.lexicon]
    _warn_of_unused(dict_dir, dictionary)
    with replace_directory(out) as directory:
        (directory / "phones").mkdir()
        _LangWriter(directory, dictionary, options, variants, lexicon).write()
        record.write(directory / PROVENANCE)
    logger.info("%s: %d words, %d pronunciations", out, len({e.word for e in lexicon}), len(lexicon))


def _check(dict_dir: Path, dictionary: DictDir, options: LangOptions) -> None:
    if options.oov_word not in {entry.word for entry in dictionary.lexicon}:
        problem = f"no pronunciation of '{options.oov_word}', which stands for words without one"
        fix = f"add it to the lexicon (e.g. `{options.oov_word} SPN`) or choose another with --oov-word"
        raise HybridKdError.at(dict_dir, problem, fix=fix)
    for name, value, good in (
        ("--silence-probability", options.silence_probability, 0 <= options.silence_probability < 1),
        ("--num-silence-states", options.num_silence_states, 3 <= options.num_silence_states <= 100),
        ("--num-nonsilence-states", options.num_nonsilence_states, 1 <= options.num_nonsilence_states <= 100),
    ):
        if not good:
            raise HybridKdError.at(name, f"{value} is out of range", fix="see --help")


def _warn_of_unused(dict_dir: Path, dictionary: DictDir) -> None:
    used = {phone for entry in dictionary.lexicon for phone in entry.phones} | {dictionary.optional_silence}
    listed = [p for group in (*dictionary.silence_phones, *dictionary.nonsilence_phones) for p in group]
    if unused := [phone for phone in listed if phone not in used]:
        logger.warning("%s: no word has the phones %s", dict_dir, " ".join(unused))


def _variants(dictionary: DictDir, *, position_dependent: bool) -> dict[str, tuple[str, ...]]:
    """The phones that a phone becomes by its position in a word; silence also stands outside of words."""
    suffixes = tuple(POSITIONS) if position_dependent else ("",)
    outside = ("",) if position_dependent else ()
    variants = {p: suffixes for group in dictionary.nonsilence_phones for p in group}
    variants |= {p: outside + suffixes for group in dictionary.silence_phones for p in group}
    return {phone: tuple(phone + suffix for suffix in suffixes) for phone, suffixes in variants.items()}


def _positioned(entry: Pronunciation, options: LangOptions) -> Pronunciation:
    if not options.position_dependent:
        return entry
    inner = len(entry.phones) - 2
    suffixes = ["_S"] if inner < 0 else ["_B", *["_I"] * inner, "_E"]
    return replace(entry, phones=tuple(p + s for p, s in zip(entry.phones, suffixes, strict=True)))


@dataclass(frozen=True)
class _LangWriter:
    directory: Path
    dictionary: DictDir
    options: LangOptions
    variants: Mapping[str, tuple[str, ...]]
    lexicon: Sequence[Pronunciation]

    def write(self) -> None:
        """Write all files."""
        disambiguated = disambiguate(self.lexicon)
        disambig = [f"#{number}" for number in range(disambiguated.largest + 2)]  # the last: after silence
        silence, nonsilence = (
            self._flat(self.dictionary.silence_phones),
            self._flat(self.dictionary.nonsilence_phones),
        )
        phone_ids = _numbered([EPSILON, *silence, *nonsilence, *disambig])
        words = sorted({entry.word for entry in self.lexicon})
        word_ids = _numbered([EPSILON, *words, "#0", "<s>", "</s>"])
        self._lines("phones.txt", (f"{phone} {id_}" for phone, id_ in phone_ids.items()))
        self._lines("words.txt", (f"{word} {id_}" for word, id_ in word_ids.items()))
        self._lines("oov.txt", [self.options.oov_word])
        self._lines("oov.int", [str(word_ids[self.options.oov_word])])
        topology = _topology_lines(self.options, _ids(nonsilence, phone_ids), _ids(silence, phone_ids))
        self._lines("topo", topology)
        lists = {
            "silence": silence,
            "nonsilence": nonsilence,
            "optional_silence": [self.dictionary.optional_silence],
            "disambig": disambig,
            "context_indep": silence,
        }
        for name, phones in lists.items():
            self._phone_list(name, phones, phone_ids)
        self._phone_groups(phone_ids)
        self._align_lexicon(phone_ids, word_ids)
        self._lines("phones/wdisambig.txt", ["#0"])
        self._lines("phones/wdisambig_phones.int", [str(phone_ids["#0"])])
        self._lines("phones/wdisambig_words.int", [str(word_ids["#0"])])
        self._lexicon_fsts(disambiguated.lexicon, disambig[-1], phone_ids, word_ids)

    def _flat(self, groups: Groups) -> list[str]:
        return [variant for group in groups for phone in group for variant in self.variants[phone]]

    def _lines(self, name: str, lines: Iterable[str]) -> None:
        (self.directory / name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")

    def _phone_list(self, name: str, phones: Sequence[str], phone_ids: Mapping[str, int]) -> None:
        ids = _ids(phones, phone_ids)
        self._lines(f"phones/{name}.txt", phones)
        self._lines(f"phones/{name}.int", ids)
        self._lines(f"phones/{name}.csl", [":".join(ids)])

    def _phone_groups(self, phone_ids: Mapping[str, int]) -> None:
        """sets, roots, extra_questions and word_boundary."""
        groups = (*self.dictionary.silence_phones, *self.dictionary.nonsilence_phones)
        sets = [" ".join(self._flat((group,))) for group in groups]
        numbered = [_translated(line, phone_ids) for line in sets]
        for suffix, lines in (("txt", sets), ("int", numbered)):
            self._lines(f"phones/sets.{suffix}", lines)
            self._lines(f"phones/roots.{suffix}", (f"shared split {line}" for line in lines))
        questions = [" ".join(self._flat((group,))) for group in self.dictionary.extra_questions]
        questions += self._position_questions() if self.options.position_dependent else []
        self._lines("phones/extra_questions.txt", questions)
        self._lines("phones/extra_questions.int", (_translated(line, phone_ids) for line in questions))
        if self.options.position_dependent:
            phones = [phone for line in sets for phone in line.split()]
            kinds = [POSITIONS.get(phone[-2:], "nonword") for phone in phones]
            self._lines("phones/word_boundary.txt", map(" ".join, zip(phones, kinds, strict=True)))
            self._lines(
                "phones/word_boundary.int", map(" ".join, zip(_ids(phones, phone_ids), kinds, strict=True))
            )

    def _position_questions(self) -> list[str]:
        """All phones of one position, silence and others apart; each line ends with a space, as Kaldi's."""
        kinds = ((self.dictionary.nonsilence_phones, ()), (self.dictionary.silence_phones, ("",)))
        return [
            "".join(f"{phone}{suffix} " for group in groups for phone in group)
            for groups, outside in kinds
            for suffix in (*outside, *POSITIONS)
        ]

    def _align_lexicon(self, phone_ids: Mapping[str, int], word_ids: Mapping[str, int]) -> None:
        lines = {(entry.word, entry.word, *entry.phones) for entry in self.lexicon}
        lines.add((EPSILON, EPSILON, self.dictionary.optional_silence))
        ordered = sorted(" ".join(line) for line in lines)
        self._lines("phones/align_lexicon.txt", ordered)
        split = [line.split(" ") for line in ordered]
        self._lines(
            "phones/align_lexicon.int",
            (" ".join([*_ids(words[:2], word_ids), *_ids(words[2:], phone_ids)]) for words in split),
        )

    def _lexicon_fsts(
        self,
        disambiguated: Sequence[Pronunciation],
        silence_disambig: str,
        phone_ids: Mapping[str, int],
        word_ids: Mapping[str, int],
    ) -> None:
        silence = None
        if self.options.silence_probability > 0:
            silence = OptionalSilence(self.dictionary.optional_silence, self.options.silence_probability)
        for name, lexicon, between, loops in (
            ("L.fst", self.lexicon, silence, None),
            (
                "L_disambig.fst",
                disambiguated,
                silence and replace(silence, disambig=silence_disambig),
                (phone_ids["#0"], word_ids["#0"]),
            ),
        ):
            fst = make_lexicon_fst(lexicon, between, phone_ids=phone_ids, word_ids=word_ids, self_loops=loops)
            if not fst.write(str(self.directory / name)):
                raise OSError(None, "cannot be written", str(self.directory / name))


def _numbered(symbols: Sequence[str]) -> dict[str, int]:
    return {symbol: number for number, symbol in enumerate(symbols)}


def _ids(symbols: Iterable[str], ids: Mapping[str, int]) -> list[str]:
    return [str(ids[symbol]) for symbol in symbols]


def _translated(line: str, ids: Mapping[str, int]) -> str:
    return " ".join(_ids(line.split(), ids))


def _topology_lines(options: LangOptions, nonsilence: Sequence[str], silence: Sequence[str]) -> list[str]:
    """Left to right without skips; silence: between its first and last state any order.

    Source: Kaldi utils/gen_topo.pl.
    """
    num_states = options.num_nonsilence_states
    lines = ["<Topology>", "<TopologyEntry>", "<ForPhones>", " ".join(nonsilence), "</ForPhones>"]
    lines += [_state_line(state, {state: "0.75", state + 1: "0.25"}) for state in range(num_states)]
    lines += [f"<State> {num_states} </State>", "</TopologyEntry>"]
    num_states = options.num_silence_states
    each = f"{1 / (num_states - 1):.15g}"
    lines += ["<TopologyEntry>", "<ForPhones>", " ".join(silence), "</ForPhones>"]
    lines.append(_state_line(0, dict.fromkeys(range(num_states - 1), each)))
    lines += [
        _state_line(state, dict.fromkeys(range(1, num_states), each)) for state in range(1, num_states - 1)
    ]
    lines.append(_state_line(num_states - 1, {num_states - 1: "0.75", num_states: "0.25"}))
    return [*lines, f"<State> {num_states} </State>", "</TopologyEntry>", "</Topology>"]


def _state_line(state: int, transitions: Mapping[int, str]) -> str:
    ways = " ".join(f"<Transition> {to} {probability}" for to, probability in transitions.items())
    return f"<State> {state} <PdfClass> {state} {ways} </State>"
