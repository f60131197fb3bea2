"""Sealing, wrapping, signing, hashing, key files and API keys."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import pytest

from watchfloor.kernel import security
from watchfloor.kernel.errors import Forged, SetupError, Unauthenticated

if TYPE_CHECKING:
    from pathlib import Path

KEY = bytes(range(32))
PLACE = b"org|job_payload|blob|1"


@pytest.mark.parametrize("plaintext", [b"", b"x", b"x" * 100_000])
def test_sealed_value_opens_in_its_place(plaintext: bytes) -> None:
    sealed = security.seal(KEY, plaintext, PLACE)
    assert security.open_(KEY, sealed, PLACE) == plaintext
    assert len(sealed) == len(plaintext) + security.SEALED_OVERHEAD_BYTES
    assert sealed[:2] == b"W1"
    assert security.sealed_kid(sealed) == security.key_id(KEY)


def test_sealed_value_opens_nowhere_else() -> None:
    sealed = security.seal(KEY, b"secret", PLACE)
    for key, place in [(KEY, b"org|job_payload|blob|2"), (KEY, b""), (bytes(32), PLACE)]:
        with pytest.raises(Forged) as caught:
            security.open_(key, sealed, place)
        assert caught.value.reason == "sealed"


def test_every_bit_of_a_sealed_value_counts() -> None:
    sealed = security.seal(KEY, b"secret", PLACE, kid=b"12345678")
    for at in range(len(sealed)):
        with pytest.raises(Forged):
            security.open_(KEY, sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :], PLACE)


@pytest.mark.parametrize("value", [b"", b"plain text that was never sealed, long enough to be one", b"W1" + bytes(20), b"W2" + bytes(90)])
def test_plaintext_is_refused(value: bytes) -> None:
    with pytest.raises(Forged) as caught:
        security.open_(KEY, value, PLACE)
    assert caught.value.reason == "plaintext"


def test_equal_values_seal_differently() -> None:
    assert security.seal(KEY, b"same", PLACE) != security.seal(KEY, b"same", PLACE)


def test_purposes_have_unrelated_keys() -> None:
    names = ("field", "artifact", "link", "webhook", "blind")
    assert len({security.purpose_key(KEY, name) for name in names} | {KEY}) == 6


def test_wrapped_key_belongs_to_one_organisation() -> None:
    org, dek = uuid4(), security.new_key()
    wrapped = security.wrap_key(KEY, org, dek)
    assert dek not in wrapped
    assert security.unwrap_key(KEY, org, wrapped) == dek
    for kek, other, value in [(KEY, uuid4(), wrapped), (bytes(32), org, wrapped), (KEY, org, wrapped[:-1]), (KEY, org, b"")]:
        with pytest.raises(Forged) as caught:
            security.unwrap_key(kek, other, value)
        assert caught.value.reason == "wrapped"


def test_key_file_is_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "kek"
    key = security.create_key_file(path)
    assert path.stat().st_mode & 0o777 == 0o400
    assert security.read_key_file(path) == key
    with pytest.raises(SetupError, match="never replaced"):
        security.create_key_file(path)
    for mode in (0o440, 0o404, 0o420, 0o401):
        path.chmod(mode)
        with pytest.raises(SetupError, match="chmod 0400"):
            security.read_key_file(path)


@pytest.mark.parametrize("text", ["", "ab" * 31, "ab" * 33, "zz" * 32, "ab" * 31 + " a", "é" * 64, "0x" + "ab" * 31])
def test_key_file_with_anything_else_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "kek"
    path.write_text(text, encoding="utf-8")
    path.chmod(0o400)
    with pytest.raises(SetupError, match="64 hexadecimal digits"):
        security.read_key_file(path)


def test_key_file_missing_linked_or_special_is_refused(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "kek")
    security.create_key_file(tmp_path / "kek")
    for name in ("nothing", "link", "."):
        with pytest.raises(SetupError):
            security.read_key_file(tmp_path / name)
    with pytest.raises(SetupError, match="cannot be created"):
        security.create_key_file(tmp_path / "no" / "kek")


def test_signature_fits_one_key_and_one_text() -> None:
    signer = security.Signer()
    signature = signer.sign(b"data")
    assert security.signature_fits(signer.public, signature, b"data")
    assert not security.signature_fits(signer.public, signature, b"date")
    assert not security.signature_fits(security.Signer().public, signature, b"data")
    assert not security.signature_fits(b"short", signature, b"data")
    assert not security.signature_fits(signer.public, b"", b"data")
    assert security.Signer(KEY).public == security.Signer(KEY).public
    assert KEY.hex() not in repr(security.Signer(KEY))


def test_blind_index_keeps_contexts_apart() -> None:
    assert security.keyed_hash(KEY, "a", "b") == security.keyed_hash(KEY, b"a", "b")
    different = {
        security.keyed_hash(KEY, "a"),
        security.keyed_hash(KEY, "a", "b"),
        security.keyed_hash(KEY, "ab"),
        security.keyed_hash(KEY, "b", "a"),
        security.keyed_hash(bytes(32), "a"),
    }
    assert len(different) == 5


def test_api_key_reads_back_and_hides_its_secret() -> None:
    key = security.mint_api_key()
    assert security.parse_api_key(key.text) == key
    assert [len(part) for part in key.text.split("_")] == [2, 8, 43, 6]
    assert key.secret not in repr(key)
    stored = key.hash(KEY)
    assert security.api_key_fits(key, stored, KEY)
    assert not security.api_key_fits(security.mint_api_key(), stored, KEY)
    assert not security.api_key_fits(key, stored, bytes(32))


def test_mistyped_api_key_is_no_key() -> None:
    text = security.mint_api_key().text
    swapped = text[:20] + text[21] + text[20] + text[22:]
    wrong = [
        "",
        "wf_",
        text[:-1],
        text + "a",
        text[1:],
        "wx" + text[2:],
        text.upper(),
        text + "\n",
        text.replace("_", "-"),
        "é" + text[1:],
        "_" * len(text),
    ]
    for other in wrong + ([swapped] if swapped != text else []):
        with pytest.raises(Unauthenticated):
            security.parse_api_key(other)


@pytest.mark.parametrize("length", [0, 16, 31, 33])
def test_key_of_wrong_length_is_a_mistake_of_the_caller(length: int) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        security.seal(bytes(length), b"", b"")
    with pytest.raises(ValueError, match="32 bytes"):
        security.wrap_key(bytes(length), UUID(int=1), KEY)
