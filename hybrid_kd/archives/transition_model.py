"""Kaldi's TransitionModel (the first part of final.mdl): transition-ids and what they stand for.

A triple is (phone, HMM state, pdf); chain models give the self-loop a pdf of its own. transition_ids are
1-based and run over the triples and, within each, over that state's transitions in the topology.
Source: Kaldi hmm/transition-model.cc.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float32, Int32, Integer

from hybrid_kd.archives.byte_reader import ByteReader, FormatError
from hybrid_kd.archives.context_tree import ContextTree
from hybrid_kd.archives.diag_gmm import AmDiagGmm, parse_am_diag_gmm
from hybrid_kd.archives.matrices import parse_binary_vector, parse_vector, vector_to_bytes
from hybrid_kd.archives.streams import DAMAGED, open_reader
from hybrid_kd.archives.topology import (
    MAX_PDFS,
    NO_PDF,
    Topology,
    int_to_bytes,
    parse_topology,
    take_int,
    topology_to_bytes,
    topology_to_text,
)
from hybrid_kd.atomic import replace_file
from hybrid_kd.errors import HybridKdError


@dataclass(frozen=True)
class TransitionModel:
    """Arrays over transition_ids have an unused item 0."""

    topology: Topology
    triples: Int32[np.ndarray, "triples 4"]  # phone, HMM state, pdf_id, pdf_id of the self-loop
    log_probs: Float32[np.ndarray, " transition_ids_and_0"]  # natural log; item 0 is 0
    transition_id_to_pdf_id: Int32[np.ndarray, " transition_ids_and_0"]  # item 0 is -1
    transition_id_to_phone: Int32[np.ndarray, " transition_ids_and_0"]  # item 0 is -1
    is_self_loop: Bool[np.ndarray, " transition_ids_and_0"]

    @property
    def num_transition_ids(self) -> int:
        """The largest transition_id."""
        return len(self.log_probs) - 1

    @property
    def num_pdfs(self) -> int:
        """The largest pdf_id + 1."""
        return int(self.triples[:, 2:].max()) + 1

    @property
    def phones(self) -> tuple[int, ...]:
        """All phones of the topology, ascending."""
        return self.topology.phones


@dataclass(frozen=True)
class ModelFile:
    """What a final.mdl holds."""

    transition_model: TransitionModel
    gmm: AmDiagGmm | None


def read_transition_model(path: Path) -> TransitionModel:
    """Read the TransitionModel of a final.mdl, binary or text, whether or not GMMs stand behind it.

    Raises: HybridKdError, also where the GMMs cannot be parsed to their end.
    """
    return read_model_file(path).transition_model


def read_model_file(path: Path) -> ModelFile:
    """Read a final.mdl, binary or text; a network (nnet2, nnet3) behind the TransitionModel is left unread.

    Raises: HybridKdError.
    """
    with open_reader(str(path)) as reader:
        try:
            binary = reader.take_binary_mark()
            transition_model = parse_transition_model(reader, binary=binary)
            return ModelFile(transition_model, _parse_gmm(reader, transition_model, binary=binary))
        except FormatError as error:
            problem = f"not a transition model: {error} (near byte {reader.position})"
            raise HybridKdError.at(path, problem, fix=DAMAGED) from error


def _parse_gmm(reader: ByteReader, model: TransitionModel, *, binary: bool) -> AmDiagGmm | None:
    reader.skip_space()
    if reader.at_end():
        return None
    if not reader.peek(64).startswith(b"<DIMENSION>"):
        token = reader.take_token()
        if not (token.startswith("<") and token.endswith(">")):
            raise FormatError("something follows where the transition model ends")
        return None
    gmm = parse_am_diag_gmm(reader, binary=binary)
    reader.skip_space()
    if len(gmm.gmms) != model.num_pdfs or not reader.at_end():
        raise FormatError(f"{len(gmm.gmms)} GMMs for {model.num_pdfs} pdfs, or something after the last")
    return gmm


def parse_transition_model(reader: ByteReader, *, binary: bool) -> TransitionModel:
    """Parse ``<TransitionModel> .. </TransitionModel>``.

    Raises: FormatError.
    """
    reader.expect_token("<TransitionModel>")
    topology = parse_topology(reader, binary=binary)
    kind = reader.expect_token("<Triples>", "<Tuples>")
    triples = _take_triples(reader, 3 if kind == "<Triples>" else 4, binary=binary)
    reader.expect_token(kind.replace("<", "</"))
    reader.expect_token("<LogProbs>")
    log_probs = parse_binary_vector(reader) if binary else parse_vector(reader)
    reader.expect_token("</LogProbs>")
    reader.expect_token("</TransitionModel>")
    return make_transition_model(topology, triples, log_probs.astype(np.float32))


def _take_triples(reader: ByteReader, width: int, *, binary: bool) -> Int32[np.ndarray, "triples 4"]:
    count = take_int(reader, binary=binary)
    if count < 1:
        raise FormatError(f"{count} triples")
    rows = []
    for _ in range(count):
        row = [take_int(reader, binary=binary) for _ in range(width)]
        rows.append(row if width == 4 else [*row, row[2]])
    triples = np.array(rows, np.int32)
    if triples[:, 2:].min() < 0 or triples[:, 2:].max() >= MAX_PDFS:
        raise FormatError(f"a pdf_id out of range (0 to {MAX_PDFS - 1})")
    return triples


def make_transition_model(
    topology: Topology, triples: Int32[np.ndarray, "triples 4"], log_probs: Float32[np.ndarray, " items"]
) -> TransitionModel:
    """Give each transition of each triple its id, as TransitionModel::ComputeDerived does.

    Raises: FormatError (a ValueError) where a triple is not of the topology, or for another number of
    ``log_probs`` than 1 + the number of transition_ids.
    """
    states_of = topology.states_by_phone()
    pdf_ids, phones, self_loops = [-1], [-1], [False]
    for phone, hmm_state, forward_pdf, self_loop_pdf in triples.tolist():
        if not 0 <= hmm_state < len(states_of.get(phone, ())):
            raise FormatError(f"a triple of phone {phone}, state {hmm_state}, which the topology lacks")
        for destination, _ in states_of[phone][hmm_state].transitions:
            loops = destination == hmm_state
            pdf_ids.append(self_loop_pdf if loops else forward_pdf)
            phones.append(phone)
            self_loops.append(loops)
    if len(log_probs) != len(pdf_ids):
        raise FormatError(f"{len(log_probs) - 1} log probabilities for {len(pdf_ids) - 1} transition-ids")
    return TransitionModel(
        topology=topology,
        triples=triples,
        log_probs=log_probs,
        transition_id_to_pdf_id=np.array(pdf_ids, np.int32),
        transition_id_to_phone=np.array(phones, np.int32),
        is_self_loop=np.array(self_loops),
    )


def initial_transition_model(topology: Topology, tree: ContextTree) -> TransitionModel:
    """One triple for each pdf that a state of a phone can have, with the topology's own probabilities.

    Raises: FormatError where the tree has no pdf for a state, or a probability is 0.
    Source: TransitionModel's constructor from a tree.
    """
    if not topology.is_hmm:
        raise FormatError("a topology whose self-loops have a pdf class of their own")
    triples = [
        (phone, hmm_state, pdf_id, pdf_id)
        for phone, states in sorted(topology.states_by_phone().items())
        for hmm_state, state in enumerate(states)
        if state.forward_pdf_class != NO_PDF
        for pdf_id in _pdf_ids(tree, phone, state.forward_pdf_class)
    ]
    states_of = topology.states_by_phone()
    probabilities = [
        probability for phone, state, *_ in triples for _, probability in states_of[phone][state].transitions
    ]
    if min(probabilities) <= 0:
        raise FormatError("a transition of probability 0: leave it out of the topology")
    log_probs = np.log(np.array([1.0, *probabilities], np.float32))
    return make_transition_model(topology, np.array(triples, np.int32), log_probs)


def _pdf_ids(tree: ContextTree, phone: int, pdf_class: int) -> tuple[int, ...]:
    if not (pdf_ids := tree.pdf_ids(phone, pdf_class)):
        raise FormatError(f"the tree has no pdf for phone {phone}, pdf class {pdf_class}")
    return pdf_ids


def transition_model_to_bytes(model: TransitionModel) -> bytes:
    """The binary form, without the mark at the file's beginning."""
    kind, width = (b"Triples", 3) if model.topology.is_hmm else (b"Tuples", 4)
    rows = b"".join(int_to_bytes(item) for row in model.triples[:, :width].tolist() for item in row)
    return b"".join(
        [
            b"<TransitionModel> " + topology_to_bytes(model.topology),
            b"<" + kind + b"> " + int_to_bytes(len(model.triples)) + rows + b"</" + kind + b"> ",
            b"<LogProbs> " + vector_to_bytes(model.log_probs) + b"</LogProbs> </TransitionModel> ",
        ]
    )


def write_transition_model_text(path: Path, model: TransitionModel) -> None:
    """Write the text that ``copy-transition-model --binary=false`` writes (7 digits)."""
    kind, width = ("Triples", 3) if model.topology.is_hmm else ("Tuples", 4)
    rows = "".join(" ".join(map(str, row)) + " \n" for row in model.triples[:, :width].tolist())
    log_probs = " ".join(format(log_prob, ".7g") for log_prob in model.log_probs.tolist())
    with replace_file(path, "w") as file:
        file.write(f"<TransitionModel> \n{topology_to_text(model.topology)}")
        file.write(f"<{kind}> {len(model.triples)} \n{rows}</{kind}> \n")
        file.write(f"<LogProbs> \n [ {log_probs} ]\n</LogProbs> \n</TransitionModel> \n")


def transition_ids_to_pdf_ids(
    transition_ali: Integer[np.ndarray, " frames"], model: TransitionModel
) -> Int32[np.ndarray, " frames"]:
    """Map an alignment of transition_ids (1-based) to pdf_ids (0-based).

    Raises: ValueError where a transition_id is 0, negative or beyond the model's.
    """
    strangers = transition_ali[(transition_ali < 1) | (transition_ali > model.num_transition_ids)]
    if len(strangers):
        raise ValueError(
            f"transition-id {strangers[0]} is not of this model, which has 1 to {model.num_transition_ids}"
        )
    pdf_ali: Int32[np.ndarray, " frames"] = model.transition_id_to_pdf_id[transition_ali]
    return pdf_ali
