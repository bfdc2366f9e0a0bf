"""Ids that are not moto's choice, of what there has been before."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any
from unittest import mock


def next_id(maker: str, resource_id: "str | None") -> "AbstractContextManager[Any]":
    """
    While it lasts, moto's `maker` of ids gives this one; None leaves it alone. moto notes an id in several places while
    it makes a resource, so it cannot be changed afterwards.
    """
    return nullcontext() if resource_id is None else mock.patch(f"moto.ec2.models.{maker}", return_value=resource_id)
