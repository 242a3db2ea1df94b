# SPDX-License-Identifier: GPL-2.0-only
# natgw: `make demo` shows it, `make test` proves it, `make help` lists the rest.

CC ?= gcc
CLANG ?= clang
BPFTOOL ?= /usr/sbin/bpftool
PREFIX ?= /usr/local
DESTDIR ?=
B := build

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)

WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wformat=2 -Wundef \
	-Wcast-qual -Wpointer-arith -Wwrite-strings -Werror
CPPFLAGS := -Iinclude -Iuser -isystem $(B) -D_GNU_SOURCE -DNATGW_VERSION='"$(VERSION)"'
# The headers of GLib, which libfixbuf needs, bear fewer warnings than ours.
FIXBUF_CFLAGS = $(patsubst -I%,-isystem %,$(shell pkg-config --cflags libfixbuf))
$(B)/user/session_log_message.o $(B)/san/session_log_message.o: CPPFLAGS += $(FIXBUF_CFLAGS)
CFLAGS ?= -O2 -g
CFLAGS += -std=gnu11 $(WARN)
# gcc 12 sees null pointers behind the sanitizers' checks that are not there.
SANITIZE := -fsanitize=address,undefined -fno-omit-frame-pointer -Wno-format-truncation
SANITIZE_TABLE := -fsanitize=undefined -fno-sanitize-recover
BPF_CFLAGS := -g -O2 -target bpf -mcpu=v3 -Wall -Wextra -Werror -Ivmlinux -Iinclude -Ibpf

NATGWD_LIBS := -lbpf -lxdp -lelf -lz -lyaml -levent -ljansson -lmnl -lcap -lfixbuf -lglib-2.0
NATGWCTL_LIBS := -lcurl -ljansson -lbpf -lelf -lz -lmnl

BPF_SOURCES := $(wildcard bpf/*.bpf.c)
BPF_OBJECTS := $(BPF_SOURCES:bpf/%.c=$(B)/%.o)
NATGWCTL_OBJECTS := $(addprefix $(B)/user/,natgwctl.o $(notdir $(patsubst %.c,%.o,$(wildcard user/output*.c user/audit*.c user/ctl*.c))))
NATGWD_OBJECTS := $(filter-out $(NATGWCTL_OBJECTS),$(patsubst %.c,$(B)/%.o,$(wildcard user/*.c)))

UNIT_TESTS := $(patsubst tests/unit/%.c,$(B)/tests/unit/%,$(wildcard tests/unit/test_*.c))
TABLE_TESTS := $(B)/tests/unit/test_table $(B)/tests/unit/test_table_steps
UNIT_TESTS += $(B)/tests/unit/test_table_tsan
BPF_TESTS := $(patsubst tests/bpf/%.c,$(B)/tests/bpf/%,$(wildcard tests/bpf/test_*.c))
# The audit without its command, and the names that it says.
AUDIT_OBJECTS := $(filter-out %/audit_command.o,$(patsubst %.c,$(B)/%.o,$(wildcard user/audit*.c))) $(B)/user/names.o
BPF_TEST_SUPPORT := $(patsubst tests/bpf/%.c,$(B)/tests/bpf/%.o,$(filter-out $(wildcard tests/bpf/test_*.c) %.bpf.c,$(wildcard tests/bpf/*.c)))

# The modules that the unit tests link: all that do no I/O of their own, and the log.
UNIT_MODULES := $(filter-out natgwd natgwctl loader,$(patsubst user/%.c,%,$(wildcard user/*.c)))

ifeq ($(V),1)
Q :=
say = @:
else
Q := @
say = @printf '  %-8s %s\n'
MAKEFLAGS += --no-print-directory
endif

.DELETE_ON_ERROR:
.PRECIOUS: $(B)/tests/bpf/%.o $(B)/san/%.o
.PHONY: all fates setup demo test test-long unit netns bench lint size format man install uninstall deb clean help tests

all: $(B)/natgwd $(B)/natgwctl ## build natgwd and natgwctl

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# ---- BPF: three objects, linked into one, and the skeleton of that ----

$(B)/%.bpf.o: bpf/%.bpf.c
	$(say) CLANG $@
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -MD -MP -MF $(@:.o=.d) -c $< -o $@

$(B)/natgw.bpf.o: $(BPF_OBJECTS)
	$(say) BPFLINK $@
	$(Q)$(BPFTOOL) gen object $@ $^

$(B)/natgw.skel.h: $(B)/natgw.bpf.o
	$(say) SKEL $@
	$(Q)$(BPFTOOL) gen skeleton $< name natgw_bpf > $@

# ---- user space ----

$(B)/user/%.o: user/%.c | $(B)/natgw.skel.h
	$(say) CC $@
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MD -MP -c $< -o $@

# The web page is part of the program.
$(B)/user/api_page_files.o $(B)/san/api_page_files.o: $(wildcard user/page/*)

$(B)/natgwd: $(NATGWD_OBJECTS)
	$(say) LINK $@
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $^ -o $@ $(NATGWD_LIBS)

# Modules that natgwd has too.
NATGWCTL_SHARED := $(addprefix $(B)/user/,names.o parse_util.o words.o)

$(B)/natgwctl: $(NATGWCTL_OBJECTS) $(NATGWCTL_SHARED)
	$(say) LINK $@
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $^ -o $@ $(NATGWCTL_LIBS)

# ---- tests ----

# With sanitizers, so the modules are built a second time.
$(B)/san/%.o: user/%.c | $(B)/natgw.skel.h
	$(say) CC $@
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(SANITIZE) -MD -MP -c $< -o $@

$(B)/san/libnatgw.a: $(UNIT_MODULES:%=$(B)/san/%.o)
	$(Q)rm -f $@ && ar rcs $@ $^

$(B)/tests/unit/%: tests/unit/%.c $(B)/san/libnatgw.a
	$(say) TEST $@
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) -Ibpf $(CFLAGS) $(SANITIZE) -MD -MP -MF $@.d $< $(B)/san/libnatgw.a -o $@ -lcmocka $(NATGWD_LIBS)

# The session table by itself: fast, since most of it is about time, and once more for the sanitizer
# of threads, which bears no other beside it.
$(B)/tests/unit/table_model.o: tests/unit/table_model.c
	$(say) CC $@
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MD -MP -c $< -o $@

$(TABLE_TESTS): %: %.o $(B)/tests/unit/table_model.o
	$(say) TEST $@
	$(Q)$(CC) $(CFLAGS) $(SANITIZE_TABLE) $^ -o $@ -lcmocka -lpthread

$(TABLE_TESTS:=.o): $(B)/%.o: %.c
	$(say) CC $@
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(SANITIZE_TABLE) -MD -MP -c $< -o $@

$(B)/tests/tsan/%.o: tests/unit/%.c
	$(say) CC $@
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -fsanitize=thread -MD -MP -c $< -o $@

$(B)/tests/unit/test_table_tsan: $(B)/tests/tsan/test_table.o $(B)/tests/tsan/table_model.o
	$(say) TEST $@
	$(Q)$(CC) $(CFLAGS) -fsanitize=thread $^ -o $@ -lcmocka -lpthread

# Programs of the tests' own, with the kernel's own headers, of which Debian keeps some in a folder by
# architecture.
define test_programs
.PRECIOUS: $(B)/tests/$(1)/%.bpf.o $(B)/tests/$(1)/%.skel.h

$(B)/tests/$(1)/%.bpf.o: tests/$(1)/%.bpf.c
	$$(say) CLANG $$@
	@mkdir -p $$(@D)
	$$(Q)$$(CLANG) $$(BPF_CFLAGS) -I/usr/include/$$(shell $$(CC) -print-multiarch) -MD -MP -MF $$(@:.o=.d) -c $$< -o $$@

$(B)/tests/$(1)/%.skel.h: $(B)/tests/$(1)/%.bpf.o
	$$(say) SKEL $$@
	$$(Q)$$(BPFTOOL) gen skeleton $$< name $$*_bpf > $$@
endef
$(eval $(call test_programs,bpf))
$(eval $(call test_programs,bench))

$(B)/tests/bpf/%.o: tests/bpf/%.c | $(B)/natgw.skel.h $(B)/tests/bpf/tally.skel.h
	$(say) CC $@
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) -Itests/bpf $(CFLAGS) -MD -MP -c $< -o $@

$(B)/tests/bpf/test_table: $(B)/tests/unit/table_model.o
$(B)/tests/bpf/test_table.o: $(B)/tests/bpf/table_ops.skel.h

$(B)/tests/bpf/%: $(B)/tests/bpf/%.o $(BPF_TEST_SUPPORT) $(AUDIT_OBJECTS)
	$(say) TEST $@
	$(Q)$(CC) $(CFLAGS) $^ -o $@ -lcmocka -lbpf -lelf -lz -lpthread

bench_objects = $(patsubst %.c,$(B)/%.o,$(filter-out %.bpf.c,$(wildcard tests/bench/$(1)*.c)))
BENCH_PROGRAMS := $(B)/tests/bench/ports $(B)/tests/bench/packets

$(B)/tests/bench/%.o: tests/bench/%.c | $(B)/natgw.skel.h $(B)/tests/bench/generator.skel.h $(B)/tests/bench/packets.skel.h
	$(say) CC $@
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) -Itests/bpf $(CFLAGS) -MD -MP -c $< -o $@

$(B)/tests/bench/ports: $(call bench_objects,ports) $(BPF_TEST_SUPPORT) $(AUDIT_OBJECTS)
	$(say) LINK $@
	$(Q)$(CC) $(CFLAGS) $^ -o $@ -lcmocka -lbpf -lelf -lz -lpthread

$(B)/tests/bench/packets: $(call bench_objects,packets)
	$(say) LINK $@
	$(Q)$(CC) $(CFLAGS) $^ -o $@ -lbpf -lelf -lz -lpthread

$(B)/progstat: tests/tools/progstat.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $< -o $@ -lbpf -lelf -lz

fates: docs/packet-fates.md ## docs/packet-fates.md, from the table of the tests

docs/packet-fates.md: $(B)/tests/bpf/test_catalogue
	$(say) PAGE $@
	$(Q)$< --page > $@

tests: all $(UNIT_TESTS) $(BPF_TESTS) $(BENCH_PROGRAMS)

setup: ## install what building and testing need (Debian 12, root)
	@tests/setup.sh test

demo: ## build, then show two private clients behind one address
	@tests/setup.sh test
	@$(MAKE) all
	@tests/demo.sh

test: ## every test, at most 15 minutes
	@tests/setup.sh test
	@$(MAKE) tests
	@tests/run.sh

test-long: ## and those that take longer, at most 60 minutes
	@tests/setup.sh long
	@$(MAKE) tests
	@tests/run.sh --long

unit: $(UNIT_TESTS) ## the unit tests only
	@for t in $(UNIT_TESTS); do $$t || exit 1; done

bench: ## measure beside the kernel's own NAT, print ratios; BENCH=quick, or a case's name: only that
	@tests/setup.sh bench
	@$(MAKE) all $(BENCH_PROGRAMS)
	@/usr/bin/python3 tests/bench/run.py --build $(B) $(BENCH)

netns: all ## the namespace tests only
	@/usr/bin/python3 -m pytest -q tests/netns

lint: ## format, clang-tidy, cppcheck, sparse, shellcheck, house rules, requirement lists
	@tests/setup.sh lint
	@$(MAKE) tests
	@tests/lint/run.sh

size: $(B)/natgw.bpf.o $(B)/progstat ## instructions, verified instructions, stack and JIT bytes of each program
	@$(B)/progstat $(B)/natgw.bpf.o

format: ## clang-format in place
	@git ls-files -co --exclude-standard '*.c' '*.h' | grep -v '^vmlinux/' | xargs clang-format -i

# ---- manual pages: two of them are made of what says the same already ----

MAN_PAGES := $(addprefix $(B)/man/,natgwd.8 natgwctl.8 natgw.yaml.5)

$(B)/man/natgwd.8: man/natgwd.8
	$(say) MAN $@
	@mkdir -p $(@D)
	$(Q)cp $< $@

$(B)/man/natgwctl.8: man/command_page.py man/natgwctl.8.in man/roff.py $(B)/natgwctl
	$(say) MAN $@
	@mkdir -p $(@D)
	$(Q)/usr/bin/python3 -B $< $(B)/natgwctl man/natgwctl.8.in > $@

$(B)/man/natgw.yaml.5: man/config_page.py man/natgw.yaml.5.in man/roff.py docs/configuration.md
	$(say) MAN $@
	@mkdir -p $(@D)
	$(Q)/usr/bin/python3 -B $< docs/configuration.md man/natgw.yaml.5.in > $@

man: $(MAN_PAGES) ## the manual pages, in build/man

install: all man ## programs, unit, man pages, completion and docs into DESTDIR/PREFIX
	@DESTDIR=$(DESTDIR) PREFIX=$(PREFIX) packaging/install.sh install $(B)

uninstall: ## and out of there again
	@DESTDIR=$(DESTDIR) PREFIX=$(PREFIX) packaging/install.sh uninstall $(B)

deb: ## a Debian package, in build/deb
	@tests/setup.sh package
	@packaging/deb.sh $(B)

clean: ## remove build/
	rm -rf $(B)

-include $(wildcard $(B)/*.d $(B)/*/*.d $(B)/*/*/*.d)
