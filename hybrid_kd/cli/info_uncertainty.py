"""What a network or a label store is unsure about, in words, for ``hybrid-kd info``."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hybrid_kd.errors import HybridKdError

if TYPE_CHECKING:
    from hybrid_kd.distill.label_store import LabelStore
    from hybrid_kd.report.uncertainty_records import SigmaGroup, Uncertainty

NUM_TOLD = 10  # phones and pdfs at either end


def describe_head(model_dir: Path) -> list[str]:
    """The uncertainty head of a network, if it has one."""
    from hybrid_kd.network.tensor_file import read_tensors
    from hybrid_kd.network.uncertainty import UNCERTAINTY

    if not (model_dir / UNCERTAINTY).is_file():
        return []
    tensors, metadata = read_tensors(model_dir / UNCERTAINTY)
    size = sum(tensor.numel() for tensor in tensors.values())
    return [f"  uncertainty head: {metadata.get('activation')}, {size:,} parameters beside the network's"]


def describe_uncertainty(model_dir: Path, data_dir: Path, ali_dir: Path) -> list[str]:
    """Where a network is unsure over labelled data, and its calibration with and without the noise.

    Raises: HybridKdError if it has no uncertainty head, or data and alignment are not for it.
    """
    from hybrid_kd.network.model_dir import load_model
    from hybrid_kd.network.uncertainty import UNCERTAINTY
    from hybrid_kd.report.dev_posteriors import load_dev_set
    from hybrid_kd.report.uncertainty import measure_uncertainty

    if not (model_dir / UNCERTAINTY).is_file():
        fix = "give one that was trained with --uncertainty, or leave out --data and --ali"
        raise HybridKdError.at(model_dir, "this is no network with an uncertainty head", fix=fix)
    model = load_model(model_dir)
    dev = load_dev_set(data_dir, ali_dir, model.splice, None)
    model.check_features(data_dir, dev.frames.inputs)
    if len(dev.phone_of_pdf) != model.num_pdfs:
        problem = f"final.mdl has {len(dev.phone_of_pdf)} pdfs, {model_dir} has {model.num_pdfs}"
        raise HybridKdError.at(ali_dir, problem, fix="give an alignment by the model of its training")
    uncertainty = measure_uncertainty(model, dev.frames, dev.names())
    return [f"  uncertainty over {data_dir}, {dev.frames.num_frames} frames", *_lines(uncertainty)]


def describe_label_sigma(store: "LabelStore") -> list[str]:
    """Of a label store that holds its teacher's sigma."""
    from hybrid_kd.report.label_uncertainty import label_sigma

    lines = []
    for what, groups in label_sigma(store).items():
        rows = [[name, str(number), f"{mean:.3f}"] for name, number, (mean,) in groups.told()]
        if what.startswith("phone"):
            rows.sort(key=lambda row: -float(row[2]))
        lines += _table([what, "frames", "root mean square of sigma"], rows)
    return lines


def _lines(uncertainty: "Uncertainty") -> list[str]:
    before, after = uncertainty.calibration, uncertainty.noisy_calibration
    by_sigma, by_confidence = (
        "-" if chance is None else f"{100 * chance:.1f} %"
        for chance in (uncertainty.by_sigma, uncertainty.by_confidence)
    )
    groups = [uncertainty.all_frames, uncertainty.right, uncertainty.wrong]
    phones = uncertainty.phones
    return [
        f"    of a wrong and a right frame the wrong one has the larger sigma in {by_sigma} of the cases, "
        f"the smaller largest posterior in {by_confidence}",
        f"    expected calibration error: {before.calibration_error:.4f} of softmax(f), "
        f"{after.calibration_error:.4f} of the mean over {uncertainty.samples} noisy logits",
        f"    cross-entropy: {before.cross_entropy:.4f}, {after.cross_entropy:.4f} nats a frame; "
        f"frames right: {before.frame_accuracy:.2%}, {after.frame_accuracy:.2%}",
        *_sigma_table("frames that are", [group for group in groups if group is not None]),
        *_sigma_table("environment", uncertainty.environments),
        *_sigma_table("signal-to-noise ratio", uncertainty.snr),
        *_sigma_table("least sure phones", phones[:NUM_TOLD]),
        *_sigma_table("most sure phones", phones[::-1][:NUM_TOLD]),
        *_sigma_table("least sure pdfs", uncertainty.least_sure_pdfs[:NUM_TOLD]),
        *_sigma_table("most sure pdfs", uncertainty.most_sure_pdfs[:NUM_TOLD]),
    ]


def _sigma_table(what: str, groups: "Sequence[SigmaGroup]") -> list[str]:
    from hybrid_kd.report.uncertainty_section import GROUP_HEAD, group_cells

    return _table([what, *GROUP_HEAD], [group_cells(group) for group in groups])


def _table(head: list[str], rows: list[list[str]]) -> list[str]:
    """Lines of aligned columns; none without rows."""
    if not rows:
        return []
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    return [
        "    "
        + row[0].ljust(widths[0])
        + "".join(f"  {cell:>{width}}" for cell, width in zip(row[1:], widths[1:], strict=True))
        for row in [head, *rows]
    ]
