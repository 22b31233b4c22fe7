"""Knowledge distillation for Kaldi-style hybrid DNN-HMM acoustic models."""

__version__ = "0.1.0"
