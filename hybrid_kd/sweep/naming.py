"""What a system is called: a function of its options, of what its study has in common, and of its seed.

hard_s0    si_0.1_s2    sd_0.3_s1    si_0.1_T2_s0    si_0.1_T2_unpruned_s0    si_0.5_T3-2-1_e4_s0
retrained_si_0.5_s0 (from hard_s0)    si_0.5_min_iters10_s0 (where the study's other systems have not 10)
"""

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from hybrid_kd.distill.temperature_schedule import parse_temperature_schedule
from hybrid_kd.sweep.option_values import GIVEN
from hybrid_kd.training.options import TrainOptions

DEFAULTS: dict[str, Any] = {
    option.name: option.default for option in fields(TrainOptions) if option.name in GIVEN
}
HARD = "hard"
LABELS = ("mixing", "hard_weight", "sd_draw", "temperatures", "prune_below")
NAMED_OTHERWISE = frozenset({*LABELS, "init", "seed"})


def is_hard(values: Mapping[str, Any]) -> bool:
    """Whether the reference labels are all that counts."""
    return values["hard_weight"] == 1 and not values["soft_weight"] and not values["uncertainty_weight"]


def canonical(values: Mapping[str, Any]) -> dict[str, Any]:
    """All options, those without effect at their defaults: equal students have equal options.

    Hard weight 1 needs no teacher; SD at 0 is SI at 0, bit for bit.
    """
    full = {**DEFAULTS, **values}
    if is_hard(full):
        return full | {name: DEFAULTS[name] for name in (*LABELS, "soft_weight")} | {"hard_weight": 1.0}
    if full["hard_weight"] == 0:
        full["mixing"] = "si"
    if full["mixing"] == "si":
        full["sd_draw"] = DEFAULTS["sd_draw"]
    return full


def family_name(values: Mapping[str, Any], common: Mapping[str, Any]) -> str:
    """The name without the seed, of canonical ``values``; ``common`` are the options that need no mention."""
    parts = [HARD] if is_hard(values) else [f"{values['mixing']}_{values['hard_weight']:g}"]
    parts += schedule_words(values["temperatures"]) + _pruning_words(values["prune_below"])
    if values["sd_draw"] != DEFAULTS["sd_draw"]:
        parts.append(f"draw_{values['sd_draw']}")
    for name, value in values.items():
        if name not in NAMED_OTHERWISE and value != common.get(name, DEFAULTS[name]):
            parts.append(_words(name, value))
    init = values["init"]
    if init is None:
        return "_".join(parts)
    if str(init) == HARD:
        return "_".join(["retrained", *parts])
    return "_".join([*parts, "from", Path(init).name])


def seeded(family: str, seed: int) -> str:
    """A system's name."""
    return f"{family}_s{seed}"


def schedule_words(temperatures: str) -> list[str]:
    """``T2``; ``T3-2-1`` and ``e4`` where all timed stages have 4 epochs; nothing at T = 1."""
    stages = parse_temperature_schedule(temperatures)
    if len(stages) == 1:
        return [] if stages[0].temperature == 1 else [f"T{stages[0].temperature:g}"]
    lengths = {stage.num_epochs for stage in stages[:-1]}
    if len(lengths) == 1:
        return ["T" + "-".join(f"{stage.temperature:g}" for stage in stages), f"e{lengths.pop()}"]
    timed = [f"{stage.temperature:g}x{stage.num_epochs}" for stage in stages[:-1]]
    return ["T" + "-".join([*timed, f"{stages[-1].temperature:g}"])]


def _pruning_words(prune_below: float) -> list[str]:
    if prune_below == DEFAULTS["prune_below"]:
        return []
    return ["unpruned"] if prune_below == 0 else [f"pruned{prune_below:g}"]


def _words(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return name if value else f"no_{name}"
    return f"{name}{value:g}" if isinstance(value, int | float) else f"{name}_{value}"
