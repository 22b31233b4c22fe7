"""Writing a final.mdl: the TransitionModel and the GMMs behind it; transition_model.py reads it.

Source: Kaldi gmmbin/gmm-est.cc.
"""

from pathlib import Path

from hybrid_kd.archives.diag_gmm import am_diag_gmm_to_bytes
from hybrid_kd.archives.transition_model import ModelFile, transition_model_to_bytes
from hybrid_kd.atomic import replace_file


def write_model_file(path: Path, model: ModelFile) -> None:
    """Write what Kaldi's GMM programs write in binary."""
    with replace_file(path) as file:
        file.write(b"\0B" + transition_model_to_bytes(model.transition_model))
        if model.gmm is not None:
            file.write(am_diag_gmm_to_bytes(model.gmm))
