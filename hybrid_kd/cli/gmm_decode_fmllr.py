"""``hybrid-kd gmm decode-fmllr``."""

from hybrid_kd.gmm.options import DecodeFmllrOptions as Options
from hybrid_kd.gmm.options import use_one_thread

__all__ = ["Options", "run"]


def run(options: Options) -> None:
    """Decode."""
    use_one_thread()
    from hybrid_kd.gmm.decode_fmllr import decode_fmllr

    decode_fmllr(options)
