"""Everything of an event loop that reaches for the real world, refused."""

from __future__ import annotations

import asyncio
from typing import Any, NoReturn

from fairlead.testing.simulation_errors import OutsideSimulation


def _refused_method(name: str) -> Any:  # noqa: ANN401 - it stands in for methods of every signature
    def method(*_arguments: object, **_options: object) -> NoReturn:
        raise OutsideSimulation(
            f"loop.{name} is outside the simulation: the result would depend on the real world. "
            "Pass a fake through the port that needs it."
        )

    method.__name__ = name
    method.__doc__ = "Raise `OutsideSimulation`."
    return method


class NoOutsideWorld(asyncio.BaseEventLoop):
    """A loop without sockets, files, name look-ups, processes and signals.

    Each of the methods raises `OutsideSimulation` when it is called, not when it is awaited.
    """

    add_reader = _refused_method("add_reader")
    remove_reader = _refused_method("remove_reader")
    add_writer = _refused_method("add_writer")
    remove_writer = _refused_method("remove_writer")
    add_signal_handler = _refused_method("add_signal_handler")
    remove_signal_handler = _refused_method("remove_signal_handler")
    connect_accepted_socket = _refused_method("connect_accepted_socket")
    connect_read_pipe = _refused_method("connect_read_pipe")
    connect_write_pipe = _refused_method("connect_write_pipe")
    create_connection = _refused_method("create_connection")
    create_datagram_endpoint = _refused_method("create_datagram_endpoint")
    create_server = _refused_method("create_server")
    create_unix_connection = _refused_method("create_unix_connection")
    create_unix_server = _refused_method("create_unix_server")
    getaddrinfo = _refused_method("getaddrinfo")
    getnameinfo = _refused_method("getnameinfo")
    sendfile = _refused_method("sendfile")
    sock_accept = _refused_method("sock_accept")
    sock_connect = _refused_method("sock_connect")
    sock_recv = _refused_method("sock_recv")
    sock_recv_into = _refused_method("sock_recv_into")
    sock_recvfrom = _refused_method("sock_recvfrom")
    sock_recvfrom_into = _refused_method("sock_recvfrom_into")
    sock_sendall = _refused_method("sock_sendall")
    sock_sendfile = _refused_method("sock_sendfile")
    sock_sendto = _refused_method("sock_sendto")
    start_tls = _refused_method("start_tls")
    subprocess_exec = _refused_method("subprocess_exec")
    subprocess_shell = _refused_method("subprocess_shell")
