// SPDX-License-Identifier: GPL-2.0-only
/*
 * Changes by command. Responsible for the way from a command to a whole new config, for what the
 * answer says, and for what is saved. Putting it in force is reload's, what is edited
 * change_edit's.
 */
#include "change.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "change_internal.h"
#include "cleanup.h"
#include "config_diff.h"
#include "log.h"
#include "reload.h"

/* What is remembered between two changes. */
struct change {
	char *wanted; /* canonical; NULL: what is in force */
	struct change_stamp stamp;
};

/* ---- what is wanted ---- */

void change_note(struct natgwd_state *state, char *text)
{
	if (!state->change) {
		free(text);
		return;
	}
	free(state->change->wanted);
	state->change->wanted = text;
}

void change_note_file(struct natgwd_state *state, const struct change_stamp *stamp)
{
	if (state->change) {
		state->change->stamp = *stamp;
	}
}

int change_start(struct event_base *base, struct natgwd_state *state)
{
	(void)base;
	state->change = calloc(1, sizeof(*state->change));
	if (!state->change) {
		return -ENOMEM;
	}
	state->change->stamp = change_stamp_of(state->config->file);
	return 0;
}

void change_stop(struct natgwd_state *state)
{
	if (state->change) {
		free(state->change->wanted);
		free(TAKE_PTR(state->change));
	}
}

/* A copy of its own. */
int change_wanted(const struct natgwd_state *state, struct config **ret_config, char *error)
{
	_cleanup_free_ char *text = state->change && state->change->wanted
					    ? strdup(state->change->wanted)
					    : change_text(state->config);

	return text ? change_parse(NULL, text, strlen(text), ret_config, error) : -ENOMEM;
}

/* ---- the way in ---- */

/* The change is in force whether it can be saved or not. NULL: it has been, or was not to be. */
static const char *save(struct change_attempt *attempt, char *error)
{
	struct natgwd_state *state = attempt->state;
	struct change *change = state->change;

	if (!attempt->mode->save) {
		return NULL;
	}
	if (!change || !change->wanted) {
		return "out of memory";
	}
	if (change_save(state->config->file, change->wanted, &change->stamp, error)) {
		log_warning("%s is in force, but not saved: %s", attempt->what, error);
		return error;
	}
	log_info("%s: saved in %s", attempt->what, state->config->file);
	return NULL;
}

static int put_in_force(struct change_attempt *attempt, json_t *json)
{
	struct natgwd_state *state = attempt->state;
	char *file = strdup(state->config->file);
	char *error = attempt->result->error;
	char save_error[CHANGE_ERROR_MAX] = "";
	int err;

	if (!file) {
		return -ENOMEM;
	}
	log_keep_error(error, CHANGE_ERROR_MAX);
	err = reload_apply(state->follow, attempt->new, attempt->what);
	log_keep_error(NULL, 0);
	if (err) {
		state->reloads_failed++;
		free(file);
		return err;
	}
	attempt->new = NULL;
	state->reloads_ok++;
	/* A reload reads the file of the start, whoever has sent this one. */
	free(state->config->file);
	state->config->file = file;
	return change_answer_end(attempt, json, save(attempt, save_error));
}

static int try_it(struct change_attempt *attempt, json_t *json)
{
	int err;

	log_keep_error(attempt->result->error, CHANGE_ERROR_MAX);
	err = reload_try(attempt->state->follow, attempt->new, attempt->what);
	log_keep_error(NULL, 0);
	return err ? err : change_answer_end(attempt, json, NULL);
}

/* old and new are there. */
static int run(struct change_attempt *attempt)
{
	json_t *json = NULL;
	int err = config_diff(attempt->old, attempt->new, &attempt->changes);

	if (!err) {
		json = change_answer_start(attempt);
		err = json ? 0 : -ENOMEM;
	}
	if (!err) {
		err = attempt->mode->dry_run ? try_it(attempt, json) : put_in_force(attempt, json);
	}
	if (err) {
		json_decref(json);
		attempt->result->json = NULL;
	}
	return err;
}

static int finish(struct change_attempt *attempt, int err)
{
	char *error = attempt->result->error;

	config_free(attempt->old);
	config_free(attempt->new);
	free(attempt->text);
	json_decref(attempt->changes);
	if (err && attempt->is_edit && error[0]) {
		const char *text = change_without_place(error);

		memmove(error, text, strlen(text) + 1);
	}
	if (err && !error[0]) {
		(void)change_say(error, "%s: %s", attempt->what, strerror(-err));
	}
	return err;
}

int change_apply(struct natgwd_state *state, const struct change_mode *mode,
		 const struct change_file *file, struct change_result *ret_result)
{
	struct change_attempt attempt = {
		.state = state,
		.mode = mode,
		.result = ret_result,
		.what = "apply",
	};
	int err;

	*ret_result = (struct change_result){ .json = NULL };
	err = change_parse(file->name, file->text, file->size, &attempt.new, ret_result->error);
	if (!err) {
		err = change_wanted(state, &attempt.old, ret_result->error);
	}
	if (err) {
		state->reloads_failed += !mode->dry_run;
	}
	return finish(&attempt, err ? err : run(&attempt));
}

/* ---- edits ---- */

static int edit_config(struct change_attempt *attempt, const struct change_edit *edit)
{
	char *error = attempt->result->error;
	struct config *draft = NULL;
	int err = change_wanted(attempt->state, &attempt->old, error);

	if (!err) {
		err = change_wanted(attempt->state, &draft, error);
	}
	if (!err) {
		err = edit->fn(draft, edit, error);
	}
	if (!err) {
		attempt->text = change_text(draft);
		err = attempt->text ? change_parse(NULL, attempt->text, strlen(attempt->text),
						   &attempt->new, error)
				    : -ENOMEM;
	}
	config_free(draft);
	return err;
}

int change_run_edit(struct natgwd_state *state, const struct change_mode *mode, const char *what,
		    const struct change_edit *edit, struct change_result *ret_result)
{
	char named[2 * CONFIG_NAME_MAX + 32];
	struct change_attempt attempt = {
		.state = state,
		.mode = mode,
		.result = ret_result,
		.what = named,
		.is_edit = true,
	};
	int err;

	(void)snprintf(named, sizeof(named), "%s %.40s", what, edit->name);
	*ret_result = (struct change_result){ .json = NULL };
	err = edit_config(&attempt, edit);
	return finish(&attempt, err ? err : run(&attempt));
}
