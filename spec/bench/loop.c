// loop.c: the baseline of the backtest benchmark: the EMA cross as a plain C loop over the same mapped
// columns.

//
// Reads a file of two int64 columns (open_e8, close_e8) of `count` bars through mmap, runs the strategy
// `runs` times and prints the fastest time in seconds, the final equity, the number of orders and the fees.
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

struct outcome {
    double equity, fees;
    int64_t orders;
};

static struct outcome trade(const int64_t *open_e8, const int64_t *close_e8, int64_t count, int fast_n,
                            int slow_n, int trading) {
    const double fast_a = 2.0 / (fast_n + 1);
    const double slow_a = 2.0 / (slow_n + 1);
    double fast = 0, slow = 0, cash = 10000000.0, fees = 0, close = 0;
    int64_t position = 0, orders = 0, crossings = 0;
    for (int64_t i = 0; i < count; i++) {
        close = (double)close_e8[i] / 1e8;
        if (i == 0) fast = slow = close;
        fast += fast_a * (close - fast);
        slow += slow_a * (close - slow);
        if (i + 1 < slow_n) continue;
        int64_t want = fast > slow ? 1 : fast < slow ? -1 : position;
        if (want == position) continue;
        crossings++;
        if (!trading) {
            position = want;
            continue;
        }
        if (i + 1 == count) break;
        double price = (double)open_e8[i + 1] / 1e8;
        double quantity = (double)(want - position);
        double fee = 0.0004 * price * (quantity < 0 ? -quantity : quantity);
        cash -= quantity * price + fee;
        fees += fee;
        position = want;
        orders++;
    }
    struct outcome o = { cash + (trading ? (double)position * close : 0), fees,
                         trading ? orders : crossings };
    return o;
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv) {
    if (argc != 5) {
        fprintf(stderr, "usage: bench_loop COLUMNS COUNT RUNS TRADING(0|1)\n");
        return 2;
    }
    int64_t count = atoll(argv[2]);
    int file = open(argv[1], O_RDONLY);
    if (file < 0) return 1;
    const int64_t *columns = mmap(NULL, (size_t)count * 16, PROT_READ, MAP_SHARED, file, 0);
    if (columns == MAP_FAILED) return 1;
    double best = 1e9;
    struct outcome o = { 0, 0, 0 };
    for (int run = 0; run < atoi(argv[3]); run++) {
        double start = now();
        o = trade(columns, columns + count, count, 12, 26, atoi(argv[4]));
        double took = now() - start;
        if (took < best) best = took;
    }
    printf("%.9f %.6f %lld %.6f\n", best, o.equity, (long long)o.orders, o.fees);
    return 0;
}
