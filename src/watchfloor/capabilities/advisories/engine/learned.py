"""Learn from CVEs that carry both which CPE product the words of a CNA mean. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

LEAST_SUPPORT = 3
LEAST_CONFIDENCE = 0.9

Name: TypeAlias = tuple[str, str]  # a CNA's vendor and product, as `names.normal` makes them
Product: TypeAlias = tuple[str, str, str]  # part, vendor and product of a CPE name
Evidence: TypeAlias = tuple[Name, Product]


@dataclass(frozen=True, kw_only=True)
class Meaning:
    """That a name means a product: in how many CVEs it does, and in how many it means another. A person's word is above both."""

    support: int = 0
    against: int = 0
    manual: bool = False

    @property
    def confidence(self) -> float | None:
        """Return how sure the meaning is, 0.9 to 1; None where it is not sure enough to be used."""
        if self.manual:
            return 1.0
        sure = self.support / max(1, self.support + self.against)
        return sure if self.support >= LEAST_SUPPORT and sure >= LEAST_CONFIDENCE else None


def evidence(names: Collection[Name], products: Collection[Product]) -> frozenset[Evidence]:
    """Return which names mean which products, as far as one CVE tells.

    Args:
        names: All names that the CNA uses.
        products: All vulnerable products by CPE, of whatever source.

    One name and one product belong together. Of several only those do whose words are the same, if no other name or product has them.
    """
    if len(names) == 1 and len(products) == 1:
        return frozenset((name, product) for name in names for product in products)
    alike = _alike(names, products)
    by_name, by_product = Counter(name for name, _ in alike), Counter(product for _, product in alike)
    return frozenset((name, product) for name, product in alike if by_name[name] == by_product[product] == 1)


def tally(cves: Iterable[Collection[Evidence]]) -> dict[Name, dict[Product, Meaning]]:
    """Return what many CVEs together say: each counts once for a meaning, and against the other meanings of that name."""
    seen: Counter[Name] = Counter()
    support: defaultdict[Name, Counter[Product]] = defaultdict(Counter)
    for one in cves:
        seen.update({name for name, _ in one})
        for name, product in set(one):
            support[name][product] += 1
    return {
        name: {product: Meaning(support=count, against=seen[name] - count) for product, count in counts.items()}
        for name, counts in support.items()
    }


def _alike(names: Iterable[Name], products: Iterable[Product]) -> list[Evidence]:
    """Return the pairs of the same words; the vendor may be called otherwise."""
    by_words: defaultdict[str, list[Product]] = defaultdict(list)
    for product in products:
        by_words[_letters(product[2])].append(product)
    return [(name, product) for name in names for product in by_words.get(_letters(name[1]), ())]


def _letters(text: str) -> str:
    return "".join(one for one in text if one.isalnum() or one in "+#")
