"""Kaldi's own results, from the files that its scripts leave."""

from pathlib import Path

import pytest

from hybrid_kd.decoding.options import SearchOptions
from hybrid_kd.errors import HybridKdError
from hybrid_kd.report.kaldi_results import best_wer, find_kaldi_systems, read_searches, read_wers
from hybrid_kd.report.records import ITSELF
from tests.conftest import ROOT

SEARCH = SearchOptions(0.1, 13.0, 8.0)
PROTO = """\
<AffineTransform> <InputDim> 4 <OutputDim> 3 <BiasMean> -2.0
<Sigmoid> <InputDim> 3 <OutputDim> 3
<AffineTransform> <InputDim> 3 <OutputDim> 3 <BiasMean> -2.0
<Sigmoid> <InputDim> 3 <OutputDim> 3
<AffineTransform> <InputDim> 3 <OutputDim> 5 <BiasMean> 0.0
"""
SCHEDULE = """\
CROSSVAL PRERUN AVG.LOSS 6.3119 (Xent),
ITERATION 01: TRAIN AVG.LOSS 2.1548, (lrate0.008), CROSSVAL AVG.LOSS 1.9754, nnet accepted (iter01)
ITERATION 02: TRAIN AVG.LOSS 1.1871, (lrate0.008), CROSSVAL AVG.LOSS 1.9000, nnet rejected (iter02)
"""


def write_wers(decode_dir: Path, errors: dict[str, int]) -> None:
    decode_dir.mkdir(parents=True)
    for point, count in errors.items():
        (decode_dir / f"wer_{point}").write_text(
            f"compute-wer ark:x ark,p:-\n%WER 1.23 [ {count} / 200, 1 ins, 2 del, 3 sub ]\n"
            "%SER 56.73 [ 9 / 20 ]\nScored 20 sentences, 0 not present in hyp.\n"
        )


@pytest.fixture
def nnet1(tmp_path: Path) -> Path:
    """A network that Kaldi trained and decoded."""
    path = tmp_path / "nnet1"
    write_wers(path / "decode_dt05_simu", {"10_0.0": 30, "9_0.0": 31, "4_0.5": 30})
    write_wers(path / "decode_et05_simu", {"10_0.0": 21, "9_0.0": 20, "4_0.5": 22})
    (path / "nnet.proto").write_text(PROTO)
    (path / "schedule.txt").write_text(SCHEDULE)
    return path


def test_a_network_has_its_shape_and_its_best_accepted_loss(nnet1: Path) -> None:
    (system,) = find_kaldi_systems(nnet1.parent, {"nnet1": SEARCH}, "tiny")
    assert (system.experiment, system.system, system.kind) == ("tiny", "Kaldi nnet1", "Kaldi")
    assert (system.network, system.parameters) == (
        "4 -> 2 x 3 -> 5, sigmoid",
        4 * 3 + 3 + 3 * 3 + 3 + 3 * 5 + 5,
    )
    assert (system.epochs, system.dev_cross_entropy) == (2, 1.9754)


def test_the_point_of_dt_is_applied_and_the_own_best_is_kept(nnet1: Path) -> None:
    (system,) = find_kaldi_systems(nnet1.parent, {"nnet1": SEARCH}, "tiny")
    dev, test = system.decodes
    assert (dev.set_name, dev.tuned_on, dev.lm_weight, dev.word_ins_penalty) == ("dt05_simu", ITSELF, 10, 0.0)
    assert (dev.wer, dev.own_best_wer, dev.words, dev.num_utterances) == (15.0, 15.0, 200, 20)
    assert (test.tuned_on, test.wer, test.own_best_wer, test.own_best_point) == (
        "dt05_simu",
        10.5,
        10.0,
        "9_0.0",
    )
    assert (test.decoder_program, test.beam, test.acoustic_scale) == ("latgen-faster-mapped", 13.0, 0.1)


def test_the_point_is_chosen_on_all_dt_sets_together(nnet1: Path) -> None:
    write_wers(nnet1 / "decode_dt05_real", {"10_0.0": 40, "9_0.0": 38, "4_0.5": 36, "11_0.0": 0})
    (system,) = find_kaldi_systems(nnet1.parent, {"nnet1": SEARCH}, "tiny")
    real, simu, test = system.decodes
    for decode, wer in ((real, 18.0), (simu, 15.0), (test, 11.0)):
        assert (decode.tuned_on, decode.lm_weight, decode.wer) == ("dt05_real+dt05_simu", 4, wer)
    assert (real.own_best_point, simu.own_best_point) == ("11_0.0", "10_0.0")
    (nnet1 / "decode_dt05_real/wer_4_0.5").unlink()
    (nnet1 / "decode_dt05_real/wer_9_0.0").unlink()
    (nnet1 / "decode_dt05_real/wer_10_0.0").unlink()
    with pytest.raises(HybridKdError, match=r"nnet1: no wer_LMWT_WIP is in all of dt05_real dt05_simu"):
        find_kaldi_systems(nnet1.parent, {"nnet1": SEARCH}, "tiny")


def test_a_set_without_dt_stands_at_its_own_point(tmp_path: Path) -> None:
    write_wers(tmp_path / "tri" / "decode_test", {"10_0.0": 21, "9_0.0": 20})
    (system,) = find_kaldi_systems(tmp_path, {"tri": SEARCH}, "tiny")
    assert (system.decodes[0].tuned_on, system.decodes[0].wer) == (ITSELF, 10.0)
    assert (system.network, system.dev_cross_entropy) == ("-", None)


def test_of_equals_the_first_in_kaldis_order_is_best(nnet1: Path) -> None:
    wers = read_wers(nnet1 / "decode_dt05_simu")
    assert [wer.point for wer in wers] == ["9_0.0", "10_0.0", "4_0.5"]
    assert best_wer(wers).point == "10_0.0"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("decode_dt05_simu/wer_9_0.0", "junk", r"wer_9_0\.0: not what compute-wer prints"),
        (
            "decode_dt05_simu/wer_9_0.0",
            "%WER nan [ 0 / 0, 0 ins ]",
            r"wer_9_0\.0: not what compute-wer prints",
        ),
        ("schedule.txt", "junk", r"schedule\.txt: no ITERATION line"),
        ("nnet.proto", "junk", r"nnet\.proto: no affine layers"),
    ],
)
def test_a_broken_file_is_named(nnet1: Path, name: str, content: str, message: str) -> None:
    (nnet1 / name).write_text(content)
    with pytest.raises(HybridKdError, match=message):
        find_kaldi_systems(nnet1.parent, {"nnet1": SEARCH}, "tiny")


def test_missing_files_are_named(nnet1: Path) -> None:
    (nnet1 / "decode_et05_simu" / "wer_10_0.0").unlink()
    with pytest.raises(HybridKdError, match=r"decode_et05_simu: no wer_10_0\.0"):
        find_kaldi_systems(nnet1.parent, {"nnet1": SEARCH}, "tiny")
    with pytest.raises(HybridKdError, match=r"tri3b: no decode_\* directory"):
        find_kaldi_systems(nnet1.parent, {"tri3b": SEARCH}, "tiny")
    (nnet1 / "decode_empty").mkdir()
    with pytest.raises(HybridKdError, match="decode_empty: no wer_LMWT_WIP files"):
        find_kaldi_systems(nnet1.parent, {"nnet1": SEARCH}, "tiny")


def test_searches_are_lines_of_four(tmp_path: Path) -> None:
    path = tmp_path / "kaldi"
    path.write_text("# <system> ...\n\ntri3b 0.083333 13 6\nnnet1 0.1 11 6\n")
    assert read_searches(path) == {
        "tri3b": SearchOptions(0.083333, 13.0, 6.0),
        "nnet1": SearchOptions(0.1, 11.0, 6.0),
    }
    path.write_text("tri3b 13 6\n")
    with pytest.raises(HybridKdError, match="kaldi: not understood: tri3b 13 6\n  fix: write <system>"):
        read_searches(path)
    path.write_bytes(b"tri3b\xff 0.1 13 6\n")
    with pytest.raises(HybridKdError, match="kaldi: cannot be read: 'utf-8' codec"):
        read_searches(path)
    with pytest.raises(HybridKdError, match="none: cannot be read"):
        read_searches(tmp_path / "none")


@pytest.mark.parametrize(
    ("name", "network", "parameters", "loss", "wers"),
    [
        ("an4", "440 -> 4 x 512 -> 384, sigmoid", 1210752, 1.7230, [(523, 523), (454, 450)]),
        ("libri5k", "440 -> 4 x 512 -> 1987, sigmoid", 2033091, 2.5565, [(1823, 1823), (3116, 3097)]),
    ],
)
def test_the_reference_experiments_have_the_results_that_are_told_of_them(
    shared: Path, name: str, network: str, parameters: int, loss: float, wers: list[tuple[int, int]]
) -> None:
    searches = read_searches(ROOT / "local" / "reference" / name / "kaldi")
    networks = {"nnet1_student_ce": searches["nnet1_student_ce"]}
    (nnet1,) = find_kaldi_systems(shared / f"kaldi-{name}" / "exp", networks, name)
    assert (nnet1.network, nnet1.parameters, nnet1.dev_cross_entropy) == (network, parameters, loss)
    assert [(d.errors, round(d.own_best_wer * d.words / 100)) for d in nnet1.decodes] == wers


def test_a_gmm_is_told_by_its_gaussians(shared: Path) -> None:
    (gmm,) = find_kaldi_systems(shared / "kaldi-an4" / "exp", {"tri3b": SEARCH}, "an4")
    assert (gmm.network, gmm.parameters) == ("GMM-HMM, 6007 Gaussians, 384 pdfs", None)
    assert [round(decode.own_best_wer, 2) for decode in gmm.decodes] == [23.12, 16.14]
