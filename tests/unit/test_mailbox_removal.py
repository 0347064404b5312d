"""What may be purged: never mail that somebody may still have to settle."""

import pytest
from nats.js.api import ConsumerInfo
from rookery_orchestrator.mailbox.broker import Handle
from rookery_orchestrator.mailbox.model import Priority
from rookery_orchestrator.mailbox.removal import Lane


def standing(*, delivered: tuple[int, int] = (0, 0), pending: int = 0, created: int = 2026) -> ConsumerInfo:
    """A consumer that has made so many deliveries, up to so high a place, of which so many are unsettled."""
    deliveries, place = delivered
    info: ConsumerInfo = ConsumerInfo.from_response(
        {
            "name": "mail",
            "stream_name": "MAIL",
            "config": {},
            "created": f"{created}-01-01T00:00:00Z",
            "delivered": {"consumer_seq": deliveries, "stream_seq": place},
            "num_ack_pending": pending,
        }
    )
    return info


def mail(place: int, delivery: int) -> Handle:
    return Handle(place, Priority.NORMAL, 1, f"token-{place}", delivery=delivery)


@pytest.fixture
def lane() -> Lane:
    lane = Lane()
    lane.begin(standing())
    return lane


def test_everything_before_the_oldest_unsettled_mail_can_go(lane: Lane) -> None:
    several = [mail(10, 1), mail(14, 2), mail(15, 3)]
    lane.pulled(several)
    assert lane.removable_below() == 10
    lane.settle(several[0], 0.0)
    assert lane.removable_below() == 14
    lane.settle(several[2], 0.0)
    assert lane.removable_below() == 14
    lane.settle(several[1], 0.0)
    assert lane.removable_below() == 16
    assert lane.may_purge


def test_nothing_beyond_what_was_delivered_can_go(lane: Lane) -> None:
    lane.pulled([mail(10, 1)])
    lane.settle(mail(10, 1), 0.0)
    assert lane.removable_below() == 11


def test_a_gap_in_the_deliveries_means_that_another_stream_has_mail(lane: Lane) -> None:
    lane.pulled([mail(10, 1), mail(12, 3)])
    assert not lane.may_purge


def test_a_consumer_with_mail_out_elsewhere_is_not_clear() -> None:
    lane = Lane()
    lane.begin(standing(delivered=(7, 20), pending=2))
    purgeable_before = lane.may_purge
    lane.begin(standing(delivered=(7, 20)))
    lane.pulled([mail(21, 8)])
    assert (purgeable_before, lane.may_purge) == (False, True)


def test_what_was_given_back_is_not_forgotten_by_a_purge(lane: Lane) -> None:
    lane.pulled([mail(10, 1), mail(11, 2)])
    lane.returned(mail(10, 1))
    lane.settle(mail(11, 2), 0.0)
    purgeable_before = lane.may_purge
    lane.pulled([mail(10, 3)])
    assert (purgeable_before, lane.may_purge) == (False, True)
    assert lane.removable_below() == 10


def test_mail_that_comes_again_after_it_was_settled_is_out_again(lane: Lane) -> None:
    lane.pulled([mail(10, 1)])
    lane.settle(mail(10, 1), 0.0)
    lane.pulled([mail(10, 2)])
    assert lane.removable_below() == 10
    assert not lane.settled


def test_mail_that_was_buried_holds_nothing_up(lane: Lane) -> None:
    lane.pulled([mail(10, 1), mail(11, 2)])
    lane.gone(mail(10, 1))
    assert lane.removable_below() == 11


def test_a_consumer_made_anew_is_asked_for_what_is_out(lane: Lane) -> None:
    lane.pulled([mail(10, 1), mail(11, 2)])
    lane.begin(standing(created=2027))
    # It begins at the beginning, and what is out is known to be out.
    lane.pulled([mail(10, 1)])
    assert lane.may_purge
    assert lane.removable_below() == 10


def test_a_consumer_that_is_still_the_same_goes_on_counting(lane: Lane) -> None:
    lane.pulled([mail(10, 1), mail(11, 2)])
    lane.begin(standing(delivered=(2, 11), pending=2))
    lane.pulled([mail(12, 3)])
    assert lane.may_purge
    assert lane.removable_below() == 10
