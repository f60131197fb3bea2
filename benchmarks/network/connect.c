/* The plainest fast connect scanner: as many non-blocking connects at once as given, one epoll, no retry, no thought about the network.

   connect ADDRESS FIRST LAST AT_ONCE REUSE   prints one open port a line

   REUSE 1 uses a refused socket again, as our engine does: the limit of what connect() can do. REUSE 0 takes a new one each time. */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MOST 65536
#define PATIENCE 1.0

static struct sockaddr_storage target;
static socklen_t size;
static int spare[MOST], spares, port_of[MOST], flying, epoll, reuse;
static double since[MOST];

static double now_s(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec + t.tv_nsec / 1e9; }

static int connect_to(int fd, int port) {
    if (target.ss_family == AF_INET) ((struct sockaddr_in *)&target)->sin_port = htons(port);
    else ((struct sockaddr_in6 *)&target)->sin6_port = htons(port);
    return connect(fd, (struct sockaddr *)&target, size) ? errno : 0;
}

static int fresh(void) {
    if (spares) return spare[--spares];
    int fd = socket(target.ss_family, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (fd < 0 || fd >= MOST) { perror("socket"); exit(2); }
    struct epoll_event event = {.events = EPOLLOUT | EPOLLET, .data.fd = fd};
    epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
    return fd;
}

static void end(int fd, int answer, int port) {
    struct linger reset = {1, 0};
    if (!answer) { printf("%d\n", port); setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset); }
    if (answer == ECONNREFUSED && reuse) spare[spares++] = fd;
    else close(fd);
}

int main(int count, char **words) {
    if (count != 6) { fprintf(stderr, "see connect.c\n"); return 2; }
    int four = inet_pton(AF_INET, words[1], &((struct sockaddr_in *)&target)->sin_addr) == 1;
    if (!four && inet_pton(AF_INET6, words[1], &((struct sockaddr_in6 *)&target)->sin6_addr) != 1) return 2;
    target.ss_family = four ? AF_INET : AF_INET6;
    size = four ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
    int port = atoi(words[2]), last = atoi(words[3]), at_once = atoi(words[4]);
    reuse = atoi(words[5]);
    epoll = epoll_create1(0);
    static struct epoll_event events[1024];
    double looked = now_s();
    while (port <= last || flying) {
        for (int batch = 0; port <= last && flying < at_once && batch < 128; batch++, port++) {
            int fd = fresh(), answer = connect_to(fd, port);
            if (answer == EINPROGRESS) port_of[fd] = port, since[fd] = now_s(), flying++;
            else end(fd, answer, port);
        }
        int ready = epoll_wait(epoll, events, 1024, port <= last && flying < at_once ? 0 : 10);
        for (int i = 0; i < ready; i++) {
            int fd = events[i].data.fd, asked = port_of[fd];
            if (!asked) continue;
            int answer = connect_to(fd, asked);
            if (answer == EALREADY || answer == EINPROGRESS) continue;
            port_of[fd] = 0, flying--;
            end(fd, answer == EISCONN ? 0 : answer, asked);
        }
        double now = now_s();
        if (now - looked < 0.05) continue;
        looked = now;
        for (int fd = 0; fd < MOST && flying; fd++) if (port_of[fd] && now - since[fd] > PATIENCE) { port_of[fd] = 0; flying--; close(fd); }
    }
    return 0;
}
