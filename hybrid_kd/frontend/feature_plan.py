"""From the options of ``hybrid-kd features`` to what is to be made: which MFCC, which model's features."""

from dataclasses import replace
from pathlib import Path

from hybrid_kd.archives.data_dir import DataDir, read_data_dir
from hybrid_kd.archives.recordings import read_recordings
from hybrid_kd.errors import HybridKdError
from hybrid_kd.frontend.audio import AudioOptions
from hybrid_kd.frontend.cmvn import read_cmvn
from hybrid_kd.frontend.feature_dir import FeatureDir, plan_feature_dir
from hybrid_kd.frontend.feature_parts import FeatureSource
from hybrid_kd.frontend.mfcc import RECIPE_OPTIONS, MfccOptions, read_mfcc_config
from hybrid_kd.frontend.model_features import MODEL_FILES, read_feature_kind
from hybrid_kd.frontend.options import FeatureOptions
from hybrid_kd.frontend.transforms import find_transforms, read_transforms

OF_AUDIO = ("mfcc_config", "dither", "channel", "resample", "allow_pipes")


def plan_features(options: FeatureOptions) -> FeatureDir:
    """Read what is needed.

    Raises: HybridKdError for bad options or inputs.
    """
    if options.transforms is not None and options.gmm is None:
        raise HybridKdError.at("--transforms", "given without --gmm", fix="say whose features: --gmm DIR")
    data = read_data_dir(options.data, needs_feats=False)
    reads_mfcc = options.gmm is not None and bool(data.feats)
    source = _mfcc_source(data, options) if reads_mfcc else _audio_source(data, options)
    inputs: dict[str, list[Path]] = {}
    if options.gmm is not None:
        source = replace(source, kind=read_feature_kind(options.gmm))
        inputs["gmm"] = [options.gmm / name for name in MODEL_FILES if (options.gmm / name).is_file()]
    if options.transforms is not None:
        source = replace(source, transforms=read_transforms(options.transforms))
        inputs["transforms"] = find_transforms(options.transforms)
    return plan_feature_dir(options.out, source, compress=options.compress, inputs=inputs)


def _mfcc_source(data: DataDir, options: FeatureOptions) -> FeatureSource:
    """MFCC of feats.scp and statistics of cmvn.scp."""
    for name in OF_AUDIO:
        if getattr(options, name) not in (None, False):
            flag = f"--{name.replace('_', '-')}"
            problem = f"would change nothing: the MFCC of {data.path}/feats.scp are taken"
            raise HybridKdError.at(flag, problem, fix="leave it out, or give it where the MFCC are made")
    return FeatureSource(data, None, statistics=read_cmvn(data.path / "cmvn.scp"))


def _audio_source(data: DataDir, options: FeatureOptions) -> FeatureSource:
    """MFCC that are made of audio."""
    mfcc = _mfcc_options(options)
    audio = AudioOptions(round(mfcc.sample_frequency), options.resample, options.channel, options.allow_pipes)
    return FeatureSource(data, read_recordings(data), audio, mfcc, options.seed)


def _mfcc_options(options: FeatureOptions) -> MfccOptions:
    mfcc = RECIPE_OPTIONS if options.mfcc_config is None else read_mfcc_config(options.mfcc_config)
    if options.dither is None:
        return mfcc
    if not 0 <= options.dither < float("inf"):
        raise HybridKdError.at("--dither", f"{options.dither} is out of range", fix="give 0 or more")
    return replace(mfcc, dither=options.dither)
