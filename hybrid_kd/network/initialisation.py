"""Initial weights, each layer drawn from its own generator."""

import math

import torch
from torch import nn

from hybrid_kd.network.dnn import Dnn
from hybrid_kd.network.uncertainty import UncertaintyHead, VarianceActivation
from hybrid_kd.seeds import torch_generator

HIDDEN_BIAS_MEAN = -2.0
HIDDEN_BIAS_RANGE = 4.0
PARAM_STDDEV_FACTOR = 0.1
OUTPUT_BIAS_LEARN_RATE_COEF = 0.1  # of a network that was not pretrained


def initialise(network: Dnn, *, seed: int) -> None:
    """Draw the weights: Kaldi's nnet1 prototype for sigmoids, He's normal distribution for ReLUs.

    Sigmoid: weights N(0, s^2) with s = 0.1 * 35 * sqrt(2 / (in + out)), times sqrt(1/12) in the first layer;
    hidden biases U(-4, 0). ReLU: weights N(0, 2 / in), in the output layer N(0, 1 / in);
    biases 0. The output bias is always 0.

    Source: Kaldi steps/nnet/make_nnet_proto.py; He et al. 2015, eq. 10.
    """
    affines = [*(layer.affine for layer in network.hidden_layers), network.output]
    for index, affine in enumerate(affines):
        generator = torch_generator(seed, f"initialise layer {index}")
        is_output = affine is network.output
        if network.shape.activation == "sigmoid":
            stddev = glorot_stddev(affine) * (math.sqrt(1 / 12) if index == 0 else 1.0)
        else:
            stddev = math.sqrt((1 if is_output else 2) / affine.in_features)
        with torch.no_grad():
            affine.weight.normal_(0.0, stddev, generator=generator)
            if network.shape.activation == "sigmoid" and not is_output:
                low = HIDDEN_BIAS_MEAN - HIDDEN_BIAS_RANGE / 2
                affine.bias.uniform_(low, low + HIDDEN_BIAS_RANGE, generator=generator)
            else:
                affine.bias.zero_()


def new_uncertainty_head(network: Dnn, activation: VarianceActivation, *, seed: int) -> UncertaintyHead:
    """A head for the network: weights N(0, 1 / hidden), biases 0; no layer's weights change by it."""
    head = UncertaintyHead(network.shape.hidden_dim, network.shape.num_pdfs, activation)
    generator = torch_generator(seed, "initialise uncertainty head")
    with torch.no_grad():
        head.affine.weight.normal_(0.0, head.affine.in_features**-0.5, generator=generator)
        head.affine.bias.zero_()
    return head.to(network.output.weight)


def glorot_stddev(affine: nn.Linear) -> float:
    """Kaldi's 0.1 * 35 * sqrt(2 / (in + out)): 35 is the factor that its prototypes carry for sigmoids.

    Source: Kaldi steps/nnet/make_nnet_proto.py, GetGlorotStddev and --param-stddev-factor.
    """
    return PARAM_STDDEV_FACTOR * 35.0 * math.sqrt(2 / (affine.in_features + affine.out_features))
