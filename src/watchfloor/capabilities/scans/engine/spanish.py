"""The words of a scan's part of reports in Spanish; `tests/reports/test_sections.py` tells which are missing."""

from __future__ import annotations

from typing import Final

SPANISH: Final = {
    # Headings and columns.
    "Exposed services": "Servicios expuestos", "What changed": "Qué ha cambiado", "Open ports": "Puertos abiertos", "Hosts": "Hosts",
    "Addresses looked at": "Direcciones examinadas", "Addresses that answered": "Direcciones que respondieron", "Services found most": "Servicios más frecuentes", "open ports": "puertos abiertos",
    "What": "Qué", "Where": "Dónde", "Port": "Puerto", "Change": "Cambio", "Before": "Antes", "Now": "Ahora", "Address": "Dirección", "Name": "Nombre", "Protocol": "Protocolo",
    "Service": "Servicio", "Product": "Producto", "Version": "Versión", "TLS": "TLS", "CPE": "CPE", "Certificate ends": "Fin del certificado", "Open": "Abiertos",
    "Closed": "Cerrados", "Filtered": "Filtrados", "Not looked at": "No examinados", "Answers after": "Tiempo de respuesta", "ms": "ms",
    # Words in cells.
    "Host": "Host", "Finding": "Hallazgo", "new": "nuevo", "gone": "desaparecido", "opened": "abierto", "opened again": "abierto de nuevo", "closed": "cerrado",
    "silent now": "ahora en silencio", "fixed": "corregido", "returned": "reaparecido", "name": "nombre", "product": "producto", "version": "versión", "revision": "revisión",
    "tls": "TLS", "certificate": "certificado", "not identified": "no identificado",
    # States of a scan.
    "draft": "borrador", "planned": "planificado", "running": "en curso", "incomplete": "incompleto", "cancelled": "cancelado",
    # What the scan was.
    "Targets: {targets} and {more} more. Ports: {ports}. {ended}": "Objetivos: {targets} y {more} más. Puertos: {ports}. {ended}",
    "Targets: {targets}. Ports: {ports}. {ended}": "Objetivos: {targets}. Puertos: {ports}. {ended}",
    "Everything that was asked for was looked at.": "Se examinó todo lo solicitado.",
    "The scan was cancelled before its end.": "El escaneo se canceló antes de terminar.",
    "The scan is in progress: this is what was known at the moment of this report.": "El escaneo está en curso: esto es lo que se sabía en el momento de este informe.",
    "Not everything was looked at.": "No se examinó todo.",
    # How it compares.
    "This is the first scan of these targets and ports: there is nothing to compare it with.":
        "Es el primer escaneo de estos objetivos y puertos: no hay nada con qué compararlo.",
    "Compared with the scan of {moment}.": "Comparado con el escaneo del {moment}.", "Compared with the scan.": "Comparado con el escaneo anterior.",
    "Only the first 1,000 changes of each kind are listed; the API counts all.": "Solo se enumeran los primeros 1000 cambios de cada tipo; la API los cuenta todos.",
    "Not compared, because one of the scans did not look there: {hosts} hosts and {ports} ports.":
        "Sin comparar, porque uno de los escaneos no miró allí: hosts: {hosts}, puertos: {ports}.",
    "Nothing changed, or there is no earlier scan to compare with.": "No ha cambiado nada, o no hay un escaneo anterior con el que comparar.",
    "No open port was seen.": "No se vio ningún puerto abierto.", "No address answered.": "No respondió ninguna dirección.",
    # What it cannot speak for.
    "1 port was not looked at, because time ran out or the scope changed meanwhile.":
        "No se examinó 1 puerto porque se agotó el tiempo o el alcance cambió entretanto.",
    "{count} ports were not looked at, because time ran out or the scope changed meanwhile.":
        "No se examinaron {count} puertos porque se agotó el tiempo o el alcance cambió entretanto.",
    "1 port was not looked at, because a part of the scan was given up: {reason}": "No se examinó 1 puerto porque se abandonó una parte del escaneo: {reason}",
    "{count} ports were not looked at, because a part of the scan was given up: {reason}":
        "No se examinaron {count} puertos porque se abandonó una parte del escaneo: {reason}",
    "Nothing was looked at: {reason}": "No se examinó nada: {reason}",
    "All jobs of this scan ended without ending it; what it did not look at is unknown.":
        "Todos los trabajos de este escaneo terminaron sin cerrarlo; se desconoce lo que no examinó.",
    "There is nothing to look at: everything is excluded.": "No hay nada que examinar: todo está excluido.",
    "{count} more addresses of the file are outside the scope.": "Otras direcciones del archivo fuera del alcance: {count}.",
    "{name} has the tag: {why}": "{name} lleva la etiqueta: {why}",
    "{name} resolves to {address} and {count} more addresses outside this organisation's scope. {why}":
        "{name} se resuelve en {address} y en {count} direcciones más fuera del alcance de esta organización. {why}",
    "{name} resolves to {address} outside this organisation's scope. {why}": "{name} se resuelve en {address}, fuera del alcance de esta organización. {why}",
    "A name may stand for public addresses and the scope's networks: check the name servers, or add the network if it is yours.":
        "Un nombre puede corresponder a direcciones públicas y a las redes del alcance: revise los servidores de nombres, o añada la red si es suya.",
    "Add the name with `watchfloor scope add {name}` if you may look at it.": "Añada el nombre con `watchfloor scope add {name}` si está autorizado a examinarlo.",
    "{name}: The name servers did not answer in time; nothing is known about this name.":
        "{name}: los servidores de nombres no respondieron a tiempo; no se sabe nada de este nombre.",
    "{name}: The name does not resolve: {reason}.": "{name}: el nombre no se resuelve: {reason}.",
    "{name}: It has {count} addresses; only the first {first} are looked at.": "{name}: el nombre tiene {count} direcciones; solo se examinan las primeras {first}.",
    "{name}: Every address of this name is outside the scope.": "{name}: todas las direcciones de este nombre están fuera del alcance.",
    "An address with a zone is on this machine's own link and is never looked at.":
        "Una dirección con zona está en el enlace local de esta máquina y nunca se examina.",
    "{address} is a cloud metadata service and is never contacted.": "{address} es un servicio de metadatos en la nube y nunca se contacta.",
    "{address} is multicast, broadcast or reserved and is never contacted.": "{address} es de multidifusión, de difusión o está reservada, y nunca se contacta.",
    "{address} is excluded by this organisation's scope.": "{address} está excluida del alcance de esta organización.",
    "Of {address} the scope allows some ports only. Ask for --ports {ports} or some of them, or widen the scope's entry.":
        "De {address} el alcance solo permite algunos puertos. Pida --ports {ports} o algunos de ellos, o amplíe la entrada del alcance.",
    "{address} is on this machine or its own link, which the scope must name itself: `watchfloor scope add {real}`.":
        "{address} está en esta máquina o en su enlace local, que el alcance debe nombrar expresamente: `watchfloor scope add {real}`.",
    "{address} is outside this organisation's scope. Add it with `watchfloor scope add {real}` if you may look at it.":
        "{address} está fuera del alcance de esta organización. Añádala con `watchfloor scope add {real}` si está autorizado a examinarla.",
    # What limited it.
    "1 address answered nothing (ICMP echo, TCP ports {ports}, the neighbour table) and was left out; `--discovery off` asks its ports too.":
        "1 dirección no respondió (eco ICMP, puertos TCP {ports}, tabla de vecinos) y se dejó fuera; `--discovery off` pregunta también a sus puertos.",
    "1 address answered nothing (TCP ports {ports}, the neighbour table) and was left out; `--discovery off` asks its ports too.":
        "1 dirección no respondió (puertos TCP {ports}, tabla de vecinos) y se dejó fuera; `--discovery off` pregunta también a sus puertos.",
    "{count} addresses answered nothing (ICMP echo, TCP ports {ports}, the neighbour table) and were left out; `--discovery off` asks their ports too.":
        "{count} direcciones no respondieron (eco ICMP, puertos TCP {ports}, tabla de vecinos) y se dejaron fuera; `--discovery off` pregunta también a sus puertos.",
    "{count} addresses answered nothing (TCP ports {ports}, the neighbour table) and were left out; `--discovery off` asks their ports too.":
        "{count} direcciones no respondieron (puertos TCP {ports}, tabla de vecinos) y se dejaron fuera; `--discovery off` pregunta también a sus puertos.",
    "ICMP echo is not permitted here (net.ipv4.ping_group_range), so hosts were looked for by TCP alone.":
        "Aquí no se permite el eco ICMP (net.ipv4.ping_group_range), así que los hosts se buscaron solo por TCP.",
    "Port {port} of {where} is this installation's own {what}, which is never scanned.":
        "El puerto {port} de {where} es de esta misma instalación ({what}), que nunca se escanea.",
    "{count} open ports are counted but not listed: a host that accepts every port is usually a proxy or a tarpit.":
        "Puertos abiertos contados pero no enumerados: {count}. Un host que acepta todos los puertos suele ser un proxy o una trampa (tarpit).",
    "{count} UDP ports answered nothing: they are open or filtered, nobody can tell.":
        "Puertos UDP sin respuesta: {count}. Están abiertos o filtrados; nadie puede saberlo.",
    "This process ran out of file descriptors and went on with fewer connections; raise `ulimit -n` for more speed.":
        "Este proceso agotó sus descriptores de archivo y siguió con menos conexiones; aumente `ulimit -n` para ir más rápido.",
    "This machine ran out of open files and the scan went on with fewer connections.":
        "Esta máquina llegó a su límite de archivos abiertos y el escaneo siguió con menos conexiones.",
    "This machine ran short of network memory and the scan slowed down.": "A esta máquina le faltó memoria de red y el escaneo se ralentizó.",
    "This machine ran short of memory and the scan slowed down.": "A esta máquina le faltó memoria y el escaneo se ralentizó.",
    "This machine ran out of source ports and the scan slowed down; widen net.ipv4.ip_local_port_range for more speed.":
        "Esta máquina agotó los puertos de origen y el escaneo se ralentizó; amplíe net.ipv4.ip_local_port_range para ir más rápido.",
    "This machine ran out of source ports or routes and the scan slowed down.": "A esta máquina le faltaron puertos de origen o rutas y el escaneo se ralentizó.",
    "The local firewall or security policy refused {count} connections; those ports count as unreachable.":
        "Conexiones rechazadas por el cortafuegos local o la política de seguridad: {count}; esos puertos cuentan como inalcanzables.",
    "The system refused {count} connections ({name}); those ports count as unreachable.":
        "Conexiones rechazadas por el sistema: {count} ({name}); esos puertos cuentan como inalcanzables.",
    "The system refused {count} datagrams ({name}); those ports count as not answered.":
        "Datagramas rechazados por el sistema: {count} ({name}); esos puertos cuentan como sin respuesta.",
    "{count} hosts accept connections on every port (a tarpit or a SYN proxy); they were not scanned to the end, and only those of their ports that said something are listed as open.":
        "Hosts que aceptan conexiones en todos los puertos (tarpit o proxy SYN): {count}; no se escanearon hasta el final, y solo figuran como abiertos los puertos que dijeron algo.",
    "The scan paused {count} times so as not to fill the connection table of this machine or its host; raise net.netfilter.nf_conntrack_max for more speed against silent hosts.":
        "Pausas del escaneo para no llenar la tabla de conexiones de esta máquina o de su anfitrión: {count}; aumente net.netfilter.nf_conntrack_max para ir más rápido con hosts en silencio.",
    "This kernel does not let a refused socket be used again; the scan took a new one for each probe and was slower.":
        "Este núcleo no permite reutilizar un socket rechazado; el escaneo tomó uno nuevo para cada sonda y fue más lento.",
    "{count} open ports were not identified: time or the limit of {limit} per job was used up.":
        "Puertos abiertos sin identificar: {count}. Se agotó el tiempo o el límite de {limit} por trabajo.",
    "{count} lines of the file could not be read and were left out.": "Líneas del archivo que no se pudieron leer y se dejaron fuera: {count}.",
    "The file breaks off ({broken}); what it would say after that is not known.": "El archivo se interrumpe ({broken}); no se sabe qué diría después.",
    "1 host was looked at after this file was written; its findings were left as they are.":
        "Se examinó 1 host después de escribirse este archivo; sus hallazgos quedaron como estaban.",
    "{count} hosts were looked at after this file was written; their findings were left as they are.":
        "Se examinaron {count} hosts después de escribirse este archivo; sus hallazgos quedaron como estaban.",
    # How it was done.
    "Every port was asked for a TCP connection; silent ones were asked again before they counted as filtered.":
        "A cada puerto se le pidió una conexión TCP; a los que no respondieron se les preguntó de nuevo antes de contarlos como filtrados.",
    "What answers was identified from its greeting, its answer to a plain HTTP request and its TLS handshake. Nobody signed in anywhere.":
        "Lo que responde se identificó por su banner, su respuesta a una petición HTTP simple y su negociación TLS. No se inició sesión en ningún sitio.",
}  # fmt: skip
