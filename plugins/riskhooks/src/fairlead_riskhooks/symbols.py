"""The symbols that may be traded: an allow-list, a deny-list, or both."""

from __future__ import annotations

import attrs

from fairlead.errors import SettingRefused
from fairlead.ports.names import to_symbol
from fairlead.ports.risk import ALLOW, Deny, Judgement, RiskRequest, RiskView
from fairlead_riskhooks import __version__, reason_codes
from fairlead_riskhooks.stateless_check import StatelessCheck


@attrs.frozen(kw_only=True)
class SymbolsSettings:
    """Symbols that may be traded, all when *allow* is left out; *deny* wins. At least one list is given."""

    allow: tuple[str, ...] | None = attrs.field(
        default=None, metadata={"doc": "the only symbols that may be traded; all when left out"}
    )
    deny: tuple[str, ...] = attrs.field(
        default=(), metadata={"doc": "symbols that may not be traded, allowed or not"}
    )

    def __attrs_post_init__(self) -> None:
        if self.allow is None and not self.deny:
            raise SettingRefused("allow", "neither allow nor deny is set", fix="Give at least one.")
        for symbol in self.allow or ():
            to_symbol(symbol, "allow")
        for symbol in self.deny:
            to_symbol(symbol, "deny")


@attrs.frozen
class Symbols(StatelessCheck):
    """Denies new exposure in a symbol that is not on the allow-list, or is on the deny-list.

    An empty allow-list allows nothing.
    """

    settings: SymbolsSettings
    name: str = attrs.field(default="symbols", init=False)
    version: str = attrs.field(default=__version__, init=False)

    def judge(self, request: RiskRequest, view: RiskView, value: str) -> Judgement:
        """Look the symbol up."""
        del view, value
        symbol, settings = request.symbol, self.settings
        if request.reduces:
            return ALLOW
        if symbol in settings.deny:
            return _denial(f"{symbol} is on the deny-list.", symbol)
        if settings.allow is not None and symbol not in settings.allow:
            return _denial(f"{symbol} is not on the allow-list.", symbol)
        return ALLOW


def _denial(reason: str, symbol: str) -> Deny:
    return Deny(reason_codes.SYMBOL_NOT_ALLOWED, reason, (("symbol", symbol),))
