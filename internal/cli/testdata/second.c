/* Takes a second lock without waiting, and ends after a moment. Status 9: another
 * has it. It is a POSIX lock, which the kernel of a process that dies gives up
 * before those of open files, which it has inherited. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct flock all = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int fd = open(argc > 1 ? argv[1] : "", O_RDWR | O_CREAT, 0600);
	if (fd < 0)
		return 1;
	if (fcntl(fd, F_SETLK, &all) < 0)
		return errno == EAGAIN || errno == EACCES ? 9 : 1;
	usleep(3000);
	return 0;
}
