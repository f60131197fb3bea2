"""Add to a service what the audit of its port found out. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from watchfloor.capabilities.scans.engine import certificate, ssh, tls, web

if TYPE_CHECKING:
    from watchfloor.capabilities.scans.schemas import PortAnswer, Service


def audited(service: Service, answer: PortAnswer) -> Service:
    """Return the service with what is known of its TLS, SSH and web pages; one with a distribution's revision is marked, because its fixes are back-ported."""
    found = tls.facts(answer)
    added: dict[str, Any] = {"tls": found, "ssh": ssh.facts(answer.ssh), "web": (page := web.facts(answer.web))}
    if found is not None and answer.tls is not None:
        first = certificate.read(answer.tls.certificate) if answer.tls.certificate else None
        added |= {"certificate": service.certificate or first, "tls_oldest": answer.tls.oldest}
        added |= {"tls_version": service.tls_version or answer.tls.version}
    added["title"] = service.title or (page.title if page else "")
    leaf = added.get("certificate") or service.certificate
    seen = {
        "distribution-package": bool(service.revision),
        "starttls": bool(answer.starttls),
        "wildcard-certificate": leaf is not None and any(name.startswith("*.") for name in leaf.names),
    }
    facts = (*service.facts, *(fact for fact, there in seen.items() if there), *answer.observed)
    return service.model_copy(update=added | {"facts": tuple(dict.fromkeys(facts))})
