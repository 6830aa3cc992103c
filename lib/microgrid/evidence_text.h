/* SPDX-License-Identifier: Apache-2.0 */
/* Evidence in words, for the journal, the page and the sentence of a transition. Pure. */
#ifndef GATEWAYD_MICROGRID_EVIDENCE_TEXT_H
#define GATEWAYD_MICROGRID_EVIDENCE_TEXT_H

#include "lib/microgrid/evidence.h"

#define EVIDENCE_TEXT_MAX 128

/* "contact panel.grid_present open since 0.2 s" into text (size bytes, always ended; cut
 * when it does not fit). index as in the sources. Returns text. */
const char *evidence_text(const struct evidence *evidence, uint32_t index,
                          int64_t t_boot_ms, char *text, size_t size);
/* The sources of a set, joined by "; ". An empty set gives "". Returns text. */
const char *evidence_set_text(const struct evidence *evidence, uint32_t set,
                              int64_t t_boot_ms, char *text, size_t size);

#endif
