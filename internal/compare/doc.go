// Package compare measures every transport on this machine, side by side.
//
// For each transport it runs its own binary again as two processes, a leader
// and a follower, each pinned to a CPU, which stay connected over that
// transport for the whole run:
//
//	coordinator --fd:--> leader --fd:--> follower     orders, in JSON
//	                     leader ========> follower    what is measured
//
// The leader starts the follower, so that fd: is measured as it is used,
// between a parent and its child, and nothing is special about it: its one
// connection is both. Between two measurements the orders for the follower
// travel over the connection that is measured.
//
// A run goes round by round, and within a round measures every transport in
// turn, so a machine that drifts is fair to all.
package compare
