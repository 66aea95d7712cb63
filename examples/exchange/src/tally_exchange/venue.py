"""The venue Tally as a process: ``python -m tally_exchange.venue --port 7711``.

One command is one ``POST /v1/<command>`` with a JSON object. What was done and what was not are both
answered with 200, as ``{"done": {...}}`` or ``{"complaint": {"code": ..., "text": ...}}``; 429 says that
nothing was looked at. With ``--playground`` it also takes ``/play/...``: trades of others, time that passes,
and answers that go wrong.
"""

from __future__ import annotations

import argparse
import json
import threading
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tally_exchange.book import Book, Complaint
from tally_exchange.venue_time import wall_ms

_ORDERS = ("place", "withdraw")


class Venue(ThreadingHTTPServer):
    """The server, its book, and what was planned to go wrong."""

    daemon_threads = True

    def __init__(self, port: int, page: int, *, playground: bool) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.playground = playground
        self.guard = threading.Lock()
        self.ahead_ms = 0
        self.book = Book(lambda: wall_ms() + self.ahead_ms, page)
        self.planned: dict[str, int] = {}
        self.parked: list[dict[str, Any]] = []

    def answer(self, path: str, asked: dict[str, Any]) -> tuple[int, bytes] | None:
        """Return status and body, or nothing where the answer gets lost; one request at a time."""
        with self.guard:
            command = path.rpartition("/")[2]
            if path.startswith("/play/") and self.playground:
                return 200, json.dumps(self._play(command, asked)).encode()
            fault = self._fault("order" if command in _ORDERS else "read")
            if fault == "limit":
                return 429, b""
            if fault in ("lose_request", "fail_read"):
                return None
            if fault == "delay_request":
                self.parked.append(asked)
                return None
            told = self._done(command, asked)
            if fault == "lose_answer":
                return None
            return 200, b"<html>502 Bad Gateway</html>" if fault else json.dumps(told).encode()

    def _done(self, command: str, asked: dict[str, Any]) -> dict[str, Any]:
        try:
            return {"done": self.book.do(command, asked)}
        except Complaint as complaint:
            return {"complaint": {"code": complaint.code, "text": complaint.text}}
        except (ArithmeticError, LookupError, TypeError) as error:
            return {"complaint": {"code": "UNREADABLE", "text": type(error).__name__}}

    def _play(self, command: str, asked: dict[str, Any]) -> dict[str, Any]:
        if command == "trade":
            self.book.trade(Decimal(asked["price"]), Decimal(asked["amount"]))
        if command == "pass":
            self.ahead_ms += asked["ms"]
            late, self.parked = self.parked, []
            for each in late:
                if self.book.now_ms() > each["take_until_ms"]:
                    self._done("place", each)
                else:
                    self.parked.append(each)
        if command == "plan":
            self.planned[asked["fault"]] = asked["after"]
        taken = sum(each.ref == asked.get("ref") for each in self.book.tickets)
        return {"now_ms": self.book.now_ms(), "taken": taken}

    def _fault(self, kind: str) -> str:
        for fault, left in self.planned.items():
            if (fault == "fail_read") is (kind == "read"):
                self.planned[fault] = left - 1
                if left == 0:
                    del self.planned[fault]
                    return fault
                return ""
        return ""


class Handler(BaseHTTPRequestHandler):
    """One request of one connection."""

    server: Venue

    def do_POST(self) -> None:
        """Answer, or close the connection without a word where the answer gets lost."""
        asked = json.loads(self.rfile.read(int(self.headers.get("Content-Length", "0"))) or b"{}")
        answer = self.server.answer(self.path, asked)
        if answer is None:
            return
        self.send_response(answer[0])
        if answer[0] == 429:  # noqa: PLR2004 - the protocol's
            self.send_header("Retry-After", "2")
        self.send_header("Content-Length", str(len(answer[1])))
        self.end_headers()
        self.wfile.write(answer[1])

    def log_message(self, *_: object) -> None:
        """Write no line for each request."""


def main() -> None:
    """Serve until the process ends; print the address first."""
    parser = argparse.ArgumentParser(prog="python -m tally_exchange.venue")
    parser.add_argument("--port", type=int, default=7711)
    parser.add_argument("--page", type=int, default=50, help="trades on a page")
    parser.add_argument("--playground", action="store_true", help="take /play/... too, for tests")
    given = parser.parse_args()
    with Venue(given.port, given.page, playground=given.playground) as venue:
        print(f"listening on 127.0.0.1:{venue.server_address[1]}", flush=True)
        venue.serve_forever()


if __name__ == "__main__":
    main()
