"""The door: a proposal is checked against the venue's rules and becomes an input; nothing is recorded yet."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from hashlib import sha256

import attrs
import msgspec

from fairlead.domain.identifiers import to_metadata
from fairlead.domain.instruments import Instrument
from fairlead.domain.numbers import EXACT, text_of
from fairlead.domain.proposals import Proposal
from fairlead.errors import NumberRefused, UnknownName
from fairlead.kernel.core.inputs import SubmitProposal

_FIELDS = tuple((field.name, field.default) for field in attrs.fields(Proposal))


def submission(
    proposal: Proposal,
    instruments: Mapping[str, Instrument],
    owner: str,
    idempotency_key: str,
    new_client_order_id: Callable[[], str],
    *,
    hedging: bool = False,
) -> SubmitProposal:
    """Return the input that a proposal becomes; *hedging* gives it a position of its own unless it names one.

    Raises `UnknownName` for a symbol without rules, and `NumberRefused` with the field and the nearest
    valid figures for what is off the instrument's grids or more leverage than it has.
    """
    instrument = instruments.get(proposal.symbol)
    if instrument is None:
        raise UnknownName("symbol", proposal.symbol, tuple(sorted(instruments)))
    _check_figures(proposal, instrument)
    name = new_client_order_id()
    return SubmitProposal(
        name,
        owner,
        proposal.book or owner,
        proposal.symbol,
        proposal.side,
        proposal.order_type,
        proposal.time_in_force,
        proposal.quantity,
        proposal.notional,
        proposal.limit_price,
        idempotency_key,
        command_digest(proposal) if idempotency_key else "",
        to_metadata(dict(proposal.metadata), "metadata") if proposal.metadata else (),
        None, None,
        proposal.risk, proposal.target, proposal.stop_loss, proposal.stop_loss_rate,
        proposal.trigger_price, proposal.trailing_distance, proposal.trailing_rate, proposal.max_slippage,
        proposal.leverage, proposal.expire_ns, proposal.post_only, proposal.reduce_only,
        proposal.note, proposal.tags, proposal.position_id or (name if hedging else ""),
    )  # fmt: skip


def _check_figures(proposal: Proposal, instrument: Instrument) -> None:
    if proposal.quantity is not None:
        instrument.check_quantity(proposal.quantity, "quantity")
    if proposal.limit_price is not None:
        instrument.check_price(proposal.limit_price, "limit_price")
    if proposal.trigger_price is not None:
        instrument.check_price(proposal.trigger_price, "trigger_price")
    if proposal.trailing_distance is not None:
        instrument.check_price(proposal.trailing_distance, "trailing_distance")
    if proposal.stop_loss is not None:
        instrument.check_price(proposal.stop_loss, "stop_loss")
    if proposal.leverage is not None:
        _check_leverage(proposal.leverage, instrument)


def _check_leverage(leverage: Decimal, instrument: Instrument) -> None:
    most = instrument.maximum_leverage
    if most is None:
        problem = f"{instrument.symbol} has none"
        raise NumberRefused("leverage", problem, fix="Leave it out.")
    if leverage > most:
        problem = f"{text_of(leverage)} is more than {instrument.symbol} has"
        raise NumberRefused("leverage", problem, fix=f"Pass at most {text_of(most)}.")


def command_digest(proposal: Proposal) -> str:
    """Return a digest of what was wished for, by which a repeated command is recognised."""
    wishes = {
        name: EXACT.normalize(value) if type(value) is Decimal else value  # 0.1 and 0.10 are the same wish
        for name, default in _FIELDS
        if (value := getattr(proposal, name)) != default
    }
    return sha256(msgspec.json.encode(wishes)).hexdigest()
