"""``hybrid-kd corpus directory``."""

from hybrid_kd.corpus.options import DirectoryOptions as Options

__all__ = ["Options", "run"]


def run(options: Options) -> None:
    """Make the corpus."""
    from hybrid_kd.corpus.directory import make_directory_corpus

    make_directory_corpus(options)
