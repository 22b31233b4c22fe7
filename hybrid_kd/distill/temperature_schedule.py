"""Temperature annealing: stages of a training, each at one temperature of the teacher's labels."""

from dataclasses import dataclass

from hybrid_kd.distill.labels import MIN_TEMPERATURE
from hybrid_kd.errors import HybridKdError

EXAMPLE = "write for example 3:2,2:2,1 (T=3 for 2 epochs, T=2 for 2 epochs, then T=1 until newbob stops)"


@dataclass(frozen=True)
class TemperatureStage:
    """num_epochs: None in the last stage, which newbob ends."""

    temperature: float
    num_epochs: int | None


def parse_temperature_schedule(text: str) -> tuple[TemperatureStage, ...]:
    """``3:2,2:2,1``: timed stages T:epochs, then one untimed T.

    Raises: HybridKdError if it is anything else.
    """
    stages = tuple(_parse_stage(part, text) for part in text.split(","))
    if any(stage.num_epochs is None for stage in stages[:-1]):
        raise _error(text, "only the last stage may be without a number of epochs")
    if stages[-1].num_epochs is not None:
        raise _error(text, "the last stage is ended by newbob and has no number of epochs")
    return stages


def parse_temperatures(text: str) -> tuple[float, ...]:
    """``1,2,3``: the temperatures that labels are written for; ``3:2,2:2,1`` means those of this schedule.

    Raises: HybridKdError if it is anything else.
    """
    return tuple(dict.fromkeys(_parse_stage(part, text).temperature for part in text.split(",")))


def _parse_stage(part: str, text: str) -> TemperatureStage:
    temperature_text, separator, epochs_text = part.strip().partition(":")
    try:
        temperature = float(temperature_text)
        num_epochs = int(epochs_text) if separator else None
    except ValueError as error:
        raise _error(text, f"'{part}' is not T or T:epochs") from error
    if not MIN_TEMPERATURE <= temperature < float("inf"):
        raise _error(text, f"temperature {temperature:g} is not in [{MIN_TEMPERATURE}, inf)")
    if num_epochs is not None and num_epochs < 1:
        raise _error(text, f"'{part}' has less than one epoch")
    return TemperatureStage(temperature, num_epochs)


def _error(text: str, problem: str) -> HybridKdError:
    return HybridKdError.at(f"--temperatures {text}", problem, fix=EXAMPLE)
