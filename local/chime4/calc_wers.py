"""WERs of systems in the form of Kaldi's RESULTS of CHiME-4: ``python -m local.chime4.calc_wers SYSTEM ...``.

LM weight and insertion penalty are those with the least WER on dt05_real and dt05_simu together; all sets are
shown at them. What was decoded in another way (decode_tgpr_5k_dt05_real_<enhancement>, decode_dt05_real_13_8)
is a block of its own.

Source: Kaldi egs/chime4/s5_1ch/local/chime4_calc_wers.sh.
"""

import logging
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import tyro

from hybrid_kd.archives.data_dir import read_data_dir
from hybrid_kd.atomic import replace_file
from hybrid_kd.config import read_yaml
from hybrid_kd.decoding.summary import read_summary
from hybrid_kd.errors import HybridKdError
from hybrid_kd.run_record import CONFIG
from hybrid_kd.scoring.best_paths import ScoringPoint
from hybrid_kd.scoring.counting import count_set
from hybrid_kd.scoring.kaldi_scores import find_hypotheses, read_kaldi_scores
from hybrid_kd.scoring.options import ScoreOptions
from hybrid_kd.scoring.report import RULE, decoder_in_words, recipe_lines
from hybrid_kd.scoring.tuning import PointRange, parse_range
from hybrid_kd.scoring.word_errors import ErrorTable, best_point, error_table, pool
from local.chime4.command import run_command

logger = logging.getLogger(__name__)

_DECODED = re.compile(r"decode_(?P<before>.*?)(?P<set>(?:dt05|et05)_(?:real|simu))(?P<after>.*)(?<!\.si)")


@dataclass(frozen=True)
class Options:
    """WERs of CHiME-4 systems in the form of Kaldi's RESULTS; lattices that are not scored yet are scored."""

    systems: tyro.conf.Positional[tuple[Path, ...]]
    """directories with decode_*{dt05,et05}_{real,simu}*, or a directory of such directories"""
    out: Path | None = None
    """file that the results are also written to"""
    min_lm_weight: int = 4
    """least LM weight that is searched"""
    max_lm_weight: int = 15
    """largest LM weight that is searched"""
    penalties: str = "0"
    """word insertion penalties that are searched"""
    data: Path | None = None
    """parent of the data directories, for lattices of Kaldi's that it did not score"""
    graph: Path | None = None
    """graph or lang directory (words.txt), for decode directories of Kaldi's"""
    nj: int = 1
    """parallel processes"""
    config: Path | None = None
    """YAML file of options; flags win over it"""


@dataclass(frozen=True)
class DecodedSets:
    """Sets of one system that were decoded alike: decode_<before><set><after>."""

    system: Path
    before: str
    after: str
    directories: dict[str, Path]  # by set: dt05_real, ...

    def part(self, name: str) -> list[str]:
        """The sets of dt05 or et05 that there are, simulated first."""
        return [each for each in (f"{name}_simu", f"{name}_real") if each in self.directories]

    def title(self) -> str:
        """``exp/si_0.5/decode_*_13_8; kaldi-decoder 0.3.2, beams 13/8``."""
        decoders = {decoder_in_words(read_summary(path)) for path in self.directories.values()}
        return f"{self.system}/decode_{self.before}*{self.after}{''.join(sorted(decoders))}"


def find_decoded(paths: Iterable[Path]) -> list[DecodedSets]:
    """All decodings of the given systems, or of the systems in a directory; links are left out.

    Raises: HybridKdError if a path has none, or a decoding has no development set.
    """
    found = []
    for path in paths:
        inside = sorted(each for each in path.glob("*") if not each.is_symlink())
        decoded = _decoded_in(path) or [sets for system in inside for sets in _decoded_in(system)]
        if not decoded:
            problem = "no decode_*dt05_real* or decode_*dt05_simu* directory"
            raise HybridKdError.at(path, problem, fix="give systems that were decoded")
        found += decoded
    for sets in found:
        if not sets.part("dt05"):
            problem = "no development set was decoded so"
            raise HybridKdError.at(sets.title(), problem, fix="decode dt05_real and dt05_simu too")
    return found


def _decoded_in(system: Path) -> list[DecodedSets]:
    groups: dict[tuple[str, str], dict[str, Path]] = {}
    for path in sorted(system.glob("decode_*")):
        if path.is_dir() and (match := _DECODED.fullmatch(path.name)):
            groups.setdefault((match["before"], match["after"]), {})[match["set"]] = path
    return [DecodedSets(system, *names, directories) for names, directories in groups.items()]


def read_table(name: str, sets: DecodedSets, options: Options, points: Sequence[ScoringPoint]) -> ErrorTable:
    """Errors of one set, by hypotheses that Kaldi left, else by its lattices.

    Raises: HybridKdError if they cannot be scored, or it is not known with which data and words.
    """
    path = sets.directories[name]
    if (path / CONFIG).is_file():
        config = read_yaml(path / CONFIG)
        data, graph = Path(config["data"]), Path(config["graph"])
    elif find_hypotheses(path):
        words = None if options.graph is None else options.graph / "words.txt"
        return error_table(read_kaldi_scores(path, words))
    elif options.data is None or options.graph is None:
        problem = "neither scored by Kaldi nor decoded by hybrid-kd"
        raise HybridKdError.at(path, problem, fix="give --data and --graph to score its lattices")
    else:
        data, graph = options.data / f"{name}{sets.after}", options.graph
    score = ScoreOptions(path, data, graph, nj=options.nj)
    counted = count_set(score, read_data_dir(data, needs_feats=False), points=points)
    counted.keep(path)
    return error_table(counted.scores)


def best_of_dt05(table: ErrorTable, points: Sequence[ScoringPoint], place: str) -> ScoringPoint:
    """The point with the least WER; of equals the one whose name sorts first (wer_10 before wer_9).

    Raises: HybridKdError if the sets were scored at none of ``points``.
    """
    scored = sorted(set(points) & set(table.points), key=lambda point: point.name)
    if not scored:
        problem = f"its development sets are scored at none of {', '.join(each.name for each in points)}"
        raise HybridKdError.at(place, problem, fix="give other --min-lm-weight, --max-lm-weight, --penalties")
    point = best_point(table, scored)
    weights = [each.lm_weight for each in scored]
    penalties = tuple({each.word_ins_penalty for each in scored})
    PointRange(min(weights), max(weights), penalties).warn_at_edge(point, place)
    return point


def results_of(sets: DecodedSets, options: Options, points: Sequence[ScoringPoint]) -> list[str]:
    """The block of one decoding.

    Raises: HybridKdError as read_table, or if et05 is not scored at the point that is best on dt05.
    """
    title = sets.title()
    tables = {name: read_table(name, sets, options, points) for name in sets.directories}
    dev = pool([tables[name] for name in sets.part("dt05")])
    if len(sets.part("dt05")) < 2:
        logger.warning("%s: of the development sets only %s was decoded so", title, *sets.part("dt05"))
    point = best_of_dt05(dev, points, title)
    lines = [title, RULE]
    for part in filter(sets.part, ("dt05", "et05")):
        names = sets.part(part)
        for name in names:
            if point not in tables[name].points:
                problem = f"not scored at {point.name}, the best of dt05"
                raise HybridKdError.at(sets.directories[name], problem, fix="score it as dt05 was")
        set_name = f"{part}_multi" if len(names) > 1 else names[0]
        table = pool([tables[name] for name in names])
        lines += recipe_lines(set_name, table, point, is_best=part == "dt05")
    return lines


def calc_wers(options: Options) -> str:
    """All blocks, as RESULTS holds them.

    Raises: HybridKdError as find_decoded and results_of.
    """
    searched = parse_range(options.min_lm_weight, options.max_lm_weight, options.penalties)
    weights = f"LM weights {searched.min_lm_weight} to {searched.max_lm_weight}"
    head = (
        f"# {weights}, insertion penalties {options.penalties}: the best of dt05_simu and dt05_real together"
    )
    decoded = find_decoded(options.systems)
    blocks = [results_of(sets, options, searched.points()) for sets in decoded]
    return "\n\n".join([head, *("\n".join(lines) for lines in blocks)]) + "\n"


def run(options: Options) -> None:
    """Print the results, and write them.

    Raises: HybridKdError as calc_wers.
    """
    text = calc_wers(options)
    print(text, end="")
    if options.out is not None:
        with replace_file(options.out, "w") as file:
            file.write(text)


if __name__ == "__main__":
    run_command(Options, run, "local.chime4.calc_wers")
