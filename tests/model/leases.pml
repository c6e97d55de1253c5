/* LEASES: one slice from its creation to `done`, over controllers and workers that die (see README.md). */
#include "common.pml"

/* Bounds. */
#define LIVES (DISTURBANCES + 1)
#define TRIES 4 /* attempts of one epoch */
#define CAPACITY 2

/* Attempt = (epoch, n), as one number; 0: none. */
#ifdef FAULT_ATTEMPT_REUSED
#define ATTEMPT(e, n) (n)
#else
#define ATTEMPT(e, n) (((e)-1) * TRIES + (n))
#endif
#define EPOCH_OF(a) (((a)-1) / TRIES + 1)
#define BIT(a) (1 << (a))
#define HAS(set, a) (((set) & BIT(a)) != 0)

mtype = {hello, results, recalled, heartbeat, welcome, dispatch, acked, cancel, hello_again};

chan to_controller[2] = [CAPACITY] of {mtype, byte, short, short};
chan to_worker[2] = [CAPACITY] of {mtype, byte, short, short};

/* What is durable: the ledger, staged files, the published one. */
byte ledger_epoch, committed, published;
bool settled;
short staged; /* attempts whose staged output is whole and synced */

/* The controller; it forgets all of it when it dies. */
bool running, waiting, queued, doubled, sweep_begun;
byte epoch, tries, lease_worker = NOBODY, lease_attempt, second_worker = NOBODY, second_attempt, to_publish;
bool known[2];
short revoked[2], acknowledged[2], kept;
/* The batch that is being gathered, and what is done once it is durable. */
byte batch_commit;
bool batch_settle, batched;
short batch_ack[2];

/* The workers. */
bool swapped, alive[2] = true, welcomed[2] = true, cancelled[2], unlinked[2], stranger[2];
byte worker_epoch[2] = 1, runs[2], waits[2];
short unacked[2];

#ifdef FAULT_SUCCESSOR_EARLY
byte zombie_commit;
#endif

#define OUTSTANDING(w)                                                                      \
  ((lease_worker == (w) -> 1 : 0) + (second_worker == (w) -> 1 : 0) + (revoked[w] -> 1 : 0))
#define HELD_COUNT(w) ((runs[w] -> 1 : 0) + (waits[w] -> 1 : 0))
#define HELD(w) ((runs[w] -> BIT(runs[w]) : 0) | (waits[w] -> BIT(waits[w]) : 0))
#define OPEN (!settled && committed == 0)

#define ALL_WELL                                                                                               \
  (running && settled && published == committed && lease_worker == NOBODY && second_worker == NOBODY && !queued && \
   !revoked[0] && !revoked[1] && !unacked[0] && !unacked[1] && !HELD(0) && !HELD(1) && !batched && !stranger[0] && !stranger[1] && welcomed[0] && \
   welcomed[1])

/* ---- the controller: dispatch/ ---- */

/* A worker whose connection broke has a fresh one, and is a stranger until it says Hello (WorkerTable::by_peer). */
#define IS_THERE(w) (known[w] && !stranger[w])
#define TELL(w, frame) \
  if \
  :: !stranger[w] && len(to_worker[w]) < CAPACITY -> to_worker[w]!frame \
  :: else -> skip \
  fi

inline order(w, a) { to_worker[w]!dispatch(epoch, a, 0) }

inline next_attempt(a) {
  tries++;
  assert(tries <= TRIES); /* a bound of the model */
  a = ATTEMPT(epoch, tries)
}

/* slice_returns.h, SliceReturns::requeue */
inline requeue() {
  lease_worker = NOBODY;
  lease_attempt = 0;
  doubled = false;
#ifndef FAULT_FORGET_LEASE
  queued = true
#endif
}

/* speculation.h, Speculation::promote */
inline promote() {
#ifdef REACH_PROMOTED
  assert(false);
#endif
  lease_worker = second_worker;
  lease_attempt = second_attempt;
  second_worker = NOBODY;
  second_attempt = 0
}

/* StagingSweep: nobody needs these staged outputs any more, also one that is still being written */
inline sweep_attempts(set) {
  staged = staged & ~(set);
  unlinked[0] = unlinked[0] || (runs[0] && HAS(set, runs[0]));
  unlinked[1] = unlinked[1] || (runs[1] && HAS(set, runs[1]))
}

/* Settlement::commit. What an earlier life's attempt staged may have been swept: it is looked for first. */
#if defined(FAULT_ADOPT_UNSEEN) || defined(FAULT_ADOPT_LATE)
#define MAY_BE_SWEPT(a) false
#else
#define MAY_BE_SWEPT(a) (EPOCH_OF(a) < epoch && !HAS(staged, a))
#endif
inline commit(a) {
  lease_worker = NOBODY;
  lease_attempt = 0;
  if
  :: MAY_BE_SWEPT(a) -> queued = true; doubled = false
  :: else ->
    batch_commit = a;
    batched = true;
#ifdef FAULT_PUBLISH_BEFORE_COMMIT
    to_publish = a;
#endif
#ifdef FAULT_SETTLE_BEFORE_PUBLISH
    batch_settle = true
#endif
  fi
}

inline revoke(w, a) {
  revoked[w] = revoked[w] | BIT(a);
  TELL(w, cancel(epoch, a, 0))
}

/* SliceReturns::take, Speculation::take */
inline take(w, a) {
  if
  :: HAS(revoked[w], a) ->
    revoked[w] = revoked[w] & ~BIT(a);
#ifdef REACH_REVOKED_RESULT
  assert(false);
#endif
    sweep_attempts(BIT(a))
  :: else ->
    if
    :: second_worker != NOBODY && lease_worker == w && lease_attempt == a ->
      revoke(second_worker, second_attempt);
      second_worker = NOBODY;
      second_attempt = 0
    :: second_worker == w && second_attempt == a ->
      revoke(lease_worker, lease_attempt);
      promote()
    :: else -> skip
    fi;
    if
    :: lease_worker == w && lease_attempt == a -> commit(a)
#ifdef FAULT_LATE_RESULT
    :: !(lease_worker == w && lease_attempt == a) && !HAS(acknowledged[w], a) -> commit(a)
    :: else -> skip
#else
    :: else -> skip /* refused */
#endif
    fi
  fi
}

/* SliceReturns::take_back */
inline take_back(w, a) {
  if
  :: HAS(revoked[w], a) ->
    revoked[w] = revoked[w] & ~BIT(a);
    sweep_attempts(BIT(a))
  :: else ->
    if
    :: second_worker == w && second_attempt == a ->
      second_worker = NOBODY;
      second_attempt = 0
    :: lease_worker == w && lease_attempt == a ->
      if
      :: second_worker != NOBODY -> promote()
      :: else                    -> requeue()
      fi
    :: else -> skip
    fi
  fi
}

/* Reattachment::may_adopt */
#ifdef FAULT_ADOPT_LATE
#define MAY_ADOPT(a) (EPOCH_OF(a) < epoch)
#else
#define MAY_ADOPT(a) (waiting && EPOCH_OF(a) < epoch)
#endif

/* Dispatcher::on_hello */
inline on_hello(w, held, results_told) {
  known[w] = true;
  stranger[w] = false;
  answer = 0;
  for (i : 1 .. LIVES * TRIES) {
    if
    :: HAS(results_told, i) ->
      if
      :: (lease_worker == w && lease_attempt == i) || (second_worker == w && second_attempt == i) ||
         HAS(revoked[w], i) -> take(w, i)
      :: else ->
        if
        :: lease_worker == NOBODY && MAY_ADOPT(i) && queued ->
          queued = false;
#ifdef REACH_ADOPTED_RESULT
  assert(false);
#endif
          kept = kept | BIT(i);
          commit(i)
        :: else -> skip
        fi
      fi
    :: else -> skip
    fi
  }
  if
  :: results_told ->
    batch_ack[w] = batch_ack[w] | results_told;
    batched = true
  :: else -> skip
  fi;
  for (i : 1 .. LIVES * TRIES) {
    if
    :: !HAS(held, i) || (lease_worker == w && lease_attempt == i) || (second_worker == w && second_attempt == i) -> skip
    :: else ->
      if
      :: MAY_ADOPT(i) && lease_worker == NOBODY && queued ->
        queued = false;
#ifdef REACH_ADOPTED_LEASE
  assert(false);
#endif
        kept = kept | BIT(i);
        lease_worker = w;
        lease_attempt = i
      :: else -> answer = answer | BIT(i)
      fi
    fi
  }
  /* SliceReturns::keep_only */
  for (i : 1 .. LIVES * TRIES) {
    if
    :: HAS(revoked[w], i) && !HAS(held, i) -> revoked[w] = revoked[w] & ~BIT(i)
    :: else -> skip
    fi
  }
  if
  :: second_worker == w && !HAS(held, second_attempt) ->
    second_worker = NOBODY;
    second_attempt = 0
  :: lease_worker == w && second_worker != NOBODY && second_worker != w && !HAS(held, lease_attempt) -> promote()
  :: else -> skip
  fi;
  if
  :: lease_worker == w && held == 0 -> requeue()
  :: else -> skip
  fi;
  TELL(w, welcome(epoch, answer, 0));
  if
  :: known[0] >= expected[0] && known[1] >= expected[1] -> waiting = false
  :: else -> skip
  fi
}

/* WorkerLevels::on_heartbeat */
inline on_heartbeat(w, told_epoch, held, told) {
  if
  :: told_epoch == epoch ->
    if
    :: told & acknowledged[w] -> TELL(w, acked(0, acknowledged[w], 0))
    :: else -> skip
    fi;
    for (i : 1 .. LIVES * TRIES) {
      if
      :: HAS(revoked[w], i) -> TELL(w, cancel(epoch, i, 0))
      :: else -> skip
      fi
    }
    if
    :: (told & ~acknowledged[w] & ~batch_ack[w]) || held < OUTSTANDING(w) -> TELL(w, hello_again(0, 0, 0))
    :: else -> skip
    fi
  :: else -> skip
  fi
}

inline on_frame(w) {
  to_controller[w]?ANY_FRAME;
  if
  :: kind == hello -> on_hello(w, first, second)
  :: kind != hello && !IS_THERE(w) -> SEND(to_worker[w], hello_again(0, 0, 0))
  :: kind == results && IS_THERE(w) ->
    if
    :: number == epoch ->
      for (i : 1 .. LIVES * TRIES) {
        if
        :: HAS(first, i) -> take(w, i)
        :: else -> skip
        fi
      }
      batched = true;
#ifdef FAULT_ACK_BEFORE_SYNC
      acknowledged[w] = acknowledged[w] | first;
      TELL(w, acked(0, acknowledged[w], 0))
#else
      batch_ack[w] = batch_ack[w] | first
#endif
    :: else -> skip
    fi
  :: kind == recalled && IS_THERE(w) -> take_back(w, first)
  :: kind == heartbeat && IS_THERE(w) -> on_heartbeat(w, number, first, second)
  :: else -> skip
  fi;
  kind = 0; number = 0; first = 0; second = 0; answer = 0; i = 0
}

/* SliceReturns::bury */
inline bury(w) {
  known[w] = false;
  for (i : 1 .. LIVES * TRIES) {
    if
    :: HAS(revoked[w], i) -> sweep_attempts(BIT(i))
    :: else -> skip
    fi
  }
  i = 0;
  revoked[w] = 0;
  if
  :: second_worker == w ->
    sweep_attempts(BIT(second_attempt));
    second_worker = NOBODY;
    second_attempt = 0
  :: else -> skip
  fi;
  if
  :: lease_worker == w ->
    sweep_attempts(BIT(lease_attempt));
    if
    :: second_worker != NOBODY -> promote()
    :: else                    -> requeue()
    fi
  :: else -> skip
  fi;
  acknowledged[w] = 0;
  batch_ack[w] = 0
}

/* ---- the controller: settlement/ ---- */

/* LedgerWriter::flush: the batch is durable, and its callbacks run (Settlement::group_durable, WorkerLevels::acknowledge).
 * A death between the two is one whose frames are lost. */
inline sync_batch() {
  if
  :: batch_commit ->
    assert(!settled);                  /* I2: a settled slice commits no more */
    assert(committed == 0);            /* I2, I3: one attempt commits, once */
    assert(HAS(staged, batch_commit)); /* its output is durable before its commit is */
    committed = batch_commit;
    to_publish = batch_commit
  :: else -> skip
  fi;
  if
  :: batch_settle ->
    assert(!settled);                             /* I1: settled once, */
    assert(committed && published == committed); /* with its output in place */
    settled = true
  :: else -> skip
  fi;
  for (i : 0 .. 1) {
    if
    :: batch_ack[i] && IS_THERE(i) ->
      acknowledged[i] = acknowledged[i] | batch_ack[i];
      TELL(i, acked(0, acknowledged[i], 0))
    :: else -> skip
    fi;
    batch_ack[i] = 0
  }
  i = 0;
  batch_commit = 0; batch_settle = false; batched = false
}

/* FilePublisher::publish */
inline publish_output() {
  if
  :: HAS(staged, to_publish) ->
    assert(published == 0); /* I2: published once */
    published = to_publish;
    staged = staged & ~BIT(to_publish)
  :: else -> assert(published == to_publish) /* I1: otherwise the output is lost */
  fi;
  to_publish = 0;
#ifndef FAULT_SETTLE_BEFORE_PUBLISH
  batch_settle = true;
#endif
  batched = true
}

/* StagingSweep::begin: what earlier lives staged and nobody came back with */
inline sweep() {
  sweep_begun = true;
  sweep_attempts((BIT((epoch - 1) * TRIES + 1) - 1) & ~kept);
  kept = 0
}

/* ---- lives of controllers ---- */

inline cut(channel) {
  do
  :: channel?ANY_FRAME
  :: empty(channel) -> break
  od;
  kind = 0; number = 0; first = 0; second = 0
}

inline say_hello(w) {
  welcomed[w] = false;
  SEND(to_controller[w], hello(0, HELD(w), unacked[w]))
}

/* What the old connection had not delivered is lost: had it come before the new Hello, so it could have before. */
inline reconnect(w) {
  cut(to_worker[w]);
  cut(to_controller[w])
}

/* execution_ledger, Recovery::open: the ledger alone says what is open. */
inline start_controller() {
  ledger_epoch++;
  epoch = ledger_epoch;
  running = true;
  expected[0] = alive[0];
  expected[1] = alive[1];
  waiting = alive[0] || alive[1];
  if
  :: !settled && committed ->
#ifndef FAULT_NO_ROLL_FORWARD
    kept = BIT(committed);
    to_publish = committed
#endif
  :: !settled && !committed -> queued = true
  :: else -> skip
  fi
}

inline die() {
#ifdef FAULT_SUCCESSOR_EARLY
  zombie_commit = batch_commit;
#endif
  running = false; waiting = false; queued = false; doubled = false; sweep_begun = false; tries = 0;
  lease_worker = NOBODY; lease_attempt = 0; second_worker = NOBODY; second_attempt = 0; to_publish = 0;
  known[0] = false; known[1] = false; revoked[0] = 0; revoked[1] = 0; acknowledged[0] = 0; acknowledged[1] = 0;
  kept = 0; batch_commit = 0; batch_settle = false; batched = false; batch_ack[0] = 0; batch_ack[1] = 0;
  stranger[0] = false; stranger[1] = false;
  /* Worker::controller_gone: a fresh connection waits for the next one */
  i = 0;
  do
  :: i < 2 ->
    reconnect(i);
    if
    :: alive[i] -> say_hello(i)
    :: else -> skip
    fi;
    i++
  :: else -> break
  od;
  i = 0
}

active proctype controller() {
  mtype kind;
  byte number, i;
  short first, second, answer;
  bool expected[2];

  d_step { start_controller(); waiting = false; known[0] = true; known[1] = true }
  do
  :: d_step { running && nempty(to_controller[0]) -> on_frame(0) }
  :: d_step { running && nempty(to_controller[1]) -> on_frame(1) }

  /* SliceAssigner::assign: only a worker without anything, so that attempts are few */
  :: d_step { running && !waiting && queued && IS_THERE(0) && OUTSTANDING(0) == 0 && len(to_worker[0]) < CAPACITY ->
       queued = false; doubled = false; lease_worker = 0; next_attempt(lease_attempt); order(0, lease_attempt) }
  :: d_step { running && !waiting && queued && IS_THERE(1) && OUTSTANDING(1) == 0 && len(to_worker[1]) < CAPACITY ->
       queued = false; doubled = false; lease_worker = 1; next_attempt(lease_attempt); order(1, lease_attempt) }

  /* Speculation::give_second */
  :: d_step { running && !waiting && disturbances && lease_worker != NOBODY && second_worker == NOBODY && !doubled &&
       IS_THERE(1 - lease_worker) && OUTSTANDING(1 - lease_worker) == 0 && len(to_worker[1 - lease_worker]) < CAPACITY ->
       disturbances--; doubled = true; second_worker = 1 - lease_worker;
       next_attempt(second_attempt); order(second_worker, second_attempt) }

  /* Reattachment: the time is up */
  :: d_step { running && waiting -> waiting = false }

  /* WorkerTable::on_exit: what the dead one had sent may come before that, and no more after it */
  :: d_step { running && known[0] && !alive[0] -> bury(0) }
  :: d_step { running && known[1] && !alive[1] -> bury(1) }

  :: d_step { running && batched -> sync_batch() }
  :: d_step { running && to_publish -> publish_output() }
  :: d_step { running && !waiting && !sweep_begun -> sweep() }

  /* SIGKILL. The master starts a successor once this one is seen gone. */
  :: d_step { running && DEATHS && disturbances -> disturbances--; die() }
  :: d_step { !running -> start_controller() }
#ifdef FAULT_SUCCESSOR_EARLY
  :: d_step { zombie_commit ->
       assert(committed == 0 && !settled);
       committed = zombie_commit; zombie_commit = 0 }
#endif
  :: atomic { timeout && ALL_WELL -> break }
  od
}

/* ---- workers: worker/worker.cc, worker/slice_executor.cc ---- */

inline worker_cancel(w, a) {
  if
  :: waits[w] == a && a ->
    waits[w] = 0;
    SEND(to_controller[w], recalled(worker_epoch[w], a, 0))
  :: runs[w] == a && a -> cancelled[w] = true
  :: else -> skip
  fi
}

inline on_worker_frame(w) {
  to_worker[w]?ANY_FRAME;
  if
  :: kind == welcome && number >= worker_epoch[w] ->
    worker_epoch[w] = number;
    welcomed[w] = true;
    if
    :: waits[w] && HAS(first, waits[w]) -> worker_cancel(w, waits[w])
    :: else -> skip
    fi;
    if
    :: runs[w] && HAS(first, runs[w]) -> cancelled[w] = true
    :: else -> skip
    fi;
    if
    :: unacked[w] -> SEND(to_controller[w], results(worker_epoch[w], unacked[w], 0))
    :: else -> skip
    fi
  :: kind == hello_again ->
#ifndef FAULT_HELLO_TWICE
    if
    :: welcomed[w] -> say_hello(w)
    :: else -> skip
    fi
#else
    say_hello(w)
#endif
  :: kind == dispatch && welcomed[w] && number == worker_epoch[w] ->
    /* a worker has one attempt of a slice that nobody revoked; out of order, it may have one more */
#ifndef FAULT_ORDER_TWICE
    assert(swapped || (!waits[w] && (!runs[w] || EPOCH_OF(runs[w]) < number || cancelled[w])));
#endif
    if
    :: waits[w] == 0 -> waits[w] = first
    :: else -> skip
    fi
  :: kind == acked && welcomed[w] ->
    /* I5: a result that a controller took is forgotten only when its commit is durable */
    assert(!batch_commit || !HAS(unacked[w] & first, batch_commit));
    unacked[w] = unacked[w] & ~first
  :: kind == cancel && welcomed[w] && number == worker_epoch[w] -> worker_cancel(w, first)
  :: else -> skip
  fi;
  kind = 0; number = 0; first = 0; second = 0
}

inline tell_heartbeat(w) {
  to_controller[w]!heartbeat(worker_epoch[w], HELD_COUNT(w), unacked[w])
}

/* What a heartbeat that is sent now could set right. */
#define HEARTBEAT_HELPS(w) (unacked[w] || HELD_COUNT(w) < OUTSTANDING(w) || revoked[w] || stranger[w])

active [2] proctype worker() {
#define w (_pid - 1)
  mtype kind;
  byte number;
  short first, second;

  do
  :: d_step { alive[w] && nempty(to_worker[w]) -> on_worker_frame(w) }

  /* ThreadedSliceExecutor: an attempt begins, its output is staged and synced, its result is told */
  :: d_step { alive[w] && !runs[w] && waits[w] ->
       runs[w] = waits[w]; waits[w] = 0; cancelled[w] = false; unlinked[w] = false;
       staged = staged & ~BIT(runs[w]) }
  :: d_step { alive[w] && runs[w] && len(to_controller[w]) < CAPACITY ->
#ifdef FAULT_RESULT_BEFORE_SYNC
       skip;
#else
       staged = staged | (unlinked[w] -> 0 : BIT(runs[w]));
#endif
       unacked[w] = unacked[w] | BIT(runs[w]);
       if
       :: welcomed[w] -> to_controller[w]!results(worker_epoch[w], BIT(runs[w]), 0)
       :: else -> skip
       fi;
       runs[w] = 0; cancelled[w] = false; unlinked[w] = false }
  /* a revoked one may fail as well */
  :: d_step { alive[w] && runs[w] && cancelled[w] && len(to_controller[w]) < CAPACITY ->
       if
       :: welcomed[w] -> to_controller[w]!recalled(worker_epoch[w], runs[w], 0)
       :: else -> skip
       fi;
       runs[w] = 0; cancelled[w] = false; unlinked[w] = false }

  /* Worker::heartbeat: a Hello without an answer is said again; what was missed is told again */
  :: d_step { timeout && alive[w] && running && !welcomed[w] -> reconnect(w); say_hello(w) }
  :: d_step { timeout && alive[w] && running && welcomed[w] && HEARTBEAT_HELPS(w) ->
       tell_heartbeat(w) }
  :: d_step { disturbances && alive[w] && !welcomed[w] ->
       disturbances--; reconnect(w); say_hello(w) }
  :: d_step { disturbances && alive[w] && welcomed[w] && HEARTBEAT_HELPS(w) &&
       len(to_controller[w]) < CAPACITY -> disturbances--; tell_heartbeat(w) }

  /* It dies; another one takes its place once its death was seen. */
  :: d_step { DEATHS && disturbances && alive[w] ->
       disturbances--; alive[w] = false; welcomed[w] = false;
       cancelled[w] = false; unlinked[w] = false; worker_epoch[w] = 0; runs[w] = 0;
       waits[w] = 0; unacked[w] = 0 }
  :: d_step { !alive[w] && running && !known[w] ->
       reconnect(w);
       alive[w] = true; say_hello(w) }

  :: atomic { timeout && ALL_WELL -> break }
  od
#undef w
}

/* ---- the network ---- */

#define LOSE(channel) d_step { disturbances && nempty(channel) -> disturbances--; channel?ANY_FRAME; CLEAR }
#define SWAP(channel) d_step { disturbances && len(channel) == 2 -> disturbances--; swapped = true; channel?ANY_FRAME; channel!ANY_FRAME; CLEAR }
#define DOUBLE(channel, what) \
  d_step { disturbances && len(channel) < CAPACITY && channel?[what, _, _, _] -> \
    disturbances--; channel?<ANY_FRAME>; channel!ANY_FRAME; CLEAR }
#define CLEAR kind = 0; number = 0; first = 0; second = 0

/* The connection breaks, and libzmq makes a new one without a word. */
#define BREAK(w) \
  d_step { disturbances && IS_THERE(w) && alive[w] -> \
    disturbances--; stranger[w] = true; cut(to_worker[w]); cut(to_controller[w]) }

active proctype network() {
  mtype kind;
  byte number;
  short first, second;

  do
  :: LOSE(to_controller[0])
  :: LOSE(to_controller[1])
  :: LOSE(to_worker[0])
  :: LOSE(to_worker[1])
  :: BREAK(0)
  :: BREAK(1)
  :: SWAP(to_controller[0])
  :: SWAP(to_controller[1])
  :: SWAP(to_worker[0])
  :: SWAP(to_worker[1])
  :: DOUBLE(to_controller[0], results)
  :: DOUBLE(to_controller[1], results)
  :: DOUBLE(to_controller[0], heartbeat)
  :: DOUBLE(to_controller[1], heartbeat)
  :: DOUBLE(to_worker[0], acked)
  :: DOUBLE(to_worker[1], acked)
  :: DOUBLE(to_worker[0], cancel)
  :: DOUBLE(to_worker[1], cancel)
  :: DOUBLE(to_worker[0], hello_again)
  :: DOUBLE(to_worker[1], hello_again)
#ifdef FAULT_ORDER_TWICE
  :: DOUBLE(to_worker[0], dispatch)
  :: DOUBLE(to_worker[1], dispatch)
#endif
  :: atomic { timeout && ALL_WELL -> break }
  od
}
