"""The words of PDFs in German, where the words of all reports have none."""

from __future__ import annotations

from typing import Final

GERMAN: Final = {
    "Page": "Seite", "of": "von", "Summary": "Zusammenfassung", "What to look at first": "Was zuerst zu tun ist",
    "Findings in full": "Befunde im Einzelnen", "Method and limits": "Vorgehen und Grenzen", "What this report does not speak for": "Worüber dieser Bericht nichts sagt",
    "Nothing was left out, as far as is known.": "Soweit bekannt, wurde nichts ausgelassen.", "What is shown here": "Was hier steht", "This document": "Dieses Dokument",
    "Attached data": "Beigefügte Daten",
    "These files hold the same data as this report and travel inside it; a PDF reader lists them as attachments.":
        "Diese Dateien enthalten dieselben Daten wie der Bericht und stecken in ihm; PDF-Programme zeigen sie als Anhänge.",
    "Critical": "Kritisch", "High": "Hoch", "Medium": "Mittel", "Low": "Niedrig", "Info": "Hinweis", "Open": "Offen", "Accepted": "Akzeptiert",
    "False positive": "Fehlalarm", "Fixed": "Behoben", "New": "Neu", "Returned": "Wieder da", "Unchanged": "Unverändert", "Unknown": "Unbekannt",
    "Executive report": "Bericht für die Leitung", "Technical report": "Technischer Bericht", "Audit report": "Prüfbericht", "One scan": "Ein Scan",
    "Two scans compared": "Zwei Scans im Vergleich", "Assets with a tag": "Assets mit einem Tag", "The organisation": "Die Organisation",
    "Nothing was left out.": "Nichts wurde ausgelassen.", "Credentials and names of persons were left out.": "Zugangsdaten und Namen von Personen wurden ausgelassen.",
    "Credentials, names of persons and evidence were left out; aliases stand for assets.":
        "Zugangsdaten, Namen von Personen und Belege wurden ausgelassen; für Assets stehen Decknamen.",
    "Since": "Seit", "What": "Was", "File": "Datei", "Size": "Größe", "Total": "Gesamt", "Organisation": "Organisation", "Scope": "Umfang", "Data as of": "Stand der Daten",
    "Snapshot, SHA-256": "Schnappschuss, SHA-256", "Templates": "Vorlagen",
    "Published by": "Herausgegeben von", "Organisation, id": "Organisation, ID", "Earlier scan": "Früherer Scan", "Rows": "Zeilen",
    "Reason given": "Begründung", "Exploited in the wild": "Wird bereits ausgenutzt",
    "{urgent} of {total} open findings are critical or high and should be looked at first.":
        "{urgent} von {total} offenen Befunden sind kritisch oder hoch und sollten zuerst angesehen werden.",
    "{urgent} of {total} open findings is critical or high and should be looked at first.":
        "{urgent} von {total} offenen Befunden ist kritisch oder hoch und sollte zuerst angesehen werden.",
    "The one open finding is critical or high and should be looked at first.": "Der einzige offene Befund ist kritisch oder hoch und sollte zuerst angesehen werden.",
    "{total} open findings, none of them critical or high.": "{total} offene Befunde, keiner davon kritisch oder hoch.",
    "One open finding; it is neither critical nor high.": "Ein offener Befund; er ist weder kritisch noch hoch.", "Not complete:": "Nicht vollständig:",
    "when the data was taken, {title} was in the state “{state}”. What is missing here may still be found.":
        "Als die Daten entnommen wurden, war {title} im Zustand „{state}“. Was hier fehlt, kann noch gefunden werden.",
    "Since the earlier scan:": "Seit dem früheren Scan:",
    "Gravest first. The first is described in full further on, under the same number.":
        "Die schwersten zuerst. Der erste steht weiter hinten unter derselben Nummer im Einzelnen.",
    "Gravest first. The first {full} are described in full further on, under the same numbers.":
        "Die schwersten zuerst. Die ersten {full} stehen weiter hinten unter denselben Nummern im Einzelnen.",
    "The others stand here only; the attached data has all that is known of each, under the fingerprint in its row.":
        "Die übrigen stehen nur hier; die beigefügten Daten enthalten zu jedem alles Bekannte, unter dem Fingerabdruck in seiner Zeile.",
    "{full} of {total} findings is described in full; a report that is asked for in full describes all of them.":
        "{full} von {total} Befunden steht im Einzelnen hier; ein Bericht, der vollständig verlangt wird, beschreibt alle.",
    "{full} of {total} findings are described in full; a report that is asked for in full describes all of them.":
        "{full} von {total} Befunden stehen im Einzelnen hier; ein Bericht, der vollständig verlangt wird, beschreibt alle.",
    "Gravest first.": "Die schwersten zuerst.",
    "{left} of {total} rows is not printed here; the attached data has all of them.":
        "{left} von {total} Zeilen ist hier nicht gedruckt; die beigefügten Daten enthalten alle.",
    "{left} of {total} rows are not printed here; the attached data has all of them.":
        "{left} von {total} Zeilen sind hier nicht gedruckt; die beigefügten Daten enthalten alle.",
    "The data has no rows.": "Die Daten haben keine Zeilen.", "The one row of the data is printed here.": "Die einzige Zeile der Daten ist hier gedruckt.",
    "All {total} rows of the data are printed here.": "Alle {total} Zeilen der Daten sind hier gedruckt.",
    "{title}: {shown} of {total} rows is printed.": "{title}: {shown} von {total} Zeilen ist gedruckt.",
    "{title}: {shown} of {total} rows are printed.": "{title}: {shown} von {total} Zeilen sind gedruckt.",
    "{count} character that no font here can show stands as “\ufffd”, or as a name in brackets; the attached data has it.":
        "{count} Zeichen, das hier keine Schrift darstellen kann, steht als „\ufffd“ oder als Name in Klammern; die beigefügten Daten enthalten es.",
    "{count} characters that no font here can show stand as “\ufffd”, or as a name in brackets; the attached data has them.":
        "{count} Zeichen, die hier keine Schrift darstellen kann, stehen als „\ufffd“ oder als Name in Klammern; die beigefügten Daten enthalten sie.",
    "{count} text was too long for a page and is cut, marked with “[…]”; the attached data has more of it.":
        "{count} Text war zu lang für eine Seite und ist gekürzt, erkennbar an „[…]“; die beigefügten Daten enthalten mehr davon.",
    "{count} texts were too long for a page and are cut, marked with “[…]”; the attached data has more of them.":
        "{count} Texte waren zu lang für eine Seite und sind gekürzt, erkennbar an „[…]“; die beigefügten Daten enthalten mehr davon.",
    "too large to travel inside; {size}": "zu groß, um beizuliegen; {size}", "{count} byte": "{count} Byte", "{count} bytes": "{count} Bytes",
}  # fmt: skip
