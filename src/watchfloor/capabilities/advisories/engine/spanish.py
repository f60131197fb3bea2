"""The words of the advisories' part of reports in Spanish; `tests/reports/test_sections.py` tells which are missing."""

from __future__ import annotations

from typing import Final

SPANISH: Final = {
    # Headings and columns.
    "Known vulnerabilities": "Vulnerabilidades conocidas", "Known to be exploited": "Con explotación conocida", "in CISA's or the EU's catalog": "en el catálogo de CISA o de la UE",
    "Past their deadline": "Fuera de plazo", "Known vulnerabilities by band": "Vulnerabilidades conocidas por nivel", "advisories": "avisos",
    "Advisories that meet assets": "Avisos que afectan a activos", "No advisory meets an asset.": "Ningún aviso afecta a un activo.", "Advisory": "Aviso", "Title": "Título",
    "Priority": "Prioridad", "Band": "Nivel", "Severity": "Gravedad", "CVSS": "CVSS", "EPSS": "EPSS", "Known exploited": "Explotada",
    "Ransomware": "Ransomware", "Due on": "Fecha límite", "Assets": "Activos", "Since": "Desde", "Gone": "Hasta",
    # Words in cells.
    "critical": "crítica", "high": "alta", "medium": "media", "low": "baja", "info": "info", "none": "ninguna", "unknown": "desconocida",
    # Sentences.
    "{advisories} known vulnerabilities meet {assets} assets.": "Vulnerabilidades conocidas: {advisories}; activos afectados: {assets}.",
    "{source} was last asked on {moment}.": "Última consulta a {source}: {moment}.",
    "Advisories of NVD, the CVE List, CISA's and the EU's catalogs, EUVD and EPSS are merged into one record for each CVE.":
        "Los avisos de NVD, de la CVE List, de los catálogos de CISA y de la UE, de EUVD y de EPSS se combinan en un registro por CVE.",
    "A priority from 0 to 100 weighs exploitation that is known, its likelihood, severity and how exposed the asset is.":
        "Una prioridad de 0 a 100 pondera la explotación conocida, su probabilidad, la gravedad y lo expuesto que está el activo.",
    "What an asset runs is known from its answers alone; a distribution's own corrections may not be visible there.":
        "Lo que se ejecuta en un activo se conoce solo por sus respuestas; las correcciones propias de una distribución pueden no verse ahí.",
}  # fmt: skip
