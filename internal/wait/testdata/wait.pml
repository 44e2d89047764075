/*
 * The protocol of package wait, with a store buffer for each process: two sides of a
 * connection, a ring of one record, waits for data and for room, cancellation and
 * death at any step. Names are those of the code: Waiter.Wait, Waiter.park, Bell.Ring.
 *
 *   spin -a wait.pml && gcc -DSAFETY -DCOLLAPSE -o pan pan.c && ./pan
 *
 * -DNOFENCE  nobody fences: the model must fail, a side sleeps for ever
 * -DXCHG     no Barrier: each side's own stores are fences
 * -DDEAF     the flag is not heeded: must fail, too
 * -DONEWORD  a waiter sleeps again on the same announcement: must fail, too
 */
#ifndef MESSAGES
#define MESSAGES 3
#endif
#ifndef CANCELS
#define CANCELS 1
#endif

/* The words in shared memory. Each is stored by one side only, so no load need look
   into its own side's store buffer. */
#define HEAD 0      /* how many records are published: the producer's */
#define TAIL 1      /* how many are taken: the consumer's */
#define WANT_DATA 2 /* the consumer's announcements */
#define WANT_ROOM 3 /* the producer's */
byte memory[4];

#define PRODUCER 0
#define CONSUMER 1

chan buffer[2] = [2] of { byte, byte }; /* stores on their way: word, value */
chan door[2] = [2] of { bit };          /* knocks on their way to a side */
bool dying[2];
bool hungup[2]; /* the side has closed its sockets, or the kernel has */
byte cancels = CANCELS;

/* How a wait ends. */
#define NOTHING 0
#define HANGUP 1
#define CANCELLED 2

/* A word, whose flag asks the notifier for a fence. */
#define ASKED(want) ((want) & 1)
#define FENCING(want) ((want) & 2)
#define ANNOUNCE ((seq) * 4 + 2 * flag + 1)
#define QUIET ((seq) * 4 + 2 * flag)

/* Memory takes a side's stores out of its buffer, in order, whenever it likes. */
proctype Memory(byte side) {
	byte word, value;
end:
	do
	:: atomic { buffer[side]?word,value -> memory[word] = value }
	od
}

#define FENCE(side) (empty(buffer[side]))
#if defined(NOFENCE) || defined(XCHG)
#define OWN_FENCE skip
#define PEER_FENCE skip
#else
#define OWN_FENCE FENCE(me)
#define PEER_FENCE FENCE(peer)
#endif

inline store(word, value) {
	buffer[me]!word,value;
#ifdef XCHG
	FENCE(me)
#endif
}

/* Announces. Before the look that follows it takes a fence on both sides: where no flag
   has asked the peer for its own, a Barrier, which makes every thread that runs go through
   one, one after the other. */
inline announce(announcement) {
	if
	:: flag -> store(announcement, ANNOUNCE); OWN_FENCE
	:: !flag ->
		flag = 1;
		store(announcement, ANNOUNCE);
		OWN_FENCE;
		PEER_FENCE
	fi
}

/* Bell.Ring. Where the door is full of knocks, one is enough. */
inline ring(word) {
	want = memory[word];
#if !defined(NOFENCE) && !defined(DEAF)
	if
	:: FENCING(want) -> FENCE(me); want = memory[word]
	:: else
	fi;
#endif
	if
	:: ASKED(want) && want != answered ->
		answered = want;
		if
		:: nfull(door[peer]) -> door[peer]!1
		:: full(door[peer])
		fi
	:: else
	fi
}

/* Waiter.relieve, which a wait that did not park may end with: any moment between two
   that park will do. */
inline relieve(announcement) {
	if
	:: flag -> flag = 0; store(announcement, QUIET)
	:: skip
	fi
}

/* Waiter.Wait: until the word is not old, or the peer has hung up, or the caller is
   tired of it. */
inline wait(announcement, word, old) {
	outcome = NOTHING;
	relieve(announcement);
	do
	:: announce(announcement);
		if
		:: memory[word] == old ->
			if
			:: door[me]?_
			:: hungup[peer] && empty(door[me]) -> outcome = HANGUP
			:: atomic { cancels > 0 -> cancels--; outcome = CANCELLED }
			fi
		:: memory[word] != old
		fi;
#ifndef ONEWORD
		seq++;
		store(announcement, QUIET);
#endif
		if
		:: memory[word] != old || outcome != NOTHING -> break
		:: memory[word] == old && outcome == NOTHING /* announce anew */
		fi
	od;
#ifdef ONEWORD
	seq++;
	store(announcement, QUIET);
#endif
	if
	:: memory[word] != old -> outcome = NOTHING
	:: else
	fi
}

proctype Producer() {
	byte me = PRODUCER, peer = CONSUMER;
	byte sent, taken, want, answered, seq, outcome;
	bit flag;
	{
		do
		:: sent == MESSAGES -> break
		:: sent < MESSAGES ->
			taken = memory[TAIL];
			if
			:: sent == taken ->
				sent++;
				store(HEAD, sent);
				ring(WANT_DATA)
			:: else ->
				wait(WANT_ROOM, TAIL, taken);
				if
				:: outcome == HANGUP -> goto gone
				:: else
				fi
			fi
		od;
gone:		skip
	} unless { dying[PRODUCER] };
	FENCE(me); /* the kernel does not close a socket ahead of the stores before it */
	hungup[PRODUCER] = true
}

proctype Consumer() {
	byte me = CONSUMER, peer = PRODUCER;
	byte taken, there, want, answered, seq, outcome;
	bit flag;
	{
		do
		:: taken == MESSAGES -> break
		:: taken < MESSAGES ->
			there = memory[HEAD];
			if
			:: there != taken ->
				assert(there == taken + 1); /* never more than there is room for */
				taken++;
				store(TAIL, taken);
				ring(WANT_ROOM)
			:: else ->
				wait(WANT_DATA, HEAD, taken);
				if
				:: outcome == HANGUP ->
					assert(memory[HEAD] == taken); /* all that was published is read */
					assert(dying[PRODUCER]);       /* and nobody alive is given up */
					goto gone
				:: else
				fi
			fi
		od;
gone:		skip
	} unless { dying[CONSUMER] };
	FENCE(me);
	hungup[CONSUMER] = true
}

/* Death comes to one of them at most, at any step. */
proctype Death() {
	if
	:: dying[PRODUCER] = true
	:: dying[CONSUMER] = true
	:: skip
	fi
}

init {
	atomic { run Memory(PRODUCER); run Memory(CONSUMER); run Producer(); run Consumer(); run Death() }
}
