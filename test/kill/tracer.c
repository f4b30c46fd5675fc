// Runs a program and kills its whole process group at the entry of the N-th system call that changes something below a folder.
//
//   tracer FOLDER N LOG PROGRAM ARGUMENT…      N = 0: kills nothing
//
// Every such call of every process of the group is counted as one sequence, and written to LOG as a line `number pid name path`.
// strace's fault injection counts for each process by itself, so that it cannot name the N-th call of a script that starts hundreds
// of processes; the kernel interface behind it is the same. Exit: 0 killed at N, 3 ended by itself before N, 2 trouble.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <limits.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

// What the argument at this index is.
enum kind { NONE, PATH, FD };

struct call {
  long number;
  const char *name;
  enum kind kind;
  int at;
  // A second path, or -1.
  int other;
};

static const struct call CALLS[] = {
#ifdef SYS_rename
    {SYS_rename, "rename", PATH, 0, 1},
    {SYS_unlink, "unlink", PATH, 0, -1},
    {SYS_rmdir, "rmdir", PATH, 0, -1},
    {SYS_mkdir, "mkdir", PATH, 0, -1},
    {SYS_link, "link", PATH, 0, 1},
    {SYS_symlink, "symlink", PATH, 1, -1},
    {SYS_chmod, "chmod", PATH, 0, -1},
    {SYS_chown, "chown", PATH, 0, -1},
    {SYS_open, "open", PATH, 0, -1},
    {SYS_creat, "creat", PATH, 0, -1},
#endif
    {SYS_renameat, "renameat", PATH, 1, 3},
    {SYS_renameat2, "renameat2", PATH, 1, 3},
    {SYS_unlinkat, "unlinkat", PATH, 1, -1},
    {SYS_mkdirat, "mkdirat", PATH, 1, -1},
    {SYS_linkat, "linkat", PATH, 1, 3},
    {SYS_symlinkat, "symlinkat", PATH, 2, -1},
    {SYS_fchmodat, "fchmodat", PATH, 1, -1},
    {SYS_fchownat, "fchownat", PATH, 1, -1},
    {SYS_truncate, "truncate", PATH, 0, -1},
    {SYS_openat, "openat", PATH, 1, -1},
    {SYS_write, "write", FD, 0, -1},
    {SYS_pwrite64, "pwrite64", FD, 0, -1},
    {SYS_writev, "writev", FD, 0, -1},
    {SYS_ftruncate, "ftruncate", FD, 0, -1},
    {SYS_fchmod, "fchmod", FD, 0, -1},
    {SYS_fchown, "fchown", FD, 0, -1},
    {SYS_fsync, "fsync", FD, 0, -1},
    {SYS_fdatasync, "fdatasync", FD, 0, -1},
    {SYS_syncfs, "syncfs", FD, 0, -1},
    {SYS_kill, "kill", NONE, 0, -1},
};

static const char *folder;
static size_t folder_length;

static void die(const char *what) {
  perror(what);
  exit(2);
}

// A text of the traced process; '' when it cannot be read.
static void read_text(pid_t pid, unsigned long address, char *text, size_t size) {
  struct iovec local = {text, size - 1};
  struct iovec remote = {(void *)address, size - 1};
  // The text may end right before an unmapped page: up to the end of its page first.
  size_t page = 4096 - address % 4096;
  remote.iov_len = local.iov_len = page < size - 1 ? page : size - 1;
  ssize_t count = process_vm_readv(pid, &local, 1, &remote, 1, 0);
  if (count < 0) count = 0;
  text[count] = '\0';
  if (strlen(text) == (size_t)count && (size_t)count < size - 1) {
    struct iovec rest_local = {text + count, size - 1 - (size_t)count};
    struct iovec rest_remote = {(void *)(address + (size_t)count), size - 1 - (size_t)count};
    ssize_t more = process_vm_readv(pid, &rest_local, 1, &rest_remote, 1, 0);
    if (more > 0) text[count + more] = '\0';
  }
}

static void read_link(pid_t pid, const char *name, char *text, size_t size) {
  char link[64];
  snprintf(link, sizeof link, "/proc/%d/%s", pid, name);
  ssize_t count = readlink(link, text, size - 1);
  text[count < 0 ? 0 : count] = '\0';
}

static int is_below(pid_t pid, const char *path) {
  char folder_now[PATH_MAX];
  if (path[0] != '/') {
    // rm -r walks with relative names; where it is then, is below the folder or is not.
    read_link(pid, "cwd", folder_now, sizeof folder_now);
    return path[0] != '\0' && strncmp(folder_now, folder, folder_length) == 0;
  }
  return strncmp(path, folder, folder_length) == 0;
}

// A relative name counts by the open folder that it is relative to.
static int is_below_fd(pid_t pid, unsigned long fd, char *text, size_t size) {
  char name[32];
  snprintf(name, sizeof name, "fd/%d", (int)fd);
  read_link(pid, name, text, size);
  return strncmp(text, folder, folder_length) == 0;
}

static int has_at(const struct call *call) {
  size_t length = strlen(call->name);
  return length > 2 && strcmp(call->name, "creat") != 0 &&
         (strcmp(call->name + length - 2, "at") == 0 || strcmp(call->name, "renameat2") == 0);
}

static int touches(pid_t pid, const struct call *call, const uint64_t *args, char *text, size_t size) {
  text[0] = '\0';
  if (call->kind == NONE) return 1;
  if (call->kind == FD) return is_below_fd(pid, args[call->at], text, size);
  if (call->number == SYS_openat && (args[2] & (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC)) == 0) return 0;
#ifdef SYS_open
  if (call->number == SYS_open && (args[1] & (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC)) == 0) return 0;
#endif
  read_text(pid, args[call->at], text, size);
  if (has_at(call) && text[0] != '/' && (int)args[call->at - 1] != AT_FDCWD) {
    char at[PATH_MAX];
    return is_below_fd(pid, args[call->at - 1], at, sizeof at);
  }
  if (is_below(pid, text)) return 1;
  if (call->other < 0) return 0;
  char other[PATH_MAX];
  read_text(pid, args[call->other], other, sizeof other);
  return is_below(pid, other);
}

static const struct call *find_call(unsigned long long number) {
  for (size_t index = 0; index < sizeof CALLS / sizeof CALLS[0]; index += 1) {
    if ((unsigned long long)CALLS[index].number == number) return &CALLS[index];
  }
  return NULL;
}

// The kernel stops the process at these calls only; stopping at all of them takes three times as long.
static void stop_at_calls(void) {
  enum { COUNT = sizeof CALLS / sizeof CALLS[0] };
  struct sock_filter filter[COUNT + 3];
  filter[0] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
  for (unsigned index = 0; index < COUNT; index += 1) {
    filter[1 + index] =
        (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)CALLS[index].number, COUNT - index, 0);
  }
  filter[1 + COUNT] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  filter[2 + COUNT] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE);
  struct sock_fprog program = {COUNT + 3, filter};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) die("no new privileges");
  if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) die("seccomp");
}

int main(int count, char **words) {
  if (count < 5) {
    fputs("tracer FOLDER N LOG PROGRAM ARGUMENT…\n", stderr);
    return 2;
  }
  folder = words[1];
  folder_length = strlen(folder);
  long wanted = atol(words[2]);
  FILE *log = fopen(words[3], "w");
  if (log == NULL) die(words[3]);
  pid_t child = fork();
  if (child < 0) die("fork");
  if (child == 0) {
    setpgid(0, 0);
    if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0) die("ptrace");
    raise(SIGSTOP);
    stop_at_calls();
    execvp(words[4], words + 4);
    die(words[4]);
  }
  int status;
  if (waitpid(child, &status, 0) < 0) die("waitpid");
  long options = PTRACE_O_TRACESECCOMP | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE |
                 PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;
  if (ptrace(PTRACE_SETOPTIONS, child, NULL, options) != 0) die("options");
  ptrace(PTRACE_CONT, child, NULL, 0);
  long hits = 0;
  int killed = 0;
  char text[PATH_MAX];
  for (;;) {
    pid_t pid = waitpid(-1, &status, __WALL);
    if (pid < 0) break;
    if (!WIFSTOPPED(status)) continue;
    int signal = WSTOPSIG(status);
    int pass = 0;
    if (status >> 8 == (SIGTRAP | (PTRACE_EVENT_SECCOMP << 8))) {
      struct __ptrace_syscall_info info;
      long size = ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof info, &info);
      const struct call *call = size > 0 && info.op == PTRACE_SYSCALL_INFO_SECCOMP ? find_call(info.seccomp.nr) : NULL;
      if (!killed && call != NULL && touches(pid, call, info.seccomp.args, text, sizeof text)) {
        hits += 1;
        fprintf(log, "%ld %d %s %s\n", hits, pid, call->name, text);
        if (hits == wanted) {
          killed = 1;
          kill(-child, SIGKILL);
          continue;
        }
      }
    } else if (signal != SIGTRAP && signal != SIGSTOP) {
      pass = signal;
    }
    ptrace(PTRACE_CONT, pid, NULL, pass);
  }
  fclose(log);
  return killed ? 0 : 3;
}
