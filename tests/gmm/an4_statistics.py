"""Tree statistics of the reference experiment's training set, made once for all tests of a process."""

from functools import cache
from pathlib import Path

from hybrid_kd.archives.alignments import read_alignment_dir
from hybrid_kd.archives.matrices import read_matrices
from hybrid_kd.archives.transition_model import read_transition_model
from hybrid_kd.gmm.tree_statistics import TreeStatistics, accumulate_tree_statistics
from hybrid_kd.graph.lang_dir import read_lang_dir


@cache
def an4_tree_statistics(an4: Path) -> TreeStatistics:
    """Of fMLLR frames and Kaldi's own last alignment; ``an4`` is the fixture."""
    alignments = dict(read_alignment_dir(an4 / "exp/tri3b_ali_tr05_multi"))
    features = read_matrices(f"scp:{an4}/data-fmllr/tr05_multi/feats.scp")
    return accumulate_tree_statistics(
        ((frames, alignments[utt_id]) for utt_id, frames in features if utt_id in alignments),
        read_transition_model(an4 / "exp/tri3b/final.mdl"),
        context_independent_phones=read_lang_dir(an4 / "data/lang_test").silence_phones,
    )
