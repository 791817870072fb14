// segments.c: segments of market data under libFuzzer, read item by item as `moontide data` reads them.
//
// An input whose first byte is odd is frames of a file; of any other the rest is the items of one frame, which is made to fit.
#include "fuzz.h"
#include "record/market_streams.h"
#include "record/record_file.h"

#include <zlib.h>

enum { FRAME_HEAD = 12, INPUT_MAX = 1 << 16 };

static void put_u32(uint8_t *at, uint32_t v) {
    for (int i = 0; i < 4; i++) at[i] = (uint8_t)(v >> 8 * i);
}

// One block that is stored, and an empty one that ends at a byte.
static size_t make_frame(uint8_t *at, const uint8_t *data, uint32_t size) {
    uint8_t *to = at + FRAME_HEAD;
    const uint8_t head[] = { 0, (uint8_t)size, (uint8_t)(size >> 8), (uint8_t)~size, (uint8_t)(~size >> 8) };
    memcpy(to, head, sizeof head);
    memcpy(to + sizeof head, data, size);
    memcpy(to + sizeof head + size, "\0\0\0\377\377", 5);
    uint32_t packed = (uint32_t)sizeof head + size + 5;
    put_u32(at, size);
    put_u32(at + 4, packed);
    put_u32(at + 8, (uint32_t)crc32(0, to, packed));
    return FRAME_HEAD + packed;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static uint8_t file[SAVED_HEAD_SIZE + FRAME_HEAD + INPUT_MAX + 64];
    if (size < 2 || size > INPUT_MAX - 1) return 0;
    saved_head_put(file, "moontide market", 1, SAVED_HEAD_SIZE);
    size_t whole = SAVED_HEAD_SIZE;
    if (data[0] & 1) {
        memcpy(file + whole, data + 1, size - 1);
        whole += size - 1;
    } else {
        whole += make_frame(file + whole, data + 1, (uint32_t)size - 1);
    }
    const char *path = fuzz_file(".market", file, whole);
    struct record_file *r;
    struct errmsg e;
    if (record_file_open(path, RECORD_FILE_OF_RUN, &r, &e) == ERR_OK) abort();   // another form's
    if (record_file_open(path, RECORD_FILE_OF_MARKET, &r, &e)) abort();
    struct record_file_item item;
    volatile size_t sum = 0;
    while (record_file_next(r, &item))
        for (size_t i = 0; i < item.size; i++) sum = sum + item.data[i];
    if (record_file_end(r) == RECORD_FILE_GOES_ON || record_file_offset(r) > (int64_t)whole) abort();
    record_file_close(r);
    return 0;
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc, (void)argv;
    if (!fuzz_seeding()) return 0;
    const uint8_t two[] = { 0,   MARKET_ABOUT,   10, 1, 2, 3, 4, 5, 6, 7, 8, '{',
                            '}', MARKET_MESSAGE, 10, 1, 2, 3, 4, 5, 6, 7, 8, '{',
                            '}' };
    fuzz_seed("items", two, sizeof two);
    uint8_t frames[1 + FRAME_HEAD + 64] = { 1 };
    fuzz_seed("frames", frames, 1 + make_frame(frames + 1, two + 1, sizeof two - 1));
    exit(0);
}
