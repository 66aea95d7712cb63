"""The URL of an endpoint, taken apart and refused in the configuration when it could not be meant."""

from __future__ import annotations

import re
from ipaddress import IPv6Address
from urllib.parse import SplitResult, urlsplit

import attrs

from fairlead.errors import SettingRefused
from fairlead.ports.settings import Secret
from fairlead_webhook.guard import Address, to_address

# fixed: what the URL standard and every server take
URL_LENGTH_MAX = 2_048
PORT_MAX = 65_535
_PORTS = {"https": 443, "http": 80}

_HOST = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)(\.(?!-)[a-z0-9-]{1,63}(?<!-))*", re.ASCII)
_NUMERIC_HOST = re.compile(r"(0x[0-9a-f]+|[0-9]+)(\.(0x[0-9a-f]*|[0-9]*))*", re.ASCII)
_PATH = re.compile(r"[!-~]*", re.ASCII)


@attrs.frozen(repr=False)
class Target:
    """Where an endpoint is. Host and port are no secret; the rest of the URL may be one."""

    scheme: str
    host: str
    port: int
    url: Secret = attrs.field(eq=False)

    @property
    def path(self) -> str:
        """Return path and query, as a request names them; they may hold a secret."""
        parts = urlsplit(self.url.reveal())
        return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")

    @property
    def address(self) -> Address | None:
        """Return the address when the host is one, and no name."""
        return to_address(self.host)

    @property
    def host_header(self) -> str:
        """Return the host as a request names it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    def __repr__(self) -> str:
        return f"Target({self.scheme}://{self.host_header}/...)"


def to_target(url: Secret, field: str = "url") -> Target:
    """Return the parts of a URL. Raises `SettingRefused`, which never shows the URL."""
    text = url.reveal()
    if len(text) > URL_LENGTH_MAX or not _PATH.fullmatch(text):
        raise _refused(field, f"is longer than {URL_LENGTH_MAX} characters or not printable ASCII")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise _refused(field, "is not a URL") from None
    if parts.scheme not in _PORTS:
        raise _refused(field, "is no https URL")
    if parts.username is not None or parts.password is not None:
        raise SettingRefused(
            field,
            "holds a user or password, which proxies and logs show",
            fix="Leave them out: the signature shows who sends.",
        )
    if parts.fragment or "#" in text:
        raise _refused(field, "holds a fragment (#), which is never sent")
    if port == 0:
        raise _refused(field, "has port 0")
    host = _host(parts, field)
    return Target(parts.scheme, host, port or _PORTS[parts.scheme], url)


def _host(parts: SplitResult, field: str) -> str:
    host = (parts.hostname or "").lower()
    if not host:
        raise _refused(field, "names no host")
    literal = to_address(host)
    if literal is not None:
        if isinstance(literal, IPv6Address) != parts.netloc.startswith("["):
            raise _refused(field, "writes an address in an odd way")
        return str(literal)
    if _NUMERIC_HOST.fullmatch(host):
        raise SettingRefused(
            field,
            "writes an address as one number, in octal or in hexadecimal",
            fix="Write the four numbers of the address, or better a name.",
        )
    if not _HOST.fullmatch(host) or "[" in parts.netloc:
        raise SettingRefused(
            field,
            "has a host that is no name of ASCII letters, digits and dashes",
            fix='Write a name in another script in its "xn--" form.',
        )
    return host


def _refused(field: str, problem: str) -> SettingRefused:
    return SettingRefused(field, problem, fix="Write it like https://example.com/hook.")
