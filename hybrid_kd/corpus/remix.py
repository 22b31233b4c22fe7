"""The audio of a data directory again, from its mix.tsv, the clean recordings and the noises."""

from hybrid_kd.archives.data_dir import read_data_dir
from hybrid_kd.corpus.mix_list import read_mix_list, read_noise_list
from hybrid_kd.corpus.options import RemixOptions
from hybrid_kd.corpus.simulate import NoisySet, write_noisy_set
from hybrid_kd.errors import HybridKdError
from hybrid_kd.frontend.audio import AudioOptions


def remix(options: RemixOptions) -> None:
    """Write the data directory ``options.out`` with the audio that ``options.data``/mix.tsv describes.

    Raises: HybridKdError if the data directory, the list or the audio is missing or bad.
    """
    data, mix_list = options.data, options.data / "mix.tsv"
    described = read_data_dir(data, needs_feats=False)
    items = read_mix_list(mix_list)
    if {item.utt_id for item in items} != set(described.utt_ids):
        raise HybridKdError.at(mix_list, "other utterances than in utt2spk", fix="write the list again")
    if described.text is None:
        raise HybridKdError.at(data, "it holds no text", fix="give a data directory with text")
    if options.out.resolve() == data.resolve():
        raise HybridKdError.at("--out", "is the same as --data", fix="give another directory")
    text = {utt_id: " ".join(words) for utt_id, words in described.text.items()}
    audio = AudioOptions(resample=options.resample, channel=options.channel)
    noises = read_noise_list(options.noise)
    noisy = NoisySet(items, text, described.utt2spk, options.clean, noises, audio)
    write_noisy_set(noisy, options.out, nj=options.nj)
