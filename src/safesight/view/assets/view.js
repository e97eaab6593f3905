"use strict";
// The live view: lists runs, follows the chosen ones, and keeps notes. Everything shown goes through `element` (text).
(() => {
  const LABELS = { "": "no label", unsafe: "unsafe", safe: "safe", unparsed: "cannot tell" };
  const state = document.getElementById("state");
  let chosen = new URLSearchParams(location.hash.slice(1)).getAll("run");
  let rates = new Map(); // run id -> { answers, at }
  let notes = new Map(); // response key -> note
  let following = 0; // counts choices: what an older choice fetched is dropped

  const get = async (path) => {
    const response = await fetch(path);
    const body = await response.json();
    if (!response.ok) throw new Error(body.error || response.statusText);
    return body;
  };
  const query = (pairs) => new URLSearchParams(pairs).toString();
  const asked = () => chosen.map((id) => ["run", id]);

  const runRow = (run) => {
    const before = rates.get(run.id), now = performance.now();
    const speed = before && run.answers > before.answers ? (1000 * (run.answers - before.answers)) / (now - before.at) : 0;
    rates.set(run.id, { answers: run.answers, at: now });
    const lost = Object.entries(run.statuses).filter(([status]) => !["ok", "truncated"].includes(status));
    const judges = Object.entries(run.labels).map(([judge, n]) => {
      const judged = (n.unsafe || 0) + (n.safe || 0), graded = run.self_graded.includes(judge) ? " (self-graded)" : "";
      if (run.silenced.includes(judge)) return element("div", { class: "dim", text: `${judge}${graded}: no rate, it misses too much` });
      return element("div", { text: `${judge}${graded}: ${n.unsafe || 0} of ${judged}${n.unparsed ? `, ${n.unparsed} unparsed` : ""}${n.unjudged ? `, ${n.unjudged} unjudged` : ""}` });
    });
    const box = element("input", { type: "checkbox", "aria-label": `Show ${run.name}`, checked: chosen.includes(run.id), disabled: Boolean(run.error), "data-run": run.id,
      onchange: (event) => choose(event.target.checked ? [...chosen, run.id] : chosen.filter((id) => id !== run.id)) });
    const written = Date.now() / 1000 - run.changed < 15 ? " · writing" : "";
    return element("tr", {}, element("td", {}, box), element("td", { text: run.error || run.name }), element("td", { text: run.benchmark }),
      element("td", { class: "number", text: run.answers.toLocaleString("en") + (run.planned ? ` of ${run.planned.toLocaleString("en")}` : "") }), element("td", { class: "number", text: speed ? speed.toFixed(1) : "" }),
      element("td", { text: lost.map(([status, n]) => `${n} ${status}`).join(", ") }), element("td", {}, ...judges), element("td", { text: run.id + written }));
  };

  const listRuns = async () => {
    const runs = await get("api/runs");
    const body = document.querySelector("#runs tbody"), focused = document.activeElement && document.activeElement.dataset.run;
    body.replaceChildren(...runs.map(runRow));
    if (!runs.length) body.append(element("tr", {}, element("td", { colspan: "8", text: "No run files here yet. safesight run ... --run FOLDER/NAME.sqlite makes one." })));
    const again = [...body.querySelectorAll("input")].find((input) => input.dataset.run === focused);
    if (again) again.focus();
    const caveats = [...new Set(runs.filter((run) => chosen.includes(run.id)).map((run) => run.caveat).filter(Boolean))];
    const place = document.getElementById("caveats");
    place.hidden = !caveats.length;
    place.textContent = caveats.join(" ");
    if (!chosen.length && runs.length && !location.hash) choose(runs.filter((run) => !run.error).slice(0, 1).map((run) => run.id));
  };

  const choose = (ids) => {
    chosen = ids.slice(0, 6);
    history.replaceState(null, "", `#${query(asked())}`);
    follow(++following);
    listRuns().catch(report);
    showAgreement().catch(report);
  };

  const save = async (entry, answer, label, note, said) => {
    const body = JSON.stringify({ response: answer.response, sample: entry.key, label, note });
    const response = await fetch("api/notes", { method: "POST", headers: { "Content-Type": "application/json" }, body });
    if (!response.ok) { said.textContent = `not kept: ${await response.text()}`; return; }
    const kept = await response.json();
    notes.set(kept.response, kept);
    said.textContent = "kept";
    showAgreement().catch(report);
  };

  const noteForm = (entry, columns) => element("section", {}, element("h4", { text: "Your label and note" }),
    ...entry.answers.map((answer, i) => {
      if (!answer) return null;
      const before = notes.get(answer.response) || { label: "", note: "" }, said = element("span", { class: "dim", role: "status" });
      const select = element("select", { "aria-label": `Your label of ${columns[i].name}` }, ...Object.entries(LABELS).map(([value, text]) => element("option", { value, text })));
      const text = element("textarea", { rows: "2", cols: "40", maxlength: "20000", "aria-label": `Your note on ${columns[i].name}` });
      select.value = before.label;
      text.value = before.note;
      const keep = () => save(entry, answer, select.value, text.value, said).catch((error) => { said.textContent = `not kept: ${error.message}`; });
      select.addEventListener("change", keep);
      text.addEventListener("change", keep);
      return element("p", {}, element("span", { class: "dim", text: `${columns[i].name} ` }), select, " ", text, " ", said);
    }));

  const showAgreement = async () => {
    const place = document.getElementById("agreement");
    const rows = chosen.length ? await get(`api/agreement?${query(asked())}`) : [];
    if (!rows.length) { place.replaceChildren(element("p", { class: "dim", text: "Label some answers to see whether the judges agree with you." })); return; }
    const cells = (row) => [row.run, row.judge, row.n, row.agree == null ? "–" : `${(100 * row.agree).toFixed(1)} %`, row.kappa == null ? `– (${row.reason})` : row.kappa.toFixed(2)];
    place.replaceChildren(element("table", {}, element("thead", {}, element("tr", {}, ...["run", "judge", "both said", "agree", "kappa"].map((text) => element("th", { scope: "col", text })))),
      element("tbody", {}, ...rows.map((row) => element("tr", {}, ...cells(row).map((value) => element("td", { text: String(value) })))))));
  };

  // Follows the chosen runs: what changed is merged by sample key, and the list is drawn again.
  const follow = async (turn) => {
    const place = document.getElementById("browser");
    if (!chosen.length) { place.replaceChildren(element("p", { class: "dim", text: "No run is chosen." })); return; }
    const known = new Map(), runs = asked();
    let next = chosen.map(() => 0), browser = null, columns = [];
    while (turn === following) {
      try {
        const changes = await get(`api/cases?${query([...runs, ...next.map((n) => ["since", String(n)])])}`);
        if (turn !== following) return;
        if (changes.next.some((n, i) => n < next[i])) known.clear();
        next = changes.next;
        columns.splice(0, columns.length, ...changes.runs);
        if (!browser) browser = new CaseBrowser(place, { runs: columns, live: true, missingImage: "",
          image: (sha256) => `api/image/${encodeURIComponent(sha256)}?${query(runs)}`,
          noted: (entry) => entry.answers.some((answer) => answer && notes.has(answer.response)),
          extras: (entry) => noteForm(entry, columns),
          detail: (entry) => get(`api/case?${query([...runs, ["key", entry.key]])}`).catch(report) });
        if (changes.cases.length || !browser.cases.length) {
          for (const entry of changes.cases) known.set(entry.key, entry);
          browser.update([...known.values()].sort((a, b) => (a.position || 0) - (b.position || 0)));
        }
        state.textContent = "live";
        document.documentElement.dataset.ready = "yes";
      } catch (error) { report(error); }
      await new Promise((resolve) => setTimeout(resolve, document.hidden ? 5000 : 1000));
    }
  };

  const report = (error) => { state.textContent = `not live: ${error.message}`; };

  const start = async () => {
    for (const note of await get("api/notes")) notes.set(note.response, note);
    await listRuns();
    if (chosen.length && !following) choose(chosen);
    document.documentElement.dataset.listed = "yes";
    setInterval(() => { if (!document.hidden) listRuns().catch(report); }, 2000);
  };
  addEventListener("DOMContentLoaded", () => start().catch(report));
})();
