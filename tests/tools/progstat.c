// SPDX-License-Identifier: GPL-2.0-only
/*
 * progstat OBJECT: what the verifier and the JIT make of every program of a BPF object. Prints per
 * program its type, instructions, verified instructions, stack bytes (own + each subprogram's), JIT
 * bytes and the share of the verifier's budget of a million; ends with status 1 when a program
 * takes more than 30 % of it. Attaches and pins nothing.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#define VERIFIER_BUDGET 1000000U
#define PROGRAM_LIMIT 300000U
#define INSTRUCTION_BYTES 8
#define LOG_BYTES 65536	 /* the summary needs a few hundred, a refusal some more */
#define LOG_STATISTICS 4 /* BPF_LOG_STATS: the summary alone, "stack depth" included */
#define SMALL_MAP_ROWS 1024U

struct program_log {
	struct bpf_program *program;
	char text[LOG_BYTES];
};

static int __attribute__((format(printf, 2, 0)))
print_warnings(enum libbpf_print_level level, const char *format, va_list args)
{
	return level == LIBBPF_WARN ? vfprintf(stderr, format, args) : 0;
}

/* Big tables cost seconds to allocate and change nothing of what is measured here. */
static int shrink_maps(struct bpf_object *object)
{
	struct bpf_map *map;

	bpf_object__for_each_map (map, object) {
		int err = 0;

		if (bpf_map__max_entries(map) > SMALL_MAP_ROWS &&
		    bpf_map__type(map) != BPF_MAP_TYPE_RINGBUF) {
			err = bpf_map__set_max_entries(map, SMALL_MAP_ROWS);
		}
		if (err) {
			return err;
		}
	}
	return 0;
}

static size_t count_programs(struct bpf_object *object)
{
	struct bpf_program *program;
	size_t count = 0;

	bpf_object__for_each_program (program, object) {
		count++;
	}
	return count;
}

/* Gives every program room for its verifier log. */
static int add_logs(struct bpf_object *object, struct program_log *logs)
{
	struct bpf_program *program;

	bpf_object__for_each_program (program, object) {
		int err = bpf_program__set_log_buf(program, logs->text, sizeof(logs->text));

		if (!err) {
			err = bpf_program__set_log_level(program, LOG_STATISTICS);
		}
		if (err) {
			return err;
		}
		logs->program = program;
		logs++;
	}
	return 0;
}

/* What the verifier says in "stack depth A+B": one number for the program, one per subprogram. */
static const char *stack_bytes(const char *log, char *text, size_t size)
{
	static const char key[] = "stack depth ";
	const char *at = strstr(log, key);

	if (!at) {
		return "?";
	}
	at += sizeof(key) - 1;
	snprintf(text, size, "%.*s", (int)strspn(at, "0123456789+"), at);
	return text;
}

/* Returns whether the program stays in its share of the budget, or -errno. */
static int print_program(const struct program_log *log)
{
	struct bpf_prog_info info = {};
	__u32 size = sizeof(info);
	char stack[64];
	const char *type = libbpf_bpf_prog_type_str(bpf_program__type(log->program));
	int err = bpf_obj_get_info_by_fd(bpf_program__fd(log->program), &info, &size);

	if (err) {
		return -errno;
	}
	bool fits = info.verified_insns <= PROGRAM_LIMIT;

	printf("%-16s %-12s %8u %10u %16s %8u %6.1f%%%s\n", bpf_program__name(log->program),
	       type ? type : "?", info.xlated_prog_len / INSTRUCTION_BYTES, info.verified_insns,
	       stack_bytes(log->text, stack, sizeof(stack)), info.jited_prog_len,
	       100.0 * info.verified_insns / VERIFIER_BUDGET,
	       fits ? "" : "  over the limit of 30 %");
	return fits;
}

static int print_all(const struct program_log *logs, size_t count)
{
	int status = EXIT_SUCCESS;

	printf("%-16s %-12s %8s %10s %16s %8s %7s\n", "program", "type", "insns", "verified",
	       "stack", "jit", "budget");
	for (size_t i = 0; i < count; i++) {
		int fits = print_program(&logs[i]);

		if (fits < 0) {
			fprintf(stderr, "progstat: %s: %s\n", bpf_program__name(logs[i].program),
				strerror(-fits));
		}
		if (fits <= 0) {
			status = EXIT_FAILURE;
		}
	}
	return status;
}

/* Programs load in order, so the last log is that of the program that was refused. */
static void print_refusal(const struct program_log *logs, size_t count)
{
	while (count > 0) {
		const struct program_log *log = &logs[--count];

		if (log->text[0]) {
			fprintf(stderr, "%s:\n%s", bpf_program__name(log->program), log->text);
			return;
		}
	}
}

static int measure(struct bpf_object *object, struct program_log *logs, size_t count)
{
	int err = add_logs(object, logs);

	if (!err) {
		err = shrink_maps(object);
	}
	if (!err) {
		err = bpf_object__load(object);
	}
	if (err) {
		fprintf(stderr, "progstat: load: %s\n", strerror(-err));
		print_refusal(logs, count);
		return EXIT_FAILURE;
	}
	return print_all(logs, count);
}

static int measure_file(const char *path)
{
	struct bpf_object *object = bpf_object__open_file(path, NULL);
	int status = EXIT_FAILURE;

	if (!object) {
		fprintf(stderr, "progstat: %s: %s\n", path, strerror(errno));
		return EXIT_FAILURE;
	}
	size_t count = count_programs(object);
	struct program_log *logs = count > 0 ? calloc(count, sizeof(*logs)) : NULL;

	if (logs) {
		status = measure(object, logs, count);
	} else {
		fprintf(stderr, "progstat: %s: %s\n", path, count ? "out of memory" : "no program");
	}
	free(logs);
	bpf_object__close(object);
	return status;
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: progstat OBJECT\n");
		return 2;
	}
	libbpf_set_print(print_warnings);
	return measure_file(argv[1]);
}
