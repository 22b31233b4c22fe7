"""The tables of RESULTS.md; each row says which decoder and beams its WERs come from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hybrid_kd.report.records import ITSELF, DecodeResult, SystemResult

NOTHING = "-"


@dataclass(frozen=True)
class Condition:
    """How a set was decoded."""

    decoder: str
    beam: float | None
    lattice_beam: float | None
    acoustic_scale: float | None
    logit_scale: float = 1.0

    def cells(self) -> list[str]:
        """Decoder, beams, acoustic scale (and what logits were multiplied by)."""
        sharpened = "" if self.logit_scale == 1 else f", logits x {self.logit_scale:g}"
        return [
            self.decoder,
            NOTHING if self.beam is None else f"{self.beam:g}/{self.lattice_beam:g}",
            number(self.acoustic_scale, "g") + sharpened,
        ]

    def order(self) -> tuple[str, float, float, float, float]:
        """To sort by."""
        beams = self.beam or 0.0, self.lattice_beam or 0.0
        return self.decoder, *beams, self.acoustic_scale or 0.0, self.logit_scale


CONDITION_HEAD = ["decoder", "beams", "acoustic scale"]


def condition_of(decode: DecodeResult) -> Condition:
    """Decoder (with its version, where that is known), beams, acoustic scale."""
    decoder = " ".join(filter(None, (decode.decoder, decode.decoder_version)))
    return Condition(decoder, decode.beam, decode.lattice_beam, decode.acoustic_scale, decode.logit_scale)


def number(value: int | float | None, form: str) -> str:
    """``value`` in a format of Python's, or a dash."""
    return NOTHING if value is None else format(value, form)


class Markdown(str):
    """Text that is Markdown already; all other text is escaped."""


def escape(text: str) -> str:
    """Plain text, such as a system's name, as Markdown that shows it: no HTML, code, link or new column."""
    if isinstance(text, Markdown):
        return text
    for character, escaped in (("&", "&amp;"), ("<", "&lt;"), ("|", "\\|"), ("`", "\\`"), ("](", "]\\(")):
        text = text.replace(character, escaped)
    return " ".join(text.split("\n"))


def markdown_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of a table, with an empty one behind it."""
    lines = [head, ["---"] * len(head), *rows]
    return [*("| " + " | ".join(map(escape, line)) + " |" for line in lines), ""]


def name_of(system: SystemResult) -> str:
    """The name, and other names of the same system."""
    return system.system + (f" ({', '.join(system.aliases)})" if system.aliases else "")


def training_in_words(system: SystemResult) -> str:
    """What a system was trained with: labels, where it started, seed, options that are not the defaults."""
    training = dict(system.training)
    if system.kind == "Kaldi":
        return "by Kaldi"
    if "ensemble_of" in training:
        return "mean of " + ", ".join(training["ensemble_of"])
    if "imported_from" in training:
        return f"by Kaldi, imported from {training['imported_from']}"
    labels, teacher = training.pop("labels", None), training.pop("teacher", None)
    words = [] if labels is None else ["reference labels"]
    if teacher is not None:
        hard_weight, temperatures = training.pop("hard_weight"), training.pop("temperatures")
        words = [f"{labels.upper()}, hard weight {hard_weight:g}, T {temperatures}, teacher {teacher}"]
        prune_below = training.pop("prune_below")
        words += [] if prune_below == 0.01 else [f"pruned below {prune_below:g}"]
        words += ["one draw for all epochs"] if training.pop("sd_draw", "epoch") == "once" else []
    words += [f"from {training.pop('init')}"] if "init" in training else []
    return ", ".join(words + options_in_words(training))


def options_in_words(options: Mapping[str, Any]) -> list[str]:
    """``min iters 10``."""
    return [f"{name.replace('_', ' ')} {value}" for name, value in options.items()]


def families(systems: Sequence[SystemResult], *, at_least: int = 2) -> list[list[SystemResult]]:
    """Groups of networks that differ in nothing but the seed."""
    groups: dict[tuple[str, str], list[SystemResult]] = {}
    for system in systems:
        if system.kind == "network":
            options = {name: value for name, value in system.training.items() if name != "seed"}
            groups.setdefault((system.network, repr(sorted(options.items()))), []).append(system)
    return [group for group in groups.values() if len(group) >= at_least]


def system_table(systems: Sequence[SystemResult]) -> list[str]:
    """What the systems are."""
    head = [
        "system",
        "trained with",
        "network",
        "parameters",
        "epochs",
        "dev cross-entropy",
        "dev frames right %",
    ]
    rows = [
        [
            name_of(system),
            training_in_words(system),
            system.network,
            number(system.parameters, ",d"),
            number(system.epochs, "d"),
            number(system.dev_cross_entropy, ".4f"),
            number(None if system.dev_frame_accuracy is None else 100 * system.dev_frame_accuracy, ".2f"),
            number(None if system.train_seconds is None else system.train_seconds / 60, ".1f"),
        ]
        for system in systems
    ]
    return markdown_table([*head, "training min"], rows)


def whole_sets(systems: Sequence[SystemResult]) -> list[tuple[str, str]]:
    """Every (set, set that its scoring point was chosen on), those tuned on themselves first."""
    found = {(d.set_name, d.tuned_on) for system in systems for d in system.decodes if d.is_whole_set}
    return sorted(found, key=lambda pair: (pair[1] != ITSELF, pair))


def set_in_words(pair: tuple[str, str]) -> str:
    """``dt05_simu, own best`` or ``et05_simu, as on dt05_simu``."""
    set_name, tuned_on = pair
    return f"{set_name}, own best" if tuned_on == ITSELF else f"{set_name}, as on {tuned_on}"


def conditions(systems: Sequence[SystemResult]) -> list[Condition]:
    """How whole sets were decoded, in the order of decoder and beams."""
    found = {condition_of(d) for system in systems for d in system.decodes if d.is_whole_set}
    return sorted(found, key=Condition.order)


def decode_at(system: SystemResult, condition: Condition, pair: tuple[str, str]) -> DecodeResult | None:
    """A system's decoding of a whole set in this way."""
    for decode in system.decodes:
        if (
            decode.is_whole_set
            and (decode.set_name, decode.tuned_on) == pair
            and condition_of(decode) == condition
        ):
            return decode
    return None


def wer_table(systems: Sequence[SystemResult]) -> list[str]:
    """WERs of whole sets, and their differences to the baseline."""
    pairs = whole_sets(systems)
    head = ["system", *CONDITION_HEAD, "LM weight, penalty"]
    for pair in pairs:
        head += [f"WER {set_in_words(pair)}", "to the baseline"]
    rows = []
    for condition in conditions(systems):
        for system in systems:
            decodes = [decode_at(system, condition, pair) for pair in pairs]
            if any(decodes):
                points = {f"{d.lm_weight}, {d.word_ins_penalty:.1f}": None for d in decodes if d is not None}
                rows.append([name_of(system), *condition.cells(), "; ".join(points), *_wer_cells(decodes)])
        rows += _mean_rows(systems, condition, pairs)
    return markdown_table(head, rows) if rows else []


def _wer_cells(decodes: Sequence[DecodeResult | None]) -> list[str]:
    cells = []
    for decode in decodes:
        cells.append(NOTHING if decode is None else f"{decode.wer:.2f}")
        against = None if decode is None else decode.against_baseline
        cells.append(
            NOTHING
            if against is None
            else f"{against.difference:+.2f} ({against.relative:+.1f} %), p = {against.p_value:.4f}"
        )
    return cells


def _mean_rows(
    systems: Sequence[SystemResult], condition: Condition, pairs: Sequence[tuple[str, str]]
) -> list[list[str]]:
    rows = []
    for family in families(systems):
        means = [
            mean([None if d is None else d.wer for d in (decode_at(s, condition, pair) for s in family)])
            for pair in pairs
        ]
        if any(value is not None for value in means):
            cells = [cell for value in means for cell in (number(value, ".2f"), NOTHING)]
            rows.append([mean_name(family), *condition.cells(), NOTHING, *cells])
    return rows


def mean_name(family: Sequence[SystemResult]) -> str:
    """``mean of a, b, c``."""
    return "mean of " + ", ".join(system.system for system in family)


def mean(values: Sequence[float | None]) -> float | None:
    """The mean, if every value is known."""
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known and len(known) == len(values) else None


def environment_table(systems: Sequence[SystemResult], pair: tuple[str, str]) -> list[str]:
    """WERs of one set by environment."""
    chosen = [
        (system, condition, decode)
        for condition in conditions(systems)
        for system in systems
        if (decode := decode_at(system, condition, pair)) is not None and decode.environments
    ]
    names = list(dict.fromkeys(name for _, _, decode in chosen for name in decode.environments))
    rows = [
        [
            name_of(system),
            *condition.cells(),
            *(number(decode.environments.get(name), ".2f") for name in names),
            f"{decode.wer:.2f}",
        ]
        for system, condition, decode in chosen
    ]
    return markdown_table(["system", *CONDITION_HEAD, *names, "all"], rows) if rows else []


def beam_table(systems: Sequence[SystemResult]) -> list[str]:
    """Parts of sets that were decoded with several beams: WER and real-time factor."""
    head = ["system", "set", "utterances", *CONDITION_HEAD, "WER, own best", "to the widest beams"]
    head += ["real-time factor, search", "network", "partial"]
    rows = []
    for system in systems:
        parts = [decode for decode in system.decodes if not decode.is_whole_set]
        for decode in sorted(parts, key=_part_order):
            widest = max((other for other in parts if _part_of(other) == _part_of(decode)), key=_beams)
            rows.append(
                [
                    *(name_of(system), decode.set_name, str(decode.num_utterances)),
                    *condition_of(decode).cells(),
                    f"{decode.own_best_wer:.2f}",
                    NOTHING if widest is decode else f"{decode.own_best_wer - widest.own_best_wer:+.2f}",
                    number(decode.real_time_factor_search, ".3f"),
                    number(decode.real_time_factor_network, ".3f"),
                    number(decode.num_partial, "d"),
                ]
            )
    return markdown_table(head, rows) if rows else []


def _part_of(decode: DecodeResult) -> tuple[Any, ...]:
    condition = condition_of(decode)
    scales = str(condition.acoustic_scale), condition.logit_scale
    return decode.set_name, decode.num_utterances, condition.decoder, *scales


def _beams(decode: DecodeResult) -> tuple[float, float]:
    return decode.beam or 0.0, decode.lattice_beam or 0.0


def _part_order(decode: DecodeResult) -> tuple[Any, ...]:
    beam, lattice_beam = _beams(decode)
    return *_part_of(decode), -beam, -lattice_beam
