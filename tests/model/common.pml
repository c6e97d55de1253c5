/* Shared by the models: how often things go wrong, and what a frame is.
 *
 * Every model is a closed system whose disturbances are counted: once they are used up there is peace, and everything
 * must come to its end by itself. Timers fire when nothing else can happen (`timeout`); one that fires earlier is a
 * disturbance. A handler of one frame is one step, as it is one turn of a loop thread. */

#ifndef DISTURBANCES
#define DISTURBANCES 2 /* of any kind, in any order */
#endif
byte disturbances = DISTURBANCES;

#ifndef DEATHS
#define DEATHS true /* of processes, among the disturbances */
#endif

#define NOBODY 2 /* there are two workers: 0 and 1 */

/* Frames of a connection come in their order, unless a disturbance loses, doubles or swaps them. A full buffer loses
 * what is sent into it. */
#define SEND(channel, frame) \
  if                         \
  :: len(channel) < CAPACITY -> channel!frame \
  :: else -> skip  \
  fi

#define ANY_FRAME kind, number, first, second
