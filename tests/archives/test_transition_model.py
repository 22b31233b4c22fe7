"""TransitionModels: binary and text, HMM and chain, with and without GMMs, against what Kaldi wrote."""

import struct
from pathlib import Path

import numpy as np
import pytest

from hybrid_kd.archives.int_vectors import read_int_vectors
from hybrid_kd.archives.transition_model import (
    TransitionModel,
    read_model_file,
    read_transition_model,
    transition_ids_to_pdf_ids,
    write_transition_model_text,
)
from hybrid_kd.errors import HybridKdError

# Kaldi ends nearly every line with a space, here followed by $
CHAIN_TEXT = """<TransitionModel> $
<Topology> $
<TopologyEntry> $
<ForPhones> $
1 2 5 $
</ForPhones> $
<State> 0 <ForwardPdfClass> 0 <SelfLoopPdfClass> 1 <Transition> 0 0.5 <Transition> 1 0.5 </State> $
<State> 1 </State> $
</TopologyEntry> $
</Topology> $
<Tuples> 3 $
1 0 0 1 $
2 0 0 2 $
5 0 4 3 $
</Tuples> $
<LogProbs> $
 [ 0 -0.5 -0.75 -0.5 -0.75 -0.25 -1.5 ]
</LogProbs> $
</TransitionModel> $
""".replace("$", "")


def binary_int(value: int) -> bytes:
    """Kaldi's binary int32."""
    return b"\4" + struct.pack("<i", value)


def chain_binary() -> bytes:
    """`CHAIN_TEXT` as ``copy-transition-model`` writes it in binary."""
    phones = binary_int(3) + struct.pack("<3i", 1, 2, 5)
    phone2idx = binary_int(6) + struct.pack("<6i", -1, 0, 0, -1, -1, 0)
    half = b"\4" + struct.pack("<f", 0.5)
    state0 = b"".join(map(binary_int, [0, 1, 2, 0])) + half + binary_int(1) + half
    state1 = b"".join(map(binary_int, [-1, -1, 0]))
    topology = phones + phone2idx + binary_int(-1) + binary_int(1) + binary_int(2) + state0 + state1
    tuples = b"".join(map(binary_int, [3, 1, 0, 0, 1, 2, 0, 0, 2, 5, 0, 4, 3]))
    log_probs = b"FV " + binary_int(7) + struct.pack("<7f", 0, -0.5, -0.75, -0.5, -0.75, -0.25, -1.5)
    return (
        b"\0B<TransitionModel> <Topology> "
        + topology
        + b"</Topology> <Tuples> "
        + tuples
        + b"</Tuples> <LogProbs> "
        + log_probs
        + b"</LogProbs> </TransitionModel> "
    )


@pytest.fixture
def golden(shared: Path) -> Path:
    """Exact values of every stage."""
    return shared / "kaldi-an4" / "golden"


def assert_same(one: TransitionModel, other: TransitionModel, *, rtol: float = 0) -> None:
    """Both models say the same."""
    assert one.topology == other.topology
    np.testing.assert_array_equal(one.triples, other.triples)
    np.testing.assert_array_equal(one.transition_id_to_pdf_id, other.transition_id_to_pdf_id)
    np.testing.assert_array_equal(one.transition_id_to_phone, other.transition_id_to_phone)
    np.testing.assert_array_equal(one.is_self_loop, other.is_self_loop)
    np.testing.assert_allclose(one.log_probs, other.log_probs, rtol=rtol)


def test_binary_and_text_of_the_golden_model_agree(golden: Path) -> None:
    binary = read_transition_model(golden / "final.trans.mdl")
    assert (binary.num_pdfs, binary.num_transition_ids, len(binary.phones)) == (384, 3116, 142)
    assert binary.topology.is_hmm
    assert_same(binary, read_transition_model(golden / "final.mdl.txt"), rtol=1e-6)


def test_the_golden_alignment_maps_to_kaldis_pdfs_and_phones(golden: Path) -> None:
    model = read_transition_model(golden / "final.trans.mdl")
    pdf_alis = dict(read_int_vectors(f"ark:{golden}/pdf_ali.txt"))
    phone_alis = dict(read_int_vectors(f"ark:{golden}/phone_ali.txt"))
    for utt_id, transition_ali in read_int_vectors(f"ark:{golden}/ali.ark"):
        np.testing.assert_array_equal(transition_ids_to_pdf_ids(transition_ali, model), pdf_alis[utt_id])
        np.testing.assert_array_equal(model.transition_id_to_phone[transition_ali], phone_alis[utt_id])


def test_text_is_written_as_kaldi_writes_it(golden: Path, tmp_path: Path) -> None:
    write_transition_model_text(tmp_path / "hmm", read_transition_model(golden / "final.trans.mdl"))
    assert (tmp_path / "hmm").read_bytes() == (golden / "final.mdl.txt").read_bytes()
    (tmp_path / "chain.txt").write_text(CHAIN_TEXT)
    write_transition_model_text(tmp_path / "chain", read_transition_model(tmp_path / "chain.txt"))
    assert (tmp_path / "chain").read_text() == CHAIN_TEXT


@pytest.mark.parametrize(
    ("path", "num_gaussians"),
    [
        ("an4/exp/tri3b_ali_tr05_multi", 6007),
        ("an4/exp/tri3b_ali_dt05_simu", None),
        ("libri5k/exp/tri3b_ali_tr05_multi", None),
    ],
)
def test_gmms_may_stand_behind_it_or_not(shared: Path, path: str, num_gaussians: int | None) -> None:
    file = read_model_file(shared / f"kaldi-{path}" / "final.mdl")
    assert file.transition_model.num_pdfs == (384 if path.startswith("an4") else 1987)
    assert (None if file.gmm is None else file.gmm.num_gaussians) == num_gaussians
    if file.gmm is not None:
        np.testing.assert_allclose([gmm.weights.sum() for gmm in file.gmm.gmms], 1, rtol=1e-5)


def test_a_chain_model_gives_self_loops_their_own_pdf(tmp_path: Path) -> None:
    (tmp_path / "text").write_text(CHAIN_TEXT)
    (tmp_path / "binary").write_bytes(chain_binary())
    model = read_transition_model(tmp_path / "binary")
    assert not model.topology.is_hmm
    assert model.phones == (1, 2, 5)
    assert model.num_pdfs == 5
    assert model.transition_id_to_pdf_id.tolist() == [-1, 1, 0, 2, 0, 3, 4]
    assert model.transition_id_to_phone.tolist() == [-1, 1, 1, 2, 2, 5, 5]
    assert model.is_self_loop.tolist() == [False, True, False, True, False, True, False]
    assert_same(model, read_transition_model(tmp_path / "text"))


def test_transition_ids_beyond_the_model_are_refused(tmp_path: Path) -> None:
    (tmp_path / "m").write_text(CHAIN_TEXT)
    model = read_transition_model(tmp_path / "m")
    assert transition_ids_to_pdf_ids(np.array([1, 6]), model).tolist() == [1, 4]
    assert transition_ids_to_pdf_ids(np.zeros(0, np.int32), model).tolist() == []
    for strange in (0, 7, -1):
        with pytest.raises(
            ValueError, match=f"transition-id {strange} is not of this model, which has 1 to 6"
        ):
            transition_ids_to_pdf_ids(np.array([1, strange]), model)


def test_a_network_behind_it_is_left_unread(tmp_path: Path) -> None:
    (tmp_path / "m").write_bytes(chain_binary() + b"<Nnet3> anything")
    assert read_model_file(tmp_path / "m").gmm is None


def test_every_truncation_of_a_model_is_an_error(tmp_path: Path) -> None:
    for content in (chain_binary(), CHAIN_TEXT.encode()):
        for length in range(len(content) - 1):
            (tmp_path / "m").write_bytes(content[:length])
            with pytest.raises(HybridKdError, match="m: not a transition model: "):
                read_transition_model(tmp_path / "m")


def test_truncated_gmms_are_an_error(shared: Path, tmp_path: Path) -> None:
    whole = (shared / "kaldi-an4" / "exp" / "tri3b_ali_tr05_multi" / "final.mdl").read_bytes()
    for length in (36_866, 36_870, 500_000, len(whole) - 1):
        (tmp_path / "m").write_bytes(whole[:length])
        with pytest.raises(HybridKdError, match="m: not a transition model: "):
            read_transition_model(tmp_path / "m")


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("5 0 4 3", "6 0 4 3", "a triple of phone 6, state 0, which the topology lacks"),
        ("5 0 4 3", "5 2 4 3", "a triple of phone 5, state 2, which the topology lacks"),
        ("5 0 4 3", "5 0 -1 3", "a pdf_id out of range"),
        ("5 0 4 3", "5 0 2000000000 3", "a pdf_id out of range"),
        ("5 0 4 3", "5 0 4", "expected an integer, found '</Tuples>'"),
        ("5 0 4 3", "5 0 4 9999999999", "9999999999 is not a 32-bit integer"),
        ("<Tuples> 3", "<Tuples> 0", "0 triples"),
        ("-0.25 -1.5", "-0.25", "5 log probabilities for 6 transition-ids"),
        ("-0.25 -1.5", "-0.25 x", "not a number"),
        ("1 2 5", "1 1 5", "not unique positive numbers"),
        ("1 2 5", "0 1 5", "not unique positive numbers"),
        ("<Transition> 1", "<Transition> 2", "a transition to state 2"),
        ("<Transition> 1 0.5", "<Transition> 1 1.5", "with probability 1.5"),
        ("<Transition> 1 0.5", "<Transition> 1 half", "expected a number, found 'half'"),
        ("<State> 1", "<State> 2", "states are not numbered in order"),
        ("<State> 1 <", "<State> 1 <Final> <", "unexpected '<Final>' in a topology state"),
        ("<SelfLoopPdfClass> 1", "", "a state with only one pdf class"),
        ("<LogProbs>", "<LogProb>", "expected <LogProbs>, found '<LogProb>'"),
        ("</TransitionModel> ", "</TransitionModel> <Nnet", "truncated"),
        (
            "</TransitionModel> ",
            "</TransitionModel> x y",
            "something follows where the transition model ends",
        ),
    ],
)
def test_a_wrong_model_is_an_error(tmp_path: Path, old: str, new: str, problem: str) -> None:
    assert old in CHAIN_TEXT
    (tmp_path / "m").write_text(CHAIN_TEXT.replace(old, new).rstrip("\n"))
    with pytest.raises(HybridKdError, match=problem):
        read_transition_model(tmp_path / "m")


def test_what_is_no_model_is_an_error(tmp_path: Path, golden: Path) -> None:
    with pytest.raises(HybridKdError, match="cannot be read: No such file"):
        read_transition_model(tmp_path / "none")
    with pytest.raises(HybridKdError, match="expected <TransitionModel>, found 'fkdo_an131_BUS_SIMU'"):
        read_transition_model(golden / "ali.ark")
