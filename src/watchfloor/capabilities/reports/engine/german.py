"""The words of reports in German; `tests/reports/test_words.py` tells which are missing."""

from __future__ import annotations

from typing import Final

GERMAN: Final = {
    # Severities, states and changes.
    "critical": "kritisch", "high": "hoch", "medium": "mittel", "low": "niedrig", "info": "Hinweis", "open": "offen", "accepted": "akzeptiert",
    "false positive": "Fehlalarm", "fixed": "behoben", "new": "neu", "returned": "wiedergekehrt", "unchanged": "unverändert",
    # Numbers and pictures.
    "No data.": "Keine Daten.", "Value": "Wert", "other": "übrige", "unknown": "unbekannt", "yes": "ja", "no": "nein", "all": "alle",
    "{count} more in the table": "{count} weitere in der Tabelle", "Numbers of this picture": "Zahlen zu diesem Bild", "findings": "Befunde",
    "{label}: {value}": "{label}: {value}",
    # Titles of reports.
    "Scan": "Scan", "{title} of {org}": "{title} – {org}", "What changed between two scans of {org}": "Änderungen zwischen zwei Scans – {org}",
    "Exposure of {tag}, {org}": "Angriffsfläche von {tag} – {org}", "Exposure of {org}": "Angriffsfläche – {org}",
    # Headings.
    "Exposure report": "Bericht zur Angriffsfläche", "data of": "Daten vom", "Contents": "Inhalt", "To the content": "Zum Inhalt", "Overview": "Überblick",
    "Findings": "Befunde", "Open findings": "Offene Befunde", "Open findings by severity": "Offene Befunde nach Schweregrad", "Gravest findings": "Schwerste Befunde",
    "Set aside": "Zurückgestellt", "Findings set aside": "Zurückgestellte Befunde", "Tables": "Tabellen", "What was not looked at": "Was nicht untersucht wurde",
    "How this was made": "Wie dies entstand", "About this report": "Über diesen Bericht", "Compared with the earlier scan": "Verglichen mit dem früheren Scan",
    # Columns.
    "Fingerprint": "Fingerabdruck", "Severity": "Schweregrad", "Priority": "Priorität", "Finding": "Befund", "Asset": "Asset", "Port": "Port", "Protocol": "Protokoll",
    "State": "Zustand", "Change": "Änderung", "CVE": "CVE", "Check": "Prüfung", "Found by": "Gefunden von", "Description": "Beschreibung", "Evidence": "Beleg",
    "Remedy": "Abhilfe", "References": "Verweise", "Reason": "Begründung", "Accepted until": "Akzeptiert bis", "Known exploited": "Bekannt ausgenutzt",
    "Fixed in": "Behoben in", "Product": "Produkt", "Version": "Version", "CPE": "CPE", "First seen": "Zuerst gesehen", "Last seen": "Zuletzt gesehen",
    "Fixed at": "Behoben am", "What to do": "Was zu tun ist", "No title.": "Ohne Titel.",
    # Sentences.
    "State of the data": "Zustand der Daten", "What follows is what was known then; more may be found.":
        "Das Folgende ist, was zu dieser Zeit bekannt war; es kann mehr gefunden werden.",
    "{urgent} of {findings} should be looked at first.": "{urgent} von {findings} sollten zuerst angesehen werden.",
    "{count} open finding": "{count} offenen Befund", "{count} open findings": "{count} offenen Befunden",
    "{count} open finding, neither critical nor high.": "{count} offener Befund, weder kritisch noch hoch.",
    "{count} open findings, none of them critical or high.": "{count} offene Befunde, keiner davon kritisch oder hoch.",
    "No open findings. This speaks only for what was looked at.": "Keine offenen Befunde. Das gilt nur für das, was untersucht wurde.",
    "No findings. This speaks only for what was looked at.": "Keine Befunde. Das gilt nur für das, was untersucht wurde.",
    "Nothing to show.": "Nichts anzuzeigen.",
    "Set aside, and not counted above": "Zurückgestellt und oben nicht gezählt",
    "Gravest first. Open a finding to read what was seen and what to do.": "Schwerste zuerst. Ein geöffneter Befund zeigt, was gesehen wurde und was zu tun ist.",
    "Accepted risks, false positives and what is fixed by now. They are not counted as open.":
        "Akzeptierte Risiken, Fehlalarme und inzwischen Behobenes. Sie zählen nicht als offen.",
    "Everything that was asked for was looked at. Anything else was not, and is not said to be safe.":
        "Alles Verlangte wurde untersucht. Alles andere nicht, und es gilt nicht als sicher.",
    "No section says how its facts were obtained.": "Kein Abschnitt sagt, wie seine Angaben gewonnen wurden.",
    "Made by Watchfloor. The same data gives the same file, byte for byte.": "Erstellt von Watchfloor. Gleiche Daten ergeben Byte für Byte die gleiche Datei.",
    # About the report.
    "Data of": "Daten vom", "Written for": "Geschrieben für", "executive": "Leitung", "engineer": "Technik", "auditor": "Prüfung", "Left out": "Weggelassen",
    "nothing": "nichts", "credentials and names of persons": "Zugangsdaten und Namen von Personen",
    "credentials, names of persons, names of assets, and evidence": "Zugangsdaten, Namen von Personen und Assets, und Belege",
    "Subject": "Gegenstand", "scan": "Scan", "comparison": "Vergleich", "assets": "Assets", "organisation": "Organisation", "Rows in the snapshot": "Zeilen im Schnappschuss",
    "Format of the snapshot": "Format des Schnappschusses", "SHA-256 of the snapshot": "SHA-256 des Schnappschusses",
    # What is listed.
    "{before}; {after}": "{before}; {after}",
    "Filtered": "Gefiltert",
    "Of what passes the filter: {verdict}": "Von dem, was den Filter passiert: {verdict}",
    "No open finding passes this report's filter. It does not say that there are none.":
        "Kein offener Befund passiert den Filter dieses Berichts. Das heißt nicht, dass es keine gibt.",
    "Open findings are not listed in this report. It does not say that there are none.":
        "Offene Befunde führt dieser Bericht nicht auf. Das heißt nicht, dass es keine gibt.",
    "These sections were not asked for: {titles}.": "Diese Abschnitte wurden nicht verlangt: {titles}.",
    "Only findings that pass this filter are listed and counted: {conditions}.":
        "Nur Befunde, die diesen Filter passieren, sind aufgeführt und gezählt: {conditions}.",
    "{count} finding does not pass.": "{count} Befund passiert ihn nicht.",
    "{count} findings do not pass.": "{count} Befunde passieren ihn nicht.",
    "{count} of them is open.": "{count} davon ist offen.",
    "{count} of them are open.": "{count} davon sind offen.",
    "What else is told of assets, services and advisories is not filtered.":
        "Was sonst über Assets, Dienste und Meldungen berichtet wird, ist nicht gefiltert.",
    "{severity} or graver": "{severity} oder schwerer",
    # Controls.
    "Filter rows": "Zeilen filtern", "{shown} of {all} rows": "{shown} von {all} Zeilen", "Open all": "Alle öffnen", "Close all": "Alle schließen",
    "Sort by this column": "Nach dieser Spalte sortieren", "{count} more row as CSV": "{count} weitere Zeile als CSV", "{count} more rows as CSV": "{count} weitere Zeilen als CSV",
    "this page shows the first rows only; the link holds the others and needs no network.":
        "diese Seite zeigt nur die ersten Zeilen; der Link enthält die übrigen und braucht kein Netz.",
    "{count} row is in the CSV report only.": "{count} Zeile steht nur im CSV-Bericht.", "{count} rows are in the CSV report only.": "{count} Zeilen stehen nur im CSV-Bericht.",
    "{count} more is in the report for engineers.": "{count} weiterer steht im Bericht für die Technik.",
    "{count} more are in the report for engineers.": "{count} weitere stehen im Bericht für die Technik.",
}  # fmt: skip
# What our own section says.
SECTION: Final = {
    "Assets and the course of findings": "Assets und Verlauf der Befunde", "Assets": "Assets", "Asset": "Asset", "Name": "Name", "Exposure": "Erreichbarkeit",
    "Open findings": "Offene Befunde", "First seen": "Zuerst gesehen", "Last seen": "Zuletzt gesehen", "Assets known": "Bekannte Assets",
    "Not seen in the period": "Im Zeitraum nicht gesehen", "Findings that came": "Neue Befunde", "Findings that ended": "Erledigte Befunde",
    "Open findings over time": "Offene Befunde im Verlauf", "findings": "Befunde",
    # Words in cells.
    "internet": "Internet", "partner": "Partner", "internal": "intern", "isolated": "isoliert", "unknown": "unbekannt",
    # Sentences.
    "From {begin} to {end}: {came} findings came, {went} ended.": "Von {begin} bis {end}: neue Befunde: {came}, erledigte Befunde: {went}.",
    "{unseen} of {known} assets were not seen in the period: what is known of them is older.":
        "Im Zeitraum nicht gesehene Assets: {unseen} von {known}; was über sie bekannt ist, ist älter.",
    "An asset was last seen on {moment}.": "Zuletzt wurde ein Asset gesehen am {moment}.",
    "No asset was known by then: nothing was looked at, so nothing could be found.":
        "Bis dahin war kein Asset bekannt: Nichts wurde betrachtet, also konnte nichts gefunden werden.",
    "A finding counts as open until a look proved that it is fixed, or somebody accepted it or called it a false positive.":
        "Ein Befund gilt als offen, bis ein Blick bewies, dass er behoben ist, oder jemand ihn akzeptierte oder als Fehlalarm bezeichnete.",
    # To auditors: which reports were written before.
    "Reports written before": "Früher geschriebene Berichte", "Reports": "Berichte", "Written": "Geschrieben", "Format": "Format",
    "Audience": "Leserschaft", "Redaction": "Schwärzung", "File": "Datei", "Held": "Gehalten", "Asked for by": "Verlangt von",
    "Held by": "Gehalten von", "Report": "Bericht", "executive": "Leitung", "engineer": "Technik", "auditor": "Prüfung", "ready": "bereit",
    "lost": "verloren", "deleted": "gelöscht", "Reports written": "Geschriebene Berichte", "Reports held": "Gehaltene Berichte",
    "Reports whose file is gone": "Berichte ohne Datei", "SHA-256": "SHA-256",
    "Reports of this scope that were written before: {total}.": "Früher geschriebene Berichte zum selben Gegenstand: {total}.",
    "No report of this scope was written before.": "Zu diesem Gegenstand wurde früher kein Bericht geschrieben.",
    "The list has the reports of the same scope that were ready when the data was read; a report does not list itself.":
        "Die Liste nennt die Berichte zum selben Gegenstand, die fertig waren, als die Daten gelesen wurden; ein Bericht nennt sich nicht selbst.",
    "A deleted report stays in the list with the hash of its file: whoever still has the file can prove it.":
        "Ein gelöschter Bericht bleibt mit dem Hash seiner Datei in der Liste: Wer die Datei noch hat, kann sie beweisen.",
}  # fmt: skip
