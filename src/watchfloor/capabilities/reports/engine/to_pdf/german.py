"""The words of PDFs in German, where the words of all reports have none."""

from __future__ import annotations

from typing import Final

GERMAN: Final = {
    "Page": "Seite", "of": "von", "Summary": "Zusammenfassung", "Findings by severity": "Befunde nach Schweregrad", "What to look at first": "Was zuerst zu tun ist",
    "Findings in full": "Befunde im Einzelnen", "Method and limits": "Vorgehen und Grenzen", "What this report does not speak for": "Worüber dieser Bericht nichts sagt",
    "Nothing was left out, as far as is known.": "Soweit bekannt, wurde nichts ausgelassen.", "What is shown here": "Was hier steht", "This document": "Dieses Dokument",
    "Attached data": "Beigefügte Daten",
    "These files hold the same data as this report and travel inside it; a PDF reader lists them as attachments.":
        "Diese Dateien enthalten dieselben Daten wie der Bericht und stecken in ihm; PDF-Programme zeigen sie als Anhänge.",
    "Critical": "Kritisch", "High": "Hoch", "Medium": "Mittel", "Low": "Niedrig", "Info": "Hinweis", "Open": "Offen", "Accepted": "Akzeptiert",
    "False positive": "Fehlalarm", "Fixed": "Behoben", "New": "Neu", "Returned": "Wieder da", "Unchanged": "Unverändert",
    "Executive report": "Bericht für die Leitung", "Technical report": "Technischer Bericht", "Audit report": "Prüfbericht", "One scan": "Ein Scan",
    "Two scans compared": "Zwei Scans im Vergleich", "Assets with a tag": "Assets mit einem Tag", "The organisation": "Die Organisation",
    "Nothing was left out.": "Nichts wurde ausgelassen.", "Credentials and names of persons were left out.": "Zugangsdaten und Namen von Personen wurden ausgelassen.",
    "Credentials, names of persons and evidence were left out; aliases stand for assets.":
        "Zugangsdaten, Namen von Personen und Belege wurden ausgelassen; für Assets stehen Decknamen.",
    "Since": "Seit", "What": "Was", "File": "Datei", "Size": "Größe", "Total": "Gesamt", "Organisation": "Organisation", "Scope": "Umfang", "Data as of": "Stand der Daten",
    "Classification": "Einstufung", "State of the data": "Zustand der Daten", "Snapshot, SHA-256": "Schnappschuss, SHA-256", "Templates": "Vorlagen",
    "Redaction": "Schwärzung", "Published by": "Herausgegeben von", "Organisation, id": "Organisation, ID", "Scan": "Scan", "Earlier scan": "Früherer Scan", "Rows": "Zeilen",
    "Reason given": "Begründung", "Exploited in the wild": "Wird bereits ausgenutzt", "Tag": "Tag",
    "{urgent} of {total} open findings are critical or high and should be looked at first.":
        "{urgent} von {total} offenen Befunden sind kritisch oder hoch und sollten zuerst angesehen werden.",
    "The one open finding is critical or high and should be looked at first.": "Der einzige offene Befund ist kritisch oder hoch und sollte zuerst angesehen werden.",
    "{total} open findings, none of them critical or high.": "{total} offene Befunde, keiner davon kritisch oder hoch.",
    "One open finding; it is neither critical nor high.": "Ein offener Befund; er ist weder kritisch noch hoch.", "Not complete:": "Nicht vollständig:",
    "when the data was taken, {title} was in the state “{state}”. What is missing here may still be found.":
        "Als die Daten entnommen wurden, war {title} im Zustand „{state}“. Was hier fehlt, kann noch gefunden werden.",
    "Since the earlier scan:": "Seit dem früheren Scan:",
    "Gravest first. The first {full} are described in full further on, under the same numbers.":
        "Die schwersten zuerst. Die ersten {full} stehen weiter hinten unter denselben Nummern im Einzelnen.",
    "The others stand here only; the attached data has all that is known of each, under the fingerprint in its row.":
        "Die übrigen stehen nur hier; die beigefügten Daten enthalten zu jedem alles Bekannte, unter dem Fingerabdruck in seiner Zeile.",
    "{full} of {total} findings are described in full; a report that is asked for in full describes all of them.":
        "{full} von {total} Befunden stehen im Einzelnen hier; ein Bericht, der vollständig verlangt wird, beschreibt alle.",
    "Gravest first.": "Die schwersten zuerst.",
    "{left} of {total} rows are not printed here; the attached data has all of them.":
        "{left} von {total} Zeilen sind hier nicht gedruckt; die beigefügten Daten enthalten alle.",
    "All {total} rows of the data are printed here.": "Alle {total} Zeilen der Daten sind hier gedruckt.",
    "{title}: {shown} of {total} rows are printed.": "{title}: {shown} von {total} Zeilen sind gedruckt.",
    "{count} characters that no font here can show stand as “\ufffd”, or as a name in brackets; the attached data has them.":
        "{count} Zeichen, die hier keine Schrift darstellen kann, stehen als „\ufffd“ oder als Name in Klammern; die beigefügten Daten enthalten sie.",
    "{count} texts were too long for a page and are cut, marked with “[…]”; the attached data has more of them.":
        "{count} Texte waren zu lang für eine Seite und sind gekürzt, erkennbar an „[…]“; die beigefügten Daten enthalten mehr davon.",
    "too large to travel inside; {size}": "zu groß, um beizuliegen; {size}", "{count} bytes": "{count} Bytes",
}  # fmt: skip
