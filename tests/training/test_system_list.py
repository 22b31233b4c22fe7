"""Lists of systems: what a line means."""

from pathlib import Path

import pytest

from hybrid_kd.errors import HybridKdError
from hybrid_kd.training.system_list import read_system_list

OPTS = "--train-data tr --train-ali ali --dev-data dt --dev-ali dt_ali --hard-weight 0.1"


def test_a_line_is_a_name_and_options_that_win_over_the_common_ones(tmp_path: Path) -> None:
    path = tmp_path / "list"
    path.write_text("# comment\n\nsi_0.1\nretrained --hard-weight 0.5 --init EXP/hard --teacher 'a EXPERT'\n")
    first, second = read_system_list(path, exp=tmp_path / "exp", opts=OPTS)
    assert (first.out, first.hard_weight, first.train_data) == (tmp_path / "exp/si_0.1", 0.1, Path("tr"))
    assert (second.out, second.hard_weight) == (tmp_path / "exp/retrained", 0.5)
    assert (second.init, second.teacher) == (tmp_path / "exp/hard", (Path("a EXPERT"),))


def test_a_bad_flag_is_told_with_its_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "list").write_text("a\nb --hidden-dims 5\n")
    with pytest.raises(SystemExit):
        read_system_list(tmp_path / "list", exp=tmp_path, opts=OPTS)
    assert "list, line 2 (b)" in " ".join(capsys.readouterr().err.split())


def test_a_list_that_is_not_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "list").write_bytes(b"a --seed 1\n\xff\n")
    with pytest.raises(HybridKdError, match=r"list: line 2 is not UTF-8"):
        read_system_list(tmp_path / "list", exp=tmp_path, opts=OPTS)
