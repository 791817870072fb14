// recorder.h: the recording side of a run: told of each call of the pump, it writes what came of it
// (record/run_record.h).
//
// Each function is called right after the pump's of the same name. Calls of others than the script (a control
// socket's tasks, the end of a run) are not told; what the pump reports of theirs is left out here.
// Cost     well under a microsecond; nothing here waits, and no system call is made but the wake-up of the
//          writer's thread.
#ifndef MT_RECORD_RECORDER_H
#define MT_RECORD_RECORDER_H

#include "record/run_record.h"
#include "world/world.h"
#include "trade/stream_event.h"

struct recorder;

int recorder_open(const char *path, const struct world_view *view, const struct symbol *symbols,
                  int32_t symbol_count, struct recorder **out, struct errmsg *e);

// First ABOUT, then the rules and the settings; NOTE and OVER when they come.
void recorder_text(struct recorder *r, int32_t kind, const void *text, size_t size);
void recorder_rules(struct recorder *r);   // of the symbols it was opened with
void recorder_config(struct recorder *r, const struct api_config *config);
void recorder_feed(struct recorder *r, int16_t symbol, int32_t interval, int32_t feed);
void recorder_begin(struct recorder *r);

void recorder_submit(struct recorder *r, const struct api_call *op);
void recorder_wait(struct recorder *r, const struct api_call *op, int32_t status);
// Whether this is the script's to see; false: somebody else's, and not written.
bool recorder_next(struct recorder *r, int32_t kind);
void recorder_timer(struct recorder *r, int64_t delay_us, int32_t timer);
void recorder_client_id(struct recorder *r, const struct call *call);
void recorder_metrics(struct recorder *r, const struct metrics_snapshot *snapshot);
// `book` NULL: it is not known now.
void recorder_book(struct recorder *r, int16_t symbol, const struct live_book *book);
void recorder_strain(struct recorder *r, double strain);
void recorder_configure(struct recorder *r, const struct api_config *config);
void recorder_mark(struct recorder *r, int32_t kind);   // START, STOP

// For world_functions.tap: `ctx` is the recorder.
void recorder_arrived(void *ctx, const struct stream_event *event);

// ERR_IO when the file does not hold everything.
int recorder_close(struct recorder *r, double clock_offset, struct record_file_figures *figures,
                   struct errmsg *e);

#endif
