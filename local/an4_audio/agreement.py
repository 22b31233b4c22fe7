"""How far our alignments and features agree with Kaldi's: ``agreement.py ALI ALI FEATS FEATS``.

Prints the share of frames with the same pdf (over utterances of both alignment directories, with the models
in them) and the correlation of each feature coefficient over all frames of both data directories.
"""

import sys
from pathlib import Path

import numpy as np
from jaxtyping import Float64

from hybrid_kd.archives.alignments import read_alignment_dir
from hybrid_kd.archives.data_dir import read_data_dir, read_features
from hybrid_kd.archives.transition_model import read_transition_model, transition_ids_to_pdf_ids


def same_pdfs(ours: Path, theirs: Path) -> tuple[int, int]:
    """Frames with the same pdf, and all frames of the utterances that both have."""
    model = read_transition_model(theirs / "final.mdl")
    other = dict(read_alignment_dir(theirs))
    same = total = 0
    for utt_id, ali in read_alignment_dir(ours):
        if utt_id in other:
            pdf_alis = [transition_ids_to_pdf_ids(each, model) for each in (ali, other[utt_id])]
            same += int(np.count_nonzero(pdf_alis[0] == pdf_alis[1]))
            total += len(ali)
    return same, total


def correlations(ours: Path, theirs: Path) -> Float64[np.ndarray, " dim"]:
    """Pearson's correlation of each coefficient over all frames."""
    pairs = zip(read_features(read_data_dir(ours)), read_features(read_data_dir(theirs)), strict=True)
    sums = [np.zeros(0)] * 5
    num_frames = 0
    for (_, x32), (_, y32) in pairs:
        x, y = x32.astype(np.float64), y32.astype(np.float64)
        moments = [values.sum(axis=0) for values in (x, y, x * x, y * y, x * y)]
        sums = moments if not num_frames else [a + b for a, b in zip(sums, moments, strict=True)]
        num_frames += len(x)
    mean_x, mean_y, mean_xx, mean_yy, mean_xy = (each / num_frames for each in sums)
    deviations = np.sqrt((mean_xx - mean_x**2) * (mean_yy - mean_y**2))
    return np.asarray((mean_xy - mean_x * mean_y) / deviations)


def main() -> None:
    """Compare and print."""
    our_ali, their_ali, our_feats, their_feats = map(Path, sys.argv[1:])
    same, total = same_pdfs(our_ali, their_ali)
    print(f"same pdf: {100 * same / total:.2f} % of {total} frames")
    values = correlations(our_feats, their_feats)
    print(f"features: mean correlation {values.mean():.4f}, worst coefficient {values.min():.4f}")


if __name__ == "__main__":
    main()
