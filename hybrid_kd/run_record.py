"""What an output is made of, kept with it: the same call goes on or does nothing, another one is refused."""

import logging
import shlex
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hybrid_kd.config import option_defaults, options_to_dict, read_yaml, write_yaml
from hybrid_kd.errors import HybridKdError
from hybrid_kd.json_files import read_json, write_json
from hybrid_kd.provenance import refuse_differences

logger = logging.getLogger(__name__)

CONFIG, PROVENANCE = "config.yaml", "provenance.json"
OTHER_OUT = "give another --out, or delete this one"


@dataclass(frozen=True)
class RunRecord:
    """What decides about an output.

    out: what is made. file: where the record stands (JSON). provenance: of this process and the inputs
    (`collect_provenance`). options: those that are compared. config: all options; they stand in config.yaml
    beside ``file``, without it ``options`` stand in ``file``. defaults: what options were in records that are
    older than they. newer_inputs: inputs that older records lack; in these they are not compared.
    """

    out: Path
    file: Path
    provenance: Mapping[str, Any]
    options: Mapping[str, Any]
    config: Mapping[str, Any] | None = None
    defaults: Mapping[str, Any] = field(default_factory=dict)
    newer_inputs: frozenset[str] = frozenset()

    @classmethod
    def of_options(
        cls,
        options: Any,
        provenance: Mapping[str, Any],
        *,
        compared: Collection[str],
        newer_inputs: frozenset[str] = frozenset(),
    ) -> "RunRecord":
        """The record of the directory ``options.out``, made with a dataclass of options."""
        config = options_to_dict(options)
        return cls(
            out=options.out,
            file=options.out / PROVENANCE,
            provenance=provenance,
            options={name: config[name] for name in config if name in compared},
            config=config,
            defaults=option_defaults(type(options)),
            newer_inputs=newer_inputs,
        )

    def is_finished(self, mark: Path) -> bool:
        """Whether ``mark``, which is written last, is there; what was begun is compared first.

        Raises: HybridKdError as refuse_other.
        """
        if mark.exists() or self.file.is_file():
            self.refuse_other()
        if mark.exists():
            logger.info("%s: already done", self.out)
        return mark.exists()

    def refuse_other(self) -> None:
        """Compare with what ``out`` was begun with.

        Raises: HybridKdError that names what differs; or if nothing says what it was begun with.
        """
        options_file = self.file if self.config is None else self.file.with_name(CONFIG)
        for file in (self.file, options_file):
            if not file.is_file():
                problem = f"it is there, but no {file.name} says what it was made of"
                raise HybridKdError.at(self.out, problem, fix=OTHER_OUT)
        options = recorded(self.file, "options") if self.config is None else read_yaml(options_file)
        refuse_other_options(options_file, options, self.options, defaults=self.defaults)
        before = recorded(self.file, "inputs")
        unknown = self.newer_inputs - before.keys()
        inputs = {name: value for name, value in self.provenance["inputs"].items() if name not in unknown}
        refuse_differences(self.file, before, inputs)

    def write(self, file: Path | None = None) -> None:
        """Write it, to ``file`` where the output is made under another name."""
        file = self.file if file is None else file
        if self.config is None:
            write_json(file, {**self.provenance, "options": dict(self.options)})
        else:
            write_yaml(file.with_name(CONFIG), dict(self.config))
            write_json(file, dict(self.provenance))


def recorded(file: Path, name: str) -> dict[str, Any]:
    """An object of a record, such as its ``inputs``; empty where the record has none.

    Raises: HybridKdError if the record is broken.
    """
    content = read_json(file).get(name, {})
    if not isinstance(content, dict):
        problem = f"key '{name}' is not an object"
        raise HybridKdError.at(file, problem, fix=f"restore the file; or {OTHER_OUT}")
    return content


def refuse_other_options(
    file: Path, before: Mapping[str, Any], now: Mapping[str, Any], *, defaults: Mapping[str, Any]
) -> None:
    """Compare the options that ``file`` holds with those of ``now``; one that is newer had its default then.

    defaults: of the options that have one; empty where the record tells no defaults.

    Raises: HybridKdError that names what differs, or an option without default that ``file`` lacks.
    """
    if defaults and (missing := sorted(now.keys() - before.keys() - defaults.keys())):
        fix = f"restore the file; or {OTHER_OUT}"
        raise HybridKdError.at(file, f"it has no key '{missing[0]}', which every record has", fix=fix)
    refuse_differences(file, {name: before.get(name, defaults.get(name)) for name in now}, now)


def made_by(file: Path) -> list[str]:
    """The command that a record names, with version and commit, as a line of ``hybrid-kd info``; or none.

    Raises: HybridKdError if the record is broken.
    """
    if not file.is_file():
        return []
    content = read_json(file)
    argv, commit = content.get("argv", []), content.get("commit")
    if not (isinstance(argv, list) and isinstance(commit, str | None)):
        raise HybridKdError.at(file, "argv or commit is not as hybrid-kd writes it", fix="restore the file")
    words = f"version {content.get('version')}" + (f", commit {commit[:12]}" if commit else "")
    return [f"  made by: {shlex.join(map(str, argv))} ({words})"]
