"""The words of PDFs in French, where the words of all reports have none."""

from __future__ import annotations

from typing import Final

FRENCH: Final = {
    "Page": "Page", "of": "sur", "Summary": "Synthèse", "What to look at first": "À examiner en priorité",
    "Findings in full": "Constats en détail", "Method and limits": "Méthode et limites", "What this report does not speak for": "Ce que ce rapport ne couvre pas",
    "Nothing was left out, as far as is known.": "Rien n'a été omis, pour autant qu'on le sache.", "What is shown here": "Ce qui figure ici", "This document": "Ce document",
    "Attached data": "Données jointes",
    "These files hold the same data as this report and travel inside it; a PDF reader lists them as attachments.":
        "Ces fichiers contiennent les mêmes données que ce rapport et voyagent avec lui ; un lecteur PDF les liste comme pièces jointes.",
    "Critical": "Critique", "High": "Élevée", "Medium": "Moyenne", "Low": "Faible", "Info": "Info", "Open": "Ouvert", "Accepted": "Accepté",
    "False positive": "Faux positif", "Fixed": "Corrigé", "New": "Nouveau", "Returned": "Réapparu", "Unchanged": "Inchangé", "Unknown": "Inconnu",
    "Executive report": "Rapport de direction", "Technical report": "Rapport technique", "Audit report": "Rapport d'audit", "One scan": "Un scan",
    "Two scans compared": "Comparaison de deux scans", "Assets with a tag": "Actifs portant une étiquette", "The organisation": "L'organisation",
    "Nothing was left out.": "Rien n'a été omis.", "Credentials and names of persons were left out.": "Les identifiants et les noms de personnes ont été omis.",
    "Credentials, names of persons and evidence were left out; aliases stand for assets.":
        "Les identifiants, les noms de personnes et les preuves ont été omis ; des alias remplacent les actifs.",
    "Since": "Depuis", "What": "Élément", "File": "Fichier", "Size": "Taille", "Total": "Total", "Organisation": "Organisation", "Scope": "Périmètre", "Data as of": "Données du",
    "Snapshot, SHA-256": "Instantané, SHA-256", "Templates": "Modèles",
    "Published by": "Publié par", "Organisation, id": "Organisation, id", "Earlier scan": "Scan précédent", "Rows": "Lignes",
    "Reason given": "Justification", "Exploited in the wild": "Exploitée activement",
    "{urgent} of {total} open findings are critical or high and should be looked at first.":
        "{urgent} constats ouverts sur {total} sont de gravité critique ou élevée et sont à examiner en priorité.",
    "{urgent} of {total} open findings is critical or high and should be looked at first.":
        "{urgent} constat ouvert sur {total} est de gravité critique ou élevée et est à examiner en priorité.",
    "The one open finding is critical or high and should be looked at first.": "Le seul constat ouvert est de gravité critique ou élevée et est à examiner en priorité.",
    "{total} open findings, none of them critical or high.": "{total} constats ouverts, aucun de gravité critique ou élevée.",
    "One open finding; it is neither critical nor high.": "Un constat ouvert, de gravité ni critique ni élevée.", "Not complete:": "Incomplet :",
    "when the data was taken, {title} was in the state “{state}”. What is missing here may still be found.":
        "au moment du relevé, « {title} » était dans l'état « {state} ». Ce qui manque ici peut encore être trouvé.",
    "Since the earlier scan:": "Depuis le scan précédent :",
    "Gravest first. The first is described in full further on, under the same number.":
        "Les plus graves d'abord. Le premier est décrit en détail plus loin, sous le même numéro.",
    "Gravest first. The first {full} are described in full further on, under the same numbers.":
        "Les plus graves d'abord. Les {full} premiers sont décrits en détail plus loin, sous les mêmes numéros.",
    "The others stand here only; the attached data has all that is known of each, under the fingerprint in its row.":
        "Les autres ne figurent qu'ici ; les données jointes contiennent tout ce qu'on sait de chacun, sous l'empreinte de sa ligne.",
    "{full} of {total} findings is described in full; a report that is asked for in full describes all of them.":
        "{full} constat sur {total} est décrit en détail ; un rapport demandé en version complète les décrit tous.",
    "{full} of {total} findings are described in full; a report that is asked for in full describes all of them.":
        "{full} constats sur {total} sont décrits en détail ; un rapport demandé en version complète les décrit tous.",
    "Gravest first.": "Les plus graves d'abord.",
    "{left} of {total} rows is not printed here; the attached data has all of them.":
        "{left} ligne sur {total} n'est pas imprimée ici ; les données jointes les contiennent toutes.",
    "{left} of {total} rows are not printed here; the attached data has all of them.":
        "{left} lignes sur {total} ne sont pas imprimées ici ; les données jointes les contiennent toutes.",
    "The data has no rows.": "Les données n'ont aucune ligne.", "The one row of the data is printed here.": "L'unique ligne des données est imprimée ici.",
    "All {total} rows of the data are printed here.": "Les {total} lignes des données sont toutes imprimées ici.",
    "{title}: {shown} of {total} rows is printed.": "{title} : {shown} ligne sur {total} est imprimée.",
    "{title}: {shown} of {total} rows are printed.": "{title} : {shown} lignes sur {total} sont imprimées.",
    "{count} character that no font here can show stands as “\ufffd”, or as a name in brackets; the attached data has it.":
        "{count} caractère qu'aucune police ne peut afficher ici figure comme « \ufffd », ou par son nom entre crochets ; les données jointes le contiennent.",
    "{count} characters that no font here can show stand as “\ufffd”, or as a name in brackets; the attached data has them.":
        "{count} caractères qu'aucune police ne peut afficher ici figurent comme « \ufffd », ou par leur nom entre crochets ; les données jointes les contiennent.",
    "{count} text was too long for a page and is cut, marked with “[…]”; the attached data has more of it.":
        "{count} texte était trop long pour une page et est coupé, ce que signale « […] » ; les données jointes en contiennent davantage.",
    "{count} texts were too long for a page and are cut, marked with “[…]”; the attached data has more of them.":
        "{count} textes étaient trop longs pour une page et sont coupés, ce que signale « […] » ; les données jointes en contiennent davantage.",
    "too large to travel inside; {size}": "trop volumineux pour être joint ; {size}", "{count} byte": "{count} octet", "{count} bytes": "{count} octets",
}  # fmt: skip
