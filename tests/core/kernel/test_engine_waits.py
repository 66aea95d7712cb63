"""Who waits at the door, for an order, a closing, a change or an answer, and what each is told."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from fairlead.domain.change_records import ChangeDenied, ChangeEnded, ChangeRequested, ChangeUnresolved
from fairlead.domain.changes import Change, ChangeKind, Terms, change_result
from fairlead.domain.closings import CloseCode, Closing, result_of
from fairlead.domain.command_records import ClosingEnded, ClosingRequested
from fairlead.domain.numbers import ONE, ZERO
from fairlead.domain.order_table import OrderEvent, OrderState
from fairlead.domain.orders import view_of
from fairlead.domain.records import (
    AttemptStarted,
    OrderEventNoted,
)
from fairlead.errors import InvalidInput, InvariantBroken, JournalUnavailable
from fairlead.kernel.core.effects import (
    AnswerCommand,
    AnswerWaiting,
    AnswerWithOrder,
    RefuseRepeat,
    SendCancel,
    SendOrder,
    WakeAt,
)
from fairlead.kernel.core.inputs import TroubleSeen
from fairlead.kernel.engine.engine import Waiter, deliver
from fairlead.kernel.journal.outputs import Delivery, StepOutput
from tests.core.kernel.bench import BTC
from tests.core.kernel.engine_stage import Stage, decide_as_told, in_loop, values
from tests.core.kernel.folding import Fold, order

UNSENT: Any = None
TERMS = Terms(ONE)

WAKE = WakeAt("x", 9)
CANCEL = OrderEventNoted("x", OrderEvent.CANCELED, "done")
SENT = AttemptStarted("x", 1, 5, 9)


@pytest.fixture(autouse=True)
def decisions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the engine decide what a test says."""
    decide_as_told(monkeypatch)


# -- who waits ----------------------------------------------------------------------------------


@pytest.mark.parametrize("state", OrderState)
def test_an_order_is_waited_for_until_it_is_settled_or_closed(state: OrderState) -> None:
    """Settled is what is denied, over, unresolved or at the venue; closed is what nothing more comes of."""
    waited = Fold(order()).state.orders["x"]
    waited.state = state
    future: Any = None
    settled = state not in {OrderState.INITIALIZED, OrderState.APPROVED, OrderState.SUBMITTED}
    assert Waiter(future, until_closed=False).is_served_by(waited) is settled
    assert Waiter(future, until_closed=True).is_served_by(waited) is state.is_final


def test_a_change_is_waited_for_until_it_is_known_or_known_to_be_unknown() -> None:
    """Whoever waits for its end waits on while nobody knows; a closing has one end alone."""
    future: Any = None
    change = Change("c", ChangeKind.MODIFY, "x", "bot", ONE, None, None, False, 0)
    closing = Closing("k", "bot", BTC, "main", False, False, False, None, ONE, 0)
    waiters = [Waiter(future, until_closed=False), Waiter(future, until_closed=True)]
    served = []
    for unresolved, code in ((False, ""), (True, ""), (True, "MODIFIED")):
        change.unresolved, change.code, closing.code = unresolved, code, code and "CLOSED"
        served.append([waiter.is_served_by(subject) for subject in (change, closing) for waiter in waiters])
    assert served == [[False] * 4, [True, False, False, False], [True] * 4]


def test_who_waits_is_answered_when_the_order_got_there() -> None:
    """The others wait on; who gave up waiting is answered nothing; each with the order as it is then."""

    async def main() -> None:
        stage = Stage(order(), order("y"))
        gave_up, settled, closed, gave_up_too, settled_too = (
            stage.waits("x", until_closed=until_closed) for until_closed in (False, False, True, False, False)
        )
        gave_up.cancel()
        gave_up_too.cancel()
        last = stage.waits("x", until_closed=True)
        stage.waits("y")
        assert stage.engine.awaited == ["x", "y"]
        assert values(stage.step(SENT)) == []
        output = stage.step(OrderEventNoted("x", OrderEvent.OUTCOME_UNKNOWN, "lost"))
        assert output is not None
        view = view_of(stage.state.orders["x"])
        assert output.deliveries == [Delivery(each, view, "x", False) for each in (settled, settled_too)]
        output = stage.step(OrderEventNoted("x", OrderEvent.ABSENT, "never came"))
        assert output is not None
        view = view_of(stage.state.orders["x"])
        assert output.deliveries == [Delivery(each, view, "x", True) for each in (closed, last)]
        assert stage.engine.awaited == ["y"]

    in_loop(main)


def test_a_step_answers_everybody_it_touched_and_nobody_else() -> None:
    """Orders in the order in which it touched them, each once; orders, changes and closings alike."""

    async def main() -> None:
        stage = Stage(*(order(name) for name in "abcd"))
        for name in "dcba":
            stage.waits(name, until_closed=True)
        over = [OrderEventNoted(name, OrderEvent.NOT_SENT, "no") for name in "cad"]
        output = stage.step(over[0], over[1], AttemptStarted("b", 1, 5, 9), over[2])
        assert output is not None
        assert [each.client_order_id for each in output.deliveries] == ["c", "a", "d"]
        assert stage.engine.awaited == ["b"]

    in_loop(main)


def test_who_waits_for_a_change_or_a_closing_is_told_what_came_of_it() -> None:
    """By the record that ends it, whichever order that is about."""

    async def main() -> None:
        stage = Stage(
            order(),
            SENT,
            ChangeRequested("c", ChangeKind.MODIFY, "x", "bot", TERMS, True, ()),
            ClosingRequested("k", "bot", BTC, "main", False, False, False, None, ONE),
        )
        soon, end, closed = stage.waits("c"), stage.waits("c", until_closed=True), stage.waits("k")
        output = stage.step(ChangeUnresolved("x", "c", "lost", 70))
        change = stage.state.changes["c"]
        assert output is not None
        assert output.deliveries == [Delivery(soon, change_result(change), "c", False)]
        output = stage.step(ChangeEnded("x", "c", "NOT_DONE", "it was not"))
        assert output is not None
        assert output.deliveries == [Delivery(end, change_result(change), "c", True)]
        output = stage.step(ClosingEnded("k", CloseCode.CLOSED, "", ZERO, ONE, ZERO, 1, 5))
        assert output is not None
        assert output.deliveries == [Delivery(closed, result_of(stage.state.closings["k"]), "k", False)]
        assert stage.engine.awaited == []

    in_loop(main)


def test_who_came_too_late_is_answered_at_once() -> None:
    """With a step output of its own; when the order is not there yet nothing is given out."""

    async def main() -> None:
        stage = Stage(order(), order("y"), CANCEL)
        late, early = stage.waits("x"), stage.waits("y")
        stage.waits("nobody")
        for name in ("nobody", "y", "x", "x"):
            stage.engine.recheck(name)
        view = view_of(stage.state.orders["x"])
        assert stage.journal.added == [([], [], StepOutput(3, [], [Delivery(late, view, "x", False)], []))]
        assert not early.done()
        assert stage.engine.awaited == ["y", "nobody"]

    in_loop(main)


def test_every_effect_that_answers_is_carried_out() -> None:
    """Those that the shell sends between them are left to it; a command's answer goes to who asked, once."""

    async def main() -> None:
        stage = Stage(order("first"), OrderEventNoted("first", OrderEvent.CANCELED, "done"))
        engine = stage.engine
        number, command = engine.new_command()
        other_number, _ = engine.new_command()
        assert (number, other_number) == (1, 2)
        waiting, repeated, refused = stage.waits("w"), stage.waits("again"), stage.waits("odd")
        send = SendOrder(UNSENT, 1, 0)
        answer = AnswerCommand(number, True, "", "")
        output = stage.step(
            effects=(
                send,
                AnswerWaiting("w", "what is"),
                SendCancel("x", "V1", BTC),
                AnswerWithOrder("again", "first"),
                send,
                RefuseRepeat("odd", "key"),
                answer,
                answer,
                AnswerWaiting("nobody", "what is"),
            )
        )
        assert output is not None
        view = view_of(stage.state.orders["first"])
        assert [each.future for each in output.deliveries] == [waiting, repeated, refused, command]
        assert values(output)[:2] == ["what is", view]
        assert values(output)[3] is answer
        error = values(output)[2]
        assert isinstance(error, InvalidInput)
        assert (error.field, error.fix) == ("idempotency_key", "Use a new key for a new intent.")
        assert "'key' was used for another proposal" in str(error)
        assert engine.awaited == []
        assert len(output.effects) == 9

    in_loop(main)


def test_a_repeated_command_waits_for_the_first_ones_order() -> None:
    """With those who wait for it already, until it is settled."""

    async def main() -> None:
        stage = Stage(order("first"), AttemptStarted("first", 1, 5, 9))
        before, again = stage.waits("first"), stage.waits("again")
        assert values(stage.step(effects=(AnswerWithOrder("again", "first"),))) == []
        assert stage.engine.awaited == ["first"]
        output = stage.step(OrderEventNoted("first", OrderEvent.REJECTED, "no"))
        assert output is not None
        assert [each.future for each in output.deliveries] == [before, again]

    in_loop(main)


# -- steps that break, and recoveries --------------------------------------------------------


def test_a_step_that_breaks_gives_nothing_out_and_tells_who_asked() -> None:
    """What it touched is in doubt; whoever else waits for an answer waits on."""

    async def main() -> None:
        stage = Stage(order())
        broken: list[Exception] = []
        stage.engine.on_broken_step = broken.append
        (number, command), (_, other) = stage.engine.new_command(), stage.engine.new_command()
        waiting = stage.waits("x")
        unknown = OrderEventNoted("nobody", OrderEvent.CANCELED, "done")
        assert stage.step(CANCEL, unknown, effects=(WAKE,), command_id=number) is None
        assert [type(error) for error in broken] == [KeyError]
        assert stage.engine.doubtful == {"x", "nobody"}
        with pytest.raises(InvariantBroken, match="A bug in a step: KeyError"):
            command.result()
        assert not other.done()
        assert not waiting.done()
        assert stage.journal.added == []

    in_loop(main)


def test_who_waits_for_what_there_is_not_waits_on() -> None:
    """A denied change is none: its own answer ends the wait. A first command's order may be out of memory."""

    async def main() -> None:
        stage = Stage(order())
        waiting, repeated = stage.waits("c"), stage.waits("again")
        denied = ChangeDenied("c", ChangeKind.MODIFY, "x", "bot", TERMS, "TOO_LARGE", ())
        assert values(stage.step(denied)) == []
        assert values(stage.step(effects=(AnswerWithOrder("again", "not in memory"),))) == []
        assert stage.engine.awaited == ["c", "not in memory"]
        output = stage.step(effects=(AnswerWaiting("c", "denied"),))
        assert output is not None
        assert [(each.future, each.value) for each in output.deliveries] == [(waiting, "denied")]
        assert not repeated.done()

    in_loop(main)


def test_a_step_of_no_command_that_breaks_answers_nobody() -> None:
    """A report or a timer has no caller: whoever waits for the answer to a command waits on."""

    async def main() -> None:
        stage = Stage()
        broken: list[Exception] = []
        stage.engine.on_broken_step = broken.append
        commands = [stage.engine.new_command()[1] for _ in range(2)]
        stage.engine.process(TroubleSeen("no such kind", "x", "odd"))
        assert len(broken) == 1
        assert not [future for future in commands if future.done()]

    in_loop(main)


def test_what_a_recovery_discarded_is_told_to_commands_and_waited_for_anew() -> None:
    """Whoever waits for an order that is still there waits on, and how; of one that is gone hears why."""

    async def main() -> None:
        stage = Stage(order("kept"), order("also"))
        engine = stage.engine
        loop = asyncio.get_running_loop()
        command, waited, closing, gone = (loop.create_future() for _ in range(4))
        kept = stage.waits("kept")
        stage.waits("gone too")
        outputs = [
            StepOutput(1, [], [Delivery(command, "answer"), Delivery(waited, "view", "also", False)], []),
            StepOutput(2, [], [Delivery(closing, "view", "also", True), Delivery(gone, "view", "gone")], []),
        ]
        engine.take_back(outputs, "The journal failed.")
        assert engine.awaited == ["kept", "also"]
        for future in (command, gone):
            with pytest.raises(JournalUnavailable, match=r"The journal failed\.") as caught:
                future.result()
            assert caught.value.not_done == "The command was not recorded and nothing was sent."
        output = stage.step(OrderEventNoted("also", OrderEvent.NOT_SENT, "no"))
        assert output is not None
        assert [(each.future, each.until_closed) for each in output.deliveries] == [
            (waited, False),
            (closing, True),
        ]
        assert not kept.done()

    in_loop(main)


def test_outputs_that_will_never_be_given_out_end_their_waits() -> None:
    """All of them; one that was answered already keeps its answer."""

    async def main() -> None:
        stage = Stage()
        loop = asyncio.get_running_loop()
        first, second, third = (loop.create_future() for _ in range(3))
        second.set_result("before")
        outputs = [
            StepOutput(1, [], [Delivery(first, 1), Delivery(second, 2)], []),
            StepOutput(2, [], [Delivery(third, 3, "x")], []),
        ]
        stage.engine.fail_outputs(outputs, NotImplementedError("gone"))
        assert second.result() == "before"
        for future in (first, third):
            with pytest.raises(NotImplementedError, match="gone"):
                future.result()

    in_loop(main)


def test_when_the_kernel_stops_nobody_waits_any_more() -> None:
    """Neither for orders nor for the answer to a command."""

    async def main() -> None:
        stage = Stage(order(), order("y"))
        futures = [stage.waits("x"), stage.waits("x", until_closed=True), stage.waits("y")]
        futures += [stage.engine.new_command()[1] for _ in range(2)]
        stage.engine.fail_everyone(NotImplementedError("stopped"))
        for future in futures:
            with pytest.raises(NotImplementedError, match="stopped"):
                future.result()
        assert stage.engine.awaited == []

    in_loop(main)


def test_a_delivery_completes_whoever_still_waits() -> None:
    """With the value, or with the error that it is; who was answered or gave up is left alone."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        value, error, done = (loop.create_future() for _ in range(3))
        done.set_result("before")
        for future, each in ((value, "view"), (error, InvalidInput("field", "odd")), (done, "view")):
            deliver(Delivery(future, each))
        assert (value.result(), done.result()) == ("view", "before")
        with pytest.raises(InvalidInput):
            error.result()

    in_loop(main)
