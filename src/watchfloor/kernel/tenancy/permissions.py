"""Which operation needs which permission, and which role has it: rbac.toml, read once."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

from watchfloor.kernel.errors import InvalidInput, SetupError

if TYPE_CHECKING:
    from collections.abc import Iterable

PLATFORM = "platform"


@dataclass(frozen=True)
class Policy:
    """The matrix: operation to permission, role to permissions."""

    operations: dict[str, str]
    roles: dict[str, frozenset[str]]

    def permission(self, operation: str) -> str:
        """Return what an operation needs; an unmapped one is refused, never open."""
        try:
            return self.operations[operation]
        except KeyError:
            message = f"operation {operation} has no permission: map it under [operations] in kernel/tenancy/rbac.toml"
            raise SetupError(message) from None

    def of_role(self, role: str) -> frozenset[str]:
        """Return a role's permissions; raises InvalidInput for a role that does not exist or cannot be given to a key."""
        if role == PLATFORM or role not in self.roles:
            message = f"there is no role {role[:40]!r}; choose from {', '.join(self.names())}"
            raise InvalidInput(message, field="/role")
        return self.roles[role]

    def names(self) -> list[str]:
        """Return the roles a key may have, most powerful first."""
        return [name for name in self.roles if name != PLATFORM]


@cache
def policy() -> Policy:
    """Read rbac.toml; a file that cannot be read stops the start."""
    try:
        plain = tomllib.loads((resources.files(__package__) / "rbac.toml").read_text(encoding="utf-8"))
        misplaced = next((role for role, held in plain["roles"].items() if not isinstance(held, list)), None)
        if misplaced is not None:
            raise TypeError(f"{misplaced} under [roles] is no list of permissions; operations stand under [operations]")  # noqa: TRY301 - one sentence for all
        return Policy(dict(plain["operations"]), {role: frozenset(held) for role, held in plain["roles"].items()})
    except (OSError, ValueError, KeyError, TypeError) as error:
        message = f"the permissions file rbac.toml cannot be read: {error}. Install Watchfloor again."
        raise SetupError(message) from error


@cache
def roles_with(permission: str) -> frozenset[str]:
    """Return the roles that hold a permission, of those that people and keys may have."""
    return frozenset(role for role in policy().names() if grants(policy().roles[role], permission))


def grants(held: Iterable[str], wanted: str) -> bool:
    """Tell whether one of the held permissions, which may end in a pattern such as job.run:*, covers the wanted one."""
    return any(one == wanted or ("*" in one and fnmatchcase(wanted, one)) for one in held)
