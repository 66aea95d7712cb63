"""The exchange client: sends each order once, and says of every answer what it proves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from fairlead.errors import ExchangeFault, RateLimited
from fairlead.ports.exchange import (
    Answer,
    ExchangeCapabilities,
    Fence,
    FillPage,
    FillReport,
    Instrument,
    Liquidity,
    LookUp,
    ModifyRequest,
    OrderReport,
    OrderSide,
    OrderType,
    Outcome,
    ReportSink,
    SubmitRequest,
    TimeInForce,
    VenueBalance,
    VenueStatus,
)
from tally_exchange.http import Limited, NoAnswer, NotSent, Refused, post

_RULES = frozenset({"NO_MARKET", "BAD_LOT", "BAD_TICK"})
_SIDES = {"B": OrderSide.BUY, "S": OrderSide.SELL}
_STATES = {"open": VenueStatus.LIVE, "done": VenueStatus.FILLED, "withdrawn": VenueStatus.CANCELED}
_NANOSECONDS_PER_MILLISECOND = 1_000_000


class TallyClient:
    """One account at Tally, which streams nothing: the kernel asks for what became of orders."""

    name = "tally"
    capabilities = ExchangeCapabilities(
        fence=Fence.DEADLINE,
        order_types=frozenset({OrderType.LIMIT}),
        times_in_force=frozenset({TimeInForce.GTC}),
        streams_reports=False,
        simulated=True,  # an invented venue moves no money; a real one leaves this out
        balances=True,
    )

    def __init__(self, host: str, port: int, timeout_s: float) -> None:
        self.where = host, port, timeout_s
        self._connected = False

    async def connect(self, sink: ReportSink) -> None:
        """See `ExchangeClient.connect`: nothing stays open, so it only makes sure that the venue is there."""
        del sink
        await self._read("market")
        self._connected = True

    async def disconnect(self) -> None:
        """See `ExchangeClient.disconnect`."""
        self._connected = False

    async def instruments(self) -> Sequence[Instrument]:
        """See `ExchangeClient.instruments`."""
        return [
            Instrument(
                symbol=_symbol(each["code"]),
                base=each["coin"],
                quote=each["cash"],
                price_increment=each["tick"],
                quantity_increment=each["lot"],
            )
            for each in (await self._read("market"))["markets"]
        ]

    async def submit(self, request: SubmitRequest) -> Answer:
        """See `ExchangeClient.submit`: what Tally does not know never goes out as something else."""
        plain = request.order_type is OrderType.LIMIT and request.time_in_force is TimeInForce.GTC
        if not plain or request.limit_price is None or request.post_only or request.reduce_only:
            return Answer(Outcome.NOT_SENT, reason="Tally takes plain limit orders, good until canceled.")
        asked = {
            "ref": request.client_order_id,
            "market": request.symbol.replace("/", "-"),
            "side": "B" if request.side is OrderSide.BUY else "S",
            "amount": f"{request.quantity:f}",
            "price": f"{request.limit_price:f}",
            "take_until_ms": request.deadline_ns // _NANOSECONDS_PER_MILLISECOND,
        }
        return await self._ask_once("place", asked)

    async def modify(self, request: ModifyRequest) -> Answer:
        """See `ExchangeClient.modify`: Tally changes nothing in place."""
        del request
        return Answer(Outcome.REFUSED, reason="Tally changes no ticket; replace the order.")

    async def cancel(self, client_order_id: str, venue_order_id: str, symbol: str) -> Answer:
        """See `ExchangeClient.cancel`."""
        del symbol
        number = {"number": int(venue_order_id)} if venue_order_id else {}
        return await self._ask_once("withdraw", {"ref": client_order_id, **number})

    async def look_up(self, client_order_id: str, symbol: str) -> LookUp:
        """See `ExchangeClient.look_up`: one place could not be read, and an absence proves nothing."""
        try:
            found = (await self._read("tickets", ref=client_order_id))["tickets"]
            trades = (await self._read("trades", ref=client_order_id))["trades"]
        except ExchangeFault:
            return LookUp(None, (), complete=False)
        report = _report(found[-1], symbol) if found else None
        return LookUp(report, [_fill(each, symbol) for each in trades], complete=True)

    async def open_orders(self) -> Sequence[OrderReport]:
        """See `ExchangeClient.open_orders`."""
        [market] = (await self._read("market"))["markets"]
        return [_report(each, _symbol(market["code"])) for each in (await self._read("tickets"))["tickets"]]

    async def fills_since(self, cursor: str) -> FillPage:
        """See `ExchangeClient.fills_since`: trades are numbered, so the last number is the cursor."""
        [market] = (await self._read("market"))["markets"]
        page = await self._read("trades", behind=int(cursor or "0"))
        fills = [_fill(each, _symbol(market["code"])) for each in page["trades"]]
        return FillPage(fills, fills[-1].trade_id if fills else cursor, page["more"])

    async def balances(self) -> Mapping[str, VenueBalance]:
        """See `ExchangeClient.balances`."""
        held = (await self._read("purse"))["held"]
        return {
            asset: VenueBalance(Decimal(each["total"]), Decimal(each["locked"]))
            for asset, each in held.items()
        }

    async def _ask_once(self, command: str, asked: Mapping[str, Any]) -> Answer:
        if not self._connected:
            return Answer(Outcome.NOT_SENT, reason="The client is not connected.")
        try:
            done = await post(*self.where, command, asked)
            number, at_ns = str(int(done["number"])), _nanoseconds(done)
        except NotSent as error:
            return Answer(Outcome.NOT_SENT, reason=str(error))
        except Limited as error:
            return Answer(Outcome.LIMITED, reason=str(error), retry_after_ns=error.retry_after_ns)
        except Refused as error:
            return Answer(Outcome.REFUSED, reason=str(error), names_rules=error.code in _RULES)
        except (NoAnswer, ValueError, LookupError, TypeError) as error:
            return Answer(Outcome.UNKNOWN, reason=str(error))
        return Answer(Outcome.ACCEPTED, number, ts_event=at_ns)

    async def _read(self, command: str, **asked: object) -> Any:  # noqa: ANN401 - what the venue says
        try:
            return await post(*self.where, command, asked)
        except Limited as error:
            raise RateLimited(f"Tally: {error}.", retry_after_ns=error.retry_after_ns) from error
        except (NotSent, NoAnswer, Refused) as error:
            raise ExchangeFault(f"Tally did not answer {command}: {error}.") from error


def _symbol(market: str) -> str:
    return market.replace("-", "/")


def _nanoseconds(told: Mapping[str, Any]) -> int:
    return int(told["at_ms"]) * _NANOSECONDS_PER_MILLISECOND


def _report(ticket: Mapping[str, Any], symbol: str) -> OrderReport:
    return OrderReport(
        client_order_id=ticket["ref"],
        venue_order_id=str(ticket["number"]),
        symbol=symbol,
        status=_STATES[ticket["state"]],
        filled_quantity=Decimal(ticket["filled"]),
        ts_event=_nanoseconds(ticket),
    )


def _fill(trade: Mapping[str, Any], symbol: str) -> FillReport:
    return FillReport(
        client_order_id=trade["ref"],
        venue_order_id=str(trade["number"]),
        trade_id=str(trade["trade"]),
        symbol=symbol,
        side=_SIDES[trade["side"]],
        quantity=Decimal(trade["amount"]),
        price=Decimal(trade["price"]),
        value=None,
        fee=Decimal(trade["fee"]),
        fee_currency=symbol.partition("/")[2],
        liquidity=Liquidity.MAKER,
        ts_event=_nanoseconds(trade),
    )
