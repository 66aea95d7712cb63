"""A bot that places one order by the configuration beside it, and prints what became of it.

It names no plugin: ``python bot.py fairlead.toml QUANTITY [LINGER_MS]`` is the same program whatever is
configured. It lingers for those who are to be told of the order.
"""

from __future__ import annotations

import asyncio
import json
import sys

from fairlead import Kernel, Proposal


async def main(configuration: str, quantity: str, linger_ms: str = "0") -> None:
    """Place the order, and look it up again from what the kernel keeps."""
    async with Kernel.from_config(configuration) as kernel:
        wish = Proposal.buy("BTC/USDT", quantity=quantity, limit_price="98000")
        result = await kernel.session(owner="bot").execute(wish, idempotency_key=f"buy-{quantity}")
        await kernel.clock.sleep_ns(int(linger_ms) * 1_000_000)
        told = {
            "order": result.client_order_id,
            "denied": result.denied,
            "code": result.order.denial_code,
            "status": result.order.status.value,
            "live": len(kernel.orders(live_only=True)),
        }
    print(json.dumps(told))  # noqa: T201 - the test reads it


asyncio.run(main(*sys.argv[1:]))
