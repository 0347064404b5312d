"""The buckets of one replica, bounded in number."""

from collections import OrderedDict
from collections.abc import Iterator

from rookery_kit.rate_limits.bucket import BucketKey, TokenBucket


class Buckets:
    """Keeps the `most` buckets that were used last. One that is forgotten is full when it is used again."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._by_key: OrderedDict[BucketKey, TokenBucket] = OrderedDict()

    def __len__(self) -> int:
        return len(self._by_key)

    def __iter__(self) -> Iterator[TokenBucket]:
        return iter(self._by_key.values())

    def at(self, key: BucketKey, rate: int, now: float) -> TokenBucket:
        """The bucket of a key, filled up to `now` and going on at `rate`; a full one where it is not known."""
        bucket = self._by_key.get(key)
        if bucket is None:
            bucket = self._by_key[key] = TokenBucket(key, rate, now)
            if len(self._by_key) > self._most:
                self._by_key.popitem(last=False)
            return bucket
        self._by_key.move_to_end(key)
        bucket.refill(now)
        if bucket.rate != rate:
            bucket.retune(rate)
        return bucket
