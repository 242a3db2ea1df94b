// SPDX-License-Identifier: GPL-2.0-only
/*
 * The charts of the last ten minutes: lines from the samples that natgwd keeps, with the numbers
 * beside them, from which page.js goes on.
 */
#include "api_page_internal.h"

#define WIDTH 600 /* as in page.js */
#define HEIGHT 100
#define LINES_MAX 2

/* What the charts span: as long as there is something to show. */
static const unsigned int windows_s[] = { 60, 120, 300, HISTORY_KEPT *PEAKS_INTERVAL_S };
#define WINDOW_COUNT (sizeof(windows_s) / sizeof(windows_s[0]))

struct line {
	enum history_series series;
	const char *name; /* as page.js calls it */
	const char *text;
	const char *class;
};

static const struct chart {
	const char *title;
	bool bits;
	struct line lines[LINES_MAX];
} charts[] = {
	{ "Throughput",
	  true,
	  { { HISTORY_BYTES_OUT, "bytes_out", "to destinations", "first" },
	    { HISTORY_BYTES_IN, "bytes_in", "to clients", "second" } } },
	{ "Packets",
	  false,
	  { { HISTORY_PACKETS_OUT, "packets_out", "to destinations", "first" },
	    { HISTORY_PACKETS_IN, "packets_in", "to clients", "second" } } },
	{ "New sessions",
	  false,
	  { { HISTORY_ATTEMPTS, "attempts", "attempted", "first" },
	    { HISTORY_REFUSED, "refused", "refused", "alarm" } } },
	{ "Dropped packets", false, { { HISTORY_DROPPED, "dropped", "all reasons", "alarm" } } },
};

static double value_of(const struct chart *chart, const struct history_rates *rates,
		       enum history_series series)
{
	return rates->rate[series] * (chart->bits ? 8 : 1);
}

/* The next of 1, 2, 5, 10, 20, ... at or above the highest value shown. */
static double top_of(const struct api_page *page, const struct chart *chart)
{
	const struct history *history = &page->samples->history;
	const struct history_rates *rates;
	double highest = 0;
	double top = 1;

	for (size_t i = 0; (rates = history_at(history, i)); i++) {
		for (int l = 0; l < LINES_MAX && chart->lines[l].name; l++) {
			const double value = value_of(chart, rates, chart->lines[l].series);

			highest = value > highest ? value : highest;
		}
	}
	for (int i = 0; top < highest; i++)
		top *= i % 3 == 1 ? 2.5 : 2;
	return top;
}

static double age_of(const struct api_page *page, const struct history_rates *rates)
{
	return (double)(page->now_ns - rates->at_ns) / 1e9;
}

static unsigned int span_of(const struct api_page *page)
{
	const struct history_rates *oldest = history_at(&page->samples->history, 0);
	size_t i = 0;

	while (oldest && i + 1 < WINDOW_COUNT && age_of(page, oldest) > windows_s[i])
		i++;
	return windows_s[i];
}

static double x_of(const struct api_page *page, const struct history_rates *rates)
{
	return WIDTH - age_of(page, rates) / span_of(page) * WIDTH;
}

static void write_points(const struct api_page *page, const struct chart *chart,
			 const struct line *line, double top)
{
	const struct history_rates *rates;

	for (size_t i = 0; (rates = history_at(&page->samples->history, i)); i++) {
		fprintf(page->out, "%s%.1f,%.1f", i ? " " : "", x_of(page, rates),
			HEIGHT - value_of(chart, rates, line->series) / top * HEIGHT);
	}
}

static void write_area(const struct api_page *page, const struct chart *chart,
		       const struct line *line, double top)
{
	const struct history *history = &page->samples->history;

	fprintf(page->out, "<polygon class=\"%s\" data-of=\"%s\" points=\"", line->class,
		line->name);
	if (history->count > 0) {
		const struct history_rates *last = history_at(history, history->count - 1);

		fprintf(page->out, "%.1f,%d ", x_of(page, history_at(history, 0)), HEIGHT);
		write_points(page, chart, line, top);
		fprintf(page->out, " %.1f,%d", x_of(page, last), HEIGHT);
	}
	fputs("\"/>", page->out);
}

static void write_line(const struct api_page *page, const struct chart *chart,
		       const struct line *line, double top)
{
	const struct history_rates *rates;

	write_area(page, chart, line, top);
	fprintf(page->out, "<polyline class=\"%s\" data-series=\"%s\" data-points=\"", line->class,
		line->name);
	for (size_t i = 0; (rates = history_at(&page->samples->history, i)); i++) {
		fprintf(page->out, "%s%.1f:%.1f", i ? " " : "", age_of(page, rates),
			value_of(chart, rates, line->series));
	}
	fputs("\" points=\"", page->out);
	write_points(page, chart, line, top);
	fputs("\"/>", page->out);
}

static void write_caption(const struct api_page *page, const struct chart *chart)
{
	fprintf(page->out, "<figcaption><b>%s</b>", chart->title);
	for (int l = 0; l < LINES_MAX && chart->lines[l].name; l++) {
		const struct line *line = &chart->lines[l];

		fprintf(page->out, "<span class=\"%s\">%s <output data-now=\"%s\">", line->class,
			line->text, line->name);
		api_page_series(page->out, &page->samples->all.now, line->series);
		fputs("</output></span>", page->out);
	}
	fputs("</figcaption>", page->out);
}

static void write_chart(const struct api_page *page, const struct chart *chart)
{
	const double top = top_of(page, chart);

	fprintf(page->out, "<figure data-kind=\"%s\">", chart->bits ? "bits" : "packets");
	write_caption(page, chart);
	fprintf(page->out,
		"<svg viewBox=\"0 0 %d %d\" preserveAspectRatio=\"none\" role=\"img\" "
		"aria-label=\"%s of the last minutes\">",
		WIDTH, HEIGHT, chart->title);
	for (int y = 0; y <= HEIGHT; y += HEIGHT / 2) {
		fprintf(page->out, "<line class=\"grid\" x1=\"0\" x2=\"%d\" y1=\"%d\" y2=\"%d\"/>",
			WIDTH, y, y);
	}
	for (int l = 0; l < LINES_MAX && chart->lines[l].name; l++)
		write_line(page, chart, &chart->lines[l], top);
	fputs("</svg>", page->out);
	fprintf(page->out,
		"<div class=\"axis\"><span data-span>%u min ago</span><span>top <output data-top>",
		span_of(page) / 60);
	if (chart->bits) {
		api_page_bits_rate(page->out, top / 8);
	} else {
		api_page_rate(page->out, top);
	}
	fputs("</output></span><span>now</span></div></figure>\n", page->out);
}

void api_page_charts(const struct api_page *page)
{
	for (size_t i = 0; i < sizeof(charts) / sizeof(charts[0]); i++)
		write_chart(page, &charts[i]);
}
