"""``hybrid-kd export-onnx``."""

from dataclasses import dataclass
from pathlib import Path

from tyro.conf import Positional


@dataclass(frozen=True)
class Options:
    """Write a model as one ONNX file, from spliced frames (440) to log-likelihoods; an ensemble as well.

    Input `spliced_frames`, output `loglikes`; the context of a frame is in the file's metadata.
    """

    onnx_file: Positional[Path]
    """file to write"""
    model: Path
    """model directory (what `hybrid-kd train --out` wrote)"""
    logit_scale: float = 1.0
    """factor of the logits: see `hybrid-kd decode`"""
    config: Path | None = None
    """YAML file of options; flags win over it"""


def run(options: Options) -> None:
    """Export."""
    from hybrid_kd.errors import HybridKdError
    from hybrid_kd.network.model_dir import load_model

    try:
        from hybrid_kd.network.onnx import export_onnx
    except ModuleNotFoundError as error:
        raise HybridKdError.at(
            "hybrid-kd export-onnx", f"needs the package {error.name}", fix="pip install 'hybrid_kd[onnx]'"
        ) from error
    export_onnx(load_model(options.model, logit_scale=options.logit_scale), options.onnx_file)
