// SPDX-License-Identifier: GPL-2.0-only
/*
 * progstat OBJECT: what the verifier and the JIT make of every program of a BPF object. Prints per
 * program its type, instructions, verified instructions, stack bytes of its deepest chain of calls,
 * JIT bytes and the share of the verifier's budget of a million; then the deepest chain of all, by
 * function. Stack bytes are counted as kernel 6.1 does, which rounds each function up to 32 (later
 * kernels: to 16), whatever kernel runs. Ends with status 1 when a program takes more than 30 % of
 * the budget, or more than the 512 bytes that a kernel allows. Attaches and pins nothing.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#define VERIFIER_BUDGET 1000000U
#define PROGRAM_LIMIT 300000U
#define INSTRUCTION_BYTES 8
#define LOG_BYTES 65536	 /* the summary needs a few hundred, a refusal some more */
#define LOG_STATISTICS 4 /* BPF_LOG_STATS: the summary alone, "stack depth" included */
#define SMALL_MAP_ROWS 1024U

#define FUNCTIONS_MAX 256U /* of a program; the kernel's limit */
#define STACK_LIMIT 512U   /* of a chain of calls */
#define STACK_ROUND 32U
#define LOOP_BYTES \
	24U /* what a loop takes that the kernel inlines, after it has checked the stack */

struct program_log {
	struct bpf_program *program;
	char text[LOG_BYTES];
};

/* The functions of a program; 0 is the program itself. */
struct call_graph {
	__u32 count;
	__u32 first[FUNCTIONS_MAX];   /* instruction */
	__u32 type_id[FUNCTIONS_MAX]; /* of its BTF */
	__u32 frame[FUNCTIONS_MAX];   /* stack bytes of its own */
	__u32 deepest[FUNCTIONS_MAX]; /* with all that it calls, rounded */
	__u32 next[FUNCTIONS_MAX];    /* the one on that way; 0: none */
	bool calls[FUNCTIONS_MAX][FUNCTIONS_MAX];
	bool passes[FUNCTIONS_MAX][FUNCTIONS_MAX]; /* as a callback */
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

/* ---- the deepest chain of calls ---- */

static __u64 to_u64(const void *pointer)
{
	return (__u64)(uintptr_t)pointer;
}

/* Where each function begins, and what BTF knows of it. */
static int read_functions(int fd, struct call_graph *graph)
{
	static struct bpf_func_info functions[FUNCTIONS_MAX];
	struct bpf_prog_info info = { .nr_func_info = FUNCTIONS_MAX,
				      .func_info_rec_size = sizeof(functions[0]),
				      .func_info = to_u64(functions) };
	__u32 size = sizeof(info);

	if (bpf_obj_get_info_by_fd(fd, &info, &size)) {
		return -errno;
	}
	if (!info.nr_func_info || info.nr_func_info > FUNCTIONS_MAX) {
		return -E2BIG;
	}
	graph->count = info.nr_func_info;
	for (__u32 i = 0; i < graph->count; i++) {
		graph->first[i] = functions[i].insn_off;
		graph->type_id[i] = functions[i].type_id;
	}
	return 0;
}

/* What the verifier says in "stack depth A+B": one number for each function, in order. */
static int read_frames(const char *log, struct call_graph *graph)
{
	static const char key[] = "stack depth ";
	const char *at = strstr(log, key);
	char *end;

	if (!at) {
		return -ENODATA;
	}
	at += sizeof(key) - 1;
	for (__u32 i = 0; i < graph->count; i++) {
		graph->frame[i] = (__u32)strtoul(at, &end, 10);
		if (end == at || (*end != '+' && i + 1 < graph->count)) {
			return -ENODATA;
		}
		at = end + 1;
	}
	return 0;
}

/* The kernel shows a call with the number of the function that is called. */
static int note_calls(struct call_graph *graph, const struct bpf_insn *insns, __u32 count)
{
	__u32 caller = 0;

	for (__u32 i = 0; i < count; i++) {
		bool call = insns[i].code == (BPF_JMP | BPF_CALL) &&
			    insns[i].src_reg == BPF_PSEUDO_CALL;
		bool callback = insns[i].code == (BPF_LD | BPF_IMM | BPF_DW) &&
				insns[i].src_reg == BPF_PSEUDO_FUNC && i + 1 < count;

		if (caller + 1 < graph->count && i >= graph->first[caller + 1]) {
			caller++;
		}
		if (!call && !callback) {
			continue;
		}
		__u32 callee = (__u32)insns[callback ? i + 1 : i].imm;

		/* Nobody calls the program itself; a kernel that hides addresses says 0. */
		if (!callee || callee >= graph->count) {
			return -EPERM;
		}
		if (callback) {
			graph->passes[caller][callee] = true;
		} else {
			graph->calls[caller][callee] = true;
		}
	}
	return 0;
}

static int read_calls(int fd, struct call_graph *graph)
{
	struct bpf_prog_info sizes = {}, info = {};
	__u32 size = sizeof(sizes);

	if (bpf_obj_get_info_by_fd(fd, &sizes, &size)) {
		return -errno;
	}
	struct bpf_insn *insns = calloc(1, sizes.xlated_prog_len + 1);

	if (!insns) {
		return -ENOMEM;
	}
	info.xlated_prog_len = sizes.xlated_prog_len;
	info.xlated_prog_insns = to_u64(insns);
	int err = bpf_obj_get_info_by_fd(fd, &info, &size) ? -errno : 0;

	if (!err) {
		err = note_calls(graph, insns, info.xlated_prog_len / INSTRUCTION_BYTES);
	}
	free(insns);
	return err;
}

/* A function that both passes a callback and calls it has a loop that the kernel inlined. */
static bool has_inlined_loop(const struct call_graph *graph, __u32 caller)
{
	for (__u32 callee = 0; callee < graph->count; callee++) {
		if (graph->passes[caller][callee] && graph->calls[caller][callee]) {
			return true;
		}
	}
	return false;
}

static void round_frames(struct call_graph *graph)
{
	for (__u32 i = 0; i < graph->count; i++) {
		__u32 extra = has_inlined_loop(graph, i) ? LOOP_BYTES : 0;
		__u32 bytes = graph->frame[i];

		bytes -= extra < bytes ? extra : bytes;
		bytes = bytes ? bytes : 1;
		graph->frame[i] = (bytes + STACK_ROUND - 1) / STACK_ROUND * STACK_ROUND;
		graph->deepest[i] = graph->frame[i];
	}
}

/* true: by this callee the function reaches deeper than was known. */
static bool deepen_by(struct call_graph *graph, __u32 caller, __u32 callee)
{
	__u32 bytes = graph->frame[caller] + graph->deepest[callee];

	if ((!graph->calls[caller][callee] && !graph->passes[caller][callee]) ||
	    bytes <= graph->deepest[caller]) {
		return false;
	}
	graph->deepest[caller] = bytes;
	graph->next[caller] = callee;
	return true;
}

/* One step: what each function reaches by the functions that it calls. */
static bool deepen(struct call_graph *graph)
{
	bool changed = false;

	for (__u32 i = 0; i < graph->count; i++) {
		for (__u32 callee = 1; callee < graph->count; callee++) {
			changed |= deepen_by(graph, i, callee);
		}
	}
	return changed;
}

/* Fills in the graph of a program that is loaded: 0, or -errno. */
static int make_graph(const struct program_log *log, struct call_graph *graph)
{
	int fd = bpf_program__fd(log->program);
	int err = read_functions(fd, graph);

	if (!err) {
		err = read_frames(log->text, graph);
	}
	if (!err) {
		err = read_calls(fd, graph);
	}
	if (err) {
		return err;
	}
	round_frames(graph);
	/* There are no cycles: a chain is no longer than there are functions. */
	for (__u32 i = 0; i < graph->count && deepen(graph); i++) {
	}
	return 0;
}

static void print_chain(const struct program_log *log, const struct call_graph *graph)
{
	struct bpf_prog_info info = {};
	__u32 size = sizeof(info), i = 0;
	struct btf *btf = NULL;

	if (!bpf_obj_get_info_by_fd(bpf_program__fd(log->program), &info, &size)) {
		btf = btf__load_from_kernel_by_id(info.btf_id);
	}
	printf("deepest chain: %u of %u bytes, each function rounded up to %u:\n",
	       graph->deepest[0], STACK_LIMIT, STACK_ROUND);
	do {
		const struct btf_type *type = btf ? btf__type_by_id(btf, graph->type_id[i]) : NULL;

		printf("  %4u  %s\n", graph->frame[i],
		       type ? btf__name_by_offset(btf, type->name_off) : "?");
		i = graph->next[i];
	} while (i);
	btf__free(btf);
}

/* ---- the table ---- */

/* Returns whether the program stays in its limits, or -errno. Fills in its graph. */
static int print_program(const struct program_log *log, struct call_graph *graph)
{
	struct bpf_prog_info info = {};
	__u32 size = sizeof(info);
	const char *type = libbpf_bpf_prog_type_str(bpf_program__type(log->program));
	int err = bpf_obj_get_info_by_fd(bpf_program__fd(log->program), &info, &size) ? -errno : 0;

	if (!err) {
		err = make_graph(log, graph);
	}
	if (err) {
		return err;
	}
	bool cheap = info.verified_insns <= PROGRAM_LIMIT;
	bool flat = graph->deepest[0] <= STACK_LIMIT;

	printf("%-16s %-12s %8u %10u %6u %8u %6.1f%%%s%s\n", bpf_program__name(log->program),
	       type ? type : "?", info.xlated_prog_len / INSTRUCTION_BYTES, info.verified_insns,
	       graph->deepest[0], info.jited_prog_len,
	       100.0 * info.verified_insns / VERIFIER_BUDGET,
	       cheap ? "" : "  over the limit of 30 %",
	       flat ? "" : "  over 512 bytes of stack on kernel 6.1");
	return cheap && flat;
}

static int print_all(const struct program_log *logs, size_t count)
{
	static struct call_graph graph, worst;
	const struct program_log *worst_log = NULL;
	int status = EXIT_SUCCESS;

	printf("%-16s %-12s %8s %10s %6s %8s %7s\n", "program", "type", "insns", "verified",
	       "stack", "jit", "budget");
	for (size_t i = 0; i < count; i++) {
		memset(&graph, 0, sizeof(graph));
		int fits = print_program(&logs[i], &graph);

		if (fits < 0) {
			fprintf(stderr, "progstat: %s: %s\n", bpf_program__name(logs[i].program),
				strerror(-fits));
		} else if (graph.deepest[0] > worst.deepest[0]) {
			worst = graph;
			worst_log = &logs[i];
		}
		if (fits <= 0) {
			status = EXIT_FAILURE;
		}
	}
	if (worst_log) {
		print_chain(worst_log, &worst);
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
