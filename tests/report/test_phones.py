"""Pdfs as phones, and posteriors as strings."""

from pathlib import Path

import numpy as np

from hybrid_kd.archives.transition_model import read_transition_model
from hybrid_kd.report.phones import phones_of_pdfs, quantise, root_posteriors, rows_of_pdfs
from tests.tiny_experiment import transition_model_text


def test_a_pdf_is_of_its_phone_without_stress_and_position(tmp_path: Path) -> None:
    (tmp_path / "final.mdl").write_text(transition_model_text(3))
    (tmp_path / "phones.txt").write_text("<eps> 0\nSIL 1\nAH0_B 2\nAH1_E 3\n")
    model = read_transition_model(tmp_path / "final.mdl")
    phone_of_pdf = phones_of_pdfs(model, tmp_path / "phones.txt")
    assert phone_of_pdf == ["SIL"] * 3 + ["AH"] * 6
    assert phones_of_pdfs(model, tmp_path / "none")[3] == "2"
    rows = rows_of_pdfs(phone_of_pdf, ["AH", "SIL"])
    assert (np.full((2, 9), 1 / 9) @ rows).round(6).tolist() == [[0.666667, 0.333333]] * 2


def test_a_string_gives_the_root_of_the_posterior_to_a_thirty_fifth() -> None:
    posteriors = np.random.default_rng(0).dirichlet(np.ones(4), size=20)
    strings = quantise(posteriors)
    assert [len(text) for text in strings] == [20] * 4
    assert np.abs(root_posteriors(strings) - np.sqrt(posteriors.T)).max() <= 0.5 / 35 + 1e-12
    assert quantise(np.array([[0.0, 1.0]])) == ["0", "z"]
