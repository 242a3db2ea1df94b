/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The web page at "/": one view of everything for the person on call, filled in here, so that it
 * needs no script for its numbers. Read only; loads nothing from elsewhere.
 */
#ifndef NATGW_USER_API_PAGE_H
#define NATGW_USER_API_PAGE_H

#include "api_answer.h"

/* Endpoints: "/", "/page.css", "/page.js". */
int api_page_answer(struct api_answer *answer);
int api_page_answer_style(struct api_answer *answer);
int api_page_answer_script(struct api_answer *answer);

#endif
