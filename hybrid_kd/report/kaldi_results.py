"""What Kaldi itself reached: its decode directories' wer_LMWT_WIP files and nnet1's schedule, as results."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hybrid_kd.archives.transition_model import read_model_file
from hybrid_kd.decoding.kaldi import PROGRAM
from hybrid_kd.decoding.options import SearchOptions
from hybrid_kd.errors import HybridKdError
from hybrid_kd.report.records import ITSELF, DecodeResult, SystemResult

DEV_PREFIX = "dt"  # CHiME's names: dt05_simu is the development set of et05_simu
COPY_AGAIN = "copy the experiment again"
_WER_NAME = re.compile(r"wer_(\d+)_(\d+\.\d+)")
_WER = re.compile(r"^%WER \S+ \[ (\d+) / ([1-9]\d*),", re.MULTILINE)
_SENTENCES = re.compile(r"^Scored (\d+) sentences", re.MULTILINE)
_ITERATION = re.compile(r"^ITERATION .*CROSSVAL AVG\.LOSS (\d+\.\d+), nnet (accepted|rejected)", re.MULTILINE)
_AFFINE = re.compile(r"^<AffineTransform> <InputDim> (\d+) <OutputDim> (\d+)", re.MULTILINE)


@dataclass(frozen=True)
class KaldiWer:
    """One wer_LMWT_WIP file."""

    lm_weight: int
    word_ins_penalty: float
    errors: int
    words: int
    num_sentences: int

    @property
    def point(self) -> str:
        """LMWT_WIP."""
        return f"{self.lm_weight}_{self.word_ins_penalty:.1f}"

    @property
    def wer(self) -> float:
        """Word error rate in %."""
        return 100 * self.errors / self.words


def read_searches(path: Path) -> dict[str, SearchOptions]:
    """Read how Kaldi's systems were decoded: lines ``<system> <acoustic-scale> <beam> <lattice-beam>``.

    Raises: HybridKdError if there is no such file, or for a line of another form.
    """
    try:
        lines = [line.split() for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise HybridKdError.at(path, f"cannot be read: {error}", fix="check the path") from error
    searches = {}
    for fields in lines:
        if not fields or fields[0].startswith("#"):
            continue
        try:
            name, acoustic_scale, beam, lattice_beam = fields
            searches[name] = SearchOptions(float(acoustic_scale), float(beam), float(lattice_beam))
        except ValueError as error:
            fix = "write <system> <acoustic-scale> <beam> <lattice-beam>"
            raise HybridKdError.at(path, f"not understood: {' '.join(fields)}", fix=fix) from error
    return searches


def find_kaldi_systems(exp: Path, searches: dict[str, SearchOptions], experiment: str) -> list[SystemResult]:
    """The systems of Kaldi's ``exp`` that are named in ``searches``, in that order.

    Raises: HybridKdError if one is missing, or a file of it is broken.
    """
    return [_read_system(exp / name, search, experiment) for name, search in searches.items()]


def _read_system(path: Path, search: SearchOptions, experiment: str) -> SystemResult:
    wers = {
        directory.name.removeprefix("decode_"): read_wers(directory) for directory in path.glob("decode_*")
    }
    if not wers:
        raise HybridKdError.at(path, "no decode_* directory", fix="give --kaldi Kaldi's exp directory")
    network, parameters = _describe(path)
    losses = _accepted_losses(path / "schedule.txt")
    return SystemResult(
        experiment=experiment,
        system=f"Kaldi {path.name}",
        aliases=[],
        kind="Kaldi",
        network=network,
        parameters=parameters,
        training={},
        train_data=None,
        dev_data=None,
        train_frames=None,
        epochs=len(losses) or None,
        train_seconds=None,
        dev_cross_entropy=min((loss for loss in losses if loss is not None), default=None),
        dev_frame_accuracy=None,
        commit=None,
        uncommitted_changes=None,
        decodes=_decodes(path, wers, search),
    )


def read_wers(decode_dir: Path) -> list[KaldiWer]:
    """All wer_LMWT_WIP files of a decode directory, in Kaldi's order: penalties outside, LM weights inside.

    Raises: HybridKdError if there is none, or if one is not what compute-wer prints.
    """
    wers = []
    for path in decode_dir.glob("wer_*"):
        if (name := _WER_NAME.fullmatch(path.name)) is None:
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        wer, sentences = _WER.search(text), _SENTENCES.search(text)
        if wer is None or sentences is None:
            raise HybridKdError.at(path, "not what compute-wer prints", fix=COPY_AGAIN)
        wers.append(KaldiWer(int(name[1]), float(name[2]), int(wer[1]), int(wer[2]), int(sentences[1])))
    if not wers:
        raise HybridKdError.at(decode_dir, "no wer_LMWT_WIP files", fix=COPY_AGAIN)
    return sorted(wers, key=lambda wer: (wer.word_ins_penalty, wer.lm_weight))


def best_wer(wers: list[KaldiWer]) -> KaldiWer:
    """The least WER to two decimals; of equals the first.

    Source: Kaldi utils/best_wer.sh.
    """
    return min(wers, key=lambda wer: round(wer.wer, 2))


def pool_wers(sets: Sequence[list[KaldiWer]]) -> list[KaldiWer]:
    """Errors and words of several sets added up, at the points that all of them have.

    Source: Kaldi egs/chime4/s5_1ch/local/chime4_calc_wers.sh.
    """
    by_point = [{wer.point: wer for wer in wers} for wers in sets]
    alike = [[wers[wer.point] for wers in by_point if wer.point in wers] for wer in sets[0]]
    return [
        KaldiWer(
            same[0].lm_weight,
            same[0].word_ins_penalty,
            sum(wer.errors for wer in same),
            sum(wer.words for wer in same),
            sum(wer.num_sentences for wer in same),
        )
        for same in alike
        if len(same) == len(sets)
    ]


def _decodes(path: Path, wers: dict[str, list[KaldiWer]], search: SearchOptions) -> list[DecodeResult]:
    """Each set at the point that is best on the development sets, or at its own where there is none."""
    devs = sorted(set_name for set_name in wers if set_name.startswith(DEV_PREFIX))
    decodes = []
    for set_name in sorted(wers):
        tuned_on = devs or [set_name]
        pooled = pool_wers([wers[name] for name in tuned_on])
        if not pooled:
            raise HybridKdError.at(path, f"no wer_LMWT_WIP is in all of {' '.join(devs)}", fix=COPY_AGAIN)
        point = best_wer(pooled).point
        chosen = next((wer for wer in wers[set_name] if wer.point == point), None)
        if chosen is None:
            raise HybridKdError.at(path / f"decode_{set_name}", f"no wer_{point}", fix=COPY_AGAIN)
        own = best_wer(wers[set_name])
        decodes.append(
            DecodeResult(
                directory=f"decode_{set_name}",
                set_name=set_name,
                is_whole_set=True,
                num_utterances=chosen.num_sentences,
                decoder="kaldi",
                decoder_program=PROGRAM,
                decoder_version=None,
                acoustic_scale=search.acoustic_scale,
                beam=search.beam,
                lattice_beam=search.lattice_beam,
                tuned_on=ITSELF if tuned_on == [set_name] else "+".join(tuned_on),
                lm_weight=chosen.lm_weight,
                word_ins_penalty=chosen.word_ins_penalty,
                wer=chosen.wer,
                errors=chosen.errors,
                words=chosen.words,
                environments={},
                own_best_point=own.point,
                own_best_wer=own.wer,
                num_partial=None,
                real_time_factor_search=None,
                real_time_factor_network=None,
                real_time_factor_wall=None,
            )
        )
    return decodes


def _accepted_losses(schedule: Path) -> list[float | None]:
    """nnet1's cross-validation loss by epoch, None where it was rejected; no epochs without a schedule."""
    if not schedule.is_file():
        return []
    found = _ITERATION.findall(schedule.read_text(encoding="utf-8", errors="replace"))
    if not found:
        raise HybridKdError.at(schedule, "no ITERATION line of nnet1's scheduler", fix=COPY_AGAIN)
    return [float(loss) if verdict == "accepted" else None for loss, verdict in found]


def _describe(path: Path) -> tuple[str, int | None]:
    """Shape in words, and number of parameters of a network."""
    if (path / "nnet.proto").is_file():
        text = (path / "nnet.proto").read_text(encoding="utf-8", errors="replace")
        dims = [(int(size_in), int(size_out)) for size_in, size_out in _AFFINE.findall(text)]
        if not dims:
            raise HybridKdError.at(path / "nnet.proto", "no affine layers", fix=COPY_AGAIN)
        hidden = " ".join(sorted({str(size_out) for _, size_out in dims[:-1]}))
        activation = "sigmoid" if "<Sigmoid>" in text else "unknown activation"
        words = f"{dims[0][0]} -> {len(dims) - 1} x {hidden} -> {dims[-1][1]}, {activation}"
        return words, sum(size_in * size_out + size_out for size_in, size_out in dims)
    return (describe_gmm(path) if (path / "final.mdl").is_file() else "-"), None


def describe_gmm(path: Path) -> str:
    """A GMM-HMM's size in words; of the TransitionModel alone where there are no GMMs behind it."""
    model = read_model_file(path / "final.mdl")
    gaussians = "" if model.gmm is None else f"{model.gmm.num_gaussians} Gaussians, "
    return f"GMM-HMM, {gaussians}{model.transition_model.num_pdfs} pdfs"
