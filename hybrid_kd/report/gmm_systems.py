"""Our own GMM-HMM systems that were decoded and scored, as results beside the networks."""

from pathlib import Path

from hybrid_kd.config import read_yaml
from hybrid_kd.gmm.stage_dir import MODEL_FILES
from hybrid_kd.json_files import read_json
from hybrid_kd.provenance import sha256_of_file, sha256_of_files
from hybrid_kd.report.collect import read_decode
from hybrid_kd.report.kaldi_results import describe_gmm
from hybrid_kd.report.records import SystemResult
from hybrid_kd.run_record import CONFIG, PROVENANCE
from hybrid_kd.scoring.scored_dir import SCORE

KIND = "GMM-HMM"
TOLD = ("num_leaves", "num_gauss")


def find_gmm_systems(exp: Path) -> list[SystemResult]:
    """The GMM-HMM systems of ``exp`` with a scored decode directory, by name.

    Raises: HybridKdError if a file of one is broken or out of date.
    """
    return [_read_system(path) for path in sorted(exp.glob("*")) if _is_scored_gmm(path)]


def _is_scored_gmm(path: Path) -> bool:
    if path.is_symlink() or not ((path / CONFIG).is_file() and (path / "final.mdl").is_file()):
        return False
    return "num_gauss" in read_yaml(path / CONFIG) and any(path.glob(f"*/{SCORE}"))


def _read_system(path: Path) -> SystemResult:
    config, provenance = read_yaml(path / CONFIG), read_json(path / PROVENANCE)
    training = {"init": Path(config["ali"]).name} if config.get("ali") else {}
    model_sha256 = sha256_of_files([path / name for name in MODEL_FILES if (path / name).is_file()])
    return SystemResult(
        experiment=path.parent.resolve().name,
        system=path.name,
        aliases=[],
        kind=KIND,
        network=describe_gmm(path),
        parameters=None,
        training=training | {name: config[name] for name in TOLD if name in config},
        train_data=Path(config["data"]).name,
        dev_data=None,
        train_frames=None,
        epochs=None,
        train_seconds=None,
        dev_cross_entropy=None,
        dev_frame_accuracy=None,
        commit=provenance.get("commit"),
        uncommitted_changes=provenance.get("uncommitted_changes"),
        decodes=[read_decode(file.parent, path, model_sha256) for file in sorted(path.glob(f"*/{SCORE}"))],
        config=config,
        inputs=provenance.get("inputs", {}),
        model_sha256=sha256_of_file(path / "final.mdl"),
    )
