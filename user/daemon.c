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
#include "defrag.h"
#include "detach.h"
#include "follow.h"
#include "instance.h"
#include "loader.h"
#include "log.h"
#include "netdev.h"
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
	int unix_fd;
	int tcp_fd;
	ino_t socket_ino; /* of the name in the file system */
	bool made_folder;
};

/* ---- start ---- */

static const char *describe_listen(int err)
{
	switch (err) {
	case -EADDRINUSE:
		return "another natgwd answers there";
	case -EEXIST:
		return "it is there and is not a socket";
	default:
		return strerror(-err);
	}
}

static ino_t socket_ino(const struct config *config)
{
	struct stat info;

	return lstat(config->control_socket, &info) == 0 ? info.st_ino : 0;
}

static int open_listeners(struct daemon *daemon)
{
	const struct config *config = daemon->state.config;
	int err = api_listen_unix(config->control_socket, config->control_group, &daemon->unix_fd);

	if (err) {
		log_error("cannot listen on %s: %s", config->control_socket, describe_listen(err));
		return err;
	}
	daemon->socket_ino = socket_ino(config);
	if (!config->metrics_addr[0]) {
		return 0;
	}
	err = api_listen_tcp(config->metrics_addr, config->metrics_port, &daemon->tcp_fd);
	if (err) {
		log_error("cannot listen on %s:%u (metrics.listen): %s", config->metrics_addr,
			  config->metrics_port, strerror(-err));
	}
	return err;
}

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

static int load(struct daemon *daemon)
{
	const struct config *config = daemon->state.config;
	int err = loader_open(config->pin_path, config->sessions, &daemon->loader);

	if (!err) {
		err = loader_load(daemon->loader);
	}
	if (err) {
		return err;
	}
	err = datapath_open(config->pin_path, &daemon->state.dp);
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
	event_base_loopbreak(daemon->base);
}

static void on_reload(evutil_socket_t number, short what, void *arg)
{
	struct daemon *daemon = arg;

	(void)number;
	(void)what;
	reload_config(&daemon->follow);
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
	int err = api_start(daemon->base, &daemon->state, daemon->unix_fd, daemon->tcp_fd,
			    &daemon->api);

	if (err) {
		log_error("cannot start serving: %s", strerror(-err));
		return err;
	}
	daemon->unix_fd = -1;
	daemon->tcp_fd = -1;
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

static int start(struct daemon *daemon)
{
	const struct config *config = daemon->state.config;
	int err = pindir_open(config->pin_path, &daemon->lock, &daemon->made_folder);

	if (!err) {
		err = instance_claim(&daemon->instance);
	}
	if (!err) {
		err = open_host(daemon);
	}
	if (!err) {
		err = open_listeners(daemon);
	}
	if (!err) {
		err = load(daemon);
	}
	if (!err) {
		err = fill(daemon);
	}
	/* From here on a signal ends the loop, not the process half-way. */
	if (!err) {
		err = add_events(daemon);
	}
	if (!err) {
		err = attach_all(daemon);
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
	services_stop(&daemon->state);
	if (daemon->api) {
		api_stop(daemon->api);
	} else if (daemon->unix_fd >= 0 && socket_ino(daemon->state.config) == daemon->socket_ino) {
		unlink(daemon->state.config->control_socket);
	}
	for (int i = 0; i < DAEMON_EVENTS; i++) {
		if (daemon->events[i]) {
			event_free(daemon->events[i]);
		}
	}
	attach_free(daemon->follow.attach);
	announce_free(daemon->follow.announce);
	netdev_free(daemon->follow.netdev);
	top_forget(&daemon->state.top);
	apply_reserved_forget(daemon->state.reserved);
	datapath_free(daemon->state.dp);
	loader_free(daemon->loader);
	if (daemon->base) {
		event_base_free(daemon->base);
	}
	cleanup_close(&daemon->unix_fd);
	cleanup_close(&daemon->tcp_fd);
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
	daemon->unix_fd = -1;
	daemon->tcp_fd = -1;
	daemon->state.config = config;
	daemon->state.started = time(NULL);
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
		while (event_base_loop(daemon->base, EVLOOP_ONCE) == 0 &&
		       !event_base_got_break(daemon->base))
			datapath_commit(daemon->state.dp);
	}
	release(daemon);
	return err;
}
