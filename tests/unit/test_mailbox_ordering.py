import itertools

import pytest
from rookery_orchestrator.mailbox.model import Priority
from rookery_orchestrator.mailbox.ordering import AGEING, DeliveryOrder

HIGH, NORMAL, LOW = Priority.HIGH, Priority.NORMAL, Priority.LOW


def deliver(order: DeliveryOrder, waiting: dict[Priority, int], step: int) -> list[Priority]:
    """What comes out when each step has so many credits, until nothing is waiting."""
    delivered = []
    while any(waiting.values()):
        pulled = {}
        for priority, count in order.plan(step, {each for each in waiting if waiting[each]}).items():
            pulled[priority] = [priority] * min(count, waiting[priority])
            waiting[priority] -= len(pulled[priority])
        delivered += order.arrange(pulled, {priority for priority in waiting if waiting[priority]})
    return delivered


@pytest.mark.capability("M2")
@pytest.mark.parametrize("count", [1, 3, 64])
def test_higher_priorities_come_first(count: int) -> None:
    waiting = {LOW: 2, NORMAL: 2, HIGH: 4}
    assert deliver(DeliveryOrder(), waiting, count) == [HIGH] * 4 + [NORMAL, NORMAL, LOW, LOW]


@pytest.mark.capability("M2")
@pytest.mark.parametrize("count", [1, 5, 64])
def test_while_it_has_mail_no_priority_waits_longer_than_the_ageing_bound(count: int) -> None:
    delivered = deliver(DeliveryOrder(), {HIGH: 1000, NORMAL: 1000, LOW: 100}, count)
    for priority in (NORMAL, LOW):
        places = [-1, *(place for place, other in enumerate(delivered) if other is priority)][:100]
        assert max(b - a for a, b in itertools.pairwise(places)) <= AGEING + 2
    assert delivered[: 10 * (AGEING + 2)].count(HIGH) == 10 * AGEING


def test_nothing_is_planned_when_nothing_is_ready() -> None:
    assert DeliveryOrder().plan(5, set()) == {}


def test_a_single_ready_priority_gets_every_credit() -> None:
    assert DeliveryOrder().plan(5, {LOW}) == {LOW: 5}


def test_a_plan_spends_every_credit_and_leaves_some_for_those_that_have_come_of_age() -> None:
    assert DeliveryOrder().plan(20, set(Priority)) == {HIGH: 16, NORMAL: 2, LOW: 2}


def test_a_priority_without_mail_gathers_no_age() -> None:
    order = DeliveryOrder()
    order.arrange({HIGH: [HIGH] * 10 * AGEING}, {HIGH})
    assert order.plan(2, {HIGH, LOW}) == {HIGH: 2}


def test_age_is_kept_from_one_step_to_the_next() -> None:
    order = DeliveryOrder()
    order.arrange({HIGH: [HIGH] * AGEING}, {HIGH, LOW})
    assert order.plan(1, {HIGH, LOW}) == {LOW: 1}


def test_the_order_within_a_priority_is_kept() -> None:
    mail = {LOW: ["l1", "l2"], HIGH: [f"h{number}" for number in range(AGEING + 1)]}
    expected = [f"h{number}" for number in range(AGEING)] + ["l1", f"h{AGEING}", "l2"]
    assert DeliveryOrder().arrange(mail, set()) == expected
