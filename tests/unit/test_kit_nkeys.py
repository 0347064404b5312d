import base64
import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from rookery_kit.nkeys import AccountKey, read_claims


def decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def test_a_seed_makes_the_same_key_again() -> None:
    key = AccountKey.generate()
    assert key.public.startswith("A")
    assert key.seed.startswith("SA")
    again = AccountKey.from_seed(key.seed)
    assert (again, again.seed, hash(again)) == (key, key.seed, hash(key))
    assert key != AccountKey.generate()
    assert key.seed not in repr(key)


@pytest.mark.parametrize("seed", ["", "SA", "nonsense!", "A" * 58, "A" * 56])
def test_what_is_no_seed_of_an_account_is_refused(seed: str) -> None:
    with pytest.raises(ValueError, match="not a seed"):
        AccountKey.from_seed(seed)


def test_a_seed_with_a_letter_changed_is_refused() -> None:
    seed = AccountKey.generate().seed
    changed = seed[:20] + ("A" if seed[20] != "A" else "B") + seed[21:]
    with pytest.raises(ValueError, match="not a seed"):
        AccountKey.from_seed(changed)


def test_claims_are_signed_and_name_their_issuer() -> None:
    key = AccountKey.generate()
    token = key.sign({"sub": "U", "nats": {"type": "user"}}, 17)
    claims = read_claims(token.encode())
    assert (claims["iss"], claims["iat"], claims["sub"], len(claims["jti"])) == (key.public, 17, "U", 52)
    head, body, signature = token.split(".")
    assert json.loads(decoded(head)) == {"typ": "JWT", "alg": "ed25519-nkey"}
    raw = base64.b32decode(key.public + "=" * (-len(key.public) % 8))[1:-2]
    Ed25519PublicKey.from_public_bytes(raw).verify(decoded(signature), f"{head}.{body}".encode())


@pytest.mark.parametrize("token", [b"", b"a.b", b"a.W10.c", b"a.!.c"])
def test_what_is_no_token_has_no_claims(token: bytes) -> None:
    with pytest.raises(ValueError, match=r".*"):
        read_claims(token)
