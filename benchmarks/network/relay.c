/* A relay between two network namespaces: delay, loss, SYN policer, RST limit and dropped ports, for kernels without netem.

   relay SIDE_A_PID_OR_PATH DEVICE_A SIDE_B DEVICE_B DELAY_US LOSS_PPM SEED [HOST SYN_RATE RST_RATE KEPT]...

   A is the side that scans. It makes one TUN device in each namespace, writes a line to stdout when both exist, and carries packets
   until its stdin ends. DELAY_US and LOSS_PPM apply in each direction. Rules are per target: HOST is the last byte of its address or
   "*", rates are packets a second (0: unlimited), KEPT are the ports whose SYNs pass, with commas, or "-" for all. The first rule that
   fits counts; its limits are its own. */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#define SLOTS 32768
#define BYTES 1600
#define RULES 16
#define BURST_S 0.05

struct slot { uint64_t due; int size; unsigned char data[BYTES]; };
struct line { int from, to; unsigned head, tail; struct slot *slots; };
struct bucket { double rate, held; uint64_t at; };
struct rule { int host; struct bucket syn, rst; int every_port; unsigned char kept[65536]; };

static struct rule rules[RULES];
static int rule_count;
static uint64_t state, overflown, lost, policed, unreset, dropped, carried;

static void fail(const char *what) { perror(what); exit(2); }

static uint64_t now_ns(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec * 1000000000ull + t.tv_nsec; }

static uint32_t chance(void) { state ^= state << 13; state ^= state >> 7; state ^= state << 17; return (state >> 20) % 1000000; }

static int device(const char *space, const char *name) {
    struct ifreq ask = {.ifr_flags = IFF_TUN | IFF_NO_PI};
    int ns = open(space, O_RDONLY | O_CLOEXEC);
    if (ns < 0 || setns(ns, CLONE_NEWNET)) fail(space);
    close(ns);
    int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) fail("/dev/net/tun");
    strncpy(ask.ifr_name, name, IFNAMSIZ - 1);
    if (ioctl(fd, TUNSETIFF, &ask)) fail(name);
    return fd;
}

static int allowed(struct bucket *b, uint64_t now) {
    if (b->rate <= 0) return 1;
    double most = b->rate * BURST_S < 1 ? 1 : b->rate * BURST_S;
    b->held += (now - b->at) / 1e9 * b->rate;
    if (b->held > most) b->held = most;
    b->at = now;
    if (b->held < 1) return 0;
    b->held -= 1;
    return 1;
}

static struct rule *rule_of(int host) {
    for (int i = 0; i < rule_count; i++) if (rules[i].host < 0 || rules[i].host == host) return &rules[i];
    return NULL;
}

/* Returns whether a packet passes what is configured for its target. */
static int passes(const unsigned char *p, int size, int to_target, uint64_t now) {
    int four = p[0] >> 4 == 4, header = four ? (p[0] & 15) * 4 : 40;
    if (size < header + 20 || (four ? p[9] : p[6]) != 6) return 1;
    const unsigned char *tcp = p + header;
    struct rule *rule = rule_of(four ? p[to_target ? 19 : 15] : p[to_target ? 39 : 23]);
    if (!rule) return 1;
    if (to_target && (tcp[13] & 0x12) == 0x02) {
        if (!rule->every_port && !rule->kept[tcp[2] << 8 | tcp[3]]) { dropped++; return 0; }
        if (!allowed(&rule->syn, now)) { policed++; return 0; }
    }
    if (!to_target && tcp[13] & 0x04 && !allowed(&rule->rst, now)) { unreset++; return 0; }
    return 1;
}

static void take(struct line *line, int to_target, uint64_t delay, uint32_t loss) {
    for (int i = 0; i < 64; i++) {
        struct slot *slot = &line->slots[line->head % SLOTS];
        if (line->head - line->tail == SLOTS) { static unsigned char none[BYTES]; if (read(line->from, none, BYTES) <= 0) return; overflown++; continue; }
        slot->size = read(line->from, slot->data, BYTES);
        if (slot->size <= 0) return;
        uint64_t now = now_ns();
        if (loss && chance() < loss) { lost++; continue; }
        if (!passes(slot->data, slot->size, to_target, now)) continue;
        slot->due = now + delay;
        line->head++;
    }
}

static uint64_t give(struct line *line, uint64_t now) {
    while (line->head != line->tail) {
        struct slot *slot = &line->slots[line->tail % SLOTS];
        if (slot->due > now) return slot->due;
        if (write(line->to, slot->data, slot->size) < 0 && errno != EINVAL && errno != EIO) fail("write");
        carried++, line->tail++;
    }
    return UINT64_MAX;
}

static void read_rules(int count, char **words) {
    for (int i = 0; i + 3 < count && rule_count < RULES; i += 4) {
        struct rule *rule = &rules[rule_count++];
        rule->host = words[i][0] == '*' ? -1 : atoi(words[i]);
        rule->syn.rate = atof(words[i + 1]), rule->rst.rate = atof(words[i + 2]);
        rule->every_port = words[i + 3][0] == '-';
        if (!rule->every_port) for (char *p = strtok(words[i + 3], ","); p; p = strtok(NULL, ",")) rule->kept[atoi(p) & 65535] = 1;
    }
}

int main(int count, char **words) {
    if (count < 8) { fprintf(stderr, "see relay.c\n"); return 2; }
    struct line out = {.slots = calloc(SLOTS, sizeof(struct slot))}, back = {.slots = calloc(SLOTS, sizeof(struct slot))};
    out.from = back.to = device(words[1], words[2]);
    out.to = back.from = device(words[3], words[4]);
    uint64_t delay = strtoull(words[5], NULL, 10) * 1000;
    uint32_t loss = strtoul(words[6], NULL, 10);
    state = strtoull(words[7], NULL, 10) * 2654435761u + 88172645463325252ull;
    read_rules(count - 8, words + 8);
    prctl(PR_SET_TIMERSLACK, 1);
    prctl(PR_SET_PDEATHSIG, 9);
    puts("ready");
    fflush(stdout);
    struct pollfd watched[3] = {{out.from, POLLIN, 0}, {back.from, POLLIN, 0}, {0, POLLIN, 0}};
    for (;;) {
        uint64_t now = now_ns(), due = give(&out, now), other = give(&back, now);
        if (other < due) due = other;
        now = now_ns();
        struct timespec wait = {.tv_sec = 1};
        if (due != UINT64_MAX) wait = (struct timespec){.tv_nsec = due > now ? (due - now) % 1000000000 : 0};
        if (ppoll(watched, 3, &wait, NULL) < 0 && errno != EINTR) fail("ppoll");
        if (watched[2].revents) break;
        if (watched[0].revents) take(&out, 1, delay, loss);
        if (watched[1].revents) take(&back, 0, delay, loss);
    }
    printf("{\"carried\": %llu, \"lost\": %llu, \"policed\": %llu, \"dropped\": %llu, \"resets_held\": %llu, \"overflown\": %llu}\n", (unsigned long long)carried,
           (unsigned long long)lost, (unsigned long long)policed, (unsigned long long)dropped, (unsigned long long)unreset, (unsigned long long)overflown);
    return 0;
}
