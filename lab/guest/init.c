/* Init of the lab's guests, virtual machines and containers: tells downtime, a restart and two copies apart.
 * It ticks over UDP and serial, counts on its disk (the count goes on over restarts and migrations), finds a second writer
 * (SPLITBRAIN), verifies memory it dirtied (MEMCORRUPT), and listens on UDP 7777: stat | dirty MB RATE | crash | poweroff.
 * A count is in a tick only once it is on the disk. In a container the disk is a file, the settings come by its environment
 * (LAB_IP for lab.ip), and the boot id is its own: the kernel's is the host's. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/input.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define SECTOR 4096
#define DISK_EVERY_US 100000
#define CONTAINER_DISK "/var/lab/heartbeat"

static int in_container;
static char cmdline[4096], boot[64], name[64] = "guest";
static volatile long seq, disk_count;
static volatile int split, io_errors, mem_corrupt, dirty_mb, dirty_rate;
static volatile long passes;

static double mono_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000.0 + t.tv_nsec / 1e6;
}

static const char *from_environment(const char *key, const char *fallback) {
  char variable[64];
  int i = 0;
  for (; key[i] && i < 63; i++) variable[i] = key[i] == '.' ? '_' : key[i] & ~0x20;
  variable[i] = 0;
  const char *value = getenv(variable);
  return value && *value ? value : fallback;
}

/* A value of the kernel's command line: key=value. The buffers are few because the keys are. */
static const char *arg(const char *key, const char *fallback) {
  if (in_container) return from_environment(key, fallback);
  static char values[12][256];
  static int used;
  char pattern[64], text[4200];
  snprintf(pattern, sizeof pattern, " %s=", key);
  snprintf(text, sizeof text, " %s", cmdline);
  char *found = strstr(text, pattern);
  if (!found || used >= 12) return fallback;
  char *value = values[used++];
  snprintf(value, 256, "%s", found + strlen(pattern));
  value[strcspn(value, " \n")] = 0;
  return value;
}

static void load_modules(void) {
  FILE *order = fopen("/mods/order", "r");
  char line[128], path[200];
  if (!order) return;
  while (fgets(line, sizeof line, order)) {
    line[strcspn(line, "\n")] = 0;
    snprintf(path, sizeof path, "/mods/%s", line);
    int fd = open(path, O_RDONLY);
    if (fd < 0) continue;
    if (syscall(SYS_finit_module, fd, "", 0) && errno != EEXIST) printf("module %s: %s\n", line, strerror(errno));
    close(fd);
  }
  fclose(order);
}

static void network_up(const char *ip) {
  int s = socket(AF_INET, SOCK_DGRAM, 0);
  struct ifreq request;
  memset(&request, 0, sizeof request);
  strcpy(request.ifr_name, "eth0");
  struct sockaddr_in *address = (void *)&request.ifr_addr;
  address->sin_family = AF_INET;
  inet_pton(AF_INET, ip, &address->sin_addr);
  if (ioctl(s, SIOCSIFADDR, &request)) perror("address");
  inet_pton(AF_INET, "255.255.255.0", &address->sin_addr);
  ioctl(s, SIOCSIFNETMASK, &request);
  ioctl(s, SIOCGIFFLAGS, &request);
  request.ifr_flags |= IFF_UP;
  ioctl(s, SIOCSIFFLAGS, &request);
  close(s);
}

/* One page at a time: read back what the pass before wrote, then write this pass. */
static long dirty_once(char *memory, long pages, unsigned pass) {
  double began = mono_ms();
  long bad = 0;
  for (long i = 0; i < pages; i++) {
    volatile unsigned *word = (unsigned *)(memory + i * 4096);
    if (*word != pass) bad++;
    *word = pass + 1;
    if (dirty_rate && (i & 255) == 255) {
      double ahead = (i + 1) * 4096.0 / 1048576.0 / dirty_rate * 1000.0 - (mono_ms() - began);
      if (ahead > 0) usleep(ahead * 1000);
    }
  }
  return bad;
}

static void *dirtier(void *unused) {
  char *memory = 0;
  int have = 0;
  unsigned pass = 0;
  for (;;) {
    if (dirty_mb <= 0) { usleep(100000); continue; }
    if (have != dirty_mb) {
      if (memory) munmap(memory, (size_t)have << 20);
      have = dirty_mb;
      pass = 0;
      memory = mmap(0, (size_t)have << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
      if (memory == MAP_FAILED) { memory = 0; have = 0; dirty_mb = 0; continue; }
    }
    long bad = dirty_once(memory, ((long)have << 20) / 4096, pass++);
    passes++;
    if (bad) { mem_corrupt += bad; printf("MEMCORRUPT pages=%ld pass=%u\n", bad, pass); }
  }
  return unused;
}

/* Every write to it returns once it is on the disk. */
static int open_disk(void) {
  if (!in_container) return open("/dev/vda", O_RDWR | O_DIRECT | O_SYNC);
  mkdir("/var", 0755); mkdir("/var/lab", 0755);
  int fd = open(CONTAINER_DISK, O_RDWR | O_CREAT | O_SYNC, 0644), dir = open("/var/lab", O_RDONLY | O_DIRECTORY);
  if (dir >= 0) { fsync(dir); close(dir); }
  return fd;
}

/* The counter goes on from what is on the disk; a line that we did not write is a second writer. */
static void *disk(void *unused) {
  char *mine, *found;
  int fd = -1;
  if (posix_memalign((void **)&mine, SECTOR, SECTOR) || posix_memalign((void **)&found, SECTOR, SECTOR)) return unused;
  while (fd < 0) { fd = open_disk(); if (fd < 0) usleep(50000); }
  memset(mine, 0, SECTOR);
  if (pread(fd, found, SECTOR, 0) == SECTOR && !memcmp(found, "HB ", 3)) {
    found[511] = 0;
    char who[64], when[64];
    long count = 0;
    if (sscanf(found, "HB %63s %63s %ld", who, when, &count) == 3) disk_count = count;
    printf("DISK-FIRST count=%ld by=%s/%s\n", count, who, when);
  } else printf("DISK-FIRST count=0\n");
  for (int first = 1;; first = 0) {
    if (!first) {
      if (pread(fd, found, SECTOR, 0) != SECTOR) { io_errors++; printf("DISK-READ-ERR %s\n", strerror(errno)); }
      else if (memcmp(mine, found, 512)) { split++; found[200] = 0; printf("SPLITBRAIN expected=[%s] found=[%s]\n", mine, found); }
    }
    memset(mine, 0, 512);
    snprintf(mine, 512, "HB %s %s %ld", name, boot, disk_count + 1);
    if (pwrite(fd, mine, SECTOR, 0) != SECTOR) { io_errors++; printf("DISK-WRITE-ERR %s\n", strerror(errno)); }
    else disk_count++;
    usleep(DISK_EVERY_US);
  }
  return unused;
}

/* A container's disk has no need of it, and would wait for all disks of the machine. */
static void power_off(void) {
  if (in_container) _exit(0);
  sync();
  reboot(RB_POWER_OFF);
}

static void crash(void) {
  /* Process 1 is spared by all signals that are sent to it, not by a fault of its own. */
  if (in_container) __builtin_trap();
  int fd = open("/proc/sysrq-trigger", O_WRONLY);
  if (write(fd, "c", 1) < 0) perror("sysrq");
}

static void on_halt(int signal) { (void)signal; _exit(0); }

static void *power_button(void *unused) {
  struct pollfd events[8];
  int n = 0;
  for (int tries = 0; tries < 50 && !n; tries++) {
    for (int i = 0; i < 8; i++) {
      char path[64];
      snprintf(path, sizeof path, "/dev/input/event%d", i);
      int fd = open(path, O_RDONLY | O_NONBLOCK);
      if (fd >= 0) { events[n].fd = fd; events[n++].events = POLLIN; }
    }
    if (!n) usleep(200000);
  }
  if (!n || !strcmp(arg("lab.acpi", "1"), "0")) return unused;
  for (;;) {
    poll(events, n, -1);
    for (int i = 0; i < n; i++) {
      struct input_event event;
      while (read(events[i].fd, &event, sizeof event) == sizeof event)
        if (event.type == EV_KEY && event.code == KEY_POWER && event.value == 1) { printf("POWER BUTTON\n"); power_off(); }
    }
  }
}

static void *control(void *unused) {
  int s = socket(AF_INET, SOCK_DGRAM, 0);
  struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons(7777)}, from;
  char in[256], out[400];
  if (bind(s, (void *)&here, sizeof here)) return unused;
  for (;;) {
    socklen_t length = sizeof from;
    int n = recvfrom(s, in, 255, 0, (void *)&from, &length);
    if (n <= 0) continue;
    in[n] = 0;
    if (!strncmp(in, "crash", 5)) crash();
    else if (!strncmp(in, "poweroff", 8)) power_off();
    else if (!strncmp(in, "dirty ", 6)) { int mb = 0, rate = 0; sscanf(in + 6, "%d %d", &mb, &rate); dirty_rate = rate; dirty_mb = mb; }
    snprintf(out, sizeof out, "{\"name\":\"%s\",\"boot\":\"%s\",\"seq\":%ld,\"diskCount\":%ld,\"split\":%d,\"ioErrors\":%d,\"memCorrupt\":%d,\"passes\":%ld}", name, boot, seq, disk_count, split, io_errors, mem_corrupt, passes);
    sendto(s, out, strlen(out), 0, (void *)&from, length);
  }
}

static void tick(int s, struct sockaddr_in *to, double *next_line) {
  double now = mono_ms();
  seq++;
  if (s >= 0) {
    char text[256];
    int length = snprintf(text, sizeof text, "%s %s %ld %.1f %ld %d %d %d", name, boot, seq, now, disk_count, split, io_errors, mem_corrupt);
    sendto(s, text, length, MSG_DONTWAIT, (void *)to, sizeof *to);
  }
  if (now >= *next_line) { printf("tick %ld up=%.0f disk=%ld split=%d errors=%d\n", seq, now, disk_count, split, io_errors); *next_line = now + 1000; }
}

static void read_start(const char *path, char *into, int size) {
  int fd = open(path, O_RDONLY);
  if (fd < 0 || read(fd, into, size - 1) < 0) perror(path);
  if (fd >= 0) close(fd);
}

static void begin_machine(void) {
  mkdir("/proc", 0755); mkdir("/sys", 0755); mkdir("/dev", 0755);
  mount("proc", "/proc", "proc", 0, 0); mount("sys", "/sys", "sysfs", 0, 0); mount("dev", "/dev", "devtmpfs", 0, 0);
  int console = open("/dev/console", O_RDWR | O_NOCTTY);
  if (console >= 0) { dup2(console, 0); dup2(console, 1); dup2(console, 2); }
  read_start("/proc/cmdline", cmdline, sizeof cmdline);
  read_start("/proc/sys/kernel/random/boot_id", boot, sizeof boot);
  snprintf(name, sizeof name, "%s", arg("lab.name", "guest"));
}

/* Stops at once when LXD asks (SIGPWR), and leaves no zombies of what others start in it. */
static void begin_container(void) {
  struct rlimit none = {0, 0};
  setrlimit(RLIMIT_CORE, &none);
  signal(SIGPWR, on_halt);
  signal(SIGTERM, on_halt);
  signal(SIGCHLD, SIG_IGN);
  read_start("/proc/sys/kernel/random/uuid", boot, sizeof boot);
  gethostname(name, sizeof name - 1);
}

int main(void) {
  pthread_t thread;
  in_container = getenv("container") != 0;
  if (in_container) begin_container(); else begin_machine();
  setvbuf(stdout, 0, _IOLBF, 0);
  boot[8] = 0;
  printf("BOOTED %s %s\n", name, boot);
  if (!in_container) load_modules();
  pthread_create(&thread, 0, disk, 0);
  pthread_create(&thread, 0, dirtier, 0);
  if (!in_container) pthread_create(&thread, 0, power_button, 0);
  const char *ip = arg("lab.ip", 0), *sink = arg("lab.tick", 0);
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(9999)};
  int s = -1;
  if (ip) {
    for (int i = 0; i < 100 && access("/sys/class/net/eth0", F_OK); i++) usleep(50000);
    network_up(ip);
    pthread_create(&thread, 0, control, 0);
    if (sink && inet_pton(AF_INET, sink, &to.sin_addr) == 1) s = socket(AF_INET, SOCK_DGRAM, 0);
  }
  dirty_rate = atoi(arg("lab.rate", "0"));
  dirty_mb = atoi(arg("lab.dirty", "0"));
  int every_ms = atoi(arg("lab.every", "20"));
  printf("READY %s %s at %.0f\n", name, boot, mono_ms());
  double next_line = 0, next = mono_ms();
  for (;;) {
    tick(s, &to, &next_line);
    next += every_ms;
    double wait = next - mono_ms();
    if (wait > 0) usleep(wait * 1000);
    else if (wait < -1000) next = mono_ms();
  }
}
