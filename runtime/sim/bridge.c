// bridge.c: the law of a Brownian path between two walls that it touches.
//
// With F(z, w) the sum over k of normal densities at z + 2kw, the kernel of the motion killed at both walls is
// F(end - start, w) - F(end + start, w), measured from the lower wall, w apart. A path that stays within and touches a
// wall is the derivative of the kernel by that wall's place; one that touches both, the mixed derivative.
#include "sim/bridge.h"

#include "base/assert.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

static const double PI = 3.14159265358979323846;
static const double IMAGES_BELOW = 0.25;   // of variance / range^2: images are few below, sines above
static const double SPREAD_MIN = 0.0126, SPREAD_MAX = 11;   // of variance / range^2 of a whole bridge
enum { POINTS_MAX = 32, SINES = 4, INVERT_STEPS = 12 };

// ---- plain arithmetic ----

static double exp_plain(double x) {
    if (x < -700) return 0;
    ASSERT(x < 700);
    static const double magic = 6755399441055744.0, high = 0.693147180369123816490,
                        low = 1.90821492927058770002e-10;
    double k = x * 1.44269504088896338700 + magic;
    int64_t bits;
    memcpy(&bits, &k, sizeof bits);
    int32_t n = (int32_t)bits;
    k -= magic;
    double r = x - k * high - k * low, r2 = r * r, r4 = r2 * r2;
    double p = 1 + r + r2 * (0.5 + r * (1.0 / 6)) +
               r4 * (1.0 / 24 + r * (1.0 / 120) + r2 * (1.0 / 720 + r * (1.0 / 5040))) +
               r4 * r4 * (1.0 / 40320 + r * (1.0 / 362880) + r2 * (1.0 / 3628800 + r * (1.0 / 39916800)));
    int64_t scale = (int64_t)(n + 1023) << 52;
    double two_to_n;
    memcpy(&two_to_n, &scale, sizeof two_to_n);
    return p * two_to_n;
}

static double log_plain(double x) {
    ASSERT(x > 0);
    int64_t bits;
    memcpy(&bits, &x, sizeof bits);
    int64_t n = (bits >> 52) - 1023;
    bits = (bits & ((INT64_C(1) << 52) - 1)) | INT64_C(1023) << 52;
    double m;
    memcpy(&m, &bits, sizeof m);
    double s = (m - 1) / (m + 1), s2 = s * s, sum = 0;
    for (int i = 21; i >= 1; i -= 2) sum = sum * s2 + 1.0 / i;
    return 2 * s * sum + (double)n * 0.69314718055994530942;
}

// Sine and cosine of pi z, -1 <= z <= 2.
static void sincos_pi(double z, double *sine, double *cosine) {
    ASSERT(z >= -1.001 && z <= 2.001);
    double turns = z < -0.5 ? -1 : z < 0.5 ? 0 : z < 1.5 ? 1 : 2;
    double x = (z - turns) * PI, x2 = x * x;
    double s =
        x *
        (1 - x2 / 6 *
                 (1 - x2 / 20 *
                          (1 - x2 / 42 * (1 - x2 / 72 * (1 - x2 / 110 * (1 - x2 / 156 * (1 - x2 / 210)))))));
    double c =
        1 -
        x2 / 2 *
            (1 - x2 / 12 * (1 - x2 / 30 * (1 - x2 / 56 * (1 - x2 / 90 * (1 - x2 / 132 * (1 - x2 / 182))))));
    bool odd = turns == 1 || turns == -1;
    *sine = odd ? -s : s;
    *cosine = odd ? -c : c;
}

// ---- the kernel between walls at 0 and 1 ----

// What of a spread (variance / range^2) all points share.
struct series {
    double spread, rate, scale, far;   // rate: 1 / spread; far: exp(-2 / spread)
    double decay[SINES + 1];
    int sines;   // terms; 0: images
};

static struct series series_of(double spread) {
    ASSERT(spread > 0);
    struct series s = { .spread = spread, .rate = 1 / spread };
    if (spread < IMAGES_BELOW) {
        s.scale = 1 / sqrt(2 * PI * spread);
        s.far = exp_plain(-2 * s.rate);
        return s;
    }
    s.sines = spread < 0.45 ? SINES : spread < 0.8 ? 3 : spread < 2 ? 2 : 1;
    double first = exp_plain(-PI * PI * spread / 2), square = first * first, step = first;
    s.decay[1] = first;
    for (int n = 2; n <= SINES; n++) {   // n^2 = (n-1)^2 + 2n - 1
        step *= square;
        s.decay[n] = s.decay[n - 1] * step;
    }
    return s;
}

// Densities of going from one place to another between the walls: whatever is touched, touching the high wall, the low,
// both.
struct kernel {
    double any, high, low, both;
};

// A normal density around an image of the start, and the factor from it to the next image on either side.
struct bell {
    double z, density, up, down;
};

static struct bell bell_at(const struct series *s, double z) {
    double up = exp_plain(-2 * z * s->rate);
    return (struct bell){ z, exp_plain(-z * z * s->rate / 2) * s->scale, up * s->far, s->far / up };
}

// Images of the straight way, d = y - x, and of the mirrored one, r = y + x. Those left out are below 1e-5 of the rest.
static struct kernel kernel_images(const struct series *s, const struct bell *d, const struct bell *r) {
    double rate = s->rate, far2 = s->far * s->far;
    double d1 = d->density * d->up, d2 = d->density * d->down, u1 = d->z + 2, u2 = d->z - 2;
    double r1 = r->density * r->up, r2 = r->density * r->down, r3 = r2 * r->down * far2;
    double v1 = r->z + 2, v2 = r->z - 2, v3 = r->z - 4;
    double straight = u2 * d2 - u1 * d1;
    return (struct kernel){
        .any = d->density + d1 + d2 - r->density - r1 - r2 - r3,
        .high = 2 * rate * (straight + v1 * r1 - v2 * r2 - 2 * v3 * r3),
        .low = 2 * rate * (straight + r->z * r->density + 2 * v1 * r1 - v3 * r3),
        .both = 4 * rate *
                ((u1 * u1 * rate - 1) * d1 + (u2 * u2 * rate - 1) * d2 -
                 2 * ((v1 * v1 * rate - 1) * r1 + (v3 * v3 * rate - 1) * r3)),
    };
}

// A place with the sines and cosines of its multiples by pi.
struct place {
    double at, sine[SINES + 1], cosine[SINES + 1];
};

static void place_multiples(struct place *p, int count) {
    double s0 = 0, c0 = 1, s1 = p->sine[1], c1 = p->cosine[1], twice = 2 * c1;
    for (int n = 2; n <= count; n++) {
        p->sine[n] = twice * s1 - s0;
        p->cosine[n] = twice * c1 - c0;
        s0 = s1, c0 = c1, s1 = p->sine[n], c1 = p->cosine[n];
    }
}

static struct place place_at(const struct series *s, double at) {
    struct place p = { .at = at };
    sincos_pi(at, &p.sine[1], &p.cosine[1]);
    place_multiples(&p, s->sines);
    return p;
}

static struct kernel kernel_sines(const struct series *s, const struct place *p, const struct place *q) {
    struct kernel k = { 0 };
    double x = p->at, y = q->at, squares = x * x + y * y - x - y, across = 2 * x * y - x - y;
    for (int n = 1; n <= s->sines; n++) {
        double a = n * PI, a2 = a * a, e = 2 * s->decay[n], w = a2 * s->spread;
        double ss = p->sine[n] * q->sine[n], cc = p->cosine[n] * q->cosine[n];
        double cs = p->cosine[n] * q->sine[n], sc = p->sine[n] * q->cosine[n];
        double high = (w - 1) * ss - a * (x * cs + y * sc);
        k.any += e * ss;
        k.high += e * high;
        k.low += e * (high + a * (cs + sc));
        k.both += e * (ss * (w * w - 5 * w + 2 - a2 * squares) + cc * a2 * across +
                       a * (w - 2) * ((1 - 2 * x) * cs + (1 - 2 * y) * sc));
    }
    return k;
}

static struct kernel kernel_at(const struct series *s, double x, double y) {
    ASSERT(x >= 0 && x <= 1);
    ASSERT(y >= 0 && y <= 1);
    if (s->sines > 0) {
        struct place p = place_at(s, x), q = place_at(s, y);
        return kernel_sines(s, &p, &q);
    }
    struct bell d = bell_at(s, y - x), r = bell_at(s, y + x);
    return kernel_images(s, &d, &r);
}

static double positive(double v) { return v > 0 ? v : 0; }

// Of the middle at `y`, by the half that meets the high and the half that meets the low.
struct ways {
    double both_left, high_left, low_left, both_right;
};

static struct ways ways_of(struct kernel l, struct kernel r) {
    return (struct ways){ .both_left = positive(l.both) * positive(r.any),
                          .high_left = positive(l.high) * positive(r.low),
                          .low_left = positive(l.low) * positive(r.high),
                          .both_right = positive(l.any) * positive(r.both) };
}

static double ways_sum(struct ways w) { return w.both_left + w.high_left + w.low_left + w.both_right; }

// ---- the middle ----

static double within(double v, double low, double high) { return v < low ? low : v > high ? high : v; }

// Variance over range squared, within what the series hold for.
static double spread_of(const struct bridge *b) {
    double range = b->high - b->low;
    ASSERT(range > 0);
    return within(b->variance / (range * range), SPREAD_MIN, SPREAD_MAX);
}

static int points_for(double spread) {
    return spread > 0.4 ? 12 : spread > 0.15 ? 16 : spread > 0.06 ? 24 : POINTS_MAX;
}

// Where a density that is straight within a cell reaches `part` of the cell's mass.
static double cell_place(double from, double to, double part) {
    ASSERT(part >= 0 && part <= 1);
    double sum = from + to;
    if (sum <= 0) return part;
    double slope = (to - from) / sum;   // mass up to s: s (1 - slope) + s^2 slope
    if (fabs(slope) < 1e-6) return part;
    double rest = 1 - slope;
    return within((sqrt(rest * rest + 4 * slope * part) - rest) / (2 * slope), 0, 1);
}

// A bell further on: by products in place of exponentials.
struct walk {
    double step, ratio, by_ratio, by_up, by_down;
};

static struct walk walk_of(const struct series *s, double z, double step) {
    double up = exp_plain(-2 * step * s->rate);
    return (struct walk){ step, exp_plain(-(z * step + step * step / 2) * s->rate),
                          exp_plain(-step * step * s->rate), up, 1 / up };
}

static void walk_on(struct walk *w, struct bell *b) {
    b->z += w->step;
    b->density *= w->ratio;
    w->ratio *= w->by_ratio;
    b->up *= w->by_up;
    b->down *= w->by_down;
}

// The density of the middle at 1/n, 2/n... in density[0], [1]...
static void density_images(const struct series *s, double x, double z, int n, double *density) {
    double places[4] = { -x, x, -z, z },
           step = 1.0 / n;   // a kernel is the same both ways: the end looks back
    struct bell bells[4];
    struct walk walks[4];
    for (int i = 0; i < 4; i++) {
        bells[i] = bell_at(s, places[i]);
        walks[i] = walk_of(s, places[i], step);
    }
    for (int j = 0; j < n - 1; j++) {
        for (int i = 0; i < 4; i++) walk_on(&walks[i], &bells[i]);
        density[j] =
            ways_sum(ways_of(kernel_images(s, &bells[0], &bells[1]), kernel_images(s, &bells[2], &bells[3])));
    }
}

static void density_sines(const struct series *s, double x, double z, int n, double *density) {
    struct place p = place_at(s, x), q = place_at(s, z), y = place_at(s, 1.0 / n);
    double by_sine = y.sine[1], by_cosine = y.cosine[1];
    for (int j = 0; j < n - 1; j++) {
        density[j] = ways_sum(ways_of(kernel_sines(s, &p, &y), kernel_sines(s, &y, &q)));
        double sine = y.sine[1] * by_cosine + y.cosine[1] * by_sine;
        y.cosine[1] = y.cosine[1] * by_cosine - y.sine[1] * by_sine;
        y.sine[1] = sine;
        y.at += 1.0 / n;
        place_multiples(&y, s->sines);
    }
}

static double draw_middle(const struct series *s, double x, double z, double spread, double draw) {
    double density[POINTS_MAX + 3], mass[POINTS_MAX], total = 0;   // density[i + 1] at i / n
    int n = points_for(spread);
    if (s->sines > 0)
        density_sines(s, x, z, n, &density[2]);
    else
        density_images(s, x, z, n, &density[2]);
    density[1] = density[n + 1] = 0;   // and beyond a wall it goes on oddly
    density[0] = -density[2];
    density[n + 2] = -density[n];
    for (int i = 0; i < n; i++) {
        mass[i] = positive(13 * (density[i + 1] + density[i + 2]) - density[i] - density[i + 3]);
        total += mass[i];
    }
    if (!(total > 0)) return (x + z) / 2;   // beyond what doubles hold
    double left = draw * total;
    int i = 0;
    while (i < n - 1 && left >= mass[i]) left -= mass[i++];
    double part = mass[i] > 0 ? within(left / mass[i], 0, 1) : 0.5;
    return ((double)i + cell_place(density[i + 1], density[i + 2], part)) / n;
}

struct bridge_cut bridge_cut(const struct bridge *b, double draw, double draw_way) {
    ASSERT(b->low <= b->start && b->start <= b->high);
    ASSERT(b->low <= b->end && b->end <= b->high);
    double range = b->high - b->low, spread = spread_of(b), x = (b->start - b->low) / range,
           z = (b->end - b->low) / range;
    struct series s = series_of(spread / 2);
    double y = draw_middle(&s, x, z, spread, draw);
    struct ways w = ways_of(kernel_at(&s, x, y), kernel_at(&s, y, z));
    double at = draw_way * ways_sum(w);
    struct bridge_cut cut = { .middle = within(b->low + y * range, b->low, b->high) };
    if (at < w.both_left)
        cut.high_left = cut.low_left = true;
    else if (at < w.both_left + w.high_left)
        cut.high_left = true;
    else if (at < w.both_left + w.high_left + w.low_left)
        cut.low_left = true;
    return cut;
}

// ---- the extremes of a half ----

// The chance, up to a constant, that a path from p to q (variance v) stays above `low` and below `high`, which it
// touches when `touched`; *slope: its derivative by `low`, downwards.
static double stays(double p, double q, double v, double low, double high, bool touched, double *slope) {
    double range = high - low;
    *slope = 0;
    if (range <= 0 || v > 30 * range * range) return 0;
    struct series s = series_of(v / (range * range));
    struct kernel k = kernel_at(&s, within((p - low) / range, 0, 1), within((q - low) / range, 0, 1));
    *slope = positive(touched ? k.both / (range * range * range) : k.low / (range * range));
    return positive(touched ? k.high / (range * range) : k.any / range);
}

// The lowest price of a path from p to q that stays above `low` and below `high` (touched, or not known to be).
static double draw_low(double p, double q, double v, double low, double high, bool touched, double draw) {
    double top = p < q ? p : q, bottom = low, slope;
    ASSERT(low <= top && top <= high);
    double whole = stays(p, q, v, low, high, touched, &slope), wanted = draw * whole;
    if (!(whole > 0)) return low + (top - low) * draw;
    // Without the other wall: exp(-2 (p - y) (q - y) / v) is the chance of going below y.
    double passed = exp_plain(-within(2 * (p - low) * (q - low) / v, 0, 690));
    double below = 1 - draw * (1 - passed);
    double y = (p + q - sqrt((p - q) * (p - q) - 2 * v * log_plain(within(below, 1e-300, 1)))) / 2;
    for (int i = 0; i < INVERT_STEPS; i++) {
        if (!(y > bottom && y < top)) y = (bottom + top) / 2;
        double excess = stays(p, q, v, y, high, touched, &slope) - wanted;
        if (fabs(excess) < 1e-5 * whole) break;
        if (excess > 0)
            bottom = y;   // still likely enough: the low lies higher
        else
            top = y;
        y = slope > 0 ? y + excess / slope : (bottom + top) / 2;
    }
    return within(y, low, p < q ? p : q);
}

// The same upside down.
static double draw_high(double p, double q, double v, double low, double high, bool touched, double draw) {
    ASSERT(low <= high);
    return -draw_low(-p, -q, v, -high, -low, touched, draw);
}

struct bridge bridge_half(const struct bridge *b, const struct bridge_cut *cut, bool right, double first,
                          double second) {
    ASSERT(b->low <= cut->middle && cut->middle <= b->high);
    double p = right ? cut->middle : b->start, q = right ? b->end : cut->middle;
    bool high = cut->high_left != right, low = cut->low_left != right;
    double range = b->high - b->low;
    struct bridge h = { p, q, b->low, b->high, spread_of(b) * range * range / 2 };
    if (!high) h.high = draw_high(p, q, h.variance, b->low, b->high, low, first);
    if (!low) h.low = draw_low(p, q, h.variance, b->low, h.high, true, second);
    ASSERT(b->low <= h.low && h.high <= b->high);
    return h;
}

bool bridge_low_first(const struct bridge *b, double draw) {
    double range = b->high - b->low;
    ASSERT(draw >= 0 && draw < 1);
    if (!(range > 0)) return true;
    double rate = 1 / (2 * spread_of(b)), moved = (b->end - b->start) / range;
    double low_way = (2 - moved) * (2 - moved), high_way = (2 + moved) * (2 + moved);
    double more =
        exp_plain(-within((high_way - low_way) * rate, -600, 600));   // weight of high first over low first
    return draw * (1 + more) < 1;
}

double bridge_likelihood(const struct bridge *b) {
    double range = b->high - b->low;
    ASSERT(range > 0);
    struct series s = series_of(spread_of(b));
    return positive(kernel_at(&s, (b->start - b->low) / range, (b->end - b->low) / range).both) /
           (range * range * range);
}
