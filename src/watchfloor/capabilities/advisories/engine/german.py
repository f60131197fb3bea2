"""The words of the advisories' part of reports in German; `tests/reports/test_sections.py` tells which are missing."""

from __future__ import annotations

from typing import Final

GERMAN: Final = {
    # Headings and columns.
    "Known vulnerabilities": "Bekannte Schwachstellen", "Known to be exploited": "Bekannt ausgenutzt", "in CISA's or the EU's catalog": "im Katalog der CISA oder der EU",
    "Past their deadline": "Frist überschritten", "Known vulnerabilities by band": "Bekannte Schwachstellen nach Stufe", "advisories": "Meldungen",
    "Advisories that meet assets": "Meldungen, die Assets treffen", "No advisory meets an asset.": "Keine Meldung trifft ein Asset.", "Advisory": "Meldung", "Title": "Titel",
    "Priority": "Priorität", "Band": "Stufe", "Severity": "Schweregrad", "CVSS": "CVSS", "EPSS": "EPSS", "Known exploited": "Bekannt ausgenutzt",
    "Ransomware": "Ransomware", "Due on": "Fällig am", "Assets": "Assets", "Since": "Seit", "Gone": "Weg seit",
    # Words in cells.
    "critical": "kritisch", "high": "hoch", "medium": "mittel", "low": "niedrig", "info": "Hinweis", "none": "keine", "unknown": "unbekannt",
    # Sentences.
    "{advisories} known vulnerabilities meet {assets} assets.": "Bekannte Schwachstellen: {advisories}; betroffene Assets: {assets}.",
    "{source} was last asked on {moment}.": "{source} wurde zuletzt gefragt am {moment}.",
    "Advisories of NVD, the CVE List, CISA's and the EU's catalogs, EUVD and EPSS are merged into one record for each CVE.":
        "Meldungen von NVD, CVE List, den Katalogen der CISA und der EU, EUVD und EPSS werden zu einem Datensatz je CVE vereinigt.",
    "A priority from 0 to 100 weighs exploitation that is known, its likelihood, severity and how exposed the asset is.":
        "Eine Priorität von 0 bis 100 wägt bekannte Ausnutzung, deren Wahrscheinlichkeit, den Schweregrad und die Erreichbarkeit des Assets.",
    "What an asset runs is known from its answers alone; a distribution's own corrections may not be visible there.":
        "Was auf einem Asset läuft, ist nur aus seinen Antworten bekannt; eigene Korrekturen einer Distribution sind dort nicht immer zu sehen.",
}  # fmt: skip
