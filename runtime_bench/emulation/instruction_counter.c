/* QEMU TCG plugin: how often each guest block ran between two markers (AArch64, user mode).
 *
 * A guest marks a region by getpid with three arguments (see runners/source/runner.c):
 * getpid(0x4D41524B, 1, id) begins it, getpid(0x4D41524B, 2, id) ends it. For each region this
 * writes one text block to the file of the argument out=:
 *   region ID
 *   ADDRESS EXECUTIONS WORDS        hexadecimal, decimal, 8 hexadecimal digits an instruction
 *   end ID
 * Counting classes and cycles is left to Python, which knows the instruction tables.
 *
 * Arguments: out=FILE, atomic=1 (guests with more than one thread).
 * Build: gcc -O2 -fPIC -shared -o instruction_counter.so instruction_counter.c
 * The prototypes are those of plugin interface 1 (QEMU 4.2 to 8.1; Debian 12 has 7.2), written out
 * here because Debian does not package qemu-plugin.h.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

typedef uint64_t PluginId;
struct qemu_plugin_tb;
struct qemu_plugin_insn;

void qemu_plugin_register_vcpu_tb_trans_cb(PluginId,
                                           void (*)(PluginId, struct qemu_plugin_tb *));
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *, void (*)(unsigned, void *),
                                          int flags, void *user);
void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb *, int operation,
                                              void *counter, uint64_t add);
void qemu_plugin_register_vcpu_syscall_cb(PluginId,
                                          void (*)(PluginId, unsigned, int64_t, uint64_t, uint64_t,
                                                   uint64_t, uint64_t, uint64_t, uint64_t,
                                                   uint64_t, uint64_t));
void qemu_plugin_register_atexit_cb(PluginId, void (*)(PluginId, void *), void *);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *, size_t);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *);

EXPORT int qemu_plugin_version = 1;

enum { GETPID = 172, MARK_MAGIC = 0x4D41524B, MARK_BEGIN = 1, MARK_END = 2 };
enum { INLINE_ADD = 0, NO_REGISTERS = 0 };
enum { BUCKETS = 1 << 16 };

typedef struct Block {
    uint64_t address;
    uint64_t executions;
    uint64_t base; /* executions when the region began */
    size_t length;
    uint32_t *words;
    struct Block *next;
} Block;

static Block *buckets[BUCKETS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static FILE *out;
static bool atomic;

static void *need(void *memory)
{
    if (!memory) {
        fprintf(stderr, "instruction_counter: out of memory\n");
        abort();
    }
    return memory;
}

/* The same code is translated again after a cache flush; its counter goes on. */
static Block *find_block(uint64_t address, const uint32_t *words, size_t length)
{
    Block **head = &buckets[(address >> 2) * 2654435761u % BUCKETS];
    for (Block *b = *head; b; b = b->next)
        if (b->address == address && b->length == length &&
            !memcmp(b->words, words, length * sizeof *words))
            return b;
    Block *b = (Block *)need(calloc(1, sizeof *b));
    b->address = address;
    b->length = length;
    b->words = (uint32_t *)need(malloc(length * sizeof *words));
    memcpy(b->words, words, length * sizeof *words);
    b->next = *head;
    *head = b;
    return b;
}

static void count_atomically(unsigned cpu, void *block)
{
    (void)cpu;
    __atomic_fetch_add(&((Block *)block)->executions, 1, __ATOMIC_RELAXED);
}

static void on_translate(PluginId id, struct qemu_plugin_tb *tb)
{
    (void)id;
    size_t length = qemu_plugin_tb_n_insns(tb);
    uint32_t *words = (uint32_t *)need(malloc(length * sizeof *words));
    for (size_t i = 0; i < length; i++)
        memcpy(&words[i], qemu_plugin_insn_data(qemu_plugin_tb_get_insn(tb, i)), 4);
    pthread_mutex_lock(&lock);
    Block *block = find_block(qemu_plugin_tb_vaddr(tb), words, length);
    pthread_mutex_unlock(&lock);
    free(words);
    if (atomic)
        qemu_plugin_register_vcpu_tb_exec_cb(tb, count_atomically, NO_REGISTERS, block);
    else
        qemu_plugin_register_vcpu_tb_exec_inline(tb, INLINE_ADD, &block->executions, 1);
}

static void begin_region(void)
{
    for (size_t i = 0; i < BUCKETS; i++)
        for (Block *b = buckets[i]; b; b = b->next) b->base = b->executions;
}

static void end_region(uint64_t id)
{
    fprintf(out, "region %" PRId64 "\n", (int64_t)id);
    for (size_t i = 0; i < BUCKETS; i++)
        for (Block *b = buckets[i]; b; b = b->next) {
            if (b->executions == b->base) continue;
            fprintf(out, "%" PRIx64 " %" PRIu64 " ", b->address, b->executions - b->base);
            for (size_t k = 0; k < b->length; k++) fprintf(out, "%08" PRIx32, b->words[k]);
            fputc('\n', out);
        }
    fprintf(out, "end %" PRId64 "\n", (int64_t)id);
    fflush(out);
}

static void on_syscall(PluginId plugin, unsigned cpu, int64_t number, uint64_t magic,
                       uint64_t operation, uint64_t id, uint64_t a4, uint64_t a5, uint64_t a6,
                       uint64_t a7, uint64_t a8)
{
    (void)plugin, (void)cpu, (void)a4, (void)a5, (void)a6, (void)a7, (void)a8;
    if (number != GETPID || magic != MARK_MAGIC) return;
    pthread_mutex_lock(&lock);
    if (operation == MARK_BEGIN) begin_region();
    if (operation == MARK_END) end_region(id);
    pthread_mutex_unlock(&lock);
}

static void on_guest_exit(PluginId id, void *user)
{
    (void)id, (void)user;
    fclose(out);
}

EXPORT int qemu_plugin_install(PluginId id, const void *info, int argc, char **argv)
{
    (void)info;
    for (int i = 0; i < argc; i++) {
        if (!strncmp(argv[i], "out=", 4)) out = fopen(argv[i] + 4, "w");
        if (!strncmp(argv[i], "atomic=", 7)) atomic = atoi(argv[i] + 7) != 0;
    }
    if (!out) {
        fprintf(stderr, "instruction_counter: out=FILE is needed and must be writable\n");
        return -1;
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, on_translate);
    qemu_plugin_register_vcpu_syscall_cb(id, on_syscall);
    qemu_plugin_register_atexit_cb(id, on_guest_exit, NULL);
    return 0;
}
