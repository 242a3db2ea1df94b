// SPDX-License-Identifier: GPL-2.0-only
/*
 * Takes natgw away. Works from what the host itself knows (pins, the run file) and from the config,
 * so that it needs neither a living daemon nor the interfaces.
 */
#include "detach.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "attach.h"
#include "cleanup.h"
#include "instance.h"
#include "lifecycle.h"
#include "loader.h"
#include "log.h"
#include "pindir.h"
#include "sysctl.h"

static int remove_from(const char *pin_path, const char *name)
{
	int err = attach_remove(pin_path, name, if_nametoindex(name));

	if (err) {
		log_error("%s: cannot detach: %s", name, strerror(-err));
	}
	return err;
}

/* Links whose interface no list names any more. The pin's own name is enough: it goes as a file. */
static int remove_link(const char *path, const char *name, void *arg)
{
	const char *prefix = "xdp_";
	const bool *foreign = arg;

	if (strncmp(name, prefix, strlen(prefix)) != 0 || strchr(name, '%')) {
		return 0;
	}
	name += strlen(prefix);
	/* An interface of this name may be here too, with filters of another natgwd. */
	return *foreign ? attach_remove(path, name, 0) : remove_from(path, name);
}

static int remove_filters(const char *pin_path, const struct config *config,
			  const struct runfile *runfile)
{
	int result = 0;

	for (unsigned int i = 0; i < runfile->iface_count; i++) {
		int err = remove_from(pin_path, runfile->ifaces[i]);

		result = err ? err : result;
	}
	for (size_t i = 0; config && i < config->interface_count; i++) {
		int err = remove_from(pin_path, config->interfaces[i].name);

		result = err ? err : result;
	}
	return result;
}

int detach_all(const char *pin_path, const struct config *config)
{
	struct runfile runfile;
	int err = runfile_load(pin_path, &runfile);
	bool foreign = runfile_is_foreign(&runfile);

	if (err) {
		log_warning("cannot read %s: %s", runfile.path, strerror(-err));
	}
	if (foreign) {
		log_warning(
			"natgwd ran in another network namespace: tc filters and settings there are left alone");
		runfile_forget_host(&runfile);
		config = NULL;
	}
	err = remove_filters(pin_path, config, &runfile);
	if (!err) {
		err = pindir_each(pin_path, remove_link, &foreign);
	}
	if (err) {
		return err;
	}
	sysctl_restore(&runfile);
	err = loader_clear(pin_path);
	if (err) {
		log_error("cannot remove the pins in %s: %s", pin_path, strerror(-err));
		return err;
	}
	runfile_remove(&runfile);
	lifecycle_remove(runfile.path);
	return 0;
}

int detach_command(const char *pin_path, const struct config *config)
{
	_cleanup_close_ int lock = -1;
	_cleanup_close_ int instance = -1;
	struct runfile runfile;
	int err = pindir_open_existing(pin_path, &lock);
	bool pinned = err != -ENOENT;

	if (err && pinned) {
		return err;
	}
	err = instance_claim(&instance);
	if (err) {
		return err;
	}
	if (!pinned) {
		/* Pins are gone with a reboot or by hand; filters may still be there. */
		err = runfile_load(pin_path, &runfile);
		if (err || !runfile.netns || runfile_is_foreign(&runfile)) {
			runfile_forget_host(&runfile);
		}
		err = remove_filters(pin_path, config, &runfile);
		sysctl_restore(&runfile);
		runfile_remove(&runfile);
		lifecycle_remove(runfile.path);
		log_info("nothing is pinned in %s", pin_path);
		return err;
	}
	err = detach_all(pin_path, config);
	if (!err) {
		log_info("detached; nothing of natgw is left in %s", pin_path);
	}
	return err;
}

static bool config_has(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->interface_count; i++) {
		if (strcmp(config->interfaces[i].name, name) == 0) {
			return true;
		}
	}
	return false;
}

int detach_dropped(const struct config *config, struct runfile *runfile)
{
	unsigned int kept = 0;

	for (unsigned int i = 0; i < runfile->iface_count; i++) {
		const char *name = runfile->ifaces[i];
		int err;

		if (config_has(config, name)) {
			memmove(runfile->ifaces[kept++], name, sizeof(runfile->ifaces[i]));
			continue;
		}
		err = remove_from(config->pin_path, name);
		if (err) {
			return err;
		}
		sysctl_restore_iface(runfile, name);
		log_info("%s: no longer an interface of natgw, detached", name);
	}
	runfile->iface_count = kept;
	return runfile_save(runfile);
}
