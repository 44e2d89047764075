// Objects of the kernel's as a C program uses them: objects CALL ARGUMENTS...
// It prints what the call tells, and exits with status 1 where it fails.
#include <fcntl.h>
#include <mqueue.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <unistd.h>

struct message {
	long type;
	char text[8192];
};

static int is(char **call, const char *name) { return strcmp(call[0], name) == 0; }

static key_t key(char **call) { return strtoul(call[1], NULL, 0); }

static void check(int failed, const char *what) {
	if (failed) {
		perror(what);
		exit(1);
	}
}

static void systemV(char **call) {
	struct message m;
	if (is(call, "ftok")) {
		printf("0x%08x\n", ftok(call[1], atoi(call[2])));
	} else if (is(call, "shmat")) { // KEY TEXT
		char *memory = shmat(shmget(key(call), 0, 0), NULL, 0);
		check(memory == (void *)-1, "shmat");
		strcpy(memory, call[2]);
	} else if (is(call, "semop")) { // KEY INDEX CHANGE
		struct sembuf op = {atoi(call[2]), atoi(call[3]), 0};
		check(semop(semget(key(call), 0, 0), &op, 1), "semop");
	} else if (is(call, "getval")) { // KEY INDEX
		int value = semctl(semget(key(call), 0, 0), atoi(call[2]), GETVAL);
		check(value < 0, "semctl");
		printf("%d\n", value);
	} else if (is(call, "msgsnd")) { // KEY TYPE TEXT
		m.type = atol(call[2]);
		strcpy(m.text, call[3]);
		check(msgsnd(msgget(key(call), 0), &m, strlen(m.text), 0), "msgsnd");
	} else if (is(call, "msgrcv")) { // KEY TYPE
		int n = msgrcv(msgget(key(call), 0), &m, sizeof m.text, atol(call[2]), 0);
		check(n < 0, "msgrcv");
		printf("%ld %.*s\n", m.type, n, m.text);
	}
}

static void posix(char **call) {
	if (is(call, "shm_open")) { // NAME TEXT: made, if need be
		int fd = shm_open(call[1], O_RDWR | O_CREAT, 0600);
		check(fd < 0 || ftruncate(fd, 4096), "shm_open");
		char *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		check(memory == MAP_FAILED, "mmap");
		strcpy(memory, call[2]);
	} else if (is(call, "sem_create")) { // NAME VALUE
		check(sem_open(call[1], O_CREAT | O_EXCL, 0600, atoi(call[2])) == SEM_FAILED, "sem_open");
	} else if (is(call, "sem_post") || is(call, "sem_wait") || is(call, "sem_getvalue")) { // NAME
		int value;
		sem_t *s = sem_open(call[1], 0);
		check(s == SEM_FAILED, "sem_open");
		check(is(call, "sem_post") ? sem_post(s) : is(call, "sem_wait") ? sem_wait(s) : sem_getvalue(s, &value), call[0]);
		if (is(call, "sem_getvalue"))
			printf("%d\n", value);
	} else if (is(call, "mq_create")) { // NAME
		struct mq_attr attributes = {.mq_maxmsg = 2, .mq_msgsize = 100};
		check(mq_open(call[1], O_RDWR | O_CREAT | O_EXCL, 0600, &attributes) < 0, "mq_open");
	} else if (is(call, "mq_send")) { // NAME PRIORITY TEXT
		check(mq_send(mq_open(call[1], O_WRONLY), call[3], strlen(call[3]), atoi(call[2])), "mq_send");
	} else if (is(call, "mq_receive")) { // NAME
		char text[8192];
		unsigned priority;
		int n = mq_receive(mq_open(call[1], O_RDONLY), text, sizeof text, &priority);
		check(n < 0, "mq_receive");
		printf("%u %.*s\n", priority, n, text);
	}
}

int main(int count, char **arguments) {
	check(count < 3, "objects CALL ARGUMENTS...");
	systemV(arguments + 1);
	posix(arguments + 1);
}
