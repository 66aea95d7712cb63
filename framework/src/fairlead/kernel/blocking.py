"""`BlockingKernel`: the kernel for bots that do not await.

The kernel runs in a thread and loop of its own. Every call, from any thread, is carried there, waits
for its answer and returns it; what the kernel raises is raised here. Its promises stay what they are:
who gives up waiting (a timeout, Ctrl-C) gives up the wait, never the order.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from types import TracebackType
from typing import Generic, Protocol, Self, TypeVar, Unpack

from fairlead.domain.account import BalanceView
from fairlead.domain.changes import ChangeResult
from fairlead.domain.closings import CloseResult
from fairlead.domain.episodes import EpisodeView
from fairlead.domain.events import Event, EventsMissed
from fairlead.domain.numbers import Number
from fairlead.domain.orders import OrderStatus, OrderView, PositionView
from fairlead.domain.proposals import Proposal
from fairlead.domain.reconciliation import ReconcileReport
from fairlead.domain.trading_state import TradingState
from fairlead.kernel.command_maker import ChangeWishes, CloseWishes, Saying
from fairlead.kernel.decide.rules import OPERATOR
from fairlead.kernel.history import Filters
from fairlead.kernel.kernel import Kernel
from fairlead.kernel.loop_thread import LoopThread
from fairlead.kernel.results import CommandResult, ExecutionResult, FlattenResult, StopReport
from fairlead.kernel.session import Session

_T = TypeVar("_T")
_T_co = TypeVar("_T_co", covariant=True)


class _ClosableStream(Protocol[_T_co]):
    def __aiter__(self) -> AsyncIterator[_T_co]: ...

    def close(self) -> None: ...


class BlockingStream(Generic[_T]):
    """A stream of the kernel, read with ``for``; leave it with `close`, or as a context manager."""

    def __init__(self, thread: LoopThread, stream: _ClosableStream[_T]) -> None:
        self._thread = thread
        self._stream = stream
        self._reading = aiter(stream)

    def __iter__(self) -> Iterator[_T]:
        return self

    def __next__(self) -> _T:
        async def following() -> _T | None:
            return await anext(self._reading, None)

        found = self._thread.wait_for(following)
        if found is None:
            raise StopIteration
        return found

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the stream; whoever waits for its next item is woken."""

        async def closing() -> None:
            self._stream.close()

        self._thread.wait_for(closing)


class BlockingResult:
    """The answer to `BlockingSession.execute`; see `ExecutionResult`."""

    def __init__(self, thread: LoopThread, result: ExecutionResult) -> None:
        self._thread = thread
        self._result = result

    @property
    def order(self) -> OrderView:
        """Return the order as it was when the call was answered."""
        return self._result.order

    @property
    def client_order_id(self) -> str:
        """Return the id under which the order is found for ever."""
        return self._result.client_order_id

    @property
    def status(self) -> OrderStatus:
        """Return the one-word status at the time of the answer."""
        return self._result.status

    @property
    def denied(self) -> bool:
        """Tell whether the order was denied by us; `reasons` says why."""
        return self._result.denied

    @property
    def unresolved(self) -> bool:
        """Tell whether the outcome is not known yet."""
        return self._result.unresolved

    @property
    def reasons(self) -> str:
        """Return every denial or the last cause, in words."""
        return self._result.reasons

    @property
    def elapsed_ns(self) -> int:
        """Return the nanoseconds from the call to the answer."""
        return self._result.elapsed_ns

    def closed(self, *, timeout_ms: int | None = None) -> OrderView:
        """Wait for the order's end and return it as it then is.

        Raises `TimeoutError` after *timeout_ms* milliseconds; the order works on.
        """
        return self._thread.wait_for(self._result.closed, timeout_ms=timeout_ms)

    def summary(self) -> str:
        """Return one line for people."""
        return self._result.summary()


class BlockingSession:
    """What one owner may do; see `Session`."""

    def __init__(self, thread: LoopThread, session: Session) -> None:
        self._thread = thread
        self._session = session

    @property
    def owner(self) -> str:
        """Return in whose name the commands are given."""
        return self._session.owner

    def execute(self, proposal: Proposal, *, idempotency_key: str | None = None) -> BlockingResult:
        """Get the proposal done exactly once, and say how far it got; see `Session.execute`."""
        session = self._session
        result = self._thread.wait_for(lambda: session.execute(proposal, idempotency_key=idempotency_key))
        return BlockingResult(self._thread, result)

    def modify_order(self, client_order_id: str, **wishes: Unpack[ChangeWishes]) -> ChangeResult:
        """Change a working order of this owner in place; see `Session.modify_order`."""
        return self._thread.wait_for(lambda: self._session.modify_order(client_order_id, **wishes))

    def replace_order(self, client_order_id: str, **wishes: Unpack[ChangeWishes]) -> ChangeResult:
        """Cancel a working order and make one for what is left; see `Session.replace_order`."""
        return self._thread.wait_for(lambda: self._session.replace_order(client_order_id, **wishes))

    def change_settled(self, change_id: str, *, timeout_ms: int | None = None) -> ChangeResult:
        """Wait until it is known what came of a change; see `Session.change_settled`.

        Raises `TimeoutError` after *timeout_ms* milliseconds; the change goes on.
        """
        return self._thread.wait_for(lambda: self._session.change_settled(change_id), timeout_ms=timeout_ms)

    def cancel(self, client_order_id: str) -> CommandResult:
        """Ask to cancel an order of this owner; see `Session.cancel`."""
        return self._thread.wait_for(lambda: self._session.cancel(client_order_id))

    def cancel_all(
        self, symbol: str | None = None, book: str | None = None, *, idempotency_key: str | None = None
    ) -> CommandResult:
        """Ask to cancel every live order of this owner; see `Session.cancel_all`."""
        return self._thread.wait_for(
            lambda: self._session.cancel_all(symbol, book, idempotency_key=idempotency_key)
        )

    def adopt_order(
        self, venue_order_id: str, *, book: str = "", symbol: str = "", note: str = ""
    ) -> CommandResult:
        """Take over an order of the account that nobody here sent; see `Session.adopt_order`."""
        return self._thread.wait_for(
            lambda: self._session.adopt_order(venue_order_id, book=book, symbol=symbol, note=note)
        )

    def close_position(
        self, symbol: str, book: str | None = None, **wishes: Unpack[CloseWishes]
    ) -> CloseResult:
        """Close a position and wait until that is done; see `Session.close_position`."""
        return self._thread.wait_for(lambda: self._session.close_position(symbol, book, **wishes))

    def flatten(
        self, symbol: str | None = None, book: str | None = None, *, idempotency_key: str | None = None
    ) -> FlattenResult:
        """Cancel what works, close what is held, and wait for it; see `Session.flatten`."""
        return self._thread.wait_for(
            lambda: self._session.flatten(symbol, book, idempotency_key=idempotency_key)
        )

    def annotate(self, client_order_id: str, **saying: Unpack[Saying]) -> CommandResult:
        """Say something about an order of this owner; see `Session.annotate`."""
        return self._thread.wait_for(lambda: self._session.annotate(client_order_id, **saying))

    def annotate_episode(
        self,
        symbol: str,
        number: int,
        *,
        book: str | None = None,
        position_id: str = "",
        **saying: Unpack[Saying],
    ) -> CommandResult:
        """Say something about an episode of this owner; see `Session.annotate_episode`."""
        return self._thread.wait_for(
            lambda: self._session.annotate_episode(
                symbol, number, book=book, position_id=position_id, **saying
            )
        )

    def find_order(self, client_order_id: str) -> OrderView | None:
        """Return any order ever made here, from memory or from the store."""
        return self._thread.wait_for(lambda: self._session.find_order(client_order_id))

    def position(self, symbol: str, book: str | None = None) -> PositionView | None:
        """Return the open position in the owner's book, or nothing when it is flat."""
        return _read(self._thread, lambda: self._session.position(symbol, book))

    def episodes(self, **filters: Unpack[Filters]) -> tuple[EpisodeView, ...]:
        """Return this owner's episodes, the newest first; see `Session.episodes`."""
        return self._thread.wait_for(lambda: self._session.episodes(**filters))

    def orders(self, **filters: Unpack[Filters]) -> tuple[OrderView, ...]:
        """Return this owner's orders, the newest first; see `Session.orders`."""
        return self._thread.wait_for(lambda: self._session.orders(**filters))


class BlockingKernel:
    """A kernel in a thread of its own, for bots that do not await.

    ::

        with BlockingKernel(Kernel(settings, plugins=["paper", "sqlstore", "riskhooks"])) as kernel:
            bot = kernel.session(owner="my-bot")
            print(bot.execute(Proposal.buy("BTC/USDT", quantity="0.01")).summary())

    It is given a kernel that was not started, and starts and stops it. Every method may be called from
    any thread but the kernel's own, where it raises `WrongThread`: a callback of the kernel hands its
    work to another thread. The thread is a daemon: a program that ends without `stop` loses nothing,
    and its policies for a stop are not carried out.
    """

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._thread = LoopThread(f"fairlead-kernel-{kernel.settings.account}")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start thread and kernel; raises what stands against it, and then leaves nothing running."""
        self._thread.start()
        try:
            self._thread.wait_for(self._kernel.start)
        except BaseException:  # supervision point: no thread may be left behind a failed start
            self._thread.stop()
            raise

    def stop(self) -> StopReport | None:
        """Stop the kernel and end its thread; harmless when that has happened. See `Kernel.stop`."""
        if not self._thread.is_running:
            return None
        try:
            return self._thread.wait_for(self._kernel.stop)
        finally:
            self._thread.stop()

    def session(self, *, owner: str, hedging: bool = False) -> BlockingSession:
        """Return the commands in the name of an owner; see `Kernel.session`."""
        return BlockingSession(self._thread, self._kernel.session(owner=owner, hedging=hedging))

    @property
    def trading_state(self) -> TradingState:
        """Return whether new exposure may be taken."""
        return _read(self._thread, lambda: self._kernel.trading_state)

    @property
    def trading_reason(self) -> str:
        """Return why the trading state is what it is."""
        return _read(self._thread, lambda: self._kernel.trading_reason)

    def health(self) -> tuple[tuple[str, str, str], ...]:
        """Return (component, state, problem) in start order."""
        return _read(self._thread, self._kernel.health)

    def order(self, client_order_id: str) -> OrderView | None:
        """Return an order that memory holds; see `find_order` for older ones."""
        return _read(self._thread, lambda: self._kernel.order(client_order_id))

    def find_order(self, client_order_id: str) -> OrderView | None:
        """Return any order ever made here, from memory or from the store."""
        return self._thread.wait_for(lambda: self._kernel.find_order(client_order_id))

    def orders(self, *, live_only: bool = False) -> tuple[OrderView, ...]:
        """Return every order that memory holds, or only those that are not closed."""
        return _read(self._thread, lambda: self._kernel.orders(live_only=live_only))

    def position(self, symbol: str, book: str) -> PositionView | None:
        """Return the open position of the key, or nothing when it is flat."""
        return _read(self._thread, lambda: self._kernel.position(symbol, book))

    def positions(self) -> tuple[PositionView, ...]:
        """Return every position that memory holds."""
        return _read(self._thread, self._kernel.positions)

    def balances(self) -> tuple[BalanceView, ...]:
        """Return every asset as we derive it; see `Kernel.balances`."""
        return _read(self._thread, self._kernel.balances)

    def events(self, *kinds: type[Event]) -> BlockingStream[Event | EventsMissed]:
        """Return a stream of events of these kinds, of all kinds when none is named."""
        stream = _read(self._thread, lambda: self._kernel.events.stream(*kinds))
        return BlockingStream(self._thread, stream)

    def set_trading_state(self, state: TradingState, *, reason: str, by: str = OPERATOR) -> CommandResult:
        """Set the trading state and return when that is durable; see `Kernel.set_trading_state`."""
        return self._thread.wait_for(lambda: self._kernel.set_trading_state(state, reason=reason, by=by))

    def resolve_not_placed(self, client_order_id: str, *, note: str) -> CommandResult:
        """Record that an unresolved order was never placed; see `Kernel.resolve_not_placed`."""
        return self._thread.wait_for(lambda: self._kernel.resolve_not_placed(client_order_id, note=note))

    def resolve_missing(self, client_order_id: str, *, note: str) -> CommandResult:
        """Record that a working order which the venue does not know is over; see `Kernel.resolve_missing`."""
        return self._thread.wait_for(lambda: self._kernel.resolve_missing(client_order_id, note=note))

    def adopt_order(
        self, venue_order_id: str, *, owner: str, book: str = "", symbol: str = "", note: str = ""
    ) -> CommandResult:
        """Take over an order of the account that nobody here sent; see `Kernel.adopt_order`."""
        return self._thread.wait_for(
            lambda: self._kernel.adopt_order(venue_order_id, owner=owner, book=book, symbol=symbol, note=note)
        )

    def accept_drift(
        self,
        symbol: str,
        *,
        at_venue: Number,
        note: str,
        book: str = OPERATOR,
        price: Number | None = None,
    ) -> CommandResult:
        """Record that the venue's net position is right; see `Kernel.accept_drift`."""
        return self._thread.wait_for(
            lambda: self._kernel.accept_drift(symbol, at_venue=at_venue, note=note, book=book, price=price)
        )

    def accept_balance(self, asset: str, *, at_venue: Number, note: str) -> CommandResult:
        """Record that the venue's balance of an asset is right; see `Kernel.accept_balance`."""
        return self._thread.wait_for(lambda: self._kernel.accept_balance(asset, at_venue=at_venue, note=note))

    def reconcile(self, reason: str = "asked for") -> ReconcileReport:
        """Reconcile with the venue now."""
        return self._thread.wait_for(lambda: self._kernel.reconcile(reason))


def _read(thread: LoopThread, reading: Callable[[], _T]) -> _T:
    """Return what a reading of the kernel says, taken between two of its steps."""

    async def read() -> _T:
        return reading()

    return thread.wait_for(read)
