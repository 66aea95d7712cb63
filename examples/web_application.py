"""A kernel inside a web application's event loop: FastAPI under uvicorn.

The application's life is the kernel's: it is started before the first request is taken and stopped
after the last one. `python examples/web_application.py --folder . --port 8000`, then
`curl -X POST 'http://127.0.0.1:8000/orders?quantity=0.001&limit_price=90000'`.
"""

from __future__ import annotations

import argparse
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse

from fairlead import Kernel, KernelSettings, Proposal, Session
from fairlead.errors import InvalidInput, UnknownName


def application(folder: Path) -> FastAPI:
    """Return the application, with a kernel on the paper venue."""
    tables: dict[str, dict[str, Any]] = {
        "paper": {"account": "web", "venue": {"tape": "shipped", "file": str(folder / "venue.sqlite")}},
        "sqlstore": {"path": str(folder / "kernel.sqlite")},
        "riskhooks": {"minimum_size": {}, "maximum_positions": {"total": 3}},
    }
    kernel = Kernel(
        KernelSettings(account="web", on_stop="leave"),
        plugins=["paper", "sqlstore", "riskhooks"],
        tables=tables,
    )

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with kernel:
            yield

    app = FastAPI(lifespan=lifespan)
    add_routes(app, kernel.session(owner="web"))
    return app


def add_routes(app: FastAPI, bot: Session) -> None:
    """Register what can be asked of the application."""

    @app.exception_handler(InvalidInput)
    async def refused(_request: Request, error: InvalidInput) -> JSONResponse:
        return JSONResponse({"error": error.what, "fix": error.fix}, status_code=422)

    @app.post("/orders")
    async def place(quantity: str, limit_price: str, key: str | None = None) -> dict[str, str]:
        wish = Proposal.buy("BTC/USDT", quantity=quantity, limit_price=limit_price)
        result = await bot.execute(wish, idempotency_key=key)
        return {"client_order_id": result.client_order_id, "status": result.status, "reasons": result.reasons}

    @app.get("/orders/{client_order_id}")
    async def show(client_order_id: str) -> dict[str, str]:
        order = await bot.find_order(client_order_id)
        if order is None:
            raise HTTPException(404, "There is no such order.")
        return {"status": order.status, "filled": str(order.filled_quantity)}

    @app.delete("/orders/{client_order_id}")
    async def cancel(client_order_id: str) -> dict[str, bool]:
        try:
            return {"accepted": (await bot.cancel(client_order_id)).accepted}
        except UnknownName:
            raise HTTPException(404, "There is no such order.") from None


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=Path())
    parser.add_argument("--port", type=int, default=8000)
    arguments = parser.parse_args()
    uvicorn.run(application(arguments.folder), host="127.0.0.1", port=arguments.port)
