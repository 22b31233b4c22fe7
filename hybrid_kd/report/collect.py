"""Finds the finished systems of an experiment's directory, and what was decoded and scored with them."""

import logging
import math
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from hybrid_kd.config import listed, option_defaults, plain, read_yaml
from hybrid_kd.decoding.decode_record import MODEL_FILES
from hybrid_kd.decoding.summary import SUMMARY
from hybrid_kd.distill.label_header import HEADER, read_label_header
from hybrid_kd.errors import HybridKdError
from hybrid_kd.json_files import parse_json, read_json
from hybrid_kd.network.model_dir import FINAL
from hybrid_kd.provenance import sha256_of_file, sha256_of_files
from hybrid_kd.report.learning_curve import learning_curve
from hybrid_kd.report.record_file import read_json_lines
from hybrid_kd.report.records import ITSELF, DecodeResult, SystemResult
from hybrid_kd.run_record import CONFIG, PROVENANCE
from hybrid_kd.scoring.scored_dir import SCORE, read_chosen_point, read_error_table
from hybrid_kd.scoring.tuning import POINTS, range_from_json
from hybrid_kd.scoring.word_errors import best_point, pool
from hybrid_kd.training.options import HARDWARE, NETWORK_SHAPE, TrainOptions

logger = logging.getLogger(__name__)

DISTILLATION = ("hard_weight", "temperatures", "prune_below")
PATHS = frozenset({"train_data", "train_ali", "dev_data", "dev_ali", "utt_map", "out", "config"})
TOLD_ALWAYS = frozenset({"init", "teacher", "teacher_labels", "mixing", "sd_draw", "seed", *DISTILLATION})
OTHERWISE_TOLD = PATHS | HARDWARE | NETWORK_SHAPE | TOLD_ALWAYS
IMPORTED = "nnet"  # of the config.yaml that `hybrid-kd import-nnet1` writes
SCORE_AGAIN = "run `hybrid-kd score` on it again"


def find_systems(exp: Path) -> list[SystemResult]:
    """All finished systems of ``exp``, by name, with their scored decode directories.

    Raises: HybridKdError if there is no such directory, or if a file of a system is broken or out of date.
    """
    if not exp.is_dir():
        raise HybridKdError.at(exp, "no such directory", fix="give the directory of an experiment's systems")
    aliases = _find_aliases(exp)
    names = sorted(set(exp.iterdir()) - {exp / name for links in aliases.values() for name in links})
    return [read_system(path, aliases.get(path.resolve(), [])) for path in names if _is_finished(path)]


def find_system(path: Path) -> SystemResult:
    """The finished system in ``path``; of a link, the one beside it that it leads to.

    Raises: HybridKdError as find_systems, or if there is none.
    """
    if not path.is_dir() or not _is_finished(path):
        raise HybridKdError.at(path, "no finished system", fix="give the name of one that is trained")
    links = _find_aliases(path.parent).get(path.resolve(), [])
    return read_system(path.parent / path.resolve().name if path.name in links else path, links)


def _find_aliases(exp: Path) -> dict[Path, list[str]]:
    """The names of links in ``exp``, by the directory beside them that they lead to."""
    aliases: dict[Path, list[str]] = {}
    for path in sorted(exp.iterdir()):
        if path.is_symlink() and path.resolve().parent == exp.resolve():
            aliases.setdefault(path.resolve(), []).append(path.name)
    return aliases


def _is_finished(path: Path) -> bool:
    if not (path / CONFIG).is_file():
        return False
    config = read_yaml(path / CONFIG)
    if not config.keys() & {"ensemble_of", "train_data", IMPORTED}:
        return False
    if IMPORTED in config and not any(path.glob(f"*/{SCORE}")):
        logger.info("%s: imported, but not scored, left out", path)
        return False
    if not (path / FINAL).is_file():
        logger.info("%s: not finished, left out", path)
        return False
    return True


def read_system(path: Path, aliases: list[str]) -> SystemResult:
    """What one finished system says of itself.

    Raises: HybridKdError as find_systems.
    """
    config, provenance = read_yaml(path / CONFIG), read_json(path / PROVENANCE)
    is_ensemble, is_trained = "ensemble_of" in config, "train_data" in config
    network, parameters = describe_networks(path / FINAL)
    try:
        training = _origin(path, config)
        progress = _progress(path) if is_trained else {}
    except (KeyError, TypeError) as error:
        raise HybridKdError.at(
            path, f"its {CONFIG} or train.jsonl lacks {error}", fix="train again"
        ) from error
    return SystemResult(
        experiment=path.parent.resolve().name,
        system=path.name,
        aliases=aliases,
        kind="ensemble" if is_ensemble else "network",
        network=network,
        parameters=parameters,
        training=training,
        train_data=Path(config["train_data"]).name if is_trained else None,
        dev_data=Path(config["dev_data"]).name if is_trained else None,
        train_frames=progress.get("train_frames"),
        epochs=progress.get("epochs"),
        train_seconds=progress.get("train_seconds"),
        dev_cross_entropy=progress.get("dev_cross_entropy"),
        dev_frame_accuracy=progress.get("dev_frame_accuracy"),
        commit=provenance.get("commit"),
        uncommitted_changes=provenance.get("uncommitted_changes"),
        decodes=_decodes(path),
        config=_config(path, config) if is_trained else config,
        inputs=provenance.get("inputs", {}),
        model_sha256=sha256_of_file(path / FINAL),
        learning_curve=progress.get("learning_curve"),
    )


def _config(path: Path, config: dict[str, Any]) -> dict[str, Any]:
    """All options but where the output lies and what it ran on; systems are named as in ``training``."""
    kept = {name: value for name, value in config.items() if name not in {"out", "config", *HARDWARE}}
    named = {name: listed(kept.get(name)) for name in ("init", "teacher")}
    return kept | {
        name: plain(tuple(name_beside(path, other) for other in others)) for name, others in named.items()
    }


def describe_networks(path: Path) -> tuple[str, int]:
    """Shape in words and number of weights and biases, from the file's header alone.

    Raises: HybridKdError if it is not a network of ours.
    """
    try:
        with safe_open(path, framework="numpy") as file:
            sizes = {name: file.get_slice(name).get_shape() for name in file.keys()}  # noqa: SIM118
            words = [_shape_in_words(shape) for shape in parse_json((file.metadata() or {})["shapes"])]
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        problem = f"not a network of hybrid_kd: {error}"
        raise HybridKdError.at(path, problem, fix="train it again, or copy it again") from error
    parameters = sum(math.prod(size) for name, size in sizes.items() if name.endswith((".weight", ".bias")))
    if len(words) > 1 and len(set(words)) == 1:
        return f"{len(words)} of {words[0]}", parameters
    return " + ".join(words), parameters


def _shape_in_words(shape: dict[str, Any]) -> str:
    layers = f"{shape['hidden_layers']} x {shape['hidden_dim']}"
    extras = [str(shape["activation"])]
    extras += ["batch normalisation"] if shape["batch_norm"] else []
    extras += [f"dropout {shape['dropout']:g}"] if shape["dropout"] else []
    return f"{shape['input_dim']} -> {layers} -> {shape['num_pdfs']}, {', '.join(extras)}"


def _origin(path: Path, config: dict[str, Any]) -> dict[str, Any]:
    """The members of an ensemble, the file that a network was imported from, or how it was trained."""
    if "ensemble_of" in config:
        return {"ensemble_of": [name_beside(path, str(member)) for member in config["ensemble_of"]]}
    if IMPORTED in config:
        return {"imported_from": config[IMPORTED]}
    return _training(path, config)


def _training(path: Path, config: dict[str, Any]) -> dict[str, Any]:
    """Labels, teacher, start and seed, and every option that differs from its default."""
    training: dict[str, Any] = {"labels": "reference"}
    teachers = listed(config.get("teacher"))
    for store in listed(config.get("teacher_labels")):
        is_there = (Path(store) / HEADER).is_file()
        teachers.append(read_label_header(Path(store)).teacher if is_there else store)
    if teachers:
        training = {"labels": config["mixing"], **{name: config[name] for name in DISTILLATION}}
        training |= {"sd_draw": config["sd_draw"]} if config["mixing"] == "sd" else {}
        training["teacher"] = " + ".join(name_beside(path, teacher) for teacher in teachers)
    if config.get("init"):
        training["init"] = name_beside(path, config["init"])
    training["seed"] = config["seed"]
    defaults = option_defaults(TrainOptions)
    told = {name: value for name, value in config.items() if name not in OTHERWISE_TOLD}
    return training | {name: value for name, value in told.items() if value != defaults.get(name)}


def name_beside(path: Path, other: str) -> str:
    """The name alone of a system of the same experiment, otherwise its path."""
    return Path(other).name if Path(other).parent.resolve() == path.parent.resolve() else other


def _progress(path: Path) -> dict[str, Any]:
    """Epochs, seconds, frames, the course; dev metrics of the network that was kept."""
    records = read_json_lines(path / "train.jsonl")
    epochs = [record for record in records if record["epoch"] > 0]
    kept = [record for record in records if record.get("accepted", True)]
    if not kept:
        raise HybridKdError.at(path / "train.jsonl", "no accepted epoch", fix="restore it, or train again")
    last = records[-1].get("average", kept[-1])
    return {
        "epochs": len(epochs),
        "train_seconds": round(math.fsum(record["seconds"] for record in epochs), 2),
        "train_frames": epochs[-1]["train_num_frames"] if epochs else None,
        "dev_cross_entropy": last["dev_cross_entropy"],
        "dev_frame_accuracy": last["dev_frame_accuracy"],
        "learning_curve": learning_curve(records),
    }


def _decodes(path: Path) -> list[DecodeResult]:
    """Scored decode directories in a system's directory, or in a directory there (beams_*)."""
    scored = sorted(file.parent for pattern in ("*", "*/*") for file in path.glob(f"{pattern}/{SCORE}"))
    if not scored:
        return []
    model_sha256 = sha256_of_files([path / name for name in MODEL_FILES])
    return [read_decode(directory, path, model_sha256) for directory in scored]


def read_decode(directory: Path, system: Path, model_sha256: str) -> DecodeResult:
    """What one scored decode directory says of itself.

    Raises: HybridKdError if it is broken, was decoded with another network or again since it was scored, or
    if the set whose point it stands at has another best point by now.
    """
    score, decoding = read_json(directory / SCORE), read_json(directory / SUMMARY)
    config = read_yaml(directory / CONFIG)
    try:
        if read_json(directory / PROVENANCE)["inputs"]["model"] != model_sha256:
            raise HybridKdError.at(directory, f"not decoded with the network of {system}", fix="decode again")
        if score["decoding"] != decoding:
            raise HybridKdError.at(directory, "decoded again since it was scored", fix=SCORE_AGAIN)
        is_whole_set = config.get("max_utts") is None and config.get("utt_list") is None
        return DecodeResult(
            directory=str(directory.relative_to(system)),
            set_name=Path(score["data"]).name,
            is_whole_set=is_whole_set,
            num_utterances=score["total"]["num_sentences"],
            **{name: decoding[name] for name in ("decoder", "decoder_program", "decoder_version")},
            **{name: decoding[name] for name in ("acoustic_scale", "beam", "lattice_beam", "num_partial")},
            tuned_on=_tuned_on(directory, score),
            lm_weight=score["lm_weight"],
            word_ins_penalty=score["word_ins_penalty"],
            wer=score["total"]["wer"],
            errors=score["total"]["errors"],
            words=score["total"]["num_words"],
            environments={name: errors["wer"] for name, errors in score["environments"].items()},
            own_best_point=score["own_best"]["point"],
            own_best_wer=score["own_best"]["wer"],
            real_time_factor_search=decoding.get("real_time_factor_search"),
            real_time_factor_network=decoding.get("real_time_factor_network"),
            real_time_factor_wall=decoding.get("real_time_factor_wall"),
            errors_by_utterance=_errors_by_utterance(directory) if is_whole_set else None,
            errors_elsewhere=_errors_elsewhere(directory, score) if is_whole_set else None,
            logit_scale=decoding.get("logit_scale", 1.0),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise HybridKdError.at(directory / SCORE, f"it lacks {error}", fix=SCORE_AGAIN) from error


def _errors_by_utterance(directory: Path) -> list[int]:
    """Word errors at the chosen point, by sorted utt_id."""
    point = read_chosen_point(directory)
    return read_error_table(directory, [point]).by_utterance(point)


def _errors_elsewhere(directory: Path, score: dict[str, Any]) -> dict[str, list[int]] | None:
    """The same at the points that were counted and not searched; None without any."""
    table = read_error_table(directory, [])
    searched = {*range_from_json(score.get("searched")).points(), *POINTS}
    return {p.name: table.by_utterance(p) for p in table.points if p not in searched} or None


def _tuned_on(directory: Path, score: dict[str, Any]) -> str:
    """The sets whose best point was taken: decode directories, which are looked for beside this one first."""
    if score["tuned_on_itself"]:
        return ITSELF
    names = [score["tuned_on"]] if isinstance(score["tuned_on"], str) else score["tuned_on"]
    beside = [directory.parent / Path(name).name for name in names]
    devs = [
        near if (near / SCORE).is_file() else Path(name) for near, name in zip(beside, names, strict=True)
    ]
    searched = range_from_json(score.get("searched")).points()
    best = best_point(pool([read_error_table(dev, searched) for dev in devs]), searched).name
    point = f"{score['lm_weight']}_{score['word_ins_penalty']:.1f}"
    if point != best:
        problem = f"scored at {point}, the best of {' + '.join(names)} is {best}"
        raise HybridKdError.at(directory, problem, fix=SCORE_AGAIN)
    return "+".join(sorted(Path(read_json(dev / SCORE)["data"]).name for dev in devs))
