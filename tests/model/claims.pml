/* CLAIMS: one slice and one sink that commits in a foreign database, in transactions with a claim row (see README.md). */

#include "common.pml"

/* Bounds. */
#define MOST_TRIES 2 /* max_retries + 1 */
#define ATTEMPTS 8   /* of one epoch */

#define ORPHAN 2 /* a transaction whose client is gone: the server ends it by itself */
#define VOID 255
#define EPOCH_OF(a) ((a) / ATTEMPTS)

mtype:ledger = {open_slice, done, error};
mtype:outcome = {none, completed, failed, stopped};
mtype:transaction = {no_transaction, wrote, committing};
mtype:worker = {idle, probes, writes, waits, looks, result_completed, result_failed};

/* The target: durable, and transactional. */
byte rows;       /* how often the slice's rows are in the table */
byte claim;      /* attempt, VOID, or 0: unique by (lineage, slice, sink) */
byte void_epoch; /* of the fence */
mtype:transaction transactions[3] = no_transaction;
byte attempt_of[3];

/* The ledger. */
mtype:ledger ledger = open_slice;
mtype:outcome outcome = none;
byte ledger_epoch, facts, tried;
bool stopping, attempted;

/* The controller. */
bool running, queued, fencing;
byte epoch, given, lease_worker = NOBODY, lease_attempt;
bool batched;
mtype:ledger batch = open_slice;
byte batch_facts;

/* The workers. */
mtype:worker state[2] = idle;
byte attempt[2], result_facts[2];

bool recovered; /* once is enough */

/* The server makes whoever would insert the same claim wait for a transaction that has inserted it. */
#ifdef FAULT_NO_UNIQUE_KEY
#define CLAIM_IS_LOCKED(t) false
#else
#define CLAIM_IS_LOCKED(t)                                                                                      \
  (((t) != 0 && transactions[0] != no_transaction) || ((t) != 1 && transactions[1] != no_transaction) || \
   transactions[2] != no_transaction)
#endif

/* Its execution has ended, and the slice is not done: whatever commits now is a surprise. */
#define GIVEN_UP (outcome != none && ledger != done)

#define AT_REST \
  (outcome != none && state[0] == idle && state[1] == idle && transactions[0] == no_transaction && \
   transactions[1] == no_transaction && transactions[2] == no_transaction)

/* ---- the target ---- */

inline server_commits(t) {
  assert(!GIVEN_UP); /* a fenced slice stays as it was told */
#ifndef FAULT_ROWS_BEFORE_CLAIM
  rows++;
#endif
  assert(rows == 1); /* I2: committed once */
#ifdef REACH_CLAIM_OVER_VOID
  assert(claim != VOID);
#endif
  claim = attempt_of[t];
  void_epoch = 0;
  transactions[t] = no_transaction;
  attempt_of[t] = 0
}

inline server_rolls_back(t) {
  transactions[t] = no_transaction;
  attempt_of[t] = 0
}

/* The connection of a worker is gone; the server may notice that at any time. */
inline orphan(w) {
  transactions[ORPHAN] = transactions[w];
  attempt_of[ORPHAN] = attempt_of[w];
  transactions[w] = no_transaction;
  attempt_of[w] = 0
}
#define MAY_BE_ORPHANED(w) (transactions[w] == no_transaction || transactions[ORPHAN] == no_transaction)

/* Before COMMIT was sent it is a failure; after that nobody knows. */
inline lose_connection(w) {
  if
  :: state[w] == waits ->
#ifdef FAULT_NO_PROBE
    state[w] = result_completed; result_facts[w] = attempt[w]
#else
    state[w] = looks
#endif
  :: state[w] == writes || state[w] == probes || state[w] == looks -> state[w] = result_failed
  :: else -> skip
  fi
}

/* Somebody else's claim is there: its facts are this slice's. A void one: it may not be written any more. */
inline adopt(w) {
  if
  :: claim == VOID -> state[w] = result_failed
  :: else ->
    state[w] = result_completed;
#ifdef FAULT_ADOPT_OWN_FACTS
    result_facts[w] = attempt[w]
#else
    result_facts[w] = claim;
#ifdef REACH_ADOPTED
  assert(false);
#endif
    skip
#endif
  fi
}

/* A fence holds for the attempts of its own execution and of earlier ones; a recovery writes the slice after all. */
#ifdef FAULT_VOID_TAKEN_OVER
#define MAY_CLAIM(w) (claim == 0 || claim == VOID)
#else
#define MAY_CLAIM(w) (claim == 0 || (claim == VOID && void_epoch < EPOCH_OF(attempt[w])))
#endif

inline die(w) {
  if
  :: transactions[w] != no_transaction -> orphan(w)
  :: else -> skip
  fi;
  state[w] = idle; attempt[w] = 0; result_facts[w] = 0;
  if
  :: lease_worker == w -> lease_worker = NOBODY; lease_attempt = 0; queued = true
  :: else -> skip
  fi
}

active proctype server() {
  do
  :: d_step { transactions[ORPHAN] == committing -> server_commits(ORPHAN) }
  :: d_step { transactions[ORPHAN] != no_transaction -> server_rolls_back(ORPHAN) }

  /* the reply is on its way, and may be lost with its connection */
  :: d_step { transactions[0] == committing -> server_commits(0) }
  :: d_step { transactions[1] == committing -> server_commits(1) }

  /* it dies: what was not committed is gone, and every connection breaks */
  :: d_step { disturbances && (transactions[0] != no_transaction || transactions[1] != no_transaction ||
                                transactions[2] != no_transaction || state[0] == waits || state[1] == waits) ->
       disturbances--;
       server_rolls_back(0); server_rolls_back(1); server_rolls_back(ORPHAN);
       lose_connection(0); lose_connection(1) }

  :: atomic { timeout && AT_REST -> break }
  od
}

/* ---- workers ---- */

active [2] proctype worker() {
#define w (_pid - 1)
  do
  /* the slice was attempted before: is there a claim? */
  :: d_step { state[w] == probes ->
       if
       :: MAY_CLAIM(w) -> state[w] = writes
       :: else         -> adopt(w)
       fi }

  /* rows and claim, in one transaction */
  :: d_step { state[w] == writes && transactions[w] == no_transaction && !CLAIM_IS_LOCKED(w) ->
       if
#ifdef FAULT_NO_UNIQUE_KEY
       :: claim != VOID ->
#else
       :: MAY_CLAIM(w) ->
#endif
         transactions[w] = wrote; attempt_of[w] = attempt[w];
#ifdef FAULT_ROWS_BEFORE_CLAIM
         rows++
#endif
       :: else -> adopt(w) /* unique violation: rolled back */
       fi }
  :: d_step { state[w] == writes && transactions[w] == wrote ->
       transactions[w] = committing;
#ifdef FAULT_RESULT_BEFORE_COMMIT
       state[w] = result_completed; result_facts[w] = attempt[w]
#else
       state[w] = waits
#endif
     }
  /* the server says that it has committed */
  :: d_step { state[w] == waits && transactions[w] == no_transaction ->
       state[w] = result_completed; result_facts[w] = attempt[w] }

  /* the record cannot be read, the row does not fit, ... */
  :: d_step { state[w] == writes && transactions[w] == wrote ->
       server_rolls_back(w); state[w] = result_failed }

  /* the connection breaks; what the server has of it goes on without its client */
  :: d_step { disturbances && (transactions[w] != no_transaction || state[w] == waits) && MAY_BE_ORPHANED(w) ->
       disturbances--;
       if
       :: transactions[w] != no_transaction -> orphan(w)
       :: else -> skip
       fi;
       lose_connection(w) }

  /* the connection was lost in COMMIT: a probe says what became of it, or the next attempt will see */
  :: d_step { state[w] == looks ->
       if
       :: claim != 0 -> adopt(w)
       :: else       -> state[w] = result_failed
       fi }

  /* SIGKILL, or the deadline of a stop */
  :: d_step { disturbances && state[w] != idle && MAY_BE_ORPHANED(w) -> disturbances--; die(w) }
  :: d_step { outcome != none && state[w] != idle && MAY_BE_ORPHANED(w) -> die(w) }

  :: atomic { timeout && AT_REST -> break }
  od
#undef w
}

/* ---- the controller ---- */

inline give(w) {
  given++;
  assert(given < ATTEMPTS); /* a bound of the model */
  queued = false;
  lease_worker = w;
  lease_attempt = epoch * ATTEMPTS + given;
  attempt[w] = lease_attempt;
  if
  :: attempted -> state[w] = probes
  :: else      -> state[w] = writes
  fi;
  attempted = true
}

inline settle(how, by) {
  batched = true;
  batch = how;
  batch_facts = by
}

inline give_up_or_fence() {
#ifdef FAULT_NO_FENCE_BEFORE_ERROR
  settle(error, 0)
#else
  fencing = true
#endif
}

/* A result is taken from the worker that has the lease; whoever has not is refused, and told to forget it. */
inline take(w) {
  if
  :: lease_worker == w && lease_attempt == attempt[w] ->
    lease_worker = NOBODY;
    lease_attempt = 0;
    if
    :: state[w] == result_completed -> settle(done, result_facts[w])
    :: else ->
      tried++;
      if
      :: tried < MOST_TRIES && claim != VOID -> queued = true
      :: else -> give_up_or_fence()
      fi
    fi
  :: else -> skip
  fi;
  state[w] = idle;
  attempt[w] = 0;
  result_facts[w] = 0
}

/* The claim is taken by a void one. Whoever has it already has committed: then the slice is done after all. */
inline fence() {
  fencing = false;
  if
  :: claim != 0 && claim != VOID ->
#ifdef REACH_FENCE_TOO_LATE
  assert(false);
#endif
    settle(done, claim)
  :: else ->
#ifndef FAULT_FENCE_BY_PROBE
    claim = VOID;
    void_epoch = epoch;
#endif
    if
    :: stopping -> outcome = stopped
    :: else     -> settle(error, 0)
    fi
  fi
}

inline start_controller() {
  ledger_epoch++;
  epoch = ledger_epoch;
  running = true;
  queued = ledger == open_slice && !stopping;
  fencing = ledger == open_slice && stopping
}

inline forget() {
  running = false; queued = false; fencing = false; given = 0; lease_worker = NOBODY; lease_attempt = 0; batched = false;
  batch = open_slice; batch_facts = 0
}

active proctype controller() {
  d_step { start_controller() }
  do
  :: d_step { running && queued && !stopping && state[0] == idle -> give(0) }
  :: d_step { running && queued && !stopping && state[1] == idle -> give(1) }
  :: d_step { running && (state[0] == result_completed || state[0] == result_failed) -> take(0) }
  :: d_step { running && (state[1] == result_completed || state[1] == result_failed) -> take(1) }

  /* the lease is lost (silence, a slow slice's other attempt, ...), and its holder writes on */
  :: d_step { running && disturbances && lease_worker != NOBODY && state[lease_worker] != idle ->
       disturbances--; lease_worker = NOBODY; lease_attempt = 0; queued = true }

  :: d_step { running && fencing && !batched && !CLAIM_IS_LOCKED(ORPHAN) && transactions[0] == no_transaction &&
       transactions[1] == no_transaction -> fence() }

  /* LedgerWriter */
  :: d_step { running && batched ->
       assert(ledger == open_slice);
       assert(batch != done || (rows == 1 && claim == batch_facts)); /* I1: what is done is there, I2: as the ledger says */
       assert(batch != error || rows == 0);                           /* what is an error is not */
       ledger = batch; facts = batch_facts;
       batched = false; batch = open_slice; batch_facts = 0 }

  /* Conclusion */
  :: d_step { running && !batched && outcome == none && ledger == done -> outcome = completed }
  :: d_step { running && !batched && outcome == none && ledger == error -> outcome = failed }

  /* a user stops; at the deadline the slice is given up */
  :: d_step { running && disturbances && !stopping && outcome == none && ledger == open_slice -> disturbances--; stopping = true }
  :: d_step { running && stopping && outcome == none && ledger == open_slice && !batched && !fencing ->
       lease_worker = NOBODY; lease_attempt = 0; queued = false;
#ifdef FAULT_NO_FENCE_AT_STOP
       outcome = stopped
#else
       fencing = true
#endif
     }

  :: d_step { running && disturbances && outcome == none -> disturbances--; forget() }
  :: d_step { !running -> start_controller();
       /* Reattachment: who holds an attempt of an earlier life may go on with it */
       if
       :: queued && state[0] != idle -> queued = false; lease_worker = 0; lease_attempt = attempt[0]
       :: queued && state[0] == idle && state[1] != idle -> queued = false; lease_worker = 1; lease_attempt = attempt[1]
       :: else -> skip
       fi }
  :: d_step { !running -> start_controller() } /* nobody came back in time */

  /* a user recovers what was not done: another execution of the same lineage, under a higher epoch */
  :: d_step { running && disturbances && !recovered && GIVEN_UP ->
       disturbances--; recovered = true;
       forget();
       ledger = open_slice; outcome = none; tried = 0; stopping = false;
       start_controller() }

  :: atomic { timeout && AT_REST -> break }
  od
}
