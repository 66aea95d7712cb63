"""Opening a venue from its settings: new, or continued from its file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import attrs

from fairlead_paper.desk import Desk
from fairlead_paper.exact import text_of
from fairlead_paper.rate_limit import Throttle
from fairlead_paper.records import CLIENT_ID_RULE_OF_FENCE, DepthRules, VenueRules
from fairlead_paper.settings import RateLimitSettings, VenueSettings, VenueTime
from fairlead_paper.tape import Tape, load_tape
from fairlead_paper.venue import Venue
from fairlead_paper.venue_file import VenueFile


def open_desk(settings: VenueSettings, wall_ns: Callable[[], int]) -> Desk:
    """Return the venue in operation; raises `ConfigurationRefused` when file, tape and settings disagree.

    *wall_ns* gives the time unless the settings say that the venue lives in the tape's.
    """
    tape = load_tape(settings.tape, settings.tape_symbol) if settings.tape else None
    venue = Venue(_rules_of(settings), settings.instruments)
    file = VenueFile(Path(settings.file), synchronous=settings.synchronous) if settings.file else None
    position = 0
    try:
        if file is not None and not file.is_new:
            position = file.load(venue, _setup(settings, tape))
        else:
            venue.open_account(settings.account, settings.balances)
            if file is not None:
                file.create(venue, _setup(settings, tape))
    except Exception:  # isolation point: whatever went wrong goes on, but the file is not left held
        if file is not None:
            file.close()
        raise
    venue.take_changes()
    now_ns = wall_ns if settings.time is VenueTime.CLOCK else None
    throttle = Throttle(settings.rate_limit)
    return Desk(venue, now_ns, tape=tape, position=position, file=file, throttle=throttle)


def _rules_of(settings: VenueSettings) -> VenueRules:
    return VenueRules(
        fence=settings.fence,
        client_id_rule=CLIENT_ID_RULE_OF_FENCE[settings.fence],
        participation=settings.participation,
        fill_page_size=settings.fill_page_size,
        locking=settings.locking,
        fee_in=settings.fee_in,
        queue_ahead=settings.queue_ahead,
        queue_ahead_trades=settings.queue_ahead_trades,
        queue_cancels=settings.queue_cancels,
        slippage_ticks=settings.slippage_ticks,
        slippage_rate=settings.slippage_rate,
        depth=settings.depth,
        quote_quantity=settings.quote_quantity,
    )


def _setup(settings: VenueSettings, tape: Tape | None) -> dict[str, object]:
    """Return what a file remembers, so that it is never continued under other rules."""
    return {
        "account": settings.account,
        "balances": {asset: text_of(total) for asset, total in sorted(settings.balances.items())},
        "fence": settings.fence.value,
        "fill_page_size": settings.fill_page_size,
        "instruments": [
            {key: None if value is None else str(value) for key, value in attrs.asdict(instrument).items()}
            for instrument in settings.instruments
        ],
        "depth": _texts_of(settings.depth),
        "fee_in": settings.fee_in.value,
        "locking": settings.locking.value,
        "queue_ahead": text_of(settings.queue_ahead),
        "queue_ahead_trades": text_of(settings.queue_ahead_trades),
        "queue_cancels": text_of(settings.queue_cancels),
        "slippage_rate": text_of(settings.slippage_rate),
        "slippage_ticks": settings.slippage_ticks,
        "quote_quantity": text_of(settings.quote_quantity),
        "rate_limit": _texts_of(settings.rate_limit),
        "participation": text_of(settings.participation),
        "tape": {"name": tape.name, "digest": tape.digest, "symbol": tape.symbol} if tape else None,
        "time": settings.time.value,
    }


def _texts_of(settings: RateLimitSettings | DepthRules | None) -> dict[str, str] | None:
    return None if settings is None else {key: str(value) for key, value in attrs.asdict(settings).items()}
