"""The draws of a bootstrap over speech: clean utterances within speakers, all environments of one together.

Axis letters: groups = clean utterances, each with all its environments; replicates = bootstrap samples.
Source: Bisani and Ney 2004, "Bootstrap estimates for confidence intervals in ASR performance evaluation".
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64

from hybrid_kd.scoring.utterances import clean_utterance, speaker


@dataclass(frozen=True)
class Groups:
    """Clean utterances, sorted, with their speakers; group_of: of each utterance."""

    names: list[str]
    speakers: list[str]
    group_of: Int64[np.ndarray, " utterances"]

    def sum(self, values: Int64[np.ndarray, " utterances"]) -> Int64[np.ndarray, " groups"]:
        """Added up over the environments of each clean utterance."""
        sums = np.zeros(len(self.names), np.int64)
        np.add.at(sums, self.group_of, values)
        return sums


def group_by_clean_utterance(utt_ids: Sequence[str]) -> Groups:
    """What is drawn as a whole: the ids without their environments."""
    names, first, group_of = np.unique(
        [clean_utterance(utt_id) for utt_id in utt_ids], return_index=True, return_inverse=True
    )
    return Groups(names.tolist(), [speaker(utt_ids[index]) for index in first], group_of)


def draw_within_speakers(
    speakers: Sequence[str], *, num_replicates: int, generator: np.random.Generator
) -> Int64[np.ndarray, "replicates groups"]:
    """How often each group is drawn: as many of a speaker's groups as there are, with replacement.

    Where no speaker has two groups there is nothing to draw within them, and all are drawn from together.
    """
    names, speaker_of, counts = np.unique(speakers, return_inverse=True, return_counts=True)
    if len(names) and counts.max() == 1:
        speaker_of = np.zeros_like(speaker_of)
    times = np.zeros((num_replicates, len(speakers)), np.int64)
    for index in range(int(speaker_of.max(initial=-1)) + 1):
        groups = np.flatnonzero(speaker_of == index)
        equal = np.full(len(groups), 1 / len(groups))
        times[:, groups] = generator.multinomial(len(groups), equal, size=num_replicates)
    return times


def two_sided_p(differences: Float64[np.ndarray, " replicates"]) -> float:
    """Twice the share of replicates in which the difference has the other sign or is 0, at most 1."""
    other_sign = min((differences <= 0).sum(), (differences >= 0).sum())
    return min(1.0, 2 * (int(other_sign) + 1) / (len(differences) + 1))
