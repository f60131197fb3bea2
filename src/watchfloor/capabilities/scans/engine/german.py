"""The words of a scan's part of reports in German; `tests/reports/test_sections.py` tells which are missing."""

from __future__ import annotations

from typing import Final

GERMAN: Final = {
    # Headings and columns.
    "Exposed services": "Erreichbare Dienste", "What changed": "Was sich geändert hat", "Open ports": "Offene Ports", "Hosts": "Rechner",
    "Addresses looked at": "Untersuchte Adressen", "Addresses that answered": "Antwortende Adressen", "Services found most": "Häufigste Dienste", "open ports": "offene Ports",
    "What": "Was", "Where": "Wo", "Port": "Port", "Change": "Änderung", "Before": "Vorher", "Now": "Jetzt", "Address": "Adresse", "Name": "Name", "Protocol": "Protokoll",
    "Service": "Dienst", "Product": "Produkt", "Version": "Version", "TLS": "TLS", "CPE": "CPE", "Certificate ends": "Zertifikat endet", "Open": "Offen",
    "Closed": "Geschlossen", "Filtered": "Gefiltert", "Not looked at": "Nicht untersucht", "Answers after": "Antwortet nach", "ms": "ms",
    # Words in cells.
    "Host": "Rechner", "Finding": "Befund", "new": "neu", "gone": "verschwunden", "opened": "geöffnet", "opened again": "wieder geöffnet", "closed": "geschlossen",
    "silent now": "jetzt stumm", "fixed": "behoben", "returned": "wiedergekehrt", "name": "Name", "product": "Produkt", "version": "Version", "revision": "Revision",
    "tls": "TLS", "certificate": "Zertifikat", "not identified": "nicht erkannt",
    # States of a scan.
    "draft": "Entwurf", "planned": "geplant", "running": "läuft noch", "incomplete": "unvollständig", "cancelled": "abgebrochen",
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
        "Nicht verglichen, weil einer der Scans dort nicht hinsah: Rechner: {hosts}, Ports: {ports}.",
    "Nothing changed, or there is no earlier scan to compare with.": "Nichts hat sich geändert, oder es gibt keinen früheren Scan zum Vergleich.",
    "No open port was seen.": "Kein offener Port wurde gesehen.", "No address answered.": "Keine Adresse antwortete.",
    # What it cannot speak for.
    "1 port was not looked at, because time ran out or the scope changed meanwhile.":
        "1 Port wurde nicht untersucht, weil die Zeit ablief oder sich der Umfang inzwischen änderte.",
    "{count} ports were not looked at, because time ran out or the scope changed meanwhile.":
        "{count} Ports wurden nicht untersucht, weil die Zeit ablief oder sich der Umfang inzwischen änderte.",
    "1 port was not looked at, because a part of the scan was given up: {reason}": "1 Port wurde nicht untersucht, weil ein Teil des Scans aufgegeben wurde: {reason}",
    "{count} ports were not looked at, because a part of the scan was given up: {reason}":
        "{count} Ports wurden nicht untersucht, weil ein Teil des Scans aufgegeben wurde: {reason}",
    "Nothing was looked at: {reason}": "Nichts wurde untersucht: {reason}",
    "All jobs of this scan ended without ending it; what it did not look at is unknown.":
        "Alle Aufträge dieses Scans endeten, ohne ihn abzuschließen; was er nicht untersucht hat, ist unbekannt.",
    "There is nothing to look at: everything is excluded.": "Es gibt nichts zu untersuchen: alles ist ausgenommen.",
    "{count} more addresses of the file are outside the scope.": "Weitere Adressen der Datei außerhalb des erlaubten Bereichs: {count}.",
    "{name} has the tag: {why}": "{name} trägt das Tag: {why}",
    "{name} resolves to {address} and {count} more addresses outside this organisation's scope. {why}":
        "{name} wird zu {address} und {count} weiteren Adressen außerhalb des erlaubten Bereichs dieser Organisation aufgelöst. {why}",
    "{name} resolves to {address} outside this organisation's scope. {why}":
        "{name} wird zu {address} aufgelöst, außerhalb des erlaubten Bereichs dieser Organisation. {why}",
    "A name may stand for public addresses and the scope's networks: check the name servers, or add the network if it is yours.":
        "Ein Name darf für öffentliche Adressen und die Netze des erlaubten Bereichs stehen: prüfen Sie die Nameserver, oder fügen Sie das Netz hinzu, wenn es Ihres ist.",
    "Add the name with `watchfloor scope add {name}` if you may look at it.": "Fügen Sie den Namen mit `watchfloor scope add {name}` hinzu, wenn Sie ihn untersuchen dürfen.",
    "{name}: The name servers did not answer in time; nothing is known about this name.":
        "{name}: Die Nameserver antworteten nicht rechtzeitig; über diesen Namen ist nichts bekannt.",
    "{name}: The name does not resolve: {reason}.": "{name}: Der Name lässt sich nicht auflösen: {reason}.",
    "{name}: It has {count} addresses; only the first {first} are looked at.": "{name}: Der Name hat {count} Adressen; nur die ersten {first} werden untersucht.",
    "{name}: Every address of this name is outside the scope.": "{name}: Alle Adressen dieses Namens liegen außerhalb des erlaubten Bereichs.",
    "An address with a zone is on this machine's own link and is never looked at.":
        "Eine Adresse mit Zone liegt am eigenen Netzsegment dieses Rechners und wird nie untersucht.",
    "{address} is a cloud metadata service and is never contacted.": "{address} ist ein Metadatendienst einer Cloud und wird nie angesprochen.",
    "{address} is multicast, broadcast or reserved and is never contacted.": "{address} ist Multicast, Broadcast oder reserviert und wird nie angesprochen.",
    "{address} is excluded by this organisation's scope.": "{address} ist vom erlaubten Bereich dieser Organisation ausgenommen.",
    "Of {address} the scope allows some ports only. Ask for --ports {ports} or some of them, or widen the scope's entry.":
        "Von {address} sind nur einige Ports erlaubt. Verlangen Sie --ports {ports} oder einige davon, oder erweitern Sie den Eintrag.",
    "{address} is on this machine or its own link, which the scope must name itself: `watchfloor scope add {real}`.":
        "{address} liegt auf diesem Rechner oder seinem Netzsegment; das muss der erlaubte Bereich selbst nennen: `watchfloor scope add {real}`.",
    "{address} is outside this organisation's scope. Add it with `watchfloor scope add {real}` if you may look at it.":
        "{address} liegt außerhalb des erlaubten Bereichs dieser Organisation. Fügen Sie die Adresse mit `watchfloor scope add {real}` hinzu, wenn Sie sie untersuchen dürfen.",
    # What limited it.
    "1 address answered nothing (ICMP echo, TCP ports {ports}, the neighbour table) and was left out; `--discovery off` asks its ports too.":
        "1 Adresse antwortete nicht (ICMP-Echo, TCP-Ports {ports}, Nachbartabelle) und wurde ausgelassen; `--discovery off` fragt auch ihre Ports.",
    "1 address answered nothing (TCP ports {ports}, the neighbour table) and was left out; `--discovery off` asks its ports too.":
        "1 Adresse antwortete nicht (TCP-Ports {ports}, Nachbartabelle) und wurde ausgelassen; `--discovery off` fragt auch ihre Ports.",
    "{count} addresses answered nothing (ICMP echo, TCP ports {ports}, the neighbour table) and were left out; `--discovery off` asks their ports too.":
        "{count} Adressen antworteten nicht (ICMP-Echo, TCP-Ports {ports}, Nachbartabelle) und wurden ausgelassen; `--discovery off` fragt auch ihre Ports.",
    "{count} addresses answered nothing (TCP ports {ports}, the neighbour table) and were left out; `--discovery off` asks their ports too.":
        "{count} Adressen antworteten nicht (TCP-Ports {ports}, Nachbartabelle) und wurden ausgelassen; `--discovery off` fragt auch ihre Ports.",
    "ICMP echo is not permitted here (net.ipv4.ping_group_range), so hosts were looked for by TCP alone.":
        "ICMP-Echo ist hier nicht erlaubt (net.ipv4.ping_group_range); Rechner wurden deshalb nur über TCP gesucht.",
    "Port {port} of {where} is this installation's own {what}, which is never scanned.":
        "Port {port} von {where} gehört zu dieser Installation selbst ({what}) und wird nie gescannt.",
    "{count} open ports are counted but not listed: a host that accepts every port is usually a proxy or a tarpit.":
        "Offene Ports, die gezählt, aber nicht aufgeführt sind: {count}. Ein Rechner, der jeden Port annimmt, ist meist ein Proxy oder eine Teergrube.",
    "{count} UDP ports answered nothing: they are open or filtered, nobody can tell.":
        "UDP-Ports ohne Antwort: {count}. Ob sie offen oder gefiltert sind, kann niemand sagen.",
    "This process ran out of file descriptors and went on with fewer connections; raise `ulimit -n` for more speed.":
        "Diesem Prozess gingen die Dateideskriptoren aus; er machte mit weniger Verbindungen weiter. Mit höherem `ulimit -n` geht es schneller.",
    "This machine ran out of open files and the scan went on with fewer connections.":
        "Diesem Rechner gingen die offenen Dateien aus; der Scan machte mit weniger Verbindungen weiter.",
    "This machine ran short of network memory and the scan slowed down.": "Diesem Rechner wurde der Netzwerkspeicher knapp, und der Scan wurde langsamer.",
    "This machine ran short of memory and the scan slowed down.": "Diesem Rechner wurde der Speicher knapp, und der Scan wurde langsamer.",
    "This machine ran out of source ports and the scan slowed down; widen net.ipv4.ip_local_port_range for more speed.":
        "Diesem Rechner gingen die Quellports aus, und der Scan wurde langsamer; mit weiterem net.ipv4.ip_local_port_range geht es schneller.",
    "This machine ran out of source ports or routes and the scan slowed down.": "Diesem Rechner gingen Quellports oder Routen aus, und der Scan wurde langsamer.",
    "The local firewall or security policy refused {count} connections; those ports count as unreachable.":
        "Von der lokalen Firewall oder Sicherheitsrichtlinie verweigerte Verbindungen: {count}; diese Ports gelten als nicht erreichbar.",
    "The system refused {count} connections ({name}); those ports count as unreachable.":
        "Vom System verweigerte Verbindungen: {count} ({name}); diese Ports gelten als nicht erreichbar.",
    "The system refused {count} datagrams ({name}); those ports count as not answered.":
        "Vom System verweigerte Datagramme: {count} ({name}); diese Ports gelten als unbeantwortet.",
    "{count} hosts accept connections on every port (a tarpit or a SYN proxy); they were not scanned to the end, and only those of their ports that said something are listed as open.":
        "Rechner, die auf jedem Port Verbindungen annehmen (Teergrube oder SYN-Proxy): {count}; sie wurden nicht zu Ende gescannt, und nur ihre Ports, die etwas sagten, sind als offen aufgeführt.",
    "The scan paused {count} times so as not to fill the connection table of this machine or its host; raise net.netfilter.nf_conntrack_max for more speed against silent hosts.":
        "Der Scan pausierte {count}-mal, um die Verbindungstabelle dieses Rechners oder seines Wirts nicht zu füllen; mit höherem net.netfilter.nf_conntrack_max geht es bei stummen Rechnern schneller.",
    "This kernel does not let a refused socket be used again; the scan took a new one for each probe and was slower.":
        "Dieser Kernel lässt einen abgewiesenen Socket nicht wiederverwenden; der Scan nahm für jede Probe einen neuen und war langsamer.",
    "{count} open ports were not identified: time or the limit of {limit} per job was used up.":
        "Nicht erkannte offene Ports: {count}. Die Zeit oder die Grenze von {limit} je Auftrag war erschöpft.",
    "{count} lines of the file could not be read and were left out.": "Zeilen der Datei, die nicht lesbar waren und ausgelassen wurden: {count}.",
    "The file breaks off ({broken}); what it would say after that is not known.": "Die Datei bricht ab ({broken}); was danach stünde, ist nicht bekannt.",
    "1 host was looked at after this file was written; its findings were left as they are.":
        "1 Rechner wurde untersucht, nachdem diese Datei geschrieben war; seine Befunde blieben, wie sie sind.",
    "{count} hosts were looked at after this file was written; their findings were left as they are.":
        "{count} Rechner wurden untersucht, nachdem diese Datei geschrieben war; ihre Befunde blieben, wie sie sind.",
    # How it was done.
    "Every port was asked for a TCP connection; silent ones were asked again before they counted as filtered.":
        "Jeder Port wurde um eine TCP-Verbindung gebeten; stumme wurden noch einmal gefragt, ehe sie als gefiltert galten.",
    "What answers was identified from its greeting, its answer to a plain HTTP request and its TLS handshake. Nobody signed in anywhere.":
        "Was antwortet, wurde an seiner Begrüßung, seiner Antwort auf eine einfache HTTP-Anfrage und seinem TLS-Handshake erkannt. Niemand meldete sich irgendwo an.",
}  # fmt: skip
