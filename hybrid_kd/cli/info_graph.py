"""Dictionaries, lang and graph directories, transducers and ARPA files in words, for ``hybrid-kd info``."""

from pathlib import Path

from hybrid_kd.cli.info_gmm import describe_topology
from hybrid_kd.run_record import PROVENANCE, made_by


def describe_dict_dir(path: Path) -> list[str]:
    """A dictionary directory: pronunciations and phones."""
    from hybrid_kd.graph.dict_dir import read_dict_dir

    dictionary = read_dict_dir(path)
    words = {entry.word for entry in dictionary.lexicon}
    num_silence, num_others = (
        sum(map(len, groups)) for groups in (dictionary.silence_phones, dictionary.nonsilence_phones)
    )
    num_questions = len(dictionary.extra_questions)
    weighted = ", with probabilities" if (path / "lexiconp.txt").is_file() else ""
    return [
        f"dictionary directory: {len(words)} words, {len(dictionary.lexicon)} pronunciations{weighted}",
        f"  phones: {num_others} and {num_silence} of silence, {num_questions} extra questions; "
        f"optional silence: {dictionary.optional_silence}",
    ]


def describe_lang_dir(path: Path) -> list[str]:
    """A lang directory: words, phones, what words without pronunciation become, transducers."""
    from hybrid_kd.graph.lang_dir import read_lang_dir

    lang = read_lang_dir(path)
    silence = "none" if lang.optional_silence is None else lang.phones[lang.optional_silence]
    lines = [
        f"lang directory: {len(lang.pronounced)} words",
        f"  phones: {len(lang.nonsilence_phones)} and {len(lang.silence_phones)} of silence, "
        f"{len(lang.disambig_phones)} disambiguation symbols; optional silence: {silence}",
        f"  words without pronunciation become {lang.oov_word}",
        *(f"  {line}" for line in describe_topology(path / "topo")),
        f"  trees: {len(lang.roots)} roots, {len(lang.extra_questions)} extra questions",
    ]
    for fst_file in sorted(path.glob("*.fst")):
        lines.append(f"  {fst_file.name}: {describe_fst(fst_file)[0]}")
    return [*lines, *made_by(path / PROVENANCE)]


def describe_graph_dir(path: Path) -> list[str]:
    """A graph directory: HCLG and what lies beside it.

    Raises: HybridKdError for words on arcs that words.txt lacks.
    """
    from hybrid_kd.archives.symbols import read_symbol_table
    from hybrid_kd.decoding.graph import (
        MADE_AGAIN,
        check_words,
        decompressed_graph,
        find_graph_file,
        read_graph,
    )
    from hybrid_kd.text_files import read_text, split_words

    graph_file = find_graph_file(path)
    with decompressed_graph(graph_file) as fst_file:
        check_words(path, read_graph(fst_file))
        lines = ["graph directory", f"  {graph_file.name}: {describe_fst(fst_file)[0]}"]
    lines.append(f"  words.txt: {len(read_symbol_table(path / 'words.txt'))} symbols")
    for name, what in (("num_pdfs", "pdfs"), ("phones/silence.csl", "silence phones")):
        if (path / name).is_file():
            lines.append(f"  {what}: {read_text(path / name, fix=MADE_AGAIN).strip()}")
    if (path / "disambig_tid.int").is_file():
        num_symbols = len(split_words(read_text(path / "disambig_tid.int", fix=MADE_AGAIN)))
        lines.append(f"  disambiguation symbols: {num_symbols}")
    return [*lines, *made_by(path / PROVENANCE)]


def describe_fst(path: Path) -> list[str]:
    """A transducer (.fst, also .gz and .xz)."""
    from hybrid_kd.decoding.graph import decompressed_graph, read_graph_labels

    with decompressed_graph(path) as fst_file:
        labels = read_graph_labels(fst_file)
    return [
        f"transducer: {labels.num_states} states, {labels.num_arcs} arcs, input labels to "
        f"{labels.max_transition_id}, output labels to {labels.max_word_id}"
    ]


def describe_arpa(path: Path) -> list[str]:
    """An n-gram language model."""
    from hybrid_kd.graph.arpa import read_arpa

    model = read_arpa(path)
    lines = [f"language model: {model.order}-grams, vocabulary of {len(model.vocabulary)}"]
    lines += [f"  {order}-grams: {len(table.words)}" for order, table in enumerate(model.tables, start=1)]
    return [*lines, *made_by(path.with_name(f"{path.name}.json"))]
