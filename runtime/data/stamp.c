// stamp.c: stamps of data files: numbers by their size, dates by their separators, times of day, offsets.
#include "data/stamp.h"

#include "base/err.h"
#include "base/units.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

// A text being read from left to right.
struct scan {
    const char *at, *end;
};

static bool digit_at(const struct scan *s) { return s->at < s->end && *s->at >= '0' && *s->at <= '9'; }

static bool take(struct scan *s, char c) {
    if (s->at == s->end || *s->at != c) return false;
    s->at++;
    return true;
}

// Up to `most` digits as a number; how many there were.
static int take_digits(struct scan *s, int most, int64_t *value) {
    int count = 0;
    *value = 0;
    for (; count < most && digit_at(s); count++) *value = *value * 10 + (*s->at++ - '0');
    return count;
}

static void skip_spaces(struct scan *s) {
    while (take(s, ' ')) {
    }
}

static int midnight_of(int64_t year, int64_t month, int64_t day, int64_t *out_us) {
    struct tm tm = { .tm_year = (int)year - 1900, .tm_mon = (int)month - 1, .tm_mday = (int)day };
    if (year < 1970 || year > 2200 || month < 1 || month > 12 || day < 1 || day > 31) return ERR_SYNTAX;
    int64_t seconds = timegm(&tm);
    if (tm.tm_mday != (int)day) return ERR_SYNTAX;   // timegm carried 31 February over into March
    *out_us = seconds * SECOND_US;
    return 0;
}

// ".123456": microseconds; digits beyond must be there or not, as they like, but none may be lost.
static int take_fraction(struct scan *s, int64_t *us) {
    int64_t value;
    *us = 0;
    if (!take(s, '.')) return 0;
    int count = take_digits(s, 6, &value);
    if (count == 0) return ERR_SYNTAX;
    for (; count < 6; count++) value *= 10;
    while (take(s, '0')) {
    }
    while (digit_at(s)) s->at++;   // nanoseconds of a trade
    *us = value;
    return 0;
}

static bool take_word(struct scan *s, const char *word) {
    size_t size = strlen(word);
    if ((size_t)(s->end - s->at) < size || memcmp(s->at, word, size) != 0) return false;
    s->at += size;
    return true;
}

// 12-hour clocks: "3:30 PM", "03-PM".
static int take_half(struct scan *s, int64_t *hour) {
    struct scan before = *s;
    skip_spaces(s);
    take(s, '-');
    bool after_noon = take_word(s, "PM") || take_word(s, "pm");
    if (!after_noon && !take_word(s, "AM") && !take_word(s, "am")) {
        *s = before;
        return 0;
    }
    if (*hour < 1 || *hour > 12) return ERR_SYNTAX;
    *hour = *hour % 12 + (after_noon ? 12 : 0);
    return 1;
}

static int take_offset(struct scan *s, int64_t *us) {
    int64_t hours, minutes = 0;
    *us = 0;
    skip_spaces(s);
    if (take(s, 'Z') || take_word(s, "UTC") || take_word(s, "GMT")) skip_spaces(s);
    if (s->at == s->end) return 0;
    bool west = *s->at == '-';
    if (!take(s, '+') && !take(s, '-')) return ERR_SYNTAX;
    if (take_digits(s, 2, &hours) != 2) return ERR_SYNTAX;
    take(s, ':');
    if (digit_at(s) && take_digits(s, 2, &minutes) != 2) return ERR_SYNTAX;
    if (hours > 15 || minutes > 59) return ERR_SYNTAX;
    *us = (hours * 60 + minutes) * MINUTE_US * (west ? -1 : 1);
    return 0;
}

// The time of day, to the end of the text: what is to be added to midnight UTC.
static int take_clock(struct scan *s, int64_t *us) {
    int64_t hour, minute = 0, second = 0, fraction = 0, offset;
    struct scan start = *s;
    int digits = take_digits(s, 6, &hour);
    if (digits == 6 || (digits == 4 && s->at == s->end)) {
        int64_t all = digits == 6 ? hour : hour * 100;
        hour = all / 10000;
        minute = all / 100 % 100;
        second = all % 100;
    } else {
        *s = start;
        if (take_digits(s, 2, &hour) == 0) return ERR_SYNTAX;
        bool colon = take(s, ':');
        if (colon && take_digits(s, 2, &minute) != 2) return ERR_SYNTAX;
        if (colon && take(s, ':') && take_digits(s, 2, &second) != 2) return ERR_SYNTAX;
        if (take_fraction(s, &fraction)) return ERR_SYNTAX;
        int half = take_half(s, &hour);
        if (half < 0 || (half == 0 && !colon)) return ERR_SYNTAX;
    }
    if (hour > 23 || minute > 59 || second > 59 || take_offset(s, &offset) || s->at != s->end)
        return ERR_SYNTAX;
    *us = ((hour * 60 + minute) * 60 + second) * SECOND_US + fraction - offset;
    return 0;
}

// What stands behind a date: nothing, or a separator and a time of day.
static int take_rest(struct scan *s, int64_t *clock_us) {
    *clock_us = 0;
    if (s->at == s->end) return 0;
    bool apart = take(s, 'T');
    while (take(s, ' ') || take(s, ',')) apart = true;
    if (s->at == s->end) return 0;
    return apart ? take_clock(s, clock_us) : ERR_SYNTAX;
}

bool stamp_is_clock(const char *text, size_t size) {
    struct scan s = { text, text + size };
    int64_t us;
    return size >= 3 && take_clock(&s, &us) == 0;
}

// Digits alone, with a fraction perhaps.
static int number_read(const char *text, size_t size, size_t digits, int64_t *out_us) {
    struct scan s = { text, text + size };
    int64_t value, fraction = 0;
    bool dated = (digits == 8 || digits == 12 || digits == 14) &&
                 (memcmp(text, "20", 2) == 0 || memcmp(text, "19", 2) == 0);
    if (dated) {
        int64_t year, month, day, clock = 0;
        take_digits(&s, 4, &year);
        take_digits(&s, 2, &month);
        take_digits(&s, 2, &day);
        if (midnight_of(year, month, day, out_us) == 0) {
            // Behind the digits of a date a time of day may stand apart, or be digits too.
            int err = digits == 8 ? take_rest(&s, &clock) : take_clock(&s, &clock);
            *out_us += clock;
            return err;
        }
        s.at = text;
    }
    if (digits == 0 || digits > 19) return ERR_SYNTAX;
    take_digits(&s, 19, &value);
    if (digits <= 11) {   // seconds stay below 1e11 until the year 5138
        if (take_fraction(&s, &fraction)) return ERR_SYNTAX;
        value = value * SECOND_US + fraction;
    } else if (take(&s, '.')) {   // "1735689600000.0"
        while (take(&s, '0')) {
        }
    }
    if (s.at != s.end) return ERR_SYNTAX;
    if (digits >= 12 && digits <= 14) value *= 1000;
    if (digits >= 18) value /= 1000;
    *out_us = value;
    return 0;
}

int stamp_read(const char *text, size_t size, int64_t *out_us, bool *two_ways, struct stamp_two_ways *date) {
    struct scan s = { text, text + size };
    int64_t a, b, c, clock_us;
    *two_ways = false;
    while (size > 0 && (text[size - 1] == ' ' || text[size - 1] == '\r')) size--;
    s.end = text + size;
    size_t digits = 0;
    while (digits < size && text[digits] >= '0' && text[digits] <= '9') digits++;
    char apart = digits < size ? text[digits] : '\0';
    if (digits > 4 || (apart != '-' && apart != '/' && apart != '.')) {
        return number_read(text, size, digits, out_us);
    }
    bool year_first = digits == 4;
    if (digits == 3 || digits == 0) return ERR_SYNTAX;
    take_digits(&s, 4, &a);
    if (!take(&s, apart) || take_digits(&s, 2, &b) == 0 || !take(&s, apart)) return ERR_SYNTAX;
    if (take_digits(&s, 4, &c) != (year_first ? 2 : 4) && !(year_first && c < 10 && c > 0)) return ERR_SYNTAX;
    if (take_rest(&s, &clock_us)) return ERR_SYNTAX;
    int err;
    if (year_first) {
        err = midnight_of(a, b, c, out_us);
    } else if (apart == '.') {
        err = midnight_of(c, b, a, out_us);
    } else {
        *two_ways = true;
        *date = (struct stamp_two_ways){ (int16_t)c, (int8_t)a, (int8_t)b, clock_us };
        return a >= 1 && b >= 1 && a <= 31 && b <= 31 && (a <= 12 || b <= 12) ? 0 : ERR_SYNTAX;
    }
    *out_us += err ? 0 : clock_us;
    return err;
}

int stamp_settle(const struct stamp_two_ways *date, bool day_first, int64_t *out_us) {
    int64_t midnight_us;
    int err = day_first ? midnight_of(date->year, date->second, date->first, &midnight_us)
                        : midnight_of(date->year, date->first, date->second, &midnight_us);
    if (!err) *out_us = midnight_us + date->clock_us;
    return err;
}

int stamp_parse(const char *text, size_t size, int64_t *out_us) {
    bool two_ways;
    struct stamp_two_ways date;
    int err = stamp_read(text, size, out_us, &two_ways, &date);
    return err ? err : two_ways ? ERR_SYNTAX : 0;
}

const char *stamp_text(char out[STAMP_TEXT_MAX], int64_t t_us) {
    time_t seconds = (time_t)(t_us / SECOND_US);
    struct tm tm;
    if (!gmtime_r(&seconds, &tm)) {
        snprintf(out, STAMP_TEXT_MAX, "%lld", (long long)t_us);
        return out;
    }
    strftime(out, STAMP_TEXT_MAX, tm.tm_sec ? "%Y-%m-%d %H:%M:%S" : "%Y-%m-%d %H:%M", &tm);
    return out;
}
