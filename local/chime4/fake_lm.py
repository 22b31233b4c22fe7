r"""The fake corpus' language model and dictionary, in the forms of WSJ0's disc and of CMUdict.

Source: Kaldi clean_wsj0_data_prep.sh and clean_chime4_format_data.sh (tcb05cnp.z: an ARPA trigram below
some lines that are cut off, compressed, with "<s> <s>" in it), wsj_prepare_dict.sh (cmudict.0.7a,
.symbols). The lines above the model are modelled on those of the CMU-Cambridge toolkit, which explain the
format with its own section names; not checked on the disc.
"""

import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from hybrid_kd.atomic import replace_file
from hybrid_kd.corpus.lexicon import make_lexicon
from hybrid_kd.corpus.sentences import draw_sentences, vocabulary
from hybrid_kd.corpus.tables import write_lines
from hybrid_kd.graph.arpa import write_arpa
from hybrid_kd.graph.kneser_ney import train_kneser_ney
from hybrid_kd.graph.ngram_counts import make_vocabulary, tokenize
from local.chime4.wsj0_lm import TRIGRAM

LM_SENTENCES = 3000
HEADER = rb"""This file is in the ARPA-standard format.
The beginning of data mark: \data\
ngram 1=nr            # number of 1-grams

\1-grams:
p_1     wd_1 bo_wt_1
end of data mark: \end\

"""
BITS, CLEAR, BLOCK = (
    9,
    256,
    248,
)  # compress: bits of a code while its table is small, the code that empties the table
PUNCTUATION = {",COMMA": "K AA1 M AH0", ".PERIOD": "P IH1 R IY0 AH0 D"}  # as in CMUdict
VOWELS = frozenset(
    ("AA", "AE", "AH", "AO", "AW", "AX", "AY", "EH", "ER", "EY", "IH", "IY", "OW", "OY", "UH", "UW")
)
RENAMED = {"AX": "AH"}  # espeak's schwa; CMUdict has none


def write_lm(wsj0: Path, seed: int) -> None:
    """Write the trigram of the fake disc."""
    known = make_vocabulary(vocabulary())
    sentences = [text.split() for text in draw_sentences(seed, "fake CHiME-4 lm", LM_SENTENCES)]
    model = train_kneser_ney(tokenize(sentences, known), known, order=3)
    with tempfile.TemporaryDirectory(prefix="hybrid_kd.") as directory:
        plain = Path(directory) / "lm.arpa"
        write_arpa(plain, model)
        arpa = _with_impossible(plain.read_text())
    (wsj0 / TRIGRAM).parent.mkdir(parents=True, exist_ok=True)
    with replace_file(wsj0 / TRIGRAM) as file:
        file.write(compress(HEADER + arpa.encode()))


def _with_impossible(arpa: str) -> str:
    """With n-grams that cannot occur, as the disc's model has them."""
    for order, ngram in ((2, "<s> <s>"), (3, "<s> <s> THE")):
        before, _, after = arpa.partition(f"ngram {order}=")
        count, _, after = after.partition("\n")
        arpa = f"{before}ngram {order}={int(count) + 1}\n{after}"
        arpa = arpa.replace(
            f"\\{order}-grams:\n", f"\\{order}-grams:\n-4.0\t{ngram}" + ("\t0.0\n" if order == 2 else "\n")
        )
    return arpa


def compress(content: bytes) -> bytes:
    """The content in the form of compress(1), which `gzip -d` reads; no shorter, for no string is repeated.

    Codes of 9 bits, least significant first, are bytes; after 247 the table is cleared, before codes grow
    longer.
    """
    codes: list[int] = []
    for start in range(0, len(content), BLOCK - 1):
        codes += [*content[start : start + BLOCK - 1], CLEAR]
    bits = (np.array(codes)[:, None] >> np.arange(BITS)) & 1
    return b"\x1f\x9d\x90" + np.packbits(bits.astype(np.uint8), bitorder="little").tobytes()


def write_cmudict(directory: Path) -> Path:
    """Write cmudict.0.7a and cmudict.0.7a.symbols: the grammar's words, stressed on the first vowel."""
    entries = [f"{word}  {phones}" for word, phones in PUNCTUATION.items()]
    for word, variants in make_lexicon(vocabulary()).items():
        for number, phones in enumerate(sorted({_stressed(variant) for variant in variants})):
            entries.append(f"{word}({number})  {phones}" if number else f"{word}  {phones}")
    symbols = {phone for entry in entries for phone in entry.split()[1:]}
    path = directory / "cmudict.0.7a"
    write_lines(path, [";;; # a dictionary in the form of CMUdict 0.7a", *sorted(entries)])
    write_lines(directory / "cmudict.0.7a.symbols", _all_stresses(symbols))
    return path


def _stressed(phones: Sequence[str]) -> str:
    """K AX M AX -> K AH1 M AH0."""
    marked, stress = [], 1
    for phone in phones:
        is_vowel = phone in VOWELS
        marked.append(f"{RENAMED.get(phone, phone)}{stress}" if is_vowel else phone)
        stress = 0 if is_vowel else stress
    return " ".join(marked)


def _all_stresses(symbols: Iterable[str]) -> list[str]:
    """CMUdict lists each vowel bare and with 0, 1 and 2."""
    bases = {symbol.rstrip("012") for symbol in symbols}
    return sorted(
        base + stress for base in bases for stress in (("", "0", "1", "2") if base in VOWELS else ("",))
    )
