/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Processes a word of a command line in pieces, because one word may contain a whole
 * command line (`sh -c`) or the parameters of a URL.
 */
#include "redact.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../../base/error.h"

static const char *const usual[] = {
	"*password*", "*passwd*",	 "*passphrase*",  "pass",	   "*-pass",
	"pwd",	      "*-pwd",		 "*secret*",	  "*token*",	   "*api-key*",
	"*apikey*",   "*access-key*",	 "*private-key*", "*credential*",  "auth",
	"*-auth",     "*authorization*", "*cookie*",	  "*session-key*", "*bearer*",
};

/* Longer names do not count as names of secrets. Longer patterns are refused. */
#define NAME_MAX_LENGTH 128

struct redactor {
	char **more;
	size_t count;
};

struct output {
	char *bytes;
	size_t length, room;
	bool failed;
};

/* ---- names ------------------------------------------------------------------------- */

static char fold(char byte)
{
	return byte == '_' ? '-' : (char)tolower((unsigned char)byte);
}

/*
 * Unlike the globs of rules (base/glob.h), a mask ignores case, takes `_` and `-`
 * as equal, and has only `*` as wildcard. The time is at most the product of both
 * lengths, because it backtracks only to the last `*`.
 */
static bool fits(const char *mask, const char *name, size_t length)
{
	const char *star = NULL, *end = name + length, *retry = name;

	while (name < end) {
		if (*mask == '*') {
			star = ++mask;
			retry = name;
		} else if (*mask && fold(*mask) == fold(*name)) {
			mask++;
			name++;
		} else if (star) {
			mask = star;
			name = ++retry;
		} else {
			return false;
		}
	}
	while (*mask == '*')
		mask++;
	return !*mask;
}

static bool is_secret(const struct redactor *redactor, const char *name, size_t length)
{
	size_t i;

	while (length && *name == '-') {
		name++;
		length--;
	}
	if (!length || length > NAME_MAX_LENGTH)
		return false;
	for (i = 0; i < sizeof(usual) / sizeof(usual[0]); i++)
		if (fits(usual[i], name, length))
			return true;
	for (i = 0; i < redactor->count; i++)
		if (fits(redactor->more[i], name, length))
			return true;
	return false;
}

static int check(const char *mask, struct maze_error *error)
{
	const char *at;

	if (!*mask || strlen(mask) > NAME_MAX_LENGTH)
		return maze_fail(error, -EINVAL,
				 "invalid mask \"%s\": use 1 to %d characters, such as *secret*",
				 mask, NAME_MAX_LENGTH);
	for (at = mask; *at; at++)
		if (*at == '=' || isspace((unsigned char)*at) || iscntrl((unsigned char)*at))
			return maze_fail(
				error, -EINVAL,
				"invalid mask \"%s\": use the name of an option or variable, "
				"without \"=\" and blanks, such as *secret*",
				mask);
	return 0;
}

int redact_new(const char *const *more, size_t count, struct redactor **ret_redactor,
	       struct maze_error *error)
{
	struct redactor *redactor;
	const char *mask;
	size_t i;
	int err;

	for (i = 0; i < count; i++) {
		err = check(more[i], error);
		if (err)
			return err;
	}
	redactor = calloc(1, sizeof(*redactor));
	if (redactor)
		redactor->more = calloc(count + 1, sizeof(*redactor->more));
	if (!redactor || !redactor->more)
		goto out_free;
	for (i = 0; i < count; i++, redactor->count++) {
		/* is_secret() compares names without their leading dashes. */
		mask = more[i] + strspn(more[i], "-");
		redactor->more[i] = strdup(mask);
		if (!redactor->more[i])
			goto out_free;
	}
	*ret_redactor = redactor;
	return 0;
out_free:
	redact_free(redactor);
	return maze_fail(error, -ENOMEM, "out of memory");
}

void redact_free(struct redactor *redactor)
{
	size_t i;

	if (!redactor)
		return;
	for (i = 0; i < redactor->count; i++)
		free(redactor->more[i]);
	free(redactor->more);
	free(redactor);
}

/* ---- words ------------------------------------------------------------------------- */

static void put(struct output *output, const char *bytes, size_t length)
{
	size_t room = output->room;
	char *grown;

	if (!length)
		return;
	while (room < output->length + length)
		room = room ? room * 2 : 256;
	if (room > output->room) {
		grown = realloc(output->bytes, room);
		if (!grown) {
			output->failed = true;
			return;
		}
		output->bytes = grown;
		output->room = room;
	}
	memcpy(output->bytes + output->length, bytes, length);
	output->length += length;
}

static void put_redacted(struct output *output)
{
	put(output, REDACT_TEXT, strlen(REDACT_TEXT));
}

static bool separates(char byte)
{
	return isspace((unsigned char)byte) || strchr("?&;,'\"`()|<>", byte);
}

static size_t piece_length(const char *word, size_t length)
{
	size_t i;

	for (i = 0; i < length && !separates(word[i]); i++)
		;
	return i;
}

/*
 * Finds the password of the first "scheme://user:password@host". Returns false if the
 * text has no "://". A URL without a password gives an empty range.
 */
static bool find_password(const char *word, size_t length, size_t *ret_begin, size_t *ret_end)
{
	const char *begin = memmem(word, length, "://", 3), *end = word + length, *at, *colon;

	if (!begin)
		return false;
	begin += 3;
	for (at = begin; at < end && *at != '/' && !isspace((unsigned char)*at); at++)
		;
	end = at;
	/* Search for the last @, because the password may contain others. */
	at = memrchr(begin, '@', (size_t)(end - begin));
	colon = at ? memchr(begin, ':', (size_t)(at - begin)) : NULL;
	if (!colon) {
		*ret_begin = *ret_end = (size_t)(end - word);
		return true;
	}
	*ret_begin = (size_t)(colon + 1 - word);
	*ret_end = (size_t)(at - word);
	return true;
}

/* Runs before the split into pieces, because a password may contain any byte. */
static void put_urls(struct output *output, const char *word, size_t length)
{
	size_t begin, end;

	while (find_password(word, length, &begin, &end)) {
		put(output, word, begin);
		if (end > begin)
			put_redacted(output);
		word += end;
		length -= end;
	}
	put(output, word, length);
}

enum secret { SECRET_NONE, SECRET_NEXT, SECRET_REST };

/*
 * Writes one piece. If it has the name of a secret, writes "***" for the value. The value
 * may also come after the piece. After an option it is the next piece, and in a header
 * line it is the rest of the line.
 */
static enum secret put_named(const struct redactor *redactor, struct output *output,
			     const char *piece, size_t length)
{
	const char *equals = memchr(piece, '=', length);
	size_t name = equals ? (size_t)(equals - piece) : length;
	bool header = !equals && length > 1 && piece[length - 1] == ':';

	if (header)
		name--;
	if (!is_secret(redactor, piece, name)) {
		put(output, piece, length);
		return SECRET_NONE;
	}
	if (equals) {
		put(output, piece, name + 1);
		/* After an empty value, a quoted value may follow in the next piece. */
		if (length > name + 1)
			put_redacted(output);
		return length > name + 1 ? SECRET_NONE : SECRET_NEXT;
	}
	put(output, piece, length);
	if (header)
		return SECRET_REST;
	return piece[0] == '-' ? SECRET_NEXT : SECRET_NONE;
}

/* Returns true if the next word is a secret value. */
static bool put_word(const struct redactor *redactor, struct output *output, const char *word,
		     size_t length)
{
	const char *equals = memchr(word, '=', length);
	enum secret secret = SECRET_NONE;
	size_t at = 0, piece;

	/* The value may have blanks: "--password=a value with blanks". */
	if (equals && piece_length(word, length) > (size_t)(equals - word) &&
	    is_secret(redactor, word, (size_t)(equals - word))) {
		put(output, word, (size_t)(equals - word) + 1);
		put_redacted(output);
		return false;
	}
	while (at < length) {
		piece = piece_length(word + at, length - at);
		if (piece && secret == SECRET_NEXT) {
			put_redacted(output);
			secret = SECRET_NONE;
		} else if (piece) {
			secret = put_named(redactor, output, word + at, piece);
		}
		at += piece;
		if (secret == SECRET_REST && at < length) {
			put(output, " ", 1);
			put_redacted(output);
			return false;
		}
		if (at < length)
			put(output, &word[at++], 1);
	}
	return secret != SECRET_NONE;
}

/* Redacts the URLs and then calls put_word(). */
static bool redact_word(const struct redactor *redactor, struct output *output, const char *word,
			size_t length)
{
	struct output urls = { .length = 0 };
	bool is_value = false;

	put_urls(&urls, word, length);
	if (urls.failed)
		output->failed = true;
	else if (urls.length)
		is_value = put_word(redactor, output, urls.bytes, urls.length);
	free(urls.bytes);
	return is_value;
}

char *redact_apply(const struct redactor *redactor, const char *words, size_t size,
		   size_t *ret_size)
{
	struct output output = { .length = 0 };
	bool is_value = false;
	size_t at = 0, length;

	while (at < size) {
		length = strnlen(words + at, size - at);
		/*
		 * A word that looks like an option is an option, so the option before it
		 * has no value.
		 */
		if (is_value && !(length > 2 && words[at] == '-' && words[at + 1] == '-')) {
			put_redacted(&output);
			is_value = false;
		} else {
			is_value = redact_word(redactor, &output, words + at, length);
		}
		put(&output, "", 1);
		at += length + 1;
	}
	if (output.failed) {
		free(output.bytes);
		return NULL;
	}
	*ret_size = output.length;
	return output.bytes ? output.bytes : calloc(1, 1);
}
