"""The words of reports in Spanish; `tests/reports/test_words.py` tells which are missing."""

from __future__ import annotations

from typing import Final

SPANISH: Final = {
    # Severities, states and changes.
    "critical": "crítica", "high": "alta", "medium": "media", "low": "baja", "info": "info", "open": "abierto", "accepted": "aceptado",
    "false positive": "falso positivo", "fixed": "corregido", "new": "nuevo", "returned": "reaparecido", "unchanged": "sin cambios",
    # Numbers and pictures.
    "No data.": "Sin datos.", "Value": "Valor", "other": "otros", "unknown": "desconocido", "yes": "sí", "no": "no", "all": "todo",
    "{count} more in the table": "{count} más en la tabla", "Numbers of this picture": "Cifras de este gráfico", "findings": "hallazgos",
    "{label}: {value}": "{label}: {value}",
    # Titles of reports.
    "Scan": "Escaneo", "{title} of {org}": "{title} – {org}", "What changed between two scans of {org}": "Cambios entre dos escaneos – {org}",
    "Exposure of {tag}, {org}": "Exposición de {tag} – {org}", "Exposure of {org}": "Exposición – {org}",
    # Headings.
    "Exposure report": "Informe de exposición", "data of": "datos del", "Contents": "Contenido", "To the content": "Ir al contenido", "Overview": "Resumen",
    "Findings": "Hallazgos", "Open findings": "Hallazgos abiertos", "Open findings by severity": "Hallazgos abiertos por gravedad", "Gravest findings": "Hallazgos más graves",
    "Set aside": "Apartados", "Findings set aside": "Hallazgos apartados", "Tables": "Tablas", "What was not looked at": "Lo que no se examinó",
    "How this was made": "Metodología", "About this report": "Acerca de este informe", "Compared with the earlier scan": "En comparación con el escaneo anterior",
    # Columns.
    "Fingerprint": "Huella", "Severity": "Gravedad", "Priority": "Prioridad", "Finding": "Hallazgo", "Asset": "Activo", "Port": "Puerto", "Protocol": "Protocolo",
    "State": "Estado", "Change": "Cambio", "CVE": "CVE", "Check": "Comprobación", "Found by": "Detectado por", "Description": "Descripción", "Evidence": "Evidencia",
    "Remedy": "Solución", "References": "Referencias", "Reason": "Justificación", "Accepted until": "Aceptado hasta", "Known exploited": "Explotación conocida",
    "Fixed in": "Corregido en", "Product": "Producto", "Version": "Versión", "CPE": "CPE", "First seen": "Visto desde", "Last seen": "Visto hasta",
    "Fixed at": "Corregido el", "What to do": "Qué hacer", "No title.": "Sin título.",
    # Sentences.
    "State of the data": "Estado de los datos", "What follows is what was known then; more may be found.":
        "Lo que sigue es lo que se sabía entonces; puede encontrarse más.",
    "{urgent} of {findings} should be looked at first.": "Atención prioritaria: {urgent} de {findings}.",
    "{count} open finding": "{count} hallazgo abierto", "{count} open findings": "{count} hallazgos abiertos",
    "{count} open finding, neither critical nor high.": "{count} hallazgo abierto, de gravedad ni crítica ni alta.",
    "{count} open findings, none of them critical or high.": "{count} hallazgos abiertos, ninguno de gravedad crítica o alta.",
    "No open findings. This speaks only for what was looked at.": "Ningún hallazgo abierto. Esto vale solo para lo que se examinó.",
    "No findings. This speaks only for what was looked at.": "Ningún hallazgo. Esto vale solo para lo que se examinó.",
    "Nothing to show.": "Nada que mostrar.",
    "Set aside, and not counted above": "Apartados y no contados arriba",
    "Gravest first. Open a finding to read what was seen and what to do.": "Los más graves primero. Abra un hallazgo para leer qué se vio y qué hacer.",
    "Accepted risks, false positives and what is fixed by now. They are not counted as open.":
        "Riesgos aceptados, falsos positivos y lo ya corregido. No cuentan como abiertos.",
    "Everything that was asked for was looked at. Anything else was not, and is not said to be safe.":
        "Se examinó todo lo solicitado. Lo demás no se examinó, y no se afirma que sea seguro.",
    "No section says how its facts were obtained.": "Ninguna sección dice cómo se obtuvieron sus datos.",
    "Made by Watchfloor. The same data gives the same file, byte for byte.": "Elaborado por Watchfloor. Los mismos datos dan el mismo archivo, byte a byte.",
    # About the report.
    "Data of": "Datos del", "Written for": "Destinatarios", "executive": "dirección", "engineer": "equipo técnico", "auditor": "auditoría", "Left out": "Omitido",
    "nothing": "nada", "credentials and names of persons": "credenciales y nombres de personas",
    "credentials, names of persons, names of assets, and evidence": "credenciales, nombres de personas, nombres de activos y evidencias",
    "Subject": "Objeto", "scan": "escaneo", "comparison": "comparación", "assets": "activos", "organisation": "organización", "Rows in the snapshot": "Filas de la instantánea",
    "Format of the snapshot": "Formato de la instantánea", "SHA-256 of the snapshot": "SHA-256 de la instantánea",
    # What is listed.
    "{before}; {after}": "{before}; {after}",
    "Filtered": "Filtrado",
    "Of what passes the filter: {verdict}": "De lo que pasa el filtro: {verdict}",
    "No open finding passes this report's filter. It does not say that there are none.":
        "Ningún hallazgo abierto pasa el filtro de este informe. Eso no quiere decir que no haya ninguno.",
    "Open findings are not listed in this report. It does not say that there are none.":
        "Este informe no enumera los hallazgos abiertos. Eso no quiere decir que no haya ninguno.",
    "These sections were not asked for: {titles}.": "No se pidieron estas secciones: {titles}.",
    "Only findings that pass this filter are listed and counted: {conditions}.":
        "Solo se enumeran y cuentan los hallazgos que pasan este filtro: {conditions}.",
    "{count} finding does not pass.": "{count} hallazgo no lo pasa.",
    "{count} findings do not pass.": "{count} hallazgos no lo pasan.",
    "{count} of them is open.": "{count} de ellos está abierto.",
    "{count} of them are open.": "{count} de ellos están abiertos.",
    "What else is told of assets, services and advisories is not filtered.":
        "Lo demás que se dice de activos, servicios y avisos no está filtrado.",
    "{severity} or graver": "{severity} o más grave",
    # Controls.
    "Filter rows": "Filtrar filas", "{shown} of {all} rows": "{shown} de {all} filas", "Open all": "Abrir todo", "Close all": "Cerrar todo",
    "Sort by this column": "Ordenar por esta columna", "{count} more row as CSV": "{count} fila más en CSV", "{count} more rows as CSV": "{count} filas más en CSV",
    "this page shows the first rows only; the link holds the others and needs no network.":
        "esta página muestra solo las primeras filas; el enlace contiene las demás y no necesita red.",
    "{count} row is in the CSV report only.": "{count} fila está solo en el informe CSV.", "{count} rows are in the CSV report only.": "{count} filas están solo en el informe CSV.",
    "{count} more is in the report for engineers.": "Hay {count} más en el informe para el equipo técnico.",
    "{count} more are in the report for engineers.": "Hay {count} más en el informe para el equipo técnico.",
}  # fmt: skip
# What our own section says.
SECTION: Final = {
    "Assets and the course of findings": "Activos y evolución de los hallazgos", "Assets": "Activos", "Asset": "Activo", "Name": "Nombre", "Exposure": "Exposición",
    "Open findings": "Hallazgos abiertos", "First seen": "Visto desde", "Last seen": "Visto hasta", "Assets known": "Activos conocidos",
    "Not seen in the period": "No vistos en el periodo", "Findings that came": "Hallazgos nuevos", "Findings that ended": "Hallazgos cerrados",
    "Open findings over time": "Evolución de los hallazgos abiertos", "findings": "hallazgos",
    # Words in cells.
    "internet": "internet", "partner": "socio", "internal": "interna", "isolated": "aislado", "unknown": "desconocida",
    # Sentences.
    "From {begin} to {end}: {came} findings came, {went} ended.": "Del {begin} al {end}: hallazgos nuevos: {came}, hallazgos cerrados: {went}.",
    "{unseen} of {known} assets were not seen in the period: what is known of them is older.":
        "Activos no vistos en el periodo: {unseen} de {known}; lo que se sabe de ellos es anterior.",
    "An asset was last seen on {moment}.": "Un activo se vio por última vez el {moment}.",
    "No asset was known by then: nothing was looked at, so nothing could be found.":
        "Entonces no se conocía ningún activo: no se examinó nada, así que nada podía encontrarse.",
    "A finding counts as open until a look proved that it is fixed, or somebody accepted it or called it a false positive.":
        "Un hallazgo cuenta como abierto hasta que un examen demuestre que está corregido, o alguien lo acepte o lo declare falso positivo.",
    # To auditors: which reports were written before.
    "Reports written before": "Informes escritos antes", "Reports": "Informes", "Written": "Escrito", "Format": "Formato",
    "Audience": "Público", "Redaction": "Censura", "File": "Archivo", "Held": "Retenido", "Asked for by": "Pedido por",
    "Held by": "Retenido por", "Report": "Informe", "executive": "dirección", "engineer": "técnica", "auditor": "auditoría",
    "ready": "listo", "lost": "perdido", "deleted": "borrado", "Reports written": "Informes escritos", "Reports held": "Informes retenidos",
    "Reports whose file is gone": "Informes sin archivo", "SHA-256": "SHA-256",
    "Reports of this scope that were written before: {total}.": "Informes escritos antes sobre el mismo objeto: {total}.",
    "No report of this scope was written before.": "Antes no se escribió ningún informe sobre este objeto.",
    "The list has the reports of the same scope that were ready when the data was read; a report does not list itself.":
        "La lista tiene los informes sobre el mismo objeto que estaban listos cuando se leyeron los datos; un informe no se cita a sí mismo.",
    "A deleted report stays in the list with the hash of its file: whoever still has the file can prove it.":
        "Un informe borrado sigue en la lista con el hash de su archivo: quien aún tenga el archivo puede probarlo.",
}  # fmt: skip
