"""How far two teachers agree: in what they believe of each frame, and in what they are unsure about.

Axis letters: batch = frames at once; pdfs = HMM states.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Float32, Float64
from torch import Tensor
from torch.nn import functional

from hybrid_kd.errors import HybridKdError
from hybrid_kd.frames.features import SplicedFeatures
from hybrid_kd.network.model_dir import AcousticModel
from hybrid_kd.report.learning_curve import rounded
from hybrid_kd.report.uncertainty_records import AgreementRecord

BATCH = 2048  # frames at once


@dataclass(frozen=True)
class Outputs:
    """Of one teacher: log posteriors, and the direction of sigma."""

    log_posteriors: Float32[Tensor, "batch pdfs"]
    direction: Float32[Tensor, "batch pdfs"]


def measure_agreement(
    first: AcousticModel, second: AcousticModel, inputs: SplicedFeatures, *, set_name: str
) -> AgreementRecord:
    """Run two networks that have uncertainty heads over the same frames, twice: means over frames come first.

    Raises: HybridKdError if they are of different pdfs, or one has no head.
    """
    _check(first, second)
    num_frames, models = inputs.num_frames, (first, second)
    means = torch.zeros(4, first.num_pdfs, dtype=torch.float64)
    for outputs in _outputs(models, inputs):
        means += torch.stack([values.double().sum(dim=0) for values in _rows(outputs)])
    means /= num_frames
    sums = torch.zeros(8, dtype=torch.float64)
    for outputs in _outputs(models, inputs):
        sums += _frame_values(outputs, means).sum(dim=1)
    values = [rounded(value) for value in (sums / num_frames).tolist()]
    return AgreementRecord(first.path.name, second.path.name, set_name, num_frames, *values)


def _check(first: AcousticModel, second: AcousticModel) -> None:
    for model in (first, second):
        if model.uncertainty is None:
            fix = "train it with --uncertainty"
            raise HybridKdError.at(model.path, "this network has no uncertainty head", fix=fix)
    if first.num_pdfs != second.num_pdfs:
        problem = f"it has {second.num_pdfs} pdfs, {first.path} has {first.num_pdfs}"
        fix = "compare teachers that were trained on alignments of one tree"
        raise HybridKdError.at(second.path, problem, fix=fix)


@torch.inference_mode()
def _outputs(
    models: tuple[AcousticModel, AcousticModel], inputs: SplicedFeatures
) -> Iterator[tuple[Outputs, Outputs]]:
    views = [replace(inputs, **vars(model.splice)) for model in models]
    for frame_index in torch.arange(inputs.num_frames).split(BATCH):  # type: ignore[no-untyped-call]
        first, second = (
            _outputs_of(model, view.spliced(frame_index)) for model, view in zip(models, views, strict=True)
        )
        yield first, second


def _outputs_of(model: AcousticModel, spliced: Float[Tensor, "batch input"]) -> Outputs:
    logits, sigma = model.outputs_of_spliced(spliced)
    assert sigma is not None
    return Outputs(logits.log_softmax(dim=1), functional.normalize(sigma))


def _rows(outputs: tuple[Outputs, Outputs]) -> list[Float32[Tensor, "batch pdfs"]]:
    first, second = outputs
    return [first.log_posteriors, second.log_posteriors, first.direction, second.direction]


def _frame_values(
    outputs: tuple[Outputs, Outputs], means: Float64[Tensor, "4 pdfs"]
) -> Float64[Tensor, "8 batch"]:
    """The fields of AgreementRecord, from same_best on; means: those of ``_rows`` over all frames."""
    logs, other_logs, sigma, other_sigma = (values.double() for values in _rows(outputs))
    difference = logs.exp() - other_logs.exp()
    return torch.stack(
        [
            (logs.argmax(dim=1) == other_logs.argmax(dim=1)).double(),
            difference.abs().sum(dim=1) / 2,
            (difference * (logs - other_logs)).sum(dim=1),
            (sigma - other_sigma).square().sum(dim=1),
            correlation(logs, other_logs),
            correlation(sigma, other_sigma),
            correlation(logs - means[0], other_logs - means[1]),
            correlation(sigma - means[2], other_sigma - means[3]),
        ]
    )


def correlation(
    first: Float64[Tensor, "batch pdfs"], second: Float64[Tensor, "batch pdfs"]
) -> Float64[Tensor, " batch"]:
    """Pearson's, over the pdfs of each frame; 0 where one of them is the same for all pdfs."""
    first, second = (values - values.mean(dim=1, keepdim=True) for values in (first, second))
    return functional.cosine_similarity(first, second, dim=1)
