"""The words of a scan's part of reports in German; `tests/reports/test_translate.py` tells which are missing."""

from __future__ import annotations

from typing import Final

GERMAN: Final = {
    # Headings and columns.
    "Exposed services": "Erreichbare Dienste", "What changed": "Was sich geändert hat", "Open ports": "Offene Ports", "Hosts": "Rechner",
    "Addresses looked at": "Untersuchte Adressen", "Addresses that answered": "Antwortende Adressen", "Services found most": "Häufigste Dienste", "open ports": "offene Ports",
    "What": "Was", "Where": "Wo", "Port": "Port", "Change": "Änderung", "Before": "Vorher", "Now": "Jetzt", "Address": "Adresse", "Name": "Name", "Protocol": "Protokoll",
    "Service": "Dienst", "Product": "Produkt", "Version": "Version", "TLS": "TLS", "CPE": "CPE", "Certificate ends": "Zertifikat endet", "Open": "Offen",
    "Closed": "Geschlossen", "Filtered": "Gefiltert", "Not looked at": "Nicht untersucht", "Answers after": "Antwortet nach",
    # What the scan was.
    "Targets: {targets} and {more} more. Ports: {ports}. {ended}": "Ziele: {targets} und {more} weitere. Ports: {ports}. {ended}",
    "Targets: {targets}. Ports: {ports}. {ended}": "Ziele: {targets}. Ports: {ports}. {ended}",
    "Everything that was asked for was looked at.": "Alles Verlangte wurde untersucht.",
    "The scan was cancelled before its end.": "Der Scan wurde vor seinem Ende abgebrochen.",
    "The scan is in progress: this is what was known at the moment of this report.": "Der Scan läuft noch: das war zur Zeit dieses Berichts bekannt.",
    "Not everything was looked at.": "Nicht alles wurde untersucht.",
    # How it compares.
    "This is the first scan of these targets and ports: there is nothing to compare it with.":
        "Das ist der erste Scan dieser Ziele und Ports: es gibt nichts, womit er sich vergleichen ließe.",
    "Compared with the scan of {moment}.": "Verglichen mit dem Scan vom {moment}.", "Compared with the scan.": "Verglichen mit dem Scan davor.",
    "Only the first 1,000 changes of each kind are listed; the API counts all.": "Nur die ersten 1.000 Änderungen jeder Art sind aufgeführt; die API zählt alle.",
    "Not compared, because one of the scans did not look there: {hosts} hosts and {ports} ports.":
        "Nicht verglichen, weil einer der Scans dort nicht hinsah: {hosts} Rechner und {ports} Ports.",
    "Nothing changed, or there is no earlier scan to compare with.": "Nichts hat sich geändert, oder es gibt keinen früheren Scan zum Vergleich.",
    "No open port was seen.": "Kein offener Port wurde gesehen.", "No address answered.": "Keine Adresse antwortete.",
    # What it cannot speak for.
    "{count} ports were not looked at, because time ran out or the scope changed meanwhile.":
        "{count} Ports wurden nicht untersucht, weil die Zeit ablief oder sich der Umfang inzwischen änderte.",
    "{count} ports were not looked at, because a part of the scan was given up: {reason}":
        "{count} Ports wurden nicht untersucht, weil ein Teil des Scans aufgegeben wurde: {reason}",
    "Nothing was looked at: {reason}": "Nichts wurde untersucht: {reason}",
    # How it was done.
    "Every port was asked for a TCP connection; silent ones were asked again before they counted as filtered.":
        "Jeder Port wurde um eine TCP-Verbindung gebeten; stumme wurden noch einmal gefragt, ehe sie als gefiltert galten.",
    "What answers was identified from its greeting, its answer to a plain HTTP request and its TLS handshake. Nobody signed in anywhere.":
        "Was antwortet, wurde an seiner Begrüßung, seiner Antwort auf eine einfache HTTP-Anfrage und seinem TLS-Handschlag erkannt. Niemand meldete sich irgendwo an.",
}  # fmt: skip
