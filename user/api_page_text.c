// SPDX-License-Identifier: GPL-2.0-only
/* How text and numbers are written into the page. Not responsible for what they mean. */
#include <arpa/inet.h>
#include <inttypes.h>

#include "api_page_internal.h"

#define WARN_PERCENT 60
#define ALARM_PERCENT 80

void api_page_text(FILE *out, const char *text)
{
	for (; *text; text++) {
		switch (*text) {
		case '<':
			fputs("&lt;", out);
			break;
		case '>':
			fputs("&gt;", out);
			break;
		case '&':
			fputs("&amp;", out);
			break;
		case '"':
			fputs("&quot;", out);
			break;
		default:
			fputc(*text, out);
		}
	}
}

/* ---- numbers ---- */

void api_page_count(FILE *out, uint64_t value)
{
	char digits[24];
	int length = snprintf(digits, sizeof(digits), "%" PRIu64, value);

	for (int i = 0; i < length; i++) {
		if (i > 0 && (length - i) % 3 == 0) {
			fputc(',', out);
		}
		fputc(digits[i], out);
	}
}

/* Three digits; a number that needs no unit is whole when it is. */
static void write_scaled(FILE *out, double value, const char *const *units, unsigned int count)
{
	unsigned int power = 0;
	int digits = 2;

	while (value >= 1000 && power + 1 < count) {
		value /= 1000;
		power++;
	}
	if (value >= 100 || (power == 0 && (value >= 10 || value == (double)(uint64_t)value))) {
		digits = 0;
	} else if (value >= 10) {
		digits = 1;
	}
	fprintf(out, "%.*f%s", digits, value, units[power]);
}

void api_page_bytes(FILE *out, uint64_t bytes)
{
	static const char *const units[] = { " B", " kB", " MB", " GB", " TB", " PB" };

	write_scaled(out, (double)bytes, units, sizeof(units) / sizeof(units[0]));
}

void api_page_bits_rate(FILE *out, double bytes_per_second)
{
	static const char *const units[] = { " bit/s", " kbit/s", " Mbit/s", " Gbit/s", " Tbit/s" };

	write_scaled(out, bytes_per_second * 8, units, sizeof(units) / sizeof(units[0]));
}

void api_page_rate(FILE *out, double per_second)
{
	static const char *const units[] = { "/s", " k/s", " M/s", " G/s" };

	write_scaled(out, per_second, units, sizeof(units) / sizeof(units[0]));
}

void api_page_series(FILE *out, const struct history_rates *rates, enum history_series series)
{
	if (!rates->at_ns) {
		fputs("-", out);
	} else if (series == HISTORY_BYTES_OUT || series == HISTORY_BYTES_IN) {
		api_page_bits_rate(out, rates->rate[series]);
	} else {
		api_page_rate(out, rates->rate[series]);
	}
}

/* ---- cells ---- */

void api_page_cell(FILE *out, const char *text)
{
	fputs("<td>", out);
	api_page_text(out, text);
	fputs("</td>", out);
}

void api_page_cell_address(FILE *out, __be32 addr)
{
	char text[INET_ADDRSTRLEN];

	api_page_cell(out, addr ? inet_ntop(AF_INET, &addr, text, sizeof(text)) : "-");
}

void api_page_cell_count(FILE *out, uint64_t value)
{
	fputs(value ? "<td class=\"n\">" : "<td class=\"n zero\">", out);
	api_page_count(out, value);
	fputs("</td>", out);
}

void api_page_cell_bytes(FILE *out, uint64_t bytes)
{
	fprintf(out, "<td class=\"n%s\" title=\"%" PRIu64 " bytes\">", bytes ? "" : " zero", bytes);
	api_page_bytes(out, bytes);
	fputs("</td>", out);
}

void api_page_cell_series(FILE *out, const struct history_rates *rates, enum history_series series)
{
	fprintf(out, "<td class=\"n%s\">", rates->rate[series] > 0 ? "" : " zero");
	api_page_series(out, rates, series);
	fputs("</td>", out);
}

void api_page_cell_share(FILE *out, uint64_t part, uint64_t whole)
{
	const double percent = whole ? 100.0 * (double)part / (double)whole : 0;
	const double width = percent > 100 ? 100 : percent;
	const char *class = "";

	if (percent >= ALARM_PERCENT) {
		class = " class=\"bad\"";
	} else if (percent >= WARN_PERCENT) {
		class = " class=\"warn\"";
	}
	fprintf(out, "<td class=\"n%s\">", part ? "" : " zero");
	api_page_count(out, part);
	if (part) {
		fprintf(out, " <small>%.*f %%</small>", percent < 9.95, percent);
	}
	fprintf(out,
		"</td><td class=\"bar\" title=\"%.2f %%\"><svg role=\"img\" "
		"aria-label=\"%.1f %%\"><rect%s width=\"%.1f%%\" height=\"100%%\"/></svg></td>",
		percent, percent, class, part && width < 1 ? 1 : width);
}

void api_page_cell_state(FILE *out, const char *state, const char *class)
{
	fprintf(out, "<td class=\"%s\">", class);
	api_page_text(out, state);
	fputs("</td>", out);
}

void api_page_no_rows(FILE *out, unsigned int columns, const char *text)
{
	fprintf(out, "<tr><td class=\"none\" colspan=\"%u\">", columns);
	api_page_text(out, text);
	fputs("</td></tr>\n", out);
}
