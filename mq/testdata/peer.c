/* A peer that does as it is told, a line each, with glibc's calls alone. It
 * answers each line with one: what came, "ok", or the name of the errno. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/msg.h>
#include <sys/stat.h>

enum { LONGEST = 8192 };

static mqd_t queue = -1;
static int id = -1;
static char text[LONGEST + 1];
static struct { long type; char text[LONGEST]; } message;

static void answer(long result)
{
	if (result < 0)
		printf("%s\n", strerrorname_np(errno));
	else
		printf("ok\n");
}

static void notify(void)
{
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
	answer(mq_notify(queue, &event));
}

static void await(void)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	answer(sigwaitinfo(&set, NULL));
}

static void receive(void)
{
	unsigned priority;
	ssize_t n = mq_receive(queue, text, LONGEST, &priority);
	if (n < 0)
		answer(n);
	else
		printf("%u %.*s\n", priority, (int)n, text);
}

static void msgreceive(long type, int flags)
{
	ssize_t n = msgrcv(id, &message, LONGEST, type, flags);
	if (n < 0)
		answer(n);
	else
		printf("%ld %.*s\n", message.type, (int)n, message.text);
}

static void attributes(void)
{
	struct mq_attr a;
	struct stat s;
	if (mq_getattr(queue, &a) < 0 || fstat(queue, &s) < 0)
		answer(-1);
	else
		printf("%ld %ld %ld %o\n", a.mq_maxmsg, a.mq_msgsize, a.mq_curmsgs, s.st_mode & 0777);
}

static void msgstat(void)
{
	struct msqid_ds s;
	if (msgctl(id, IPC_STAT, &s) < 0)
		answer(-1);
	else
		printf("%lu %lu %o\n", s.msg_qnum, s.msg_qbytes, s.msg_perm.mode & 0777);
}

/* Each message is of one letter, whose number is its length: 1 to 26, "zzzz…". */
static size_t fill(char *to, unsigned turn)
{
	size_t n = turn % 26 + 1;
	memset(to, 'a' + n - 1, n);
	return n;
}

static void whole(const char *from, ssize_t n)
{
	for (ssize_t i = 0; i < n; i++)
		if (from[i] != 'a' + n - 1) {
			printf("torn\n");
			exit(1);
		}
}

static void flood(void)
{
	for (unsigned turn = 0;; turn++)
		if (mq_send(queue, text, fill(text, turn), turn % 3) < 0)
			break;
	answer(-1);
}

static void drain(void)
{
	ssize_t n;
	while ((n = mq_receive(queue, text, LONGEST, NULL)) >= 0)
		whole(text, n);
	answer(-1);
}

static void msgflood(void)
{
	message.type = 1;
	for (unsigned turn = 0;; turn++)
		if (msgsnd(id, &message, fill(message.text, turn), 0) < 0)
			break;
	answer(-1);
}

static void msgdrain(void)
{
	ssize_t n;
	while ((n = msgrcv(id, &message, LONGEST, 0, 0)) >= 0)
		whole(message.text, n);
	answer(-1);
}

static void obey(const char *line)
{
	char name[256];
	long number, size;
	unsigned mode;
	int flags;

	if (sscanf(line, "create %255s %o %ld %ld", name, &mode, &number, &size) == 4) {
		struct mq_attr a = {.mq_maxmsg = number, .mq_msgsize = size};
		answer(queue = mq_open(name, O_RDWR | O_CREAT | O_EXCL, mode, &a));
	} else if (sscanf(line, "open %255s", name) == 1)
		answer(queue = mq_open(name, O_RDWR));
	else if (sscanf(line, "send %u %8192[^\n]", &mode, text) == 2)
		answer(mq_send(queue, text, strlen(text), mode));
	else if (!strcmp(line, "receive"))
		receive();
	else if (!strcmp(line, "attributes"))
		attributes();
	else if (!strcmp(line, "notify"))
		notify();
	else if (!strcmp(line, "await"))
		await();
	else if (!strcmp(line, "flood"))
		flood();
	else if (!strcmp(line, "drain"))
		drain();
	else if (sscanf(line, "unlink %255s", name) == 1)
		answer(mq_unlink(name));
	else if (sscanf(line, "msgget %ld %o", &number, &mode) == 2)
		answer(id = msgget(number, IPC_CREAT | IPC_EXCL | mode));
	else if (sscanf(line, "msgopen %ld", &number) == 1)
		answer(id = msgget(number, 0));
	else if (sscanf(line, "msgsnd %ld %8192[^\n]", &message.type, message.text) == 2)
		answer(msgsnd(id, &message, strlen(message.text), 0));
	else if (sscanf(line, "msgrcv %ld %i", &number, &flags) == 2)
		msgreceive(number, flags);
	else if (!strcmp(line, "msgstat"))
		msgstat();
	else if (!strcmp(line, "msgrm"))
		answer(msgctl(id, IPC_RMID, NULL));
	else if (!strcmp(line, "msgflood"))
		msgflood();
	else if (!strcmp(line, "msgdrain"))
		msgdrain();
	else
		printf("what?\n");
}

int main(void)
{
	static char line[LONGEST + 64];
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	setvbuf(stdout, NULL, _IOLBF, 0);
	while (fgets(line, sizeof line, stdin)) {
		line[strcspn(line, "\n")] = 0;
		obey(line);
	}
	return 0;
}
