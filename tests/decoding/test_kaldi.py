"""latgen-faster-mapped through pipes, by a stand-in that records how it was called."""

import sys
from pathlib import Path

import numpy as np
import pytest

from hybrid_kd.archives.lattices import read_lattices
from hybrid_kd.decoding.kaldi import PROGRAM, KaldiDecoder, find_kaldi, latgen_command
from hybrid_kd.decoding.options import SearchOptions
from hybrid_kd.errors import HybridKdError

STAND_IN = """#!{python}
import sys
from hybrid_kd.archives.matrices import read_matrices
lattice = open("{lattice}", "rb").read()
print("{program}[5.5.1181~1-f4007] " + " ".join(sys.argv), file=sys.stderr)
for utt_id, loglikes in read_matrices("ark:-"):
    if len(loglikes) == 13:
        print("LOG (latgen) segmentation fault", file=sys.stderr)
        sys.exit(139)
    if len(loglikes) == 1:
        message = f"Outputting partial output for utterance {{utt_id}} since no final-state reached"
        print(f"WARNING (latgen) {{message}}", file=sys.stderr)
    if len(loglikes) == 2:
        print(f"WARNING (latgen) Did not successfully decode utterance {{utt_id}}, len = 2", file=sys.stderr)
        continue
    assert loglikes[0, 1] == 0.5
    sys.stdout.buffer.write(utt_id.encode() + b" " + lattice)
"""


@pytest.fixture
def program(shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The stand-in, on the PATH; all its lattices are the first golden one."""
    golden = (shared / "kaldi-an4/golden/lat_compact.ark").read_bytes()
    first, second = b"fkdo_an131_BUS_SIMU ", b"fkdo_an131_CAF_SIMU "
    (tmp_path / "lattice").write_bytes(golden[len(first) : golden.index(second)])
    path = tmp_path / "bin" / PROGRAM
    path.parent.mkdir()
    path.write_text(STAND_IN.format(python=sys.executable, lattice=tmp_path / "lattice", program=PROGRAM))
    path.chmod(0o755)
    monkeypatch.setenv("PATH", str(path.parent), prepend=":")
    return path


def make_decoder() -> KaldiDecoder:
    found = find_kaldi()
    assert found is not None
    return KaldiDecoder(
        latgen_command(
            found,
            SearchOptions(0.1, 13.0, 8.0),
            model_file=Path("final.mdl"),
            graph_file=Path("HCLG.fst"),
            words_file=Path("words.txt"),
        )
    )


def test_kaldi_is_called_with_its_recipes_options(program: Path) -> None:
    assert make_decoder().command == (
        str(program),
        "--min-active=200",
        "--max-active=7000",
        "--max-mem=50000000",
        "--beam=13.0",
        "--lattice-beam=8.0",
        "--acoustic-scale=0.1",
        "--allow-partial=true",
        "--word-symbol-table=words.txt",
        "final.mdl",
        "HCLG.fst",
        "ark:-",
        "ark:-",
    )


def test_done_partial_and_failed_utterances_are_counted(program: Path, tmp_path: Path) -> None:
    utterances = ((f"u{frames}", np.full((frames, 3), 0.5, np.float32)) for frames in (1, 2, 3))
    log, reported = tmp_path / "decode.1.log", list[str]()
    stats = make_decoder().decode_job(utterances, tmp_path / "lat.1.gz", log, reported.append)
    assert [utt_id for utt_id, _ in read_lattices(tmp_path / "lat.1.gz")] == ["u1", "u3"]
    assert (stats.num_done, stats.num_frames, stats.partial) == (2, 4, ["u1"])
    assert stats.left_out == {"u2": "no path through the graph"}
    assert stats.decoder_version == "5.5.1181~1-f4007"
    assert stats.search_cpu_s > 0
    assert reported == ["u1", "u2", "u3"]


def test_a_program_that_fails_is_an_error_and_leaves_no_lattices(program: Path, tmp_path: Path) -> None:
    utterances = ((f"u{index}", np.zeros((13, 3), np.float32)) for index in range(1000))
    log = tmp_path / "decode.1.log"
    with pytest.raises(
        HybridKdError, match=rf"{PROGRAM} ended with status 139\n  fix: see the end of this log"
    ):
        make_decoder().decode_job(utterances, tmp_path / "lat.1.gz", log, lambda _: None)
    assert "segmentation fault" in log.read_text()
    assert not list(tmp_path.glob("*lat.1.gz*"))
