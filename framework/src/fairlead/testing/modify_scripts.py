"""What may become of a modify at the scripted exchange, beside its being done."""

from __future__ import annotations

from fairlead.ports.exchange import Answer, ModifyRequest, Outcome
from fairlead.testing.scripted_exchange import ModifyScript, ScriptedExchange, hangs, modifies

__all__ = ["answers_modify", "hangs", "loses_modify", "loses_modify_answer", "modifies"]


async def loses_modify(_exchange: ScriptedExchange, _request: ModifyRequest) -> Answer:
    """The change never arrives, and nobody says so."""
    raise ConnectionResetError("the request was lost")


async def loses_modify_answer(exchange: ScriptedExchange, request: ModifyRequest) -> Answer:
    """The change is done, and its acknowledgement is lost."""
    exchange.change(request)
    raise ConnectionResetError("the answer was lost")


def answers_modify(
    outcome: Outcome, reason: str = "", retry_after_ns: int = 0, *, names_rules: bool = False
) -> ModifyScript:
    """Nothing is changed, and the venue or the client says so."""

    async def script(_exchange: ScriptedExchange, _request: ModifyRequest) -> Answer:
        return Answer(outcome, reason=reason, retry_after_ns=retry_after_ns, names_rules=names_rules)

    return script
