"""The words of a scan's part of reports in French; `tests/reports/test_sections.py` tells which are missing."""

from __future__ import annotations

from typing import Final

FRENCH: Final = {
    # Headings and columns.
    "Exposed services": "Services exposés", "What changed": "Ce qui a changé", "Open ports": "Ports ouverts", "Hosts": "Hôtes",
    "Addresses looked at": "Adresses examinées", "Addresses that answered": "Adresses ayant répondu", "Services found most": "Services les plus fréquents", "open ports": "ports ouverts",
    "What": "Objet", "Where": "Où", "Port": "Port", "Change": "Changement", "Before": "Avant", "Now": "Maintenant", "Address": "Adresse", "Name": "Nom", "Protocol": "Protocole",
    "Service": "Service", "Product": "Produit", "Version": "Version", "TLS": "TLS", "CPE": "CPE", "Certificate ends": "Fin du certificat", "Open": "Ouverts",
    "Closed": "Fermés", "Filtered": "Filtrés", "Not looked at": "Non examinés", "Answers after": "Délai de réponse", "ms": "ms",
    # Words in cells.
    "Host": "Hôte", "Finding": "Constat", "new": "nouveau", "gone": "disparu", "opened": "ouvert", "opened again": "rouvert", "closed": "fermé",
    "silent now": "désormais muet", "fixed": "corrigé", "returned": "réapparu", "name": "nom", "product": "produit", "version": "version", "revision": "révision",
    "tls": "TLS", "certificate": "certificat", "not identified": "non identifié",
    # States of a scan.
    "draft": "brouillon", "planned": "planifié", "running": "en cours", "incomplete": "incomplet", "cancelled": "annulé",
    # What the scan was.
    "Targets: {targets} and {more} more. Ports: {ports}. {ended}": "Cibles : {targets} et {more} autres. Ports : {ports}. {ended}",
    "Targets: {targets}. Ports: {ports}. {ended}": "Cibles : {targets}. Ports : {ports}. {ended}",
    "Everything that was asked for was looked at.": "Tout ce qui était demandé a été examiné.",
    "The scan was cancelled before its end.": "Le scan a été annulé avant la fin.",
    "The scan is in progress: this is what was known at the moment of this report.": "Le scan est en cours : voici ce qui était connu au moment de ce rapport.",
    "Not everything was looked at.": "Tout n'a pas été examiné.",
    # How it compares.
    "This is the first scan of these targets and ports: there is nothing to compare it with.":
        "C'est le premier scan de ces cibles et de ces ports : il n'y a rien à quoi le comparer.",
    "Compared with the scan of {moment}.": "Comparé au scan du {moment}.", "Compared with the scan.": "Comparé au scan précédent.",
    "Only the first 1,000 changes of each kind are listed; the API counts all.": "Seuls les 1 000 premiers changements de chaque type sont listés ; l'API les compte tous.",
    "Not compared, because one of the scans did not look there: {hosts} hosts and {ports} ports.":
        "Non comparé, car l'un des scans n'a pas regardé là : hôtes : {hosts}, ports : {ports}.",
    "Nothing changed, or there is no earlier scan to compare with.": "Rien n'a changé, ou il n'y a pas de scan antérieur auquel comparer.",
    "No open port was seen.": "Aucun port ouvert n'a été vu.", "No address answered.": "Aucune adresse n'a répondu.",
    # What it cannot speak for.
    "1 port was not looked at, because time ran out or the scope changed meanwhile.":
        "1 port n'a pas été examiné : le temps imparti était écoulé ou le périmètre a changé entre-temps.",
    "{count} ports were not looked at, because time ran out or the scope changed meanwhile.":
        "{count} ports n'ont pas été examinés : le temps imparti était écoulé ou le périmètre a changé entre-temps.",
    "1 port was not looked at, because a part of the scan was given up: {reason}": "1 port n'a pas été examiné, car une partie du scan a été abandonnée : {reason}",
    "{count} ports were not looked at, because a part of the scan was given up: {reason}":
        "{count} ports n'ont pas été examinés, car une partie du scan a été abandonnée : {reason}",
    "Nothing was looked at: {reason}": "Rien n'a été examiné : {reason}",
    "All jobs of this scan ended without ending it; what it did not look at is unknown.":
        "Toutes les tâches de ce scan se sont terminées sans le clore ; on ignore ce qu'il n'a pas examiné.",
    "There is nothing to look at: everything is excluded.": "Il n'y a rien à examiner : tout est exclu.",
    "{count} more addresses of the file are outside the scope.": "Autres adresses du fichier hors du périmètre : {count}.",
    "{name} has the tag: {why}": "{name} porte l'étiquette : {why}",
    "{name} resolves to {address} and {count} more addresses outside this organisation's scope. {why}":
        "{name} se résout en {address} et en {count} autres adresses hors du périmètre de cette organisation. {why}",
    "{name} resolves to {address} outside this organisation's scope. {why}": "{name} se résout en {address}, hors du périmètre de cette organisation. {why}",
    "A name may stand for public addresses and the scope's networks: check the name servers, or add the network if it is yours.":
        "Un nom peut désigner des adresses publiques et les réseaux du périmètre : vérifiez les serveurs de noms, ou ajoutez le réseau s'il est à vous.",
    "Add the name with `watchfloor scope add {name}` if you may look at it.": "Ajoutez le nom avec `watchfloor scope add {name}` si vous avez le droit de l'examiner.",
    "{name}: The name servers did not answer in time; nothing is known about this name.":
        "{name} : les serveurs de noms n'ont pas répondu à temps ; on ne sait rien de ce nom.",
    "{name}: The name does not resolve: {reason}.": "{name} : le nom ne se résout pas : {reason}.",
    "{name}: It has {count} addresses; only the first {first} are looked at.": "{name} : ce nom a {count} adresses ; seules les {first} premières sont examinées.",
    "{name}: Every address of this name is outside the scope.": "{name} : toutes les adresses de ce nom sont hors du périmètre.",
    "An address with a zone is on this machine's own link and is never looked at.":
        "Une adresse avec zone se trouve sur le lien local de cette machine et n'est jamais examinée.",
    "{address} is a cloud metadata service and is never contacted.": "{address} est un service de métadonnées cloud et n'est jamais contactée.",
    "{address} is multicast, broadcast or reserved and is never contacted.": "{address} est une adresse de multidiffusion, de diffusion ou réservée et n'est jamais contactée.",
    "{address} is excluded by this organisation's scope.": "{address} est exclue par le périmètre de cette organisation.",
    "Of {address} the scope allows some ports only. Ask for --ports {ports} or some of them, or widen the scope's entry.":
        "Le périmètre n'autorise que certains ports de {address}. Demandez --ports {ports} ou certains d'entre eux, ou élargissez l'entrée du périmètre.",
    "{address} is on this machine or its own link, which the scope must name itself: `watchfloor scope add {real}`.":
        "{address} se trouve sur cette machine ou sur son lien local, que le périmètre doit nommer explicitement : `watchfloor scope add {real}`.",
    "{address} is outside this organisation's scope. Add it with `watchfloor scope add {real}` if you may look at it.":
        "{address} est hors du périmètre de cette organisation. Ajoutez-la avec `watchfloor scope add {real}` si vous avez le droit de l'examiner.",
    # What limited it.
    "1 address answered nothing (ICMP echo, TCP ports {ports}, the neighbour table) and was left out; `--discovery off` asks its ports too.":
        "1 adresse n'a rien répondu (écho ICMP, ports TCP {ports}, table de voisinage) et a été laissée de côté ; `--discovery off` interroge aussi ses ports.",
    "1 address answered nothing (TCP ports {ports}, the neighbour table) and was left out; `--discovery off` asks its ports too.":
        "1 adresse n'a rien répondu (ports TCP {ports}, table de voisinage) et a été laissée de côté ; `--discovery off` interroge aussi ses ports.",
    "{count} addresses answered nothing (ICMP echo, TCP ports {ports}, the neighbour table) and were left out; `--discovery off` asks their ports too.":
        "{count} adresses n'ont rien répondu (écho ICMP, ports TCP {ports}, table de voisinage) et ont été laissées de côté ; `--discovery off` interroge aussi leurs ports.",
    "{count} addresses answered nothing (TCP ports {ports}, the neighbour table) and were left out; `--discovery off` asks their ports too.":
        "{count} adresses n'ont rien répondu (ports TCP {ports}, table de voisinage) et ont été laissées de côté ; `--discovery off` interroge aussi leurs ports.",
    "ICMP echo is not permitted here (net.ipv4.ping_group_range), so hosts were looked for by TCP alone.":
        "L'écho ICMP n'est pas permis ici (net.ipv4.ping_group_range) : les hôtes ont été cherchés par TCP seulement.",
    "Port {port} of {where} is this installation's own {what}, which is never scanned.":
        "Le port {port} de {where} appartient à cette installation même ({what}), qui n'est jamais scannée.",
    "{count} open ports are counted but not listed: a host that accepts every port is usually a proxy or a tarpit.":
        "Ports ouverts comptés mais non listés : {count}. Un hôte qui accepte tous les ports est en général un proxy ou un piège à scanners (tarpit).",
    "{count} UDP ports answered nothing: they are open or filtered, nobody can tell.":
        "Ports UDP restés sans réponse : {count}. Ouverts ou filtrés, nul ne peut le dire.",
    "This process ran out of file descriptors and went on with fewer connections; raise `ulimit -n` for more speed.":
        "Ce processus a épuisé ses descripteurs de fichiers et a continué avec moins de connexions ; augmentez `ulimit -n` pour aller plus vite.",
    "This machine ran out of open files and the scan went on with fewer connections.":
        "Cette machine a atteint sa limite de fichiers ouverts et le scan a continué avec moins de connexions.",
    "This machine ran short of network memory and the scan slowed down.": "Cette machine a manqué de mémoire réseau et le scan a ralenti.",
    "This machine ran short of memory and the scan slowed down.": "Cette machine a manqué de mémoire et le scan a ralenti.",
    "This machine ran out of source ports and the scan slowed down; widen net.ipv4.ip_local_port_range for more speed.":
        "Cette machine a épuisé ses ports source et le scan a ralenti ; élargissez net.ipv4.ip_local_port_range pour aller plus vite.",
    "This machine ran out of source ports or routes and the scan slowed down.": "Cette machine a manqué de ports source ou de routes et le scan a ralenti.",
    "The local firewall or security policy refused {count} connections; those ports count as unreachable.":
        "Connexions refusées par le pare-feu local ou la politique de sécurité : {count} ; ces ports comptent comme inaccessibles.",
    "The system refused {count} connections ({name}); those ports count as unreachable.":
        "Connexions refusées par le système : {count} ({name}) ; ces ports comptent comme inaccessibles.",
    "The system refused {count} datagrams ({name}); those ports count as not answered.":
        "Datagrammes refusés par le système : {count} ({name}) ; ces ports comptent comme restés sans réponse.",
    "{count} hosts accept connections on every port (a tarpit or a SYN proxy); they were not scanned to the end, and only those of their ports that said something are listed as open.":
        "Hôtes acceptant les connexions sur tous les ports (tarpit ou proxy SYN) : {count} ; ils n'ont pas été scannés jusqu'au bout, et seuls leurs ports qui ont dit quelque chose sont listés comme ouverts.",
    "The scan paused {count} times so as not to fill the connection table of this machine or its host; raise net.netfilter.nf_conntrack_max for more speed against silent hosts.":
        "Pauses du scan pour ne pas saturer la table de connexions de cette machine ou de son hôte : {count} ; augmentez net.netfilter.nf_conntrack_max pour aller plus vite face aux hôtes muets.",
    "This kernel does not let a refused socket be used again; the scan took a new one for each probe and was slower.":
        "Ce noyau ne permet pas de réutiliser un socket refusé ; le scan en a pris un nouveau pour chaque sonde et a été plus lent.",
    "{count} open ports were not identified: time or the limit of {limit} per job was used up.":
        "Ports ouverts non identifiés : {count}. Le temps ou la limite de {limit} par tâche était épuisé.",
    "{count} lines of the file could not be read and were left out.": "Lignes du fichier illisibles et laissées de côté : {count}.",
    "The file breaks off ({broken}); what it would say after that is not known.": "Le fichier est tronqué ({broken}) ; la suite n'est pas connue.",
    "1 host was looked at after this file was written; its findings were left as they are.":
        "1 hôte a été examiné après l'écriture de ce fichier ; ses constats sont restés tels quels.",
    "{count} hosts were looked at after this file was written; their findings were left as they are.":
        "{count} hôtes ont été examinés après l'écriture de ce fichier ; leurs constats sont restés tels quels.",
    # How it was done.
    "Every port was asked for a TCP connection; silent ones were asked again before they counted as filtered.":
        "Une connexion TCP a été demandée à chaque port ; les ports muets ont été interrogés une seconde fois avant d'être comptés comme filtrés.",
    "What answers was identified from its greeting, its answer to a plain HTTP request and its TLS handshake. Nobody signed in anywhere.":
        "Ce qui répond a été identifié par sa bannière, sa réponse à une simple requête HTTP et sa négociation TLS. Aucune authentification n'a été tentée.",
}  # fmt: skip
