#define _GNU_SOURCE
#include "CKernels.h"

#include <dlfcn.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

typedef void (*omp_set)(int);

static omp_set set_threads;
static pthread_once_t once = PTHREAD_ONCE_INIT;

// libgomp comes with oneDNN; it is found here and not linked, since a build may go without.
static void find_runtime(void) {
    set_threads = (omp_set)dlsym(RTLD_DEFAULT, "omp_set_num_threads");
}

void bigs_set_threads(int threads) {
    static _Thread_local int current = 0;
    if (current == threads) return;
    pthread_once(&once, find_runtime);
    if (set_threads) set_threads(threads);
    current = threads;
}

// Loops have threads of their own and not OpenMP's. Those spin for some 10 ms after every loop, which a
// short request pays for with more time than it computes; and whenever a loop takes fewer than the last
// one did, the others end and are made anew.

#define MOST_WORKERS 1023
#define MOST_TEAMS 4
/// What two threads write lies as far apart: two cache lines, since processors fetch them in pairs.
#define APART 128
/// How long a worker looks for work before it sleeps, in nanoseconds: as long as the gaps between the
/// loops of a pass take. Looking longer costs short requests more than it saves in waking.
#define WORKER_PATIENCE 20000
/// How long the caller looks for the end of what others have begun: its answer waits for that.
#define CALLER_PATIENCE 250000

/// A worker's states. The caller moves it from the first two to CALLED, and back to IDLE if it has not
/// begun when nothing is left to do; the worker moves itself to WORKING and then to IDLE. AWAITED is
/// WORKING while the caller sleeps.
enum { IDLE, ASLEEP, CALLED, WORKING, AWAITED };

typedef struct team team;

typedef struct worker {
    _Alignas(APART) atomic_int state;
    sem_t called;
    team *team;
    size_t number;
} worker;

/// Threads that work for one caller at a time. They last as long as the process.
struct team {
    _Alignas(APART) atomic_int is_taken;
    size_t count;
    bigs_task task;
    void *context;
    sem_t done;
    size_t size;
    worker *workers[MOST_WORKERS];
    _Alignas(APART) atomic_size_t next;
};

static team teams[MOST_TEAMS];
/// Whether this thread is at work on a loop that several threads share: one inside it has this alone.
static _Thread_local int is_inside;

static uint64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static inline void relax(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/// Returns when the state is no longer `state`, or after `patience`.
static void watch(worker *worker, int state, uint64_t patience) {
    const uint64_t end = now() + patience;
    do
        for (int i = 0; i < 16; i++) {
            if (atomic_load_explicit(&worker->state, memory_order_relaxed) != state) return;
            relax();
        }
    while (now() < end);
}

static int move(worker *worker, int from, int to) {
    return atomic_compare_exchange_strong(&worker->state, &from, to);
}

static void sleep_until(sem_t *posted) {
    while (sem_wait(posted) != 0) {}
}

static void work(
    atomic_size_t *next, size_t count, bigs_task task, void *context, size_t worker) {
    for (;;) {
        size_t item = atomic_fetch_add_explicit(next, 1, memory_order_relaxed);
        if (item >= count) return;
        task(context, item, worker);
    }
}

static void *worker_main(void *opaque) {
    worker *self = opaque;
    team *team = self->team;
    is_inside = 1;
    bigs_set_threads(1);
    for (;;) {
        watch(self, IDLE, WORKER_PATIENCE);
        if (move(self, IDLE, ASLEEP)) sleep_until(&self->called);
        if (!move(self, CALLED, WORKING)) continue;
        work(&team->next, team->count, team->task, team->context, self->number);
        if (atomic_exchange(&self->state, IDLE) == AWAITED) sem_post(&team->done);
    }
    return NULL;
}

/// Makes workers up to `size`, as far as the system has threads; returns how many there are.
static size_t grow(team *team, size_t size) {
    if (size > MOST_WORKERS) size = MOST_WORKERS;
    if (team->size == 0 && sem_init(&team->done, 0, 0) != 0) return 0;
    while (team->size < size) {
        worker *made = aligned_alloc(APART, sizeof *made);
        if (!made) break;
        atomic_init(&made->state, IDLE);
        made->team = team;
        made->number = team->size + 1;
        pthread_t thread;
        if (sem_init(&made->called, 0, 0) != 0
            || pthread_create(&thread, NULL, worker_main, made) != 0) {
            free(made);
            break;
        }
        pthread_detach(thread);
        team->workers[team->size++] = made;
    }
    return team->size < size ? team->size : size;
}

/// A team that nobody uses; NULL while as many callers as there are teams are at work.
static team *take_team(void) {
    for (size_t i = 0; i < MOST_TEAMS; i++)
        if (atomic_exchange(&teams[i].is_taken, 1) == 0) return &teams[i];
    return NULL;
}

void bigs_parallel(size_t count, size_t threads, bigs_task task, void *context) {
    if (threads > count) threads = count;
    team *team = threads > 1 && !is_inside ? take_team() : NULL;
    if (!team) {
        atomic_size_t next = 0;
        work(&next, count, task, context, 0);
        return;
    }
    const size_t workers = grow(team, threads - 1);
    team->count = count;
    team->task = task;
    team->context = context;
    atomic_store(&team->next, 0);
    for (size_t i = 0; i < workers; i++)
        if (atomic_exchange(&team->workers[i]->state, CALLED) == ASLEEP)
            sem_post(&team->workers[i]->called);
    is_inside = 1;
    work(&team->next, count, task, context, 0);
    is_inside = 0;
    for (size_t i = 0; i < workers; i++) {
        worker *worker = team->workers[i];
        // Nobody waits for one that has not begun.
        if (move(worker, CALLED, IDLE)) continue;
        watch(worker, WORKING, CALLER_PATIENCE);
        if (move(worker, WORKING, AWAITED)) sleep_until(&team->done);
    }
    atomic_store(&team->is_taken, 0);
}
