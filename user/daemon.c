// SPDX-License-Identifier: GPL-2.0-only
/*
 * The life of natgwd. Responsible for the order of things: lock, listeners, load, fill, attach,
 * drop privileges, serve. What can fail cheaply comes first; nothing carries packets before the
 * maps are full; a start that fails takes away what it has made.
 */
#include "daemon.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "announce.h"
#include "api.h"
#include "api_limit.h"
#include "apply.h"
#include "attach.h"
#include "cleanup.h"
#include "daemon_listen.h"
#include "defrag.h"
#include "detach.h"
#include "follow.h"
#include "instance.h"
#include "keep.h"
#include "lifecycle.h"
#include "loader.h"
#include "log.h"
#include "netdev.h"
#include "notify.h"
#include "pindir.h"
#include "privilege.h"
#include "reload.h"
#include "runfile.h"
#include "services.h"

#define DAEMON_EVENTS 5

struct daemon {
	struct natgwd_state state;
	struct runfile runfile;
	struct follow follow;
	struct loader *loader;
	struct event_base *base;
	struct event *events[DAEMON_EVENTS];
	struct api *api;
	int lock;
	int instance;
	struct daemon_listen listen;
	bool made_folder;
};

/* ---- start ---- */

static int open_runfile(struct daemon *daemon)
{
	const char *pin_path = daemon->state.config->pin_path;
	int err = runfile_load(pin_path, &daemon->runfile);

	if (err) {
		log_error("cannot read %s: %s", daemon->runfile.path, strerror(-err));
		return err;
	}
	if (runfile_is_foreign(&daemon->runfile)) {
		if (pindir_has(pin_path, "layout")) {
			log_error(
				"%s belongs to a natgwd of another network namespace: choose another pin_path, or remove it with natgwd --detach there",
				pin_path);
			return -EBUSY;
		}
		runfile_forget_host(&daemon->runfile);
	}
	daemon->runfile.netns = runfile_netns();
	return 0;
}

static int open_host(struct daemon *daemon)
{
	int err = open_runfile(daemon);

	if (err) {
		return err;
	}
	err = netdev_open(&daemon->follow.netdev);
	if (!err) {
		err = announce_open(&daemon->follow.announce);
	}
	if (err) {
		log_error("cannot open the sockets to the kernel: %s%s", strerror(-err),
			  err == -EPERM ? " (natgwd needs CAP_NET_RAW)" : "");
	}
	return err;
}

static int open_keep(struct natgwd_state *state)
{
	int err = keep_open(state->config->pin_path, &state->keep);

	if (err) {
		log_error("cannot open the kept counters in %s: %s", state->config->pin_path,
			  strerror(-err));
		return err;
	}
	state->reloads_ok = *keep_counter(state->keep, KEEP_APPLIES_OK);
	state->reloads_failed = *keep_counter(state->keep, KEEP_APPLIES_FAILED);
	return 0;
}

static int load(struct daemon *daemon)
{
	const struct config *config = daemon->state.config;
	int err = loader_open(config->pin_path, config->sessions, &daemon->loader);

	if (!err) {
		err = open_keep(&daemon->state);
	}
	if (!err) {
		err = loader_load(daemon->loader);
	}
	if (err) {
		return err;
	}
	err = datapath_open(config->pin_path, &daemon->state.dp);
	if (!err) {
		err = lifecycle_open(&daemon->state, daemon->follow.netdev, daemon->runfile.path);
	}
	if (!err) {
		err = attach_new(daemon->loader, config, &daemon->follow.attach);
	}
	if (err) {
		log_error("cannot open the maps in %s: %s", config->pin_path, strerror(-err));
	}
	return err;
}

/* Rows of interfaces before anything is attached to them; a restart keeps what redirects. */
static int keep_iface(uint32_t ifindex, const struct natgw_iface *row, void *arg)
{
	struct natgwd_state *state = arg;

	for (unsigned int i = 0; i < state->iface_count; i++) {
		if (state->ifaces[i].ifindex == ifindex && row->redirect) {
			state->ifaces[i].attach = IFACE_ATTACH_XDP_NATIVE;
		}
	}
	return 0;
}

static int fill(struct daemon *daemon)
{
	struct natgwd_state *state = &daemon->state;
	int err;

	follow_fill(state, daemon->follow.netdev);
	lifecycle_prepare(state, state->config);
	err = apply_check(state->config, daemon->follow.netdev);
	if (err) {
		return err;
	}
	err = datapath_each_iface(state->dp, keep_iface, state);
	if (!err) {
		err = follow_put_ifaces(state);
	}
	if (!err) {
		err = apply_config(state, state->config, daemon->follow.netdev, false);
	}
	if (err) {
		log_error("cannot fill the maps: %s", strerror(-err));
	}
	return err;
}

static int attach_side(struct daemon *daemon, bool external)
{
	for (unsigned int i = 0; i < daemon->state.iface_count; i++) {
		struct iface_state *iface = &daemon->state.ifaces[i];
		int err;

		if (!!(iface->flags & NATGW_IFACE_EXTERNAL) != external) {
			continue;
		}
		if (!iface->ifindex) {
			log_error("%s: there is no such interface", iface->name);
			return -ENODEV;
		}
		err = follow_attach(&daemon->follow, iface);
		if (err) {
			return err;
		}
	}
	return 0;
}

/* The external side first: replies and the guard are there before the first packet goes out. */
static int attach_all(struct daemon *daemon)
{
	struct natgwd_state *state = &daemon->state;
	int err = detach_dropped(state->config, &daemon->runfile);

	if (err) {
		log_error("cannot tidy up after the last run: %s", strerror(-err));
		return err;
	}
	err = attach_side(daemon, true);
	if (!err) {
		err = attach_side(daemon, false);
	}
	if (!err) {
		err = defrag_attach(state->config->pin_path);
	}
	if (err) {
		return err;
	}
	err = follow_put_ifaces(state);
	if (!err) {
		err = apply_drop_ifaces(state);
	}
	if (!err) {
		err = apply_activate(state);
	}
	if (!err) {
		err = datapath_raise_generation(state->dp);
	}
	if (err) {
		log_error("cannot fill the maps: %s", strerror(-err));
	}
	return err;
}

/* ---- events ---- */

static void on_stop(evutil_socket_t number, short what, void *arg)
{
	struct daemon *daemon = arg;

	(void)what;
	log_info("%s: exits; the data path goes on", strsignal((int)number));
	notify_stopping(daemon->state.notify);
	event_base_loopbreak(daemon->base);
}

static void on_reload(evutil_socket_t number, short what, void *arg)
{
	struct daemon *daemon = arg;
	struct natgwd_state *state = &daemon->state;
	uint64_t failed = state->reloads_failed;

	(void)number;
	(void)what;
	notify_reloading(state->notify);
	reload_config(&daemon->follow);
	notify_ready(state->notify, state->reloads_failed == failed
					    ? "reloaded"
					    : "the reload was refused, see the log; the old config "
					      "is in force");
}

static void on_netlink(evutil_socket_t fd, short what, void *arg)
{
	struct daemon *daemon = arg;

	(void)fd;
	(void)what;
	follow_read(&daemon->follow);
}

static void on_second(evutil_socket_t fd, short what, void *arg)
{
	struct daemon *daemon = arg;

	(void)fd;
	(void)what;
	follow_second(&daemon->follow);
}

/* A SIGHUP of the first moments waits for its handler: the file may have been read already. */
static int hold_reloads(bool hold)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGHUP);
	return sigprocmask(hold ? SIG_BLOCK : SIG_UNBLOCK, &signals, NULL) < 0 ? -errno : 0;
}

static int add_events(struct daemon *daemon)
{
	static const struct timeval second = { .tv_sec = 1 };

	daemon->events[0] = evsignal_new(daemon->base, SIGTERM, on_stop, daemon);
	daemon->events[1] = evsignal_new(daemon->base, SIGINT, on_stop, daemon);
	daemon->events[2] = evsignal_new(daemon->base, SIGHUP, on_reload, daemon);
	daemon->events[3] = event_new(daemon->base, netdev_fd(daemon->follow.netdev),
				      EV_READ | EV_PERSIST, on_netlink, daemon);
	daemon->events[4] = event_new(daemon->base, -1, EV_PERSIST, on_second, daemon);
	for (int i = 0; i < DAEMON_EVENTS; i++) {
		const struct timeval *wait = i == 4 ? &second : NULL;

		if (!daemon->events[i] || event_add(daemon->events[i], wait) < 0) {
			return -ENOMEM;
		}
	}
	return hold_reloads(false);
}

/* Tried with the rights that a reload will have: root's own, no more those over other owners. */
static void check_reload(const char *file)
{
	_cleanup_close_ int fd = open(file, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0) {
		log_warning("a reload will not be able to read %s: %s; let uid %u read it", file,
			    strerror(errno), geteuid());
	}
}

static int serve(struct daemon *daemon)
{
	int err = api_start(daemon->base, &daemon->state, &daemon->listen.sockets, &daemon->api);

	if (err) {
		log_error("cannot start serving: %s", strerror(-err));
		return err;
	}
	daemon_listen_forget(&daemon->listen);
	err = services_start(daemon->base, &daemon->state);
	if (err) {
		return err;
	}
	err = privilege_drop();
	if (err) {
		log_error("cannot drop privileges: %s", strerror(-err));
		return err;
	}
	check_reload(daemon->state.config->file);
	return 0;
}

/* ---- the whole ---- */

static int check_privileges(void)
{
	char missing[PRIVILEGE_TEXT_MAX] = "?";
	int err = privilege_check(missing);

	if (err) {
		log_error(
			"cannot start without %s: start natgwd as root, and let its unit or container keep these",
			missing);
	}
	return err;
}

static int start(struct daemon *daemon)
{
	const struct config *config = daemon->state.config;
	int err = check_privileges();

	if (!err) {
		err = pindir_open(config->pin_path, &daemon->lock, &daemon->made_folder);
	}
	if (!err) {
		err = instance_claim(&daemon->instance);
	}
	if (!err) {
		err = open_host(daemon);
	}
	if (!err) {
		err = daemon_listen_open(&daemon->listen, config);
	}
	if (!err) {
		err = lifecycle_start_result(config, LIFECYCLE_STAGE_LOAD, load(daemon));
	}
	if (!err) {
		err = lifecycle_start_result(config, LIFECYCLE_STAGE_MAPS, fill(daemon));
	}
	/* From here on a signal ends the loop, not the process half-way. */
	if (!err) {
		err = add_events(daemon);
	}
	if (!err) {
		err = lifecycle_start_result(config, LIFECYCLE_STAGE_ATTACH, attach_all(daemon));
	}
	return err ? err : serve(daemon);
}

/* Nothing stays that was not there before. */
static void undo(struct daemon *daemon)
{
	const struct config *config = daemon->state.config;

	if (daemon->lock < 0) {
		return;
	}
	if (daemon->loader && !loader_is_fresh(daemon->loader)) {
		if (daemon->follow.attach) {
			attach_undo(daemon->follow.attach);
		}
		return;
	}
	/* A start that refused the pins it found has taken nothing over: they are not its own. */
	if (daemon->loader) {
		(void)detach_all(config->pin_path, config);
	} else if (daemon->made_folder) {
		(void)rmdir(config->pin_path);
	}
}

static void release(struct daemon *daemon)
{
	/* Streams end while what feeds them is still there. */
	api_stop(daemon->api);
	daemon_listen_close(&daemon->listen, daemon->state.config);
	services_stop(&daemon->state);
	for (int i = 0; i < DAEMON_EVENTS; i++) {
		if (daemon->events[i]) {
			event_free(daemon->events[i]);
		}
	}
	attach_free(daemon->follow.attach);
	announce_free(daemon->follow.announce);
	netdev_free(daemon->follow.netdev);
	lifecycle_close(&daemon->state);
	top_forget(&daemon->state.top);
	apply_reserved_forget(daemon->state.reserved);
	datapath_free(daemon->state.dp);
	loader_free(daemon->loader);
	keep_close(daemon->state.keep);
	if (daemon->base) {
		event_base_free(daemon->base);
	}
	cleanup_close(&daemon->instance);
	cleanup_close(&daemon->lock);
	config_free(daemon->state.config);
	free(daemon);
}

static int new_daemon(struct config *config, struct daemon **ret_daemon)
{
	struct daemon *daemon = calloc(1, sizeof(*daemon));

	if (!daemon) {
		return -ENOMEM;
	}
	daemon->base = event_base_new();
	if (!daemon->base) {
		free(daemon);
		return -ENOMEM;
	}
	daemon->lock = -1;
	daemon->instance = -1;
	daemon_listen_init(&daemon->listen);
	daemon->state.config = config;
	daemon->state.started = time(NULL);
	daemon->state.follow = &daemon->follow;
	daemon->follow.state = &daemon->state;
	daemon->follow.runfile = &daemon->runfile;
	*ret_daemon = daemon;
	return 0;
}

void daemon_prepare(void)
{
	signal(SIGPIPE, SIG_IGN);
	(void)hold_reloads(true);
}

int daemon_run(struct config *config)
{
	struct daemon *daemon = NULL;
	int err = new_daemon(config, &daemon);

	if (err) {
		log_error("cannot start: %s", strerror(-err));
		config_free(config);
		return err;
	}
	api_limit_descriptors();
	err = start(daemon);
	if (err) {
		undo(daemon);
	} else {
		daemon->state.config_generation = 1;
		follow_watch(&daemon->follow);
		announce_all(daemon->follow.announce, &daemon->state);
		log_info("ready");
		notify_ready(daemon->state.notify, "the data path is in place");
		while (event_base_loop(daemon->base, EVLOOP_ONCE) == 0 &&
		       !event_base_got_break(daemon->base))
			datapath_commit(daemon->state.dp);
	}
	release(daemon);
	return err;
}
