from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from rookery_auth.model import ApiKey

NOW = datetime(2026, 11, 21, tzinfo=UTC)
KEY = ApiKey("id", "acme", "user:admin", ("admin",), b"", NOW, None)
ROTATED = replace(KEY, generation=2, rotate_time=NOW + timedelta(days=9))


@pytest.mark.capability("A4")
def test_the_secret_of_a_request_is_told_again_for_a_day_while_it_is_the_present_one() -> None:
    hour = timedelta(hours=1)
    assert KEY.may_repeat_secret(1, NOW + hour)
    assert not KEY.may_repeat_secret(1, NOW + 24 * hour)
    assert not replace(KEY, revoke_time=NOW).may_repeat_secret(1, NOW + hour)
    assert not replace(KEY, expire_time=NOW + hour).may_repeat_secret(1, NOW + hour)


@pytest.mark.capability("A4")
def test_a_rotation_ends_the_telling_of_the_secret_before_and_begins_a_day_of_its_own() -> None:
    assert not ROTATED.may_repeat_secret(1, NOW)
    assert ROTATED.may_repeat_secret(2, NOW + timedelta(days=9, hours=23))
    assert not ROTATED.may_repeat_secret(2, NOW + timedelta(days=10))
