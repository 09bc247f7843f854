/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The interactive parts of the page: the flame graph and the course of the episode. The
 * data is untrusted, so the script sets it only as text.
 */
"use strict";

(function () {
	const data = JSON.parse(document.getElementById("data").textContent);
	const $ = (id) => document.getElementById(id);
	const SVG = "http://www.w3.org/2000/svg";

	function element(name, properties, text) {
		const made = document.createElement(name);
		Object.assign(made, properties);
		if (text !== undefined)
			made.textContent = text;
		return made;
	}

	function drawn(name, attributes, text) {
		const made = document.createElementNS(SVG, name);
		for (const [key, value] of Object.entries(attributes))
			made.setAttribute(key, value);
		if (text !== undefined)
			made.textContent = text;
		return made;
	}

	function share(part, whole) {
		const percent = whole ? part * 100 / whole : 0;
		if (part > 0 && percent < 0.5)
			return "below 1 %";
		if (part < whole && percent >= 99.5)
			return "above 99 %";
		return Math.round(percent) + " %";
	}

	function counted(number, unit) {
		return number + " " + unit + (number === 1 ? "" : "s");
	}

	function ofAll(part) {
		return share(part, view.total) + ", " + part + " of " + counted(view.total, view.unit);
	}

	/* ---- the tree ------------------------------------------------------------- */

	let view = null; /* the stacks that are shown: samples, or reads of the Python stack */
	let root = null;

	/* Nodes are in depth-first order: a parent is the last node of less depth. */
	function growTree() {
		root = { depth: -1, total: view.total, self: 0, start: 0, children: [], parent: null };
		const way = [root];
		for (const [index, depth, total, self] of view.nodes) {
			const parent = way[depth];
			const last = parent.children[parent.children.length - 1];
			const node = {
				fn: view.functions[index], depth, total, self, parent, children: [],
				start: last ? last.start + last.total : parent.start,
			};
			parent.children.push(node);
			way.length = depth + 1;
			way.push(node);
		}
	}

	/* Uses no recursion, because stacks may be deep. */
	function walk(from, visit) {
		const left = [from];
		while (left.length) {
			const node = left.pop();
			if (visit(node) === false)
				continue;
			for (let i = node.children.length - 1; i >= 0; i--)
				left.push(node.children[i]);
		}
	}

	function nameOf(node) {
		return node === root ? "all " + view.unit + "s" : node.fn.name;
	}

	/* A name selects one of three shades, so that neighbours mostly differ. */
	function shadeOf(node) {
		if (node === root)
			return "all";
		if (node.fn.kind === "unnamed")
			return "unnamed";
		let sum = 0;
		for (let i = 0; i < node.fn.name.length; i++)
			sum = (sum * 31 + node.fn.name.charCodeAt(i)) >>> 0;
		return node.fn.kind + "-" + sum % 3;
	}

	/* ---- the graph ------------------------------------------------------------- */

	/* A narrower node is not shown. It takes less than a pixel of a wide screen. */
	const NARROWEST = 1 / 2000;
	const ROW = 24;
	const TOUCH_ROW = 30;

	const graph = $("graph");
	let focus = null;
	let current = null; /* the node with the keyboard focus */
	let wanted = "";
	let buttons = new Map();

	function rowHeight() {
		return matchMedia("(pointer: coarse)").matches ? TOUCH_ROW : ROW;
	}

	function isHit(node) {
		return wanted !== "" && node !== root && node.fn.name.toLowerCase().includes(wanted);
	}

	function place(node, left, width) {
		const row = rowHeight();
		const button = element("button", {
			type: "button",
			className: shadeOf(node),
			tabIndex: node === current ? 0 : -1,
		}, width >= 0.012 ? nameOf(node) : "");
		const above = node.depth < focus.depth && focus !== root;
		button.classList.toggle("above", above);
		button.classList.toggle("thin", width < 0.012);
		button.classList.toggle("hit", isHit(node));
		button.setAttribute("aria-label", nameOf(node) + ", " + ofAll(node.total));
		button.style.left = left * 100 + "%";
		button.style.width = width * 100 + "%";
		button.style.top = (node.depth + 1) * row + "px";
		button.style.height = row - 1 + "px";
		button.style.lineHeight = row - 1 + "px";
		button.addEventListener("click", () => zoom(node));
		button.addEventListener("pointerenter", () => tell(node));
		button.addEventListener("focus", () => {
			if (current !== node)
				move(node, false);
			tell(node);
		});
		buttons.set(node, button);
		return button;
	}

	function render() {
		const fragment = document.createDocumentFragment();
		let deepest = 0;
		buttons = new Map();
		/* The callers of the focus get the whole width. */
		for (let node = focus.parent; node; node = node.parent)
			fragment.append(place(node, 0, 1));
		walk(focus, (node) => {
			const width = focus.total ? node.total / focus.total : 1;
			if (width < NARROWEST)
				return false;
			fragment.append(place(node, focus.total ? (node.start - focus.start) / focus.total : 0, width));
			deepest = Math.max(deepest, node.depth);
			return true;
		});
		graph.replaceChildren(fragment);
		graph.style.height = (deepest + 2) * rowHeight() + "px";
		graph.classList.toggle("searched", wanted !== "");
		$("back").disabled = focus === root;
	}

	function zoom(node) {
		const held = graph.contains(document.activeElement);
		focus = node;
		current = node;
		render();
		tell(node);
		if (held)
			buttons.get(node).focus({ preventScroll: true });
	}

	/* Moves the keyboard focus to a visible node. */
	function move(node, withFocus) {
		const before = buttons.get(current), now = buttons.get(node);
		if (!now)
			return;
		if (before)
			before.tabIndex = -1;
		current = node;
		now.tabIndex = 0;
		if (withFocus)
			now.focus();
	}

	function sideways(node, step) {
		const row = [...buttons.keys()].filter((other) => other.depth === node.depth)
			.sort((a, b) => a.start - b.start);
		return row[row.indexOf(node) + step];
	}

	function walkByKeys(event) {
		const widest = (node) => node.children.reduce((a, b) => (!a || b.total > a.total ? b : a), null);
		const ways = {
			ArrowUp: () => current.parent,
			ArrowDown: () => widest(current),
			ArrowLeft: () => sideways(current, -1),
			ArrowRight: () => sideways(current, 1),
			Home: () => root,
		};
		if (event.key === "Escape") {
			zoom(root);
			return;
		}
		if (!(event.key in ways) || event.altKey || event.ctrlKey || event.metaKey)
			return;
		event.preventDefault();
		const node = ways[event.key]();
		if (node)
			move(node, true);
	}

	function tell(node) {
		const first = element("span"), second = element("span", { className: "place" });
		if (node === root) {
			first.append(counted(view.total, view.unit) + " with a stack");
			second.append("Point at a frame, or move to it, to see what it is.");
		} else {
			first.append(element("code", {}, node.fn.name), " " + ofAll(node.total));
			if (node.self && node.self !== node.total)
				first.append("; " + share(node.self, view.total) + " in it itself");
			const { place, module, build_id: id } = node.fn;
			second.append([place, module, id && "build-id " + id]
				.filter((part, i, all) => part && all.indexOf(part) === i).join(" \u00b7 "));
		}
		$("detail").replaceChildren(first, second);
	}

	function search() {
		let found = 0;
		wanted = $("search").value.trim().toLowerCase();
		/* The samples of a match include those of the nodes below it. */
		walk(root, (node) => {
			if (!isHit(node))
				return true;
			found += node.total;
			return false;
		});
		for (const [node, button] of buttons)
			button.classList.toggle("hit", isHit(node));
		graph.classList.toggle("searched", wanted !== "");
		$("matched").textContent = wanted === "" ? "" :
			found ? "Matched: " + ofAll(found) : "No function matches.";
	}

	function showLegend() {
		const words = { python: "Python", user: "program and libraries", kernel: "kernel",
			made: "code made at run time", unnamed: "no symbol" };
		const kinds = new Set(view.functions.map((fn) => fn.kind));
		$("legend").replaceChildren();
		for (const [kind, word] of Object.entries(words)) {
			if (!kinds.has(kind))
				continue;
			const item = element("li");
			item.append(element("i", { className: kind }), word);
			$("legend").append(item);
		}
	}

	function show(index) {
		view = data.views[index];
		growTree();
		focus = current = root;
		showLegend();
		render();
		tell(root);
		search();
		$("flame-title").textContent = view.title;
		$("unit").textContent = view.unit + "s";
		for (const [i, button] of [...$("views").children].entries())
			button.setAttribute("aria-pressed", i === index);
	}

	function startGraph() {
		for (const [i, { name }] of data.views.entries()) {
			const button = element("button", { type: "button" }, name);
			button.addEventListener("click", () => show(i));
			$("views").append(button);
		}
		$("views").hidden = data.views.length < 2;
		show(0);
		graph.addEventListener("keydown", walkByKeys);
		$("back").addEventListener("click", () => zoom(root));
		$("search").addEventListener("input", search);
		$("search").addEventListener("keydown", (event) => {
			if (event.key === "Escape") {
				$("search").value = "";
				search();
			}
		});
		matchMedia("(pointer: coarse)").addEventListener("change", render);
		$("flame").hidden = false;
	}

	/* ---- the course ------------------------------------------------------------- */

	/* Returns 1, 2 or 5 times a power of ten that makes at most `most` steps. */
	function stepFor(range, most) {
		const rough = range / most;
		const power = Math.pow(10, Math.floor(Math.log10(rough)));
		return [1, 2, 5, 10].map((n) => n * power).find((n) => n >= rough);
	}

	function duration(ms, range) {
		if (range >= 1000)
			return +(ms / 1000).toFixed(3) + " s";
		if (range >= 2)
			return +ms.toFixed(3) + " ms";
		return +(ms * 1000).toFixed(3) + " \u00b5s";
	}

	/* Selects the unit by the value itself, for use in a sentence. */
	function alone(ms) {
		return duration(ms, ms);
	}

	function drawCourse() {
		const holder = $("course");
		const width = Math.max(280, holder.clientWidth);
		const height = width < 600 ? 220 : 250;
		const edge = { left: 58, right: 14, top: 26, bottom: 30 };
		const points = data.points.concat(data.records.map((r) => [r.time, r.count]))
			.sort((a, b) => a[0] - b[0]);
		const limits = ["soft", "hard"].filter((name) => data[name] > 0);
		const last = points[points.length - 1][0];
		const first = data.since_known ? 0 : points[0][0];
		const until = last > first ? last : first + 1;
		const most = Math.max(...points.map((p) => p[1]));
		/* Skip a limit far above all counts, because it flattens the curve. */
		const shown = limits.filter((name) => data[name] <= most * 3);
		const top = Math.max(most, ...shown.map((name) => data[name])) || 1;
		const x = (t) => edge.left + (t - first) / (until - first) * (width - edge.left - edge.right);
		const y = (c) => height - edge.bottom - c / top * (height - edge.top - edge.bottom);
		const svg = drawn("svg", { viewBox: "0 0 " + width + " " + height, role: "img",
			"aria-label": (data.look ? "CPU time" : "Maze count") + " over time" });

		drawAxes(svg, { first, until, top, x, y, width, height, edge });
		for (const name of shown)
			drawLimit(svg, name, { x, y, width, edge });
		drawCount(svg, points, { x, y });
		for (const [time, count] of data.points) {
			const dot = drawn("circle", { class: "sample", cx: x(time), cy: y(count),
				r: data.points.length > width / 12 ? 2 : 3 });
			dot.append(drawn("title", {}, "sample at " + duration(count, top)));
			svg.append(dot);
		}
		drawVerdicts(svg, { x, y, width, top });
		holder.replaceChildren(svg, element("p", { className: "hint" }, courseWords(limits, shown)));
	}

	function courseWords(limits, shown) {
		const begin = new Date(data.base).toISOString().replace("T", " ").slice(0, 23);
		let words = data.look ? "CPU time"
			: "Maze count (CPU time minus recovery by sleep) over time";
		if (data.since_known)
			words += " since " + begin + " UTC";
		words += data.points.length ? "; a circle is a sample." : ".";
		for (const name of limits)
			if (!shown.includes(name))
				words += " The " + name + " limit, " + alone(data[name]) + ", is above the chart.";
		return words;
	}

	function drawAxes(svg, at) {
		const across = stepFor(at.until - at.first, at.width < 600 ? 4 : 9);
		const up = stepFor(at.top, 4);
		for (let t = at.first; t <= at.until; t += across) {
			svg.append(drawn("line", { class: "axis", x1: at.x(t), x2: at.x(t), y1: at.height - at.edge.bottom,
				y2: at.height - at.edge.bottom + 5 }));
			svg.append(drawn("text", { x: at.x(t), y: at.height - 8,
				"text-anchor": at.x(t) > at.width - 40 ? "end" : "middle" },
			duration(t, at.until)));
		}
		for (let c = 0; c <= at.top * 1.001; c += up) {
			svg.append(drawn("line", { class: "axis", x1: at.edge.left, x2: at.width - at.edge.right,
				y1: at.y(c), y2: at.y(c) }));
			svg.append(drawn("text", { x: at.edge.left - 8, y: at.y(c) + 4, "text-anchor": "end" },
				duration(c, at.top)));
		}
	}

	function drawLimit(svg, name, at) {
		svg.append(drawn("line", { class: "limit " + name, x1: at.edge.left, x2: at.width - at.edge.right,
			y1: at.y(data[name]), y2: at.y(data[name]) }));
		svg.append(drawn("text", { class: name, x: at.edge.left + 4, y: at.y(data[name]) - 6 },
			name + " limit, " + alone(data[name])));
	}

	function drawCount(svg, points, at) {
		const line = points.map(([t, c]) => at.x(t).toFixed(1) + "," + at.y(c).toFixed(1)).join(" ");
		if (data.since_known)
			svg.append(drawn("line", { class: "guess", x1: at.x(0), y1: at.y(0), x2: at.x(points[0][0]),
				y2: at.y(points[0][1]) }));
		svg.append(drawn("polyline", { class: "count", points: line }));
	}

	function signalWords(record) {
		if (!record.signal)
			return "recorded only";
		if (record.act.startsWith("shadow"))
			return record.signal + ", not sent";
		return record.act.startsWith("sent") ? record.signal : record.signal + ", not delivered";
	}

	function drawVerdicts(svg, at) {
		const isVerdict = (record) => record.event === "soft" || record.event === "hard";
		/* Draw the end first and larger, because a verdict often covers it. */
		for (const record of data.records.filter((r) => !isVerdict(r)).concat(data.records.filter(isVerdict))) {
			const verdict = isVerdict(record), cx = at.x(record.time), cy = at.y(record.count);
			const mark = drawn("circle", { class: verdict ? "verdict " + record.event : "end", cx, cy,
				r: verdict ? 6 : 9 });
			mark.append(drawn("title", {}, record.event + " at " + duration(record.count, at.top) +
				": " + record.act));
			svg.append(mark);
			if (!verdict)
				continue;
			/* The line rises, so text fits below right or above left. */
			const late = cx > at.width * 0.7;
			svg.append(drawn("text", { class: "act", x: late ? Math.min(cx + 8, at.width - 4) : cx + 12,
				y: cy + (late ? -12 : 22), "text-anchor": late ? "end" : "start" }, signalWords(record)));
		}
	}

	function startCourse() {
		let drawnAt = 0;
		$("course").hidden = false;
		new ResizeObserver(() => {
			if ($("course").clientWidth === drawnAt)
				return;
			drawnAt = $("course").clientWidth;
			drawCourse();
		}).observe($("course"));
	}

	if (data.views.length)
		startGraph();
	if (data.points.length + data.records.length)
		startCourse();
})();
