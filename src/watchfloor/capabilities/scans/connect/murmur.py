"""The hash by which favicons are known: 32-bit MurmurHash3 of the file in base64. Source: Austin Appleby's public-domain description."""

from __future__ import annotations

import base64

_MASK = 0xFFFFFFFF


def _rotate(value: int, by: int) -> int:
    return (value << by | value >> (32 - by)) & _MASK


def murmur3(data: bytes, seed: int = 0) -> int:
    """Return the x86 32-bit hash as a signed number."""
    found, body = seed, len(data) & ~3
    for at in range(0, body, 4):
        block = int.from_bytes(data[at : at + 4], "little") * 0xCC9E2D51 & _MASK
        found = (_rotate(found ^ _rotate(block, 15) * 0x1B873593 & _MASK, 13) * 5 + 0xE6546B64) & _MASK
    tail = int.from_bytes(data[body:], "little") * 0xCC9E2D51 & _MASK
    found ^= (_rotate(tail, 15) * 0x1B873593 & _MASK) ^ len(data)
    found = (found ^ found >> 16) * 0x85EBCA6B & _MASK
    found = (found ^ found >> 13) * 0xC2B2AE35 & _MASK
    found ^= found >> 16
    return found - (1 << 32) if found >> 31 else found


def favicon_hash(icon: bytes) -> int:
    """Return the hash that search engines of the field list: over base64 in lines of 76 characters, as MIME writes it."""
    return murmur3(base64.encodebytes(icon))
