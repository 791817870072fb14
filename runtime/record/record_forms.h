// record_forms.h: how a recording holds what is neither a record of the exchange's nor an item of its own: the
// settings and the figures of the API manager, its notices, the rules of the symbols, and the names of what
// has numbers that may change from version to version.
#ifndef MT_RECORD_RECORD_FORMS_H
#define MT_RECORD_RECORD_FORMS_H

#include "api/config.h"
#include "api/metrics.h"
#include "base/saved.h"
#include "trade/symbol.h"

extern const struct saved_table record_forms_notice;   // struct notice

// Settings by their names: one that this version does not know is passed over, one that is absent has its
// default.
void record_forms_put_config(struct saved_out *o, const struct api_config *c);
void record_forms_get_config(struct saved_in *in, struct api_config *c);

// Numbers of endpoints and record kinds in a file, by the names that it gives them.
enum { RECORD_FORMS_NUMBERS_MAX = 256 };
struct record_forms_numbers {
    int16_t ours[RECORD_FORMS_NUMBERS_MAX];   // -1: this version has none of that name
    int32_t count;
};
struct record_forms_names {
    struct record_forms_numbers endpoints, kinds;
};
void record_forms_put_names(struct saved_out *o);
void record_forms_get_names(struct saved_in *in, struct record_forms_names *names);

void record_forms_put_metrics(struct saved_out *o, const struct metrics_snapshot *s);
void record_forms_get_metrics(struct saved_in *in, const struct record_forms_names *names,
                              struct metrics_snapshot *s);

void record_forms_put_rules(struct saved_out *o, const struct symbol *symbols, int32_t count);
// At most SYMBOLS_MAX; how many there were. Rules that no order could be checked by are bad.
int32_t record_forms_get_rules(struct saved_in *in, struct symbol *symbols);

#endif
