"""What is done with each shard in turn: the parts of training and alignment that run in `pool` processes."""

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float32, Int32

from hybrid_kd.archives.posteriors import Posteriors
from hybrid_kd.archives.transition_model import TransitionModel
from hybrid_kd.current_input import note_input
from hybrid_kd.frontend.model_features import FeatureKind
from hybrid_kd.gmm.convert_alignments import AlignmentConverter
from hybrid_kd.gmm.fmllr import FmllrEstimate, accumulate_fmllr, estimate_fmllr
from hybrid_kd.gmm.frame_posteriors import ali_to_posteriors, posteriors_to_pdfs, weight_silence
from hybrid_kd.gmm.lda import LdaStatistics, accumulate_lda
from hybrid_kd.gmm.mllt import MlltStatistics, accumulate_mllt
from hybrid_kd.gmm.model import StackedGmm
from hybrid_kd.gmm.phone_segments import PhoneTable, make_phone_table, split_to_phones
from hybrid_kd.gmm.shards import Shard, Transforms, shard_features
from hybrid_kd.gmm.statistics import GmmStatistics, accumulate
from hybrid_kd.gmm.tree_statistics import TreeStatistics, accumulate_tree_statistics
from hybrid_kd.gmm.viterbi import align_equally, align_utterance, make_alignment_graph, min_frames
from hybrid_kd.graph.training_graphs import TrainingGraphCompiler
from hybrid_kd.seeds import derive_seed

TOO_SHORT = "too short for its transcript"
NO_PATH = "no path within the beam"
NOT_OF_PHONES = "an alignment that is not of whole phones of its model"
NOT_CONVERTED = "an alignment that the new tree does not take"
NO_ALIGNMENT = "no alignment"
OTHER_LENGTH = "an alignment of another length than the features"


@dataclass(frozen=True)
class AlignmentReport:
    """Alignments of a shard (0: none), and how it went; ``loglike`` counts the graph's costs too."""

    transition_ali: Int32[np.ndarray, " frames"]
    failed: dict[str, str] = field(default_factory=dict)  # why, by utterance
    retried: tuple[str, ...] = ()
    loglike: float = 0.0
    num_frames: int = 0


@dataclass(frozen=True)
class ShardSize:
    """What a shard holds."""

    num_utts: int
    num_frames: int
    dim: int
    left_out: dict[str, str]


def measure(shard: Shard) -> ShardSize:
    """Tell the size, and what was left out on reading."""
    return ShardSize(len(shard.utt_ids), len(shard.transition_ali), shard.frames.shape[1], shard.left_out)


def set_features(shard: Shard, kind: FeatureKind, transforms: Transforms | None) -> None:
    """Compute the frames that the next steps use."""
    shard.frames = shard_features(shard, kind, transforms)


def compile_graphs(shard: Shard, compiler: TrainingGraphCompiler) -> None:
    """Make each utterance's training graph; equal transcripts share one."""
    made = {}
    for utt_id, words in zip(shard.utt_ids, shard.words, strict=True):
        note_input(utt_id)
        if tuple(words) not in made:
            graph = compiler.compile(words)
            made[tuple(words)] = make_alignment_graph(graph, compiler.transition_model)
    shard.graphs = [made[tuple(words)] for words in shard.words]


def set_alignments(shard: Shard, transition_ali: Int32[np.ndarray, " frames"]) -> None:
    """Take up alignments that were made before."""
    shard.transition_ali = transition_ali


def give_alignments(shard: Shard) -> dict[str, Int32[np.ndarray, " frames"]]:
    """The alignments by utterance."""
    return {shard.utt_ids[index]: shard.transition_ali[span] for index, span in shard.aligned_spans()}


def alignment_array(shard: Shard) -> Int32[np.ndarray, " frames"]:
    """The alignments as they stand."""
    return shard.transition_ali


def take_alignments(
    shard: Shard, alignments: dict[str, Int32[np.ndarray, " _"]], model: TransitionModel
) -> dict[str, str]:
    """Take up alignments by utterance, made by ``model``; returns why some have none."""
    table = make_phone_table(model)
    missing = {}
    shard.transition_ali = np.zeros(int(shard.offsets[-1]), np.int32)
    for index, span in shard.spans():
        utt_id = shard.utt_ids[index]
        if utt_id not in alignments:
            missing[utt_id] = NO_ALIGNMENT
        elif len(alignments[utt_id]) != span.stop - span.start:
            missing[utt_id] = OTHER_LENGTH
        elif not _consists_of_phones(alignments[utt_id], table):
            missing[utt_id] = NOT_OF_PHONES
        else:
            shard.transition_ali[span] = alignments[utt_id]
    return missing


def _consists_of_phones(transition_ali: Int32[np.ndarray, " frames"], table: PhoneTable) -> bool:
    try:
        split_to_phones(transition_ali, table)
    except ValueError:
        return False
    return True


def convert_alignments(shard: Shard, converter: AlignmentConverter) -> dict[str, str]:
    """Carry the alignments over to another tree; returns why some could not be."""
    failed = {}
    for index, span in list(shard.aligned_spans()):
        try:
            shard.transition_ali[span] = converter.convert(shard.transition_ali[span])
        except ValueError:
            shard.transition_ali[span] = 0
            failed[shard.utt_ids[index]] = NOT_CONVERTED
    return failed


def align_equally_all(shard: Shard) -> AlignmentReport:
    """Give the states of each transcript equal shares of the frames."""
    shard.transition_ali = np.zeros(int(shard.offsets[-1]), np.int32)
    failed = {}
    for index, span in shard.spans():
        utt_id = shard.utt_ids[index]
        seed = derive_seed(0, "align equally", utt_id=utt_id)
        path = align_equally(shard.graphs[index], span.stop - span.start, seed=seed)
        if path is None:
            failed[utt_id] = TOO_SHORT
        else:
            shard.transition_ali[span] = path
    return AlignmentReport(shard.transition_ali, failed)


def align(
    shard: Shard,
    gmm: StackedGmm,
    costs: Float32[np.ndarray, " transition_ids_and_0"],
    beam: float,
    retry_beam: float,
) -> AlignmentReport:
    """Find each utterance's best path."""
    shard.transition_ali = np.zeros(int(shard.offsets[-1]), np.int32)
    failed, retried, loglike, num_frames = {}, [], 0.0, 0
    for index, span in shard.spans():
        graph, frames = shard.graphs[index], shard.frames[span]
        path = align_utterance(graph, gmm, frames, costs, beam=beam, retry_beam=retry_beam)
        utt_id = shard.utt_ids[index]
        if path is None:
            failed[utt_id] = TOO_SHORT if len(frames) < min_frames(graph) else NO_PATH
            continue
        shard.transition_ali[span] = path.transition_ali
        loglike += path.loglike
        num_frames += len(frames)
        retried += [utt_id] if path.was_retried else []
    return AlignmentReport(shard.transition_ali, failed, tuple(retried), loglike, num_frames)


def accumulate_statistics(
    shard: Shard, gmm: StackedGmm, model: TransitionModel, update_kind: FeatureKind | None = None
) -> GmmStatistics:
    """Statistics of the aligned frames; ``update_kind``: sum these features instead (without fMLLR)."""
    aligned = shard.transition_ali > 0
    update_frames = None if update_kind is None else shard_features(shard, update_kind)[aligned]
    return accumulate(
        gmm, model, shard.frames[aligned], shard.transition_ali[aligned], update_frames=update_frames
    )


def accumulate_for_tree(
    shard: Shard, model: TransitionModel, context_independent_phones: tuple[int, ...]
) -> TreeStatistics:
    """Statistics of phones in context."""
    utterances = ((shard.frames[span], shard.transition_ali[span]) for _, span in shard.aligned_spans())
    return accumulate_tree_statistics(
        utterances, model, context_independent_phones=context_independent_phones
    )


def pdf_posteriors(
    transition_ali: Int32[np.ndarray, " frames"], model: TransitionModel, silence_phones: tuple[int, ...]
) -> Posteriors:
    """The pdfs of an alignment; frames of silence phones have none."""
    weighted = weight_silence(ali_to_posteriors(transition_ali), model, silence_phones, 0.0)
    return posteriors_to_pdfs(weighted, model)


def accumulate_for_lda(
    shard: Shard, kind: FeatureKind, model: TransitionModel, silence_phones: tuple[int, ...]
) -> LdaStatistics | None:
    """Statistics of frames before the transform (``kind`` has no matrix); None where nothing is aligned."""
    frames = shard_features(shard, kind)
    utterances = [
        (frames[span], pdf_posteriors(shard.transition_ali[span], model, silence_phones))
        for _, span in shard.aligned_spans()
    ]
    return accumulate_lda(utterances, num_pdfs=model.num_pdfs) if utterances else None


def accumulate_for_mllt(
    shard: Shard, gmm: StackedGmm, model: TransitionModel, silence_phones: tuple[int, ...]
) -> MlltStatistics:
    """Statistics of the frames as they are."""
    utterances = (
        (shard.frames[span], pdf_posteriors(shard.transition_ali[span], model, silence_phones))
        for _, span in shard.aligned_spans()
    )
    return accumulate_mllt(utterances, gmm)


def estimate_transforms(
    shard: Shard,
    gmm: StackedGmm,
    posterior_gmm: StackedGmm | None,
    model: TransitionModel,
    silence_phones: tuple[int, ...],
) -> dict[str, FmllrEstimate]:
    """The fMLLR transform of each speaker, on top of the frames as they are."""
    spans: dict[str, list[slice]] = {speaker: [] for speaker in shard.speakers}
    for index, span in shard.aligned_spans():
        spans[shard.speakers[index]].append(span)
    estimates = {}
    for speaker, own in spans.items():
        utterances = (
            (shard.frames[span], pdf_posteriors(shard.transition_ali[span], model, silence_phones))
            for span in own
        )
        statistics = accumulate_fmllr(utterances, gmm, posterior_gmm=posterior_gmm)
        estimates[speaker] = estimate_fmllr(statistics, speaker=speaker)
    return estimates
