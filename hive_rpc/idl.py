"""Varlink's interface definition language, generated from the interface classes."""

from hive_rpc.interface import Interface


def describe(interface: type[Interface]) -> str:
    raise NotImplementedError


def describe_errors() -> str:
    raise NotImplementedError
