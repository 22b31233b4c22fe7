"""Labels as Kaldi Posterior archives, read back by kaldi_native_io."""

from functools import partial
from pathlib import Path

import kaldi_native_io
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_kd.distill.export import Reference, export_labels, mix_with_reference
from hybrid_kd.distill.teachers import RaggedPosteriors, tempered_posteriors
from hybrid_kd.distill.views import UttMap
from hybrid_kd.errors import HybridKdError
from tests.distill.test_label_store import NUM_PDFS, written
from tests.tiny_experiment import write_alignment_dir


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


def read_archive(path: Path) -> dict[str, list[list[tuple[int, float]]]]:
    with kaldi_native_io.SequentialPosteriorReader(f"ark:{path}") as reader:
        return dict(reader)


MAP = UttMap(Path("utt_map"), {"u3.CH5": "u3", "u1.CH5": "u1", "u1.CH4": "u1"})


def test_with_a_map_training_utterances_get_the_labels_of_another_view(tmp_path: Path) -> None:
    """Several of one utterance, mixed with the alignment of each."""
    store = written(tmp_path / "labels")
    pdf_alis = {"u1.CH4": np.full(7, 3), "u1.CH5": np.full(7, 5), "u3.CH5": np.full(20, 7)}
    write_alignment_dir(tmp_path / "ali", pdf_alis, num_pdfs=NUM_PDFS)
    reference = Reference(tmp_path / "ali", 0.5)
    export = partial(export_labels, store, temperature=1.0, prune_below=0.01)
    export(f"ark:{tmp_path}/store.ark")
    export(f"ark:{tmp_path}/map.ark", utt_map=MAP)
    export(f"ark:{tmp_path}/mixed.ark", utt_map=MAP, reference=reference)
    of_store, of_map = read_archive(tmp_path / "store.ark"), read_archive(tmp_path / "map.ark")
    assert list(of_map) == ["u1.CH4", "u1.CH5", "u3.CH5"]
    assert all(of_map[utt_id] == of_store[MAP.label_utt_ids[utt_id]] for utt_id in of_map)
    for utt_id, frames in read_archive(tmp_path / "mixed.ark").items():
        for frame, teacher in zip(frames, of_map[utt_id], strict=True):
            expected = {pdf_id: 0.5 * value for pdf_id, value in teacher}
            pdf_id = pdf_alis[utt_id][0]
            expected[pdf_id] = expected.get(pdf_id, 0.0) + 0.5
            assert dict(frame) == pytest.approx(expected, abs=1e-6)


def test_a_map_to_labels_that_are_not_there_is_an_error(tmp_path: Path) -> None:
    store = written(tmp_path / "labels")
    utt_map = UttMap(Path("utt_map"), {"u1.CH5": "u1", "u9.CH5": "u9"})
    with pytest.raises(HybridKdError, match=r"done 1, left out 1 \(1 no teacher labels\)"):
        export_labels(store, f"ark:{tmp_path}/post.ark", temperature=1.0, prune_below=0.01, utt_map=utt_map)


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
