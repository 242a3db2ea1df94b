// SPDX-License-Identifier: GPL-2.0-only
// What the server has drawn, kept up to date: rates and charts from the counters every two seconds,
// tables from the page itself every ten. Without this the page shows what it was loaded with.
"use strict";

const STATS_MS = 2000;
const TABLES_MS = 10000;
const TABLES_SHARE = 50; // a page that takes long to make is asked for that much less often
const WINDOWS_S = [60, 120, 300, 600]; // as long as there is something to show
const WIDTH = 600;
const HEIGHT = 100;
const UNITS = {
	bits: {step: 1000, names: ["bit/s", "kbit/s", "Mbit/s", "Gbit/s", "Tbit/s"]},
	packets: {step: 1000, names: ["/s", "k/s", "M/s", "G/s"]},
};

// ---- numbers ----

function formatRate(value, kind) {
	const unit = UNITS[kind];
	let power = 0;

	while (value >= unit.step && power + 1 < unit.names.length) {
		value /= unit.step;
		power++;
	}
	const digits = power === 0 && (value >= 10 || value === Math.round(value)) ? 0
		: value >= 100 ? 0 : value >= 10 ? 1 : 2;
	return value.toFixed(digits) + (kind === "packets" && power === 0 ? "" : " ") +
		unit.names[power];
}

// The next of 1, 2, 5, 10, 20, ... at or above the value.
function niceTop(value) {
	let top = 1;

	for (let i = 0; top < value; i++) {
		top *= i % 3 === 1 ? 2.5 : 2;
	}
	return top;
}

function sum(object) {
	return Object.values(object).reduce((all, value) =>
		all + (typeof value === "object" ? sum(value) : value), 0);
}

function totalsOf(stats) {
	const totals = {bytes_out: 0, bytes_in: 0, packets_out: 0, packets_in: 0, attempts: 0,
		refused: 0, dropped: 0};

	for (const row of stats.traffic) {
		totals.bytes_out += row.out_to_destination.bytes;
		totals.bytes_in += row.out_to_source.bytes;
		totals.packets_out += row.out_to_destination.packets;
		totals.packets_in += row.out_to_source.packets;
		totals.attempts += sum(row.attempts);
		totals.refused += sum(row.alloc_errors);
	}
	for (const row of stats.verdicts) {
		totals.dropped += row.class === "drop" ? row.packets : 0;
	}
	return totals;
}

function kindOf(series) {
	return series.startsWith("bytes") ? "bits" : "packets";
}

// ---- charts ----

const started = performance.now() / 1000;
const past = new Map(); // series: [[second, rate], ...]

function readHistory() {
	for (const line of document.querySelectorAll("polyline[data-series]")) {
		const points = line.dataset.points.split(" ").filter(Boolean).map((point) => {
			const [age, value] = point.split(":").map(Number);
			return [started - age, value];
		});
		past.set(line.dataset.series, points);
	}
}

function drawSeries(line, now, span, top) {
	const points = past.get(line.dataset.series);
	const xys = points.map(([at, value]) =>
		[WIDTH - (now - at) / span * WIDTH, HEIGHT - value / top * HEIGHT]);
	const text = xys.map(([x, y]) => x.toFixed(1) + "," + y.toFixed(1)).join(" ");
	const area = line.parentNode.querySelector(`polygon[data-of="${line.dataset.series}"]`);

	line.setAttribute("points", text);
	if (area && xys.length > 0) {
		area.setAttribute("points", `${xys[0][0].toFixed(1)},${HEIGHT} ${text} ` +
			`${xys[xys.length - 1][0].toFixed(1)},${HEIGHT}`);
	}
}

function spanOf(now) {
	const oldest = Math.min(now, ...[...past.values()].filter((points) => points.length > 0)
		.map((points) => points[0][0]));

	return WINDOWS_S.find((span) => now - oldest <= span) || WINDOWS_S[WINDOWS_S.length - 1];
}

function drawCharts(now) {
	const span = spanOf(now);

	for (const figure of document.querySelectorAll("figure[data-kind]")) {
		const lines = [...figure.querySelectorAll("polyline[data-series]")];
		const highest = Math.max(0, ...lines.flatMap((line) =>
			past.get(line.dataset.series).map((point) => point[1])));
		const top = niceTop(highest);

		lines.forEach((line) => drawSeries(line, now, span, top));
		figure.querySelector("[data-top]").textContent = formatRate(top, figure.dataset.kind);
		figure.querySelector("[data-span]").textContent = `${span / 60} min ago`;
	}
}

// ---- every two seconds ----

let last = null;

function showRates(rates) {
	for (const place of document.querySelectorAll("[data-now]")) {
		const series = place.dataset.now;
		const text = formatRate(rates[series], kindOf(series));

		if (place.textContent !== text) {
			place.textContent = text;
		}
	}
}

function takeStats(stats) {
	const now = performance.now() / 1000;
	const totals = totalsOf(stats);

	if (last) {
		const rates = {};

		for (const series of Object.keys(totals)) {
			const grown = Math.max(0, totals[series] - last.totals[series]);
			const rate = grown / (now - last.now) * (kindOf(series) === "bits" ? 8 : 1);
			const points = past.get(series) || [];

			rates[series] = rate;
			points.push([now, rate]);
			while (points.length > 2 && points[0][0] < now - WINDOWS_S[WINDOWS_S.length - 1]) {
				points.shift();
			}
			past.set(series, points);
		}
		showRates(rates);
		drawCharts(now);
	}
	last = {now, totals};
}

// ---- every ten seconds ----

function takePage(text) {
	const fresh = new DOMParser().parseFromString(text, "text/html");

	for (const place of document.querySelectorAll("[data-live]")) {
		const from = fresh.getElementById(place.id);

		if (from && from.innerHTML !== place.innerHTML) {
			place.replaceChildren(...document.importNode(from, true).childNodes);
		}
	}
	document.getElementById("updated").textContent =
		fresh.getElementById("updated").textContent;
}

// ---- the two clocks ----

function say(text, wrong) {
	const place = document.getElementById("live");

	if (place.textContent !== text) {
		place.textContent = text;
		place.classList.toggle("bad", wrong);
	}
}

async function ask(path) {
	const answer = await fetch(path, {cache: "no-store", credentials: "same-origin"});

	if (!answer.ok) {
		throw new Error(`${path}: ${answer.status}`);
	}
	return answer;
}

async function turn(fn) {
	try {
		await fn();
		say("Live: rates every 2 seconds, tables every 10.", false);
	} catch (error) {
		last = null;
		say(`natgwd does not answer: what you see is old (${error.message}).`, true);
	}
}

// Sleeps while nobody looks.
function visible() {
	return document.hidden
		? new Promise((resolve) => document.addEventListener("visibilitychange", resolve,
			{once: true}))
		: Promise.resolve();
}

async function keepAsking(fn, pause) {
	for (;;) {
		await visible();
		const began = performance.now();

		await turn(fn);
		await new Promise((resolve) => setTimeout(resolve, pause(performance.now() - began)));
	}
}

readHistory();
keepAsking(async () => takeStats(await (await ask("v1/stats")).json()), () => STATS_MS);
setTimeout(() => keepAsking(async () => takePage(await (await ask("./")).text()),
	(took) => Math.max(TABLES_MS, took * TABLES_SHARE)), TABLES_MS);
