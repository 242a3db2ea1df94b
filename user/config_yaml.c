/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * YAML for the configuration: libyaml's document, its marks turned into file:line:column, and
 * readers that check a node's kind and say what would be right. Nothing here follows nodes by
 * itself, so an alias that leads back to its own anchor cannot make it run in circles.
 */
#include "config_yaml.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "config_depth.h"
#include "words.h"

struct config_place config_yaml_place(const yaml_node_t *node)
{
	return (struct config_place){
		.line = (unsigned int)node->start_mark.line + 1,
		.column = (unsigned int)node->start_mark.column + 1,
	};
}

/* The message is one line, whatever the file name or the text in it hold. */
static void one_line(char *text)
{
	for (; *text; text++) {
		if ((unsigned char)*text < ' ' || *text == 0x7f) {
			*text = '?';
		}
	}
}

static void __attribute__((format(printf, 4, 0)))
fill_error(struct config_error *error, const char *file, struct config_place place,
	   const char *format, va_list args)
{
	size_t size = sizeof(error->text);
	size_t length = strlen(file);
	/* A long path keeps its end, so that there is room for the message. */
	const char *shown = length > size / 2 ? file + length - size / 2 : file;
	int used = snprintf(error->text, size, "%s:%u:%u: ", shown, place.line, place.column);

	if (used > 0 && (size_t)used < size) {
		(void)vsnprintf(error->text + used, size - (size_t)used, format, args);
	}
	one_line(error->text);
}

static void __attribute__((format(printf, 4, 5)))
set_error(struct config_error *error, const char *file, struct config_place place,
	  const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fill_error(error, file, place, format, args);
	va_end(args);
}

int config_yaml_error_at(const struct config_yaml *yaml, struct config_place place,
			 const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fill_error(yaml->error, yaml->file, place, format, args);
	va_end(args);
	return -EINVAL;
}

int config_yaml_error(const struct config_yaml *yaml, const yaml_node_t *node, const char *format,
		      ...)
{
	va_list args;

	va_start(args, format);
	fill_error(yaml->error, yaml->file, config_yaml_place(node), format, args);
	va_end(args);
	return -EINVAL;
}

int config_yaml_no_memory(const struct config_yaml *yaml)
{
	(void)snprintf(yaml->error->text, sizeof(yaml->error->text), "%.200s: out of memory",
		       yaml->file);
	one_line(yaml->error->text);
	return -ENOMEM;
}

/* ---- the file ---- */

/* The whole stream, malloc'ed. */
static int read_stream(FILE *stream, char **ret_text, size_t *ret_size)
{
	_cleanup_free_ char *text = NULL;
	size_t size;

	text = malloc(CONFIG_FILE_MAX + 1);
	if (!text) {
		return -ENOMEM;
	}
	errno = 0;
	size = fread(text, 1, CONFIG_FILE_MAX + 1, stream);
	if (ferror(stream)) {
		return errno ? -errno : -EIO;
	}
	if (size > CONFIG_FILE_MAX) {
		return -EFBIG;
	}
	*ret_text = TAKE_PTR(text);
	*ret_size = size;
	return 0;
}

static int stream_error(int err, const char *file, struct config_error *error)
{
	if (err == -EFBIG) {
		set_error(error, file, (struct config_place){ 1, 1 },
			  "the file is longer than %d bytes; a configuration has at most that many",
			  CONFIG_FILE_MAX);
		return -EINVAL;
	}
	(void)snprintf(error->text, sizeof(error->text), "%.200s: cannot read it: %s", file,
		       strerror(-err));
	one_line(error->text);
	return err;
}

static int syntax_error(const yaml_parser_t *parser, const struct config_yaml *yaml)
{
	const char *problem = parser->problem ? parser->problem : "it cannot be parsed";
	/* The reader knows bytes, not lines: its mark is as far as the scanner has come. */
	bool reader = parser->error == YAML_READER_ERROR;
	yaml_mark_t mark = reader ? parser->mark : parser->problem_mark;
	struct config_place place = { (unsigned int)mark.line + 1, (unsigned int)mark.column + 1 };

	if (parser->error == YAML_MEMORY_ERROR) {
		return config_yaml_no_memory(yaml);
	}
	if (reader) {
		return config_yaml_error_at(
			yaml, place,
			"not YAML text at byte %zu or soon after: %s; the file must be UTF-8 without control characters",
			parser->problem_offset, problem);
	}
	return config_yaml_error_at(
		yaml, place,
		"not valid YAML: %s%s%s; look at indentation (blanks, no tabs), quotes and brackets here and on the line above",
		parser->context ? parser->context : "", parser->context ? ": " : "", problem);
}

static bool is_plain_ascii(const yaml_node_t *node)
{
	for (size_t i = 0; i < node->data.scalar.length; i++) {
		unsigned char byte = node->data.scalar.value[i];

		if (byte < ' ' || byte > '~') {
			return false;
		}
	}
	return true;
}

/* What no key takes is refused once for all nodes, so that the readers need not look for it. */
static int check_nodes(struct config_yaml *yaml)
{
	static const char yaml_tags[] = "tag:yaml.org,2002:";
	const yaml_document_t *document = &yaml->document;

	for (yaml_node_t *node = document->nodes.start; node < document->nodes.top; node++) {
		if (node->type == YAML_SCALAR_NODE && !is_plain_ascii(node)) {
			return config_yaml_error(
				yaml, node,
				"a character that is not printable ASCII; only comments may have others");
		}
		if (node->tag &&
		    strncmp((const char *)node->tag, yaml_tags, sizeof(yaml_tags) - 1) != 0) {
			return config_yaml_error(yaml, node,
						 "unknown tag \"%.40s\"; no value here takes a tag",
						 (const char *)node->tag);
		}
	}
	return 0;
}

/* What follows the document that was read: nothing may. */
static int check_end(yaml_parser_t *parser, const struct config_yaml *yaml)
{
	yaml_document_t second;
	const yaml_node_t *root;
	int err = 0;

	if (!yaml_parser_load(parser, &second)) {
		return syntax_error(parser, yaml);
	}
	root = yaml_document_get_root_node(&second);
	if (root) {
		err = config_yaml_error(
			yaml, root,
			"a second YAML document begins; the file must hold one, remove the line \"---\"");
	}
	yaml_document_delete(&second);
	return err;
}

static int check_document(yaml_parser_t *parser, struct config_yaml *yaml)
{
	if (!yaml_document_get_root_node(&yaml->document)) {
		set_error(yaml->error, yaml->file, (struct config_place){ 1, 1 },
			  "the file is empty; it needs interfaces, gateways and route_tables");
		return -EINVAL;
	}
	return check_end(parser, yaml) ?: check_nodes(yaml);
}

int config_yaml_load(FILE *stream, const char *file, struct config_yaml *ret_yaml,
		     struct config_error *ret_error)
{
	_cleanup_free_ char *text = NULL;
	struct config_yaml yaml = { .file = file, .error = ret_error };
	struct config_place place = { 0 };
	yaml_parser_t parser;
	size_t size = 0;
	int err;

	err = read_stream(stream, &text, &size);
	if (err) {
		return stream_error(err, file, ret_error);
	}
	if (config_depth_exceeded(text, size, &place)) {
		return config_yaml_error_at(&yaml, place,
					    "nested deeper than %d levels; no key needs that",
					    CONFIG_DEPTH_MAX);
	}
	if (!yaml_parser_initialize(&parser)) {
		return config_yaml_no_memory(&yaml);
	}
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, size);
	if (!yaml_parser_load(&parser, &yaml.document)) {
		err = syntax_error(&parser, &yaml);
		goto out_parser;
	}
	err = check_document(&parser, &yaml);
	if (err) {
		yaml_document_delete(&yaml.document);
		goto out_parser;
	}
	*ret_yaml = yaml;
out_parser:
	yaml_parser_delete(&parser);
	return err;
}

void config_yaml_free(struct config_yaml *yaml)
{
	yaml_document_delete(&yaml->document);
}

/* ---- kinds of nodes ---- */

static const char *kind_name(const yaml_node_t *node)
{
	switch (node->type) {
	case YAML_SCALAR_NODE:
		return "a single value";
	case YAML_SEQUENCE_NODE:
		return "a list";
	case YAML_MAPPING_NODE:
		return "a mapping";
	default:
		return "nothing";
	}
}

static const char *scalar_text(const yaml_node_t *node)
{
	return (const char *)node->data.scalar.value;
}

static bool is_nothing(const yaml_node_t *node)
{
	return node->type == YAML_SCALAR_NODE && !node->data.scalar.length &&
	       node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
}

static bool is_key(const yaml_node_t *node, const char *name)
{
	return node->type == YAML_SCALAR_NODE && strcmp(scalar_text(node), name) == 0;
}

static int unknown_key(const struct config_yaml *yaml, const yaml_node_t *node, const char *what,
		       const struct config_yaml_key *keys)
{
	char hint[WORDS_HINT_MAX];
	struct words words;

	if (node->type != YAML_SCALAR_NODE) {
		return config_yaml_error(yaml, node, "a key of %s is %s; keys are words", what,
					 kind_name(node));
	}
	words = words_begin(scalar_text(node));
	for (; keys->name; keys++) {
		words_add(&words, keys->name);
	}
	words_hint(&words, hint);
	return config_yaml_error(yaml, node, "unknown key \"%.40s\" in %s; %sknown keys are: %s",
				 scalar_text(node), what, hint, words.text);
}

static const struct config_yaml_key *find_key(const struct config_yaml_key *keys,
					      const yaml_node_t *node)
{
	for (; keys->name; keys++) {
		if (is_key(node, keys->name)) {
			return keys;
		}
	}
	return NULL;
}

/* The pair that has this key and stands before end. */
static yaml_node_pair_t *find_pair(struct config_yaml *yaml, const yaml_node_t *node,
				   const char *name, const yaml_node_pair_t *end)
{
	for (yaml_node_pair_t *pair = node->data.mapping.pairs.start; pair < end; pair++) {
		if (is_key(yaml_document_get_node(&yaml->document, pair->key), name)) {
			return pair;
		}
	}
	return NULL;
}

/* Unknown keys end the walk, so that it is never longer than the list of keys plus one. */
static int check_keys(struct config_yaml *yaml, const yaml_node_t *node, const char *what,
		      const struct config_yaml_key *keys)
{
	for (yaml_node_pair_t *pair = node->data.mapping.pairs.start;
	     pair < node->data.mapping.pairs.top; pair++) {
		const yaml_node_t *name = yaml_document_get_node(&yaml->document, pair->key);
		const yaml_node_t *value = yaml_document_get_node(&yaml->document, pair->value);
		const struct config_yaml_key *key = find_key(keys, name);
		const yaml_node_pair_t *first;

		if (!key) {
			return unknown_key(yaml, name, what, keys);
		}
		first = find_pair(yaml, node, key->name, pair);
		if (first) {
			name = yaml_document_get_node(&yaml->document, first->key);
			return config_yaml_error(
				yaml, yaml_document_get_node(&yaml->document, pair->key),
				"key \"%s\" of %s stands here again; the first is in line %u, keep one",
				key->name, what, config_yaml_place(name).line);
		}
		if (is_nothing(value)) {
			return config_yaml_error(
				yaml, name,
				"\"%s\" has no value; write one, or leave the key out%s", key->name,
				key->required ? " (not this one: it is required)" : "");
		}
	}
	return 0;
}

int config_yaml_mapping(struct config_yaml *yaml, yaml_node_t *node, const char *what,
			const struct config_yaml_key *keys, void *out)
{
	int err;

	if (node->type != YAML_MAPPING_NODE) {
		return config_yaml_error(yaml, node,
					 "%s is %s; it must be a mapping, lines of \"key: value\"",
					 what, kind_name(node));
	}
	err = check_keys(yaml, node, what, keys);
	for (; !err && keys->name; keys++) {
		const yaml_node_pair_t *pair =
			find_pair(yaml, node, keys->name, node->data.mapping.pairs.top);

		if (pair) {
			err = keys->read(yaml, yaml_document_get_node(&yaml->document, pair->value),
					 out);
		} else if (keys->required) {
			err = config_yaml_error(yaml, node,
						"key \"%s\" of %s is missing; it is required",
						keys->name, what);
		}
	}
	return err;
}

int config_yaml_list(struct config_yaml *yaml, yaml_node_t *node,
		     const struct config_yaml_items *items, void *out)
{
	int err = 0;

	if (node->type != YAML_SEQUENCE_NODE) {
		return config_yaml_error(
			yaml, node,
			"%s: %s; it must be a list, [a, b] or lines that begin with \"- \"",
			items->what, kind_name(node));
	}
	if (node->data.sequence.items.start == node->data.sequence.items.top &&
	    !items->may_be_empty) {
		return config_yaml_error(yaml, node, "%s: the list is empty; it needs one item",
					 items->what);
	}
	for (yaml_node_item_t *item = node->data.sequence.items.start;
	     !err && item < node->data.sequence.items.top; item++) {
		err = items->read(yaml, yaml_document_get_node(&yaml->document, *item), out);
	}
	return err;
}

int config_yaml_text(const struct config_yaml *yaml, yaml_node_t *node, const char *what,
		     const char **ret_text)
{
	if (node->type != YAML_SCALAR_NODE) {
		(void)config_yaml_error(yaml, node, "%s is %s; it must be a single value", what,
					kind_name(node));
		return -EINVAL;
	}
	*ret_text = scalar_text(node);
	return 0;
}

int config_yaml_choice(const struct config_yaml *yaml, yaml_node_t *node, const char *what,
		       const char *const *choices, unsigned int *ret_index)
{
	char hint[WORDS_HINT_MAX];
	struct words words;
	const char *text = NULL;
	int err;

	err = config_yaml_text(yaml, node, what, &text);
	if (err) {
		return err;
	}
	words = words_begin(text);
	for (unsigned int i = 0; choices[i]; i++) {
		if (strcmp(text, choices[i]) == 0) {
			*ret_index = i;
			return 0;
		}
		words_add(&words, choices[i]);
	}
	words_hint(&words, hint);
	return config_yaml_error(yaml, node, "unknown %s \"%.40s\"; %sit is one of: %s", what, text,
				 hint, words.text);
}

int config_yaml_bool(const struct config_yaml *yaml, yaml_node_t *node, const char *what,
		     bool *ret_value)
{
	/* YAML 1.1 has more spellings; these are the ones that people write. Even: yes. */
	static const char *const words[] = { "true", "false", "yes", "no", "on", "off", NULL };
	const char *text = NULL;
	int err;

	err = config_yaml_text(yaml, node, what, &text);
	if (err) {
		return err;
	}
	for (unsigned int i = 0; words[i]; i++) {
		if (strcmp(text, words[i]) == 0) {
			*ret_value = i % 2 == 0;
			return 0;
		}
	}
	return config_yaml_error(yaml, node, "%s is \"%.40s\"; it must be true or false", what,
				 text);
}

int config_yaml_name(const struct config_yaml *yaml, yaml_node_t *node, const char *what,
		     char *ret_name)
{
	static const char allowed[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
	const char *text = NULL;
	size_t length;
	int err;

	err = config_yaml_text(yaml, node, what, &text);
	if (err) {
		return err;
	}
	length = strlen(text);
	if (!length || length >= CONFIG_NAME_MAX || strspn(text, allowed) != length) {
		return config_yaml_error(
			yaml, node,
			"%s \"%.40s\" cannot be used; it must have 1 to %d letters, digits, \"-\", \"_\" or \".\"",
			what, text, CONFIG_NAME_MAX - 1);
	}
	memcpy(ret_name, text, length + 1);
	return 0;
}
