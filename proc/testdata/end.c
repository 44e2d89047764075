// end WAY NUMBER: waits until its input has a byte for it or ends, and ends itself as it is
// told: by exit, or by a signal. By "kill" it waits to be killed.
#define _GNU_SOURCE
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv) {
	char byte;
	if (argc != 3)
		return 99;
	int number = atoi(argv[2]);
	while (strcmp(argv[1], "kill") == 0)
		pause();
	(void)!read(0, &byte, 1);
	if (strcmp(argv[1], "signal") == 0) {
		sigset_t none;
		signal(number, SIG_DFL);
		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, 0);
		kill(getpid(), number);
	}
	_exit(number);
}
