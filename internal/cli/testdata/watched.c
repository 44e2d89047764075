/* watched WAY...: a child for each WAY, whose PID it says. With the first line that it is
 * told they end, each in its way, with the second one it waits for them:
 *
 *   exit:N     by exit
 *   signal:N   by a signal
 *   thread:N   by exit of a thread, long after the main thread has ended
 *   kill:0     when it is killed
 *
 * Of each that it waited for it says the PID and the status of wait(2). */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static int gate[2], number;

static void wait_for_gate(void)
{
	char byte;
	if (read(gate[0], &byte, 1) != 0)
		abort();
}

static void *outlive(void *main_thread)
{
	pthread_join(*(pthread_t *)main_thread, NULL);
	wait_for_gate();
	_exit(number);
}

static void end(const char *way)
{
	static pthread_t self;
	pthread_t thread;
	number = atoi(strchr(way, ':') + 1);
	close(gate[1]);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (way[0] == 't') {
		self = pthread_self();
		if (pthread_create(&thread, NULL, outlive, &self))
			abort();
		pthread_exit(NULL);
	}
	if (way[0] == 'k')
		for (;;)
			pause();
	wait_for_gate();
	if (way[0] == 's') {
		setrlimit(RLIMIT_CORE, &(struct rlimit){ RLIM_INFINITY, RLIM_INFINITY });
		signal(number, SIG_DFL);
		raise(number);
	}
	_exit(number);
}

int main(int argc, char **argv)
{
	char line[64];
	if (pipe(gate))
		return 1;
	for (int i = 1; i < argc; i++) {
		pid_t child = fork();
		if (child < 0)
			return 2;
		if (child == 0)
			end(argv[i]);
		printf("%d\n", child);
		fflush(stdout);
	}
	if (!fgets(line, sizeof line, stdin))
		return 3;
	close(gate[1]);
	if (!fgets(line, sizeof line, stdin))
		return 4;
	int status;
	for (pid_t child; (child = wait(&status)) > 0; ) {
		printf("%d %d\n", child, status);
		fflush(stdout);
	}
	return 0;
}
