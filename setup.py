"""Installs hybrid_kd; everything else is in pyproject.toml."""

from setuptools import setup

setup()
