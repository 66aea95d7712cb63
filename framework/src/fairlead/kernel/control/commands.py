"""What an operator may ask of a running kernel over the control socket.

Each command goes through the same door as a bot's, in the name of ``operator``, is journaled, and said
twice does no more than said once.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial

import attrs

from fairlead.domain.account import balance_dict
from fairlead.domain.notifier_records import NotifierAction
from fairlead.domain.numbers import text_of
from fairlead.domain.order_names import order_meant
from fairlead.domain.trading_state import TradingState
from fairlead.errors import InvalidInput, UnknownName
from fairlead.kernel.command_maker import Saying
from fairlead.kernel.decide.rules import OPERATOR
from fairlead.kernel.operator_commands import OperatorCommands
from fairlead.kernel.results import CommandResult
from fairlead.kernel.serialisation import to_dict

_WHOLE_ID = "Write the whole id: the kernel looks among live orders and those that ended lately."

_Handler = Callable[[OperatorCommands, Mapping[str, str]], Awaitable[object]]


@attrs.frozen
class ControlCommand:
    """One command: the names of its arguments, all of them text and all needed, and what carries it out.

    An empty text stands for an argument that is left out, where one may be.
    """

    arguments: tuple[str, ...]
    handler: _Handler


async def answer(kernel: OperatorCommands, command: str, arguments: Mapping[str, object]) -> object:
    """Carry a command out and return what JSON can hold of its answer.

    Raises `UnknownName` for another command, `InvalidInput` for other arguments, and whatever the
    kernel raises.
    """
    known = CONTROL_COMMANDS.get(command)
    if known is None:
        raise UnknownName("command", command, tuple(CONTROL_COMMANDS))
    texts = {name: value for name, value in arguments.items() if isinstance(value, str)}
    if texts.keys() != set(known.arguments) or len(texts) != len(arguments):
        due = ", ".join(known.arguments) or "none"
        raise InvalidInput("arguments", f"{command} takes these, as text: {due}")
    return await known.handler(kernel, texts)


async def _status(kernel: OperatorCommands, _arguments: Mapping[str, str]) -> object:
    report = kernel.last_reconciliation
    return {
        "account": kernel.settings.account,
        "trading_state": kernel.trading_state.value,
        "trading_reason": kernel.trading_reason,
        "sequence": kernel.sequence,
        "durable_sequence": kernel.durable_sequence,
        "components": [
            {"name": name, "state": state, "problem": problem} for name, state, problem in kernel.health()
        ],
        "live_orders": len(kernel.orders(live_only=True)),
        "open_positions": sum(1 for position in kernel.positions() if position.quantity),
        "last_reconciliation": None if report is None else report.reason,
    }


async def _halt(kernel: OperatorCommands, arguments: Mapping[str, str]) -> object:
    return _plain(await kernel.set_trading_state(TradingState.HALTED, reason=arguments["reason"]))


async def _reduce(kernel: OperatorCommands, arguments: Mapping[str, str]) -> object:
    return _plain(await kernel.set_trading_state(TradingState.REDUCING, reason=arguments["reason"]))


async def _resume(kernel: OperatorCommands, arguments: Mapping[str, str]) -> object:
    """Enable trading, once a reconciliation made for it has passed."""
    await kernel.reconcile("an operator resumes trading")
    return _plain(await kernel.set_trading_state(TradingState.ACTIVE, reason=arguments["reason"]))


async def _find_order(kernel: OperatorCommands, arguments: Mapping[str, str]) -> object:
    """Say which order is meant; nothing is done to it, so that whoever asks can look before it acts."""
    held = {order.client_order_id: order for order in kernel.orders()}
    order = held[order_meant(arguments["name"], held, fix=_WHOLE_ID)]
    return {
        "client_order_id": order.client_order_id,
        "owner": order.owner,
        "side": order.side.value,
        "quantity": text_of(order.quantity),
        "symbol": order.symbol,
        "status": order.status.value,
    }


async def _cancel(kernel: OperatorCommands, arguments: Mapping[str, str]) -> object:
    return _plain(await kernel.cancel(arguments["client_order_id"], OPERATOR, operator=True))


async def _resolve(kernel: OperatorCommands, arguments: Mapping[str, str]) -> object:
    return _plain(await kernel.resolve_not_placed(arguments["client_order_id"], note=arguments["note"]))


async def _resolve_missing(kernel: OperatorCommands, arguments: Mapping[str, str]) -> object:
    return _plain(await kernel.resolve_missing(arguments["client_order_id"], note=arguments["note"]))


async def _annotate(kernel: OperatorCommands, arguments: Mapping[str, str]) -> object:
    saying: Saying = {}
    if arguments["note"] or arguments["clear_note"]:
        saying["note"] = arguments["note"]
    if arguments["add_tags"]:
        saying["add_tags"] = arguments["add_tags"].split(",")
    if arguments["remove_tags"]:
        saying["remove_tags"] = arguments["remove_tags"].split(",")
    return _plain(await kernel.annotate(arguments["client_order_id"], **saying))


async def _adopt(kernel: OperatorCommands, arguments: Mapping[str, str]) -> object:
    result = await kernel.adopt_order(
        arguments["venue_order_id"],
        owner=arguments["owner"],
        book=arguments["book"],
        symbol=arguments["symbol"],
        note=arguments["note"],
    )
    answer = {"accepted": result.accepted, "code": result.code, "reason": result.reason}
    return {**answer, "client_order_id": result.names[0] if result.names else ""}


async def _accept_drift(kernel: OperatorCommands, arguments: Mapping[str, str]) -> object:
    result = await kernel.accept_drift(
        arguments["symbol"],
        at_venue=arguments["at_venue"],
        note=arguments["note"],
        book=arguments["book"] or OPERATOR,
        price=arguments["price"] or None,
    )
    return _plain(result)


async def _accept_balance(kernel: OperatorCommands, arguments: Mapping[str, str]) -> object:
    asset, at_venue, note = arguments["asset"], arguments["at_venue"], arguments["note"]
    return _plain(await kernel.accept_balance(asset, at_venue=at_venue, note=note))


async def _balances(kernel: OperatorCommands, _arguments: Mapping[str, str]) -> object:
    return {"balances": [balance_dict(view) for view in kernel.balances()]}


async def _reconcile(kernel: OperatorCommands, _arguments: Mapping[str, str]) -> object:
    return to_dict(await kernel.reconcile("an operator asks"))


async def _cancel_all(kernel: OperatorCommands, _arguments: Mapping[str, str]) -> object:
    result = await kernel.cancel_all()
    return {"accepted": result.accepted, "code": result.code, "reason": result.reason, "orders": result.names}


async def _flatten(kernel: OperatorCommands, _arguments: Mapping[str, str]) -> object:
    result = await kernel.flatten()
    closings = [
        {"symbol": end.symbol, "book": end.book, "code": end.code.value, "left": text_of(end.quantity_left)}
        for end in result.closings
    ]
    return {"accepted": result.accepted, "code": "", "reason": "", "closings": closings}


async def _decide_notifier(
    action: NotifierAction, kernel: OperatorCommands, arguments: Mapping[str, str]
) -> object:
    """Record an operator's word about a notifier, and carry it out."""
    notifier, note = arguments["notifier"], arguments["note"]
    event_ids = arguments.get("event_ids", "").split()
    commands = kernel.commands.notifiers
    since_ns, until_ns = (_moment(arguments, name) for name in ("since_ns", "until_ns"))
    if since_ns is not None or until_ns is not None:
        event_ids = event_ids or await commands.dead_letters(notifier, since_ns, until_ns)
        if not event_ids:
            return {"accepted": True, "code": "", "reason": "", "count": 0}
    await (await commands.record(action, notifier, note=note, event_ids=event_ids))
    count = await commands.carry_out(action, notifier, note=note, event_ids=event_ids)
    return {"accepted": True, "code": "", "reason": "", "count": count}


def _moment(arguments: Mapping[str, str], name: str) -> int | None:
    """Return a moment in nanoseconds UTC, or nothing where none was given."""
    text = arguments.get(name, "")
    if not text:
        return None
    if not (text.isascii() and text.isdigit()):
        raise InvalidInput(name, f"{text[:30]!a} is no whole number of nanoseconds")
    return int(text)


def _plain(result: CommandResult) -> object:
    return {"accepted": result.accepted, "code": result.code, "reason": result.reason}


_BOUNDS = {NotifierAction.REPLAY: ("since_ns", "until_ns")}
"""What a replay takes besides: of dead letters it means those that got their row in that time."""

CONTROL_COMMANDS: Mapping[str, ControlCommand] = {
    "status": ControlCommand((), _status),
    "halt": ControlCommand(("reason",), _halt),
    "reduce": ControlCommand(("reason",), _reduce),
    "resume": ControlCommand(("reason",), _resume),
    "find-order": ControlCommand(("name",), _find_order),
    "cancel": ControlCommand(("client_order_id",), _cancel),
    "cancel-all": ControlCommand((), _cancel_all),
    "flatten": ControlCommand((), _flatten),
    "resolve": ControlCommand(("client_order_id", "note"), _resolve),
    "resolve-missing": ControlCommand(("client_order_id", "note"), _resolve_missing),
    "annotate": ControlCommand(
        ("client_order_id", "note", "clear_note", "add_tags", "remove_tags"), _annotate
    ),
    "adopt": ControlCommand(("venue_order_id", "owner", "book", "symbol", "note"), _adopt),
    "accept-drift": ControlCommand(("symbol", "at_venue", "book", "price", "note"), _accept_drift),
    "accept-balance": ControlCommand(("asset", "at_venue", "note"), _accept_balance),
    "balances": ControlCommand((), _balances),
    "reconcile": ControlCommand((), _reconcile),
    **{
        f"deliveries-{action.value}": ControlCommand(
            ("notifier", "event_ids", *_BOUNDS.get(action, ()), "note"), partial(_decide_notifier, action)
        )
        for action in NotifierAction
    },
}
