/* Writes message 3 of 128 bytes to standard output, and checks message 4, which comes on
 * standard input. */
#include "../c/payload.h"

int main(void)
{
	static uint64_t payload[16];
	fill(payload, sizeof payload, 3);
	if (fwrite(payload, sizeof payload, 1, stdout) != 1 || fread(payload, sizeof payload, 1, stdin) != 1)
		die("payload", "cannot be written or read");
	check(payload, sizeof payload, sizeof payload, 4);
	return 0;
}
