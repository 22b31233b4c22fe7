"""All readers of the project."""

from tests.fuzz import kaldi_targets, network_targets, table_targets

MODULES = (table_targets, kaldi_targets, network_targets)
TARGETS = {target.name: target for module in MODULES for target in module.TARGETS}
