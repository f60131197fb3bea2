"""Find what gives access, and who somebody is, in what targets answer: passwords, tokens, cookies, private keys, mail addresses. Pure."""

from __future__ import annotations

import re
from typing import Final

MASK: Final = "[masked]"
VALUE: Final = r"(?:\"[^\"\n]{0,2000}\"|'[^'\n]{0,2000}'|[^\s,;&|\"'<>]{1,2000})"
IS: Final = r"\"?'?\s{0,3}[:=]\s{0,3}"
# What a program calls a secret, words before and behind it included: AWS_SECRET_ACCESS_KEY, client_secret, password_hash.
NAME: Final = (
    r"(?<![A-Za-z0-9])(?:[A-Za-z0-9]{1,40}[_.-]){0,6}(?:password|passphrase|passwd|passwort|pwd|(?<=[_.])pass|secret|token|credentials?|api[_-]?key|access[_-]?key|"
    r"private[_-]?key)(?:[_-][A-Za-z0-9]{1,40}){0,3}"
)
# Words of which one stands in every text that a pattern finds something in, in small letters; most texts are spared the pattern.
PATTERNS: Final = tuple(
    (words, re.compile(pattern), to)
    for words, pattern, to in (
        (("private key-----",), r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[^-]{0,20000}(?:-----END [A-Z ]{0,40}PRIVATE KEY-----)?", MASK),
        # A value behind a comma is part of the secret, and so is a cookie behind a semicolon.
        (
            ("authorization",),
            (
                rf"(?i)\b((?:proxy-)?authorization{IS})(?:(?:basic|bearer|digest|negotiate|ntlm|token)\s{{1,3}})?{VALUE}"
                rf"(?:\s{{0,3}},\s{{0,3}}[a-z]{{1,20}}={VALUE}|={VALUE}|\"[^\"\n]{{0,2000}}\"){{0,12}}"
            ),
            rf"\1{MASK}",
        ),
        (("set-cookie",), rf"(?i)\b(set-cookie{IS}){VALUE}", rf"\1{MASK}"),  # its attributes are evidence
        (("cookie",), rf"(?i)(?<!set-)\b(cookie{IS}){VALUE}(?:;\s{{0,3}}[^\s=;|]{{1,100}}={VALUE}){{0,50}}", rf"\1{MASK}"),
        (("pass", "pwd", "secret", "token", "credential", "key"), rf"(?i)({NAME}{IS}){VALUE}", rf"\1{MASK}"),
        (("sess", "sid="), rf"(?i)\b([a-z0-9_.-]{{0,40}}sess(?:ion)?(?:[_-]?id)?=|sid=){VALUE}", rf"\1{MASK}"),
        (("://",), r"(?<=://)[^/\s:@]{1,200}:[^/\s@]{1,200}(?=@)", MASK),
        # Tokens that say what they are: JSON web tokens, AWS, Google, GitHub, GitLab, npm, Stripe, Slack, and our own keys.
        (("eyj",), r"\beyJ[\w-]{6,4000}\.eyJ[\w-]{2,8000}(?:\.[\w-]{0,4000})?", MASK),
        (("akia", "asia", "aiza"), r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b|\bAIza[\w-]{35}", MASK),
        (("_", "glpat-", "xox"), r"\b(?:gh[opsur]_|github_pat_|glpat-|npm_|[rs]k_live_|xox[abeoprs]-|wf_)[\w-]{16,400}", MASK),
        (("@",), r"[\w.%+-]{1,64}@[\w.-]{1,253}\.[^\W\d_]{2,24}\b", MASK),
    )
)
WORDS: Final = tuple(dict.fromkeys(word for words, _, _ in PATTERNS for word in words))


def masked(text: str) -> str:
    """Return text without passwords, tokens, cookies, private keys and mail addresses."""
    small = text.lower()
    if not any(map(small.__contains__, WORDS)):  # nearly all
        return text
    for words, pattern, to in PATTERNS:
        if any(word in small for word in words):
            text = pattern.sub(to, text)
    return text
