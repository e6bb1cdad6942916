"""Hyperparameter optimization as a service: definitions in, a stand-alone training script out."""

__version__ = "0.1.0"
