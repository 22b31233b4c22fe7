"""The teachers of a training set: label stores, or networks to run, matched frame by frame."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from hybrid_kd.distill.label_store import LabelStore, read_label_store
from hybrid_kd.distill.teachers import RunningTeacher, StoredTeacher, Teacher, Teachers
from hybrid_kd.distill.views import (
    MatchedView,
    View,
    match_view,
    read_utt_map,
    view_of_features,
    view_of_store,
)
from hybrid_kd.errors import HybridKdError
from hybrid_kd.frames.features import SplicedFeatures
from hybrid_kd.frames.labelled import LabelledFrames, load_features
from hybrid_kd.network.model_dir import AcousticModel, load_model
from hybrid_kd.training.options import TrainOptions, num_teachers

SAME_IDS = Path("-")


def load_teachers(
    options: TrainOptions, train: LabelledFrames, *, num_pdfs: int
) -> tuple[Teachers, LabelledFrames]:
    """The teachers, and the training frames that all of them have labels of.

    Raises: HybridKdError if one is of other pdfs or data, or lacks labels of over 1 % of the utterances.
    """
    sources = [
        _store(options, index) if options.teacher_labels else _network(options, index, train)
        for index in range(num_teachers(options))
    ]
    for source in sources:
        _check_num_pdfs(source, num_pdfs)
    matched = [_match(options, index, train, source.view) for index, source in enumerate(sources)]
    num_frames = _shared_frames([one.num_frames for one in matched])
    members = [
        source.teacher(_restricted(one, num_frames), train.pdf_ali.device)
        for source, one in zip(sources, matched, strict=True)
    ]
    weights = options.teacher_weights or (1 / len(members),) * len(members)
    return Teachers(tuple(members), weights), train.select(num_frames)


def _of_teacher(values: Sequence[Path], index: int) -> Path | None:
    """What is given for one teacher, or for all of them."""
    if not values:
        return None
    return values[index if len(values) > 1 else 0]


@dataclass(frozen=True)
class _Store:
    path: Path
    store: LabelStore
    prune_below: float

    @property
    def num_pdfs(self) -> int:
        return self.store.header.num_pdfs

    @property
    def view(self) -> View:
        return view_of_store(self.store)

    def teacher(self, matched: MatchedView, device: torch.device) -> Teacher:
        return StoredTeacher(self.store, matched.row_of_frame, self.prune_below, device)


@dataclass(frozen=True)
class _Network:
    path: Path
    model: AcousticModel
    data: Path
    features: SplicedFeatures
    prune_below: float

    @property
    def num_pdfs(self) -> int:
        return self.model.num_pdfs

    @property
    def view(self) -> View:
        return view_of_features(self.data, self.features)

    def teacher(self, matched: MatchedView, device: torch.device) -> Teacher:
        return RunningTeacher(self.model, self.features, matched.row_of_frame.to(device), self.prune_below)


def _prune_below(options: TrainOptions, index: int) -> float:
    return options.teacher_prune_below[index] if options.teacher_prune_below else options.prune_below


def _store(options: TrainOptions, index: int) -> _Store:
    path = options.teacher_labels[index]
    return _Store(path, read_label_store(path), _prune_below(options, index))


def _network(options: TrainOptions, index: int, train: LabelledFrames) -> _Network:
    """A teacher on the fly, and what it sees, with as many frames around each as it was trained with."""
    path, device = options.teacher[index], train.pdf_ali.device
    model = load_model(path, device=device)
    data = _of_teacher(options.teacher_data, index)
    if data is None:
        data, features = options.train_data, replace(train.inputs, **vars(model.splice))
    else:
        features = load_features(data, splice=model.splice).to(device)
    model.check_features(data, features)
    return _Network(path, model, data, features, _prune_below(options, index))


def _match(options: TrainOptions, index: int, train: LabelledFrames, view: View) -> MatchedView:
    path = _of_teacher(options.utt_map, index)
    utt_map = None if path is None or path == SAME_IDS else read_utt_map(path)
    return match_view(train.inputs, view, utt_map=utt_map, frame_tolerance=options.frame_tolerance)


def _shared_frames(matched: Sequence[Mapping[int, int]]) -> dict[int, int]:
    """Utterances that all have, each as long as the shortest has it."""
    shared = sorted(set.intersection(*(set(one) for one in matched)))
    return {utt: min(one[utt] for one in matched) for utt in shared}


def _restricted(matched: MatchedView, num_frames: dict[int, int]) -> MatchedView:
    """The rows of the first frames of some utterances."""
    rows = matched.row_of_frame.split(list(matched.num_frames.values()))  # type: ignore[no-untyped-call]
    of_utt = dict(zip(matched.num_frames, rows, strict=True))
    return MatchedView(num_frames, torch.cat([of_utt[utt][:number] for utt, number in num_frames.items()]))


def _check_num_pdfs(source: _Store | _Network, expected: int) -> None:
    if source.num_pdfs != expected:
        raise HybridKdError.at(
            source.path,
            f"the teacher has {source.num_pdfs} pdfs, the alignments {expected}",
            fix="use a teacher that was trained on alignments of the same tree: align the data of the teacher"
            " with the students' final.mdl and train it anew",
        )
