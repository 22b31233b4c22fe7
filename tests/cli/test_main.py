"""hybrid-kd: commands, exit statuses, and how quickly it can answer."""

import ast
import importlib
import inspect
import itertools
import subprocess
import sys
import textwrap
import types
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

import pytest

from hybrid_kd import __version__
from hybrid_kd.cli.main import COMMANDS, main
from hybrid_kd.errors import HybridKdError

HEAVY = (
    "torch",
    "numpy",
    "scipy",
    "kaldiio",
    "kaldifst",
    "kaldi_decoder",
    "lhotse",
    "matplotlib",
    "safetensors",
)


@dataclass(frozen=True)
class Options:
    """Options of the stand-in."""

    nj: int = 1
    """Jobs."""


Replace = Callable[[Callable[[Options], None]], None]


@pytest.fixture
def replace_info(monkeypatch: pytest.MonkeyPatch) -> Replace:
    """Put a function in the place of the command `info`."""

    def replace(run: Callable[[Options], None]) -> None:
        module = types.ModuleType("hybrid_kd.cli.info")
        module.__dict__.update(Options=Options, run=run)
        monkeypatch.setitem(sys.modules, "hybrid_kd.cli.info", module)

    return replace


def raising(error: BaseException) -> Callable[[Options], None]:
    def run(options: Options) -> None:
        raise error

    return run


def run_python(*args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *args], capture_output=True, text=True, timeout=60, check=False)


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    out = capsys.readouterr().out
    assert all(f"\n  {name} " in out and text in out for name, text in COMMANDS.items())


def test_no_command_is_a_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "usage: hybrid-kd COMMAND" in capsys.readouterr().out


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"hybrid-kd {__version__}\n"


def test_an_unknown_command_gets_a_suggestion(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["decoed", "--nj", "4"]) == 2
    assert "hybrid-kd: no command 'decoed'; did you mean 'decode'?\n" in capsys.readouterr().err
    assert main(["xyzzy"]) == 2
    assert "hybrid-kd: no command 'xyzzy'\n" in capsys.readouterr().err


def test_options_reach_the_command(replace_info: Replace) -> None:
    seen: list[Options] = []
    replace_info(seen.append)
    assert main(["info", "--nj", "3"]) == 0
    assert seen == [Options(nj=3)]


def test_a_command_may_have_two_words(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["graph", "hclg", "--lang", "nowhere", "--model", "x", "--out", "y"]) == 1
    assert capsys.readouterr().err.startswith("hybrid-kd graph hclg: nowhere")
    assert main(["graph"]) == 2
    assert "no command 'graph'" in capsys.readouterr().err


def test_a_wrong_flag_exits_with_2(replace_info: Replace) -> None:
    replace_info(lambda options: None)
    with pytest.raises(SystemExit) as caught:
        main(["info", "--job", "3"])
    assert caught.value.code == 2


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (HybridKdError.at("x.ark", "bad", fix="mend"), 1, "hybrid-kd info: x.ark: bad\n  fix: mend\n"),
        (
            FileNotFoundError(2, "No such file or directory", "x"),
            1,
            "info: x: No such file or directory\n  fix:",
        ),
        (OSError(28, "No space left on device"), 1, "info: a file: No space left on device\n  fix: check"),
        (OSError("not a gzipped file"), 1, "info: a file: not a gzipped file\n  fix: check"),
        (KeyboardInterrupt(), 130, "hybrid-kd info: interrupted; the same command continues\n"),
    ],
)
def test_what_a_user_meets_is_a_message_and_a_status(
    replace_info: Replace, capsys: pytest.CaptureFixture[str], error: BaseException, status: int, message: str
) -> None:
    replace_info(raising(error))
    assert main(["info"]) == status
    assert message in capsys.readouterr().err


def test_our_own_mistake_is_not_hidden(replace_info: Replace) -> None:
    replace_info(raising(AssertionError("ours")))
    with pytest.raises(AssertionError, match="ours"):
        main(["info"])


def test_it_is_also_a_module() -> None:
    done = run_python("-m", "hybrid_kd", "--version")
    assert (done.returncode, done.stdout) == (0, f"hybrid-kd {__version__}\n")


@pytest.mark.parametrize("args", [["--help"], *([name, "--help"] for name in COMMANDS)], ids=" ".join)
def test_help_imports_nothing_heavy(args: list[str]) -> None:
    program = (
        "import sys\nfrom hybrid_kd.cli.main import main\n"
        f"try:\n    status = main({args!r})\nexcept SystemExit as exit:\n    status = exit.code\n"
        f"print('loaded', [name for name in {HEAVY!r} if name in sys.modules], status)"
    )
    done = run_python("-c", program)
    assert done.stdout.splitlines()[-1:] == ["loaded [] 0"], done.stderr


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_of_a_command_has_a_help_text(name: str) -> None:
    module = importlib.import_module(f"hybrid_kd.cli.{name.replace('-', '_').replace(' ', '_')}")
    options_class: type = module.Options
    assert is_dataclass(options_class)
    assert callable(module.run)
    documented = documented_fields(options_class)
    assert [field.name for field in fields(options_class) if field.name not in documented] == []


def documented_fields(options_class: Any) -> set[str]:
    """The fields that a string follows, here or in a base class; it becomes the help text."""
    classes: list[Any] = [base for base in options_class.__mro__ if is_dataclass(base)]
    bodies = [ast.parse(textwrap.dedent(inspect.getsource(base))).body[0] for base in classes]
    return {
        node.target.id
        for options in bodies
        if isinstance(options, ast.ClassDef)
        for node, following in itertools.pairwise(options.body)
        if isinstance(node, ast.AnnAssign)
        and isinstance(node.target, ast.Name)
        and isinstance(following, ast.Expr)
        and isinstance(following.value, ast.Constant)
    }


def test_a_closed_pipe_is_not_a_traceback() -> None:
    program = f"{sys.executable} -m hybrid_kd --help | true"
    done = subprocess.run(["bash", "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert "Traceback" not in done.stderr
