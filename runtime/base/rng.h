// rng.h: seeded random numbers (xoshiro256**, seeded by splitmix64). The same seed gives the same sequence
// anywhere.
//
// Owner    the caller owns the state; a plain struct that may be copied to fork a sequence.
// Source   https://prng.di.unimi.it (public domain reference by Blackman and Vigna).
#ifndef MT_BASE_RNG_H
#define MT_BASE_RNG_H

#include <stdint.h>

struct rng {
    uint64_t s[4];
};

void rng_init(struct rng *rng, uint64_t seed);
uint64_t rng_next(struct rng *rng);

// Uniform in [0, 1).
double rng_double(struct rng *rng);

// Nearly normal (the sum of twelve uniforms less six) with variance 1; nearly exponential (geometric in
// quarters, of which three of four go on, uniform within one) with mean 7/8. Additions alone: the same on every
// machine, which a library's logarithm is not.
double rng_normal(struct rng *rng);
double rng_exponential(struct rng *rng);

// Uniform in [0, bound), bound at least 1.
uint64_t rng_below(struct rng *rng, uint64_t bound);

#endif
