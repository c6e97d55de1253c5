/* Shared by the models: how often things go wrong, and the network.
 *
 * Every model is a closed system whose disturbances are counted: once they are used up there is peace, and everything
 * must come to its end by itself. Timers fire when nothing else can happen (`timeout`), and before that as often as
 * EARLY_TIMERS says. A handler of one frame is one step, as it is one turn of a loop thread. */

#define NOBODY 2 /* there are two workers: 0 and 1 */

/* Frames of a connection come in their order, unless a disturbance loses, doubles or swaps them. A full buffer loses
 * what is sent into it. */
#define SEND(channel, frame) \
  if                         \
  :: len(channel) < CAPACITY -> channel!frame \
  :: else -> skip  \
  fi

/* Only a frame that its sender would tell again by itself is doubled: orders come once at most (core/wire/channel.h). */
#define ANY_FRAME kind, number, first, second
