"""Labels as Kaldi Posterior archives, read back by kaldi_native_io."""

from pathlib import Path

import kaldi_native_io
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_kd.distill.export import export_labels, mix_with_reference
from hybrid_kd.distill.teachers import RaggedPosteriors, tempered_posteriors
from tests.distill.test_label_store import written


def test_kaldi_reads_the_exported_labels(tmp_path: Path) -> None:
    store = written(tmp_path / "labels")
    archive = tmp_path / "post.ark"
    export_labels(store, f"ark:{archive}", temperature=2.0, prune_below=0.01)
    ragged = tempered_posteriors(store, 2.0, prune_below=0.01)
    entries = iter(zip(ragged.pdf_ids.tolist(), ragged.posteriors.tolist(), strict=True))
    with kaldi_native_io.SequentialPosteriorReader(f"ark:{archive}") as reader:
        read = dict(reader)
    assert list(read) == list(store.utt_ids)
    for frames in read.values():
        for frame in frames:
            assert sum(value for _, value in frame) == pytest.approx(1.0, abs=1e-5)
            for pdf_id, value in frame:
                assert (pdf_id, value) == next(entries)
    assert next(entries, None) is None


@given(hard_weight=st.sampled_from([0.0, 0.1, 0.5, 1.0]), data=st.data())
def test_mixture_names_each_pdf_once_a_frame_and_sums_to_1(hard_weight: float, data: st.DataObject) -> None:
    counts = data.draw(st.lists(st.integers(1, 5), min_size=1, max_size=6))
    pdf_ids = np.concatenate([np.random.default_rng(n).permutation(9)[:n] for n in counts]).astype(np.int16)
    posteriors = np.concatenate([np.full(n, 1 / n, np.float32) for n in counts])
    teacher = RaggedPosteriors(np.concatenate([[0], np.cumsum(counts)]).astype(np.int64), pdf_ids, posteriors)
    pdf_ali = np.array(data.draw(st.lists(st.integers(0, 8), min_size=len(counts), max_size=len(counts))))
    mixed = mix_with_reference(teacher, pdf_ali.astype(np.int32), hard_weight=hard_weight)
    for frame, pdf_id in enumerate(pdf_ali):
        entries = slice(mixed.offsets[frame], mixed.offsets[frame + 1])
        expected = np.zeros(9)
        expected[pdf_id] += hard_weight
        expected[pdf_ids[slice(*teacher.offsets[frame : frame + 2])]] += (1 - hard_weight) / counts[frame]
        assert len(set(mixed.ids[entries].tolist())) == len(mixed.ids[entries])
        assert (np.diff(mixed.values[entries]) <= 0).all()
        np.testing.assert_allclose(mixed.values[entries], expected[mixed.ids[entries]], atol=1e-6)
        assert mixed.values[entries].sum() == pytest.approx(1.0, abs=1e-6)
