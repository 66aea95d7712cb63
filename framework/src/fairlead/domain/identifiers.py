"""Names and identifiers: the shapes that are taken, and the refusal of everything else.

Text is never normalised: what looks alike but is not ASCII is refused, so two names that print the
same are the same.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence

from fairlead.errors import TextRefused

# fixed: stores, venues and files are built for these lengths; a longer id could not be read elsewhere
NAME_LENGTH_MAX = 64
KEY_LENGTH_MAX = 128
SYMBOL_LENGTH_MAX = 32
VENUE_TEXT_LENGTH_MAX = 256
METADATA_ENTRIES_MAX = 32
METADATA_VALUE_LENGTH_MAX = 1_024
TAGS_MAX = 32
EXCERPT_LENGTH = 40
"""How much of a refused text an error shows, escaped."""

# fixed: the shape of every client order id that was ever sent
ACCOUNT_TAG_DIGITS = 8
UNIQUE_DIGITS = 24
CLIENT_ORDER_ID_DIGITS = ACCOUNT_TAG_DIGITS + UNIQUE_DIGITS

# fixed: milliseconds since 1970 in eleven hexadecimal digits reach the year 2527
TIME_DIGITS = 11
DRAWN_DIGITS = UNIQUE_DIGITS - TIME_DIGITS

_PAIR = 2
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*", re.ASCII)
_KEY = re.compile(r"[!-~]+", re.ASCII)
_SYMBOL = re.compile(r"[A-Z0-9][A-Z0-9._-]*/[A-Z0-9][A-Z0-9._-]*(?::[A-Z0-9]+)?", re.ASCII)
_CLIENT_ORDER_ID = re.compile(r"[0-9a-f]{32}", re.ASCII)


def to_name(value: object, field: str) -> str:
    """Return an owner, book, account or plugin name; raise `TextRefused` for any other shape."""
    fix = "Use ASCII letters, digits, dot, dash and underscore, starting with a letter or digit."
    text = _matching(value, field, _NAME, NAME_LENGTH_MAX, fix)
    if ".." in text:
        raise TextRefused(field, f"{excerpt_of(text)} contains '..'", fix=fix)
    return text


def to_key(value: object, field: str) -> str:
    """Return an idempotency key: printable ASCII without spaces, at most 128 characters."""
    return _matching(value, field, _KEY, KEY_LENGTH_MAX, "Use printable ASCII without spaces.")


def to_symbol(value: object, field: str) -> str:
    """Return a symbol such as ``BTC/USDT``; case is not changed for you."""
    return _matching(value, field, _SYMBOL, SYMBOL_LENGTH_MAX, 'Write it like "BTC/USDT": upper case, ASCII.')


def to_client_order_id(value: object, field: str) -> str:
    """Return a client order id of ours: 32 lower-case hexadecimal digits."""
    fix = "Pass the client_order_id that execute() returned."
    return _matching(value, field, _CLIENT_ORDER_ID, CLIENT_ORDER_ID_DIGITS, fix)


def to_metadata(value: object, field: str) -> tuple[tuple[str, str], ...]:
    """Return the bot's own data as sorted pairs; refuses control characters and absurd sizes.

    Takes a mapping, the pairs that this function returned, or nothing.
    """
    if value is None or value == ():
        return ()
    if isinstance(value, tuple) and all(isinstance(pair, tuple) and len(pair) == _PAIR for pair in value):
        pairs = value
    elif isinstance(value, Mapping):
        pairs = tuple(value.items())
    else:
        problem = f"a {type(value).__name__} is not a mapping of text to text"
        raise TextRefused(field, problem, fix='Pass a dictionary such as {"signal": "breakout"}.')
    if len(pairs) > METADATA_ENTRIES_MAX:
        problem = f"more than {METADATA_ENTRIES_MAX} entries"
        raise TextRefused(field, problem, fix="Keep what is large in your own store, under the order's id.")
    taken = tuple(sorted(_entry(key, text, field) for key, text in pairs))
    if len({name for name, _ in taken}) < len(taken):
        raise TextRefused(field, "a key is given twice", fix="Give each key once.")
    return taken


def _entry(key: object, text: object, field: str) -> tuple[str, str]:
    name = to_name(key, f"{field} key")
    if not isinstance(text, str) or len(text) > METADATA_VALUE_LENGTH_MAX or not text.isprintable():
        problem = f"not printable text of at most {METADATA_VALUE_LENGTH_MAX} characters"
        raise TextRefused(
            f"{field}.{name}", problem, fix="Pass text on one line, without control characters."
        )
    return name, str.__str__(text)


def to_tags(value: object, field: str) -> tuple[str, ...]:
    """Return tags sorted, each once: at most 32 names."""
    if isinstance(value, str) or not isinstance(value, Sequence):
        problem = f"{excerpt_of(value)} is not a list of names"
        raise TextRefused(field, problem, fix='Pass a list such as ["breakout", "night"].')
    if len(value) > TAGS_MAX:
        raise TextRefused(field, f"more than {TAGS_MAX} tags", fix="Put the rest into metadata.")
    return tuple(sorted({to_name(tag, field) for tag in value}))


def to_line(value: object, field: str) -> str:
    """Return free text of a person: one printable line of at most 1,024 characters, not empty."""
    if isinstance(value, str) and 0 < len(value) <= METADATA_VALUE_LENGTH_MAX and value.isprintable():
        return str.__str__(value)
    problem = f"not printable text of at most {METADATA_VALUE_LENGTH_MAX} characters"
    raise TextRefused(field, problem, fix="Pass text on one line, without control characters.")


def venue_text(value: object, field: str) -> str:
    """Return text that came from a venue, or raise `TextRefused` when it could hurt a reader."""
    if isinstance(value, str) and 0 < len(value) <= VENUE_TEXT_LENGTH_MAX and value.isprintable():
        return value
    problem = f"{excerpt_of(value)} is not printable text of at most {VENUE_TEXT_LENGTH_MAX} characters"
    raise TextRefused(field, problem, fix="Report it to the author of the exchange plugin.")


def account_tag(account: str) -> str:
    """Return the eight hexadecimal digits with which every client order id of the account begins.

    Raises `TextRefused` for an account name with a shape that is not taken.
    """
    name = to_name(account, "account")
    return hashlib.sha256(name.encode()).hexdigest()[:ACCOUNT_TAG_DIGITS]


def new_order_id(tag: str, now_ms: int, drawn: str) -> str:
    """Return the client order id of an order that is made at *now_ms*, with `DRAWN_DIGITS` drawn digits.

    The time stands before what was drawn: orders of one time lie side by side in a store's index, so that the
    hundred-thousandth costs what the first did.
    """
    return f"{tag}{now_ms:0{TIME_DIGITS}x}{drawn}"


def is_client_order_id_of(name: str, tag: str) -> bool:
    """Tell whether the name has the shape of a client order id of the account with this tag."""
    return (
        len(name) == CLIENT_ORDER_ID_DIGITS
        and name.startswith(tag)
        and bool(_CLIENT_ORDER_ID.fullmatch(name))
    )


def adopted_order_id(tag: str, symbol: str, venue_order_id: str) -> str:
    """Return our id of an order that we did not send, made from the venue's.

    Always the same for the same order, so nothing has to be remembered to recognise it; the symbol is in
    it because some venues count their ids by symbol.
    """
    digest = hashlib.sha256(f"{symbol} {venue_order_id}".encode()).hexdigest()
    return tag + digest[:UNIQUE_DIGITS]


def _matching(value: object, field: str, shape: re.Pattern[str], length_max: int, fix: str) -> str:
    if not isinstance(value, str):
        raise TextRefused(field, f"a {type(value).__name__} is not text", fix=fix)
    if len(value) > length_max:
        raise TextRefused(field, f"longer than {length_max} characters", fix=fix)
    if not shape.fullmatch(value):
        raise TextRefused(field, f"{excerpt_of(value)} has a shape that is not taken", fix=fix)
    return str.__str__(value)  # an enumeration's member becomes the text that it stands for


def excerpt_of(value: object) -> str:
    """Return the beginning of a text, escaped; of anything else the type, for its repr is not ours."""
    if not isinstance(value, str):
        return f"a {type(value).__name__}"
    shown = ascii(value[:EXCERPT_LENGTH])
    return shown if len(value) <= EXCERPT_LENGTH else f"{shown} (shortened)"
