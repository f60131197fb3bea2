"""The words of PDFs in Spanish, where the words of all reports have none."""

from __future__ import annotations

from typing import Final

SPANISH: Final = {
    "Page": "Página", "of": "de", "Summary": "Resumen", "What to look at first": "Qué examinar primero",
    "Findings in full": "Hallazgos en detalle", "Method and limits": "Método y límites", "What this report does not speak for": "Lo que este informe no cubre",
    "Nothing was left out, as far as is known.": "No se omitió nada, que se sepa.", "What is shown here": "Qué se muestra aquí", "This document": "Este documento",
    "Attached data": "Datos adjuntos",
    "These files hold the same data as this report and travel inside it; a PDF reader lists them as attachments.":
        "Estos archivos contienen los mismos datos que este informe y viajan dentro de él; un lector de PDF los muestra como adjuntos.",
    "Critical": "Crítica", "High": "Alta", "Medium": "Media", "Low": "Baja", "Info": "Info", "Open": "Abierto", "Accepted": "Aceptado",
    "False positive": "Falso positivo", "Fixed": "Corregido", "New": "Nuevo", "Returned": "Reaparecido", "Unchanged": "Sin cambios", "Unknown": "Desconocido",
    "Executive report": "Informe ejecutivo", "Technical report": "Informe técnico", "Audit report": "Informe de auditoría", "One scan": "Un escaneo",
    "Two scans compared": "Comparación de dos escaneos", "Assets with a tag": "Activos con una etiqueta", "The organisation": "La organización",
    "Nothing was left out.": "No se omitió nada.", "Credentials and names of persons were left out.": "Se omitieron las credenciales y los nombres de personas.",
    "Credentials, names of persons and evidence were left out; aliases stand for assets.":
        "Se omitieron las credenciales, los nombres de personas y las evidencias; los activos figuran con alias.",
    "Since": "Desde", "What": "Qué", "File": "Archivo", "Size": "Tamaño", "Total": "Total", "Organisation": "Organización", "Scope": "Alcance", "Data as of": "Datos del",
    "Snapshot, SHA-256": "Instantánea, SHA-256", "Templates": "Plantillas",
    "Published by": "Publicado por", "Organisation, id": "Organización, id", "Earlier scan": "Escaneo anterior", "Rows": "Filas",
    "Reason given": "Justificación", "Exploited in the wild": "Explotada activamente",
    "{urgent} of {total} open findings are critical or high and should be looked at first.":
        "{urgent} de {total} hallazgos abiertos son de gravedad crítica o alta y deben examinarse primero.",
    "{urgent} of {total} open findings is critical or high and should be looked at first.":
        "{urgent} de {total} hallazgos abiertos es de gravedad crítica o alta y debe examinarse primero.",
    "The one open finding is critical or high and should be looked at first.": "El único hallazgo abierto es de gravedad crítica o alta y debe examinarse primero.",
    "{total} open findings, none of them critical or high.": "{total} hallazgos abiertos, ninguno de gravedad crítica o alta.",
    "One open finding; it is neither critical nor high.": "Un hallazgo abierto, de gravedad ni crítica ni alta.", "Not complete:": "Incompleto:",
    "when the data was taken, {title} was in the state “{state}”. What is missing here may still be found.":
        "cuando se tomaron los datos, «{title}» estaba en el estado «{state}». Lo que falta aquí aún puede encontrarse.",
    "Since the earlier scan:": "Desde el escaneo anterior:",
    "Gravest first. The first is described in full further on, under the same number.":
        "Los más graves primero. El primero se describe en detalle más adelante, con el mismo número.",
    "Gravest first. The first {full} are described in full further on, under the same numbers.":
        "Los más graves primero. Los {full} primeros se describen en detalle más adelante, con los mismos números.",
    "The others stand here only; the attached data has all that is known of each, under the fingerprint in its row.":
        "Los demás figuran solo aquí; los datos adjuntos contienen todo lo que se sabe de cada uno, con la huella de su fila.",
    "{full} of {total} findings is described in full; a report that is asked for in full describes all of them.":
        "Se describe en detalle {full} de {total} hallazgos; un informe solicitado completo los describe todos.",
    "{full} of {total} findings are described in full; a report that is asked for in full describes all of them.":
        "Se describen en detalle {full} de {total} hallazgos; un informe solicitado completo los describe todos.",
    "Gravest first.": "Los más graves primero.",
    "{left} of {total} rows is not printed here; the attached data has all of them.":
        "{left} de {total} filas no está impresa aquí; los datos adjuntos las contienen todas.",
    "{left} of {total} rows are not printed here; the attached data has all of them.":
        "{left} de {total} filas no están impresas aquí; los datos adjuntos las contienen todas.",
    "The data has no rows.": "Los datos no tienen filas.", "The one row of the data is printed here.": "La única fila de los datos está impresa aquí.",
    "All {total} rows of the data are printed here.": "Las {total} filas de los datos están impresas aquí.",
    "{title}: {shown} of {total} rows is printed.": "{title}: está impresa {shown} de {total} filas.",
    "{title}: {shown} of {total} rows are printed.": "{title}: están impresas {shown} de {total} filas.",
    "{count} character that no font here can show stands as “\ufffd”, or as a name in brackets; the attached data has it.":
        "{count} carácter que ninguna fuente puede mostrar aquí figura como «\ufffd», o con su nombre entre corchetes; los datos adjuntos lo contienen.",
    "{count} characters that no font here can show stand as “\ufffd”, or as a name in brackets; the attached data has them.":
        "{count} caracteres que ninguna fuente puede mostrar aquí figuran como «\ufffd», o con su nombre entre corchetes; los datos adjuntos los contienen.",
    "{count} text was too long for a page and is cut, marked with “[…]”; the attached data has more of it.":
        "{count} texto era demasiado largo para una página y está recortado, lo que indica «[…]»; los datos adjuntos contienen más.",
    "{count} texts were too long for a page and are cut, marked with “[…]”; the attached data has more of them.":
        "{count} textos eran demasiado largos para una página y están recortados, lo que indica «[…]»; los datos adjuntos contienen más.",
    "too large to travel inside; {size}": "demasiado grande para adjuntarse; {size}", "{count} byte": "{count} byte", "{count} bytes": "{count} bytes",
}  # fmt: skip
