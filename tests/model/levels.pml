/* LEVELS: two workers and a controller that tells them to leave, to give slices back and to forget results, with frames
 * lost; a master that says how many workers may stay (see README.md). */
#include "common.pml"

#define CAPACITY 2
#define SHORT 1
#define LONG 2

mtype = {hello, results, recalled, heartbeat, goodbye, welcome, dispatch, acked, recall, leave, hello_again};

/* number: a result's number; first, second: slices as sets, or results as a list (lowest first) */
chan to_controller[2] = [CAPACITY] of {mtype, byte, byte, byte};
chan to_worker[2] = [CAPACITY] of {mtype, byte, byte, byte};
chan to_master = [1] of {byte}; /* Wanted, on its way to the controller */

/* The ledger: which of the two slices are settled. */
byte settled;

/* The controller. */
bool running, concluding, dismissing;
byte queued, leased[2], batch_settled, wanted;
byte received[2], acknowledged[2], batch_ack[2];
bool known[2], stranger[2], leaving[2], recalling[2], none_waits[2], batched;

/* The workers. */
bool alive[2] = true, welcomed[2], obeys_leave[2];
byte waiting[2], runs[2], first_unacked[2] = 1, sent[2], results_kept[2]; /* list: lowest two bits first */

/* The master. */
byte master_wanted = 2;

#ifndef EVENTS
#define EVENTS 1 /* a user wants one worker less, or one leaves by itself */
#endif
byte events = EVENTS;

/* For the checks alone: its controller has heard that it leaves. */
bool said_leaving[2];
byte refused[2]; /* numbers of results that did not count: the slice was somebody else's */

#define ALL 3
#define RESULT(w, place) ((results_kept[w] >> (2 * (place))) & 3)
#define FATE_IS_DURABLE(w, place)                                               \
  ((settled & RESULT(w, place)) == RESULT(w, place) || /* also if there is none */ \
   (refused[w] & (1 << (first_unacked[w] + (place)))))
#define COUNT(set) (((set)&1) + ((set) >> 1))
#define HELD(w) (waiting[w] | runs[w])
#define KEPT_COUNT(w) ((results_kept[w] == 0 -> 0 : (results_kept[w] < 4 -> 1 : (results_kept[w] < 16 -> 2 : 3))))
#define STAYING ((alive[0] && !obeys_leave[0] -> 1 : 0) + (alive[1] && !obeys_leave[1] -> 1 : 0))
#define ALL_WELL (running && settled == ALL && !alive[0] && !alive[1] && !known[0] && !known[1])
#define IS_THERE(w) (known[w] && !stranger[w])

#define CLEAR kind = 0; number = 0; first = 0; second = 0

#define TELL(w, frame) \
  if \
  :: !stranger[w] && len(to_worker[w]) < CAPACITY -> to_worker[w]!frame \
  :: else -> skip \
  fi

inline cut(channel) {
  do
  :: channel?ANY_FRAME
  :: empty(channel) -> break
  od;
  CLEAR
}

/* ---- workers: worker/worker.cc ---- */

inline say_hello(w) {
  welcomed[w] = false;
  sent[w] = first_unacked[w] + KEPT_COUNT(w) - 1;
  SEND(to_controller[w], hello(first_unacked[w], HELD(w), results_kept[w]))
}

inline reconnect(w) {
  cut(to_worker[w]);
  cut(to_controller[w]);
  say_hello(w)
}

/* What does not fit into the buffer is told later. */
#define UNSENT(w) (first_unacked[w] + KEPT_COUNT(w) - 1 - sent[w])
inline send_results(w) {
  do
  :: UNSENT(w) && len(to_controller[w]) < CAPACITY ->
    sent[w]++;
    to_controller[w]!results(sent[w], (results_kept[w] >> (2 * (sent[w] - first_unacked[w]))) & 3, 0)
  :: else -> break
  od
}

inline tell_heartbeat(w) {
  SEND(to_controller[w],
       heartbeat(first_unacked[w] - 1, sent[w], (COUNT(HELD(w)) + UNSENT(w)) * 2 + (obeys_leave[w] -> 1 : 0)))
}

/* Worker::leave */
inline worker_leaves(w) {
  if
  :: !obeys_leave[w] ->
    obeys_leave[w] = true;
    if
    :: waiting[w] && welcomed[w] -> SEND(to_controller[w], recalled(0, waiting[w], 0))
    :: else -> skip
    fi;
    waiting[w] = 0;
    if
    :: welcomed[w] -> tell_heartbeat(w)
    :: else -> skip
    fi
  :: else -> skip
  fi
}

/* The oldest result is forgotten. */
inline forget_result(w) {
  assert(FATE_IS_DURABLE(w, 0)); /* I5: acknowledged means durable */
  results_kept[w] = results_kept[w] >> 2;
  first_unacked[w]++
}

inline on_worker_frame(w) {
  to_worker[w]?ANY_FRAME;
  if
  :: kind == welcome ->
    welcomed[w] = true;
    waiting[w] = waiting[w] & ~first; /* cancelled: they are somebody else's by now */
    runs[w] = runs[w] & ~first;
    send_results(w)
  :: kind == hello_again && welcomed[w] -> say_hello(w)
  :: kind == dispatch && welcomed[w] ->
    if
    :: obeys_leave[w] ->
#ifndef FAULT_LEAVING_UNHEARD
      tell_heartbeat(w);
#endif
      SEND(to_controller[w], recalled(0, first, 0))
    :: else -> waiting[w] = waiting[w] | first
    fi
  :: kind == acked && welcomed[w] ->
    do
    :: results_kept[w] && first_unacked[w] <= number -> forget_result(w)
    :: else -> break
    od
  :: kind == recall && welcomed[w] ->
    SEND(to_controller[w], recalled(0, waiting[w], 0));
    waiting[w] = 0
  :: kind == leave && welcomed[w] -> worker_leaves(w)
  :: else -> skip
  fi;
  CLEAR
}

inline finish(w) {
  results_kept[w] = results_kept[w] | (runs[w] << (2 * KEPT_COUNT(w)));
  runs[w] = 0;
  if
  :: welcomed[w] -> send_results(w)
  :: else -> skip
  fi
}

/* What its heartbeat could set right now. */
#ifdef FAULT_NOT_RECALLED_AGAIN
#define ASKS_AGAIN(w) false
#else
#define ASKS_AGAIN(w) none_waits[w]
#endif
#define HEARTBEAT_HELPS(w)                                                                                          \
  (results_kept[w] || obeys_leave[w] || leaving[w] || COUNT(HELD(w)) < COUNT(leased[w]) || recalling[w] || ASKS_AGAIN(w) || stranger[w])

/* The long slice ends when the short one is done, or when nobody else could do that, and when no worker is left that
 * has to be told to leave: so everybody waits for a level that is not told. */
#define LONG_MAY_END(w) (settled || !alive[1 - (w)] || obeys_leave[1 - (w)] || obeys_leave[w])

active [2] proctype worker() {
#define w _pid
  mtype kind;
  byte number, first, second;

  do
  :: d_step { alive[w] && nempty(to_worker[w]) -> on_worker_frame(w) }
  :: d_step { alive[w] && !runs[w] && (waiting[w] & LONG) -> runs[w] = LONG; waiting[w] = waiting[w] & ~LONG }
  :: d_step { alive[w] && !runs[w] && (waiting[w] & SHORT) -> runs[w] = SHORT; waiting[w] = waiting[w] & ~SHORT }
  :: d_step { alive[w] && runs[w] == SHORT && KEPT_COUNT(w) < 3 -> finish(w) }
  :: d_step { alive[w] && runs[w] == LONG && KEPT_COUNT(w) < 3 && LONG_MAY_END(w) &&
       STAYING <= master_wanted -> finish(w) }

  /* Worker::go_if_done */
  :: d_step { alive[w] && obeys_leave[w] && !HELD(w) &&
#ifndef FAULT_GOODBYE_UNACKNOWLEDGED
       !results_kept[w] &&
#endif
       len(to_controller[w]) < CAPACITY ->
       assert(FATE_IS_DURABLE(w, 0) && FATE_IS_DURABLE(w, 1) && FATE_IS_DURABLE(w, 2)); /* nothing leaves with it */
       to_controller[w]!goodbye(0, 0, 0);
       alive[w] = false; welcomed[w] = false; results_kept[w] = 0; first_unacked[w] = 0; sent[w] = 0; refused[w] = 0 }

  /* SIGTERM */
  :: d_step { events && alive[w] && alive[1 - w] && !obeys_leave[w] -> events--; worker_leaves(w) }

  /* Worker::heartbeat */
  :: d_step { timeout && alive[w] && running && !welcomed[w] -> reconnect(w) }
  :: d_step { timeout && alive[w] && running && welcomed[w] && HEARTBEAT_HELPS(w) -> send_results(w); tell_heartbeat(w) }
  :: d_step { disturbances && alive[w] && welcomed[w] && HEARTBEAT_HELPS(w) && len(to_controller[w]) < CAPACITY ->
       disturbances--; tell_heartbeat(w) }

  /* the master starts another one */
  :: d_step { !alive[w] && running && !known[w] && !concluding && settled != ALL && STAYING < master_wanted ->
       alive[w] = true; obeys_leave[w] = false; first_unacked[w] = 1; said_leaving[w] = false;
       reconnect(w) }

  :: atomic { timeout && ALL_WELL -> break }
  od
#undef w
}

/* ---- the controller: dispatch/worker_levels.cc, dispatch/dispatcher.cc ---- */

inline dismiss(w) {
  if
  :: known[w] && !leaving[w] ->
    leaving[w] = true;
    TELL(w, leave(0, 0, 0))
  :: else -> skip
  fi
}

/* WorkerLevels::dismiss_surplus: who has less to do */
inline dismiss_surplus() {
  if
  :: wanted == 1 && known[0] && !leaving[0] && known[1] && !leaving[1] ->
    if
    :: COUNT(leased[1]) < COUNT(leased[0]) -> dismiss(1)
    :: else                                -> dismiss(0)
    fi
  :: else -> skip
  fi
}

/* Settlement, after LeaseTable::take */
inline take(w, result, slice) {
  if
  :: leased[w] & slice ->
    leased[w] = leased[w] & ~(slice);
    batch_settled = batch_settled | (slice);
    batched = true
  :: !(leased[w] & slice) && !((settled | batch_settled) & slice) ->
    assert(result < 8); /* a bound of the model */
    refused[w] = refused[w] | (1 << (result))
  :: else -> skip
  fi
}

inline requeue(w, slices) {
#ifndef FAULT_DROP_RECALLED
  queued = queued | (leased[w] & (slices));
#endif
  leased[w] = leased[w] & ~(slices)
}

inline adopt(w, slices) {
  leased[w] = leased[w] | (queued & (slices));
  queued = queued & ~(slices)
}

inline on_hello(w) {
  known[w] = true;
  stranger[w] = false;
  recalling[w] = false;
  none_waits[w] = false;
  received[w] = number - 1;
  if
  :: second ->
    adopt(w, (second & 3) | ((second >> 2) & 3) | (second >> 4));
    do
    :: second ->
      received[w]++;
      take(w, received[w], second & 3);
      second = second >> 2
    :: else -> break
    od;
    batch_ack[w] = received[w];
    batched = true
  :: else -> skip
  fi;
  adopt(w, first);
  requeue(w, leased[w] & ~first); /* SliceReturns::keep_only */
  TELL(w, welcome(0, first & ~leased[w], 0));
  /* WorkerLevels::greet */
  if
  :: leaving[w] || dismissing ->
    leaving[w] = false;
    dismiss(w)
  :: else -> skip
  fi;
  dismiss_surplus()
}

inline on_results(w) {
#ifndef FAULT_ACK_OVER_GAP
  if
  :: number > received[w] + 1 -> TELL(w, hello_again(0, 0, 0)) /* what was before it did not come */
  :: else ->
#endif
    take(w, number, first);
    if
    :: number > received[w] -> received[w] = number
    :: else -> skip
    fi;
    batch_ack[w] = received[w];
    batched = true
#ifndef FAULT_ACK_OVER_GAP
  fi
#endif
}

/* WorkerLevels::on_heartbeat; number: acked, first: sent, second: held and leaving */
inline on_heartbeat(w) {
#ifndef FAULT_LEAVING_UNHEARD
  if
  :: second & 1 -> leaving[w] = true
  :: else -> skip
  fi;
#endif
#ifndef FAULT_NOT_RECALLED_AGAIN
  none_waits[w] = false; /* the empty answer may have been to an earlier recall */
#endif
  said_leaving[w] = said_leaving[w] || (second & 1);
#ifndef FAULT_ACK_TOLD_ONCE
  if
  :: number < acknowledged[w] -> TELL(w, acked(acknowledged[w], 0, 0))
  :: else -> skip
  fi;
#endif
#ifndef FAULT_LEAVE_TOLD_ONCE
  if
  :: leaving[w] && !(second & 1) -> TELL(w, leave(0, 0, 0))
  :: else -> skip
  fi;
#endif
#ifndef FAULT_RECALL_TOLD_ONCE
  if
  :: recalling[w] -> TELL(w, recall(0, 0, 0))
  :: else -> skip
  fi;
#endif
#ifndef FAULT_MISSING_NOT_ASKED
  if
  :: first > received[w] || (second >> 1) < COUNT(leased[w]) -> TELL(w, hello_again(0, 0, 0))
  :: else -> skip
  fi;
#endif
  skip
}

/* SliceReturns::release */
inline release(w) {
  requeue(w, ALL)
}

inline bury(w) {
  release(w);
  known[w] = false; stranger[w] = false; leaving[w] = false; recalling[w] = false; none_waits[w] = false;
  received[w] = 0; acknowledged[w] = 0; batch_ack[w] = 0;
  cut(to_controller[w]);
  cut(to_worker[w])
}

inline on_frame(w) {
  to_controller[w]?ANY_FRAME;
  if
  :: kind == hello -> on_hello(w)
  :: kind != hello && !IS_THERE(w) -> SEND(to_worker[w], hello_again(0, 0, 0))
  :: kind == results && IS_THERE(w) -> on_results(w)
  :: kind == recalled && IS_THERE(w) ->
    none_waits[w] = !first && recalling[w];
    recalling[w] = false;
    requeue(w, first)
  :: kind == heartbeat && IS_THERE(w) -> on_heartbeat(w)
  :: kind == goodbye && IS_THERE(w) ->
    release(w);
    leaving[w] = true
  fi;
  CLEAR
}

inline sync_batch() {
  settled = settled | batch_settled;
  batch_settled = 0;
  batched = false;
  number = 0;
  do
  :: number < 2 ->
    if
    :: batch_ack[number] ->
      acknowledged[number] = batch_ack[number];
      if
      :: known[number] -> TELL(number, acked(acknowledged[number], 0, 0))
      :: else -> skip
      fi
    :: else -> skip
    fi;
    batch_ack[number] = 0;
    number++
  :: else -> break
  od;
  CLEAR
}

inline give(w, slice) {
  assert(!said_leaving[w]); /* who leaves is given nothing: it would come back at once, and again, and again */
  queued = queued & ~slice;
  leased[w] = leased[w] | slice;
  none_waits[w] = false;
  to_worker[w]!dispatch(0, slice, 0)
}
#define HAS_CREDIT(w) (IS_THERE(w) && !leaving[w] && len(to_worker[w]) < CAPACITY)
/* Who idles comes first. Otherwise a slice that was recalled for an idle worker goes back to where it was. */
#ifdef FAULT_BUSY_FIRST
#define MAY_BE_GIVEN(w) HAS_CREDIT(w)
#else
#define MAY_BE_GIVEN(w) (HAS_CREDIT(w) && (!leased[w] || leased[1 - (w)] || !HAS_CREDIT(1 - (w))))
#endif

inline start_controller() {
  running = true;
  queued = ALL & ~settled
}

inline die() {
  running = false; concluding = false; dismissing = false; queued = 0; leased[0] = 0; leased[1] = 0; batch_settled = 0;
  wanted = 0; batched = false;
  number = 0;
  do
  :: number < 2 ->
    received[number] = 0; acknowledged[number] = 0; batch_ack[number] = 0; known[number] = false;
    stranger[number] = false; leaving[number] = false; recalling[number] = false; none_waits[number] = false;
    said_leaving[number] = false;
    number++
  :: else -> break
  od;
  CLEAR;
  if
  :: alive[0] -> reconnect(0)
  :: else     -> cut(to_controller[0])
  fi;
  if
  :: alive[1] -> reconnect(1)
  :: else     -> cut(to_controller[1])
  fi
}

active proctype controller() {
  mtype kind;
  byte number, first, second;

  d_step { start_controller(); wanted = 2; say_hello(0); say_hello(1) } /* both join, one after the other */
  do
  :: d_step { running && nempty(to_controller[0]) -> on_frame(0) }
  :: d_step { running && nempty(to_controller[1]) -> on_frame(1) }

  :: d_step { running && (queued & LONG) && MAY_BE_GIVEN(0) -> give(0, LONG) }
  :: d_step { running && (queued & LONG) && MAY_BE_GIVEN(1) -> give(1, LONG) }
  :: d_step { running && (queued & SHORT) && MAY_BE_GIVEN(0) -> give(0, SHORT) }
  :: d_step { running && (queued & SHORT) && MAY_BE_GIVEN(1) -> give(1, SHORT) }

  /* SliceAssigner::help_idle */
#define MAY_HELP(w) \
  (running && !queued && leased[w] == ALL && !leased[1 - (w)] && HAS_CREDIT(1 - (w)) && !leaving[w] && !recalling[w] && \
   !none_waits[w])
  :: d_step { MAY_HELP(0) -> recalling[0] = true; TELL(0, recall(0, 0, 0)) }
  :: d_step { MAY_HELP(1) -> recalling[1] = true; TELL(1, recall(0, 0, 0)) }

  :: d_step { running && known[0] && !alive[0] -> bury(0) }
  :: d_step { running && known[1] && !alive[1] -> bury(1) }
  :: d_step { running && batched -> sync_batch() }

  /* Conclusion::conclude */
  :: d_step { running && settled == ALL && !dismissing -> dismissing = true; concluding = true; dismiss(0); dismiss(1) }

  /* MasterRequests: Wanted */
  :: d_step { running && to_master?[number] -> to_master?wanted; number = 0; dismiss_surplus() }

  :: d_step { running && DEATHS && disturbances -> disturbances--; die() }
  :: d_step { !running -> start_controller() }
  :: atomic { timeout && ALL_WELL -> break }
  od
}

/* ---- the master ---- */

active proctype master() {
  byte any;
  do
  :: d_step { events && empty(to_master) -> events--; master_wanted = 1; to_master!1 }
  :: d_step { disturbances && nempty(to_master) -> disturbances--; to_master?any; any = 0 }
  /* a Status, or a hello, that says something else */
#ifndef FAULT_WANTED_TOLD_ONCE
  :: d_step { timeout && running && wanted != master_wanted && empty(to_master) -> to_master!master_wanted }
#endif
  :: atomic { timeout && ALL_WELL -> break }
  od
}

/* ---- the network ---- */

#define LOSE(channel) d_step { disturbances && nempty(channel) -> disturbances--; channel?ANY_FRAME; CLEAR }
#define DOUBLE(channel, what) \
  d_step { disturbances && len(channel) < CAPACITY && channel?[what, _, _, _] -> \
    disturbances--; channel?<ANY_FRAME>; channel!ANY_FRAME; CLEAR }
#define BREAK(w) \
  d_step { disturbances && IS_THERE(w) && alive[w] -> \
    disturbances--; stranger[w] = true; cut(to_worker[w]); cut(to_controller[w]) }

active proctype network() {
  mtype kind;
  byte number, first, second;

  do
  :: LOSE(to_controller[0])
  :: LOSE(to_controller[1])
  :: LOSE(to_worker[0])
  :: LOSE(to_worker[1])
  :: BREAK(0)
  :: BREAK(1)
  :: DOUBLE(to_controller[0], results)
  :: DOUBLE(to_controller[1], results)
  :: DOUBLE(to_controller[0], heartbeat)
  :: DOUBLE(to_controller[1], heartbeat)
  :: DOUBLE(to_worker[0], acked)
  :: DOUBLE(to_worker[1], acked)
  :: DOUBLE(to_worker[0], leave)
  :: DOUBLE(to_worker[1], leave)
  :: DOUBLE(to_worker[0], recall)
  :: DOUBLE(to_worker[1], recall)
  :: atomic { timeout && ALL_WELL -> break }
  od
}
