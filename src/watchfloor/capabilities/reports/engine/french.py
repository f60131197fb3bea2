"""The words of reports in French; `tests/reports/test_words.py` tells which are missing."""

from __future__ import annotations

from typing import Final

FRENCH: Final = {
    # Severities, states and changes.
    "critical": "critique", "high": "élevée", "medium": "moyenne", "low": "faible", "info": "info", "open": "ouvert", "accepted": "accepté",
    "false positive": "faux positif", "fixed": "corrigé", "new": "nouveau", "returned": "réapparu", "unchanged": "inchangé",
    # Numbers and pictures.
    "No data.": "Aucune donnée.", "Value": "Valeur", "other": "autres", "unknown": "inconnu", "yes": "oui", "no": "non", "all": "tout",
    "{count} more in the table": "{count} de plus dans le tableau", "Numbers of this picture": "Chiffres de ce graphique", "findings": "constats",
    "{label}: {value}": "{label} : {value}",
    # Titles of reports.
    "Scan": "Scan", "{title} of {org}": "{title} – {org}", "What changed between two scans of {org}": "Changements entre deux scans – {org}",
    "Exposure of {tag}, {org}": "Exposition de {tag} – {org}", "Exposure of {org}": "Exposition – {org}",
    # Headings.
    "Exposure report": "Rapport d'exposition", "data of": "données du", "Contents": "Sommaire", "To the content": "Aller au contenu", "Overview": "Vue d'ensemble",
    "Findings": "Constats", "Open findings": "Constats ouverts", "Open findings by severity": "Constats ouverts par gravité", "Gravest findings": "Constats les plus graves",
    "Set aside": "Mis de côté", "Findings set aside": "Constats mis de côté", "Tables": "Tableaux", "What was not looked at": "Ce qui n'a pas été examiné",
    "How this was made": "Méthode", "About this report": "À propos de ce rapport", "Compared with the earlier scan": "Par rapport au scan précédent",
    # Columns.
    "Fingerprint": "Empreinte", "Severity": "Gravité", "Priority": "Priorité", "Finding": "Constat", "Asset": "Actif", "Port": "Port", "Protocol": "Protocole",
    "State": "État", "Change": "Évolution", "CVE": "CVE", "Check": "Contrôle", "Found by": "Trouvé par", "Description": "Description", "Evidence": "Preuve",
    "Remedy": "Remédiation", "References": "Références", "Reason": "Justification", "Accepted until": "Accepté jusqu'au", "Known exploited": "Exploitation connue",
    "Fixed in": "Corrigé dans", "Product": "Produit", "Version": "Version", "CPE": "CPE", "First seen": "Vu depuis le", "Last seen": "Vu jusqu'au",
    "Fixed at": "Corrigé le", "What to do": "Que faire", "No title.": "Sans titre.",
    # Sentences.
    "State of the data": "État des données", "What follows is what was known then; more may be found.":
        "Ce qui suit est ce qui était connu à ce moment-là ; d'autres constats sont possibles.",
    "{urgent} of {findings} should be looked at first.": "À examiner en priorité : {urgent} sur {findings}.",
    "{count} open finding": "{count} constat ouvert", "{count} open findings": "{count} constats ouverts",
    "{count} open finding, neither critical nor high.": "{count} constat ouvert, de gravité ni critique ni élevée.",
    "{count} open findings, none of them critical or high.": "{count} constats ouverts, aucun de gravité critique ou élevée.",
    "No open findings. This speaks only for what was looked at.": "Aucun constat ouvert. Cela ne vaut que pour ce qui a été examiné.",
    "No findings. This speaks only for what was looked at.": "Aucun constat. Cela ne vaut que pour ce qui a été examiné.",
    "Nothing to show.": "Rien à afficher.",
    "Set aside, and not counted above": "Mis de côté et non comptés ci-dessus",
    "Gravest first. Open a finding to read what was seen and what to do.": "Les plus graves d'abord. Ouvrez un constat pour lire ce qui a été vu et que faire.",
    "Accepted risks, false positives and what is fixed by now. They are not counted as open.":
        "Risques acceptés, faux positifs et ce qui est corrigé depuis. Ils ne comptent pas comme ouverts.",
    "Everything that was asked for was looked at. Anything else was not, and is not said to be safe.":
        "Tout ce qui était demandé a été examiné. Le reste ne l'a pas été, et rien ne dit qu'il soit sûr.",
    "No section says how its facts were obtained.": "Aucune section ne dit comment ses informations ont été obtenues.",
    "Made by Watchfloor. The same data gives the same file, byte for byte.": "Produit par Watchfloor. Les mêmes données donnent le même fichier, octet pour octet.",
    # About the report.
    "Data of": "Données du", "Written for": "Destinataires", "executive": "direction", "engineer": "équipes techniques", "auditor": "audit", "Left out": "Omis",
    "nothing": "rien", "credentials and names of persons": "identifiants et noms de personnes",
    "credentials, names of persons, names of assets, and evidence": "identifiants, noms de personnes, noms d'actifs et preuves",
    "Subject": "Objet", "scan": "scan", "comparison": "comparaison", "assets": "actifs", "organisation": "organisation", "Rows in the snapshot": "Lignes de l'instantané",
    "Format of the snapshot": "Format de l'instantané", "SHA-256 of the snapshot": "SHA-256 de l'instantané",
    # What is listed.
    "{before}; {after}": "{before} ; {after}",
    "Filtered": "Filtré",
    "Of what passes the filter: {verdict}": "Parmi ce qui passe le filtre : {verdict}",
    "No open finding passes this report's filter. It does not say that there are none.":
        "Aucun constat ouvert ne passe le filtre de ce rapport. Cela ne veut pas dire qu'il n'y en a pas.",
    "Open findings are not listed in this report. It does not say that there are none.":
        "Ce rapport n'énumère pas les constats ouverts. Cela ne veut pas dire qu'il n'y en a pas.",
    "These sections were not asked for: {titles}.": "Ces sections n'ont pas été demandées : {titles}.",
    "Only findings that pass this filter are listed and counted: {conditions}.":
        "Seuls les constats qui passent ce filtre sont énumérés et comptés : {conditions}.",
    "{count} finding does not pass.": "{count} constat ne le passe pas.",
    "{count} findings do not pass.": "{count} constats ne le passent pas.",
    "{count} of them is open.": "{count} d'entre eux est ouvert.",
    "{count} of them are open.": "{count} d'entre eux sont ouverts.",
    "What else is told of assets, services and advisories is not filtered.":
        "Ce qui est dit par ailleurs des actifs, des services et des avis n'est pas filtré.",
    "{severity} or graver": "{severity} ou plus grave",
    # Controls.
    "Filter rows": "Filtrer les lignes", "{shown} of {all} rows": "{shown} sur {all} lignes", "Open all": "Tout ouvrir", "Close all": "Tout fermer",
    "Sort by this column": "Trier par cette colonne", "{count} more row as CSV": "{count} ligne de plus en CSV", "{count} more rows as CSV": "{count} lignes de plus en CSV",
    "this page shows the first rows only; the link holds the others and needs no network.":
        "cette page ne montre que les premières lignes ; le lien contient les autres et ne demande pas de réseau.",
    "{count} row is in the CSV report only.": "{count} ligne ne figure que dans le rapport CSV.", "{count} rows are in the CSV report only.": "{count} lignes ne figurent que dans le rapport CSV.",
    "{count} more is in the report for engineers.": "{count} de plus dans le rapport destiné aux équipes techniques.",
    "{count} more are in the report for engineers.": "{count} de plus dans le rapport destiné aux équipes techniques.",
}  # fmt: skip
# What our own section says.
SECTION: Final = {
    "Assets and the course of findings": "Actifs et évolution des constats", "Assets": "Actifs", "Asset": "Actif", "Name": "Nom", "Exposure": "Exposition",
    "Open findings": "Constats ouverts", "First seen": "Vu depuis le", "Last seen": "Vu jusqu'au", "Assets known": "Actifs connus",
    "Not seen in the period": "Non vus sur la période", "Findings that came": "Nouveaux constats", "Findings that ended": "Constats clos",
    "Open findings over time": "Évolution des constats ouverts", "findings": "constats",
    # Words in cells.
    "internet": "internet", "partner": "partenaire", "internal": "interne", "isolated": "isolé", "unknown": "inconnue",
    # Sentences.
    "From {begin} to {end}: {came} findings came, {went} ended.": "Du {begin} au {end} : nouveaux constats : {came}, constats clos : {went}.",
    "{unseen} of {known} assets were not seen in the period: what is known of them is older.":
        "Actifs non vus sur la période : {unseen} sur {known} ; ce qu'on en sait est plus ancien.",
    "An asset was last seen on {moment}.": "Un actif a été vu pour la dernière fois le {moment}.",
    "No asset was known by then: nothing was looked at, so nothing could be found.":
        "Aucun actif n'était connu alors : rien n'a été examiné, donc rien ne pouvait être trouvé.",
    "A finding counts as open until a look proved that it is fixed, or somebody accepted it or called it a false positive.":
        "Un constat compte comme ouvert jusqu'à ce qu'un examen ait prouvé qu'il est corrigé, ou que quelqu'un l'ait accepté ou déclaré faux positif.",
    # To auditors: which reports were written before.
    "Reports written before": "Rapports écrits auparavant", "Reports": "Rapports", "Written": "Écrit", "Format": "Format",
    "Audience": "Public", "Redaction": "Expurgation", "File": "Fichier", "Held": "Conservé", "Asked for by": "Demandé par",
    "Held by": "Conservé par", "Report": "Rapport", "executive": "direction", "engineer": "technique", "auditor": "audit", "ready": "prêt",
    "lost": "perdu", "deleted": "supprimé", "Reports written": "Rapports écrits", "Reports held": "Rapports conservés",
    "Reports whose file is gone": "Rapports sans fichier", "SHA-256": "SHA-256",
    "Reports of this scope that were written before: {total}.": "Rapports écrits auparavant sur le même objet : {total}.",
    "No report of this scope was written before.": "Aucun rapport n'a été écrit auparavant sur cet objet.",
    "The list has the reports of the same scope that were ready when the data was read; a report does not list itself.":
        "La liste contient les rapports sur le même objet qui étaient prêts quand les données ont été lues ; un rapport ne se cite pas lui-même.",
    "A deleted report stays in the list with the hash of its file: whoever still has the file can prove it.":
        "Un rapport supprimé reste dans la liste avec le hachage de son fichier : qui a encore le fichier peut le prouver.",
}  # fmt: skip
