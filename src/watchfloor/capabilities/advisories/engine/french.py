"""The words of the advisories' part of reports in French; `tests/reports/test_sections.py` tells which are missing."""

from __future__ import annotations

from typing import Final

FRENCH: Final = {
    # Headings and columns.
    "Known vulnerabilities": "Vulnérabilités connues", "Known to be exploited": "Exploitation connue", "in CISA's or the EU's catalog": "au catalogue de la CISA ou de l'UE",
    "Past their deadline": "Échéance dépassée", "Known vulnerabilities by band": "Vulnérabilités connues par niveau", "advisories": "avis",
    "Advisories that meet assets": "Avis touchant des actifs", "No advisory meets an asset.": "Aucun avis ne touche un actif.", "Advisory": "Avis", "Title": "Titre",
    "Priority": "Priorité", "Band": "Niveau", "Severity": "Gravité", "CVSS": "CVSS", "EPSS": "EPSS", "Known exploited": "Exploitée",
    "Ransomware": "Rançongiciel", "Due on": "Échéance", "Assets": "Actifs", "Since": "Depuis", "Gone": "Jusqu'au",
    # Words in cells.
    "critical": "critique", "high": "élevée", "medium": "moyenne", "low": "faible", "info": "info", "none": "aucune", "unknown": "inconnue",
    # Sentences.
    "{advisories} known vulnerabilities meet {assets} assets.": "Vulnérabilités connues : {advisories} ; actifs touchés : {assets}.",
    "{source} was last asked on {moment}.": "Dernière consultation de {source} : {moment}.",
    "Advisories of NVD, the CVE List, CISA's and the EU's catalogs, EUVD and EPSS are merged into one record for each CVE.":
        "Les avis de la NVD, de la CVE List, des catalogues de la CISA et de l'UE, de l'EUVD et d'EPSS sont fusionnés en une fiche par CVE.",
    "A priority from 0 to 100 weighs exploitation that is known, its likelihood, severity and how exposed the asset is.":
        "Une priorité de 0 à 100 pondère l'exploitation connue, sa probabilité, la gravité et l'exposition de l'actif.",
    "What an asset runs is known from its answers alone; a distribution's own corrections may not be visible there.":
        "Ce qui s'exécute sur un actif n'est connu que par ses réponses ; les correctifs propres à une distribution peuvent ne pas y être visibles.",
}  # fmt: skip
