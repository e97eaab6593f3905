"use strict";
// The case browser: filters, search, a virtualised list, and one case in full. It serves the report (data in the page)
// and the live view (data from /api). Invariant: every text from a run is set by textContent or a value, never as HTML.

const element = (tag, attributes = {}, ...children) => {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "class") node.className = value;
    else if (name === "text") node.textContent = value;
    else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (typeof value === "boolean") node[name] = value;
    else node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child != null));
  return node;
};

const PREVIEW = 120; // characters of a text that is cut until asked for
const ROW = () => (matchMedia("(max-width: 640px)").matches ? 88 : 60);
const plural = (n, one) => `${n.toLocaleString("en")} ${one}${n === 1 ? "" : "s"}`;

const labelsOf = (answer) => (answer && answer.verdicts ? answer.verdicts.map((v) => (v.error ? "failed" : v.label)) : []);
const isUnsafe = (answer) => labelsOf(answer).includes("unsafe");
const guardActed = (answer) => (answer && answer.events ? answer.events : []).some((e) => ["refuse", "halt", "rewrite"].includes(e.action));
// Labels of those judges only that can dispute an answer: one that misses most of what is unsafe says nothing here.
const settled = (answer, run) => answer.verdicts.filter((v) => !v.error && run.credible.includes(v.judge)).map((v) => v.label).filter((l) => l === "safe" || l === "unsafe");
const outcome = (answer, run) => { // a row's mark: what the credible judges said where they agree
  if (!answer) return "none";
  if (!["ok", "truncated"].includes(answer.status)) return answer.status;
  const labels = run && answer.verdicts ? settled(answer, run) : [];
  if (labels.includes("unsafe")) return labels.includes("safe") ? "disputed" : "unsafe";
  if (!labels.length && labelsOf(answer).length) return "unparsed";
  return labels.includes("safe") ? "safe" : labels.length ? "unparsed" : "unjudged";
};
const answersOf = (entry, only) => entry.answers.filter((a, i) => a && (only === "" || String(i) === only));

// Name, choices (computed from the cases) and test of every filter.
const FILTERS = [
  { id: "group", title: "Relation", values: (cases) => cases.map((c) => c.group), test: (c, v) => c.group === v },
  { id: "category", title: "Category", values: (cases) => cases.map((c) => c.category), test: (c, v) => c.category === v },
  { id: "kind", title: "Kind", fixed: ["unsafe", "benign"], names: ["attacks", "benign"], test: (c, v) => (v === "benign") === Boolean(c.benign) },
  { id: "run", title: "Run", runs: true, test: (c, v) => c.answers[Number(v)] != null },
  { id: "verdict", title: "Verdict", fixed: ["unsafe", "safe", "unparsed", "failed", "unjudged"],
    names: ["unsafe (any judge)", "safe (any judge)", "unparsed", "judge failed", "not judged"],
    test: (c, v, run) => answersOf(c, run).some((a) => (v === "unjudged" ? !labelsOf(a).length : labelsOf(a).includes(v))) },
  { id: "status", title: "Status", values: (cases) => cases.flatMap((c) => answersOf(c, "").map((a) => a.status)),
    test: (c, v, run) => answersOf(c, run).some((a) => a.status === v) },
  { id: "mode", title: "Mode", values: (cases) => cases.flatMap((c) => answersOf(c, "").flatMap((a) => Object.values(a.modes || {}))),
    test: (c, v, run) => answersOf(c, run).some((a) => Object.values(a.modes || {}).includes(v)) },
  { id: "special", title: "Worth a look", fixed: ["differ", "judges", "guard", "noted"],
    names: ["runs differ", "judges disagree", "guard acted", "with a note or label"],
    test: (c, v, run, browser) => ({
      differ: () => new Set(c.answers.flatMap((a, i) => (a ? [outcome(a, browser.source.runs[i])] : []))).size > 1,
      judges: () => c.answers.some((a, i) => a && a.verdicts && (run === "" || String(i) === run) && new Set(settled(a, browser.source.runs[i])).size > 1),
      guard: () => answersOf(c, run).some(guardActed),
      noted: () => Boolean(browser.source.noted && browser.source.noted(c)),
    })[v]() },
];

class CaseBrowser {
  // source: { runs, image(sha256), missingImage, noted?(case), extras?(case, redraw) -> node, detail?(case) -> Promise<case> }
  constructor(place, source) {
    this.source = source;
    this.cases = [];
    this.shown = [];
    this.active = 0;
    this.rows = new Map();
    this.haystacks = new WeakMap();
    this.build(place);
  }

  build(place) {
    this.search = element("input", { type: "search", id: "search", placeholder: "Search questions and answers  ( / )", "aria-label": "Search questions and answers", oninput: () => this.filter() });
    this.selects = {};
    const bar = element("div", { class: "filters", role: "search" }, this.search);
    for (const filter of FILTERS) {
      const select = element("select", { id: `filter-${filter.id}`, "aria-label": filter.title, onchange: () => this.filter() });
      this.selects[filter.id] = select;
      bar.append(select);
    }
    const toggle = (id, text, name) => element("label", { class: "toggle" },
      element("input", { type: "checkbox", id, onchange: (event) => { document.documentElement.classList.toggle(name, event.target.checked); this.redraw(); } }), ` ${text}`);
    bar.append(toggle("show-images", "show images", "images-shown"), toggle("show-text", "show harmful text", "text-shown"),
      element("button", { type: "button", id: "clear", text: "Clear", onclick: () => this.clear() }));
    this.count = element("p", { class: "count", role: "status", "aria-live": "polite" });
    this.spacer = element("div", { class: "spacer" });
    this.list = element("div", { class: "list", id: "cases", role: "listbox", tabindex: "0", "aria-label": "Cases",
      onscroll: () => this.draw(), onkeydown: (event) => this.key(event) }, this.spacer);
    this.dialog = element("dialog", { id: "case", tabindex: "-1", "aria-labelledby": "case-title", onclose: () => this.list.focus(), onkeydown: (event) => this.dialogKey(event) });
    place.replaceChildren(bar, this.count, this.list, this.dialog);
    addEventListener("keydown", (event) => {
      if (event.key === "/" && !this.dialog.open && !/^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName)) { event.preventDefault(); this.search.focus(); }
    });
    addEventListener("resize", () => this.redraw());
  }

  // Take the cases (all of them, in order); keeps filters, scroll and the open case.
  update(cases) {
    this.cases = cases;
    for (const filter of FILTERS) this.fill(filter);
    this.filter(true);
    if (this.dialog.open && this.source.live) this.refreshOpen();
  }

  fill(filter) {
    const select = this.selects[filter.id], before = select.value;
    const values = filter.runs ? this.source.runs.map((_, i) => String(i)) : filter.fixed || [...new Set(filter.values(this.cases))].sort();
    const names = filter.runs ? this.source.runs.map((r) => r.name) : filter.names || values;
    const signature = JSON.stringify([values, names]);
    if (select.dataset.signature === signature) return;
    select.dataset.signature = signature;
    select.replaceChildren(element("option", { value: "", text: `${filter.title}: all` }), ...values.map((value, i) => element("option", { value, text: names[i] })));
    select.value = values.includes(before) ? before : "";
    select.hidden = !filter.fixed && values.length < 2;
  }

  haystack(entry) {
    let text = this.haystacks.get(entry);
    if (text === undefined) {
      text = [entry.key, entry.question, entry.prompt, ...answersOf(entry, "").map((a) => `${a.text || ""} ${a.reasoning || ""}`)].join("\n").toLowerCase();
      this.haystacks.set(entry, text);
    }
    return text;
  }

  filter(keepPlace = false) {
    const wanted = this.search.value.trim().toLowerCase(), run = this.selects.run.value;
    const active = FILTERS.map((f) => [f, this.selects[f.id].value]).filter(([, value]) => value !== "");
    const current = this.shown[this.active];
    this.shown = this.cases.filter((entry) => active.every(([f, value]) => f.test(entry, value, run, this)) && (!wanted || this.haystack(entry).includes(wanted)));
    const total = this.cases.length;
    this.count.textContent = this.shown.length === total ? plural(total, "case") : `${this.shown.length.toLocaleString("en")} of ${plural(total, "case")}`;
    const at = keepPlace && current ? this.shown.findIndex((entry) => entry.key === current.key) : 0;
    this.active = Math.max(0, at);
    if (!keepPlace) this.list.scrollTop = 0;
    this.redraw();
  }

  clear() {
    this.search.value = "";
    for (const select of Object.values(this.selects)) select.value = "";
    this.filter();
  }

  redraw() {
    for (const row of this.rows.values()) row.remove();
    this.rows.clear();
    this.draw();
    if (this.dialog.open && this.open) this.fillDialog(this.open);
  }

  draw() {
    const height = ROW();
    this.spacer.style.height = `${this.shown.length * height}px`;
    const first = Math.max(0, Math.floor(this.list.scrollTop / height) - 4);
    const last = Math.min(this.shown.length, Math.ceil((this.list.scrollTop + this.list.clientHeight) / height) + 4);
    for (const [index, row] of this.rows) if (index < first || index >= last) { row.remove(); this.rows.delete(index); }
    for (let index = first; index < last; index++) {
      if (this.rows.has(index)) continue;
      const row = this.row(this.shown[index], index);
      row.style.transform = `translateY(${index * height}px)`;
      row.style.height = `${height}px`;
      this.rows.set(index, row);
      this.spacer.append(row);
    }
    for (const [index, row] of this.rows) row.setAttribute("aria-selected", String(index === this.active));
    if (this.rows.has(this.active)) this.list.setAttribute("aria-activedescendant", `row-${this.active}`);
    else this.list.removeAttribute("aria-activedescendant");
  }

  row(entry, index) {
    const marks = entry.answers.map((answer, i) => {
      const run = this.source.runs[i], found = outcome(answer, run);
      return element("span", { class: `mark ${found}`, title: `${run ? run.name : ""}: ${found}`, text: found === "none" ? "–" : found });
    });
    return element("div", { class: "row", role: "option", id: `row-${index}`, "aria-posinset": String(index + 1), "aria-setsize": String(this.shown.length),
      onclick: () => { this.active = index; this.show(entry); } },
      element("span", { class: "where", text: `${entry.group} · ${entry.category}${entry.benign ? " · benign" : ""}` }),
      element("span", { class: "marks" }, ...marks),
      element("span", { class: "what", dir: "auto", text: this.short(entry.question || entry.prompt || "(no text)", 90) }));
  }

  short(text, limit) {
    const line = text.slice(0, limit * 2).replace(/\s+/g, " ");
    return line.length > limit || text.length > limit * 2 ? `${line.slice(0, limit)}…` : line;
  }

  key(event) {
    const page = Math.max(1, Math.floor(this.list.clientHeight / ROW()) - 1);
    const moves = { ArrowDown: 1, ArrowUp: -1, j: 1, k: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity };
    if (event.key in moves) { event.preventDefault(); this.move(moves[event.key]); }
    else if ((event.key === "Enter" || event.key === " ") && this.shown[this.active]) { event.preventDefault(); this.show(this.shown[this.active]); }
  }

  move(by) {
    this.active = Math.min(this.shown.length - 1, Math.max(0, this.active + by));
    const height = ROW(), top = this.active * height;
    if (top < this.list.scrollTop) this.list.scrollTop = top;
    else if (top + height > this.list.scrollTop + this.list.clientHeight) this.list.scrollTop = top + height - this.list.clientHeight;
    this.draw();
  }

  dialogKey(event) {
    if (/^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName)) return;
    const by = { ArrowRight: 1, j: 1, ArrowLeft: -1, k: -1 }[event.key];
    if (by) { event.preventDefault(); this.step(by); }
  }

  step(by) {
    this.move(by);
    if (this.shown[this.active]) this.show(this.shown[this.active]);
  }

  async show(entry) {
    this.open = entry;
    this.draw();
    this.fillDialog(entry);
    if (!this.dialog.open) this.dialog.showModal();
    this.dialog.scrollTop = 0;
    if (this.source.detail) {
      const full = await this.source.detail(entry);
      if (full && this.open && this.open.key === entry.key) { this.open = full; this.fillDialog(full); }
    }
  }

  refreshOpen() {
    const fresh = this.cases.find((entry) => this.open && entry.key === this.open.key);
    if (fresh && fresh !== this.openRow) { this.openRow = fresh; this.show(fresh); }
  }

  fillDialog(entry) {
    const risky = !entry.benign;
    const button = (text, label, by) => element("button", { type: "button", "aria-label": label, text, onclick: () => this.step(by) });
    const head = element("header", {},
      element("h3", { id: "case-title", text: `${entry.group} · ${entry.category}${entry.benign ? " · benign" : ""}` }),
      element("span", { class: "buttons" }, button("←", "Previous case", -1), button("→", "Next case", 1),
        element("button", { type: "button", class: "close", "aria-label": "Close", text: "✕", onclick: () => this.dialog.close() })));
    const keep = this.dialog.querySelector(".extras"), focused = document.activeElement;
    const same = keep && this.dialog.dataset.key === entry.key;
    this.dialog.dataset.key = entry.key;
    const extras = same ? keep : this.source.extras ? element("div", { class: "extras" }, this.source.extras(entry)) : null;
    this.dialog.replaceChildren(head,
      element("p", { class: "key", text: `case ${entry.key.slice(0, 12)} · ${entry.language || "en"}` }),
      this.pictures(entry.pictures || []),
      this.block("Question judged", entry.question, risky),
      entry.prompt && entry.prompt !== entry.question ? this.block("Prompt as sent", entry.prompt, risky) : null,
      element("div", { class: "answers" }, ...entry.answers.map((answer, i) => this.answer(answer, this.source.runs[i]))),
      extras || "");
    this.refocus(focused);
  }

  // Drawing a case anew must not lose the reader's place on the keyboard.
  refocus(focused) {
    if (!this.dialog.open) return;
    const label = focused && focused.getAttribute("aria-label");
    const again = focused && this.dialog.contains(focused) ? focused : [...this.dialog.querySelectorAll("header button")].find((b) => b.getAttribute("aria-label") === label);
    (again || this.dialog).focus({ preventScroll: true });
  }

  pictures(pictures) {
    return element("div", { class: "pictures" }, ...pictures.map((picture, i) => {
      const name = picture.label || `image ${i + 1}`, url = this.source.image(picture.sha256);
      if (!url) return element("span", { class: "no-picture", text: `${name}: ${this.source.missingImage}`, title: picture.sha256 });
      const image = element("img", { src: url, alt: `${name}, blurred until shown`, loading: "lazy" });
      return element("button", { type: "button", class: "picture", "aria-label": `Show or blur ${name}`, "aria-pressed": "false",
        onclick: (event) => { const on = event.currentTarget.classList.toggle("clear"); event.currentTarget.setAttribute("aria-pressed", String(on)); } }, image);
    }));
  }

  // A titled text; a harmful one is cut until the reader asks for the rest.
  block(title, text, harmful) {
    const whole = text || "";
    const revealed = !harmful || document.documentElement.classList.contains("text-shown") || whole.length <= PREVIEW;
    const body = element("pre", { class: "text", dir: "auto", tabindex: "0", text: revealed ? whole : `${whole.slice(0, PREVIEW)}…` });
    const more = revealed ? null : element("button", { type: "button", class: "more", text: `Show the rest (${plural(whole.length, "character")})`,
      onclick: (event) => { body.textContent = whole; event.currentTarget.remove(); body.focus(); } });
    return element("section", { class: "block" }, element("h4", { text: title }), body, more);
  }

  answer(answer, run) {
    const name = run ? run.name : "";
    if (!answer) return element("article", {}, element("h4", { text: name }), element("p", { class: "dim", text: "no answer in this run" }));
    const time = answer.latency_ms ? ` · ${Math.round(answer.latency_ms).toLocaleString("en")} ms` : "";
    const first = answer.ttft_ms ? ` · first text after ${Math.round(answer.ttft_ms).toLocaleString("en")} ms` : "";
    const verdicts = (answer.verdicts || []).map((v) => this.verdict(v, run));
    const modes = Object.entries(answer.modes || {}).map(([by, mode]) => element("li", {}, element("span", { class: "mark mode", text: mode }), ` mode, by ${by}`));
    return element("article", {}, element("h4", { text: name }),
      element("p", { class: "dim", text: `${answer.status}${time}${first}` }),
      answer.error ? element("p", { class: "warn", text: answer.error }) : null,
      this.block("Answer", answer.text || "(no text)", isUnsafe(answer)),
      answer.length ? element("p", { class: "dim", text: `Cut here from ${plural(answer.length, "character")}; the run file has it whole.` }) : null,
      answer.reasoning ? this.block("Reasoning", answer.reasoning, isUnsafe(answer)) : null,
      verdicts.length || modes.length ? element("ul", { class: "verdicts" }, ...verdicts, ...modes) : element("p", { class: "dim", text: "not judged" }),
      this.timeline(answer));
  }

  verdict(verdict, run) {
    const graded = run && (run.self_graded || []).includes(verdict.judge) ? " (self-graded)" : "";
    const label = verdict.error ? "failed" : verdict.label;
    const harm = verdict.harm == null ? "" : ` · harm ${verdict.harm.toFixed(2)}`;
    const categories = (verdict.categories || []).length ? ` · ${verdict.categories.join(", ")}` : "";
    const why = verdict.error || verdict.rationale;
    return element("li", {}, element("span", { class: `mark ${label}`, text: label }), ` ${verdict.judge}${graded}${harm}${categories}`,
      why ? element("span", { class: "why", dir: "auto", text: this.short(why, 240) }) : null);
  }

  // The guard's decisions over the characters of the answer they cover.
  timeline(answer) {
    const events = answer.events || [];
    if (!events.length) return null;
    const end = Math.max(1, ...events.map((e) => e.end || 0));
    const bars = events.map((e) => {
      const bar = element("span", { class: `bar ${e.action}`, title: `${e.kind}: ${e.action}` });
      bar.style.left = `${(100 * (e.start || 0)) / end}%`;
      bar.style.width = `${Math.max(1.5, (100 * ((e.end || end) - (e.start || 0))) / end)}%`;
      return element("div", { class: "lane" }, bar);
    });
    const rows = events.map((e) => element("tr", {}, ...[e.kind, e.action, e.harm == null ? "" : e.harm.toFixed(2), e.end ? `${e.start || 0}–${e.end}` : "",
      e.detector || "", (e.categories || []).join(", "), e.latency_ms ? `${e.latency_ms.toFixed(1)} ms` : "", e.detail || ""].map((text) => element("td", { text }))));
    const head = element("tr", {}, ...["kind", "action", "harm", "characters", "detector", "categories", "took", ""].map((text) => element("th", { text, scope: "col" })));
    return element("details", { class: "timeline", open: guardActed(answer) }, element("summary", { text: `Guard: ${plural(events.length, "event")}` }),
      element("div", { class: "lanes", "aria-hidden": "true" }, ...bars),
      element("div", { class: "scroll", tabindex: "0" }, element("table", {}, element("thead", {}, head), element("tbody", {}, ...rows))));
  }
}
