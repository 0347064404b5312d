from uuid import UUID, uuid4

from rookery_sdk.effect_ids import EffectIds

TASK = uuid4()


def test_the_same_effects_of_the_same_task_have_the_same_ids() -> None:
    first, again = EffectIds(TASK), EffectIds(TASK)
    assert [first.next("tool", b"a"), first.next("tool", b"b")] == [again.next("tool", b"a"), again.next("tool", b"b")]


def test_the_order_among_different_effects_does_not_matter() -> None:
    first, again = EffectIds(TASK), EffectIds(TASK)
    a, b = first.next("tool", b"a"), first.next("tool", b"b")
    assert (again.next("tool", b"b"), again.next("tool", b"a")) == (b, a)


def test_equal_effects_are_told_apart_by_their_number() -> None:
    ids = EffectIds(TASK)
    made = [ids.next("tool", b"a") for _ in range(100)]
    assert len(set(made)) == 100


def test_effects_differ_by_task_kind_and_content() -> None:
    ids = EffectIds(TASK)
    made = {
        ids.next("tool", b"a"),
        ids.next("message", b"a"),
        ids.next("tool", b"a", b""),
        ids.next("tool", b"", b"a"),
        EffectIds(uuid4()).next("tool", b"a"),
    }
    assert len(made) == 5


def test_an_id_is_a_uuid() -> None:
    made = EffectIds(TASK).next("tool")
    assert str(UUID(made)) == made
