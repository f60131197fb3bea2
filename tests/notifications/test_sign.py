"""Signatures, against the public library and the standard's own examples."""

from __future__ import annotations

from base64 import b64decode, b64encode
from datetime import UTC, datetime, timedelta

import pytest
import standardwebhooks

from watchfloor.capabilities.notifications.engine import sign
from watchfloor.kernel.errors import Expired, Forged, InvalidInput

NOW = datetime.now(UTC).replace(microsecond=0)
OLD, NEW = sign.shared_key(bytes(range(24))), sign.shared_key(bytes(range(64)))
PRIVATE, PUBLIC = sign.key_pair(bytes(range(32)))
BODY = b'{"type":"finding.opened","data":{"title":"\xc3\xbc"}}'

# RFC 8032, section 7.1: seed, public key, message, signature.
RFC_8032 = [
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
]


@pytest.mark.parametrize("key", [OLD, NEW])
def test_the_public_library_takes_what_we_sign(key: str) -> None:
    headers = sign.signed_headers([key], "msg_1", datetime.now(UTC), BODY)  # the library looks at the clock
    assert standardwebhooks.Webhook(key).verify(BODY, headers)["type"] == "finding.opened"
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        standardwebhooks.Webhook(key).verify(BODY.replace(b"opened", b"openeD"), headers)


def test_we_take_what_the_public_library_signs() -> None:
    signature = standardwebhooks.Webhook(NEW).sign("msg_1", NOW, BODY.decode())
    headers = {"Webhook-Id": "msg_1", "Webhook-Timestamp": str(int(NOW.timestamp())), "Webhook-Signature": signature}
    sign.verify([NEW], headers, BODY, now=NOW)


def test_during_a_rotation_receivers_with_either_key_take_it() -> None:
    headers = sign.signed_headers([OLD, NEW, PRIVATE], "msg_1", datetime.now(UTC), BODY)
    assert [part.partition(",")[0] for part in headers["webhook-signature"].split(" ")] == ["v1", "v1", "v1a"]
    for key in (OLD, NEW):
        standardwebhooks.Webhook(key).verify(BODY, headers)
    for key in (OLD, NEW, PUBLIC, PRIVATE):
        sign.verify([key], headers, BODY, now=datetime.now(UTC))


@pytest.mark.parametrize(("seed", "public", "message", "signature"), RFC_8032)
def test_ed25519_signs_as_the_rfc_shows(seed: str, public: str, message: str, signature: str) -> None:
    private, shown = sign.key_pair(bytes.fromhex(seed))
    assert b64decode(shown.removeprefix("whpk_")).hex() == public
    assert b64decode(sign._signature(private, bytes.fromhex(message)).removeprefix("v1a,")).hex() == signature
    alone = "whsk_" + b64encode(bytes.fromhex(seed)).decode()
    assert sign.public_key(alone) == shown


@pytest.mark.parametrize("change", ["id", "timestamp", "body", "signature", "key"])
@pytest.mark.parametrize(("key", "other"), [(OLD, NEW), (PRIVATE, sign.key_pair(b"x" * 32)[1])])
def test_whatever_is_changed_is_noticed(key: str, other: str, change: str) -> None:
    headers, body, keys = sign.signed_headers([key], "msg_1", NOW, BODY), BODY, [key]
    match change:
        case "id":
            headers["webhook-id"] = "msg_2"
        case "timestamp":
            headers["webhook-timestamp"] = str(int(NOW.timestamp()) + 1)
        case "body":
            body = BODY[:-1] + b" "
        case "signature":
            version, _, text = headers["webhook-signature"].partition(",")
            headers["webhook-signature"] = f"{version},{b64encode(b64decode(text)[::-1]).decode()}"
        case _:
            keys = [other]
    with pytest.raises(Forged):
        sign.verify(keys, headers, body, now=NOW)


@pytest.mark.parametrize("away", [timedelta(minutes=-6), timedelta(minutes=6), timedelta(days=400)])
def test_a_message_of_another_time_is_refused(away: timedelta) -> None:
    headers = sign.signed_headers([OLD], "msg_1", NOW, BODY)
    with pytest.raises(Expired):
        sign.verify([OLD], headers, BODY, now=NOW + away)


@pytest.mark.parametrize("headers", [
    {}, {"webhook-id": "a", "webhook-timestamp": "1"}, {"webhook-id": "a", "webhook-timestamp": "-1", "webhook-signature": "v1,x"},
    {"webhook-id": "a", "webhook-timestamp": "1e9", "webhook-signature": "v1,x"},
    {"webhook-id": "a", "webhook-timestamp": "9" * 5000, "webhook-signature": "v1,x"},
    {"webhook-id": "a", "webhook-timestamp": "1", "webhook-signature": "v1, v2,AAAA v1a,AAAA v1,%%%"},
])  # fmt: skip
def test_headers_of_no_shape_are_forged(headers: dict[str, str]) -> None:
    with pytest.raises(Forged):
        sign.verify([OLD, PUBLIC], headers, BODY, now=NOW)


@pytest.mark.parametrize(
    "key",
    ["", "secret", "whsec_", "whsec_%%%", "whsec_" + b64encode(b"x" * 23).decode(), "whsec_" + b64encode(b"x" * 65).decode(), PUBLIC,
     "whsk_" + b64encode(b"x" * 31).decode(), "whsk_" + b64encode(b"x" * 64).decode()],
)  # fmt: skip
def test_a_key_that_cannot_sign_is_said_to_be_one_and_not_shown(key: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        sign.signed_headers([key], "msg_1", NOW, BODY)
    assert not key[6:] or key[6:] not in str(caught.value)
