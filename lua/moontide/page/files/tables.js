// Tables that sort, filter and are walked through by keys. Rows are made as they scroll into view.
const STEP_ROWS = 120;

// columns: { name, value(row), text(row), right?, cls?(row), narrow? }; o: { id, pick(row), key(row), match(row, words), long }
function sortable(columns, rows, o) {
  let shown = rows.slice(), made = 0, by = o.by ?? -1, up = o.up ?? true, words = [], extra = null, selected = null;
  const body = el("tbody"), heads = columns.map((c, i) => el("th", { cls: (c.right ? "r" : "") + (c.narrow ? " hide-narrow" : ""), scope: "col" },
    el("button", { on: { click: () => { up = by === i ? !up : !c.right; by = i; refresh(); } } }, c.name)));
  const box = el("div", { cls: "scroll" + (o.long ? " long" : ""), id: o.id, tabindex: 0, role: "region", "aria-label": o.label },
    el("table", null, el("thead", null, el("tr", null, heads)), body));
  const told = el("span", { cls: "soft", "aria-live": "polite" });

  function rowNode(row) {
    const node = el("tr", { tabindex: -1, "data-row": o.key(row), "aria-selected": selected === row ? "true" : null },
      columns.map((c) => el("td", { cls: [(c.right ? "r" : ""), c.narrow ? "hide-narrow" : "", c.wide ? "text" : "", c.cls ? c.cls(row) : ""].join(" ").trim() || null }, c.text(row))));
    node.addEventListener("click", () => select(row, true));
    node.moontideRow = row;
    return node;
  }
  function more() {
    for (let i = 0; i < STEP_ROWS && made < shown.length; i++) body.append(rowNode(shown[made++]));
  }
  function refresh() {
    shown = rows.filter((r) => (!extra || extra(r)) && words.every((w) => o.match(r).includes(w)));
    if (by >= 0) {
      const value = columns[by].value, sign = up ? 1 : -1;
      shown = shown.map((r, i) => [value(r), i, r]).sort((a, b) => (a[0] < b[0] ? -sign : a[0] > b[0] ? sign : a[1] - b[1])).map((x) => x[2]);
    }
    heads.forEach((h, i) => (i === by ? h.setAttribute("aria-sort", up ? "ascending" : "descending") : h.removeAttribute("aria-sort")));
    body.replaceChildren();
    made = 0;
    more();
    box.scrollTop = 0;
    told.textContent = `${count(shown.length)} of ${count(rows.length)}`;
  }
  function select(row, told_) {
    selected = row;
    while (made < shown.length && !shown.slice(0, made).includes(row)) more();
    for (const node of body.children) {
      if (node.moontideRow === row) {
        node.setAttribute("aria-selected", "true");
        const top = node.offsetTop - box.querySelector("thead").offsetHeight, bottom = node.offsetTop + node.offsetHeight;
        if (top < box.scrollTop) box.scrollTop = top;
        else if (bottom > box.scrollTop + box.clientHeight) box.scrollTop = bottom - box.clientHeight;
      } else node.removeAttribute("aria-selected");
    }
    if (told_) o.pick(row);
  }
  function step(by_) {
    const at = shown.indexOf(selected), next = shown[Math.max(0, Math.min(shown.length - 1, at < 0 ? 0 : at + by_))];
    if (next) select(next, true);
  }
  box.addEventListener("scroll", () => { if (box.scrollTop + box.clientHeight > box.scrollHeight - 400) more(); });
  box.addEventListener("keydown", (e) => {
    if (e.key === "ArrowDown" || e.key === "ArrowUp") { e.preventDefault(); step(e.key === "ArrowDown" ? 1 : -1); }
  });
  const filter = el("input", { type: "search", placeholder: o.hint || "filter", "aria-label": "filter", on: { input: () => { words = filter.value.toLowerCase().split(/\s+/).filter(Boolean); refresh(); } } });
  refresh();
  return { box, filter, told, select, step, filterBy(f) { extra = f; refresh(); } };
}

function simpleTable(heads, rows) {
  return el("div", { cls: "wide" }, el("table", null, el("thead", null, el("tr", null, heads.map(([name, right]) => el("th", { cls: right ? "r" : null, scope: "col" }, name)))),
    el("tbody", null, rows.map((cells) => el("tr", null, cells.map((c, i) => (c instanceof Node && c.tagName === "TD" ? c : el("td", { cls: heads[i][1] ? "r" : null }, c))))))));
}
