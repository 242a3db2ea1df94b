// SPDX-License-Identifier: GPL-2.0-only
/* Asking natgwd: HTTP over its Unix socket, whole answers or line by line. */
#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "ctl.h"

/* Looking at millions of sessions takes natgwd a while. */
#define SILENCE_S 60L
#define CONNECT_S 10L
/* Of a Unix socket. */
#define CTL_PATH_MAX 108

static void cleanup_curl(CURL **curl)
{
	curl_easy_cleanup(*curl);
}

static void cleanup_list(struct curl_slist **list)
{
	curl_slist_free_all(*list);
}

#define _cleanup_curl_ __attribute__((cleanup(cleanup_curl)))
#define _cleanup_list_ __attribute__((cleanup(cleanup_list)))

/* ---- paths ---- */

int ctl_append(char *path, size_t size, const char *key, const char *value)
{
	char *escaped = curl_easy_escape(NULL, value, 0);
	size_t used = strlen(path);

	if (!escaped) {
		return -ENOMEM;
	}
	int n = snprintf(path + used, size - used, "%c%s=%s", strchr(path, '?') ? '&' : '?', key,
			 escaped);

	curl_free(escaped);
	return n >= 0 && (size_t)n < size - used ? 0 : -EINVAL;
}

int ctl_append_options(char *path, size_t size, const struct ctl_option *options)
{
	for (; options && options->name; options++) {
		int r = options->key && options->value
				? ctl_append(path, size, options->key, options->value)
				: 0;

		if (r < 0) {
			fprintf(stderr, "natgwctl: --%s is too long\n", options->name);
			return r;
		}
	}
	return 0;
}

/* ---- one request ---- */

static void say_unreachable(const struct ctl *ctl, CURL *curl, CURLcode code, const char *why)
{
	long os_error = 0;

	curl_easy_getinfo(curl, CURLINFO_OS_ERRNO, &os_error);
	if (os_error == EACCES) {
		fprintf(stderr,
			"natgwctl: may not open %s: this is for root and the members of its group\n",
			ctl->socket);
		return;
	}
	if (os_error) {
		/* natgwctl has one thread. NOLINTNEXTLINE(concurrency-mt-unsafe) */
		why = strerror((int)os_error);
	} else if (!why[0]) {
		why = curl_easy_strerror(code);
	}
	fprintf(stderr,
		"natgwctl: cannot reach natgwd at %s: %s; is it running? Sessions can be seen without it: the file \"sessions\" in its pin_path, /sys/fs/bpf/natgw unless the config names another one\n",
		ctl->socket, why);
}

struct request {
	const struct ctl *ctl;
	const char *path;
	const char *body; /* NULL: GET */
	size_t body_size;
	long silence_s; /* without a byte for so long it is over; 0: never */
	size_t (*receive)(const char *data, size_t size, size_t count, void *arg);
	void *arg;
	CURL *curl; /* while it is under way */
};

static void set_body(CURL *curl, const struct request *request, struct curl_slist *headers)
{
	curl_easy_setopt(curl, CURLOPT_POST, 1L);
	curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->body);
	curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_size);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
}

/* The read socket, where natgwd has it unless its config says otherwise. -EINVAL: too long. */
static int name_read_socket(const char *control, char *path, size_t size)
{
	const char *slash = strrchr(control, '/');
	int n = snprintf(path, size, "%.*sread.sock", slash ? (int)(slash + 1 - control) : 0,
			 control);

	return n >= 0 && (size_t)n < size ? 0 : -EINVAL;
}

/* Who may not open the control socket can still read. */
static CURLcode ask_one_socket(CURL *curl, const struct request *request)
{
	char reader[CTL_PATH_MAX];
	long os_error = 0;

	curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, request->ctl->socket);
	CURLcode code = curl_easy_perform(curl);

	curl_easy_getinfo(curl, CURLINFO_OS_ERRNO, &os_error);
	if (code != CURLE_COULDNT_CONNECT || os_error != EACCES || request->body ||
	    name_read_socket(request->ctl->socket, reader, sizeof(reader)) < 0 ||
	    access(reader, R_OK | W_OK) < 0) {
		return code;
	}
	curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, reader);
	return curl_easy_perform(curl);
}

/* On success *ret_status is HTTP's. *ret_code is curl's also when it fails. */
static int perform(struct request *request, CURLcode *ret_code, long *ret_status)
{
	_cleanup_list_ struct curl_slist *headers = curl_slist_append(NULL, "Expect:");
	_cleanup_curl_ CURL *curl = curl_easy_init();
	char why[CURL_ERROR_SIZE] = "";
	char url[4096];
	int n = snprintf(url, sizeof(url), "http://natgwd%s", request->path);

	if (n < 0 || (size_t)n >= sizeof(url)) {
		fprintf(stderr, "natgwctl: arguments too long\n");
		return -EINVAL;
	}
	if (!curl || !headers) {
		fprintf(stderr, "natgwctl: out of memory\n");
		return -ENOMEM;
	}
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, CONNECT_S);
	curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, request->silence_s ? 1L : 0L);
	curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, request->silence_s);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, why);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, request->receive);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, request->arg);
	curl_easy_setopt(curl, CURLOPT_BUFFERSIZE, 512L * 1024);
	if (request->body) {
		set_body(curl, request, headers);
	}
	request->curl = curl;
	CURLcode code = ask_one_socket(curl, request);

	request->curl = NULL;
	*ret_code = code;
	if (code != CURLE_OK && code != CURLE_WRITE_ERROR) {
		say_unreachable(request->ctl, curl, code, why);
		return -EIO;
	}
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, ret_status);
	return 0;
}

/* ---- whole answers ---- */

static size_t collect(const char *data, size_t size, size_t count, void *arg)
{
	struct ctl_answer *answer = arg;
	char *text = realloc(answer->text, answer->size + size * count + 1);

	if (!text) {
		return 0;
	}
	memcpy(text + answer->size, data, size * count);
	answer->text = text;
	answer->size += size * count;
	text[answer->size] = '\0';
	return size * count;
}

static void say_refused(const char *text, size_t size)
{
	json_t *json = json_loadb(text, size, 0, NULL);
	const char *why = json_string_value(json_object_get(json, "error"));

	fprintf(stderr, "natgwctl: natgwd refused: %s\n", why ? why : "no reason given");
	json_decref(json);
}

int ctl_ask(const struct ctl *ctl, const char *path, const char *body, size_t body_size,
	    struct ctl_answer *ret_answer)
{
	struct ctl_answer answer = {};
	struct request request = {
		.ctl = ctl,
		.path = path,
		.body = body,
		.body_size = body_size,
		.silence_s = SILENCE_S,
		.receive = collect,
		.arg = &answer,
	};
	CURLcode code;
	int r = perform(&request, &code, &answer.status);

	if (r == 0 && code == CURLE_WRITE_ERROR) {
		fprintf(stderr, "natgwctl: out of memory\n");
		r = -ENOMEM;
	} else if (r == 0 && (answer.status < 200 || answer.status > 299)) {
		say_refused(answer.text ? answer.text : "", answer.size);
		r = -EIO;
	} else if (r == 0 && !answer.text) {
		fprintf(stderr, "natgwctl: natgwd gave an empty answer\n");
		r = -EIO;
	}
	if (r < 0) {
		free(answer.text);
		return r;
	}
	*ret_answer = answer;
	return 0;
}

/* ---- line by line ---- */

struct lines {
	const struct request *request;
	struct ctl_answer rest; /* not yet a whole line; or all of a refusal */
	int (*fn)(const char *line, size_t size, void *arg);
	void *arg;
	int result;
	bool out_of_memory;
};

static bool give_lines(struct lines *lines)
{
	char *begin = lines->rest.text;
	char *const end = begin + lines->rest.size;

	for (char *stop = memchr(begin, '\n', (size_t)(end - begin)); stop;
	     stop = memchr(begin, '\n', (size_t)(end - begin))) {
		*stop = '\0';
		lines->result = lines->fn(begin, (size_t)(stop - begin), lines->arg);
		if (lines->result != 0) {
			return false;
		}
		begin = stop + 1;
	}
	lines->rest.size = (size_t)(end - begin);
	memmove(lines->rest.text, begin, lines->rest.size);
	return true;
}

static size_t receive_lines(const char *data, size_t size, size_t count, void *arg)
{
	struct lines *lines = arg;
	long status = 0;

	if (collect(data, size, count, &lines->rest) == 0) {
		lines->out_of_memory = size * count > 0;
		return 0;
	}
	curl_easy_getinfo(lines->request->curl, CURLINFO_RESPONSE_CODE, &status);
	return status != 200 || give_lines(lines) ? size * count : 0;
}

int ctl_stream(const struct ctl *ctl, const char *path,
	       int (*fn)(const char *line, size_t size, void *arg), void *arg)
{
	struct lines lines = { .fn = fn, .arg = arg };
	struct request request = {
		.ctl = ctl,
		.path = path,
		.receive = receive_lines,
		.arg = &lines,
	};
	long status;
	CURLcode code;

	lines.request = &request;
	int r = perform(&request, &code, &status);

	if (r == 0 && lines.out_of_memory) {
		fprintf(stderr, "natgwctl: out of memory\n");
		r = -ENOMEM;
	} else if (r == 0 && status != 200) {
		say_refused(lines.rest.text ? lines.rest.text : "", lines.rest.size);
		r = -EIO;
	}
	free(lines.rest.text);
	return r < 0 ? r : lines.result;
}
