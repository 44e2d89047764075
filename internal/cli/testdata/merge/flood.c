// flood DIR COUNT LINES: as many processes, each of which writes so many lines into
// the FIFO DIR/I, at full speed and without regard to where a write ends. A COUNT of 1
// is this process.
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <fcntl.h>

static void flood(const char *dir, int number, long lines) {
    char path[4096], line[256];
    static char buffer[40000];
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    snprintf(path, sizeof path, "%s/%d", dir, number);
    FILE *out = fopen(path, "w");
    if (out == NULL) _exit(1);
    setvbuf(out, buffer, _IOFBF, sizeof buffer);
    for (long i = 0; i < lines; i++) {
        int length = (int)((i * 7 + number) % 97);
        memset(line, 'a' + (int)(i % 26), (size_t)length);
        fprintf(out, "%d %ld %.*s\n", number, i, length, line);
    }
    _exit(fclose(out) == 0 ? 0 : 1);
}

int main(int argc, char **argv) {
    if (argc != 4) return 2;
    int count = atoi(argv[2]), failed = 0, status;
    if (count == 1) flood(argv[1], 0, atol(argv[3]));
    for (int i = 0; i < count; i++)
        if (fork() == 0) flood(argv[1], i, atol(argv[3]));
    while (wait(&status) > 0) failed |= status;
    return failed != 0;
}
