/* Pieces of IMAP commands: astrings, date-times, and the header fields that they are made from. */

#include <errno.h>
#include <stdlib.h>

#include "base/macro.h"
#include "imap/command.h"

#define ZONE_MAX (23 * 60 + 59) /* minutes */

static const char month_names[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

bool imap_is_atom_char(char c) {
        return c > ' ' && c < 0x7f && !strchr("(){%*\"\\]", c);
}

/* The atom NIL would be read as "no string" by some, and Courier finds no mailbox with "[" or "~" in its
 * name by an atom. */
static bool fits_atom(ByteView string) {
        if (string.size == 0 || bytes_equal_fold(string, BYTES("NIL")))
                return false;

        for (size_t i = 0; i < string.size; i++)
                if (!imap_is_atom_char(string.data[i]) || strchr("[~", string.data[i]))
                        return false;

        return true;
}

/* QUOTED-CHAR: any CHAR but CR and LF; CHAR is 7 bits and not NUL. */
static bool fits_quoted(ByteView string) {
        for (size_t i = 0; i < string.size; i++) {
                unsigned char c = (unsigned char) string.data[i];

                if (c == '\0' || c == '\r' || c == '\n' || c > 0x7f)
                        return false;
        }

        return true;
}

int imap_format_astring(ByteView string, Buffer *out) {
        size_t n_escapes = 0;
        char *p;
        int r;

        if (fits_atom(string))
                return buffer_append_view(out, string);
        if (!fits_quoted(string))
                return -EINVAL;

        for (size_t i = 0; i < string.size; i++)
                n_escapes += string.data[i] == '"' || string.data[i] == '\\';
        r = buffer_reserve(out, string.size + n_escapes + 2);
        if (r < 0)
                return r;

        p = out->data + out->size;
        *p++ = '"';
        for (size_t i = 0; i < string.size; i++) {
                if (string.data[i] == '"' || string.data[i] == '\\')
                        *p++ = '\\';
                *p++ = string.data[i];
        }
        *p++ = '"';
        out->size += string.size + n_escapes + 2;
        return 0;
}

/* A day of the proleptic Gregorian calendar, which has no year that these dates could fall out of. */
typedef struct Day {
        int64_t year;
        unsigned month; /* 1 to 12 */
        unsigned day;   /* 1 to 31 */
} Day;

#define DAYS_OF_400_YEARS 146097 /* after them the calendar repeats */
#define DAYS_TO_1970      719468 /* from 1 March of the year 0 */

/* Years begin in March here, so that the day that comes and goes is the last one. */
static int64_t days_from_day(Day day) {
        int64_t year = day.month <= 2 ? day.year - 1 : day.year;
        int64_t era = (year >= 0 ? year : year - 399) / 400;
        int64_t year_of_era = year - era * 400;
        int64_t month = (day.month + 9) % 12;
        int64_t day_of_year = (153 * month + 2) / 5 + day.day - 1;

        return era * DAYS_OF_400_YEARS + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 +
               day_of_year - DAYS_TO_1970;
}

static Day day_from_days(int64_t days) {
        int64_t from_march = days + DAYS_TO_1970;
        int64_t era = (from_march >= 0 ? from_march : from_march - (DAYS_OF_400_YEARS - 1)) /
                      DAYS_OF_400_YEARS;
        int64_t day_of_era = from_march - era * DAYS_OF_400_YEARS;
        int64_t year_of_era =
                (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
        int64_t day_of_year =
                day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        int64_t month = (5 * day_of_year + 2) / 153;

        return (Day){
                .year = era * 400 + year_of_era + (month >= 10 ? 1 : 0),
                .month = (unsigned) (month >= 10 ? month - 9 : month + 3),
                .day = (unsigned) (day_of_year - (153 * month + 2) / 5 + 1),
        };
}

static unsigned days_in_month(int64_t year, unsigned month) {
        bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

        if (month == 2)
                return leap ? 29 : 28;
        return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

/* Not printf(), which is slow: each upload has a date. */
static void put_digits(char *place, size_t n, unsigned number) {
        while (n > 0) {
                place[--n] = (char) ('0' + number % 10);
                number /= 10;
        }
}

int imap_format_date(int64_t date, int zone, Buffer *out) {
        static const int64_t first = -62167219200; /* of the year 0 */
        static const int64_t last = 253402300799;  /* of the year 9999 */
        char text[] = "\"17-Jul-1996 02:44:25 -0700\"";
        int64_t local, days;
        unsigned second;
        Day day;

        if (zone < -ZONE_MAX || zone > ZONE_MAX)
                zone = 0;
        if (__builtin_add_overflow(date, (int64_t) zone * 60, &local))
                local = date;
        local = MAX(MIN(local, last), first);

        days = (local >= 0 ? local : local - 86399) / 86400;
        second = (unsigned) (local - days * 86400);
        day = day_from_days(days);

        put_digits(text + 1, 2, day.day);
        if (day.day < 10)
                text[1] = ' ';
        memcpy(text + 4, month_names[day.month - 1], 3);
        put_digits(text + 8, 4, (unsigned) day.year);
        put_digits(text + 13, 2, second / 3600);
        put_digits(text + 16, 2, second / 60 % 60);
        put_digits(text + 19, 2, second % 60);
        text[22] = zone < 0 ? '-' : '+';
        put_digits(text + 23, 2, (unsigned) abs(zone) / 60);
        put_digits(text + 25, 2, (unsigned) abs(zone) % 60);
        return buffer_append(out, text, sizeof(text) - 1);
}

static bool take_char(ByteView *text, char c) {
        if (text->size == 0 || text->data[0] != c)
                return false;

        *text = (ByteView){text->data + 1, text->size - 1};
        return true;
}

/* Exactly @n digits, at most @max. */
static bool take_number(ByteView *text, size_t n, unsigned max, unsigned *ret_number) {
        uint64_t number;

        if (text->size < n || bytes_to_u64((ByteView){text->data, n}, max, &number) < 0)
                return false;

        *text = (ByteView){text->data + n, text->size - n};
        *ret_number = (unsigned) number;
        return true;
}

static bool take_month(ByteView *text, unsigned *ret_month) {
        for (unsigned i = 0; i < ARRAY_SIZE(month_names); i++)
                if (bytes_starts_fold(*text, bytes_of(month_names[i]))) {
                        *text = (ByteView){text->data + 3, text->size - 3};
                        *ret_month = i + 1;
                        return true;
                }

        return false;
}

/* date-day-fixed is " 7" or "17" (RFC 9051 section 9); "7" is understood too. */
static bool take_day(ByteView *text, Day *ret_day) {
        unsigned year;
        Day day;

        if (take_char(text, ' ') || (text->size > 1 && text->data[1] == '-')) {
                if (!take_number(text, 1, 9, &day.day))
                        return false;
        } else if (!take_number(text, 2, 31, &day.day))
                return false;

        if (!take_char(text, '-') || !take_month(text, &day.month) || !take_char(text, '-') ||
            !take_number(text, 4, 9999, &year))
                return false;

        day.year = year;
        if (day.day == 0 || day.day > days_in_month(day.year, day.month))
                return false;
        *ret_day = day;
        return true;
}

/* Seconds of the day; a leap second is the one before it, so that it never leaves its year. */
static bool take_time(ByteView *text, int64_t *ret_seconds) {
        unsigned hour, minute, second;

        if (!take_number(text, 2, 23, &hour) || !take_char(text, ':') ||
            !take_number(text, 2, 59, &minute) || !take_char(text, ':') ||
            !take_number(text, 2, 60, &second))
                return false;

        *ret_seconds = (int64_t) hour * 3600 + minute * 60 + MIN(second, 59u);
        return true;
}

static bool take_zone(ByteView *text, int *ret_zone) {
        bool west = take_char(text, '-');
        unsigned hours, minutes;
        int zone;

        if ((!west && !take_char(text, '+')) || !take_number(text, 2, 23, &hours) ||
            !take_number(text, 2, 59, &minutes))
                return false;

        zone = (int) (hours * 60 + minutes);
        *ret_zone = west ? -zone : zone;
        return true;
}

int imap_parse_date(ByteView text, int64_t *ret_date, int *ret_zone) {
        int64_t seconds;
        int zone;
        Day day;

        if (!take_day(&text, &day) || !take_char(&text, ' ') || !take_time(&text, &seconds) ||
            !take_char(&text, ' ') || !take_zone(&text, &zone) || text.size > 0)
                return -EBADMSG;

        *ret_date = days_from_day(day) * 86400 + seconds - (int64_t) zone * 60;
        *ret_zone = zone;
        return 0;
}

static bool is_wsp(char c) {
        return c == ' ' || c == '\t';
}

/* The next line, without its CRLF or LF; the last one may lack it. */
static ByteView take_line(ByteView *text) {
        ByteView line = bytes_take_until(text, '\n');

        if (line.size > 0 && line.data[line.size - 1] == '\r')
                line.size--;
        return line;
}

/* White space before the colon is obsolete but legal (RFC 5322 section 4.5). */
static bool is_field(ByteView line, ByteView name, ByteView *ret_value) {
        size_t n = name.size;

        if (!bytes_starts_fold(line, name))
                return false;
        while (n < line.size && is_wsp(line.data[n]))
                n++;
        if (n == line.size || line.data[n] != ':')
                return false;

        *ret_value = (ByteView){line.data + n + 1, line.size - n - 1};
        return true;
}

/* @value is the field's first line, @rest the lines behind it. */
static int append_unfolded(ByteView value, ByteView rest, Buffer *out) {
        const size_t start = out->size;

        for (;;) {
                int r;

                while (out->size == start && value.size > 0 && is_wsp(value.data[0]))
                        value = (ByteView){value.data + 1, value.size - 1};

                r = buffer_append_view(out, value);
                if (r < 0) {
                        out->size = start;
                        return r;
                }

                if (rest.size == 0 || !is_wsp(rest.data[0]))
                        break;
                value = take_line(&rest);
        }

        while (out->size > start && is_wsp(out->data[out->size - 1]))
                out->size--;

        return 0;
}

int imap_header_value(ByteView header, const char *name, Buffer *out) {
        while (header.size > 0) {
                ByteView line = take_line(&header), value;

                if (line.size == 0) /* the header ends here */
                        break;

                if (is_field(line, bytes_of(name), &value)) {
                        int r = append_unfolded(value, header, out);

                        return r < 0 ? r : 1;
                }
        }

        return 0;
}

size_t imap_header_tuid_size(ByteView header) {
        static const char name[] = "X-TUID: ";
        const size_t size = strlen(name) + 12;

        while (header.size > 0) {
                const ByteView line = take_line(&header);

                if (line.size == 0)
                        break;
                if (line.size == size && bytes_starts_fold(line, bytes_of(name)))
                        return size + strlen("\r\n");
        }
        return 0;
}
