"""A model as one ONNX file: spliced frames in, log-likelihoods out, normalisation and priors inside.

Needs the package onnx (the extra ``onnx``). The operators are those of opset 13, which any runtime of since
2020 knows.
"""

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper
from torch import Tensor

from hybrid_kd import __version__
from hybrid_kd.atomic import replace_file
from hybrid_kd.network.affine import Affine
from hybrid_kd.network.dnn import Dnn
from hybrid_kd.network.model_dir import AcousticModel

INPUT, OUTPUT = "spliced_frames", "loglikes"
OPSET, IR_VERSION = 13, 8
MEANING = "logit_scale logits - log prior (natural log); the decoder applies the acoustic scale, once"


@dataclass
class _Graph:
    """Nodes and constants that were added so far."""

    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: list[onnx.TensorProto] = field(default_factory=list)

    def constant(self, name: str, value: Tensor) -> str:
        array = np.ascontiguousarray(value.detach().cpu().numpy(), np.float32)
        self.constants.append(numpy_helper.from_array(array, name))
        return name

    def node(self, operator: str, *inputs: str, output: str, **attributes: Any) -> str:
        self.nodes.append(helper.make_node(operator, inputs, [output], name=output, **attributes))
        return output

    def affine(self, x: str, layer: Affine, name: str) -> str:
        weight, bias = (
            self.constant(f"{name}.weight", layer.weight),
            self.constant(f"{name}.bias", layer.bias),
        )
        return self.node("Gemm", x, weight, bias, output=name, transB=1)


def model_to_onnx(model: AcousticModel) -> onnx.ModelProto:
    """Input ``spliced_frames`` [frames, 440], output ``loglikes`` [frames, pdfs], both float32.

    loglikes = logit_scale logits - log prior; of several networks logits = log mean_n softmax(logits_n).
    Splicing stays outside, since a frame's neighbours are the caller's; left_context, right_context,
    feature_dim and logit_scale are in the file's metadata.
    """
    graph = _Graph()
    logits = [_add_network(graph, network, f"{n}.") for n, network in enumerate(model.networks)]
    joined = logits[0] if len(logits) == 1 else _add_mean(graph, logits)
    if model.logit_scale != 1:
        factor = graph.constant("logit_scale", torch.tensor(model.logit_scale))
        joined = graph.node("Mul", joined, factor, output="scaled_logits")
    graph.node("Sub", joined, graph.constant("log_priors", model.log_priors), output=OUTPUT)
    input_dim = model.networks[0].shape.input_dim
    proto = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "hybrid_kd",
            [helper.make_tensor_value_info(INPUT, onnx.TensorProto.FLOAT, ["frames", input_dim])],
            [helper.make_tensor_value_info(OUTPUT, onnx.TensorProto.FLOAT, ["frames", model.num_pdfs])],
            graph.constants,
        ),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="hybrid_kd",
        producer_version=__version__,
    )
    helper.set_model_props(proto, {name: str(value) for name, value in _metadata(model).items()})
    onnx.checker.check_model(proto)
    return proto


def _metadata(model: AcousticModel) -> dict[str, Any]:
    return {
        "left_context": model.splice.left_context,
        "right_context": model.splice.right_context,
        "feature_dim": model.feature_dim,
        "num_pdfs": model.num_pdfs,
        "num_networks": len(model.networks),
        "logit_scale": model.logit_scale,
        OUTPUT: MEANING,
    }


def _add_network(graph: _Graph, network: Dnn, prefix: str) -> str:
    """The name of its logits."""
    shifted = graph.node(
        "Add", INPUT, graph.constant(f"{prefix}shift", network.shift), output=f"{prefix}shifted"
    )
    x = graph.node(
        "Mul", shifted, graph.constant(f"{prefix}scale", network.scale), output=f"{prefix}normalised"
    )
    operator = {"sigmoid": "Sigmoid", "relu": "Relu"}[network.shape.activation]
    for index, layer in enumerate(network.hidden_layers):
        x = graph.affine(x, layer.affine, f"{prefix}hidden.{index}.affine")
        x = graph.node(operator, x, output=f"{prefix}hidden.{index}")
    return graph.affine(x, network.output, f"{prefix}logits")


def _add_mean(graph: _Graph, logits: list[str]) -> str:
    """log mean_n softmax(logits_n), the networks along a first axis of their own."""
    graph.constants.append(numpy_helper.from_array(np.array([0], np.int64), "first_axis"))
    log_num_networks = graph.constant("log_num_networks", torch.tensor(math.log(len(logits))))
    stacked = []
    for name in logits:
        log_posteriors = graph.node("LogSoftmax", name, output=f"{name}.log_posteriors", axis=1)
        stacked.append(graph.node("Unsqueeze", log_posteriors, "first_axis", output=f"{name}.stacked"))
    together = graph.node("Concat", *stacked, output="log_posteriors_of_each", axis=0)
    log_sum = graph.node("ReduceLogSumExp", together, output="log_sum", axes=[0], keepdims=0)
    return graph.node("Sub", log_sum, log_num_networks, output="log_posteriors")


def export_onnx(model: AcousticModel, path: Path) -> None:
    """Write the file."""
    with replace_file(path) as file:
        file.write(model_to_onnx(model).SerializeToString())
