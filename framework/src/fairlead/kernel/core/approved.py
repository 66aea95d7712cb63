"""`ApprovedOrder`: the only type that can be sent, and only the gate can make it."""

from __future__ import annotations

from typing import Any, TypeVar, cast, final

import attrs

from fairlead.ports.exchange import SubmitRequest

_T = TypeVar("_T")


class _MadeByGateOnly(type):
    """A metaclass that refuses calls, so neither a constructor nor `attrs.evolve` makes an instance."""

    def __call__(cls, *_arguments: object, **_fields: object) -> Any:  # noqa: ANN401 - type's own signature
        raise TypeError(f"{cls.__name__} is made by the risk gate only; submit a proposal instead")

    def _make(cls: type[_T], *arguments: object) -> _T:
        return cast("_T", type.__call__(cls, *arguments))


@final
@attrs.frozen
class ApprovedOrder(metaclass=_MadeByGateOnly):
    """A request that the gate approved; it holds exactly what was judged."""

    request: SubmitRequest


def approve(request: SubmitRequest) -> ApprovedOrder:
    """Wrap a judged request. Called by the gate alone; import contracts keep it so."""
    return ApprovedOrder._make(request)
