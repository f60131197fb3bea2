"""Every word of ours that a PDF shows; the reader's catalogue translates them, texts from a snapshot are shown as they are. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from watchfloor.capabilities.reports.engine.to_pdf.french import FRENCH
from watchfloor.capabilities.reports.engine.to_pdf.german import GERMAN
from watchfloor.capabilities.reports.engine.to_pdf.spanish import SPANISH

if TYPE_CHECKING:
    from watchfloor.capabilities.reports.engine.words import Words

CATALOGUES: Final = {"de": GERMAN, "es": SPANISH, "fr": FRENCH}
# Where a number decides the form, the key that ends in `_one` is for one thing.
ENGLISH: Final[dict[str, Any]] = {
    "page": "Page", "of": "of", "summary": "Summary", "first": "What to look at first", "contents": "Contents",
    "findings": "Findings", "open_findings": "Open findings by severity", "details": "Findings in full", "method": "Method and limits", "not_looked_at": "What this report does not speak for",
    "nothing_known": "Nothing was left out, as far as is known.", "shown": "What is shown here", "document": "This document", "attached": "Attached data",
    "attached_how": "These files hold the same data as this report and travel inside it; a PDF reader lists them as attachments.",
    "severity": {"critical": "Critical", "high": "High", "medium": "Medium", "low": "Low", "info": "Info"},
    "state": {"open": "Open", "accepted": "Accepted", "false_positive": "False positive", "fixed": "Fixed"},
    "change": {"new": "New", "fixed": "Fixed", "returned": "Returned", "unchanged": "Unchanged", "unknown": "Unknown"},
    "audience": {"executive": "Executive report", "engineer": "Technical report", "auditor": "Audit report"},
    "scope": {"scan": "One scan", "comparison": "Two scans compared", "assets": "Assets with a tag", "organisation": "The organisation"},
    "redaction": {
        "none": "Nothing was left out.", "internal": "Credentials and names of persons were left out.",
        "public": "Credentials, names of persons and evidence were left out; aliases stand for assets.",
    },
    "column": {
        "number": "#", "severity": "Severity", "finding": "Finding", "asset": "Asset", "state": "State", "since": "Since", "what": "What", "value": "Value",
        "file": "File", "size": "Size", "total": "Total",
    },
    "fact": {
        "target": "Asset", "port": "Port", "priority": "Priority", "cve": "CVE", "check": "Check", "capability": "Found by",
        "product": "Product", "version": "Version", "fixed_in": "Fixed in", "cpe": "CPE", "first_seen": "First seen", "last_seen": "Last seen", "fixed_at": "Fixed at",
        "accepted_until": "Accepted until", "fingerprint": "Fingerprint", "organisation": "Organisation", "scope": "Scope", "as_of": "Data as of",
        "data_state": "State of the data", "snapshot": "Snapshot, SHA-256", "template": "Templates",
        "audience": "Written for", "author": "Published by", "organisation_id": "Organisation, id", "scan": "Scan", "base": "Earlier scan", "rows": "Rows",
    },
    "part": {"description": "Description", "evidence": "Evidence", "remedy": "What to do", "references": "References", "reason": "Reason given"},
    "kev": "Exploited in the wild", "yes": "yes", "no": "no",
    "verdict_urgent": "{urgent} of {total} open findings are critical or high and should be looked at first.",
    "verdict_one_urgent": "{urgent} of {total} open findings is critical or high and should be looked at first.",
    "verdict_urgent_one": "The one open finding is critical or high and should be looked at first.",
    "verdict_calm": "{total} open findings, none of them critical or high.", "verdict_calm_one": "One open finding; it is neither critical nor high.",
    "verdict_none": "No open findings. This speaks only for what was looked at.",
    "unfinished": "Not complete:", "unfinished_text": "when the data was taken, {title} was in the state “{state}”. What is missing here may still be found.",
    "changes": "Since the earlier scan:", "change_count": "{word} {count}",
    "range": "{title} {first}\N{EN DASH}{last}",
    "list_intro": "Gravest first. The first {full} are described in full further on, under the same numbers.",
    "list_intro_one": "Gravest first. The first is described in full further on, under the same number.",
    "list_rest": "The others stand here only; the attached data has all that is known of each, under the fingerprint in its row.",
    "full_some": "{full} of {total} findings are described in full; a report that is asked for in full describes all of them.",
    "full_some_one": "{full} of {total} findings is described in full; a report that is asked for in full describes all of them.",
    "list_intro_none": "Gravest first.", "rows_left_one": "{left} of {total} rows is not printed here; the attached data has all of them.", "rows_left": "{left} of {total} rows are not printed here; the attached data has all of them.",
    "rows_all": "All {total} rows of the data are printed here.", "rows_all_one": "The one row of the data is printed here.", "rows_none": "The data has no rows.",
    "table_left_one": "{title}: {shown} of {total} rows is printed.", "table_left": "{title}: {shown} of {total} rows are printed.",
    "missing": "{count} characters that no font here can show stand as “\ufffd”, or as a name in brackets; the attached data has them.",
    "missing_one": "{count} character that no font here can show stands as “\ufffd”, or as a name in brackets; the attached data has it.",
    "cut_one": "{count} text was too long for a page and is cut, marked with “[…]”; the attached data has more of it.",
    "cut": "{count} texts were too long for a page and are cut, marked with “[…]”; the attached data has more of them.",
    "outside": "too large to travel inside; {size}",
    "bytes": "{count} bytes", "bytes_one": "{count} byte",
}  # fmt: skip


def words(reader: Words) -> dict[str, Any]:
    """Return the table in the reader's language; what nobody has translated stays English."""
    ours = CATALOGUES.get(reader.language, {})

    def told(text: str) -> str:
        return ours.get(text) or reader(text)

    return {
        key: {inner: told(text) for inner, text in found.items()} if isinstance(found, dict) else told(found)
        for key, found in ENGLISH.items()
    }
