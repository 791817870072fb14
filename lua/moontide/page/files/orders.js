// What happened to an order, as `:why` of the REPL tells it.
function lifeOf(o) {
  const events = [], rank = { called: 1, admitted: 2, accepted: 4, triggered: 5, fill: 6, ended: 7, settled: 8 };
  const add = (time, word, what) => events.push({ time, word, what });
  for (const c of o.calls) {
    add(c.called, "called", `${c.what} ${c.parameters}`);
    if (c.sent) add(c.sent, "admitted", `priority ${c.priority}, ${c.waited ? `held back ${span(c.waited / 1000)}${c.waits ? ` (${c.waits})` : ""}` : "at once"}${c.attempts ? `, ${c.attempts} attempts` : ""}`);
    add(c.settled, "settled", c.outcome);
  }
  add(o.placed, "accepted", `by the exchange as order ${o.id}${o.made_by ? `, made by conditional order ${o.made_by}` : ""}`);
  if (o.triggered) add(o.triggered, "triggered", o.became ? `it became order ${o.became}` : "");
  for (const f of o.fills) add(f.time, "fill", `${plain(f.quantity)} at ${plain(f.price)} as ${f.maker ? "maker" : "taker"}, fee ${plain(f.commission)}${f.realized ? `, realized ${plain(f.realized)}` : ""}`);
  if (o.over && !(o.conditional && o.triggered)) add(o.updated, "ended", o.status);
  return events.sort((a, b) => a.time - b.time || rank[a.word] - rank[b.word]);
}
function orderTitle(o) {
  const level = o.conditional ? o.trigger : o.price;
  return `${o.side} ${o.type}${o.whole ? " of the whole position" : " " + plain(o.quantity)} ${o.symbol}${level ? ` at ${plain(level)}` : ""}: ${o.status}${o.executed ? `, executed ${plain(o.executed)}${o.average ? ` at ${plain(o.average)}` : ""}` : ""}`;
}
function lifeNode(o) {
  const events = lifeOf(o), begin = events[0].time;
  let before = "";
  return el("div", { cls: "order-life", "data-order": o.id }, el("h3", null, `Order ${o.id}`, el("span", { cls: "soft" }, `  ${orderTitle(o)}`)),
    el("ol", null, events.map((e) => {
      const date = day(e.time), text = date === before ? clock(e.time) : clock(e.time);
      before = date;
      return el("li", { cls: e.word === "fill" ? "fill" : null }, el("time", { title: iso(e.time) }, text), el("span", { cls: "since" }, "+" + fixed((e.time - begin) / 1000, 3) + " s"), el("span", null, e.word), el("span", { cls: "what" }, e.what));
    })));
}
