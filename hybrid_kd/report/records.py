"""What is known of an experiment, as results/<experiment>.jsonl keeps it: one record a line.

A file holds its scored sets (SetRecord), label stores (LabelsRecord), the utterance that serves as an example
(ExampleRecord), how far teachers agree (AgreementRecord) and, one line each, the finished systems
(SystemResult). The files are committed, so that reports can be made where no experiment lies on disk;
record_file.py reads and writes them.
"""

from dataclasses import dataclass, field
from typing import Any

from hybrid_kd.report.uncertainty_records import AgreementRecord, Uncertainty

ITSELF = "itself"  # tuned_on, where the scoring point was chosen on the set that is scored


@dataclass(frozen=True)
class SetRecord:
    """The utterances of a scored set, sorted by utt_id, and their numbers of reference words."""

    kind = "set"

    set_name: str
    utt_ids: list[str]
    num_words: list[int]


@dataclass(frozen=True)
class ExampleRecord:
    """Part of a dev utterance, over which phone posteriors are kept.

    phones: the rows of all its posteriors, those of the reference in their order (stress and position in the
    word left out). phone_ali: the row of each frame's reference. utt_frames: of the whole utterance.
    """

    kind = "example"

    set_name: str
    utt_id: str
    text: str
    first_frame: int
    utt_frames: int
    phones: list[str]
    phone_ali: list[int]


@dataclass(frozen=True)
class LabelsRecord:
    """A label store; the lists go along with ``temperatures``.

    discarded_mass: of the posteriors below ``prune_below``, mean over frames. argmax_share: of the frames
    whose label is their argmax alone. entropy: of the labels as they are trained on, nats a frame;
    entropy_unpruned: of the tempered posteriors, over the sample_frames of some utterances.
    example: by temperature, the labels' phone posteriors over the example (see quantise).
    """

    kind = "labels"

    name: str
    teacher: str
    teacher_sha256: str
    sha256: str
    data: str
    prune_below: float
    num_frames: int
    temperatures: list[float]
    discarded_mass: list[float]
    argmax_share: list[float]
    entropy: list[float]
    entropy_unpruned: list[float] | None
    sample_frames: int | None
    example: list[list[str]] | None


@dataclass(frozen=True)
class AgainstBaseline:
    """Paired bootstrap against the baseline: WER - baseline's WER, so that a negative difference is better.

    difference, low, high (95 % interval): % absolute; relative: % of the baseline's WER; p_value: two-sided.
    """

    baseline: str
    difference: float
    relative: float
    low: float
    high: float
    p_value: float
    num_groups: int
    num_replicates: int


@dataclass(frozen=True)
class DecodeResult:
    """One scored decode directory. WERs in %; a real-time factor is seconds a second of speech.

    tuned_on: where LM weight and insertion penalty were chosen (a set, or ITSELF). The own best WER is at the
    point (LMWT_WIP) that is best for this set. is_whole_set: not a part that was decoded to compare beams.
    errors_by_utterance: of a whole set, in the order of its SetRecord; errors_elsewhere: the same at points
    that were counted and not searched (near LM weight 0), by name.
    """

    directory: str
    set_name: str
    is_whole_set: bool
    num_utterances: int
    decoder: str
    decoder_program: str
    decoder_version: str | None
    acoustic_scale: float | None
    beam: float | None
    lattice_beam: float | None
    tuned_on: str
    lm_weight: int
    word_ins_penalty: float
    wer: float
    errors: int
    words: int
    environments: dict[str, float]
    own_best_point: str
    own_best_wer: float
    num_partial: int | None
    real_time_factor_search: float | None
    real_time_factor_network: float | None
    real_time_factor_wall: float | None
    against_baseline: AgainstBaseline | None = None
    errors_by_utterance: list[int] | None = None
    errors_elsewhere: dict[str, list[int]] | None = None
    logit_scale: float = 1.0

    @property
    def search(self) -> tuple[float | None, ...]:
        """With what the decoder searched; decodings that differ in it cannot be compared."""
        return self.acoustic_scale, self.beam, self.lattice_beam, self.logit_scale


@dataclass(frozen=True)
class LearningCurve:
    """By epoch; item 0 is before the first, where only the dev set is measured. Losses: nats a frame."""

    dev_cross_entropy: list[float]
    dev_frame_accuracy: list[float]
    train_objective: list[float | None]
    train_cross_entropy: list[float | None]
    temperature: list[float | None]
    learning_rate: list[float | None]
    accepted: list[bool | None]
    seconds: list[float | None]


@dataclass(frozen=True)
class DevPosteriors:
    """A network's posteriors over the dev set beside the reference alignment (see Calibration).

    entropy: nats a frame. example: phone posteriors over the example (see quantise). uncertainty: of a
    network with an uncertainty head.
    """

    set_name: str
    num_frames: int
    cross_entropy: float
    frame_accuracy: float
    entropy: float
    calibration_error: float
    bin_frames: list[int]
    bin_confidence: list[float]
    bin_accuracy: list[float]
    example: list[str]
    uncertainty: Uncertainty | None = None


@dataclass(frozen=True)
class SystemResult:
    """One system. kind: network, ensemble, GMM-HMM or Kaldi.

    training: what it was trained with, where that matters; config: all options, systems named as in
    ``training``. dev_cross_entropy (nats a frame) and dev_frame_accuracy (0 to 1) are those of the network
    that was kept. train_frames: of one epoch. aliases: names in the experiment's directory that link to it.
    inputs, model_sha256: sha256 of what it was made of and of the network.
    """

    experiment: str
    system: str
    aliases: list[str]
    kind: str
    network: str
    parameters: int | None
    training: dict[str, Any]
    train_data: str | None
    dev_data: str | None
    train_frames: int | None
    epochs: int | None
    train_seconds: float | None
    dev_cross_entropy: float | None
    dev_frame_accuracy: float | None
    commit: str | None
    uncommitted_changes: bool | None
    decodes: list[DecodeResult]
    config: dict[str, Any] = field(default_factory=dict)
    inputs: dict[str, Any] = field(default_factory=dict)
    model_sha256: str | None = None
    learning_curve: LearningCurve | None = None
    dev_posteriors: DevPosteriors | None = None


Record = SetRecord | LabelsRecord | ExampleRecord | AgreementRecord | SystemResult


@dataclass(frozen=True)
class Study:
    """All that a file holds."""

    systems: list[SystemResult] = field(default_factory=list)
    sets: list[SetRecord] = field(default_factory=list)
    labels: list[LabelsRecord] = field(default_factory=list)
    example: ExampleRecord | None = None
    agreements: list[AgreementRecord] = field(default_factory=list)

    def records(self) -> list[Record]:
        """What stands on the lines, in their order."""
        example = [self.example] if self.example else []
        return [*self.sets, *example, *self.labels, *self.agreements, *self.systems]
