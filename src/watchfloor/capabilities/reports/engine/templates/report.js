"use strict";
// Sorting, filtering and opening; a reader without scripts sees the same rows in the order of the report.
(() => {
  const words = document.body.dataset;
  const locale = (() => { try { return Intl.getCanonicalLocales(words.locale || "en")[0]; } catch { return "en"; } })();
  const collator = new Intl.Collator(locale, { numeric: true, sensitivity: "base" });
  const count = new Intl.NumberFormat(locale);
  const made = (tag, properties, ...inside) => { const one = Object.assign(document.createElement(tag), properties); one.append(...inside); return one; };

  const key = (row, n) => {
    const cell = row.cells[n];
    if (cell.dataset.v !== undefined) return Number(cell.dataset.v);
    if (cell.querySelector(":scope > .none")) return null;
    return (cell.querySelector("summary") || cell).textContent;
  };
  // What is unknown stands last, whichever way the rest is sorted.
  const compare = (one, other, way) => {
    if (one === null || other === null) return (one === null) - (other === null);
    const numbers = typeof one === "number" && typeof other === "number";
    return way * (numbers ? one - other : collator.compare(String(one), String(other)));
  };

  const sortable = (table, rows) => {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, n) => {
      const button = made("button", { type: "button", className: "sort", title: words.sorted }, ...head.childNodes);
      head.append(button);
      // Numbers, days and severities are asked for from the top.
      const first = ["number", "moment", "severity"].includes(head.dataset.sort) ? "descending" : "ascending";
      const second = first === "ascending" ? "descending" : "ascending";
      button.addEventListener("click", () => {
        const now = head.getAttribute("aria-sort");
        const next = now === first ? second : now === second ? null : first;
        heads.forEach((one) => one.removeAttribute("aria-sort"));
        let order = rows;
        if (next) {
          head.setAttribute("aria-sort", next);
          const way = next === "ascending" ? 1 : -1;
          order = rows.map((row) => [key(row, n), row]).sort((a, b) => compare(a[0], b[0], way)).map((pair) => pair[1]);
        }
        table.tBodies[0].append(...order);
      });
    });
  };

  const filterable = (table, rows, bar) => {
    const said = made("output", { className: "shown" });
    const input = made("input", { type: "search", autocomplete: "off", spellcheck: false });
    const texts = new Map();
    const text = (row) => { if (!texts.has(row)) texts.set(row, row.textContent.toLowerCase()); return texts.get(row); };
    const picks = [...table.tHead.rows[0].cells].map((head, n) => [head, n]).filter(([head]) => "pick" in head.dataset).map(([head, n]) => {
      const values = new Map(), counts = new Map();
      for (const row of rows) {
        const value = row.cells[n].textContent;
        values.set(value, key(row, n));
        counts.set(value, (counts.get(value) || 0) + 1);
      }
      const named = (value) => `${value.charAt(0).toLocaleUpperCase(locale)}${value.slice(1)} (${count.format(counts.get(value))})`;
      const sorted = [...values].sort((a, b) => compare(a[1], b[1], -1)).map(([value]) => made("option", { value }, named(value)));
      const select = made("select", {}, made("option", { value: "" }, words.all), ...sorted);
      bar.append(made("label", {}, head.textContent + " ", select));
      return [select, n];
    });
    const filter = () => {
      const wanted = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      for (const row of rows) {
        const fits = picks.every(([select, n]) => !select.value || row.cells[n].textContent === select.value) && wanted.every((word) => text(row).includes(word));
        row.hidden = !fits;
        shown += fits;
      }
      said.textContent = words.shown.replace("{shown}", count.format(shown)).replace("{all}", count.format(rows.length));
    };
    let waiting = 0;
    input.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(filter, 120); });
    picks.forEach(([select]) => select.addEventListener("change", filter));
    bar.prepend(made("label", {}, words.filter + " ", input));
    bar.append(said);
    filter();
  };

  const openable = (rows, bar) => {
    const all = rows.flatMap((row) => [...row.querySelectorAll("details")]);
    if (!all.length) return;
    const button = made("button", { type: "button" }, words.open);
    let open = false;
    button.addEventListener("click", () => {
      open = !open;
      for (const row of rows) if (!row.hidden || !open) row.querySelectorAll("details").forEach((one) => { one.open = open; });
      button.textContent = open ? words.close : words.open;
    });
    bar.append(button);
  };

  for (const table of document.querySelectorAll("table.data")) {
    const rows = [...table.tBodies[0].rows];
    if (rows.length < 2) continue;
    const bar = made("div", { className: "bar" });
    filterable(table, rows, bar);
    openable(rows, bar);
    sortable(table, rows);
    table.parentElement.before(bar);
  }

  // A link to a finding opens it.
  const reveal = () => { const found = location.hash.startsWith("#f-") && document.getElementById(location.hash.slice(1)); const inside = found && found.querySelector("details"); if (inside) inside.open = true; };
  addEventListener("hashchange", reveal);
  reveal();
})();
