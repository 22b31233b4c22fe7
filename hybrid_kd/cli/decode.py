"""``hybrid-kd decode``."""

from hybrid_kd.decoding.options import DecodeOptions as Options

__all__ = ["Options", "run"]


def run(options: Options) -> None:
    """Decode a data directory."""
    from hybrid_kd.decoding.decode_dir import decode_directory

    decode_directory(options)
