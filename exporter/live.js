/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Shows /state, which it requests once a second while the page is visible. Names in it
 * come from users, so the script sets them only as text.
 */
"use strict";

(function () {
	const INTERVAL_MS = 1000;
	/* The server answers within its own time-out, or not at all. */
	const TIMEOUT_MS = 10000;
	const SVG = "http://www.w3.org/2000/svg";
	const $ = (id) => document.getElementById(id);
	let state = null;
	let paused = false;

	function element(name, properties, ...children) {
		const made = document.createElement(name);
		Object.assign(made, properties);
		made.append(...children);
		return made;
	}

	function cell(label, className, ...children) {
		const made = element("td", { className }, ...children.filter((child) => child !== ""));
		made.dataset.label = label;
		return made;
	}

	function duration(ns) {
		if (!(ns > 0))
			return "0";
		if (ns < 1e6)
			return Math.floor(ns / 1e3) + "\u00b5s";
		if (ns < 1e9)
			return Math.floor(ns / 1e6) + "ms";
		if (ns < 60e9)
			return Math.floor(ns / 1e8) / 10 + "s";
		return Math.floor(ns / 60e9) + "min " + Math.floor(ns % 60e9 / 1e9) + "s";
	}

	const countOf = (entry) => "level_ns" in entry ? entry.level_ns : entry.count_ns;
	const isPastSoft = (entry) => entry.soft_ns > 0 && countOf(entry) >= entry.soft_ns;
	const isPastHard = (entry) => entry.hard_ns > 0 && countOf(entry) >= entry.hard_ns;
	const nameOf = (entry) => entry.name || entry.comm || "?";
	const unitOf = (entry) => entry.user_unit || entry.unit ||
		(entry.container ? "container " + entry.container.slice(0, 12) : "") || "";

	function threadOf(entry) {
		if (entry.scope)
			return entry.scope + (entry.pid ? " " + entry.pid : "");
		return entry.tid === entry.pid ? String(entry.pid) : entry.pid + "/" + entry.tid;
	}

	/* ---- the rows ---------------------------------------------------------------- */

	function meter(entry) {
		const most = entry.hard_ns || entry.soft_ns, count = countOf(entry);
		const share = most ? Math.min(1, count / most) : 0;
		const svg = document.createElementNS(SVG, "svg");
		const bar = document.createElementNS(SVG, "rect");
		svg.setAttribute("viewBox", "0 0 100 8");
		svg.setAttribute("preserveAspectRatio", "none");
		svg.setAttribute("role", "img");
		svg.setAttribute("aria-label", Math.floor(share * 100) + " % of the " +
			(entry.hard_ns ? "hard" : "soft") + " limit");
		bar.setAttribute("width", share * 100);
		bar.setAttribute("height", 8);
		svg.append(bar);
		if (entry.soft_ns && entry.hard_ns) {
			const mark = document.createElementNS(SVG, "line"), at = entry.soft_ns / most * 100;
			for (const [key, value] of Object.entries({ x1: at, x2: at, y1: 0, y2: 8 }))
				mark.setAttribute(key, value);
			svg.append(mark);
		}
		return svg;
	}

	function incidentLink(entry, text) {
		return entry.incident ? element("a", { href: "/incidents/" + entry.incident }, text) : text;
	}

	function limits(entry) {
		const shown = (ns) => ns ? duration(ns) : "none";
		return shown(entry.soft_ns) + " \u00b7 " + shown(entry.hard_ns);
	}

	function nearRow(entry) {
		const row = element("tr", {},
			element("td", { className: "meter" }, meter(entry)),
			cell("Count", "figure count", duration(countOf(entry))),
			cell("Limits", "figure", limits(entry)),
			cell("Thread", "figure", threadOf(entry)),
			element("td", { className: "name" }, incidentLink(entry, element("code", {}, nameOf(entry)))),
			cell("User", "", entry.user || String(entry.uid)),
			cell("Unit", "unit", unitOf(entry)),
			cell("Rule", "unit", entry.rule || "", entry.shadow ? element("span",
				{ className: "shadowed" }, entry.rule ? ", shadow" : "shadow") : ""));
		row.classList.toggle("past-soft", isPastSoft(entry));
		row.classList.toggle("past-hard", isPastHard(entry));
		return row;
	}

	function verdictRow(record) {
		const when = new Date(record.time);
		return element("tr", {},
			element("td", { className: "time" }, element("time", { dateTime: record.time },
				when.toLocaleTimeString(undefined, { hour12: false }))),
			element("td", { className: "stage-" + record.event }, record.event),
			cell("Thread", "figure", threadOf(record)),
			element("td", { className: "name" }, element("code", {}, nameOf(record))),
			cell("Count", "figure", duration(record.count_ns)),
			element("td", { className: "done" }, record.done || ""),
			element("td", { className: "link" }, record.incident ? incidentLink(record, "report") : ""));
	}

	/* Keeps rows that are the same, and with them the focus and a selection. */
	function replaceRows(body, keys, makeRow) {
		const before = new Map([...body.children].map((row) => [row.dataset.key, row]));
		let at = body.firstChild;
		for (const [key, entry] of keys) {
			const text = JSON.stringify(entry);
			let row = before.get(key);
			before.delete(key);
			if (!row || row.dataset.text !== text) {
				const made = makeRow(entry), held = row && row.contains(document.activeElement);
				made.dataset.key = key;
				made.dataset.text = text;
				if (row) {
					at = at === row ? row.nextSibling : at;
					row.remove();
				}
				body.insertBefore(made, at);
				if (held && made.querySelector("a"))
					made.querySelector("a").focus({ preventScroll: true });
			} else if (row === at) {
				at = at.nextSibling;
			} else {
				body.insertBefore(row, at);
			}
		}
		for (const row of before.values())
			row.remove();
	}

	/* ---- the page ------------------------------------------------------------------ */

	function headline() {
		if (state.failure)
			return "mazed does not answer";
		const past = state.entries.filter((entry) => isPastSoft(entry) || isPastHard(entry)).length;
		if (!state.watched)
			return "Nothing is watched";
		if (!past)
			return state.watched + " watched, none past a limit";
		return past + " of " + state.watched + " watched " + (past === 1 ? "is" : "are") + " past a limit";
	}

	function machine() {
		const mazed = state.mazed || {}, facts = [];
		for (const [label, value] of [
			["Engine", mazed.engine], ["Watched", state.watched], ["Rules", mazed.rules],
			["Verdicts", mazed.verdicts], ["Lost records", "lost" in mazed ? mazed.lost : state.lost],
			["mazed", mazed.version],
			["As of", new Date(state.time).toLocaleTimeString(undefined, { hour12: false })],
		])
			if (value !== undefined)
				facts.push(element("div", {}, element("dt", {}, label), element("dd", {}, String(value))));
		$("machine").replaceChildren(...facts);
		$("machine").hidden = Boolean(state.failure);
	}

	function setText(id, text) {
		/* A status that is set again would be read again. */
		if ($(id).textContent !== text)
			$(id).textContent = text;
	}

	function show() {
		const wanted = $("filter").value.trim().toLowerCase();
		const keyOf = (entry) => [entry.pid, entry.tid, entry.scope, entry.name].join();
		const entries = state.entries.filter((entry) => !wanted ||
			[nameOf(entry), unitOf(entry), entry.user, entry.rule, threadOf(entry)].some((text) =>
				String(text || "").toLowerCase().includes(wanted)));
		setText("host", state.host ? " on " + state.host : "");
		document.title = (state.host || "maze") + ": " + headline();
		setText("headline", headline());
		setText("failure", state.failure || "");
		$("failure").hidden = !state.failure;
		setText("version", state.version);
		machine();
		setText("rows", entries.length < state.watched
			? entries.length + " of " + state.watched + " are shown." : "");
		replaceRows($("near"), entries.map((entry) => [keyOf(entry), entry]), nearRow);
		replaceRows($("verdicts"), state.verdicts.map((record) =>
			[record.time + keyOf(record) + record.event, record]), verdictRow);
		$("verdicts-table").hidden = !state.verdicts.length;
		$("none").hidden = state.verdicts.length > 0;
	}

	function fail(why) {
		setText("headline", "maze-exporter does not answer");
		setText("failure", why);
		$("failure").hidden = false;
	}

	async function update() {
		try {
			const answer = await fetch("/state", { signal: AbortSignal.timeout(TIMEOUT_MS) });
			if (!answer.ok)
				throw new Error(await answer.text());
			state = await answer.json();
			show();
		} catch (error) {
			fail(String(error.message || error));
		}
	}

	async function run() {
		if (!paused && !document.hidden)
			await update();
		setTimeout(run, INTERVAL_MS);
	}

	$("pause").addEventListener("click", () => {
		paused = !paused;
		$("pause").textContent = paused ? "Go on" : "Pause";
	});
	$("filter").addEventListener("input", () => state && show());
	$("filter").addEventListener("keydown", (event) => {
		if (event.key === "Escape") {
			$("filter").value = "";
			if (state)
				show();
		}
	});
	run();
})();
