// rng.c: xoshiro256** seeded by splitmix64, and numbers drawn from it.
#include "base/rng.h"

#include "base/assert.h"

static uint64_t splitmix64(uint64_t *state) {
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

void rng_init(struct rng *rng, uint64_t seed) {
    ASSERT(rng);
    for (int i = 0; i < 4; i++) rng->s[i] = splitmix64(&seed);
}

static uint64_t rotate(uint64_t x, int k) { return (x << k) | (x >> (64 - k)); }

uint64_t rng_next(struct rng *rng) {
    uint64_t *s = rng->s;
    uint64_t result = rotate(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate(s[3], 45);
    return result;
}

double rng_double(struct rng *rng) { return (double)(rng_next(rng) >> 11) * 0x1.0p-53; }

uint64_t rng_below(struct rng *rng, uint64_t bound) {
    ASSERT(bound > 0);
    return (uint64_t)(((unsigned __int128)rng_next(rng) * bound) >> 64);   // bias below 2^-40 for our bounds
}

double rng_normal(struct rng *rng) {
    double sum = -6;
    for (int i = 0; i < 12; i++) sum += rng_double(rng);
    return sum;
}

double rng_exponential(struct rng *rng) {
    double sum = 0;
    while (rng_double(rng) > 0.25) sum += 0.25;
    return sum + 0.25 * rng_double(rng);
}
