// The page that lays runs over each other.
const tints = ["run-1", "run-2", "run-3", "run-4", "run-5", "run-6", "run-7", "run-8"];
const tint = (i) => tints[i % tints.length];
const formed = { money: usdt, share: (x) => percent(x), ratio, count, time: span };
const named = (run, i) => el("span", null, el("i", { cls: "swatch", style: { background: `var(--${tint(i)})` } }), run.label);

// All runs on the moments of them all: within a run its last value, before and behind it nothing.
function laidOver(value) {
  const times = [...new Set(doc.runs.flatMap((r) => r.time))].sort((a, b) => a - b);
  const lists = doc.runs.map((r) => {
    const own = value(r);
    let at = -1;
    return times.map((t) => {
      while (at + 1 < r.time.length && r.time[at + 1] <= t) at++;
      return at < 0 || t > r.time[r.time.length - 1] ? null : own[at];
    });
  });
  return { times, lists };
}
const grown = (r) => r.equity.map((v) => v / r.equity[0] - 1);
function fallen(r) {
  let peak = -Infinity;
  return r.equity.map((v) => { peak = Math.max(peak, v); return peak > 0 ? v / peak - 1 : 0; });
}
function curvesCard(main) {
  const without = doc.runs.filter((r) => r.time.length < 2).map((r) => r.label);
  const section = card("equity", "Equity", `At the end of each UTC day, as a return on the capital.${without.length ? ` Without a curve, as they were written by an older version: ${without.join(", ")}.` : ""}`);
  main.append(section);
  if (without.length === doc.runs.length) return;
  const keys = el("div", { cls: "legend controls" });
  section.append(keys);
  const draw = (value, o) => {
    const { times, lists } = laidOver(value), host = el("div", { id: o.id });
    section.append(host);
    return plot(host, times, doc.runs.map((r, i) => ({ label: r.label, data: lists[i], color: tint(i), width: 1.75, text: (v) => percent(v), dash: i >= tints.length ? [6, 4] : undefined })),
      { sync: "time", stamp: (t) => day(t - 1), axis: (v) => percent(v, o.digits), ...o });
  };
  const values = doc.runs.flatMap(grown), extent = Math.max(...values) - Math.min(...values);
  const falls = doc.runs.flatMap(fallen), low = Math.min(...falls, -1e-4);
  const equity = draw(grown, { id: "equity-plot", height: 320, digits: extent > 0.1 ? 0 : extent > 0.01 ? 1 : 2 });
  section.append(el("h3", null, "Drawdown from the peak, by the ends of days"));
  const drawdown = draw(fallen, { id: "drawdown-plot", height: 150, digits: low < -0.05 ? 0 : low < -0.005 ? 1 : 2, range: () => [low * 1.08, 0] });
  // One button shows or hides a run in both charts.
  doc.runs.forEach((_, i) => {
    const button = equity.toggle(i), other = drawdown.toggle(i);
    button.addEventListener("click", () => other.click());
    keys.append(button);
  });
}
function figuresCard() {
  const rows = doc.rows.filter((r) => r.values.some(known));
  return card("figures", "Figures", "The best of each line is marked, where more or less of it is better.",
    simpleTable([["figure"], ...doc.runs.map((r, i) => [named(r, i), 1])], rows.map((r) => [r.label, ...r.values.map((v, i) =>
      el("td", { cls: "r" + (r.best[i] ? " best" : "") }, figure(`${r.key}.${i + 1}`, v, formed[r.form](v), null), r.best[i] ? el("b", { title: "the best" }, " \u2605") : ""))])));
}
function differencesCard() {
  return card("differences", "What differs", doc.differences.length ? "Settings that all runs share are left out." : "Nothing: strategy, parameters, data, period and options are the same.",
    doc.differences.length ? simpleTable([["setting"], ...doc.runs.map((r, i) => [named(r, i), 1])], doc.differences.map((d) => [d.label, ...d.values.map((v) => v || (d.label.startsWith("--") ? "default" : "none"))])) : null,
    doc.notes.length ? el("ul", { cls: "notes stack" }, doc.notes.map((n) => el("li", null, n))) : null);
}
function monthsCard() {
  const all = [...new Set(doc.runs.flatMap((r) => Object.keys(r.months)))].sort();
  if (all.length < 2) return null;
  return card("months", "Months", "Returns by calendar month (UTC); the first and the last may be parts of one.",
    simpleTable([["month"], ...doc.runs.map((r, i) => [named(r, i), 1])], all.map((m) => [m, ...doc.runs.map((r) => el("td", { cls: "r " + tone(r.months[m]) }, m in r.months ? percent(r.months[m]) : ""))])));
}
async function main() {
  const main = el("main", { cls: "wrap" });
  root.append(main);
  const months = monthsCard();
  document.body.prepend(topBar([["differences", "What differs"], ["equity", "Equity"], ["figures", "Figures"], months ? ["months", "Months"] : null].filter(Boolean)));
  main.append(el("header", { cls: "top" }, el("h1", null, `${doc.runs.length} runs compared`), el("p", null, doc.runs.map((r) => r.label).join(", "))), differencesCard());
  curvesCard(main);
  main.append(figuresCard());
  if (months) main.append(months);
  main.append(foot());
  addEventListener("keydown", (e) => { if (e.key === "t" && !e.ctrlKey && !e.metaKey && !e.altKey) toggleTheme(); });
  document.documentElement.dataset.ready = "true";
}
main().catch((problem) => {
  root.append(el("p", { cls: "wrap" }, "This page cannot be shown here: " + problem.message + ". It needs a browser of 2023 or newer."));
  document.documentElement.dataset.failed = problem.message;
  throw problem;
});
