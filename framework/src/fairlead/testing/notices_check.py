"""What must hold between a kernel's disk and its endpoint once the last kernel has come to rest."""

from __future__ import annotations

from fairlead.testing.endpoint import Endpoint
from fairlead.testing.kernel_world import KernelWorld
from fairlead.testing.notice_truth import NoticeTruth, Problems


def notice_problems(world: KernelWorld) -> Problems:
    """Return what is wrong with what the endpoint was told; nothing may be lost, out of order or made up.

    Whatever was durable was told at least once, in order by subject, over all kernels. Nothing was told
    that was not in the journal at that instant, and given up is only what the endpoint refused for good, or
    what was tried as often as it may be. Raises `ValueError` for a world without an endpoint.
    """
    endpoint, truth = world.endpoint, world.notice_truth
    if endpoint is None or truth is None:
        raise ValueError("this world has no endpoint; call open_endpoint before its first kernel is made")
    return [*truth.at_rest(), *endpoint.unfounded, *_given_up(endpoint, truth)]


def _given_up(endpoint: Endpoint, truth: NoticeTruth) -> Problems:
    """Return what was given up without a reason."""
    attempts_max = len(endpoint.delivery.retry_pauses_ms) + 1
    return [
        f"{event_id} was given up after {endpoint.tried[event_id]} attempts and was never refused"
        for event_id in sorted(truth.given_up() - endpoint.refused)
        if endpoint.tried[event_id] < attempts_max
    ]
