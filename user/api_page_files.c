// SPDX-License-Identifier: GPL-2.0-only
/* The files of user/page/ as bytes of the program. Paths are those of the root of the tree. */
#include "api_page_internal.h"

#define EMBED(name, path)                                                                \
	__asm__(".pushsection .rodata\n"                                                 \
		"api_page_" #name "_start:\n"                                            \
		".incbin \"user/page/" path "\"\n"                                       \
		"api_page_" #name "_end:\n"                                              \
		".popsection\n");                                                        \
	extern const char api_page_##name##_start[];                                     \
	extern const char api_page_##name##_end[];                                       \
	const struct api_page_file api_page_##name = { .start = api_page_##name##_start, \
						       .end = api_page_##name##_end }

EMBED(html, "page.html");
EMBED(css, "page.css");
EMBED(js, "page.js");
